"""Beads in three dimensions: forces by finite differences, and the ring that they add up to."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from halflife.strings.lattice import Field, Grid
from halflife.strings.loop.beads import Beads

H, W = 0.5, 0.6


def box(phi):
    grid = Grid(phi.shape[1:], H, edges="reflecting")
    return Field(grid, phi, dtype=torch.float64, engine="eager")


def random_field(seed, cells=26):
    return np.random.default_rng(seed).normal(size=(2, cells, cells, cells))


def energy(phi, X, p, mh=3.0):
    field = box(phi)
    return float(Beads(field, X, p, mh=mh, w=W).energies(field).sum())


inner = st.lists(st.floats(-2.5, 2.5), min_size=3, max_size=3).map(np.array)


@settings(max_examples=8)
@given(seed=st.integers(0, 99), X=inner, p=inner)
def test_forces_are_gradients_of_the_energy(seed, X, p):
    phi = random_field(seed)
    field = box(phi)
    beads = Beads(field, X[None], p[None], mh=3.0, w=W)
    before = energy(phi, X[None], p[None])
    beads.open_step(field, 1e-8)
    push = field.velocity.numpy() / (0.5e-8)
    kick = (beads.p.numpy()[0] - p) / 0.5e-8
    eps = 1e-5
    for axis in range(3):
        step = np.eye(3)[axis] * eps
        slope = (
            energy(phi, (X + step)[None], p[None]) - energy(phi, (X - step)[None], p[None])
        ) / (2 * eps)
        edges = (np.arange(26) + 0.5) * H - 6.5
        if np.abs(np.abs(edges - X[axis]) - 5 * W).min() > 2 * eps:
            assert kick[axis] == pytest.approx(-slope, rel=1e-3, abs=1e-4)
    for at in [(0, 13, 13, 13), (1, 12, 14, 13), (0, 15, 11, 14)]:
        up, down = phi.copy(), phi.copy()
        up[at] += eps
        down[at] -= eps
        slope = (energy(up, X[None], p[None]) - energy(down, X[None], p[None])) / (2 * eps)
        assert push[at] * H**3 == pytest.approx(-slope, rel=1e-3, abs=1e-6)
    assert before > np.linalg.norm(p)


def test_beads_that_leave_the_box_say_so():
    field = box(random_field(0))
    with pytest.raises(ValueError, match="take a larger box"):
        Beads(field, np.array([[6.0, 0, 0]]), np.zeros((1, 3)), mh=1.0, w=W).energies(field)
