"""Strings that move, wind twice or come in pairs, against what is known of them exactly."""

import numpy as np
import pytest
import torch
from scipy.special import ellipe, ellipk

from halflife.strings import profile
from halflife.strings.lattice import Field, Grid, advance, evolve, synchronise
from halflife.strings.loop import loop_field


def boosted(v, start, n=1):
    """φ and φ̇ of a straight string of winding n that moves along x, any number of axes."""
    made, gamma = profile(n), 1 / np.sqrt(1 - v**2)

    def place(x, y):
        X = gamma * (x - start)
        return X, np.hypot(X, y), n * np.arctan2(y, X)

    def phi(x, y, *rest):
        _, r, angle = place(x, y)
        nothing = 0 * sum(rest) if rest else 0.0
        return made.f(r) * np.cos(angle) + nothing, made.f(r) * np.sin(angle) + nothing

    def velocity(x, y, *rest):
        X, r, angle = place(x, y)
        f, rise = made.f(r), made.df(r) * X / r
        turn = -n * y / r**2
        nothing = 0 * sum(rest) if rest else 0.0
        return (
            -v * gamma * (rise * np.cos(angle) - f * turn * np.sin(angle)) + nothing,
            -v * gamma * (rise * np.sin(angle) + f * turn * np.cos(angle)) + nothing,
        )

    return phi, velocity


def core(field):
    """Where the string crosses y = 0, by φ₁ + iφ₂ in the two rows beside it."""
    middle = field.grid.shape[1] // 2
    line = field.phi[0, :, middle - 1 : middle + 1].double().numpy().mean(axis=-1)
    if line.ndim > 1:
        line = line[:, 0]
    (i,) = np.flatnonzero(np.diff(np.sign(line)))
    x = field.grid.centres(0)
    return x[i] + field.grid.spacing * line[i] / (line[i] - line[i + 1])


def pair(h, v, start=-5.0, size=20.0):
    cells = round(2 * size / h)
    return Field(Grid((cells, cells), h, edges="outgoing"), *boosted(v, start), dtype=torch.float64)


@pytest.mark.parametrize("v", [0.3, 0.6, 0.8])
def test_a_boosted_string_moves_at_its_speed(v):
    wrong = []
    for h in (0.5, 0.25):
        field = pair(h, v)
        list(evolve(field, 0.4 * h, round(10 / (0.4 * h))))
        wrong.append(abs(core(field) - (-5 + 10 * v)))
    assert wrong[1] < 0.05 * v**2 + 0.005
    assert wrong[1] < 0.4 * wrong[0]


@pytest.mark.parametrize("n", [1, 2])
def test_a_boosted_strings_energy(n):
    """In a box that is contracted too it is γ G + V/γ, of the gradient and potential at rest."""
    gamma = 1 / 0.6
    still = Field(
        Grid((300, 300), 0.1, edges="fixed"), boosted(0.0, 0.0, n)[0], dtype=torch.float64
    )
    field = Field(Grid((180, 300), 0.1, edges="fixed"), *boosted(0.8, 0.0, n), dtype=torch.float64)
    rest, moving = still.energy(), field.energy()
    expected = gamma * rest.gradient + rest.potential / gamma
    assert moving.total == pytest.approx(expected, rel=4e-3)
    assert moving.kinetic == pytest.approx(gamma * 0.64 * rest.gradient / 2, rel=4e-3)


def test_it_is_the_same_in_three_dimensions():
    flat, solid = (
        Field(Grid(shape, 0.5, edges=edges), *boosted(0.6, -3.0), dtype=torch.float64)
        for shape, edges in (
            ((48, 48), "outgoing"),
            ((48, 48, 6), ("outgoing", "outgoing", "periodic")),
        )
    )
    assert solid.energy().total / 3 == pytest.approx(flat.energy().total, rel=1e-12)
    for field in (flat, solid):
        list(evolve(field, 0.2, 40))
    assert torch.allclose(solid.phi, flat.phi[..., None].expand_as(solid.phi), rtol=0, atol=1e-13)


def test_a_moving_string_goes_back_to_where_it_came_from():
    def made():
        return Field(
            Grid((80, 80), 0.5, edges="reflecting"), *boosted(0.5, 0.0), dtype=torch.float64
        )

    field, start = made(), made()
    for method in ("leapfrog", "yoshida4"):
        for dt in (0.1, -0.1):
            advance(field, dt, 100, method)
            synchronise(field)
        assert (field.phi - start.phi).abs().max() < 1e-12
        assert (field.velocity - start.velocity).abs().max() < 1e-12


def test_a_string_that_winds_twice_costs_four_logarithms():
    energy = {}
    for n in (1, 2):
        for size in (10.0, 20.0):
            cells = round(2 * size / 0.25)
            grid = Grid((cells, cells), 0.25, edges="fixed")
            energy[n, size] = Field(grid, boosted(0.0, 0.0, n)[0]).energy().total
    for n in (1, 2):
        doubled = energy[n, 20.0] - energy[n, 10.0]
        assert doubled == pytest.approx(np.pi * n**2 * np.log(2), rel=0.03)


def loops(h, *of):
    grid = Grid((round(100 / h), round(200 / h)), h, "axisymmetric", edges="reflecting")

    def phi(r, z):
        total = 1
        for radius, height, winding in of:
            one, two = loop_field(r, z - height, radius)
            total = total * (one + 1j * winding * two)
        return total.real, total.imag

    return Field(grid, phi, dtype=torch.float64)


def heights(field):
    """Mean |z| of the strings: the cores are where |φ| is small."""
    modulus = np.hypot(*field.phi.numpy())
    z = np.abs(field.grid.centres(1))
    weight = np.maximum(0.5 - modulus, 0) ** 2
    return float((weight * z).sum() / weight.sum())


@pytest.mark.parametrize("d", [8.0, 16.0])
def test_two_loops_share_neumanns_energy(d):
    """But for the cores' tails, which take of it some 12/R²."""
    R = 14.0
    alike, opposed = (loops(0.5, (R, -d / 2, 1), (R, d / 2, s)).energy().total for s in (1, -1))
    k2 = 4 * R**2 / (4 * R**2 + d**2)
    neumann = 4 * np.pi**2 * R * ((2 - k2) * ellipk(k2) - 2 * ellipe(k2)) / np.sqrt(k2)
    assert (alike - opposed) / 2 == pytest.approx(neumann, rel=16 / R**2)


@pytest.mark.parametrize("winding", [1, -1])
def test_loops_that_wind_alike_repel_and_others_attract(winding):
    both = loops(0.5, (14.0, -8.0, 1), (14.0, 8.0, winding))
    before, energy = heights(both), both.energy().total
    list(evolve(both, 0.1, 60))
    assert both.energy().total == pytest.approx(energy, rel=1e-3)
    assert (heights(both) - before) * winding > 0.1


def test_a_function_on_an_axisymmetric_grid_is_asked_for_no_negative_distance():
    asked = []

    def phi(r, z):
        asked.append(r.min())
        return 1 + 0 * r * z, 0 * r * z

    Field(Grid((8, 8), 0.5, "axisymmetric"), phi)
    assert min(asked) == 0.25
