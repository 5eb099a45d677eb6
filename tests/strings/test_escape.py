"""Escape from a curved string: limits, laws of scale, other quadratures, and an exact ring."""

import doctest
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq

from halflife.strings import (
    classical_limit,
    escape,
    largest_energy,
    log_escape_rate,
    profile,
    profile_exponent,
    thin_core_exponent,
)
from halflife.strings.resonances.kink_ring import kink_ring

radii = st.floats(np.log(20), np.log(1e8)).map(np.exp)
masses = st.floats(np.log(0.05), np.log(20)).map(np.exp)
above = st.floats(np.log(1.01), np.log(50)).map(np.exp)


@given(radii, masses, above)
def test_thin_core_exponent_is_the_barriers_integral(R, m, above):
    E = m * above
    far = R / np.sqrt(1 - 1 / above**2)

    def momentum(angle):  # r from R to far, the square root at the far end taken away
        r = far - (far - R) * np.sin(angle) ** 2
        k2 = m**2 - E**2 * (1 - R / r) * (1 + R / r)
        return np.sqrt(max(k2, 0)) * 2 * (far - R) * np.sin(angle) * np.cos(angle)

    exact, _ = quad(momentum, 0, np.pi / 2, epsrel=1e-10, limit=200)
    assert thin_core_exponent(R, m, E) == pytest.approx(2 * exact, rel=1e-6)


@given(radii, masses, above, st.floats(0.01, 100))
def test_only_ratios_matter_to_a_thin_core(R, m, above, unit):
    E = m * above
    B = thin_core_exponent(R, m, E)
    assert thin_core_exponent(R * unit, m / unit, E / unit) == pytest.approx(B, rel=1e-12)
    assert thin_core_exponent(2 * R, m, E) == pytest.approx(2 * B, rel=1e-12)


def test_far_above_the_mass():
    R, m, E = 1e6, 0.3, np.array([3.0, 30.0, 300.0])
    limit = 2 * m**3 * R / (3 * E**2)
    np.testing.assert_allclose(
        thin_core_exponent(R, m, E) / limit, 1 + 3 * (m / E) ** 2 / 5, rtol=5e-5
    )
    assert thin_core_exponent(R, m, [0.1, 0.3]).tolist() == [np.inf, np.inf]


@given(radii, masses, st.floats(np.log(1e-3), np.log(1e4)).map(np.exp))
def test_largest_energy_is_the_inverse(R, m, B):
    E = largest_energy(R, m, B)
    assert m <= E
    if m * (1 + 1e-9) < E:
        assert thin_core_exponent(R, m, E) == pytest.approx(B, rel=1e-5)
    if 1e-4 * m * R > B:
        assert pytest.approx(np.sqrt(2 * m**3 * R / (3 * B)), rel=0.01) == E


@given(radii, masses, above)
def test_the_profile_lowers_the_barrier(R, m, above):
    thin, true = (f(R, m, m * above) for f in (thin_core_exponent, profile_exponent))
    assert 0 <= true <= thin * (1 + 1e-6)


def test_on_a_large_loop_the_core_is_thin():
    R = np.geomspace(1e4, 1e12, 5)
    lack = 1 - profile_exponent(R, 1.0, 4.0) / thin_core_exponent(R, 1.0, 4.0)
    assert (np.diff(lack) < 0).all()
    assert lack[-1] < 1e-6


@pytest.mark.parametrize(
    ("R", "m", "E"),
    [
        (570.0, 1.0, 8.0),
        (45588.0, 1.0, 21.9),
        (200.0, 0.1, 0.5),
        (3.66e7, 1.0, 27.3),
        (3e4, 10, 15),
    ],
)
def test_profile_exponent_by_another_quadrature(R, m, E):
    f = profile(1).f

    def height(x):
        return m**2 * f(x) ** 2 - E**2 * (x / R * (2 + x / R)) / (1 + x / R) ** 2

    x = np.geomspace(1e-6, R / np.sqrt(1 - (m / E) ** 2) - R, 20001)
    up = np.flatnonzero(height(x) > 0)
    a, b = brentq(height, x[up[0] - 1], x[up[0]]), x[up[-1]]
    b = brentq(height, b, 2 * b) if height(2 * b) < 0 else b
    edges = np.sqrt(np.r_[0, (b - a) * np.geomspace(1e-10, 0.5, 40)])

    def from_a(t):
        return 2 * t * np.sqrt(max(height(a + t * t), 0.0))

    parts = [quad(from_a, *pair, epsrel=1e-9)[0] for pair in itertools.pairwise(edges)]
    rest, _ = quad(
        lambda t: 2 * t * np.sqrt(max(height(b - t * t), 0.0)), 0, edges[-1], epsrel=1e-9
    )
    assert profile_exponent(R, m, E) == pytest.approx(2 * (sum(parts) + rest), rel=1e-6)


def test_a_mode_further_out_has_a_higher_barrier():
    assert profile_exponent(20.0, 1.0, 1.508, 30.5) > profile_exponent(20.0, 1.0, 1.525, 30.5) > 0


@given(radii, masses)
def test_classical_limit(R, m):
    """Up to it, and not beyond, the potential √(m² f² + j²/r²) has a well near the string."""
    p, limit = profile(1), classical_limit(R, m)
    assert limit == pytest.approx(0.46340 * m * np.sqrt(R), rel=1e-4)
    assert classical_limit(4 * R, m) == pytest.approx(2 * limit)
    x = np.linspace(0.01, 5, 400)
    turning = m**2 * p.f(x) * p.df(x)  # centripetal force times energy
    for factor, held in ((0.98, True), (1.02, False)):
        assert (turning > (factor * limit) ** 2 / R).any() == held


def test_both_limits_scale_alike():
    """A core as wide as 1/m: quantum and classical limits are a fixed factor from each other."""
    R = np.geomspace(1e3, 1e8, 6)
    ratio = largest_energy(R, 1.0, 3.0) / classical_limit(R, 1.0)
    assert ratio == pytest.approx(1.0173, rel=0.01)


@pytest.mark.parametrize(("mR", "j"), [(20, 30.5), (20, 40.5), (60, 100.5), (60, 150.5)])
def test_rate_of_an_exact_ring(mR, j):
    """A kink's ring in 2+1 dimensions has no width: Γ = (m²/E) e^{−B} within a factor of 2."""
    found = kink_ring(float(mR), 1.0, np.array([j]))
    B = thin_core_exponent(float(mR), 1.0, j / mR)
    assert B > 0.6
    ratio = np.log(found.rate) - log_escape_rate(found.energy, 1.0, B)
    assert abs(ratio) < np.log(2)


def test_what_cannot_escape_has_no_rate():
    assert log_escape_rate(0.5, 1.0, thin_core_exponent(100.0, 1.0, 0.5)) == -np.inf


@pytest.mark.parametrize("function", [thin_core_exponent, profile_exponent, largest_energy])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_mistakes(function, at):
    values = [100.0, 1.0, 2.0]
    values[at] = -1.0
    with pytest.raises(ValueError, match="must be finite and above 0, got -1"):
        function(*values)


def test_examples():
    assert doctest.testmod(escape).failed == 0
