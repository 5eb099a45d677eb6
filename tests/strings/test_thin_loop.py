"""Thin loops against exact solutions, other integrators, and the laws they must keep."""

import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp
from scipy.special import j0

from halflife.strings import (
    GLOBAL,
    RING_CONSTANT,
    Tension,
    ThinLoop,
    angular_momentum,
    breathing_frequency,
    chiral_loop,
    loop_energy,
    loop_force,
    profile,
    quality_factor,
    radiation_efficiency,
    tension_log,
    thin_loop_torch,
    vorton_radius,
)

radii = st.floats(20, 1e12)
ratios = st.one_of(st.floats(1.02, 3.5), st.floats(0.3, 0.98))


def test_energy_of_a_ring():
    assert pytest.approx(1.619118, abs=1e-6) == RING_CONSTANT
    assert loop_energy(45.0) == pytest.approx(
        2 * math.pi**2 * 45 * (math.log(360) - 2 + profile(1).energy_constant)
    )
    assert tension_log(np.array([30.0, 300.0])) == pytest.approx([3.862, 6.164], abs=1e-3)


def test_energy_of_a_ring_is_that_of_its_dipole_layer():
    """Outside a tube ∇θ is the field of a ring current of 2π, by Neumann's formula."""
    R, a = 4000.0, 20.0

    def linking(angle):  # of the ring and a line along the tube's surface
        return math.cos(angle) / math.sqrt(4 * R**2 * math.sin(angle / 2) ** 2 + a**2)

    mutual, _ = quad(linking, 0, math.pi, points=[a / R, 10 * a / R], limit=500)
    field = 2 * math.pi**2 * R**2 * mutual
    inside = 2 * math.pi * R * profile(1).energy_per_length(a)
    assert field + inside == pytest.approx(loop_energy(R), rel=1e-4)


@given(radii)
def test_force_is_the_slope_of_the_energy(R):
    h = R * 1e-5
    assert (loop_energy(R + h) - loop_energy(R - h)) / (2 * h) == pytest.approx(
        loop_force(R), rel=1e-8
    )


@given(radii)
def test_the_vorton_sits_at_the_least_mass(R_v):
    J = angular_momentum(R_v)
    assert vorton_radius(J) == pytest.approx(R_v, rel=1e-12)
    loop = ThinLoop(J)
    assert loop.mass(R_v) < min(loop.mass(0.999 * R_v), loop.mass(1.001 * R_v))


@given(st.floats(1e-3, 1e3), st.floats(0, 1e3), st.floats(1, 1e9))
def test_any_tension_has_its_vorton(mu, running, R_v):
    tension = Tension(mu, running)
    assert tension.rest(R_v**2 * tension.force(R_v)) == pytest.approx(R_v, rel=1e-10)


def test_the_vorton_radius_has_a_gradient():
    J = torch.tensor([1e3, 1e5, 1e9], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(vorton_radius, J, eps=1.0)
    (slope,) = torch.autograd.grad(vorton_radius(J).sum(), J)
    R = vorton_radius(J.detach().numpy())
    exact = 1 / (2 * R * loop_force(R) + 2 * np.pi**2 * R)
    np.testing.assert_allclose(slope.numpy(), exact, rtol=1e-12)


@settings(max_examples=30)
@given(st.floats(10, 1e6), ratios, st.floats(0.1, 100))
def test_a_chiral_loop_of_constant_tension_is_followed_exactly(R_v, ratio, mu):
    tension, R0 = Tension(mu), R_v * ratio
    loop = ThinLoop(R_v**2 * tension.force(R_v), damping=0.0, tension=tension)
    high, low = max(R0, R_v**2 / R0), min(R0, R_v**2 / R0)
    t = np.linspace(0, 15 * R_v, 301)
    phase = 0.0 if high == R0 else np.pi * (high + low) / 2  # it starts at its smallest
    trace = loop.evolve(R0, t)
    np.testing.assert_allclose(trace.R, chiral_loop(t + phase, high, low), rtol=3e-9)
    when, where = loop.turning_points(R0, 3)
    assert where[0] * where[1] == pytest.approx(R_v**2, rel=1e-9)  # R_max R_min = R_v²
    assert when == pytest.approx(np.pi * (high + low) / 2 * np.arange(1, 4), rel=1e-9)


def test_order_of_the_method(monkeypatch):
    tension = Tension(3.0)
    J = torch.tensor(30.0**2 * tension.force(30.0), dtype=torch.float64)
    loop = ThinLoop(J, damping=0.0, tension=tension)
    errors = []
    for step in (1 / 4, 1 / 8, 1 / 16):
        monkeypatch.setattr(thin_loop_torch, "STEP", step)
        found = loop.evolve(60.0, np.linspace(0, 400, 101)).R.numpy()
        errors.append(np.abs(found - chiral_loop(np.linspace(0, 400, 101), 60.0, 15.0)).max())
    assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx(5, abs=0.5)


def test_turning_points_of_a_damped_loop():
    """R_v = 30 from 45; found once with another integrator and another kind of steps."""
    t, R = ThinLoop(angular_momentum(30.0)).turning_points(45.0, 5)
    assert pytest.approx([22.00, 38.13, 24.98, 34.54, 26.94], abs=6e-3) == R
    assert t == pytest.approx([99.5, 183, 275, 359, 447], abs=0.6)
    _, R = ThinLoop(angular_momentum(30.0), damping=0.85).turning_points(45.0, 5)
    assert pytest.approx([21.66, 38.93, 24.36, 35.43, 26.27], abs=6e-3) == R


@pytest.mark.parametrize("damping", [0.0, 1.0])
def test_another_integrator_agrees(damping):
    J, R0 = angular_momentum(50.0), 110.0

    def equations(_, y):
        R, p = y
        M = loop_energy(R) + J / R
        E = math.sqrt(p**2 + M**2)
        rho = E / (2 * math.pi**2 * tension_log(R))
        drag = 16 * math.pi**3 / 3 * damping * R**2 * (p / E) / rho**2
        return [p / E, -M * (loop_force(R) - J / R**2) / E - drag]

    t = np.linspace(0, 700, 50)
    other = solve_ivp(equations, (0, 700), [R0, 0.0], "DOP853", t, rtol=1e-12, atol=1e-12)
    found = ThinLoop(J, damping).evolve(R0, t)
    np.testing.assert_allclose(found.R, other.y[0], rtol=2e-8)
    E = found.energy
    np.testing.assert_allclose(found.velocity, other.y[1] / E, atol=2e-8)


@settings(max_examples=30)
@given(st.floats(20, 1e5), ratios, st.floats(0, 2))
def test_energy_is_kept_or_lost_but_never_gained(R_v, ratio, damping):
    loop = ThinLoop(angular_momentum(R_v), damping)
    trace = loop.evolve(R_v * ratio, np.linspace(0, 20 * R_v, 200))
    change = np.diff(trace.energy) / trace.energy[0]
    assert (change < 1e-9).all()
    assert trace.energy[0] == pytest.approx(loop.mass(R_v * ratio), rel=1e-14)
    if damping == 0:
        assert np.abs(change).max() < 1e-9
    assert (
        trace.R.min() > min(R_v / ratio, R_v * ratio) * 0.8
    )  # the bound R_v²/R0, but for the logarithm


def test_energy_lost_is_what_the_dipole_radiates():
    """Order reduction exchanges a third derivative: over whole small breathings nothing changes."""
    R_v = 1e3
    loop = ThinLoop(angular_momentum(R_v), running_friction=True, damping=1e-3)
    t = np.linspace(0, 2 * np.pi / breathing_frequency(R_v), 20001)
    trace = loop.evolve(1.001 * R_v, t)
    second = np.gradient(np.gradient(trace.R**2, t), t)
    radiated = 1e-3 * np.pi**3 / 3 * np.trapezoid(second**2, t)
    assert trace.energy[0] - trace.energy[-1] == pytest.approx(radiated, rel=5e-3)


@pytest.mark.parametrize("R_v", [1e2, 1e3, 1e8, 1e30])
def test_quality_factor(R_v):
    """Amplitudes fall by exp(−π/2Q) in half a period."""
    L = tension_log(R_v)
    for running, excess in ((True, 0.0), (False, 2 / L)):
        loop = ThinLoop(angular_momentum(R_v), damping=0.1, running_friction=running)
        _, R = loop.turning_points(1.001 * R_v, 4)
        amplitude = np.abs(R - R_v)
        Q = np.pi / np.log(amplitude[1] / amplitude[3])
        assert Q / quality_factor(R_v, c_f=0.1) == pytest.approx(1 + excess, abs=2 / L**2 + 1e-3)


@given(radii)
def test_small_breathing(R_v):
    t, _ = ThinLoop(angular_momentum(R_v), damping=0.0).turning_points(1.001 * R_v, 2)
    assert np.pi / np.diff(t)[0] == pytest.approx(breathing_frequency(R_v), rel=1e-5)


@given(st.floats(0, 30))
def test_radiation_efficiency(x):
    def density(angle):
        return 1.5 * math.cos(angle) ** 2 * j0(x * math.sin(angle)) ** 2 * math.sin(angle)

    exact, _ = quad(density, 0, math.pi, epsabs=1e-13, limit=200)
    assert radiation_efficiency(x) == pytest.approx(exact, abs=1e-11)


def test_radiation_efficiency_at_ends():
    assert radiation_efficiency([0.0, 1.0]) == pytest.approx([1.0, 0.820], abs=5e-4)


def test_many_loops_are_each_their_own():  # more than one thread's
    rng = np.random.default_rng(3)
    R_v = np.exp(rng.uniform(3, 9, (5, 70)))
    R0 = R_v * rng.uniform(1.1, 2.5, (5, 70))
    t = R_v[..., None] * np.linspace(0, 9, 13)
    together = ThinLoop(angular_momentum(R_v)).evolve(R0, t)
    alone = ThinLoop(angular_momentum(R_v[2, 3])).evolve(R0[2, 3], t[2, 3])
    np.testing.assert_array_equal(together.R[2, 3], alone.R)
    assert together.t.shape == together.velocity.shape == (5, 70, 13)


def test_both_integrators_take_the_same_steps():
    R_v = np.array([25.0, 60.0, 900.0])
    R0 = np.array([50.0, 45.0, 1200.0])
    t = np.linspace(0, 800, 41)
    for damping, running in ((0.0, False), (1.0, False), (0.8, True)):
        compiled = ThinLoop(angular_momentum(R_v), damping, running_friction=running)
        J = torch.tensor(angular_momentum(R_v))
        plain = ThinLoop(J, damping, running_friction=running)
        one, two = compiled.evolve(R0, t), plain.evolve(R0, t)
        for name in ("R", "velocity", "energy"):
            np.testing.assert_allclose(
                getattr(two, name).numpy(), getattr(one, name), rtol=1e-11, atol=1e-11
            )
        for a, b in zip(compiled.turning_points(R0, 4), plain.turning_points(R0, 4), strict=True):
            np.testing.assert_allclose(b.numpy(), a, rtol=1e-10)


@pytest.mark.slow
def test_gradients(monkeypatch):
    monkeypatch.setattr(thin_loop_torch, "STEP", 1 / 6)
    J = torch.tensor(angular_momentum(np.array([30.0, 40.0]))).requires_grad_()
    c = torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
    R0 = torch.tensor([45.0, 36.0], dtype=torch.float64, requires_grad=True)
    times = np.linspace(0, 120, 4)

    def look(J, c, R0):
        return ThinLoop(J * 1e5, c).evolve(R0, times).R

    def turn(J, c, R0):
        return ThinLoop(J * 1e5, c).turning_points(R0, 2)

    small = (J.detach() / 1e5).requires_grad_()
    # Finite differences feel the steps, whose sizes depend on R0, at the method's own error.
    assert torch.autograd.gradcheck(look, (small, c, R0), eps=1e-4, rtol=1e-5, atol=1e-4)
    assert torch.autograd.gradcheck(turn, (small, c, R0), eps=1e-4, rtol=1e-5, atol=1e-4)


def test_a_loop_without_current_collapses():
    t = np.linspace(0, 40, 41)
    for J in (0.0, torch.tensor(0.0, dtype=torch.float64)):
        R = np.asarray(ThinLoop(J).evolve(20.0, t).R)
        assert R[0] == 20.0
        assert (np.diff(R[~np.isnan(R)]) < 0).all()
        assert np.isnan(R[-5:]).all()
        assert np.isnan(np.asarray(ThinLoop(J).turning_points(20.0, 2))).all()
    exact = chiral_loop(t[:30], 20.0, 0.0)  # Nambu and Goto's: R0 cos(t/R0)
    assert exact == pytest.approx(20 * np.abs(np.cos(t[:30] / 20)))
    found = ThinLoop(0.0, 0.0, Tension(1.0)).evolve(20.0, t[:29]).R
    np.testing.assert_allclose(found, exact[:29], rtol=1e-8)


def test_a_collapsed_neighbour_spoils_no_gradient():
    J = torch.tensor([0.0, angular_momentum(30.0)], dtype=torch.float64, requires_grad=True)
    R = ThinLoop(J).evolve(40.0, [0.0, 90.0]).R
    R[1].sum().backward()
    assert torch.isfinite(J.grad).all()
    assert torch.isnan(R[0, 1])
    assert J.grad[1] > 0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ThinLoop(-1.0), "J must be finite and at least 0, got -1.0"),
        (lambda: ThinLoop(1e4, damping=math.nan), "damping must be finite and at least 0"),
        (lambda: ThinLoop(1e4).evolve(1.5, [0.0]), "R0 must be above 2 .* got 1.5"),
        (lambda: ThinLoop(1e4).evolve(20.0, [1.0, 0.0]), "rising along the last axis"),
        (lambda: ThinLoop(1e4).evolve(20.0, [0.0, 1e9]), r"stop at [\d.]+ or before"),
        (lambda: ThinLoop(1e4).turning_points(20.0, 0), "count must be a whole number from 1"),
        (lambda: vorton_radius(0.0), "J must be finite and above 0"),
        (lambda: Tension(0.0), "mu must be a number in"),
        (lambda: chiral_loop(0.0, 1.0, 2.0), "R_min must be a number in"),
        (lambda: radiation_efficiency(-1.0), "frequency must be finite and at least 0"),
        (lambda: loop_energy(-1.0), "R must be finite and above 0, got -1.0"),
        (lambda: angular_momentum(0.0), "R_v must be finite and above 0, got 0.0"),
    ],
)
def test_mistakes(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_the_longest_time_that_is_named_is_taken():
    loop = ThinLoop(angular_momentum(30.0))
    with pytest.raises(ValueError, match="or before") as error:
        loop.evolve(45.0, [0.0, 1e9])
    longest = float(str(error.value).split("stop at ")[1].split()[0])
    assert loop.evolve(45.0, [0.0, longest]).R[1] == pytest.approx(30.0, rel=1e-6)


def test_the_global_string():
    assert GLOBAL.per_length(50.0) == pytest.approx(math.pi * tension_log(50.0))


def test_examples():
    import doctest

    assert doctest.testmod(sys.modules["halflife.strings.thin_loop"]).failed == 0
