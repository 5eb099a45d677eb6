"""Resonances of the string ring: the squared operator, convergence, and the WKB exponent."""

import math

import numpy as np
import pytest

from halflife.strings import profile_exponent
from halflife.strings.resonances.string_ring import (
    Grid,
    field,
    operator,
    string_ring,
)

s1, s2, s3 = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=complex)
one = np.eye(2)


def derivative(values, h, axis):
    """Of sixth order."""
    at = [np.roll(values, -k, axis) for k in (-3, -2, -1, 1, 2, 3)]
    weights = np.array([-1, 9, -45, 45, -9, 1]) / (60 * h)
    return sum(w * v for w, v in zip(weights, at, strict=True))


def test_the_operator_is_the_square_of_the_dirac_operator():
    R, m, j, h = 9.0, 0.8, 7.5, 0.05
    grid = Grid(spacing=h, inner=R - 3, outer=R + 3, height=3.0, layer=1e-9, strength=0.0)
    r, half = grid.r, grid.z
    z = np.concatenate([-half[::-1], half])
    at_r, at_z = np.meshgrid(r, z, indexing="ij")
    x, y = at_r - R, at_z
    bump = np.exp(-3 * x**2 - 3 * y**2)
    even = [(1 + 0.3 * x) * bump, (0.4 - 1j * x + y**2) * bump]
    odd = [y * (1 - 0.2j * x) * bump, y * (0.5 + x) * bump]
    psi = np.stack([even[0], odd[0], odd[1], even[1]], axis=-1)

    rho2 = np.kron(s2, one)  # α_k = −ρ₂ σ_k, γ₅ = −ρ₂, β = ρ₃: the usual ones turned about ρ₃
    alpha = [-np.kron(s2, s) for s in (s1, s2, s3)]
    beta, gamma5 = np.kron(s3, one), -rho2
    phi1, phi2 = (part[..., None] for part in field(at_r, at_z, R))

    def dirac(state):
        out = -1j * derivative(state, h, 0) @ alpha[0].T - 1j * derivative(state, h, 1) @ alpha[2].T
        out = out + j / at_r[..., None] * (state @ alpha[1].T)
        return out + m * (phi1 * state + 1j * phi2 * (state @ gamma5.T)) @ beta.T

    twice = dirac(dirac(psi))[:, len(half) :]
    squared = (operator(R, m, j, grid) @ psi[:, len(half) :].ravel()).reshape(twice.shape)
    inside = (slice(12, -12), slice(0, -12))
    assert np.abs(squared - twice)[inside].max() < 2e-4 * np.abs(twice).max()


def test_the_field_of_the_loop_winds_once_and_is_reflected():
    angle = np.linspace(0.1, 2 * math.pi + 0.1, 400)
    phi1, phi2 = field(12 + 2 * np.cos(angle), 2 * np.sin(angle), 12.0)
    winding = np.unwrap(np.arctan2(phi2, phi1))
    assert (winding[-1] - winding[0]) / (2 * math.pi) == pytest.approx(1, abs=1e-6)
    r, z = np.meshgrid([3.0, 9.0, 12.5, 20.0], [0.1, 1.0, 7.0])
    (a1, a2), (b1, b2) = field(r, z, 12.0), field(r, -z, 12.0)
    np.testing.assert_allclose(a1, b1, atol=1e-14)
    np.testing.assert_allclose(a2, -b2, atol=1e-14)


def test_error_bars_cover_what_finer_grids_find():
    results = [string_ring(20, 1, 30.5, spacing=h) for h in (0.9, 0.7, 0.5)]
    best = results[-1]
    assert best.energy * 20 / 30.5 == pytest.approx(0.98878, abs=1e-4)
    assert best.rate == pytest.approx(2.405e-3, rel=0.01)
    for result in results[:-1]:
        assert abs(result.rate - best.rate) < 1.5 * (result.rate_error + best.rate_error)
        assert abs(result.energy - best.energy) < 1.5 * (result.energy_error + best.energy_error)
    assert results[0].rate_error > results[1].rate_error > best.rate_error


@pytest.mark.parametrize(("j", "spacing"), [(26.5, 0.55), (30.5, 0.6), (34.5, 0.6)])
def test_the_rate_is_near_that_of_the_true_profiles_barrier(j, spacing):
    found = string_ring(20, 1, j, spacing=spacing)
    expected = math.exp(-profile_exponent(20, 1, found.energy, j)) / found.energy
    assert 0.5 < found.rate / expected < 2
    assert found.rate_error < 0.15 * found.rate


def test_the_state_sits_at_the_core_and_leaks_outward():
    found = string_ring(20, 1, 30.5, spacing=0.7)
    assert found.weight > 0.8
    assert found.density.sum() == pytest.approx(1)
    row, column = np.unravel_index(found.density.argmax(), found.density.shape)
    assert abs(found.grid.r[row] - 20) < 1
    assert column == 0
    outside = found.density[found.grid.r > 26].sum()
    inside = found.density[found.grid.r < 14].sum()
    assert outside > 10 * inside


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((20, 1, 19.5), r"half-integer above m R = 20"),
        ((20, 1, 30), "half-integer"),
        ((2, 1, 30.5), r"R must be a number in \[5, inf\)"),
        ((20, 1, 30.5, 1.2), "resolves no wave"),
        ((2000, 1, 2100.5, 0.5), "pass a larger spacing"),
    ],
)
def test_bad_arguments(arguments, message):
    R, m, j, *spacing = arguments
    with pytest.raises(ValueError, match=message):
        string_ring(R, m, j, spacing=spacing[0] if spacing else None)


def test_a_state_as_broad_as_the_distance_to_the_next_is_no_resonance():
    with pytest.raises(ArithmeticError, match=r"no state stands out .* at once at R=5, m=1"):
        string_ring(5.0, 1.0, 30.5)
