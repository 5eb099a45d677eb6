"""Loops in three dimensions: does a shape that is no circle last? `evolve_in_space`.

The model is ours: the paper's abstract gives the claims, not the equations. A circular loop is
given ripples, R(φ) = R0 (1 + ε cos mφ) and z(φ) = ζ R0 cos mφ, and let go with beads along it. What
kills the vortons of bosonic currents is such a ripple that grows; here its amplitude is followed by
Fourier analysis of the beads, which ride on the string, and the string itself by the plaquettes
that it pierces. A Cartesian box, on the processor or a card.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from halflife.arguments import number, whole
from halflife.strings.lattice.field import Field
from halflife.strings.lattice.grid import Grid
from halflife.strings.loop import checkpoint as _checkpoint
from halflife.strings.loop.absorber import Absorber
from halflife.strings.loop.beads import PER_WIDTH, Beads
from halflife.strings.loop.coupled import Carriers, Coupled, NoCarriers
from halflife.strings.loop.evolve import COARSEST, Loop
from halflife.strings.loop.initial import loop_field
from halflife.strings.loop.limits import echo, room, time_step

if TYPE_CHECKING:
    from halflife.strings.lattice.engines import EngineName

Array = NDArray[np.float64]

MODES = 9
"""Fourier modes of the shape that are kept, 0 included."""
COLUMNS = ("t", "kinetic", "gradient", "potential", "carriers", "absorbed", "length", "lost")
"""Numbers of one sample."""
LOST = 0.7
"""|φ̄| from which on a bead is said to have left the core."""


@dataclass(frozen=True)
class Ripple:
    """How a loop's shape differs from a circle.

    Attributes:
        mode: m, how many waves go around.
        radial: ε, of R(φ) = R0 (1 + ε cos mφ).
        vertical: ζ, of z(φ) = ζ R0 cos mφ.

    Raises:
        ValueError: a mode below 1, or an amplitude of more than 0.3.
    """

    mode: int = 2
    radial: float = 0.0
    vertical: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "mode", whole("mode", self.mode, 1, MODES - 1))
        for name in ("radial", "vertical"):
            object.__setattr__(self, name, number(name, getattr(self, name), "[-0.3, 0.3]"))


@dataclass(frozen=True)
class SpaceTrace:
    """A loop's history in three dimensions.

    Attributes:
        samples: (samples, `COLUMNS`): time, the field's energy in parts, the beads', what was
            absorbed, the string's length by pierced plaquettes, the share of beads off the core.
        radial: Complex Fourier amplitudes of the beads' R(φ), (samples, `MODES`).
        vertical: The same of their z(φ).
        beads: Positions at the samples, (samples, N, 3).
        about: What was evolved and how, JSON values.
    """

    samples: Array
    radial: NDArray[np.complex128]
    vertical: NDArray[np.complex128]
    beads: Array
    about: dict[str, Any]

    def __getattr__(self, name: str) -> Array:
        if name not in COLUMNS:  # also `samples`, of a copy that is not filled yet
            raise AttributeError(f"a trace has no {name!r}; it has {', '.join(COLUMNS)}")
        return self.samples[:, COLUMNS.index(name)]

    @property
    def R(self) -> Array:  # noqa: N802
        """Mean radius of the beads."""
        return np.asarray(self.radial[:, 0].real)

    @property
    def total(self) -> Array:
        """The energy book."""
        parts = self.kinetic + self.gradient + self.potential + self.carriers + self.absorbed
        return np.asarray(parts)

    @property
    def closure(self) -> float:
        """Largest |total/total(0) − 1|."""
        return float(np.abs(self.total / self.total[0] - 1).max())

    def cautions(self) -> list[str]:
        """Sentences on what went wrong on the way: beads that left the box, or the string."""
        said, T = [], self.about["T"]
        if self.t[-1] < T * (1 - 1e-9):
            said.append(
                f"beads were about to leave the box at t = {self.t[-1]:g}, where the run ends; "
                f"T was {T:g}."
            )
        if (off := self.lost > 0).any():
            said.append(
                f"beads have left the string at t = {self.t[off.argmax()]:g}, up to "
                f"{self.lost.max():.0%} of them. Heavier carriers (mh) or a wider kernel (w) hold "
                "on longer."
            )
        return said

    def ripple(self, mode: int) -> Array:
        """Amplitude of one mode, radial and vertical together, over the mean radius."""
        both = np.hypot(np.abs(self.radial[:, mode]), np.abs(self.vertical[:, mode]))
        return np.asarray(2 * both / self.R)


def evolve_in_space(
    loop: Loop,
    T: float,
    h: float = 0.5,
    *,
    ripple: Ripple | None = None,
    dt: float | None = None,
    box: float | None = None,
    absorber: Absorber | None = None,
    every: float = 2.0,
    engine: EngineName = "auto",
    device: str = "cpu",
    dtype: str = "float32",
    checkpoint: str | Path | None = None,
    save_every: float = 60.0,
    watch: Callable[[float, float], None] | None = None,
) -> SpaceTrace:
    """Let a loop with ripples go in a cube.

    Args:
        loop: As for `Loop.evolve`; `groups` must be 1. Its markers are beads along the loop, at
            least `PER_WIDTH` to a kernel's width.
        T: How long.
        h: Spacing, at most `COARSEST`.
        ripple: What is added to the circle; nothing if left out.
        dt: Step; 0.4 h if left out, less where heavy carriers make the system stiff.
        box: Half of the cube's side, R0 + T/2 if left out, so that nothing comes back before T.
        absorber: What takes radiation out at all six faces; an open edge if left out.
        every: Time between two samples.
        engine: As for the lattice's `Field`.
        device: As for `Field`.
        dtype: "float32" or "float64".
        checkpoint: As for `Loop.evolve`. On a card sums have no fixed order, and a run that goes
            on agrees to round-off only.
        save_every: Seconds between two checkpoints.
        watch: Called with the time reached and T, now and then.

    Raises:
        ValueError: as `Loop.evolve`; a loop of several groups.

    Warns:
        UserWarning: the run is longer than 2 (box − R0); w is narrow; the beads are too light to
            be held at the vorton's radius; they left the string, or even the box, which ends the
            run early.
    """
    ripple = Ripple() if ripple is None else ripple
    absorber = Absorber() if absorber is None else absorber
    T = number("T", T, "(0, inf)")
    h = number("h", h, f"(0, {COARSEST}]", "A wider spacing does not resolve the string's core.")
    every = number("every", every, "(0, inf)")
    if loop.groups != 1:
        raise ValueError(f"groups={loop.groups}; in space a loop has one group, of beads")
    if dtype not in ("float32", "float64"):
        raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}.")
    causal = loop.R0 + T / 2 + absorber.width
    half = room(box, least=1.3 * loop.R0 + 8 * loop.w + absorber.width, causal=causal)
    if (caution := echo(T, half, loop.R0, absorber.width)) is not None:
        warnings.warn(caution, stacklevel=2)
    for caution in loop.cautions():
        warnings.warn(caution, stacklevel=2)
    step = time_step(dt, h, axes=3, stiffness=loop.stiffness)
    cells = 2 * int(np.ceil(half / h - 1e-9))
    about = asdict(loop) | asdict(ripple) | asdict(absorber)
    stride = max(1, round(every / step))
    about |= {"mh": loop.mass, "T": T, "h": h, "dt": step, "cells": cells, "stride": stride}
    about |= {"dtype": dtype}
    run = _Run(loop, ripple, absorber, about, engine, device)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        run.restore(path)
    saved = time.monotonic()
    while not run.done:
        run.advance()
        if watch is not None:
            watch(run.coupled.time, T)
        if path is not None and (run.done or time.monotonic() - saved >= save_every):
            run.save(path)
            saved = time.monotonic()
    trace = run.trace()
    for caution in trace.cautions():
        warnings.warn(caution, stacklevel=2)
    return trace


def string_length(phi: torch.Tensor, h: float) -> float:
    """Length of string in a box, from the plaquettes that it pierces: ⅔ h each.

    That is right on average over directions; a circle in a plane of the grid comes out at 0.85.

    Args:
        phi: (2, N, N, N).
        h: Spacing.
    """
    pierced = 0
    angle: Any = torch.atan2(phi[1], phi[0])
    for a, b in ((0, 1), (0, 2), (1, 2)):
        for part in angle.split(64, dim=3 - a - b):
            corners = [part]
            for axis in (a, b):
                n = part.shape[axis]
                corners = [c.narrow(axis, s, n - 1) for c in corners for s in (0, 1)]
            low, up_b, up_a, both = corners[0], corners[1], corners[2], corners[3]
            turns: Any = sum(
                torch.remainder(end - start + np.pi, 2 * np.pi) - np.pi
                for start, end in ((low, up_a), (up_a, both), (both, up_b), (up_b, low))
            )
            pierced += int((turns.abs() > np.pi).sum())
    return 2 / 3 * h * pierced


class _Run:
    """A run under way."""

    def __init__(
        self,
        loop: Loop,
        ripple: Ripple,
        absorber: Absorber,
        about: dict[str, Any],
        engine: EngineName,
        device: str,
    ) -> None:
        self.loop, self.about = loop, about
        cells, h = about["cells"], about["h"]
        self.steps = int(np.ceil(about["T"] / about["dt"] - 1e-9))
        grid = Grid((cells,) * 3, h, edges="reflecting")

        def values(x: Array, y: Array, z: Array) -> tuple[Array, Array]:
            r, angle = np.hypot(x, y), np.arctan2(y, x)
            near = (r / loop.R0) ** 2
            wave = near * np.exp(1 - near) * np.cos(ripple.mode * angle)  # 1·cos on the loop
            shape = r / (1 + ripple.radial * wave), z - ripple.vertical * loop.R0 * wave
            out = np.empty((2, *np.broadcast_shapes(x.shape, y.shape, z.shape)), np.float32)
            for plane in range(len(x)):  # a box in float64 may not fit
                out[:, plane] = loop_field(shape[0][plane], shape[1][plane], loop.R0)
            return out[0], out[1]

        field = Field(grid, values, dtype=getattr(torch, about["dtype"]), device=device,
                      engine=engine)  # fmt: skip
        carriers: Carriers = NoCarriers()
        if loop.J > 0:
            X, p = _along(loop, ripple)
            carriers = Beads(field, X, p, mh=loop.mass, w=loop.w)
        self.carriers = carriers
        one = absorber.rates(cells, h)
        both = np.where(np.arange(cells) < cells // 2, one[::-1], one)
        self.coupled = Coupled(field, carriers, [both] * 3, about["dt"])
        self.kept: dict[str, list[Any]] = {"samples": [], "beads": []}
        self._look()

    @property
    def done(self) -> bool:
        """Whether T is reached, or beads are about to leave the box."""
        return self.coupled.steps >= self.steps or self.left

    @property
    def left(self) -> bool:
        """Whether beads are about to leave the box."""
        return isinstance(self.carriers, Beads) and self.carriers.leaves(self.coupled.field)

    def advance(self) -> None:
        """To the next sample."""
        stride = self.about["stride"]
        until = min((self.coupled.steps // stride + 1) * stride, self.steps)
        while self.coupled.steps < until and not self.left:
            self.coupled.step()
        self._look()

    def _look(self) -> None:
        coupled = self.coupled
        energy = coupled.energy()
        beads = self.carriers if isinstance(self.carriers, Beads) else None
        lost = float((beads.smeared(coupled.field) > LOST).mean()) if beads else 0.0
        row = (
            coupled.time,
            energy.kinetic,
            energy.gradient,
            energy.potential,
            coupled.carriers.energies(coupled.field).sum(),
            coupled.absorbed(),
            string_length(coupled.field.phi, self.about["h"]),
            lost,
        )
        self.kept["samples"].append(np.array(row))
        self.kept["beads"].append(beads.X.cpu().numpy() if beads else np.zeros((0, 3)))

    def trace(self) -> SpaceTrace:
        """What was seen."""
        modes = [_modes(X) for X in self.kept["beads"]]
        return SpaceTrace(
            np.array(self.kept["samples"]),
            np.array([radial for radial, _ in modes]),
            np.array([vertical for _, vertical in modes]),
            np.array(self.kept["beads"]),
            self.about,
        )

    def save(self, path: Path) -> None:
        """Keep all in a file that is whole at every moment."""
        kept = {f"kept.{name}": np.array(values) for name, values in self.kept.items()}
        _checkpoint.write(path, self.about, {**self.coupled.state(), **kept})

    def restore(self, path: Path) -> None:
        """Go on from a file; ValueError if it is none, or of another run."""
        state = _checkpoint.read(path, self.about)
        for name in self.kept:
            self.kept[name] = list(state.pop(f"kept.{name}"))
        self.coupled.restore(state)


def _along(loop: Loop, ripple: Ripple) -> tuple[Array, Array]:
    """Beads at equal distances along the rippled loop, and momenta along it that add up to J."""
    fine = np.linspace(0, 2 * np.pi, 20_001)

    def place(angle: Array) -> Array:
        wave = np.cos(ripple.mode * angle)
        r = loop.R0 * (1 + ripple.radial * wave)
        return np.stack(
            [r * np.cos(angle), r * np.sin(angle), ripple.vertical * loop.R0 * wave], axis=-1
        )

    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(place(fine), axis=0), axis=1))])
    count = int(np.ceil(PER_WIDTH * along[-1] / loop.w))
    angle = np.interp(np.arange(count) * along[-1] / count, along, fine)
    X = place(angle)
    ahead = place(angle + 1e-4) - place(angle - 1e-4)
    tangent = ahead / np.linalg.norm(ahead, axis=1, keepdims=True)
    spin = (X[:, 0] * tangent[:, 1] - X[:, 1] * tangent[:, 0]).sum()
    return X, tangent * loop.J / spin


def _modes(X: Array) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Fourier amplitudes of R(φ) and z(φ) of a closed curve of beads."""
    if not len(X):
        nan = np.full(MODES, np.nan, complex)
        return nan, nan
    angle = np.arctan2(X[:, 1], X[:, 0])
    order = np.argsort(angle)
    angle, X = angle[order], X[order]
    ahead = np.append(angle[1:], angle[0] + 2 * np.pi)
    behind = np.insert(angle[:-1], 0, angle[-1] - 2 * np.pi)
    share = (ahead - behind) / (4 * np.pi)  # the trapezoid's weights on uneven angles
    waves = share * np.exp(-1j * np.arange(MODES)[:, None] * angle)
    return waves @ np.hypot(X[:, 0], X[:, 1]), waves @ X[:, 2]
