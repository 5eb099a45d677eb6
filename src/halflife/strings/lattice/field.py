"""Two real components on a grid, their velocity, and the moves that every integrator is made of.

The model is ours: the paper's abstract gives the claims, not the equations. φ̈ = ∇²φ − φ (φ² − 1)
+ a source, in units v = λ = 1: a string's core is about 1 wide, light has speed 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from halflife.devices import device_of, lack
from halflife.strings.lattice import edges, memory
from halflife.strings.lattice.energy import Energy, absorbed, charge, energy
from halflife.strings.lattice.engines import Damping, EngineName, Late, resolve, start
from halflife.strings.lattice.grid import Grid
from halflife.strings.lattice.stencil import inside, keep

if TYPE_CHECKING:
    from halflife.strings.lattice.slabs import Slabs

Values = Any
"""An array, a tensor, or a function of the coordinates."""


class Field:
    """φ and φ̇ on a grid.

    Moves: `kick`, `drift`, or both in one sweep, `kick_drift`. They do not know of time:
    `integrators.advance` and `evolve` do. After you have written into `phi`, call `fill_halo`.

    Args:
        grid: The cells.
        phi: [2, *shape], or [2, *(N + 2)] with a halo, or a function that takes the coordinates
            (float64 arrays that broadcast) and returns two arrays. "fixed" edges keep the halo:
            from a function its values outside, from an array without halo its nearest cells.
        velocity: [2, *shape], or a function as for phi; by default 0.
        dtype: torch.float32 or torch.float64.
        device: "cpu", "cuda", …
        engine: "auto", "torch" (compiled), "numba" or "eager".
        slabs: If the box is cut over processes; then `grid` is `slabs.grid`.

    Raises:
        ValueError: values of another shape or not finite; a device that is not here, or an engine
            that cannot compute there.

    Attributes:
        velocity: φ̇, [2, *shape].
        lag: By how much the velocity's time is behind that of φ; 0 when both are at one time.
        due: The damping, if any, that a velocity that lags has still to meet before its last kick.
    """

    def __init__(
        self,
        grid: Grid,
        phi: Values,
        velocity: Values = None,
        *,
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = "cpu",
        engine: EngineName = "auto",
        slabs: Slabs | None = None,
    ) -> None:
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"dtype must be torch.float32 or torch.float64, got {dtype}.")
        self.grid = grid
        self.slabs = slabs
        values = _values("phi", phi, grid, dtype, padded=True)
        self._arrive: Callable[[], None] | None = None
        where = device_of(device)
        if missing := lack(where):
            raise ValueError(f"{missing}; take device='cpu'.")
        name = resolve(engine, where, grid.axes)
        if name == "numba":
            self._padded = memory.spaced(values.shape, dtype).copy_(values)
        else:
            self._padded = memory.dense(values.shape, dtype, where).copy_(values)
        self.velocity = memory.dense((2, *grid.shape), dtype, where)
        if velocity is None:
            self.velocity.zero_()
        else:
            self.velocity.copy_(_values("velocity", velocity, grid, dtype, padded=False))
        self.lag = 0.0
        self.due: Damping | None = None
        slope = None
        if grid.slope is not None:
            slope = torch.as_tensor(grid.slope).to(device, dtype)
        self._slope = slope
        self.engine = start(name, self._padded, grid.spacing**-2, slope, grid.faces[-1])
        self._faces = [
            (axis, bool(high), found)
            for axis, pair in enumerate(grid.faces)
            for high, found in enumerate(pair)
        ]
        self.fill_halo()

    @property
    def padded(self) -> Tensor:
        """φ with a halo of one cell, [2, *(N + 2)]. Ask for it anew after a move."""
        self._settle()
        return self._padded

    @padded.setter
    def padded(self, values: Tensor) -> None:
        self._settle()
        self._padded = values

    @property
    def phi(self) -> Tensor:
        """φ without its halo, [2, *shape]: a view that may be written; then call `fill_halo`."""
        return inside(self.padded)

    @property
    def dtype(self) -> torch.dtype:
        """torch.float32 or torch.float64."""
        return self._padded.dtype

    @property
    def device(self) -> torch.device:
        """Where the field lies."""
        return self._padded.device

    def fill_halo(self) -> None:
        """Give the halo what the edges say; fixed and outgoing edges keep theirs."""
        self._fill(self._faces)

    def _fill(self, faces: Sequence[tuple[int, bool, edges.Edge]]) -> None:
        """Some faces by their edges; those between processes are then on their way."""
        self._settle()
        for axis, high, found in faces:
            found.fill(edges.face(self._padded, axis, high))
        if self.slabs is not None:
            self._arrive = self.slabs.start(self._padded)

    def _settle(self) -> None:
        """Wait for the halo from other processes, if it is on its way."""
        if self._arrive is not None:
            arrive, self._arrive = self._arrive, None
            arrive()

    def force(self) -> Tensor:
        """F(φ) = ∇²φ − φ (φ² − 1), a new tensor [2, *shape]."""
        force = torch.zeros_like(self.velocity)
        self.engine.kick(self.padded, force, 1.0)
        return force

    def kick(self, time: float) -> None:
        """Kick: v ← v + time F(φ)."""
        self.engine.kick(self.padded, self.velocity, time)

    def drift(self, time: float) -> None:
        """Drift: φ ← φ + time v; then the halo."""
        before = self._before()
        self.engine.drift(self._padded, self.velocity, time)
        self._after(before, time)

    def kick_drift(self, kick: float, drift: float, damping: Damping | None = None) -> None:
        """Kick and drift: v ← v + kick F(φ), then φ ← φ + drift v, in one sweep; then the halo.

        An external source S(φ) needs no move of its own: add kick·S to `velocity` before.

        Args:
            kick: Time by which the velocity moves.
            drift: Time by which φ moves.
            damping: Factors d, one 1-D tensor an axis, of the field's type: then
                v ← d (d v + kick F), which is the second half of one damped step and the first
                half of the next. d = 1 costs what an undamped step costs, within a few per cent.
        """
        before, old, late = self._before(), self._padded, None
        if self.slabs is not None and self._arrive is not None:
            below, above = self.slabs.below is not None, self.slabs.above is not None
            late = Late(below, above, self._settle)
        times = kick, drift
        self._padded = self.engine.kick_drift(old, self.velocity, times, damping, late)
        if self._padded is not old:
            for axis, high, found in self._faces:
                if found.keeps:
                    halo = edges.face(old, axis, high).halo
                    edges.face(self._padded, axis, high).halo.copy_(halo)
        self._after(before, drift)

    def damp(self, damping: Damping) -> None:
        """Damp: v ← d v, with d the product of one factor an axis."""
        self.velocity.mul_(keep(damping, self.grid.axes))

    def damping(self, rates: Sequence[Any], step: float) -> Damping:
        """The factors exp(−η Δt/2) of half a step.

        Args:
            rates: η, one an axis: None, or [N] of rates ≥ 0; they add up.
            step: Δt.

        Raises:
            ValueError: another number of axes or of cells, or a negative rate.
        """
        if len(rates) != self.grid.axes:
            raise ValueError(f"rates must be {self.grid.axes}, one an axis, got {len(rates)}.")
        factors = []
        for axis, rate in enumerate(rates):
            n = self.grid.shape[axis]
            eta = np.zeros(n) if rate is None else np.asarray(rate, dtype=np.float64)
            if eta.shape != (n,) or not (eta >= 0).all():
                raise ValueError(f"rates[{axis}] must be {n} numbers of at least 0.")
            factors.append(torch.as_tensor(np.exp(-eta * step / 2)).to(self.device, self.dtype))
        return tuple(factors)

    def energy(self, *, lag: float | None = None, damping: Damping | None = None) -> Energy:
        """The energy at φ's time, in float64.

        Args:
            lag: By how much the velocity is behind; by default `self.lag`, with `self.due`.
            damping: Factors of half a step that are still due to a velocity that lags.
        """
        lag, damping = (self.lag, self.due) if lag is None else (lag, damping)
        found = energy(self.grid, self.padded, self.velocity, lag, damping)
        if self.slabs is None:
            return found
        return Energy(*self.slabs.total(found.kinetic, found.gradient, found.potential))

    def charge(self, *, lag: float | None = None, damping: Damping | None = None) -> float:
        """Σ V (φ₁ φ̇₂ − φ₂ φ̇₁) at φ's time, in float64; arguments as of `energy`."""
        lag, damping = (self.lag, self.due) if lag is None else (lag, damping)
        found = charge(self.grid, self.padded, self.velocity, lag, damping)
        return found if self.slabs is None else self.slabs.total(found)[0]

    def absorbed(self, damping: Damping) -> float:
        """The energy that the step took whose `kick_drift` was the last move, in float64."""
        found = absorbed(self.grid, self.velocity, damping)
        return found if self.slabs is None else self.slabs.total(found)[0]

    def copy(self, *, dtype: torch.dtype | None = None, engine: EngineName | None = None) -> Field:
        """The same field again, perhaps in another type or with another engine."""
        twin = Field(
            self.grid,
            self.padded,
            self.velocity,
            dtype=dtype or self.dtype,
            device=self.device,
            engine=engine or self.engine.name,  # type: ignore[arg-type]
            slabs=self.slabs,
        )
        twin.lag, twin.due = self.lag, self.due
        if self.due is not None:
            twin.due = tuple(factor.to(twin.dtype) for factor in self.due)
        return twin

    def _before(self) -> list[Tensor]:
        """The nearest cells at outgoing edges, before they move."""
        return [
            edges.face(self._padded, axis, high).near.clone()
            for axis, high, found in self._faces
            if isinstance(found, edges.Outgoing)
        ]

    def _after(self, before: list[Tensor], drift: float) -> None:
        """The halo after a drift."""
        nearest = iter(before)
        for axis, high, found in self._faces:
            if isinstance(found, edges.Outgoing):
                face = edges.face(self._padded, axis, high)
                found.advance(face, next(nearest), drift / self.grid.spacing)
        self._fill(self._faces[:-2] if self.engine.fills_last else self._faces)


def _values(name: str, values: Values, grid: Grid, dtype: torch.dtype, *, padded: bool) -> Tensor:
    """Two components on the grid, with a halo if padded, that `dtype` can hold."""
    full = tuple(n + 2 for n in grid.shape)
    if isinstance(values, Callable):  # type: ignore[arg-type]
        mesh = grid.mesh(padded=padded)
        one, two = values(*mesh)
        shape = full if padded else grid.shape
        array = np.stack([np.broadcast_to(part, shape) for part in (one, two)])
        tensor = torch.from_numpy(np.ascontiguousarray(array))
    elif isinstance(values, Tensor):
        tensor = values.detach().clone()
    else:
        array = np.array(values)
        real = np.isrealobj(array)
        tensor = torch.from_numpy(array.astype(np.float64) if real else array)
    if tensor.is_complex():
        raise ValueError(f"{name} is complex; give its two components, real and imaginary part.")
    inner = (2, *grid.shape)
    if padded and tuple(tensor.shape) == inner:
        for axis in range(1, grid.axes + 1):
            low, high = tensor.narrow(axis, 0, 1), tensor.narrow(axis, tensor.shape[axis] - 1, 1)
            tensor = torch.cat((low, tensor, high), axis)
    wanted = (2, *full) if padded else inner
    if tuple(tensor.shape) != wanted:
        also = f" or {wanted} with its halo" if padded else ""
        raise ValueError(f"{name} must be of shape {inner}{also}, got {tuple(tensor.shape)}.")
    if not bool(torch.isfinite(tensor.to(dtype)).all()):
        raise ValueError(f"{name} must be finite in {dtype}; some of its values are not.")
    return tensor
