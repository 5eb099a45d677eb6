"""The plain coupled system: its laws, before anything fast is held against it."""

import numpy as np
import pytest

from halflife.strings.loop import reference
from halflife.strings.loop.initial import loop_field, phase_noise

H = 0.5
R_V = 6.0  # far too small for physics, large enough for the laws


def centres(cells, h=H):
    return (np.arange(cells) + 0.5) * h


def system(R0=8.0, cells=44, h=H):
    r, z = np.meshgrid(centres(cells, h), centres(cells, h), indexing="ij")
    phi = loop_field(r, z, R0)
    J = 2 * np.pi**2 * R_V**2 * (np.log(8 * R_V) - 0.615)
    mh = 4 * J / np.sqrt(0.2147 * R_V**3)
    rings = [reference.Ring(x=R0, q=0.0, J=J, mh=mh, w=1.0)]
    return phi, np.zeros_like(phi), rings


def total(phi, v, rings, h=H):
    return reference.field_energy(phi, v, h) + sum(
        ring.energy(phi, h, ring.x, ring.q) for ring in rings
    )


def test_the_force_is_the_gradient_of_the_energy():
    rng = np.random.default_rng(1)
    phi = rng.normal(size=(2, 7, 5))
    r = centres(7)
    found = np.zeros_like(phi)
    for at in np.ndindex(phi.shape):
        up, down = phi.copy(), phi.copy()
        up[at] += 1e-4
        down[at] -= 1e-4
        rise = reference.field_energy(up, 0 * phi, H) - reference.field_energy(down, 0 * phi, H)
        found[at] = -rise / 2e-4 / (4 * np.pi * r[at[1]] * H**2)
    assert reference.force(phi, H) == pytest.approx(found, rel=1e-6, abs=1e-5)


def run(dt, T=4.0, eta=0.0):
    phi, v, rings = system()
    rings[0].q = 30.0
    begin = total(phi, v, rings)
    absorbed = 0.0
    rates = np.full(phi.shape[1:], eta)
    for _ in range(round(T / dt)):
        absorbed += reference.step(phi, v, rings, rates, H, dt)
    return phi, v, rings, (total(phi, v, rings) + absorbed) / begin - 1, absorbed


def test_the_energy_book_closes_at_second_order():
    errors = [abs(run(dt)[3]) for dt in (0.2, 0.1, 0.05)]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert errors[-1] < 2e-4
    assert orders == pytest.approx(2, abs=0.3)


def test_the_solution_is_of_second_order():
    ends = [run(dt)[2][0].x for dt in (0.2, 0.1, 0.05)]
    assert np.log2((ends[0] - ends[1]) / (ends[1] - ends[2])) == pytest.approx(2, abs=0.3)


def test_an_absorber_books_what_it_takes():
    *_, error, absorbed = run(0.05, eta=0.3)
    assert absorbed > 1.0
    assert abs(error) < 2e-4


def test_runs_backwards():
    phi, v, rings = system()
    was, x = phi.copy(), rings[0].x
    rings[0].q = 20.0
    none = np.zeros(phi.shape[1:])
    for _ in range(25):
        reference.step(phi, v, rings, none, H, 0.2)
    v *= -1
    rings[0].q *= -1
    for _ in range(25):
        reference.step(phi, v, rings, none, H, 0.2)
    assert phi == pytest.approx(was, abs=1e-9)
    assert rings[0].x == pytest.approx(x, abs=1e-9)
    assert rings[0].q == pytest.approx(-20.0, abs=1e-6)


def test_a_loop_on_the_grid_has_the_energy_of_a_thin_loop():
    """2π²R (ln 8R − 1.615), from below, as the box leaves out part of the far field."""
    R, box = 20.0, 60.0
    r, z = np.meshgrid(centres(120), centres(120), indexing="ij")
    phi = loop_field(r, z, R)
    found = reference.field_energy(phi, 0 * phi, H)
    thin = 2 * np.pi**2 * R * (np.log(8 * R) - 1.615)
    assert box == 120 * H
    assert 0.985 < found / thin < 1.0


def test_initial_data_winds_and_keep_their_symmetry():
    r, z = np.meshgrid(centres(60), centres(60) - 15, indexing="ij")
    noise = phase_noise(r, z, 8.0, seed=3)
    plain, shaken = loop_field(r, z, 8.0), loop_field(r, z, 8.0, noise)
    for phi in (plain, shaken):
        assert phi[0] == pytest.approx(phi[0][:, ::-1], abs=1e-12)
        assert phi[1] == pytest.approx(-phi[1][:, ::-1], abs=1e-12)
        assert np.hypot(*phi).max() <= 1.0
    assert 0.3e-2 < np.abs(noise).max() <= 1.0001e-2
    assert np.abs(phase_noise(r, z, 8.0, seed=4) - noise).max() > 1e-3
    near = np.argmin(np.hypot(r - 8.0, z))
    assert np.hypot(*plain).ravel()[near] < 0.25
    with pytest.raises(ValueError, match="amplitude"):
        phase_noise(r, z, 8.0, seed=0, amplitude=-1.0)
