"""What holds for every agent, and what each one does."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from halflife.bandits import (
    Constants,
    DynamicalLinearBandit,
    DynLinUCB,
    Exp3K,
    HoldUCB,
    LinUCB,
    finite,
    kernels,
    paper_actions,
    random_system,
    reference,
    synthetic,
)
from halflife.bandits.environment import agent_stream

from .agents import COMPAT, HORIZON, NAMES, make
from .strategies import arms, seeds, systems

SYSTEM = random_system(0.6, sigma=0.05, seed=11)
ACTIONS = finite(np.random.default_rng(2).normal(size=(7, 3)))


def played(agent, system, rounds, seed=0):
    """The arms that an agent pulls on a system."""
    run, pulled = system.simulation(seed), []
    for _ in range(rounds):
        k = agent.arm()
        agent.observe(run.step(agent.actions.arms[k]))
        pulled.append(k)
    return pulled


def literal(name, agent, system, rounds, seed=0):
    """The arms that the reference of an agent pulls, with the numbers that the agent has."""
    run = system.simulation(seed)
    arms, known = agent.actions.arms, agent.arguments.get("constants")
    match name:
        case "DynLinUCB":
            return reference.dynlin_ucb(run.step, arms, rounds, agent.lam, agent.radius, known.rho)
        case "LinUCB":
            return reference.dynlin_ucb(run.step, arms, rounds, agent.lam, agent.radius, 0.0)
        case "HoldUCB":
            start = agent.actions.spanning()
            return reference.hold_ucb(
                run.step, arms, rounds, agent.lam, agent.radius, known.rho, start, agent.EARLY
            )
        case "DLinUCB":

            def beta(t):
                root, noise, log, d, growth = agent._radius
                mass = sum(agent.gamma ** (2 * age) for age in range(t))
                return root + noise * np.sqrt(log + d * np.log(1 + growth * mass))

            return reference.d_lin_ucb(run.step, arms, rounds, agent.lam, agent.gamma, beta)
        case "AR2":
            return reference.ar2(run.step, arms, rounds, agent.alpha, agent.epoch, agent._width)
        case _:
            uniform = agent_stream(agent.arguments["seed"]).random
            return reference.exp3(
                run.step,
                arms,
                rounds,
                agent.eta,
                agent.gamma,
                agent._shift,
                agent._scale,
                agent.batch,
                uniform,
            )


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_plays_as_its_reference(name):
    agent = make(name, SYSTEM, ACTIONS)
    pulled = played(agent, SYSTEM, HORIZON)
    assert pulled == literal(name, make(name, SYSTEM, ACTIONS), SYSTEM, HORIZON)
    assert len(set(pulled)) > 1


@settings(max_examples=25)
@given(systems(d=3, sigma=0.05), arms(3), seeds, st.sampled_from(NAMES))
def test_an_agent_plays_as_its_reference_on_any_system(system, actions, seed, name):
    agent = make(name, system, actions, 120)
    pulled = played(agent, system, 120, seed)
    assert pulled == literal(name, make(name, system, actions, 120), system, 120, seed)


@pytest.mark.parametrize("compat", [None, "official"])
@pytest.mark.parametrize("name", NAMES)
def test_a_saved_agent_goes_on_as_if_nothing_had_happened(name, compat):
    if compat and name not in COMPAT:
        pytest.skip("there is no official version of our own agent")
    more = {"compat": compat} if compat else {}
    whole = make(name, SYSTEM, ACTIONS, **more)
    run, pulled, states = SYSTEM.simulation(0), [], []
    rewards = []
    for _ in range(300):
        states.append(json.dumps(whole.state_dict()))
        pulled.append(whole.arm())
        rewards.append(run.step(ACTIONS.arms[pulled[-1]]))
        whole.observe(rewards[-1])
    final = json.dumps(whole.state_dict())
    for at in (0, 1, 2, 7, 50, 173, 299):
        again = make(name, SYSTEM, ACTIONS, **more)
        again.load_state_dict(json.loads(states[at]))
        for k, reward in zip(pulled[at:], rewards[at:], strict=True):
            assert again.arm() == k
            again.observe(reward)
        assert json.dumps(again.state_dict()) == final  # bit for bit


@pytest.mark.parametrize("name", NAMES)
def test_an_action_stays_until_its_reward_is_seen(name):
    agent = make(name, SYSTEM, ACTIONS)
    with pytest.raises(RuntimeError, match=r"call act\(\) first"):
        agent.observe(1.0)
    first = agent.act()
    before = agent.state_dict()
    for nonsense in (float("nan"), float("inf"), "1", None, True):
        with pytest.raises(ValueError, match="must be a finite number"):
            agent.observe(nonsense)
    assert agent.state_dict() == before
    assert (agent.act() == first).all()
    agent.observe(np.float64(1.0))
    assert agent.t == 1


def test_a_pending_action_is_part_of_the_state():
    agent = make("Exp3", SYSTEM, ACTIONS)
    k = agent.arm()
    again = make("Exp3", SYSTEM, ACTIONS)
    again.load_state_dict(agent.state_dict())
    assert again.arm() == k
    again.observe(0.0)


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        (make("LinUCB", SYSTEM, ACTIONS), "agent='LinUCB'"),
        (make("DynLinUCB", SYSTEM, ACTIONS, scale=0.1), "configuration="),
        (make("DynLinUCB", SYSTEM, finite(ACTIONS.arms[:5])), "configuration="),
    ],
)
def test_a_state_of_another_agent_is_refused(other, complaint):
    with pytest.raises(ValueError, match=complaint):
        make("DynLinUCB", SYSTEM, ACTIONS).load_state_dict(other.state_dict())


def test_a_state_that_was_cut_is_refused():
    agent = make("HoldUCB", SYSTEM, ACTIONS)
    state = agent.state_dict()
    del state["counts"]
    with pytest.raises(ValueError, match="lacks counts"):
        agent.load_state_dict(state)


def test_a_state_that_was_altered_changes_nothing():
    agent = make("HoldUCB", SYSTEM, ACTIONS)
    played(agent, SYSTEM, 50)
    before = agent.state_dict()
    for name, value in {"b": [1.0], "inverse": "x", "left": None, "counts": [1, 2]}.items():
        with pytest.raises(ValueError, match="it was altered"):
            agent.load_state_dict({**make("HoldUCB", SYSTEM, ACTIONS).state_dict(), name: value})
        assert agent.state_dict() == before


@settings(max_examples=20)
@given(systems(d=2, sigma=0.1), arms(2), seeds)
def test_h_is_the_least_squares_solution(system, actions, seed):
    agent = make("LinUCB", system, actions, 100)
    run, ys = system.simulation(seed), []
    pulled = []
    for _ in range(100):
        pulled.append(agent.arm())
        ys.append(run.step(actions.arms[pulled[-1]]))
        agent.observe(ys[-1])
    expected = reference.ridge(actions.arms[pulled], np.array(ys), agent.lam)
    np.testing.assert_allclose(agent.h, expected, rtol=1e-7, atol=1e-9)
    precision = agent._ridge.precision
    np.testing.assert_allclose(
        agent._ridge.inverse @ precision, np.eye(2), atol=1e-7 * np.linalg.cond(precision)
    )
    logdet = np.linalg.slogdet(precision / agent.lam)[1]
    assert agent._ridge.logdet == pytest.approx(logdet, rel=1e-8)


def test_rounding_does_not_pile_up():
    agent = make("LinUCB", SYSTEM, ACTIONS, 10_000)
    played(agent, SYSTEM, 10_000)
    ridge = agent._ridge
    np.testing.assert_allclose(ridge.inverse @ ridge.precision, np.eye(3), atol=1e-9)
    widths = np.einsum("ki,ij,kj->k", ACTIONS.arms, np.linalg.inv(ridge.precision), ACTIONS.arms)
    np.testing.assert_allclose(ridge.widths, widths, rtol=1e-9)


def test_dynlin_ucb_books_the_last_reward_of_a_block_and_no_other():
    agent = DynLinUCB(ACTIONS, Constants.of(SYSTEM, ACTIONS), horizon=HORIZON)
    played(agent, SYSTEM, HORIZON)
    assert agent._ridge.counts.sum() == agent.block - (agent._left > 0)


@given(systems(d=3, sigma=0.1), seeds)
def test_without_a_state_dynlin_ucb_is_lin_ucb(system, seed):
    plain = DynamicalLinearBandit(
        system.A, system.B, np.zeros(system.n), system.theta, reward_noise=0.1
    )
    known = Constants.of(plain, ACTIONS)
    memoryless = Constants(rho=0, theta=known.theta, omega=0, b=0, u=known.u, x=0, sigma=0.1)
    dynlin = DynLinUCB(ACTIONS, memoryless, horizon=200, scale=0.1)
    lin = LinUCB(ACTIONS, memoryless, horizon=200, scale=0.1)
    assert played(dynlin, plain, 200, seed) == played(lin, plain, 200, seed)


@pytest.mark.parametrize("name", ["DynLinUCB", "LinUCB", "DLinUCB"])
def test_the_order_of_arms_and_channels_does_not_matter(name):
    rng = np.random.default_rng(3)
    order, channels = rng.permutation(7), rng.permutation(3)
    mixed = finite(ACTIONS.arms[order][:, channels])
    other = DynamicalLinearBandit(
        SYSTEM.A, SYSTEM.B[:, channels], SYSTEM.omega, SYSTEM.theta[channels], 0.05, 0.05
    )
    here = played(make(name, SYSTEM, ACTIONS), SYSTEM, 300)
    there = played(make(name, other, mixed), other, 300)
    assert [int(order[k]) for k in there] == here


@pytest.mark.parametrize("name", ["DynLinUCB", "LinUCB", "HoldUCB"])
@given(factor=st.sampled_from([0.25, 2.0, 16.0]))
def test_the_unit_of_rewards_does_not_matter(name, factor):
    other = DynamicalLinearBandit(
        SYSTEM.A, SYSTEM.B, factor * SYSTEM.omega, factor * SYSTEM.theta, factor * 0.05, 0.0
    )
    plain = DynamicalLinearBandit(SYSTEM.A, SYSTEM.B, SYSTEM.omega, SYSTEM.theta, 0.05, 0.0)
    known = Constants.of(plain, ACTIONS)
    scaled = Constants(
        rho=known.rho,
        phi=known.phi,
        theta=factor * known.theta,
        omega=factor * known.omega,
        b=known.b,
        u=known.u,
        x=known.x,
        sigma=0.0,  # else σ² Ω² would scale with the fourth power
    )
    quiet = Constants(**{**vars(known), "sigma": 0.0})
    kind = {"DynLinUCB": DynLinUCB, "LinUCB": LinUCB, "HoldUCB": HoldUCB}[name]
    here = played(kind(ACTIONS, quiet, horizon=200, scale=0.05), plain, 200)
    there = played(kind(ACTIONS, scaled, horizon=200, scale=0.05), other, 200)
    assert here == there


def test_a_longer_horizon_changes_nothing_before_its_end():
    """The schedule knows no end; T enters only through λ and δ."""
    known = Constants.of(SYSTEM, ACTIONS)
    short, long = (
        DynLinUCB(ACTIONS, known, horizon=horizon, lam=1.0, delta=0.01) for horizon in (300, 10**6)
    )
    assert played(short, SYSTEM, 300) == played(long, SYSTEM, 300)


def test_hold_ucb_changes_rarely():
    agent = HoldUCB(ACTIONS, Constants.of(SYSTEM, ACTIONS), horizon=20_000)
    pulled = played(agent, SYSTEM, 20_000)
    assert agent.changes == 1 + np.count_nonzero(np.diff(pulled))
    assert agent.changes < 60  # d log₂ T and a few
    assert set(agent.actions.spanning()) <= set(pulled)


def test_hold_ucb_drops_what_a_change_has_left():
    agent = HoldUCB(ACTIONS, Constants.of(SYSTEM, ACTIONS), horizon=1000)
    agent.act()
    assert agent._left == int(np.ceil(np.log(20) / np.log(1 / 0.6)))


def test_the_batch_of_exp3_k():
    assert Exp3K(paper_actions(), official(synthetic()), horizon=10**6).batch == 8


def official(system):
    return Constants.of(system, paper_actions(), compat="official")


def test_exp3s_probabilities_are_some():
    agent = make("Exp3", SYSTEM, ACTIONS)
    played(agent, SYSTEM, 200)
    assert agent.probabilities.sum() == pytest.approx(1)
    assert agent.probabilities.min() >= agent.gamma / len(ACTIONS) * (1 - 1e-12)


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.floats(-300, 300) | st.floats(-1e5, 1e5)), max_size=60
    ),
    st.sampled_from([0.0, 0.01, 0.2, 1.0]),
)
def test_exp3s_weights_are_those_of_its_gains_whatever_came_in_between(booked, gamma):
    eta = gamma / 5
    gains, w, p = np.zeros(5), np.empty(5), np.empty(5)
    again_w, again_p = np.empty(5), np.empty(5)
    base = kernels.weigh(gains, eta, gamma, w, p)
    for k, more in booked:
        base = kernels.gain(k, more, gains, base, eta, gamma, w, p)
        assert base == kernels.weigh(gains, eta, gamma, again_w, again_p)
        np.testing.assert_array_equal(w, again_w)
        np.testing.assert_array_equal(p, again_p)
        expected = (1 - gamma) * softmax(eta * gains) + gamma / 5
        np.testing.assert_allclose(p, expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("horizon", [2000.0, "2000", True, 0])
def test_exp3_k_wants_a_whole_horizon(horizon):
    known = official(synthetic())
    Exp3K(paper_actions(), known, horizon=2000)
    with pytest.raises(ValueError, match="horizon must be a whole number"):
        Exp3K(paper_actions(), known, horizon=horizon)


def test_a_fresh_agent_has_seen_nothing():
    agent = make("Exp3", SYSTEM, ACTIONS)
    pulled = played(agent, SYSTEM, 50)
    assert played(agent.fresh(0), SYSTEM, 50) == pulled
    assert played(agent.fresh(1), SYSTEM, 50) != pulled
    assert agent.t == 50
