"""Ring markers: a conserved zero-mode current as Hamiltonian particles that ride on the string.

The model is ours: the paper's abstract gives the claims, not the equations. A marker is a ring of
radius x in the plane of the loop, with radial momentum q and conserved angular momentum J, and

    E = √(q² + J²/x² + m̂² φ̄²),   φ̄ = Σ W(r − x, z) φ₁,   Σ W = 1,

W a Gaussian of width w, about that of the zero mode. The field is smeared, then squared: φ̄ is 0
while the marker sits in the core, so that it neither costs energy there nor pushes on the field,
like a chiral mode; it only hands on the centripetal force. Several markers with their own J and m̂
are the levels of a Fermi sea; one marker equals G markers with J/G and m̂/G each.

W is cut at `CUTOFF` widths and normalised on the grid, and the normalisation is differentiated too:
otherwise energy leaks. W is a product, so φ₁ is smeared over z once and only sums over r remain.
The markers live on the host, wherever the field is; only their patch of it travels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from halflife.compiled import kept
from halflife.strings.lattice.field import Field

Array = NDArray[np.float64]

CUTOFF = 6.0
"""Half-width of the kernel in units of w; a Gaussian is 2e-8 there."""
_compiled = kept()

SWEEPS = 6
"""Fixed-point sweeps of the implicit half-kick and drift; each gains a factor of ~dt/x."""


@dataclass
class RingMarkers:
    """G ring markers on an axisymmetric field.

    Attributes:
        x: Radii, shape (G,), in core units.
        q: Radial momenta, shape (G,).
        J: Angular momenta, shape (G,).
        mh: Masses m̂ (number times the fermion's mass), shape (G,).
        w: Width of the kernel, one for all.
        h: Spacing of the grid.
    """

    x: Array
    q: Array
    J: Array
    mh: Array
    w: float
    h: float

    @classmethod
    def at_rest(
        cls, x: ArrayLike, J: ArrayLike, mh: ArrayLike, *, w: float, h: float
    ) -> RingMarkers:
        """Markers at radii `x` without radial momentum; x, J and mh are broadcast.

        Raises:
            ValueError: a radius, a mass or the width is not positive, or J is negative.
        """
        radii, momenta, masses = (
            np.array(a, float) for a in np.broadcast_arrays(*map(np.atleast_1d, (x, J, mh)))
        )
        for name, values in (("x", radii), ("mh", masses), ("w", np.array([w]))):
            if not np.all(np.isfinite(values) & (values > 0)):
                raise ValueError(f"{name}={values.tolist()}; every marker wants a positive {name}")
        if not np.all(np.isfinite(momenta) & (momenta >= 0)):
            raise ValueError(f"J={momenta.tolist()}; angular momenta are not negative")
        return cls(radii, np.zeros_like(radii), momenta, masses, float(w), float(h))

    def __len__(self) -> int:
        return len(self.x)

    def open_step(self, field: Field, dt: float) -> None:
        """Kick q by half a step, implicitly, and the field's velocity by what the markers add.

        Args:
            field: An axisymmetric field with spacing `h`, φ at a whole time.
            dt: The step.
        """
        patch, source = self._look(field)
        self._bars = np.empty(len(self))
        _open(*self._numbers, self._first, patch, dt, source, self._bars)
        self._push(field, dt / 2 * source)

    def close_step(self, field: Field, dt: float) -> None:
        """After the field's drift: drift x, implicitly; kick q and the field by the other half."""
        patch, source = self._look(field)
        _close(*self._numbers, self._first, patch, dt, source, self._bars)
        self._push(field, dt / 2 * source)

    def energies(self, field: Field) -> Array:
        """Energy of each marker, shape (G,)."""
        bars = self.smeared(field)
        return np.sqrt(self.q**2 + (self.J / self.x) ** 2 + (self.mh * bars) ** 2)

    def leaves(self, field: Field) -> bool:
        """Whether a kernel will reach beyond the grid in a step."""
        reach = CUTOFF * self.w + 4 * self.h
        return bool(self.x.max() + reach > field.grid.shape[0] * self.h)

    def smeared(self, field: Field) -> Array:
        """φ̄ at each marker, shape (G,)."""
        patch, _ = self._look(field)
        column = _column(patch, self.w, self.h)
        return np.array([smear(column, self._first, x, self.w, self.h)[0] for x in self.x])

    @property
    def _numbers(self) -> tuple[Any, ...]:
        return self.x, self.q, self.J, self.mh, self.w, self.h

    def _look(self, field: Field) -> tuple[Array, Array]:
        """φ₁ on the patch that the kernels can reach in a step, and a source of 0 there."""
        reach = CUTOFF * self.w + 4 * self.h
        rows = field.grid.shape[0]
        self._first = max(0, int((self.x.min() - reach) / self.h))
        last = min(rows, int((self.x.max() + reach) / self.h) + 1)
        height = min(field.grid.shape[1], int(np.ceil(CUTOFF * self.w / self.h)) + 1)
        self._patch = slice(self._first, last), slice(0, height)
        phi = field.phi[0, *self._patch].cpu().numpy().astype(np.float64)
        return phi, np.zeros_like(phi)

    def _push(self, field: Field, impulse: Array) -> None:
        cells = field.velocity[0, *self._patch]
        cells += torch.as_tensor(impulse).to(cells.device, cells.dtype)

    def state(self) -> dict[str, Any]:
        """What changes from step to step, to be kept in a checkpoint."""
        return {"x": self.x.copy(), "q": self.q.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.x[:], self.q[:] = state["x"], state["q"]


def fermi_sea(J: float, mh: float, groups: int) -> tuple[Array, Array]:
    """A Fermi sea with total angular momentum J as `groups` groups of equally many levels.

    The levels j = 1/2 … N − 1/2 are cut into equal pieces; the mean j of piece g is proportional
    to 2g + 1, and each carries its share of the particles, hence of m̂.

    Returns:
        J and m̂ of each group, float64 arrays of shape (groups,) that sum to `J` and `mh`.

    Raises:
        ValueError: there is no group.
    """
    if groups < 1:
        raise ValueError(f"groups={groups}; a sea has at least one group of levels")
    share = (2 * np.arange(groups) + 1) / groups**2
    return J * share, np.full(groups, mh / groups)


@_compiled
def _column(patch, w, h):  # type: ignore[no-untyped-def]
    """φ₁ smeared over z at each row; even in z, so half a Gaussian does."""
    rows, columns = patch.shape
    weights = np.zeros(columns)
    for j in range(columns):
        z = (j + 0.5) * h
        if z < CUTOFF * w:
            weights[j] = np.exp(-(z**2) / (2 * w**2))
    weights /= weights.sum()
    out = np.zeros(rows)
    for i in range(rows):
        for j in range(columns):
            out[i] += weights[j] * patch[i, j]
    return out


@_compiled
def smear(column, first, x, w, h):  # type: ignore[no-untyped-def]
    """φ̄ and its derivative by x, the normalisation's included."""
    total = 0.0
    slope_total = 0.0
    value = 0.0
    slope = 0.0
    for i in range(column.shape[0]):
        d = (first + i + 0.5) * h - x
        if abs(d) < CUTOFF * w:
            a = np.exp(-(d**2) / (2 * w**2))
            da = a * d / w**2
            total += a
            slope_total += da
            value += a * column[i]
            slope += da * column[i]
    value /= total
    return value, slope / total - value * slope_total / total


@_compiled
def _add_source(source, first, x, w, h, strength):  # type: ignore[no-untyped-def]
    """Add −strength W/(4π r h²) to `source`."""
    rows, columns = source.shape
    across = np.zeros(rows)
    along = np.zeros(columns)
    for i in range(rows):
        d = (first + i + 0.5) * h - x
        if abs(d) < CUTOFF * w:
            across[i] = np.exp(-(d**2) / (2 * w**2))
    for j in range(columns):
        z = (j + 0.5) * h
        if z < CUTOFF * w:
            along[j] = np.exp(-(z**2) / (2 * w**2))
    scale = strength / (across.sum() * along.sum() * 4 * np.pi * h**2)
    for i in range(rows):
        if across[i] > 0:
            weight = scale * across[i] / ((first + i + 0.5) * h)
            for j in range(columns):
                source[i, j] -= weight * along[j]


@_compiled
def _open(x, q, J, mh, w, h, first, patch, dt, source, bars):  # type: ignore[no-untyped-def]
    column = _column(patch, w, h)
    for g in range(x.shape[0]):
        bar, slope = smear(column, first, x[g], w, h)
        bars[g] = bar
        rest = (J[g] / x[g]) ** 2 + (mh[g] * bar) ** 2
        push = dt / 2 * (J[g] ** 2 / x[g] ** 3 - mh[g] ** 2 * bar * slope)
        momentum = q[g]
        for _ in range(SWEEPS):
            momentum = q[g] + push / np.sqrt(momentum**2 + rest)
        q[g] = momentum
        strength = mh[g] ** 2 * bar / np.sqrt(momentum**2 + rest)
        _add_source(source, first, x[g], w, h, strength)


@_compiled
def _close(x, q, J, mh, w, h, first, patch, dt, source, bars):  # type: ignore[no-untyped-def]
    column = _column(patch, w, h)
    for g in range(x.shape[0]):
        before = np.sqrt(q[g] ** 2 + (J[g] / x[g]) ** 2 + (mh[g] * bars[g]) ** 2)
        start = x[g]
        place = start + dt * q[g] / before
        for _ in range(SWEEPS):
            bar, _slope = smear(column, first, place, w, h)
            after = np.sqrt(q[g] ** 2 + (J[g] / place) ** 2 + (mh[g] * bar) ** 2)
            place = start + dt / 2 * q[g] * (1 / before + 1 / after)
        x[g] = place
        bar, slope = smear(column, first, place, w, h)
        after = np.sqrt(q[g] ** 2 + (J[g] / place) ** 2 + (mh[g] * bar) ** 2)
        _add_source(source, first, place, w, h, mh[g] ** 2 * bar / after)
        q[g] += dt / 2 * (J[g] ** 2 / place**3 - mh[g] ** 2 * bar * slope) / after
