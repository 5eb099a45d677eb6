"""Beads: markers along a loop of any shape, in three dimensions.

The model is ours: the paper's abstract gives the claims, not the equations. Each bead is a particle
with position X and momentum p, and

    E = √(p² + m̂² |φ̄|²),   φ̄ₐ = Σ W(x − X) φₐ,   Σ W = 1,

the ring marker of `markers.py` cut into equal pieces: where the loop is a circle and the beads move
together along it, their energies add up to the ring's. Nothing but the string's core holds them, so
they follow wherever it bends. At least four beads to a kernel's width make a current without gaps.

On the processor the windows around the beads are walked by compiled loops, elsewhere by PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from halflife.compiled import kept
from halflife.strings.lattice import memory
from halflife.strings.lattice.field import Field

Array = NDArray[np.float64]

CUTOFF = 5.0
"""Half-width of the kernel in units of w; a Gaussian is 4e-6 there."""
SWEEPS = 3
"""Fixed-point sweeps; each gains a factor of ~dt over the size of the loop."""
_compiled = kept(fastmath={"reassoc", "contract"})

PER_WIDTH = 4
"""Fewest beads to a kernel's width."""


class Beads:
    """N beads on a Cartesian field of three axes.

    Args:
        field: Its grid, type and device.
        X: Positions, (N, 3), in core units.
        p: Momenta, (N, 3).
        mh: m̂ of all beads together.
        w: Width of the kernel.
    """

    def __init__(self, field: Field, X: Array, p: Array, *, mh: float, w: float) -> None:
        like = {"dtype": torch.float64, "device": field.device}
        self.X = torch.as_tensor(X, **like)  # type: ignore[arg-type]
        self.p = torch.as_tensor(p, **like)  # type: ignore[arg-type]
        self.mass = mh / len(X)
        self.w, self.h = w, field.grid.spacing
        assert field.grid.origin is not None
        self._origin = torch.tensor(field.grid.origin, **like)  # type: ignore[arg-type]
        self._side = 2 * int(np.ceil(CUTOFF * w / self.h)) + 3  # a step's drift is inside
        self._seen: tuple[Tensor, Tensor] | None = None

    def __len__(self) -> int:
        return len(self.X)

    def open_step(self, field: Field, dt: float) -> None:
        """Kick p by half a step, implicitly, and the field's velocity by what the beads add."""
        bars, slopes = self._look(field)
        pull = dt / 2 * self.mass**2 * slopes
        rest = self._rest(bars)
        p = self.p
        for _ in range(SWEEPS):
            p = self.p - pull / (p.square().sum(1) + rest).sqrt()[:, None]
        self.p = p
        self._push(field, self.X, dt / 2, bars, (p.square().sum(1) + rest).sqrt())

    def close_step(self, field: Field, dt: float) -> None:
        """After the field's drift: drift X, implicitly; kick p and the field by the other half."""
        assert self._seen is not None
        squared = self.p.square().sum(1)
        before = (squared + self._rest(self._seen[0])).sqrt()[:, None]
        look = self._window(field, self.X)
        X = self.X + dt * self.p / before
        for _ in range(SWEEPS):
            bars, _ = look(X)
            after = (squared + self._rest(bars)).sqrt()[:, None]
            X = self.X + dt / 2 * self.p * (1 / before + 1 / after)
        bars, slopes = look(X)
        energy = (squared + self._rest(bars)).sqrt()
        self.X = X
        self._push(field, X, dt / 2, bars, energy)
        self.p = self.p - dt / 2 * self.mass**2 * slopes / energy[:, None]
        self._seen = bars, slopes

    def energies(self, field: Field) -> Array:
        """Energy of each bead, shape (N,)."""
        bars, _ = self._look(field)
        energy: Array = (self.p.square().sum(1) + self._rest(bars)).sqrt().cpu().numpy()
        return energy

    def leaves(self, field: Field) -> bool:
        """Whether the window of a bead, moved by a cell, would reach beyond the grid."""
        first, room = self._corner(self.X, field.grid.shape)
        return bool(((first < 1) | (first > room - 1)).any())

    def smeared(self, field: Field) -> Array:
        """|φ̄| at each bead, shape (N,): small while it is in the core."""
        size: Array = self._look(field)[0].norm(dim=1).cpu().numpy()
        return size

    def state(self) -> dict[str, Array]:
        """What a checkpoint keeps."""
        kept = {"X": self.X, "p": self.p}
        if self._seen is not None:  # a later look, by another window, would differ in its last bits
            kept |= {"bars": self._seen[0], "slopes": self._seen[1]}
        return {name: values.cpu().numpy() for name, values in kept.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.X = torch.as_tensor(state["X"], device=self.X.device)
        self.p = torch.as_tensor(state["p"], device=self.X.device)
        self._seen = None
        if "bars" in state:
            bars, slopes = (torch.as_tensor(state[name], device=self.X.device)
                            for name in ("bars", "slopes"))  # fmt: skip
            self._seen = bars, slopes

    def _rest(self, bars: Tensor) -> Tensor:
        return self.mass**2 * bars.square().sum(1)

    def _look(self, field: Field) -> tuple[Tensor, Tensor]:
        """φ̄ (N, 2) and ∇|φ̄|²/2 (N, 3) at the beads; what the last step saw, if it was there."""
        if self._seen is None:
            self._seen = self._window(field, self.X)(self.X)
        return self._seen

    def _corner(self, X: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """The lowest cell of each bead's window, (N, 3), and the highest that it may be, (3,)."""
        first = torch.floor((X - self._origin) / self.h).long() - self._side // 2
        return first, torch.tensor(shape, device=first.device) - self._side

    def _first(self, X: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The lowest cell of each bead's window, (N, 3)."""
        first, room = self._corner(X, shape)
        if bool(((first < 0) | (first > room)).any()):
            raise ValueError(
                "a bead has come within its kernel of the box's edge; take a larger box"
            )
        return first

    def _cells(self, first: Tensor, shape: tuple[int, ...], shift: int) -> Tensor:
        """Flat numbers of the cells of each window, (N, side³); `shift` for a halo."""
        along = torch.arange(self._side, device=first.device)
        x, y, z = ((first[:, a, None] + along + shift) for a in range(3))
        flat = (x[:, :, None, None] * shape[1] + y[:, None, :, None]) * shape[2]
        return (flat + z[:, None, None, :]).reshape(len(first), -1)

    def _window(self, field: Field, X: Tensor) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        """What smears the present φ at places not farther from X than a step's drift."""
        first = self._first(X, field.grid.shape)
        if field.device.type == "cpu":
            padded = memory.rows(field.padded).numpy()

            def smear(X: Tensor) -> tuple[Tensor, Tensor]:
                W, slope = self._kernel(first, X)
                bars, slopes = np.empty((len(X), 2)), np.empty((len(X), 3))
                _smear(padded, first.numpy(), W.numpy(), slope.numpy(), bars, slopes)
                return torch.from_numpy(bars), torch.from_numpy(slopes)

            return smear
        cells = self._cells(first, tuple(n + 2 for n in field.grid.shape), 1)
        values = field.padded.reshape(2, -1)[:, cells.reshape(-1)].double()
        values = values.reshape(2, len(first), self._side, self._side, self._side)
        return lambda X: self._contract(values, first, X)

    def _kernel(self, first: Tensor, X: Tensor) -> tuple[Tensor, Tensor]:
        """One factor of W for each axis, and its derivative by X; (N, 3, side)."""
        along = torch.arange(self._side, device=X.device)
        place = (first[:, :, None] + along + 0.5) * self.h + self._origin[:, None]
        d = place - X[:, :, None]
        g = torch.where(d.abs() < CUTOFF * self.w, torch.exp(-(d**2) / (2 * self.w**2)), 0.0)
        slope = g * d / self.w**2
        total = g.sum(-1, keepdim=True)
        return g / total, slope / total - g * slope.sum(-1, keepdim=True) / total**2

    def _contract(self, values: Tensor, first: Tensor, X: Tensor) -> tuple[Tensor, Tensor]:
        """φ̄ (N, 2) and ∇|φ̄|²/2 (N, 3) from the windows' values (2, N, side, side, side)."""
        W, slope = self._kernel(first, X)
        in_z = torch.einsum("anijk,nqk->anqij", values, torch.stack([W[:, 2], slope[:, 2]], 1))
        in_y = torch.einsum("anij,nqj->anqi", in_z[:, :, 0], torch.stack([W[:, 1], slope[:, 1]], 1))
        plain = torch.einsum("ani,ni->na", in_y[:, :, 0], W[:, 0])
        parts = (
            torch.einsum("ani,ni->na", in_y[:, :, 0], slope[:, 0]),
            torch.einsum("ani,ni->na", in_y[:, :, 1], W[:, 0]),
            torch.einsum("anij,ni,nj->na", in_z[:, :, 1], W[:, 0], W[:, 1]),
        )
        return plain, torch.stack([(plain * part).sum(1) for part in parts], dim=1)

    def _push(self, field: Field, X: Tensor, time: float, bars: Tensor, energy: Tensor) -> None:
        """Add −time m̂² φ̄ₐ W/(E h³) to the velocity."""
        first = self._first(X, field.grid.shape)
        W, _ = self._kernel(first, X)
        strength = -time * self.mass**2 / self.h**3 * bars / energy[:, None]
        if field.device.type == "cpu":
            _add(field.velocity.numpy(), first.numpy(), W.numpy(), strength.numpy())
            return
        weight = torch.einsum("ni,nj,nk->nijk", W[:, 0], W[:, 1], W[:, 2]).reshape(len(X), -1)
        cells = self._cells(first, field.grid.shape, 0).reshape(-1)
        velocity = field.velocity.view(2, -1)
        for a in range(2):
            added = (strength[:, a, None] * weight).reshape(-1).to(velocity.dtype)
            velocity[a].index_add_(0, cells, added)


@_compiled
def _ends(weights):  # type: ignore[no-untyped-def]
    """The first place that weighs, and the one after the last."""
    low, high = 0, weights.shape[0]
    while low < high and weights[low] == 0:
        low += 1
    while high > low and weights[high - 1] == 0:
        high -= 1
    return low, high


@_compiled
def _smear(padded, first, W, slope, bars, slopes):  # type: ignore[no-untyped-def]
    for n in range(first.shape[0]):
        a, b, c = first[n, 0] + 1, first[n, 1] + 1, first[n, 2] + 1  # the halo
        x0, x1 = _ends(W[n, 0])
        y0, y1 = _ends(W[n, 1])
        z0, z1 = _ends(W[n, 2])
        wz, sz = W[n, 2, z0:z1], slope[n, 2, z0:z1]
        for component in range(2):
            plain, along_x, along_y, along_z = 0.0, 0.0, 0.0, 0.0
            for i in range(x0, x1):
                level, tilt, rise = 0.0, 0.0, 0.0
                for j in range(y0, y1):
                    row = padded[component, a + i, b + j, c + z0 : c + z1]
                    straight, slant = 0.0, 0.0
                    for k in range(row.shape[0]):
                        straight += row[k] * wz[k]
                        slant += row[k] * sz[k]
                    level += W[n, 1, j] * straight
                    tilt += slope[n, 1, j] * straight
                    rise += W[n, 1, j] * slant
                plain += W[n, 0, i] * level
                along_x += slope[n, 0, i] * level
                along_y += W[n, 0, i] * tilt
                along_z += W[n, 0, i] * rise
            bars[n, component] = plain
            if component == 0:
                slopes[n, 0], slopes[n, 1], slopes[n, 2] = 0.0, 0.0, 0.0
            slopes[n, 0] += plain * along_x
            slopes[n, 1] += plain * along_y
            slopes[n, 2] += plain * along_z


@_compiled
def _add(velocity, first, W, strength):  # type: ignore[no-untyped-def]
    for n in range(first.shape[0]):
        a, b, c = first[n, 0], first[n, 1], first[n, 2]
        x0, x1 = _ends(W[n, 0])
        y0, y1 = _ends(W[n, 1])
        z0, z1 = _ends(W[n, 2])
        wz = W[n, 2, z0:z1]
        for component in range(2):
            for i in range(x0, x1):
                for j in range(y0, y1):
                    weight = strength[n, component] * W[n, 0, i] * W[n, 1, j]
                    row = velocity[component, a + i, b + j, c + z0 : c + z1]
                    for k in range(row.shape[0]):
                        row[k] += weight * wz[k]
