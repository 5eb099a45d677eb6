"""The system's identities, against independent ways to the same numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import solve_discrete_lyapunov
from scipy.signal import dstep

from halflife.bandits import (
    DynamicalLinearBandit,
    adstock,
    advertising,
    finite,
    paper_actions,
    random_system,
    reference,
    synthetic,
)

from .strategies import seeds, systems


def parts(system):
    return system.A, system.B, system.omega, system.theta


@given(systems(), seeds, st.integers(1, 30))
def test_switching_is_free_but_for_what_the_last_state_still_pays(system, seed, rounds):
    played = np.random.default_rng(seed).normal(size=(rounds, system.d))
    run = system.simulation()
    total = sum(run.step(u) for u in played)
    lasting = float(np.sum(played @ system.cumulative)) - system.to_come(run.state)
    assert total == pytest.approx(lasting, rel=1e-9, abs=1e-9)


@given(systems(), seeds, st.integers(1, 20))
def test_rewards_are_the_markov_parameters_convolved_with_the_actions(system, seed, rounds):
    played = np.random.default_rng(seed).normal(size=(rounds, system.d))
    h = system.markov(rounds)
    echoed = [sum(h[s] @ played[t - s] for s in range(t + 1)) for t in range(rounds)]
    np.testing.assert_allclose(system.expected_rewards(played), echoed, rtol=1e-9, atol=1e-9)


@given(systems(), seeds, st.integers(0, 20))
def test_what_a_held_action_is_biased_by(system, seed, hold):
    rng = np.random.default_rng(seed)
    start, u = rng.normal(size=system.n), rng.normal(size=system.d)
    last = system.expected_rewards(np.tile(u, (hold + 1, 1)), start)[-1]
    power = np.linalg.matrix_power(system.A, hold)
    bias = system.omega @ power @ (start - system.steady_state(u))
    assert last - system.value(u) == pytest.approx(bias, rel=1e-9, abs=1e-9)


@given(systems(high=0.8), st.integers(0, 10))
def test_the_tail_is_what_the_first_parameters_leave(system, k):
    head = system.markov(k + 1).sum(axis=0)
    np.testing.assert_allclose(system.cumulative - head, system.tail(k), rtol=1e-9, atol=1e-9)
    a, b, omega, theta = parts(system)
    np.testing.assert_allclose(
        system.cumulative, reference.cumulative(a, b, omega, theta), rtol=1e-9
    )
    for s, row in enumerate(system.markov(k + 1)):
        np.testing.assert_allclose(
            row, reference.markov(a, b, omega, theta, s), rtol=1e-9, atol=1e-12
        )


@given(systems(), seeds)
def test_h_does_not_depend_on_the_coordinates_of_the_state(system, seed):
    basis = np.random.default_rng(seed).normal(size=(system.n, system.n)) + 3 * np.eye(system.n)
    other = system.similar(basis)
    scale = np.abs(system.markov(8)).max() * np.linalg.cond(basis)
    np.testing.assert_allclose(other.markov(8), system.markov(8), atol=1e-9 * scale)
    assert other.spectral_radius == pytest.approx(system.spectral_radius, rel=1e-4)


@given(systems(high=0.7))
def test_h_is_the_gain_of_a_step(system):
    channels = dstep(
        (system.A, system.B, system.omega[None, :], system.theta[None, :], 1.0), n=200
    )[1]
    gain = [float(response[-1, 0]) for response in channels]
    np.testing.assert_allclose(gain, system.cumulative, rtol=1e-6, atol=1e-9)


@given(systems(n=2, d=2, high=0.6), seeds)
def test_no_sequence_of_actions_beats_the_best_constant_one(system, seed):
    actions = finite(np.random.default_rng(seed).normal(size=(3, 2)))
    best = reference.best_sequence(*parts(system), np.zeros(2), actions.arms, 5)
    constant = 5 * system.optimal(actions)[1]  # x̄ has paid what it owes: both count the last state
    assert best <= constant + 1e-9 * (1 + abs(constant))


@given(systems(), st.floats(0.1, 10))
def test_scaled_rewards_scale_everything(system, factor):
    np.testing.assert_allclose(
        system.scaled(factor).cumulative, factor * system.cumulative, rtol=1e-9
    )


def test_the_papers_synthetic_system():
    system = synthetic()
    np.testing.assert_allclose(system.cumulative, [0.5625, 0.5, 1 / 9], rtol=1e-12)
    action, value = system.optimal(paper_actions())
    assert action.tolist() == [1, 0.5, 0]
    assert value == pytest.approx(0.8125)
    assert system.spectral_radius == pytest.approx(0.2)
    assert system.transient_growth == pytest.approx(1)


def test_the_system_learned_from_advertising_data():
    system = advertising()
    np.testing.assert_allclose(system.cumulative, [0.25153, -0.03630, 0.10612], atol=5e-6)
    assert system.spectral_radius == pytest.approx(0.66689, abs=5e-6)
    assert system.transient_growth == pytest.approx(2.7812, abs=5e-5)
    values = paper_actions().arms @ system.cumulative
    np.testing.assert_allclose(values, [0.0880, 0.0168, 0.2319, 0.0895, 0.3046, 0.2334], atol=5e-5)


def test_adstock_pays_geometrically():
    system = adstock([0.5, 0.2], [1.0, 2.0])
    np.testing.assert_allclose(system.cumulative, [2.0, 2.5])
    np.testing.assert_allclose(system.markov(4)[:, 0], [1, 0.5, 0.25, 0.125])


def test_rewards_settle_at_the_stationary_deviation():
    system = random_system(0.8, sigma=0.3, seed=4)
    cov = solve_discrete_lyapunov(system.A, 0.09 * np.eye(3))
    expected = math.sqrt(0.09 + system.omega @ cov @ system.omega)
    assert system.reward_deviation == pytest.approx(expected)
    run = system.simulation(1)
    seen = np.array([run.step(np.zeros(3)) for _ in range(40_000)])[100:]
    assert np.std(seen) == pytest.approx(expected, rel=0.05)


def test_a_run_is_reproducible_and_its_rewards_are_the_references():
    system, rng = random_system(0.7, n=2, d=3, sigma=0.1, seed=1), np.random.default_rng([5, 0])
    played = np.random.default_rng(0).normal(size=(50, 3))
    noise = rng.standard_normal((50, 3)) * 0.1
    plain = reference.rewards(*parts(system), np.zeros(2), played, noise[:, 0], noise[:, 1:])
    run = system.simulation(5)
    np.testing.assert_allclose([run.step(u) for u in played], plain, rtol=1e-12, atol=1e-12)


def test_pseudo_regret_never_falls():
    system, actions = synthetic(), paper_actions()
    played = actions.arms[np.random.default_rng(0).integers(6, size=100)]
    regret = system.pseudo_regret(played, actions)
    assert (np.diff(regret) >= -1e-15).all()
    counts = [(played == arm).all(axis=1).sum() for arm in actions.arms]
    gaps = 0.8125 - actions.arms @ system.cumulative
    assert regret[-1] == pytest.approx(np.dot(counts, gaps))


def test_a_system_that_forgets_is_found_out():
    nilpotent = DynamicalLinearBandit([[0, 1], [0, 0]], np.eye(2), [1, 0], [0, 0])
    assert nilpotent.forgets_after == 2
    assert math.isinf(nilpotent.transient_growth)
    assert synthetic().forgets_after is None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"A": np.eye(3)}, "spectral radius 1"),
        ({"A": np.zeros((3, 2))}, "A must have the shape 3 × 3"),
        ({"B": np.zeros((2, 3))}, "B must have the shape 3 × any"),
        ({"omega": [1, np.nan, 0]}, "omega holds nan"),
        ({"theta": [1, 2]}, "theta must have the shape 3"),
        ({"theta": "abc"}, "theta must be an array of numbers"),
        ({"state_noise": -1}, "state_noise must be a number in"),
    ],
)
def test_a_system_that_is_none_is_refused(change, complaint):
    s = synthetic()
    arguments = {"A": s.A, "B": s.B, "omega": s.omega, "theta": s.theta} | change
    with pytest.raises(ValueError, match=complaint):
        DynamicalLinearBandit(**arguments)
