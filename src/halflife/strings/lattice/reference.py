"""The lattice in plain float64 NumPy, axis by axis as the equation reads: the tests' oracle.

φ̈ₐ = Σ over axes (φ₊ − 2φ + φ₋)/h² − φₐ (φ₁² + φ₂² − 1); around an axis of symmetry the radial
part is (1/rᵢ)[r₊(φᵢ₊₁ − φᵢ) − r₋(φᵢ − φᵢ₋₁)]/h². Complex values may be put in, for derivatives.
Keeps whatever type it is given, so that it can also show what another type loses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from halflife.strings.lattice.grid import Grid

Array = NDArray[Any]


def acceleration(padded: Array, grid: Grid) -> Array:
    """F(φ), [2, N, …], of a padded field [2, N + 2, …]."""
    h = padded.dtype.type(grid.spacing)
    phi = _inside(padded)
    laplacian = np.zeros_like(phi)
    for axis in range(grid.axes):
        up = _shifted(padded, axis, 1) - phi
        down = phi - _shifted(padded, axis, -1)
        if grid.geometry == "axisymmetric" and axis == 0:
            r = grid.centres(0)[:, None]
            up = up * ((r + grid.spacing / 2) / r)
            down = down * ((r - grid.spacing / 2) / r)
        laplacian = laplacian + (up - down) / h**2
    return np.asarray((laplacian - phi * (phi[0] ** 2 + phi[1] ** 2 - 1)).astype(padded.dtype))


def kick_drift(padded: Array, velocity: Array, kick: float, drift: float, grid: Grid) -> None:
    """V ← v + kick F(φ), φ ← φ + drift v inside, both in place."""
    velocity += velocity.dtype.type(kick) * acceleration(padded, grid)
    _inside(padded)[...] += velocity.dtype.type(drift) * velocity


def stoermer(padded: Array, previous: Array, dt: float, grid: Grid) -> None:
    """Previous ← 2φ − previous + dt² F(φ) inside, in place."""
    past = _inside(previous)
    square = padded.dtype.type(dt * dt)
    past[...] = 2 * _inside(padded) - past + square * acceleration(padded, grid)


def energy(padded: Array, velocity: Array, grid: Grid) -> float:
    """Kinetic, gradient and potential energy, by a loop over all cells and bonds."""
    h, total = grid.spacing, 0.0
    for cell in np.ndindex(*grid.shape):
        here = tuple(n + 1 for n in cell)
        v = velocity[(slice(None), *cell)]
        phi = padded[(slice(None), *here)]
        volume = h**grid.axes
        if grid.geometry == "axisymmetric":
            volume *= 2 * np.pi * float(grid.centres(0)[cell[0]])
        total += volume * float(v @ v / 2 + (phi @ phi - 1) ** 2 / 4)
        for axis in range(grid.axes):
            for high in (False, True):
                last = cell[axis] == grid.shape[axis] - 1
                if high and not last:
                    continue  # the next cell has this bond on its low side
                there = list(here)
                there[axis] += 1 if high else -1
                difference = padded[(slice(None), *there)] - phi
                at_face = last if high else cell[axis] == 0
                share = grid.faces[axis][high].link if at_face else 1.0
                weight = h ** (grid.axes - 2)
                if grid.geometry == "axisymmetric":
                    r = float(grid.centres(0)[cell[0]])
                    side = (h / 2 if high else -h / 2) if axis == 0 else 0.0
                    weight = 2 * np.pi * (r + side)
                total += share * weight * float(difference @ difference) / 2
    return total


def _inside(padded: Array) -> Array:
    return padded[(slice(None), *(slice(1, -1),) * (padded.ndim - 1))]


def _shifted(padded: Array, axis: int, step: int) -> Array:
    cells = [slice(None), *(slice(1, -1),) * (padded.ndim - 1)]
    cells[axis + 1] = slice(2, None) if step > 0 else slice(0, -2)
    return padded[tuple(cells)]
