"""What a run is judged by: energy and charge, summed in float64 whatever the field's type.

The energy is the one whose gradient is the force on this grid, bond by bond:
E = Σ V [φ̇²/2 + (φ² − 1)²/4] + Σ A (Δφ)²/(2h), the second sum over the bonds between cells.
A bond across the box's face counts by its edge's `link`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from halflife.strings.lattice.grid import Grid
from halflife.strings.lattice.stencil import acceleration, inside, keep

_CHUNK = 1 << 19
"""Cells that are looked at in one go, so that their float64 copies stay small."""


@dataclass(frozen=True)
class Energy:
    """The parts of a field's energy, in units of v = λ = 1."""

    kinetic: float
    gradient: float
    potential: float

    @property
    def total(self) -> float:
        """The sum of the parts."""
        return self.kinetic + self.gradient + self.potential


@dataclass(frozen=True)
class _Planes:
    """Some planes in float64: φ with its halo, φ̇ at φ's time, volumes, the planes' place."""

    padded: Tensor
    velocity: Tensor
    volume: Tensor
    place: slice

    @property
    def phi(self) -> Tensor:
        return inside(self.padded)


def _planes(
    grid: Grid, padded: Tensor, velocity: Tensor, lag: float, damping: Sequence[Tensor] | None
) -> Iterator[_Planes]:
    rows = max(1, _CHUNK * grid.shape[0] // grid.sites)
    for start in range(0, grid.shape[0], rows):
        place = slice(start, min(start + rows, grid.shape[0]))
        phi = padded[:, place.start : place.stop + 2].double()
        v = velocity[:, place].double()
        if damping is not None and lag:
            v = v * keep([damping[0][place], *damping[1:]], grid.axes).double()
        if lag:
            slope = None if grid.slope is None else _tensor(grid.slope[place], phi)
            v = v + lag * acceleration(phi, grid.spacing**-2, slope)
        volume = grid.volume[place] if grid.slope is not None else grid.volume
        yield _Planes(phi, v, _tensor(volume, phi), place)


def energy(
    grid: Grid,
    padded: Tensor,
    velocity: Tensor,
    lag: float = 0.0,
    damping: Sequence[Tensor] | None = None,
) -> Energy:
    """The energy of a field.

    Args:
        grid: Its cells.
        padded: φ with its halo, [2, N + 2, …].
        velocity: φ̇, [2, N, …].
        lag: By how much the velocity's time is behind that of φ; the force makes up for it.
        damping: Factors of a half step, one an axis, that are still due before that kick.
    """
    kinetic = gradient = potential = 0.0
    for planes in _planes(grid, padded, velocity, lag, damping):
        square = planes.velocity.square().sum(0)
        kinetic += float((planes.volume * square).sum()) / 2
        well = (planes.phi.square().sum(0) - 1).square()
        potential += float((planes.volume * well).sum()) / 4
        gradient += sum(_bonds(grid, planes, axis) for axis in range(grid.axes))
    return Energy(kinetic, gradient, potential)


def charge(
    grid: Grid,
    padded: Tensor,
    velocity: Tensor,
    lag: float = 0.0,
    damping: Sequence[Tensor] | None = None,
) -> float:
    """Σ V (φ₁ φ̇₂ − φ₂ φ̇₁), conserved by Noether's theorem; arguments as of `energy`."""
    total = 0.0
    for planes in _planes(grid, padded, velocity, lag, damping):
        phi, v = planes.phi, planes.velocity
        total += float((planes.volume * (phi[0] * v[1] - phi[1] * v[0])).sum())
    return total


def absorbed(grid: Grid, velocity: Tensor, damping: Sequence[Tensor]) -> float:
    """What one damped step has taken away: Σ V v² (d⁻² − d²)/2.

    Args:
        grid: Its cells.
        velocity: v after that step's `kick_drift`, between its two factors d; [2, N, …].
        damping: d, one factor an axis.
    """
    if velocity.device.type == "cpu" and grid.axes > 1:
        from halflife.strings.lattice import compiled

        volume = np.broadcast_to(grid.volume.ravel(), grid.shape[:1])
        return compiled.taken(velocity.numpy(), volume, [d.numpy() for d in damping])
    total, rows = 0.0, max(1, _CHUNK * grid.shape[0] // grid.sites)
    for start in range(0, grid.shape[0], rows):
        place = slice(start, min(start + rows, grid.shape[0]))
        d = keep([damping[0][place], *damping[1:]], grid.axes).double().square()
        v = velocity[:, place].double()
        cells = _tensor(grid.volume[place] if grid.slope is not None else grid.volume, v)
        total += float((cells * (1 / d - d) * v.square().sum(0)).sum()) / 2
    return total


def _bonds(grid: Grid, planes: _Planes, axis: int) -> float:
    """Energy of the bonds along an axis, of the first axis those below each plane and the last."""
    n = planes.phi.shape[axis + 1]
    phi = planes.padded
    for other in range(grid.axes):
        if other != axis:
            phi = phi.narrow(other + 1, 1, phi.shape[other + 1] - 2)
    low, high = grid.faces[axis]
    weight = np.ones(n + 1)
    if axis or planes.place.start == 0:
        weight[0] = low.link
    if axis or planes.place.stop == grid.shape[0]:
        weight[-1] = high.link
    elif not axis:
        weight[-1] = 0.0  # the next planes count it
    if grid.slope is None:
        weight = weight * grid.spacing ** (grid.axes - 2)
    elif axis == 0:
        faces = grid.centres(0)[planes.place.start] + (np.arange(n + 1) - 0.5) * grid.spacing
        weight = weight * 2 * np.pi * faces
    square = phi.diff(dim=axis + 1).square().sum(0)
    shape = [1] * grid.axes
    shape[axis] = -1
    square = square * _tensor(weight, square).reshape(shape)
    if grid.slope is not None and axis == 1:
        r = grid.centres(0)[planes.place]
        square = square * _tensor(2 * np.pi * r, square).reshape(-1, 1)
    return float(square.sum()) / 2


def _tensor(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], like: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float64, device=like.device)
