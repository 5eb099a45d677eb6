"""Radiation through a closed surface, split into Goldstone bosons and radial waves.

The model is ours: the paper's abstract gives the claims, not the equations. The energy that leaves
a volume each second is −∮ φ̇ₐ ∂ₙφₐ. With φ = |φ| e^{iθ} it is the sum of

    −∮ |φ|² θ̇ ∂ₙθ   (Goldstone)   and   −∮ ∂ₜ|φ| ∂ₙ|φ|   (radial),

point by point. The surface is a cylinder around the loop, its lid and floor.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from halflife.strings.lattice.field import Field
from halflife.strings.lattice.stencil import acceleration

Array = NDArray[np.float64]


class Flux(NamedTuple):
    """Energy per time, outwards positive."""

    goldstone: float
    radial: float

    @property
    def total(self) -> float:
        """The sum of both."""
        return self.goldstone + self.radial


def split(phi: Array, velocity: Array, normal: Array) -> tuple[Array, Array]:
    """Flux densities of Goldstone and radial waves.

    Args:
        phi: φ at some points, (2, …).
        velocity: φ̇ there.
        normal: ∂ₙφ there.

    Returns:
        Two arrays of shape (…); their sum is −φ̇·∂ₙφ.
    """
    square = phi[0] ** 2 + phi[1] ** 2
    turning = phi[0] * velocity[1] - phi[1] * velocity[0]
    twist = phi[0] * normal[1] - phi[1] * normal[0]
    growth = phi[0] * velocity[0] + phi[1] * velocity[1]
    rise = phi[0] * normal[0] + phi[1] * normal[1]
    return -turning * twist / square, -growth * rise / square


class Cylinder:
    """The surface r, |z| = cells·h around the loop of a half plane.

    Args:
        field: An axisymmetric field with more than `cells` cells along each axis.
        cells: Where the surface is: at the faces between cells `cells − 1` and `cells`.
    """

    def __init__(self, field: Field, cells: int) -> None:
        self.cells = cells
        h = field.grid.spacing
        r = (np.arange(cells) + 0.5) * h
        self._side = np.full(cells, 4 * np.pi * cells * h**2)  # both sides of z = 0
        self._lid = 4 * np.pi * r * h

    def flux(self, field: Field, lag: float) -> Flux:
        """What leaves each second; `lag` as in `field_energy`. No cell that damps may be near."""
        n = self.cells
        layers = slice(n - 1, n + 1)
        parts = []
        for place, area in (
            ((layers, slice(0, n)), self._side),
            ((slice(0, n), layers), self._lid),
        ):
            phi, velocity = _brought_up(field, place, lag)
            if place[0] is not layers:
                phi, velocity = phi.swapaxes(1, 2), velocity.swapaxes(1, 2)
            slope = (phi[:, 1] - phi[:, 0]) / field.grid.spacing
            densities = split(phi.mean(axis=1), velocity.mean(axis=1), slope)
            parts.append([float(np.sum(area * density)) for density in densities])
        return Flux(*map(sum, zip(*parts, strict=True)))


def _brought_up(field: Field, place: tuple[slice, slice], lag: float) -> tuple[Array, Array]:
    """φ and φ̇ at φ's time of some cells, on the host in float64."""
    rows, columns = place
    around = field.padded[:, rows.start : rows.stop + 2, columns.start : columns.stop + 2].double()
    h = field.grid.spacing
    slope = torch.as_tensor(field.grid.slope, device=field.device)[rows]
    velocity = field.velocity[:, rows, columns].double()
    velocity = velocity + lag * acceleration(around, h**-2, slope)
    return around[:, 1:-1, 1:-1].cpu().numpy(), velocity.cpu().numpy()
