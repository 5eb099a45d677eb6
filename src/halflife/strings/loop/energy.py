"""The energy book of a loop: field, carriers, and what the absorber has taken. It closes.

The model is ours: the paper's abstract gives the claims, not the equations. Every part is that of
the discrete system, so the sum is a constant of the run up to the O(dt²) ripple of the integrator.
The sums are one compiled pass where the field is in the processor's memory; elsewhere
`Field.energy` does them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from halflife.compiled import kept
from halflife.strings.lattice import memory
from halflife.strings.lattice.energy import Energy
from halflife.strings.lattice.field import Field

Array = NDArray[np.float64]
_summed = kept(error_model="numpy", fastmath={"reassoc"})  # the order does not matter in float64

Factors = Any
"""Damping factors of half a step, one tensor an axis."""


def field_energy(field: Field, lag: float, factors: Factors) -> Energy:
    """Energy of a field whose grid is a half plane (doubled: both sides of z = 0) or a box.

    Args:
        field: φ at a whole time.
        lag: By how much the velocity is behind.
        factors: Damping that is still due to it before it catches up.
    """
    if field.grid.geometry == "cartesian":
        return field.energy(lag=lag, damping=factors)
    if field.device.type != "cpu":
        half = field.energy(lag=lag, damping=factors)
        return Energy(2 * half.kinetic, 2 * half.gradient, 2 * half.potential)
    rows = np.empty((field.grid.shape[0], 3))
    keep = [d.numpy() for d in factors]
    phi, v = memory.rows(field.padded).numpy(), field.velocity.numpy()
    _half_plane(phi, v, *keep, lag, field.grid.spacing, rows)
    kinetic, gradient, potential = rows.sum(axis=0)
    return Energy(float(kinetic), float(gradient), float(potential))


class Absorbed:
    """What one step's absorber takes, summed over the cells that damp and no others.

    With v⁻ and v⁺ the velocities in the middle of two drifts and v⁺/d − d v⁻ = dt F between them,
    the energy in the middle of a drift, ½ v² + ½ φₙ·K φₙ₊₁ for a force −K φ, falls by exactly

        ½ (v⁺ + v⁻) (v⁺ (1/d − 1) + v⁻ (1 − d)).

    The kinetic energy that the two factors take is cosh(η dt/2) times that for v⁺ = v⁻, thus more
    by (η dt)²/8 of itself, which is 2 % at an open edge.

    Args:
        field: The field, for its grid, its type and its device.
        factors: Damping factors of half a step, one tensor an axis.
    """

    def __init__(self, field: Field, factors: Factors) -> None:
        grid = field.grid
        copies = 1.0 if grid.geometry == "cartesian" else 2.0
        damped = [torch.nonzero(d < 1).ravel() for d in factors]
        free = [slice(None)] * grid.axes
        self._parts = []
        for axis, cells in enumerate(damped):
            for run in _runs(cells.tolist()):
                place = list(free)
                place[axis] = run
                d = torch.ones(1, dtype=torch.float64, device=field.device)
                for other, factor in enumerate(factors):
                    shape = [1] * grid.axes
                    shape[other] = -1
                    d = d * factor[place[other]].double().reshape(shape)
                volume = torch.as_tensor(grid.volume, device=field.device)
                rows = place[0] if volume.shape[0] > 1 else slice(None)
                weight = copies * volume[rows] / 2
                self._parts.append(((slice(None), *place), weight * (1 / d - 1), weight * (1 - d)))
            inner = _inside(cells.tolist(), grid.shape[axis])
            free[axis] = inner  # so that a corner is counted once

    def before(self, field: Field) -> list[Tensor]:
        """The velocities to remember before a step's kick."""
        return [field.velocity[place].to(torch.float64, copy=True) for place, _, _ in self._parts]

    def after(self, field: Field, before: list[Tensor]) -> float:
        """The energy that the step has taken whose drift was the last move."""
        total = 0.0
        for (place, late, early), old in zip(self._parts, before, strict=True):
            new = field.velocity[place].double()
            total += float(((new + old) * (late * new + early * old)).sum())
        return total

    def pending(self, field: Field) -> float:
        """What the half of the next step's damping takes that lies before φ's time.

        The field's energy at a whole time is without it already.
        """
        total = 0.0
        for place, _, early in self._parts:
            total += float((2 * early * field.velocity[place].double().square()).sum())
        return total


def _runs(cells: list[int]) -> list[slice]:
    """Consecutive cells as slices."""
    runs: list[slice] = []
    for cell in cells:
        if runs and runs[-1].stop == cell:
            runs[-1] = slice(runs[-1].start, cell + 1)
        else:
            runs.append(slice(cell, cell + 1))
    return runs


def _inside(cells: list[int], size: int) -> slice:
    """What lies between the damped cells at either end."""
    low = [cell for cell in cells if cell < size // 2]
    high = [cell for cell in cells if cell >= size // 2]
    return slice(max(low) + 1 if low else 0, min(high) if high else size)


@_summed
def _half_plane(phi, v, keep_r, keep_z, lag, h, out):  # type: ignore[no-untyped-def]
    _, rows, columns = v.shape
    for i in range(rows):
        slope = 0.5 / (i + 0.5)
        outer = 1 + slope if i + 1 < rows else 0.0  # no bond through the outer edges
        kinetic = 0.0
        gradient = 0.0
        potential = 0.0
        for j in range(columns):
            p = float(phi[0, i + 1, j + 1])
            q = float(phi[1, i + 1, j + 1])
            mass = p * p + q * q - 1
            d = keep_r[i] * keep_z[j]
            up = 1.0 if j + 1 < columns else 0.0
            for a in range(2):
                here = float(phi[a, i + 1, j + 1])
                low, high = float(phi[a, i, j + 1]), float(phi[a, i + 2, j + 1])
                left, right = float(phi[a, i + 1, j]), float(phi[a, i + 1, j + 2])
                bonds = low + high + slope * (high - low) + left + right - 4 * here
                now = d * v[a, i, j] + lag * (bonds / h**2 - here * mass)
                kinetic += now * now
                gradient += outer * (high - here) ** 2 + up * (right - here) ** 2
            potential += mass * mass
        gradient += 2 * float(phi[1, i + 1, 1]) ** 2  # half of the bond to the mirror image
        weight = 4 * np.pi * h**2 * (i + 0.5) * h
        out[i, 0] = weight * kinetic / 2
        out[i, 1] = weight * gradient / (2 * h**2)
        out[i, 2] = weight * potential / 4
