"""Zero modes and bound states against exact statements, limits and other discretisations."""

import doctest
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.linalg import eigh, eigh_tridiagonal
from scipy.special import j0

from halflife.strings import (
    ZeroMode,
    bound_states,
    cloud_form_factor,
    profile,
    rydberg,
    thick_core,
    zero_modes,
)

masses = st.floats(np.log(0.01), np.log(100)).map(np.exp)


@given(masses, st.floats(0.01, 20))
def test_the_zero_mode_solves_its_equation(mass, r):
    """ψ′ = −m f ψ, and Dψ = 0 makes h₀ψ = 0."""
    psi, h = ZeroMode(mass).psi, 1e-3 * min(1, r) / (1 + mass)
    slope = (8 * (psi(r + h) - psi(r - h)) - (psi(r + 2 * h) - psi(r - 2 * h))) / (12 * h)
    assert slope == pytest.approx(-mass * profile(1).f(r) * psi(r), rel=1e-6, abs=1e-9)


@given(masses)
def test_the_zero_mode_is_normalised(mass):
    mode = ZeroMode(mass)
    reach = 20 / mass + 8 / np.sqrt(mass)
    points = np.geomspace(1e-3, 1, 12)[:-1] * reach
    norm, _ = quad(lambda r: 2 * np.pi * r * mode.psi(r) ** 2, 0, reach, points=points, limit=500)
    assert norm == pytest.approx(1, abs=1e-9)
    assert mode.form_factor(0.0) == pytest.approx(1, abs=1e-12)


def test_width_in_both_limits():
    assert ZeroMode(0.001).width * 0.001 == pytest.approx(np.sqrt(3 / 2), rel=1e-3)
    gaussian = ZeroMode(1000.0).width
    assert gaussian == pytest.approx((1000 * profile(1).slope) ** -0.5, rel=1e-3)


@pytest.mark.parametrize("mass", [0.05, 1.0, 8.0])
def test_form_factor_is_the_integral_that_it_says(mass):
    mode = ZeroMode(mass)
    reach = 20 / mass + 8 / np.sqrt(mass)
    for q in (0.3 * mass, 2 * mass, 6 * mass):
        exact, _ = quad(
            lambda r, q=q: 2 * np.pi * r * mode.psi(r) ** 2 * j0(q * r),
            0,
            reach,
            points=np.geomspace(1e-3, 1, 12)[:-1] * reach,
            limit=2000,
        )
        assert mode.form_factor(q) == pytest.approx(exact, abs=1e-9)


def test_form_factor_of_a_wide_mode_is_the_clouds():
    q = np.linspace(0, 0.02, 9)
    wide = ZeroMode(0.002)
    np.testing.assert_allclose(wide.form_factor(q), cloud_form_factor(q, 0.002), atol=3e-5)
    off = [abs(ZeroMode(m).form_factor(2 * m) - 2**-1.5) for m in (0.04, 0.02, 0.01)]
    assert off[0] > off[1] > off[2]


@given(st.floats(0, 20), masses)
def test_form_factor_of_the_cloud_is_the_integral_that_it_says(q, mass):
    exact, _ = quad(lambda r: 4 * r * np.exp(-2 * r) * j0(q * r), 0, 20, limit=500)
    assert cloud_form_factor(q * mass, mass) == pytest.approx(exact, abs=1e-7)


@settings(max_examples=20)
@given(masses, st.floats(0.01, 5))
def test_a_momentum_is_taken_up_in_part(mass, scaled):
    """|F| ≤ 1, and 1 − F → q² ⟨r²⟩/4."""
    mode = ZeroMode(mass)
    assert abs(mode.form_factor(scaled * mass)) < 1
    q = 1e-3 / mode.width
    assert 1 - mode.form_factor(q) == pytest.approx((q * mode.width) ** 2 / 4, rel=1e-4)


# Found once by second-order differences on a stretched mesh, to the digits given.
TABLE = {
    (0.02, 0): [0, 0.88888, 0.96000, 0.97959],
    (0.5, 0): [0, 0.88570, 0.95924],
    (1.0, 0): [0, 0.85860, 0.95330],
    (3.0, 0): [0, 0.56745, 0.85025],
    (10.0, 0): [0, 0.21354, 0.39779],
    (0.02, 1): [0.88885],
    (0.5, 1): [0.85148],
    (1.0, 1): [0.70964],
    (3.0, 1): [0.33430],
    (10.0, 1): [0.11166],
}


@pytest.mark.parametrize(("mass", "l"), TABLE)
def test_tower_of_bound_states(mass, l):  # noqa: E741
    known = TABLE[mass, l]
    found = bound_states(mass, l, count=len(known))
    assert found.squared == pytest.approx(known, abs=2e-5)
    assert (found.error < 1e-7).all()


@pytest.mark.parametrize(("mass", "l", "pair"), [(1.0, 0, 1), (3.0, 1, 1), (10.0, 0, -1)])
def test_differences_extrapolate_to_it(mass, l, pair):  # noqa: E741
    """Symmetric second-order differences in r, and Richardson's limit of three meshes."""
    p, reach = profile(1), 60.0 if mass < 2 else 25.0

    def lowest(cells):
        h = reach / cells
        r = (np.arange(cells) + 0.5) * h
        f, df = p.f(r), p.df(r)
        potential = l**2 / r**2 + (mass * f) ** 2 - pair * mass * (df + f / r)
        ends = np.arange(cells + 1) * h
        main = (ends[1:] + ends[:-1]) / (r * h**2) + potential
        beside = -ends[1:-1] / (h**2 * np.sqrt(r[1:] * r[:-1]))
        return eigh_tridiagonal(main, beside, True, "i", (0, 1))[:2] / mass**2

    values = np.array([lowest(k) for k in (1000, 2000, 4000)])
    once = (4 * values[1:] - values[:-1]) / 3
    kind = "attracted" if pair > 0 else "repelled"
    found = bound_states(mass, l, pair=kind, count=2)
    spread = np.abs(once[1] - once[0])
    assert (np.abs(once[1] - found.squared) < spread + 1e-7).all()
    assert (np.abs(values[0] - found.squared) > np.abs(once[1] - found.squared)).all()


def test_the_limits():
    N = np.arange(4)
    light = bound_states(0.003)
    np.testing.assert_allclose(light.ratio, rydberg(N), atol=1e-6)
    assert rydberg([1, 2]) == pytest.approx([0.94281, 0.97980], abs=5e-6)
    heavy = bound_states(1000.0)
    np.testing.assert_allclose(heavy.ratio, thick_core(2 * N, 1000.0), rtol=3e-3)
    other = bound_states(1000.0, pair="repelled")
    np.testing.assert_allclose(other.ratio, thick_core(2 * N + 2, 1000.0), rtol=3e-3)


@settings(max_examples=15)
@given(masses, st.integers(1, 4), st.integers(-3, 6))
def test_there_are_as_many_zero_modes_as_the_winding(mass, n, l):  # noqa: E741
    found = bound_states(mass, l, n=n, count=2)
    if 0 <= l < n:
        assert abs(found.squared[0]) <= found.error[0]
        assert found.ratio[0] == 0
    else:
        assert found.squared[0] > 1e-4 / (1 + mass)
    assert (found.squared[1:] > 1e-4 / (1 + mass)).all()


@settings(max_examples=6)
@given(masses, st.integers(1, 3), st.integers(-2, 4))
def test_u_and_v_are_on_a_par(mass, n, l):  # noqa: E741
    one, other = bound_states(mass, l, n=n, count=3), bound_states(mass, n - 1 - l, n=n, count=3)
    np.testing.assert_allclose(one.squared, other.squared, atol=1e-7)


def test_the_whole_dirac_operator_has_these_levels():
    """All four components, Dirac's matrices, in a basis of oscillator states in x and y."""
    mass, size = 10.0, 16
    omega = mass * profile(1).slope
    lower = np.diag(np.sqrt(np.arange(1, size)), 1)
    p = 1j * np.sqrt(omega / 2) * (lower.T - lower)
    node, weight = np.polynomial.hermite.hermgauss(80)
    basis = [np.pi**-0.25 * np.ones_like(node), np.pi**-0.25 * np.sqrt(2) * node]
    for k in range(2, size):
        basis.append(np.sqrt(2 / k) * node * basis[-1] - np.sqrt((k - 1) / k) * basis[-2])
    basis = np.array(basis)
    x, y = np.meshgrid(node / np.sqrt(omega), node / np.sqrt(omega), indexing="ij")
    per_r = profile(1).f(np.hypot(x, y)) / np.hypot(x, y)
    both = np.einsum("ai,bi,i->abi", basis, basis, weight)

    def matrix(values):
        return np.einsum("abi,cdj,ij->acbd", both, both, values).reshape(size**2, size**2)

    sigma = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    alpha = np.kron([[0, 1], [1, 0]], sigma)
    beta = np.kron([[1, 0], [0, -1]], np.eye(2))
    gamma5 = np.kron([[0, 1], [1, 0]], np.eye(2))
    one = np.eye(size)
    H = (
        np.kron(alpha[0], np.kron(p, one))
        + np.kron(alpha[1], np.kron(one, p))
        + mass * np.kron(beta, matrix(per_r * x))
        + mass * np.kron(1j * beta @ gamma5, matrix(per_r * y))
    )
    np.testing.assert_allclose(H, H.conj().T, atol=1e-12)
    alpha_z = np.kron(alpha[2], np.eye(size**2))
    assert np.abs(H @ alpha_z + alpha_z @ H).max() < 1e-12
    energy, state = eigh(H)
    np.testing.assert_allclose(energy, -energy[::-1], atol=1e-8)

    shell = np.add.outer(np.arange(size), np.arange(size)).reshape(-1)

    def at_the_edge(states):
        """How much of a state the basis' end holds."""
        return (np.abs(states.reshape(4, size**2, -1)) ** 2)[:, shell >= size - 2].sum(axis=(0, 1))

    levels = [
        bound_states(mass, k, pair=pair, count=3).ratio
        for k in range(-4, 5)
        for pair in ("attracted", "repelled")
    ]
    expected = np.sort(np.concatenate(levels))
    assert expected[0] == 0.0
    inside = (energy > 0.01 * mass) & (at_the_edge(state) < 0.02)
    assert energy[inside][:7] / mass == pytest.approx(expected[1:8], abs=2e-3)
    # A finite matrix has as many zero modes of the other chirality, at the basis' end; one of
    # all is where the string is.
    null = state[:, np.abs(energy) < 0.01 * mass]
    end = np.tile(shell >= size - 2, 4)
    there, mixed = eigh(null.conj().T @ (end[:, None] * null))
    assert there[0] < 1e-3
    assert there[1] > 0.1
    zero = null @ mixed[:, 0]
    assert abs(zero.conj() @ alpha_z @ zero) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: bound_states(0.0), r"mass must be a number in \[0.001, 1000\].* rydberg"),
        (lambda: bound_states(1.0, 0.5), "l must be a whole number from -20 to 20"),
        (lambda: bound_states(1.0, pair="both"), "pair must be 'attracted' or 'repelled'"),
        (lambda: bound_states(1.0, n=0), "n must be a whole number from 1 to 10"),
        (lambda: ZeroMode(1e4), "mass must be a number in"),
        (lambda: ZeroMode(1.0).form_factor(1e4), "q must be finite and at most 200 for mass = 1"),
        (lambda: cloud_form_factor(1.0, -1.0), "mass must be a number in"),
    ],
)
def test_mistakes(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_examples():
    assert zero_modes is sys.modules["halflife.strings.zero_modes"]
    assert doctest.testmod(zero_modes).failed == 0
