"""Block lengths, constants, radius and bounds, against hand values and runs."""

import math
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halflife.bandits import (
    Constants,
    DynamicalLinearBandit,
    DynLinUCB,
    HoldUCB,
    LinUCB,
    advertising,
    block_lengths,
    confidence_radius,
    finite,
    lower_bound,
    paper_actions,
    random_system,
    simulate,
    synthetic,
    upper_bound,
)
from halflife.bandits.blocks import holds


def test_an_action_is_held_longer_and_longer():
    first = list(islice(holds(0.2), 130))
    assert first[:4] == [0] * 4
    assert set(first[4:24]) == {1}
    assert set(first[24:124]) == {2}  # 5, 25 and 125 are powers of 1/0.2, whatever rounding says
    assert first[124] == 3


@given(st.floats(0.05, 0.95), st.sampled_from(["floor", "ceil"]))
def test_a_block_leaves_the_part_of_a_transient_that_it_promises(rho, rounding):
    for m, hold in enumerate(islice(holds(rho, rounding), 300), start=1):
        if rounding == "floor":
            assert 1 / m * (1 - 1e-9) <= rho**hold <= 1 / (rho * m) * (1 + 1e-9)
        else:
            assert rho**hold <= 1 / m * (1 + 1e-9)


def test_the_number_of_blocks_in_a_million_rounds():
    lengths = block_lengths(10**6, 0.2)
    assert len(lengths) == 137_206
    assert lengths.max() == 8
    assert lengths.sum() == 10**6
    rho = advertising().spectral_radius
    lengths = block_lengths(10**6, rho)
    assert len(lengths) == 41_212  # the last one is cut
    assert lengths.max() == 27


def test_a_finite_memory_is_waited_for():
    assert block_lengths(7, 0.0, memory=2).tolist() == [3, 3, 1]
    assert block_lengths(3, 0.0).tolist() == [1, 1, 1]


def test_the_radius_by_hand():
    system, actions = synthetic(), paper_actions()
    official = Constants.of(system, actions, compat="official")
    assert official.transient == pytest.approx(2.277, abs=5e-4)
    assert official.largest_h == pytest.approx(1.0752, abs=5e-5)
    lam = math.log(10**6)
    assert confidence_radius(10**6, 3, official, lam, 1e-6) == pytest.approx(13.1818, abs=5e-5)
    agent = DynLinUCB(actions, official, horizon=10**6)
    assert agent.radius(10**6) == pytest.approx(13.1818, abs=5e-5)


def test_the_agents_radius_is_that_of_the_theory():
    system, actions = random_system(0.6, sigma=0.2, seed=3), paper_actions()
    known = Constants.of(system, actions)
    agent = DynLinUCB(actions, known, horizon=5000, lam=2.0)
    for t in (0, 1, 17, 5000):
        assert agent.radius(t) == pytest.approx(confidence_radius(t, 3, known, 2.0, 1 / 5000))


def test_rounding_down_leaves_more_than_the_paper_counts():
    """Σ ρ^{H_m} over 137,205 blocks against log(e(t+1)): floor exceeds it, ceiling never does."""
    for rho, floor_sum in ((0.2, 28.8), (0.5, 17.1)):
        down = np.array(list(islice(holds(rho), 137_205)))
        up = np.array(list(islice(holds(rho, "ceil"), 137_205)))
        assert np.sum(rho**down) == pytest.approx(floor_sum, rel=0.005)
        rounds = np.sum(1 + down)
        assert np.sum(rho**down) > math.log(math.e * (rounds + 1)) > np.sum(rho**up)


@pytest.mark.parametrize("radius", ["paper", "exact"])
def test_regret_stays_below_its_upper_bound(radius):
    actions = paper_actions()
    for seed in range(3):
        system = random_system(0.5, sigma=0.05, actions=actions, seed=seed)
        known = Constants.of(system, actions)
        agent = DynLinUCB(actions, known, horizon=3000, radius=radius)
        runs = simulate(system, agent, horizon=3000, seeds=range(5))
        assert runs.final.max() < upper_bound(3000, 3, known, radius=radius)


def test_the_upper_bound_grows_less_than_linearly():
    known = Constants.of(synthetic(), paper_actions())
    assert upper_bound(10**7, 3, known) < 10 * upper_bound(10**6, 3, known) * 0.6


def test_no_agent_stays_below_the_lower_bound():
    """Mean regret over all systems of the proof, each with its best agent, is above the bound."""
    d, horizon, rho, sigma, omega = 2, 2000, 0.5, 1.0, 0.5
    cube = finite([[i, j] for i in (-1.0, 1.0) for j in (-1.0, 1.0)])
    bound = lower_bound(horizon, d, rho=rho, sigma=sigma, omega=omega)
    worst = 0.0
    for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        b = np.array(signs) * sigma / math.sqrt(horizon)
        system = DynamicalLinearBandit(
            [[rho]], b[None, :], [omega], np.zeros(d), reward_noise=sigma, state_noise=sigma
        )
        known = Constants.of(system, cube)
        agents = [
            LinUCB(cube, known, horizon=horizon, lam=1.0, scale=0.5),
            HoldUCB(cube, known, horizon=horizon, scale=0.5),
        ]
        best = min(
            simulate(system, agent, horizon=horizon, seeds=range(20)).final.mean()
            for agent in agents
        )
        worst = max(worst, best)
    assert worst > bound
    assert bound == pytest.approx(math.exp(-2) / 8 * d * sigma * math.sqrt(horizon))


def test_the_lower_bound_has_the_papers_order():
    """With Ω = √(1 − ρ), d √T / √(1 − ρ)."""

    def bound(rho):
        return lower_bound(10**4, 3, rho=rho, sigma=1.0, omega=math.sqrt(1 - rho))

    assert bound(0.99) / bound(0.75) == pytest.approx(math.sqrt(0.25 / 0.01))


@settings(max_examples=20)
@given(st.floats(0.1, 0.9), st.integers(0, 1000))
def test_h_stays_in_the_exact_ellipsoid(rho, seed):
    system = random_system(rho, sigma=0.1, seed=seed)
    actions = paper_actions()
    agent = DynLinUCB(
        actions, Constants.of(system, actions), horizon=400, radius="exact", scale=1.0
    )
    run = system.simulation(seed)
    for _ in range(400):
        agent.observe(run.step(agent.act()))
        miss = agent.h - system.cumulative
        assert math.sqrt(miss @ agent.precision @ miss) <= agent.beta


def test_constants_of_a_system_that_forgets():
    nilpotent = DynamicalLinearBandit([[0, 1], [0, 0]], np.eye(2), [1, 0], [0.5, 0.5])
    known = Constants.of(nilpotent, finite(np.eye(2)))
    assert (known.rho, known.memory) == (0.0, 2)
    assert math.isfinite(known.largest_h)
    assert known.largest_h >= np.linalg.norm(nilpotent.cumulative)


def test_constants_bound_what_they_say():
    for seed in range(20):
        system, actions = random_system(0.8, seed=seed), paper_actions()
        known = Constants.of(system, actions)
        assert known.largest_h >= np.linalg.norm(system.cumulative)
        states = [np.linalg.norm(system.steady_state(u)) for u in actions.arms]
        assert known.x >= max(states)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda c: DynLinUCB(paper_actions(), c, horizon=1), "horizon must be a whole number"),
        (lambda c: DynLinUCB(paper_actions(), c, horizon=9, lam=0), "lam must be a number in"),
        (lambda c: DynLinUCB(paper_actions(), c, horizon=9, radius="p"), "radius='p'; choose"),
        (lambda c: DynLinUCB(paper_actions(), c, horizon=9, compat="x"), "compat='x'; choose"),
        (lambda c: DynLinUCB(finite([[9, 9, 9]]), c, horizon=9), "constants.u = 1.11803 is sma"),
        (lambda c: Constants(rho=1, theta=1, omega=1, b=1, u=1, x=1), r"rho must .* \[0, 1\)"),
        (lambda c: upper_bound(1, 3, c), "horizon must be a whole number"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make(Constants.of(synthetic(), paper_actions()))
