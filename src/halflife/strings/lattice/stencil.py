"""The equation on the grid in plain PyTorch: one source for processor and card.

φ̈ = ∇²φ − φ (φ² − 1) for two real components, in units v = λ = 1. The model is ours: the paper's
abstract gives the claims, not the equations.

A step is handed the two components as two tensors, views of the field's one. Then `torch.compile`
makes one loop of it that reads and writes every number once. Written with one slice assignment over
both components the loop goes through all of one before the other and reads φ twice; with two
assignments into one tensor it copies the field (docs/strings-traps.md has the speeds).

Every engine adds in the order used here, so that their bits agree where none of them contracts a
product and a sum into one rounding.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cache
from types import FunctionType
from typing import Any

import torch
from torch import Tensor


def inside(padded: Tensor) -> Tensor:
    """The cells of a padded field [2, …] without their halo; a view."""
    return padded[(slice(None), *(slice(1, -1),) * (padded.ndim - 1))]


def cells(component: Tensor) -> Tensor:
    """The cells of one padded component without their halo; a view."""
    return component[(slice(1, -1),) * component.ndim]


def neighbours(component: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Below and above all cells of one padded component along an axis; views."""
    below = [slice(1, -1)] * component.ndim
    above = list(below)
    below[axis], above[axis] = slice(0, -2), slice(2, None)
    return component[tuple(below)], component[tuple(above)]


def forces(
    phi: Sequence[Tensor], inverse_square: float, slope: Tensor | None
) -> tuple[Tensor, Tensor]:
    """∇²φ − φ (φ² − 1) of both components.

    Args:
        phi: The two, each with its halo, [N + 2, …].
        inverse_square: 1/h².
        slope: None, or h/(2r) of the cells along the first axis (`Grid.slope`).

    Returns:
        Two tensors [N, …].
    """
    one, two = (cells(component) for component in phi)
    excess = one * one + two * two - 1
    return (
        laplacian(phi[0], inverse_square, slope) - one * excess,
        laplacian(phi[1], inverse_square, slope) - two * excess,
    )


def laplacian(component: Tensor, inverse_square: float, slope: Tensor | None) -> Tensor:
    """∇² of one padded component; arguments as of `forces`."""
    axes = component.ndim
    below, above = neighbours(component, 0)
    total = below + above
    if slope is not None:
        total = total + slope.reshape(-1, *(1,) * (axes - 1)) * (above - below)
    for axis in range(1, axes):
        below, above = neighbours(component, axis)
        total = total + (below + above)
    return (total - 2 * axes * cells(component)) * inverse_square


def acceleration(padded: Tensor, inverse_square: float, slope: Tensor | None) -> Tensor:
    """`forces` of a padded field [2, N + 2, …] as one tensor [2, N, …]."""
    return torch.stack(forces(padded.unbind(), inverse_square, slope))


def keep(damping: Sequence[Tensor], axes: int) -> Tensor:
    """The factor of each cell, the product of one factor an axis."""
    product = damping[0].reshape(-1, *(1,) * (axes - 1))
    for axis in range(1, axes):
        product = product * damping[axis].reshape(-1, *(1,) * (axes - 1 - axis))
    return product


def kick_drift(
    phi: Sequence[Tensor],
    velocity: Sequence[Tensor],
    target: Sequence[Tensor],
    times: Tensor,
    inverse_square: float,
    slope: Tensor | None,
    damping: Sequence[Tensor] | None,
) -> None:
    """Kick and drift: v ← v + a F(φ), then target ← φ + b v inside; damped, v ← d (d v + a F(φ)).

    Args:
        phi: The two components, each with its halo.
        velocity: Both of v, without one; changed.
        target: Both of the new φ, padded; their insides are changed. Not the memory of `phi`.
        times: (a, b), of the field's dtype and device.
        inverse_square: 1/h².
        slope: As in `forces`.
        damping: None, or d as one factor an axis.
    """
    for q, v, new, force in zip(
        phi, velocity, target, forces(phi, inverse_square, slope), strict=True
    ):
        if damping is None:
            kicked = v + times[0] * force
        else:
            d = keep(damping, v.ndim)
            kicked = d * (d * v + times[0] * force)
        v.copy_(kicked)
        cells(new).copy_(cells(q) + times[1] * kicked)


def stoermer(
    phi: Sequence[Tensor],
    previous: Sequence[Tensor],
    square: Tensor,
    inverse_square: float,
    slope: Tensor | None,
) -> None:
    """Störmer: previous ← 2φ − previous + Δt² F(φ) inside, the next φ in the place of the last."""
    for q, past, force in zip(phi, previous, forces(phi, inverse_square, slope), strict=True):
        old = cells(past)
        old.copy_((2 * cells(q) - old) + square * force)


@cache
def compiled(name: str, *kind: Hashable) -> Any:
    """A function of this file under `torch.compile`, for one kind of field.

    PyTorch counts how often it has compiled a function anew and gives up after the eighth shape, so
    each kind has a function of its own.
    """
    del kind
    function: Any = globals()[name]
    twin = FunctionType(function.__code__.replace(), globals(), name)
    return torch.compile(twin, fullgraph=True, dynamic=False)
