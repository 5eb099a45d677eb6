"""World-sheet decay rates, against quadrature, mpmath, closed forms and invariance."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from halflife.strings.worldsheet import (
    PhaseSpace,
    blocked,
    exact_log_rate,
    heaviest_final_state,
    log_ai1,
    log_ai2,
    log_cascade_rate,
    log_invariant_rate,
    log_rate,
    log_rate_into,
    normal_acceleration,
    two_body,
)

VERTICES = ["scalar", "chiral"]


def schott(l, y):  # noqa: E741
    """4EΓ/ε⁴ = ∫₀^{2k} J_{2l}(x) dx with k² = l² (1 − y²), as Schott has it, by mpmath."""
    k = l * mpmath.sqrt(1 - mpmath.mpf(y) ** 2)
    low = max(0, 2 * k - 40 * l ** (1 / 3) - 60)
    size = mpmath.besselj(2 * l, 2 * k)  # mpmath's tolerance is absolute
    ends = mpmath.linspace(low, 2 * k, 9)
    return size * mpmath.quad(lambda x: mpmath.besselj(2 * l, x) / size, ends)


@pytest.mark.parametrize(
    "zeta",
    [0, 0.37, 3.3, 31.999, 32, 300]
    + [pytest.param(zeta, marks=pytest.mark.slow) for zeta in (1e-3, 1.1, 9.7, 20.123, 50)],
)
def test_the_airy_integrals_agree_with_mpmath(zeta):
    with mpmath.workdps(30):
        step = 1 / math.sqrt(1 + zeta)
        ends = [zeta + k * step for k in (0, 2, 6, 14, 30)]
        size = mpmath.airyai(zeta)  # mpmath's tolerance is absolute
        ai1 = mpmath.log(mpmath.quad(lambda t: mpmath.airyai(t) / size, ends)) + mpmath.log(size)
        ai2 = mpmath.log(mpmath.quad(lambda t: (t - zeta) * mpmath.airyai(t) / size, ends))
        ai2 += mpmath.log(size)
    assert float(log_ai1(zeta) - ai1) == pytest.approx(0, abs=1e-11)
    assert float(log_ai2(zeta) - ai2) == pytest.approx(0, abs=1e-11)


@given(st.floats(0, 1e4))
def test_the_second_airy_integral_is_the_integral_of_the_first(zeta):
    # Ai₂ = −ζ Ai₁ − Ai′, where that does not cancel; and both fall
    if zeta < 3:
        ai1 = math.exp(log_ai1(zeta))
        assert math.exp(log_ai2(zeta)) == pytest.approx(
            -zeta * ai1 - special.airy(zeta)[1], rel=1e-10
        )
    assert log_ai2(zeta * 1.01 + 0.01) < log_ai2(zeta) < log_ai1(zeta)
    assert math.isfinite(log_ai1(zeta))


def test_ends_and_errors_of_the_airy_integrals():
    assert log_ai1(0.0) == pytest.approx(-math.log(3), abs=1e-14)
    assert log_ai2(0.0) == pytest.approx(math.log(-special.airy(0)[1]), abs=1e-14)
    assert log_ai1(np.array([math.inf])) == -math.inf
    assert log_ai1(np.zeros((2, 0, 3))).shape == (2, 0, 3)
    with pytest.raises(ValueError, match=r"zeta holds -0\.1"):
        log_ai1([0.5, -0.1])


@pytest.mark.parametrize(
    ("l", "y", "rate"),
    [
        (50, 0.1, 0.2835223),
        (50, 0.3, 0.06416991),
        (200, 0.1, 0.2250788),
        (200, 0.3, 2.279162e-3),
        (1000, 0.1, 0.0961547),
        (1000, 0.2, 3.788230e-4),
        (1000, 0.3, 2.710889e-10),
        (5000, 0.1, 3.852581e-3),
        (5000, 0.2, 5.813305e-14),
        (5000, 0.0, 0.33316),
    ],
)
def test_the_quadrature_has_the_digits_of_an_earlier_one(l, y, rate):  # noqa: E741
    digits = 2e-5 if y == 0 else 3e-7
    assert 4 * math.exp(exact_log_rate(l, 1, y)) == pytest.approx(rate, rel=digits)


@pytest.mark.parametrize(("l", "y"), [(10.5, 0), (50, 0.3), (200, 0.6), (1000, 0.4)])
def test_the_quadrature_is_schotts_integral(l, y):  # noqa: E741
    with mpmath.workdps(20):
        expected = float(mpmath.log(schott(l, y)))
    assert exact_log_rate(l, 1, y) + math.log(4) == pytest.approx(expected, abs=1e-11)


@given(
    st.floats(20, 3000),
    st.floats(0, 0.95),
    st.floats(0.01, 100),
    st.sampled_from(VERTICES),
)
@settings(max_examples=60)
def test_the_uniform_rate_is_near_the_exact_one(l, y, E, vertex):  # noqa: E741
    if 2 * l * (math.atanh(y) - y) > 1000:
        return
    exact = exact_log_rate(l / E, E, y * E, vertex=vertex)
    bound = (0.19 if vertex == "scalar" else 1.0) * l ** (-2 / 3)
    assert 0 < log_rate(l / E, E, y * E, vertex=vertex) - exact < bound


def test_the_error_falls_as_one_over_l_in_the_tail():
    l = np.array([400.0, 1600.0, 6400.0])  # noqa: E741
    error = log_rate(l, 1, 0.4) - exact_log_rate(l, 1, 0.4)
    np.testing.assert_allclose(error[:-1] / error[1:], 4, rtol=0.06)


@pytest.mark.parametrize("vertex", VERTICES)
def test_any_shape_any_number_of_threads_any_stride(vertex):
    rng = np.random.default_rng(0)
    R, E = rng.uniform(10, 1e4, (3, 1)), rng.uniform(0.1, 10, (1, 50_000))
    M = E * rng.uniform(0, 1.2, E.shape)
    whole = log_rate(R, E, M, vertex=vertex)
    assert whole.shape == (3, 50_000)
    np.testing.assert_array_equal(whole, log_rate(R, E, M, vertex=vertex, threads=3))
    some = np.arange(0, 50_000, 997)
    for row in range(3):
        np.testing.assert_array_equal(
            whole[row, some], log_rate(R[row], E[0, some], M[0, some], vertex=vertex)
        )
    assert np.all(np.isneginf(whole[:, M[0] >= E[0]]))
    assert log_rate(R[0, 0], E[0], 0.0, vertex=vertex, threads=1).shape == (50_000,)


def test_the_least_rates_are_still_numbers():
    rate = log_rate(1e5, 1.0, 0.3)
    assert -1e4 < rate < -600 * math.log(10)
    assert rate == pytest.approx(-2e5 * (math.atanh(0.3) - 0.3), rel=0.01)
    assert log_rate(1e300, 1e-3, 1e-4) < -1e200


def test_a_chiral_vertex_costs_a_power_of_the_curvature():
    R = np.geomspace(1e5, 1e9, 5)
    scalar, chiral = log_rate(R, 1, 0), log_rate(R, 1, 0, vertex="chiral")
    np.testing.assert_allclose(scalar, -math.log(12), atol=1e-12)
    np.testing.assert_allclose(np.diff(chiral) / np.diff(np.log(R)), -2 / 3, atol=1e-9)


def test_the_heaviest_final_state_is_where_the_exponent_is_one():
    assert heaviest_final_state(4.558e4, 21.0) == pytest.approx(0.244, abs=0.001)
    R, E = 1e6, 10.0
    zeta = heaviest_final_state(R, E) ** 2 * (R / E**2) ** (2 / 3)
    assert 2 / 3 * zeta**1.5 == pytest.approx(1)


def test_two_bodies_against_nested_quadrature():
    R, E, M1, M2 = 150.0, 2.0, 0.2, 0.1

    def integrand(s):
        k = math.sqrt((s - 0.09) * (s - 0.01)) / (8 * math.pi * s)
        return k * math.exp(log_rate(R, E, math.sqrt(s)))

    expected, _ = integrate.quad(integrand, 0.09, 4, epsabs=0, epsrel=1e-10, limit=500)
    assert log_rate_into(R, E, two_body(M1, M2)) == pytest.approx(math.log(expected), abs=1e-7)


def test_the_exponent_of_many_bodies_is_that_of_the_threshold():
    R, E = np.array([4e4, 8e4]), 2.0
    many = [log_rate_into(r, E, two_body(0.2, 0.15)) for r in R]
    one = log_rate(R, E, 0.35)
    assert np.diff(many)[0] == pytest.approx(np.diff(one)[0], rel=0.03)


def test_a_narrow_density_is_one_body():
    final = PhaseSpace(0.3, lambda s: np.exp(-(s - 0.09) / 1e-6) / 1e-6)
    assert log_rate_into(100, 1.5, final) == pytest.approx(log_rate(100, 1.5, 0.3), abs=1e-3)
    assert log_rate_into(100, 1.0, two_body(0.5, 0.5)) == -math.inf
    massless = log_rate_into(100, 1.0, two_body(0, 0))
    assert math.isfinite(massless)
    assert massless < log_rate(100, 1.0, 0.0)


def test_a_filled_sea_blocks_the_cascade():
    R, j, M = 300.0, 600.5, 0.05
    sea = blocked(601)
    assert sea[-1] == j
    assert log_cascade_rate(R, j, M, filled=sea) == -math.inf
    hole = log_cascade_rate(R, j, M, filled=[level for level in sea if level != 400.5])
    assert hole == pytest.approx(float(log_rate(R, 200 / R, M)))
    assert log_cascade_rate(R, j, M) > hole
    assert log_cascade_rate(R, 0.5, M) == -math.inf
    with pytest.raises(ValueError, match="j=2"):
        log_cascade_rate(R, 2.0, M)


def circle(R, E):
    """A static circle at one point, in conformal coordinates, and the momentum of its mode."""
    tangents = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0]])
    second = np.zeros((2, 2, 4))
    second[1, 1, 1] = -1 / R
    return tangents, second, np.array([E, E])


def boosted(direction, rapidity, *vectors):
    n = direction / np.linalg.norm(direction)
    c, s = math.cosh(rapidity), math.sinh(rapidity)
    matrix = np.block(
        [[np.array([[c]]), s * n[None]], [s * n[:, None], np.eye(3) + (c - 1) * np.outer(n, n)]]
    )
    return [v @ matrix.T for v in vectors]


def test_the_circles_acceleration_and_rate():
    R, E, M = 1e8, 3.0, 1e-3
    bend = normal_acceleration(*circle(R, E))
    assert bend == pytest.approx(E**2 / R)
    rate = log_invariant_rate(bend, M) - math.log(4 * E)
    assert rate == pytest.approx(log_rate(R, E, M), abs=1e-5)  # the rest is M/E
    assert log_invariant_rate(0.0, M) == -math.inf  # a straight string


@given(
    st.lists(st.floats(-1, 1), min_size=3, max_size=3).filter(lambda v: sum(map(abs, v)) > 0.1),
    st.floats(-2, 2),
    st.lists(st.floats(-0.4, 0.4), min_size=4, max_size=4),
    st.lists(st.floats(-1, 1), min_size=6, max_size=6),
)
def test_the_rate_changes_neither_by_a_boost_nor_with_the_coordinates(n, rapidity, jac, curls):
    tangents, second, p = circle(7.0, 2.0)
    bend = normal_acceleration(tangents, second, p)
    moved = boosted(np.array(n), rapidity, tangents, second)
    assert normal_acceleration(*moved, p) == pytest.approx(bend, rel=1e-9)
    # new coordinates u: σ^a = J^a_b u^b + ½ C^a_bc u^b u^c
    J = np.eye(2) + np.array(jac).reshape(2, 2)
    C = np.zeros((2, 2, 2))
    C[:, 0, 0], C[:, 1, 1], C[:, 0, 1] = curls[:2], curls[2:4], curls[4:]
    C[:, 1, 0] = C[:, 0, 1]
    first = np.einsum("ab,am->bm", J, moved[0])
    bent = np.einsum("ab,cd,acm->bdm", J, J, moved[1]) + np.einsum("abc,am->bcm", C, moved[0])
    assert normal_acceleration(first, bent, np.linalg.solve(J, p)) == pytest.approx(bend, rel=1e-8)


def test_sheets_come_in_batches_and_bad_ones_are_refused():
    sheets = [circle(R, 2.0) for R in (5.0, 6.0, 7.0)]
    batch = [np.stack(part) for part in zip(*sheets, strict=True)]
    np.testing.assert_allclose(normal_acceleration(*batch), [4 / 5, 4 / 6, 4 / 7])
    tangents, second, _ = circle(7.0, 2.0)
    with pytest.raises(ValueError, match="not null"):
        normal_acceleration(tangents, second, [2.0, 1.0])
    with pytest.raises(ValueError, match="timelike"):
        normal_acceleration(tangents * [0, 1, 1, 1], second, [1.0, 1.0])
    with pytest.raises(ValueError, match="not negative"):
        log_invariant_rate(-1.0, 1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, 0.1), "R must be finite and above 0"),
        ((10, [1, -1], 0.1), "E must be finite and above 0"),
        ((10, 1, -0.1), r"M holds -0\.1"),
        ((10, 1, math.nan), "M holds nan"),
    ],
)
def test_bad_arguments_of_rates(arguments, message):
    for rate in (log_rate, exact_log_rate):
        with pytest.raises(ValueError, match=message):
            rate(*arguments)


def test_an_unknown_vertex_and_an_underflow():
    with pytest.raises(ValueError, match="vertex='vector'"):
        log_rate(10, 1, 0.1, vertex="vector")
    with pytest.raises(ValueError, match="log_rate has no such limit"):
        exact_log_rate(1000, 1, 0.95)
