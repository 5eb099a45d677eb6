"""Corners of the arguments: thresholds, huge and tiny numbers, lists, NumPy's integers."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import j0

from halflife.strings import (
    GLOBAL,
    PhaseSpace,
    Tension,
    ThinLoop,
    angular_momentum,
    breathing_frequency,
    breathing_rate,
    log_cascade_rate,
    log_escape_rate,
    log_rate,
    log_rate_into,
    loop_energy,
    loop_force,
    profile,
    profile_exponent,
    quality_factor,
    radiation_efficiency,
    rydberg,
    tension_log,
    thick_core,
    two_body,
    vorton,
    vorton_radius,
)

OF_A_RADIUS = [
    angular_momentum,
    breathing_frequency,
    loop_energy,
    loop_force,
    quality_factor,
    tension_log,
    vorton_radius,
]


def barrier(R, m, E):
    """The exponent by adaptive quadrature in ln(r − R), with the profile's tail as a series."""

    def missing(x):  # 1 − f²
        if x < 60:
            return 1 - profile(1).f(x) ** 2
        d = 1 / (2 * x**2) + 9 / (8 * x**4) + 161 / (16 * x**6)
        return d * (2 - d)

    def height(u):
        x = math.exp(u)
        return (E * R / (R + x)) ** 2 - (E - m) * (E + m) - m**2 * missing(x)

    grid = np.linspace(-8, math.log(100 * E * R / math.sqrt((E - m) * (E + m))), 2000)
    signs = np.flatnonzero(np.diff(np.sign([height(u) for u in grid])))
    low, high = (brentq(height, grid[i], grid[i + 1], rtol=1e-15) for i in signs)
    ends = np.linspace(low, high, 25)

    def root(u):
        return math.sqrt(max(height(u), 0)) * math.exp(u)

    total = sum(quad(root, a, b, epsrel=1e-11, limit=200)[0] for a, b in pairwise(ends[1:-1]))
    for end, sign in ((low, 1), (high, -1)):  # square roots
        width = math.sqrt(ends[1] - ends[0])
        total += quad(lambda t, e=end, s=sign: 2 * t * root(e + s * t * t), 0, width)[0]
    return 2 * total


@pytest.mark.parametrize("above", [1e-9, 1e-6, 1e-2, 0.14, 0.17, 0.5])
def test_the_exponent_is_right_however_close_to_threshold(above):
    assert profile_exponent(20.0, 1.0, 1 + above) == pytest.approx(
        barrier(20.0, 1.0, 1 + above), rel=1e-6
    )


@pytest.mark.parametrize("function", OF_A_RADIUS)
def test_functions_of_a_radius_take_lists_and_whole_numbers(function):
    floats = function(np.array([60_000.0, 70_000.0]))
    for given in ([60_000, 70_000], np.array([60_000, 70_000], dtype=np.int32)):
        assert np.array_equal(function(given), floats)
    assert function(np.int32(60_000)) == floats[0]
    assert function(60_000) == pytest.approx(floats[0], rel=1e-15)
    assert function([]).shape == (0,)


@pytest.mark.parametrize("function", OF_A_RADIUS)
@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, [30.0, -1.0], np.array([0])])
def test_functions_of_a_radius_refuse_what_is_none(function, bad):
    with pytest.raises(ValueError, match="must be finite and above 0"):
        function(bad)


def test_functions_of_a_radius_can_be_transformed():
    R = torch.tensor([30.0, 40.0], dtype=torch.float64)
    slope = torch.func.vmap(torch.func.grad(loop_energy))(R)
    assert torch.allclose(slope, loop_force(R), rtol=1e-14)


def test_a_ring_of_any_size_in_wavelengths():
    frequencies = np.array([0.0, 1e-4, 1.0, 40.0, 999.0])
    node, weight = np.polynomial.legendre.leggauss(1100)
    c = (node + 1) / 2
    slow = (1.5 * weight * c**2 * j0(frequencies[:, None] * np.sqrt(1 - c**2)) ** 2).sum(axis=1)
    assert np.abs(radiation_efficiency(frequencies) / slow - 1).max() < 1e-10
    far = np.array([1e5, 0.999e6, 1.001e6, 1e30])
    assert np.abs(radiation_efficiency(far) * far / 0.75 - 1).max() < 1e-7


def test_thin_loops_at_no_time_and_from_lists():
    assert ThinLoop(1e5).evolve([40.0, 50.0], []).R.shape == (2, 0)
    loops = ThinLoop([1e5, 200_000])
    bare = GLOBAL.energy(np.array([40.0, 50.0]))
    assert np.allclose(loops.mass([40, 50]) - bare, [2500.0, 4000.0], rtol=1e-12)
    assert np.allclose(Tension(1.0).rest([1.0, 4.0]) / Tension(1.0).rest(1.0), [1, 2])
    assert GLOBAL.rest([1e5]) == vorton_radius(1e5)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Tension(math.nan, 1.0), "mu must be a number"),
        (lambda: ThinLoop("a"), "J must be numbers, got 'a'"),
        (lambda: rydberg([0, -1]), "N must be at least 0, got -1"),
        (lambda: thick_core(-2, 300.0), "N must be at least 0, got -2"),
        (lambda: log_escape_rate(2.0, 1.0, math.nan), "B must be at least 0, got nan"),
        (lambda: log_escape_rate(2.0, 1.0, [1.0, -1.0]), "B must be at least 0, got -1"),
        (lambda: log_rate(10, 1, "b"), "M must be numbers"),
        (lambda: log_rate(10, 1, 0.1, threads=-1), "threads must be a whole number"),
        (lambda: log_cascade_rate(10.0, 0.5, -0.1), "M must be a number"),
        (lambda: log_cascade_rate(10.0, 0.5, 0.1, vertex="x"), "vertex='x'"),
        (lambda: log_rate_into(10.0, 2.0, two_body(2.0, 1.0), vertex="x"), "vertex='x'"),
        (lambda: PhaseSpace(-1.0, lambda s: s), "threshold must be a number"),
        (lambda: breathing_rate(20, 0.4, 0.05, 1e-4), "frequency=0.0001 is so low that"),
        (lambda: vorton(1, 1, 10**400), "N must be a number"),
    ],
)
def test_mistakes_are_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_decay_scales_as_the_fourth_power_of_any_mixing():
    found = vorton(1.0, 1.0, 1e6)
    here = found.decay(0.1, 1.0)
    for mixing in (1e-300, 1e300):
        there = found.decay(0.1, mixing)
        assert there.shortest == pytest.approx(here.shortest - 4 * math.log10(mixing), rel=1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("y", [1e-9, 1e-300])
def test_a_tiny_coupling_lets_go_in_silence(y):
    found = vorton(1.0, y, 1e6)
    assert found.verdict == "falls apart"
    assert found.escape.shortest == pytest.approx(0.2199 - 2 * math.log10(y), abs=1e-3)
