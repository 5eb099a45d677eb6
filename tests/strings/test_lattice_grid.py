"""Grids and their edges."""

import numpy as np
import pytest
import torch

from halflife.strings.lattice import Field, Grid, Outgoing, Periodic, Reflecting, advance


def test_cells_have_their_centres_between_the_faces():
    grid = Grid((4, 6), 0.5)
    np.testing.assert_allclose(grid.centres(0), [-0.75, -0.25, 0.25, 0.75])
    around = Grid((3, 4), 0.5, "axisymmetric", edges="fixed")
    np.testing.assert_allclose(around.centres(0), [0.25, 0.75, 1.25])
    np.testing.assert_allclose(around.centres(1, padded=True), np.arange(-1.25, 1.5, 0.5))
    half = Grid((3, 4), 0.5, "axisymmetric", edges="fixed", origin=(0, 0))
    np.testing.assert_allclose(half.centres(1), [0.25, 0.75, 1.25, 1.75])


def test_the_volumes_add_up_to_the_cylinder():
    grid = Grid((20, 30), 0.5, "axisymmetric", edges="fixed")
    volume = np.broadcast_to(grid.volume, grid.shape).sum()
    assert volume == pytest.approx(np.pi * 10**2 * 15)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (((1, 5), 0.5), "shape must be one to three numbers of at least 2"),
        (((5, 5, 5, 5), 0.5), "shape must be one to three"),
        (((5, 5.7), 0.5), r"at least 2, whole ones, got \(5, 5.7\)"),
        (((5, 5), 0.0), "spacing must be positive, got 0.0"),
        (((5, 5), 0.5, "round"), "geometry must be 'cartesian' or 'axisymmetric', got 'round'"),
        (((5, 5, 5), 0.5, "axisymmetric"), r"shape must be \(N_r, N_z\)"),
        (((5, 5), 0.5, "cartesian", "open"), "edges must be of 'fixed', 'outgoing'"),
        (((5, 5), 0.5, "cartesian", ["fixed"]), "edges must be one for all axes or 2"),
        (((5, 5), 0.5, "cartesian", (("periodic", "fixed"), "fixed")), "periodic on both sides"),
        (((5, 5), 0.5, "axisymmetric", ("periodic", "fixed")), "edges of r cannot be periodic"),
        (((5, 5), 0.5, "axisymmetric", "fixed", (-1.0, 0.0)), "origin of r must not be negative"),
        (((5, 5), 0.5, "cartesian", "fixed", (0.0,)), "origin must have 2 numbers"),
    ],
)
def test_what_makes_no_grid_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        Grid(*arguments)


def test_a_coarse_grid_is_warned_of():
    with pytest.warns(UserWarning, match="spacing=0.7 is wider than 0.6 core widths"):
        Grid((5, 5), 0.7)


def test_the_signs_of_a_mirror_are_signs():
    with pytest.raises(ValueError, match="signs must be two of 1 and -1"):
        Reflecting((1, 0))


def test_a_periodic_field_may_be_shifted():
    grid = Grid((12, 10), 0.5)
    phi = np.random.default_rng(0).normal(size=(2, 12, 10))
    plain, shifted = Field(grid, phi), Field(grid, np.roll(phi, (3, 4), (1, 2)))
    for field in (plain, shifted):
        advance(field, 0.1, 20)
    assert torch.equal(torch.roll(plain.phi, (3, 4), (1, 2)), shifted.phi)


@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, 1)])
def test_a_mirror_is_half_of_a_symmetric_field(signs):
    rng = np.random.default_rng(2)
    half = rng.normal(size=(2, 8, 12)) * 0.5
    mirrored = half[:, ::-1] * np.array(signs)[:, None, None]
    whole = np.concatenate((mirrored, half), 1)
    full = Field(Grid((16, 12), 0.5, edges=("reflecting", "periodic")), whole, dtype=torch.float64)
    edges = ((Reflecting(signs), Reflecting()), Periodic())
    part = Field(Grid((8, 12), 0.5, edges=edges), half, dtype=torch.float64)
    for field in (full, part):
        advance(field, 0.1, 30)
    torch.testing.assert_close(full.phi[:, 8:], part.phi, rtol=0, atol=1e-12)
    assert full.energy().total == pytest.approx(2 * part.energy().total, rel=1e-12)


def test_a_fixed_halo_stays_with_every_engine():
    grid = Grid((9, 9), 0.5, edges="fixed")
    for engine in ("eager", "numba"):
        field = Field(grid, lambda x, y: (x, y), engine=engine)
        halo = field.padded[:, 0].clone()
        advance(field, 0.1, 3)
        assert torch.equal(field.padded[:, 0], halo)


def wave(edges, h, direction=0.0):
    """The energy that is left of a small pulse of the massless phase after it met an edge."""
    n = int(30 / h)
    grid = Grid((n,), h, edges=((Reflecting(), edges),), origin=(0.0,))

    def shape(x, t):
        return 1e-3 * np.exp(-((x - 12 - t) ** 2) / 4)

    field = Field(
        grid,
        lambda x: (np.cos(shape(x, 0)), np.sin(shape(x, 0))),
        lambda x: (0 * x, (x - 12) / 2 * shape(x, 0)),
        dtype=torch.float64,
        engine="eager",
    )
    before = field.energy().total
    advance(field, 0.5 * h, int(26 / (0.5 * h)))
    return field.energy().total / before


def test_a_wave_leaves_through_an_outgoing_edge_and_returns_from_a_mirror():
    assert wave(Reflecting(), 0.25) == pytest.approx(1, abs=1e-4)
    assert wave(Outgoing(), 0.25) < 2e-5
    assert wave(Outgoing(), 0.125) < 2e-6


def test_damping_takes_what_it_says():
    grid = Grid((40, 60), 0.5, "axisymmetric", edges="reflecting")
    phi = np.random.default_rng(3).normal(size=(2, 40, 60)) * 0.5
    gaps = []
    for dt in (0.05, 0.025):
        field = Field(grid, phi, dtype=torch.float64)
        before, taken, worst = field.energy().total, 0.0, 0.0
        damping = field.damping([np.linspace(0, 1, 40) ** 2, None], dt)
        for _ in range(round(10 / dt)):
            advance(field, dt, 1, damping=damping)
            taken += field.absorbed(damping)
            worst = max(worst, abs(field.energy().total + taken - before) / before)
        assert taken > 0.2 * before
        gaps.append(worst)
    assert gaps[0] < 0.01
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.1)  # the leapfrog's own error, of order 2


@pytest.mark.parametrize("shape", [(9, 14), (6, 8, 10)])
def test_what_is_taken_is_the_sum_over_all_cells(shape):
    around = len(shape) == 2
    grid = Grid(shape, 0.5, "axisymmetric" if around else "cartesian", edges="reflecting")
    rng = np.random.default_rng(0)
    velocity = rng.normal(size=(2, *shape))
    field = Field(grid, np.ones((2, *shape)), velocity, dtype=torch.float64)
    sponge = np.maximum(0, np.abs(np.linspace(-1, 1, shape[-1])) - 0.6)
    for rates in ([None] * (len(shape) - 1) + [sponge], [0.3 * np.arange(n) for n in shape]):
        damping = field.damping(rates, 0.1)
        d = damping[0].numpy().reshape(-1, *(1,) * (len(shape) - 1))
        for axis in range(1, len(shape)):
            d = d * damping[axis].numpy().reshape(-1, *(1,) * (len(shape) - 1 - axis))
        expected = (grid.volume * (velocity**2).sum(0) * (d**-2 - d**2)).sum() / 2
        assert field.absorbed(damping) == pytest.approx(expected, rel=1e-12)


def test_the_damping_of_a_uniform_field_is_exact():
    grid = Grid((6, 6), 0.5)
    field = Field(grid, lambda x, y: (1 + 0 * x * y, 0 * x * y), dtype=torch.float64)
    field.velocity[1] = 1e-9  # the massless direction: no force to first order
    advance(field, 0.1, 50, damping=field.damping([np.full(6, 0.2), np.full(6, 0.1)], 0.1))
    expected = 1e-9 * np.exp(-0.3 * (50 * 0.1 - 0.05))
    np.testing.assert_allclose(field.velocity[1].numpy(), expected, rtol=1e-6)
