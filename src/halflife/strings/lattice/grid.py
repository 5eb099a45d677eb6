"""Where the field lives: cells, their spacing, their volume, and what surrounds them.

The model is ours: the paper's abstract gives the claims, not the equations. Units: v = λ = 1, so
lengths are in core widths 1/(√λ v). Knows nothing of the field's values or of time.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from halflife.arguments import number
from halflife.strings.lattice.edges import EdgeLike, Edges, Periodic, Reflecting, parse

Geometry = Literal["cartesian", "axisymmetric"]
COARSE = 0.6
"""The widest spacing in core widths that still resolves a string's core."""


@dataclass(frozen=True)
class Grid:
    """Cells of one spacing in one to three Cartesian axes, or in (r, z) around an axis of symmetry.

    Cell i of an axis has its centre at origin + (i + 1/2) h. Around an axis r starts at 0 and the
    Laplacian is the flux form (1/rᵢ)[r₊(φᵢ₊₁ − φᵢ) − r₋(φᵢ − φᵢ₋₁)]/h²; the face at r = 0 has no
    area, so nothing is special there.

    Args:
        shape: Cells along each axis; (N_r, N_z) if axisymmetric.
        spacing: h, in core widths.
        geometry: "cartesian" or "axisymmetric".
        edges: One for all axes, or one an axis, or a pair (low, high) an axis; names ("periodic",
            "fixed", "reflecting", "outgoing") or `Edge` objects. At r = 0 it is always reflecting.
        origin: Where each axis begins, in core widths; by default the middle is at 0, and r = 0 at
            the axis of symmetry.
        first: The number of the first axis's first cell; `slabs.py` counts on from it.

    Raises:
        ValueError: an argument that makes no grid, with what would.

    Warns:
        UserWarning: h > 0.6, too coarse for the core.

    >>> grid = Grid((4, 6), 0.5, "axisymmetric", edges="outgoing")
    >>> grid.coordinates[0].ravel()
    array([0.25, 0.75, 1.25, 1.75])
    """

    shape: tuple[int, ...]
    spacing: float
    geometry: Geometry = "cartesian"
    edges: EdgeLike | Sequence[EdgeLike | tuple[EdgeLike, EdgeLike]] | Edges = "periodic"
    origin: tuple[float, ...] | None = None
    first: int = 0

    def __post_init__(self) -> None:
        # Python's own numbers, whatever was given: a checkpoint keeps them as JSON
        cells = tuple(self.shape) if isinstance(self.shape, Iterable) else ()
        if not 1 <= len(cells) <= 3 or not all(isinstance(n, Integral) and n >= 2 for n in cells):
            raise ValueError(
                f"shape must be one to three numbers of at least 2, whole ones, got {self.shape}."
            )
        shape = tuple(int(n) for n in cells)
        object.__setattr__(self, "shape", shape)
        if not (isinstance(self.spacing, Real) and 0 < self.spacing < math.inf):
            raise ValueError(f"spacing must be positive, got {self.spacing!r}.")
        object.__setattr__(self, "spacing", float(self.spacing))
        if self.origin is not None:
            origin = tuple(number("origin", x, "(-inf, inf)") for x in self.origin)
            object.__setattr__(self, "origin", origin)
        if self.spacing > COARSE:
            warnings.warn(
                f"spacing={self.spacing:g} is wider than {COARSE} core widths: a string's core "
                f"slips between the cells. Take at most {COARSE}, better 0.5 or less.",
                stacklevel=3,
            )
        if self.geometry not in ("cartesian", "axisymmetric"):
            raise ValueError(
                f"geometry must be 'cartesian' or 'axisymmetric', got {self.geometry!r}."
            )
        if self.geometry == "axisymmetric" and len(shape) != 2:
            raise ValueError(f"shape must be (N_r, N_z) if axisymmetric, got {self.shape}.")
        edges = self.edges
        if self.geometry == "axisymmetric" and isinstance(edges, str) and edges == "periodic":
            edges = ("reflecting", "periodic")  # r cannot come back to where it began
        pairs = parse(edges, len(shape))
        if self.geometry == "axisymmetric":
            if isinstance(pairs[0][1], Periodic):
                raise ValueError("edges of r cannot be periodic: name what the outer face does.")
            if not (self.first or (self.origin and self.origin[0])):
                pairs = ((Reflecting(), pairs[0][1]), pairs[1])
        object.__setattr__(self, "edges", pairs)
        if self.origin is None:
            middle = tuple(-n * self.spacing / 2 for n in shape)
            around = self.geometry == "axisymmetric"
            object.__setattr__(self, "origin", (0.0, *middle[1:]) if around else middle)
        elif len(self.origin) != len(shape):
            raise ValueError(f"origin must have {len(shape)} numbers, got {self.origin!r}.")
        elif self.geometry == "axisymmetric" and self.origin[0] < 0:
            raise ValueError(f"origin of r must not be negative, got {self.origin[0]!r}.")

    @property
    def axes(self) -> int:
        """How many axes there are in space."""
        return len(self.shape)

    @property
    def faces(self) -> Edges:
        """The edges as pairs (low, high), one an axis."""
        return self.edges  # type: ignore[return-value]

    def centres(self, axis: int, *, padded: bool = False) -> NDArray[np.float64]:
        """Centres of the cells along an axis, float64 [N]; with the halo's if padded, [N + 2].

        A distance from the axis of symmetry is that of the mirror image in a halo beyond it.
        """
        assert self.origin is not None
        cells = np.arange(-1, self.shape[axis] + 1) if padded else np.arange(self.shape[axis])
        cells = cells + (0 if axis else self.first)
        at = np.asarray(self.origin[axis] + (cells + 0.5) * self.spacing, dtype=np.float64)
        return np.abs(at) if self.geometry == "axisymmetric" and axis == 0 else at

    def mesh(self, *, padded: bool = False) -> tuple[NDArray[np.float64], ...]:
        """The centres of all axes, each shaped to broadcast to the grid."""
        vectors = [self.centres(axis, padded=padded) for axis in range(self.axes)]
        return tuple(np.meshgrid(*vectors, indexing="ij", sparse=True))

    @cached_property
    def coordinates(self) -> tuple[NDArray[np.float64], ...]:
        """The centres of the cells along all axes, each shaped to broadcast to the grid."""
        return self.mesh()

    @cached_property
    def slope(self) -> NDArray[np.float64] | None:
        """h/(2 rᵢ), float64 [N_r]: what makes a radial Laplacian of a plain one; None if Cartesian.

        r₊/rᵢ = 1 + h/(2rᵢ) and r₋/rᵢ = 1 − h/(2rᵢ), so that the flux form is
        (φ₊ + φ₋ − 2φ) + slope·(φ₊ − φ₋), which leaves a constant exactly at rest.
        """
        if self.geometry == "cartesian":
            return None
        return self.spacing / (2 * self.centres(0))

    @cached_property
    def volume(self) -> NDArray[np.float64]:
        """Of a cell, to broadcast to the grid: hᵈ, or 2π r h²."""
        if self.geometry == "cartesian":
            return np.full((1,) * self.axes, self.spacing**self.axes)
        return 2 * np.pi * self.coordinates[0] * self.spacing**2

    @property
    def size(self) -> float:
        """The longest side: light takes as long to cross the box."""
        return max(self.shape) * self.spacing

    @property
    def sites(self) -> int:
        """The number of cells."""
        return math.prod(self.shape)

    def highest_frequency(self, largest: float = 1.0) -> float:
        """A bound on the lattice's frequencies, ω² ≤ 4d/h² + 3|φ|² − 1, for |φ| up to `largest`."""
        mass = max(2.0, 3 * largest**2 - 1)
        return math.sqrt(4 * self.axes / self.spacing**2 + mass)
