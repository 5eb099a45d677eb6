"""Three ways to run an agent, and one answer."""

from dataclasses import replace

import numpy as np
import pytest

from halflife.bandits import (
    Constants,
    DynLinUCB,
    HoldUCB,
    LinUCB,
    advertising,
    finite,
    paper_actions,
    random_system,
    simulate,
    synthetic,
)

from .agents import NAMES, make

SYSTEM = random_system(0.6, sigma=0.05, seed=11)
ACTIONS = finite(np.random.default_rng(2).normal(size=(7, 3)))


@pytest.mark.parametrize("name", NAMES)
def test_a_compiled_run_is_the_run_round_by_round(name):
    agent = make(name, SYSTEM, ACTIONS, 3000)
    here, there = (
        simulate(SYSTEM, agent, horizon=3000, seeds=(0, 5), backend=way)
        for way in ("compiled", "agents")
    )
    assert (here.pulls == there.pulls).all()
    assert (here.changes == there.changes).all()
    np.testing.assert_allclose(here.rewards, there.rewards, rtol=1e-9)
    np.testing.assert_array_equal(here.regret, there.regret)


@pytest.mark.parametrize("memory", [None, 0, 2])
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_a_compiled_run_waits_as_long_as_the_agent(rho, memory):
    known = replace(Constants.of(SYSTEM, ACTIONS), rho=rho, memory=memory)
    for agent in (
        DynLinUCB(ACTIONS, known, horizon=900, radius="exact", scale=0.1),
        HoldUCB(ACTIONS, known, horizon=900, scale=0.1),
    ):
        one, two = (
            simulate(SYSTEM, agent, horizon=900, seeds=(1,), backend=way)
            for way in ("compiled", "agents")
        )
        assert (one.pulls == two.pulls).all()
    quiet = random_system(0.6, seed=11)
    agent = DynLinUCB(ACTIONS, known, horizon=900, radius="exact", scale=0.1)
    one, two = (
        simulate(quiet, agent, horizon=900, seeds=(1,), backend=way)
        for way in ("compiled", "lockstep")
    )
    assert (one.pulls == two.pulls).all()


@pytest.mark.parametrize("radius", ["paper", "exact"])
def test_lockstep_has_the_same_distribution(radius):
    known = Constants.of(SYSTEM, ACTIONS)
    agent = DynLinUCB(ACTIONS, known, horizon=1000, radius=radius, scale=0.03)
    one = simulate(SYSTEM, agent, horizon=1000, seeds=range(300))
    two = simulate(SYSTEM, agent, horizon=1000, seeds=range(300), backend="lockstep")
    difference = one.regret.mean(axis=0) - two.regret.mean(axis=0)
    error = np.hypot(one.regret.std(axis=0), two.regret.std(axis=0)) / np.sqrt(300)
    assert (np.abs(difference) <= 4 * error + 1e-9).all()
    assert error[-1] > 0


def test_lockstep_without_noise_is_the_same_run():
    system = random_system(0.6, seed=11)
    known = Constants.of(system, ACTIONS)
    for agent in (
        DynLinUCB(ACTIONS, known, horizon=2000, scale=0.03),
        LinUCB(ACTIONS, known, horizon=2000, scale=0.03),
    ):
        one = simulate(system, agent, horizon=2000, seeds=(0, 1))
        two = simulate(system, agent, horizon=2000, seeds=(0, 1), backend="lockstep")
        assert (one.pulls == two.pulls).all()
        assert (one.changes == two.changes).all()
        assert np.isnan(two.rewards).all()


def test_regret_is_what_the_pulls_cost():
    agent = make("LinUCB", SYSTEM, ACTIONS)
    runs = simulate(SYSTEM, agent, horizon=500, seeds=range(3), checkpoints=(1, 100, 500))
    assert runs.checkpoints.tolist() == [1, 100, 500]
    assert (runs.pulls.sum(axis=2) == [1, 100, 500]).all()
    assert (np.diff(runs.regret, axis=1) >= 0).all()
    gaps = SYSTEM.optimal(ACTIONS)[1] - ACTIONS.arms @ SYSTEM.cumulative
    np.testing.assert_allclose(runs.final, runs.pulls[:, -1] @ gaps)


def test_true_regret_is_pseudo_regret_but_for_a_bounded_part():
    system = random_system(0.6, seed=11)  # no noise
    agent = make("DynLinUCB", system, ACTIONS, 5000)
    runs = simulate(system, agent, horizon=5000, seeds=[0])
    true = 5000 * system.optimal(ACTIONS)[1] - runs.rewards[0]
    owed = max(abs(system.to_come(system.steady_state(u))) for u in ACTIONS.arms)
    assert abs(true - runs.final[0]) <= 3 * owed


def test_runs_share_the_noise_of_their_seed():
    agent = make("LinUCB", SYSTEM, finite(ACTIONS.arms[:1]), 50)
    other = make("Exp3", SYSTEM, finite(ACTIONS.arms[:1]), 50)
    one, two = (simulate(SYSTEM, a, horizon=50, seeds=(3,)) for a in (agent, other))
    assert one.rewards[0] == two.rewards[0]


def test_watching_a_run():
    said = []
    simulate(
        SYSTEM,
        make("LinUCB", SYSTEM, ACTIONS),
        horizon=10,
        seeds=range(3),
        watch=lambda done, of: said.append((done, of)),
    )
    assert said == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.slow
def test_the_known_regret_of_a_million_rounds():
    """Regret of an independent simulator at T = 10⁶, σ = 0.01, the authors' constants."""
    actions, horizon = paper_actions(), 10**6
    for system, log, one in ((synthetic(), 9_791, 24_967), (advertising(), 75_600, 117_148)):
        known = Constants.of(system, actions, compat="official")
        for lam, expected in ((None, log), (1.0, one)):
            agent = DynLinUCB(actions, known, horizon=horizon, lam=lam)
            runs = simulate(system, agent, horizon=horizon, seeds=range(4))
            assert runs.final.mean() == pytest.approx(expected, rel=0.005)
    stuck = LinUCB(actions, known, horizon=horizon)
    assert simulate(advertising(), stuck, horizon=horizon, seeds=[0]).final[0] > 200_000


def test_hold_ucb_beats_dynlin_ucb_where_the_paper_was_measured():
    actions, horizon = paper_actions(), 20_000
    for system in (synthetic(), advertising()):
        known = Constants.of(system, actions, compat="official")
        ours = simulate(system, HoldUCB(actions, known, horizon=horizon), horizon=horizon)
        theirs = simulate(system, DynLinUCB(actions, known, horizon=horizon), horizon=horizon)
        assert (ours.final < theirs.final).all()
        assert ours.changes.max() < 60 < theirs.changes.min()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"horizon": 0}, "horizon must be a whole number"),
        ({"horizon": 9, "checkpoints": [10]}, "checkpoints must lie in 1..9"),
        ({"horizon": 9, "seeds": []}, "seeds is empty"),
        ({"horizon": 9, "seeds": [-1]}, "seed must be a whole number"),
        ({"horizon": 9, "backend": "lockstep"}, "not this HoldUCB"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        simulate(SYSTEM, make("HoldUCB", SYSTEM, ACTIONS), **arguments)


def test_a_compiled_run_of_the_authors_code_is_refused():
    agent = make("LinUCB", SYSTEM, ACTIONS, compat="official")
    with pytest.raises(ValueError, match="no compiled loop for this LinUCB"):
        simulate(SYSTEM, agent, horizon=9, backend="compiled")
    assert simulate(SYSTEM, agent, horizon=9).backend == "agents"


def test_an_agent_of_another_dimension_is_refused():
    flat = random_system(0.5, d=2)
    with pytest.raises(ValueError, match="3 coordinates, the system's 2"):
        simulate(flat, make("LinUCB", SYSTEM, ACTIONS), horizon=9)
