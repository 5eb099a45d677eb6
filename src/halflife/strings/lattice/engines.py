"""Who computes a step: PyTorch compiled, PyTorch as it stands, or Numba. Chosen in one place.

Knows nothing of edges or of time; each engine has the same three operations on φ with its halo and
on the velocity without.
"""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from halflife.strings.lattice import memory, stencil
from halflife.strings.lattice.edges import Edge

EngineName = Literal["auto", "torch", "numba", "eager"]
Damping = Sequence[Tensor]


@dataclass(frozen=True)
class Late:
    """The halo of the first axis where it is still on its way from other processes.

    Attributes:
        low: Whether that of the first plane is.
        high: Whether that of the last plane is.
        arrive: Waits for it and puts it in place. An engine does all other planes before.
    """

    low: bool
    high: bool
    arrive: Callable[[], None]


class Engine(Protocol):
    """Three operations; times are in the units of the grid."""

    name: str
    fills_last: bool
    """Whether a drift also fills the halo of the last axis, as its edges say."""

    def kick(self, padded: Tensor, velocity: Tensor, time: float) -> None:
        """Kick: v ← v + time F(φ)."""

    def drift(self, padded: Tensor, velocity: Tensor, time: float) -> None:
        """Drift: φ ← φ + time v inside."""

    def kick_drift(
        self,
        padded: Tensor,
        velocity: Tensor,
        times: tuple[float, float],
        damping: Damping | None,
        late: Late | None = None,
    ) -> Tensor:
        """Both in one sweep; return the padded φ that has the new values inside."""

    def stoermer(self, padded: Tensor, previous: Tensor, square: float) -> None:
        """Put 2φ − previous + square F(φ) into the inside of `previous`."""


class TorchEngine:
    """The source in `stencil.py`, under `torch.compile` or as it stands."""

    def __init__(self, like: Tensor, inverse_square: float, slope: Tensor | None, name: str):
        self.name = name
        self.fills_last = False
        self._fixed = inverse_square, slope
        self._spare: Tensor | None = None
        self._times: dict[tuple[float, ...], Tensor] = {}
        self._kind = like.shape, like.dtype, like.device, inverse_square, slope is None

    def kick(self, padded: Tensor, velocity: Tensor, time: float) -> None:
        """As of `Engine`; not compiled, for it stands at the ends of a run only."""
        force = stencil.acceleration(padded, *self._fixed)
        velocity.copy_(velocity + self._tensor(padded, time) * force)

    def drift(self, padded: Tensor, velocity: Tensor, time: float) -> None:
        """As of `Engine`."""
        cells = stencil.inside(padded)
        cells.copy_(cells + self._tensor(padded, time) * velocity)

    def kick_drift(
        self,
        padded: Tensor,
        velocity: Tensor,
        times: tuple[float, float],
        damping: Damping | None,
        late: Late | None = None,
    ) -> Tensor:
        """As of `Engine`; the new φ is in another tensor, whose halo is old."""
        if self._spare is None:
            self._spare = memory.dense(padded.shape, padded.dtype, padded.device)
            self._spare.copy_(padded)
        target, self._spare = self._spare, padded
        fields, planes = (padded, velocity, target), velocity.shape[1]
        if late is None:
            self._planes(0, planes, fields, times, damping)
            return target
        first, last = int(late.low), planes - int(late.high)
        self._planes(first, last, fields, times, damping)
        late.arrive()
        self._planes(0, first, fields, times, damping)
        self._planes(last, planes, fields, times, damping)
        return target

    def _planes(
        self,
        start: int,
        stop: int,
        fields: tuple[Tensor, Tensor, Tensor],
        times: tuple[float, float],
        damping: Damping | None,
    ) -> None:
        """Kick and drift some planes of (padded, velocity, target)."""
        if start == stop:
            return
        padded, velocity, target = fields
        inverse_square, slope = self._fixed
        self._function("kick_drift", stop - start)(
            padded[:, start : stop + 2].unbind(),
            velocity[:, start:stop].unbind(),
            target[:, start : stop + 2].unbind(),
            self._tensor(padded, *times),
            inverse_square,
            None if slope is None else slope[start:stop],
            None if damping is None else (damping[0][start:stop], *damping[1:]),
        )

    def stoermer(self, padded: Tensor, previous: Tensor, square: float) -> None:
        """As of `Engine`."""
        run = self._function("stoermer", len(padded[0]) - 2)
        run(padded.unbind(), previous.unbind(), self._tensor(padded, square), *self._fixed)

    def _function(self, name: str, planes: int) -> Any:
        if self.name != "torch":
            return vars(stencil)[name]
        return stencil.compiled(name, planes, *self._kind)

    def _tensor(self, like: Tensor, *times: float) -> Tensor:
        """Times as a tensor, which a compiled function takes without being compiled again."""
        if times not in self._times:
            if len(self._times) > 64:
                self._times.clear()
            values = times if len(times) > 1 else times[0]
            self._times[times] = torch.tensor(values, dtype=like.dtype, device=like.device)
        return self._times[times]


class NumbaEngine:
    """The loops in `compiled.py`, in place; on the processor, in two or three axes."""

    name = "numba"
    fills_last = True

    def __init__(
        self,
        like: Tensor,
        inverse_square: float,
        slope: Tensor | None,
        last: tuple[Edge, Edge],
    ):
        from halflife.strings.lattice import compiled

        self._compiled = compiled
        rows = None if slope is None else slope.numpy()
        self._plain = inverse_square, slope
        self._ends = compiled.halo(like.numpy(), *(edge.copies() for edge in last))
        self._fixed = compiled.constants(like.numpy(), inverse_square, rows)

    def kick(self, padded: Tensor, velocity: Tensor, time: float) -> None:
        """As of `Engine`."""
        self._compiled.kick(memory.rows(padded).numpy(), velocity.numpy(), time, self._fixed)

    def drift(self, padded: Tensor, velocity: Tensor, time: float) -> None:
        """As of `Engine`."""
        self._compiled.drift(memory.rows(padded).numpy(), velocity.numpy(), time, self._ends)

    def kick_drift(
        self,
        padded: Tensor,
        velocity: Tensor,
        times: tuple[float, float],
        damping: Damping | None,
        late: Late | None = None,
    ) -> Tensor:
        """As of `Engine`; in place."""
        factors = None if damping is None else tuple(d.numpy() for d in damping)
        q, v = memory.rows(padded).numpy(), velocity.numpy()
        self._compiled.kick_drift(q, v, times, self._fixed, self._ends, factors, late)
        return padded

    def stoermer(self, padded: Tensor, previous: Tensor, square: float) -> None:
        """As of `Engine`; as PyTorch has it, for float64 runs that are few."""
        time = torch.tensor(square, dtype=padded.dtype)
        stencil.stoermer(padded.unbind(), previous.unbind(), time, *self._plain)


def resolve(name: EngineName, device: torch.device, axes: int) -> EngineName:
    """The engine that a name means there: "torch", "numba" or "eager".

    "auto" is Numba on a processor, "torch" on a card; "eager" for a single axis.

    Raises:
        ValueError: no such engine, or Numba where it cannot compute.

    Warns:
        UserWarning: "torch" on a processor without a C++ compiler, where "eager" takes its place.
    """
    here = device.type == "cpu"
    if name == "auto":
        name = "torch" if not here else "numba" if axes > 1 else "eager"
    if name == "numba" and not here:
        raise ValueError(f"engine 'numba' runs on a processor, not on {device}: 'torch'.")
    if name == "numba" and axes == 1:
        raise ValueError("engine 'numba' wants two or three axes; for one take 'eager'.")
    if name == "torch" and here and not has_compiler():
        warnings.warn(
            "engine='torch' wants a C++ compiler on a processor, and there is none: PyTorch runs "
            "uncompiled, many times slower. Install g++ or take engine='numba'.",
            stacklevel=3,
        )
        name = "eager"
    if name not in ("torch", "numba", "eager"):
        raise ValueError(f"engine must be 'auto', 'torch', 'numba' or 'eager', got {name!r}.")
    return name


def start(
    name: EngineName,
    like: Tensor,
    inverse_square: float,
    slope: Tensor | None,
    last: tuple[Edge, Edge],
) -> Engine:
    """An engine by its resolved name, for a padded field whose last axis has these edges."""
    if name == "numba":
        return NumbaEngine(like, inverse_square, slope, last)
    return TorchEngine(like, inverse_square, slope, name)


@cache
def has_compiler() -> bool:
    """Whether `torch.compile` finds a C++ compiler for the processor."""
    if sys.platform == "win32":
        return shutil.which("cl") is not None
    from torch._inductor import config

    wanted = config.cpp.cxx
    names = [wanted] if isinstance(wanted, str) else [name for name in wanted if name]
    return any(shutil.which(name) for name in (*names, "g++", "clang++"))
