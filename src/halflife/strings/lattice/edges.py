"""What surrounds the grid: how the halo, one layer of cells outside each face, gets its values.

An edge knows one face of one axis, and nothing of the equation inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor


@dataclass(frozen=True)
class Edge:
    """One face. `link` is the share of the bond across the face that the grid's energy counts."""

    link: ClassVar[float] = 1.0
    conserves: ClassVar[bool] = True
    """Whether the energy inside stays, so that a run may go backwards in time."""
    keeps: ClassVar[bool] = False
    """Whether the halo's own last values matter."""

    def fill(self, face: Face) -> None:
        """Set the halo from the cells inside."""

    def copies(self) -> tuple[bool, int, int] | None:
        """What `fill` copies: whether it is the far side, and signs; None if nothing."""
        return None


@dataclass(frozen=True)
class Fixed(Edge):
    """The halo keeps the values that it was given."""

    keeps: ClassVar[bool] = True


@dataclass(frozen=True)
class Periodic(Edge):
    """The halo is the far side. Both faces of an axis have to be periodic."""

    link: ClassVar[float] = 0.5

    def fill(self, face: Face) -> None:
        """Copy the cells at the far side."""
        _copy(face.far, face.halo)

    def copies(self) -> tuple[bool, int, int]:
        """The far side, as it is."""
        return True, 1, 1


@dataclass(frozen=True)
class Reflecting(Edge):
    """A mirror in the face: the halo is the nearest cell, times a sign for each component.

    (1, 1) is Neumann's condition. (1, −1) at z = 0 makes the half space above a plane of symmetry
    of φ₁ even and φ₂ odd, as of a loop that lies in it.
    """

    signs: tuple[int, int] = (1, 1)
    link: ClassVar[float] = 0.5

    def __post_init__(self) -> None:
        if len(self.signs) != 2 or any(sign not in (1, -1) for sign in self.signs):
            raise ValueError(f"signs must be two of 1 and -1, got {self.signs!r}.")

    def fill(self, face: Face) -> None:
        """Copy the nearest cells, with their signs."""
        for component, sign in enumerate(self.signs):
            _copy(face.near[component], face.halo[component], sign)

    def copies(self) -> tuple[bool, int, int]:
        """The nearest cells, with their signs."""
        return False, *self.signs


@dataclass(frozen=True)
class Outgoing(Edge):
    """A wave of speed 1 that meets the face head-on leaves: φ̇ + ∂ₙφ = 0 (Sommerfeld).

    In the box scheme halfway between halo and nearest cell and halfway between two times (Mur,
    IEEE Trans. Electromagn. Compat. 23 (1981) 377), which keeps a constant field constant. At an
    angle ϑ to the normal it reflects tan²(ϑ/2) of the amplitude.
    """

    link: ClassVar[float] = 0.5
    conserves: ClassVar[bool] = False
    keeps: ClassVar[bool] = True

    def advance(self, face: Face, before: Tensor, ratio: float) -> None:
        """Move the halo on by one drift; `before` is the nearest cells' old value.

        Args:
            face: Halo still old, nearest cells new.
            before: The nearest cells before the drift.
            ratio: Drift over spacing.
        """
        factor = (ratio - 1) / (ratio + 1)
        face.halo.copy_(before + factor * (face.near - face.halo))


@dataclass(frozen=True)
class Neighbour(Edge):
    """Another process has what lies behind this face; `slabs.py` fetches it."""

    link: ClassVar[float] = 0.5


NAMES: dict[str, Edge] = {
    "fixed": Fixed(),
    "outgoing": Outgoing(),
    "periodic": Periodic(),
    "reflecting": Reflecting(),
}

EdgeLike = Edge | str
Edges = tuple[tuple[Edge, Edge], ...]


@dataclass(frozen=True)
class Face:
    """Views of a padded field [2, …] at one face: the halo, the nearest cells, the far cells."""

    halo: Tensor
    near: Tensor
    far: Tensor


def face(padded: Tensor, axis: int, high: bool) -> Face:
    """The views at the low or the high face of an axis (0 is the first in space)."""
    size = padded.shape[axis + 1] - 2
    halo, near, far = (size + 1, size, 1) if high else (0, 1, size)
    return Face(*(padded.select(axis + 1, at) for at in (halo, near, far)))


def _copy(source: Tensor, target: Tensor, sign: int = 1) -> None:
    """Put a face's values, perhaps negated, into another."""
    if sign == 1:
        target.copy_(source)
    else:
        torch.neg(source, out=target)


def parse(edges: EdgeLike | Sequence[EdgeLike | tuple[EdgeLike, EdgeLike]], axes: int) -> Edges:
    """Edges for each axis as pairs (low, high), from one for all, one an axis, or the pairs.

    Raises:
        ValueError: no such edge, another number of axes, or only one periodic face of an axis.
    """
    if isinstance(edges, (Edge, str)):
        edges = [edges] * axes
    if len(edges) != axes:
        raise ValueError(f"edges must be one for all axes or {axes}, one an axis, got {edges!r}.")
    pairs = tuple(
        (edge(entry[0]), edge(entry[1]))
        if isinstance(entry, (tuple, list)) and len(entry) == 2
        else (edge(entry), edge(entry))
        for entry in edges
    )
    for axis, (low, high) in enumerate(pairs):
        if isinstance(low, Periodic) != isinstance(high, Periodic):
            raise ValueError(f"edges of axis {axis} must be periodic on both sides or on none.")
    return pairs


def edge(value: object) -> Edge:
    """An edge from itself or from its name."""
    if isinstance(value, Edge):
        return value
    if isinstance(value, str) and value in NAMES:
        return NAMES[value]
    raise ValueError(f"edges must be of {', '.join(map(repr, NAMES))}, or an Edge; got {value!r}.")
