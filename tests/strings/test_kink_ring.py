"""Resonances of the kink ring: earlier digits, fast against exact, and the equation itself."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halflife.strings.resonances.kink_ring import exact_root, kink_ring

# E R/j and Γ/m, found by Muller's method at 40 digits with mpmath's own Hankel functions
DIGITS = [
    (20, 30.5, 0.99737, 2.4600e-4),
    (20, 40.5, 0.99421, 7.7221e-3),
    (20, 60.5, 0.99242, 4.8311e-2),
    (60, 100.5, 0.99965, 7.0311e-9),
    (60, 150.5, 0.99892, 3.0100e-4),
    (60, 200.5, 0.99797, 4.6873e-3),
    (60, 300.5, 0.99745, 2.6476e-2),
]


@pytest.mark.parametrize(("R", "j", "energy", "rate"), DIGITS)
@pytest.mark.parametrize("exact", [False, True])
def test_the_digits_of_an_earlier_solution(R, j, energy, rate, exact):
    level = kink_ring(R, 1.0, j, exact=exact)
    assert level.energy * R / j == pytest.approx(energy, abs=6e-6)
    assert level.rate == pytest.approx(rate, rel=2e-5)


@pytest.mark.slow
@given(st.floats(3, 60), st.floats(1.15, 5), st.floats(0.1, 10))
@settings(max_examples=15)
def test_the_fast_way_is_the_exact_one(mR, times, m):
    j = math.floor(mR * times) + 0.5
    if j <= mR * 1.05:
        return
    fast = kink_ring(mR / m, m, j)
    slow = exact_root(mR / m, m, j)
    assert fast.energy == pytest.approx(float(slow.real), rel=1e-10)
    assert fast.rate == pytest.approx(float(-2 * slow.imag), rel=1e-7)


def test_the_root_solves_the_matching_of_both_spinor_components():
    R, m, j = 20.0, 1.0, 30.5
    with mpmath.workdps(40):
        E = exact_root(R, m, j, digits=40)
        k, nu = mpmath.sqrt(E**2 - 1), mpmath.mpf(30)
        # (J_ν, J_{ν+1} k/(E + mass)) on either side, with the mass −m inside
        inside = mpmath.besselj(nu + 1, k * R) * k / ((E - m) * mpmath.besselj(nu, k * R))
        outside = mpmath.hankel1(nu + 1, k * R) * k / ((E + m) * mpmath.hankel1(nu, k * R))
        assert abs(inside - outside) < 1e-20


def test_a_rate_too_small_for_complex_float64_keeps_its_digits():
    fast = kink_ring(200, 1, 250.5)
    slow = exact_root(200, 1, 250.5)
    assert fast.rate == pytest.approx(float(-2 * slow.imag), rel=1e-7)
    assert fast.rate == pytest.approx(5.7156048e-65, rel=1e-7)


def test_levels_are_at_j_over_r_and_rates_grow_with_j():
    j = np.arange(70.5, 200).reshape(2, -1)
    levels = kink_ring(60, 1, j)
    assert levels.rate.shape == (2, 65)
    np.testing.assert_allclose(levels.energy, j / 60, rtol=0.01)
    assert np.all(np.diff(levels.rate.ravel()) > 0)


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"j holds 30\.0"):
        kink_ring(20, 1, 30)
    with pytest.raises(ValueError, match=r"j holds 19\.5; .* cannot escape"):
        kink_ring(20, 1, [30.5, 19.5])
    with pytest.raises(ValueError, match="m must be a number"):
        kink_ring(20, 0, 30.5)
    with pytest.raises(ArithmeticError, match="exact_root"):
        kink_ring(2000, 1, 2000.5)


@pytest.mark.parametrize(("mR", "j"), [(2.9494900066683525, 27.5), (3.29, 33.5), (2.07, 12.5)])
def test_a_mode_that_nothing_holds_has_no_level(mR, j):
    """Newton's method would end anywhere, at rates of −200 m or at none."""
    with pytest.raises(ArithmeticError, match=f"j={j} escapes at once at m R = {mR:g}"):
        kink_ring(mR, 1, [mR // 1 + 1.5, j])


@given(st.floats(1, 2000), st.floats(1.02, 12))
@settings(max_examples=40)
def test_what_has_a_level_has_a_rate_that_grows(mR, times):
    """Over all rings and energies: a rate above 0, more for more energy, or a refusal."""
    j = math.floor(mR * times) + 0.5 + np.arange(3.0)
    if j[0] <= mR * 1.01:
        return
    try:
        levels = kink_ring(mR, 1, j)
    except ArithmeticError:
        return
    assert (levels.rate > 0).all()
    assert (np.diff(levels.rate) > 0).all()


def test_broad_levels_of_large_rings_are_found_too():
    j = np.arange(9000.5, 10200, 100)
    levels = kink_ring(657.63, 1, j)
    np.testing.assert_allclose(levels.energy, j / 657.63, rtol=1e-3)
    steps = np.diff(np.log(levels.rate))
    assert np.all(steps > 0)
    np.testing.assert_allclose(np.diff(steps, 2), 0, atol=1e-4)  # all on one smooth curve
