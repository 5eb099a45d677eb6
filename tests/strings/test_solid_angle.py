import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halflife.strings.loop.solid_angle import loop_phase, solid_angle

lengths = st.floats(0.1, 30)


def by_quadrature(r, z, R):
    """The integral of cos/distance² over the disc, by Gauss-Legendre rings and a trapezoid."""
    nodes, weights = np.polynomial.legendre.leggauss(400)
    rho = R * (nodes + 1) / 2
    angle = np.linspace(0, 2 * np.pi, 800, endpoint=False)
    squared = r**2 + rho[:, None] ** 2 - 2 * r * rho[:, None] * np.cos(angle) + z**2
    ring = (z / squared**1.5).mean(axis=1) * 2 * np.pi
    return float(np.sum(weights * R / 2 * rho * ring))


@pytest.mark.parametrize(("r", "z"), [(0.0, 1.0), (0.4, 0.5), (1.0, 0.7), (1.7, 0.4), (3.0, 5.0)])
def test_is_the_integral_over_the_disc(r, z):
    assert solid_angle(r, z, 1.0) == pytest.approx(by_quadrature(r, z, 1.0), abs=1e-10)


@given(z=lengths, R=lengths)
def test_on_the_axis_is_elementary(z, R):
    assert solid_angle(0.0, z, R) == pytest.approx(2 * np.pi * (1 - z / np.hypot(R, z)), abs=1e-13)


def test_faces_rim_and_far_away():
    assert solid_angle([0.0, 3.0, 9.999], 0.0, 10.0) == pytest.approx(2 * np.pi)
    assert solid_angle([10.001, 20.0], 0.0, 10.0) == pytest.approx(0)
    assert solid_angle(10.0, 0.0, 10.0) == pytest.approx(np.pi)
    # around the rim the phase is the polar angle of the core, up to O(distance/R log)
    angle = np.linspace(0.1, np.pi - 0.1, 7)
    near = solid_angle(10 + 1e-6 * np.cos(angle), 1e-6 * np.sin(angle), 10.0)
    assert near == pytest.approx(2 * angle, abs=1e-5)
    far = solid_angle(np.array([1e3]), np.array([2e3]), 1.0)
    assert far == pytest.approx(np.pi * 2e3 / (5e6) ** 1.5, rel=1e-5)


@given(r=st.floats(0, 30), z=st.floats(0.5, 30), R=lengths, scale=st.floats(0.1, 10))
def test_depends_on_ratios_and_is_even_in_z(r, z, R, scale):
    assert solid_angle(scale * r, scale * z, scale * R) == pytest.approx(
        solid_angle(r, z, R), abs=1e-11
    )
    assert solid_angle(r, -z, R) == solid_angle(r, z, R)
    assert loop_phase(r, -z, R) == -loop_phase(r, z, R)


def test_the_phase_is_harmonic():
    h = 0.05
    r, z = np.meshgrid(np.arange(2, 30, 1.7), np.arange(1.1, 30, 1.3), indexing="ij")
    laplacian = sum(
        c
        * (loop_phase(r + i * h, z, 10.0) * (1 + i * h / (2 * r)) + loop_phase(r, z + i * h, 10.0))
        for i, c in ((-1, 1), (0, -2), (1, 1))
    )  # five points; (r ± h/2) weights make the radial part the flux form
    smooth = np.hypot(r - 10, z) > 1.0
    assert np.abs(laplacian[smooth] / h**2).max() < 2e-3


def test_winds_once_around_the_rim_and_nowhere_else():
    r = np.arange(40) + 0.5
    z = np.arange(-20, 20) + 0.5
    phase = loop_phase(*np.meshgrid(r, z, indexing="ij"), 20.3)
    sides = [
        phase[1:, :-1] - phase[:-1, :-1],
        phase[1:, 1:] - phase[1:, :-1],
        phase[:-1, 1:] - phase[1:, 1:],
        phase[:-1, :-1] - phase[:-1, 1:],
    ]
    around = sum((side + np.pi) % (2 * np.pi) - np.pi for side in sides) / (2 * np.pi)
    found = np.argwhere(np.rint(around) != 0)
    assert found.tolist() == [[19, 19]]
    assert around[19, 19] == pytest.approx(1)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
def test_refuses_a_radius_that_is_none(bad):
    with pytest.raises(ValueError, match="R="):
        solid_angle(1.0, 1.0, bad)
    with pytest.raises(ValueError, match="r holds"):
        solid_angle(-1.0, 1.0, 1.0)
