"""The straight string's profile against its equation, other solvers and exact statements."""

import doctest
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad, solve_bvp
from scipy.linalg import solve_banded

from halflife.strings import profile

windings = st.integers(1, 30)


def test_examples():
    assert doctest.testmod(sys.modules["halflife.strings.profile"]).failed == 0


@pytest.mark.parametrize(
    ("n", "slope", "constant", "steepest"),
    # Found once by collocation on a logarithmic mesh (SciPy's solve_bvp), to the digits given.
    [
        (1, 0.583189495860, 0.38088, (0.214744, 1.086)),
        (2, 0.15310, -2.2373, (0.14697, 2.478)),
        (3, 0.026183, -9.2508, (0.11728, 3.742)),
    ],
)
def test_known_numbers(n, slope, constant, steepest):
    p = profile(n)
    assert p.slope == pytest.approx(slope, abs=6e-13 if n == 1 else 6e-6)
    assert p.energy_constant == pytest.approx(constant, abs=6e-5)
    assert p.steepest == pytest.approx(steepest, abs=6e-4)
    assert p.steepest[0] == pytest.approx({1: 0.214744, 2: 0.14697, 3: 0.11728}[n], abs=6e-6)


def test_half_of_the_vacuum_value():
    assert profile(1).f(0.952) == pytest.approx(0.5, abs=3e-4)


@given(windings, st.floats(0.05, 1e3))
def test_it_solves_the_equation(n, scaled):
    """f″ by differences of the exact-looking f′; the residual is compared with the terms' size."""
    p, x = profile(n), scaled * n
    h = 1e-3 * min(x, 1.0)
    second = (8 * (p.df(x + h) - p.df(x - h)) - (p.df(x + 2 * h) - p.df(x - 2 * h))) / (12 * h)
    f = p.f(x)
    terms = np.array([second, p.df(x) / x, -(n**2) * f / x**2, f * (1 - f**2)])
    assert abs(terms.sum()) < 1e-7 * np.abs(terms).max() + 1e-9


@given(windings, st.floats(1e-300, 1e300))
def test_it_rises_from_zero_to_one(n, x):
    p = profile(n)
    assert 0 <= p.f(x) <= 1 + 1e-13
    assert p.df(x) >= 0 or x > 1e3
    assert p.f(-x) == (-1) ** n * p.f(x)


def test_ends():
    p = profile(1)
    assert (p.f(0.0), p.df(np.inf)) == (0.0, 0.0)
    assert p.f(np.inf) == pytest.approx(1, abs=1e-13)
    assert p.df(0.0) == pytest.approx(p.slope, rel=1e-14)
    assert abs(p.energy_per_length(0.0)) + abs(p.virial(0.0)) < 1e-15
    assert isinstance(p.f(1.0), float)
    assert p.f(np.ones((2, 3))).shape == (2, 3)


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_series_at_both_ends(n):
    p = profile(n)
    x = 0.02
    assert p.f(x) / (p.slope * x**n) == pytest.approx(1 - x**2 / (4 * (n + 1)), abs=2e-8)
    X = 100.0 * n
    tail = n**2 / (2 * X**2) + n**2 * (8 + n**2) / (8 * X**4)
    assert 1 - p.f(X) == pytest.approx(tail, rel=1e-6)


@given(windings)
def test_virial_theorem(n):
    X = 1e4 * n
    assert profile(n).virial(X) == pytest.approx(n**2 - n**4 / (2 * X**2), rel=1e-12)


@given(windings, st.floats(30, 1e4))
def test_energy_grows_by_the_logarithm(n, scaled):
    p, X = profile(n), scaled * n
    assert p.energy_per_length(2 * X) - p.energy_per_length(X) == pytest.approx(
        np.pi * n**2 * np.log(2), abs=4 * n**4 / X**2
    )
    constant = p.energy_per_length(X) / np.pi - n**2 * np.log(X) - n**4 / (4 * X**2)
    assert constant == pytest.approx(p.energy_constant, abs=2 * n**6 / X**4 + 1e-11 * n**2)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_energy_is_the_integral_of_its_density(n):
    p = profile(n)

    def density(x):
        return np.pi * x * (p.df(x) ** 2 + n**2 * (p.f(x) / x) ** 2 + (1 - p.f(x) ** 2) ** 2 / 2)

    for X in (0.5, 2.0, 30.0):
        found, _ = quad(density, 0, X, epsabs=1e-13, epsrel=1e-13, limit=200)
        assert p.energy_per_length(X) == pytest.approx(found, abs=1e-10)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_another_solver_finds_the_same(n):
    """Collocation in ln x by SciPy, with the series and the tail as boundary conditions."""
    low, high = np.log(1e-3), np.log(200.0)
    tail = 1 - n**2 / (2 * 200.0**2) - n**2 * (8 + n**2) / (8 * 200.0**4)

    def equation(s, y):
        x2 = np.exp(2 * s)
        return np.stack([y[1], n**2 * y[0] - x2 * y[0] * (1 - y[0] ** 2)])

    def ends(a, b):
        rise = n - np.exp(2 * low) / (2 * (n + 1))  # d ln f / d ln x of the series
        return np.array([a[1] - rise * a[0], b[0] - tail])

    s = np.linspace(low, high, 400)
    x = np.exp(s)
    guess = (x**2 / (x**2 + n**2)) ** (n / 2)
    slope = n * guess * n**2 / (x**2 + n**2)
    found = solve_bvp(equation, ends, s, np.stack([guess, slope]), tol=1e-8, max_nodes=20000)
    assert found.success
    inner = np.exp(found.x) < 100
    x = np.exp(found.x[inner])
    np.testing.assert_allclose(profile(n).f(x), found.y[0][inner], atol=1e-9)


def test_differences_extrapolate_to_it():
    """Second-order differences on a uniform mesh; Richardson's limit has two more orders."""
    X, exact = 20.0, profile(1)

    def slope(cells):
        h = X / cells
        x = h * np.arange(1, cells)
        f = exact.f(x)
        main = -2 / h**2 - 1 / x**2
        up, down = 1 / h**2 + 1 / (2 * h * x), 1 / h**2 - 1 / (2 * h * x)
        edge = float(exact.f(X))
        for _ in range(4):
            left, right = np.r_[0.0, f[:-1]], np.r_[f[1:], edge]
            residual = main * f + up * right + down * left + f * (1 - f**2)
            band = np.stack([np.r_[0, up[:-1]], main + 1 - 3 * f**2, np.r_[down[1:], 0]])
            f = f - solve_banded((1, 1), band, residual)
        return float(f[int(1 / h) - 1])  # at x = 1

    values = np.array([slope(20 * k) for k in (10, 20, 40)])
    once = (4 * values[1:] - values[:-1]) / 3
    twice = (16 * once[1] - once[0]) / 15
    errors = np.abs(values - exact.f(1.0))
    assert np.log2(errors[:-1] / errors[1:]) == pytest.approx(2, abs=0.05)
    assert twice == pytest.approx(float(exact.f(1.0)), abs=1e-8)


def test_it_is_solved_once():
    assert profile(2) is profile(2)


@pytest.mark.parametrize("n", [0, -1, 51, 1.5, True, "1"])
def test_a_winding_that_is_none(n):
    with pytest.raises(ValueError, match=r"n must be a whole number from 1 to 50, got .* string"):
        profile(n)
