"""The equation on the grid in plain PyTorch: one source for processor and card.

φ̈ = ∇²φ − φ (φ² − 1) for two real components, in units v = λ = 1. The model is ours: the paper's
abstract gives the claims, not the equations.

What `torch.compile` makes one loop of is one expression over both components at once, written into
one slice; the same update as two assignments, one a component, is many times slower (see
docs/strings-traps.md). Every engine adds in the order used here, so that their bits agree where
none of them contracts a product and a sum into one rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor


def inside(padded: Tensor) -> Tensor:
    """The cells of a padded field [2, …] without their halo; a view."""
    return padded[(slice(None), *(slice(1, -1),) * (padded.ndim - 1))]


def shifted(padded: Tensor, axis: int, step: int) -> Tensor:
    """The neighbours of all cells, `step` = ±1 along an axis of space; a view."""
    cells = [slice(None), *(slice(1, -1),) * (padded.ndim - 1)]
    cells[axis + 1] = slice(2, None) if step > 0 else slice(0, -2)
    return padded[tuple(cells)]


def acceleration(padded: Tensor, inverse_square: float, slope: Tensor | None) -> Tensor:
    """∇²φ − φ (φ² − 1).

    Args:
        padded: φ with its halo, [2, N + 2, …].
        inverse_square: 1/h².
        slope: None, or h/(2r) of the cells along the first axis (`Grid.slope`).

    Returns:
        [2, N, …].
    """
    axes = padded.ndim - 1
    total: Any = None
    for axis in range(axes):
        low, high = shifted(padded, axis, -1), shifted(padded, axis, 1)
        pair = low + high
        if axis == 0 and slope is not None:
            pair = pair + slope.reshape(-1, *(1,) * (axes - 1)) * (high - low)
        total = pair if total is None else total + pair
    phi = inside(padded)
    square = phi[0] * phi[0] + phi[1] * phi[1]
    laplacian: Tensor = (total - 2 * axes * phi) * inverse_square
    return laplacian - phi * (square - 1)


def keep(damping: Sequence[Tensor], axes: int) -> Tensor:
    """The factor of each cell, the product of one factor an axis."""
    product = damping[0].reshape(-1, *(1,) * (axes - 1))
    for axis in range(1, axes):
        product = product * damping[axis].reshape(-1, *(1,) * (axes - 1 - axis))
    return product


def kick_drift(
    padded: Tensor,
    velocity: Tensor,
    target: Tensor,
    times: Tensor,
    inverse_square: float,
    slope: Tensor | None,
    damping: Sequence[Tensor] | None,
) -> None:
    """Kick and drift: v ← v + a F(φ), then target ← φ + b v inside; damped, v ← d (d v + a F(φ)).

    Args:
        padded: φ with its halo.
        velocity: v, without one; changed.
        target: The new φ, padded; its inside is changed. Not the same memory as `padded`.
        times: (a, b), of the field's dtype and device.
        inverse_square: 1/h².
        slope: As in `acceleration`.
        damping: None, or d as one factor an axis.
    """
    force = acceleration(padded, inverse_square, slope)
    if damping is None:
        new = velocity + times[0] * force
    else:
        d = keep(damping, velocity.ndim - 1)
        new = d * (d * velocity + times[0] * force)
    velocity.copy_(new)
    inside(target).copy_(inside(padded) + times[1] * new)


def kick(
    padded: Tensor, velocity: Tensor, time: Tensor, inverse_square: float, slope: Tensor | None
) -> None:
    """Kick: v ← v + a F(φ)."""
    velocity.copy_(velocity + time * acceleration(padded, inverse_square, slope))


def stoermer(
    padded: Tensor, previous: Tensor, square: Tensor, inverse_square: float, slope: Tensor | None
) -> None:
    """Störmer: previous ← 2φ − previous + Δt² F(φ) inside, the next φ in the place of the last."""
    phi = inside(padded)
    past = inside(previous)
    past.copy_((2 * phi - past) + square * acceleration(padded, inverse_square, slope))


@cache
def compiled(function: Any, device: str) -> Any:
    """A function of this file under `torch.compile`, once a device; each shape is compiled anew."""
    del device  # a card and a processor share nothing that is compiled
    return torch.compile(function, fullgraph=True, dynamic=False)
