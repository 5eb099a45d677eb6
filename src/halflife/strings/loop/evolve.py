"""A superconducting loop on the lattice, from rest to wherever it goes: `Loop(…).evolve(T, h)`.

The model is ours: the paper's abstract gives the claims, not the equations. Units: v = λ = 1,
lengths in core widths 1/(√λ v), light has speed 1. The field has the symmetry of a circle; what
breaks it is `space.py`'s business.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from halflife.arguments import number, whole
from halflife.strings.loop import checkpoint as _checkpoint
from halflife.strings.loop.absorber import Absorber
from halflife.strings.loop.hold import grip, holding_mass
from halflife.strings.loop.limits import MARGIN, echo, fits_memory, room, stiffness, time_step
from halflife.strings.loop.markers import RingMarkers
from halflife.strings.loop.trace import COLUMNS, Frames, Trace
from halflife.strings.profile import profile
from halflife.strings.thin_loop import ThinLoop, angular_momentum, tension_log, vorton_radius

if TYPE_CHECKING:
    from halflife.strings.lattice.engines import EngineName
    from halflife.strings.lattice.field import Field
    from halflife.strings.loop.coupled import Coupled

Array = NDArray[np.float64]

SMALLEST_VORTON = 20.0
"""Below this radius, in core units, the carriers pull themselves off the string."""
COARSEST = 0.6
"""Widest spacing that resolves a core, in core units."""
NARROWEST = 0.7
"""Below this width of the carriers' kernel the string lets go of them easily."""
PIXELS = 160
"""Most pixels of a picture along r."""


@dataclass(frozen=True)
class Loop:
    """A circular loop of global string at rest, with a conserved zero-mode current or none.

    Attributes:
        R0: Radius at t = 0, in core units.
        J: Angular momentum of the zero modes, in 1/λ; 0 is no current.
        mh: Mass m̂ of all carriers together (their number times the fermion's mass). If left out,
            `MARGIN` times what holds them at R_v²/R0, the inner turning point without damping.
        w: Width of the carriers' kernel, about that of the zero mode.
        groups: Markers; more than one is a Fermi sea cut into as many groups of levels.

    Raises:
        ValueError: a number out of its range, or a current that rests below `SMALLEST_VORTON`.
    """

    R0: float
    J: float = 0.0
    mh: float | None = None
    w: float = 1.0
    groups: int = 1

    def __post_init__(self) -> None:
        touch = "Opposite sides of a smaller loop touch."
        plain = {  # Python's own numbers, whatever was given: a checkpoint keeps them as JSON
            "R0": number("R0", self.R0, "(2, inf)", touch),
            "J": number("J", self.J, "[0, inf)"),
            "mh": None if self.mh is None else number("mh", self.mh, "(0, inf)"),
            "w": number("w", self.w, "(0, inf)"),
            "groups": whole("groups", self.groups, 1, 1000),
        }
        for name, value in plain.items():
            object.__setattr__(self, name, value)
        if self.J > 0 and self.vorton_radius < SMALLEST_VORTON:
            raise ValueError(
                f"J={self.J:g} rests at a radius of {self.vorton_radius:.3g} core units, where the "
                f"carriers pull themselves off the string. Take J of at least "
                f"{angular_momentum(SMALLEST_VORTON):.0f}, a vorton of {SMALLEST_VORTON:g}."
            )

    @classmethod
    def around(cls, vorton_radius: float, R0: float, **more: Any) -> Loop:
        """A loop whose current holds it at `vorton_radius`; it starts at R0."""
        radius = number("vorton_radius", vorton_radius, f"[{SMALLEST_VORTON:g}, inf)", _TOO_SMALL)
        return cls(R0=R0, J=float(angular_momentum(radius)), **more)

    @property
    def vorton_radius(self) -> float:
        """Where a thin loop with this current rests; 0 without one."""
        return float(vorton_radius(self.J)) if self.J > 0 else 0.0

    @property
    def mass(self) -> float:
        """m̂ of all carriers, the default if none was given; 0 without a current."""
        if self.J == 0:
            return 0.0
        if self.mh is not None:
            return self.mh
        inner = min(self.R0, self.vorton_radius**2 / self.R0)
        return holding_mass(self.J, inner, self.w, MARGIN)

    @property
    def stiffness(self) -> float:
        """Square of the highest frequency of carriers and the field around them, of `limits.py`."""
        largest = max(self.R0, self.vorton_radius)
        return stiffness(self.J, self.mass, self.w, largest, profile(1).slope)

    def cautions(self) -> list[str]:
        """Sentences on carriers that the string may not hold."""
        said: list[str] = []
        if self.J == 0:
            return said
        if self.w < NARROWEST:
            said.append(
                f"w={self.w:g} is narrower than {NARROWEST} core widths: the string lets go of "
                "such carriers easily."
            )
        held = holding_mass(self.J, self.vorton_radius, self.w)
        if self.mass < held:
            said.append(
                f"mh={self.mass:g} is too light: at R_v={self.vorton_radius:.3g} the carriers' "
                f"energy is {held / self.mass:.3g} times the largest that the string can hold "
                f"(grip {grip(self.w):.4f}). Take mh of at least {held:.4g}."
            )
        return said

    def thin(self, **more: Any) -> ThinLoop:
        """The same loop without thickness; `ThinLoop` has more arguments."""
        return ThinLoop(self.J, **more)

    def evolve(
        self,
        T: float,
        h: float = 0.5,
        *,
        dt: float | None = None,
        box: float | None = None,
        absorber: Absorber | None = None,
        noise: float = 0.0,
        seed: int = 0,
        every: float = 1.0,
        frames: int = 0,
        engine: EngineName = "auto",
        device: str = "cpu",
        dtype: str = "float64",
        checkpoint: str | Path | None = None,
        save_every: float = 30.0,
        watch: Callable[[float, float], None] | None = None,
    ) -> Trace:
        """Let the loop go.

        Args:
            T: How long, in core units.
            h: Spacing of the grid, at most `COARSEST`.
            dt: Step; 0.4 h if left out, less where heavy carriers make the system stiff, and 0.1 h
                without a current: a collapse is quick.
            box: Length of the half plane along r and z. If left out R0 + T/2 and the sponge's
                width, so that nothing can come back before T.
            absorber: What takes radiation out at the outer edges; an open edge if left out.
            noise: Largest phase of a perturbation of long waves.
            seed: What draws the perturbation.
            every: Time between two samples.
            frames: How many pictures of the field to keep, evenly in time.
            engine: Who computes, as for the lattice's `Field`.
            device: Where, as for `Field`.
            dtype: "float32" or "float64".
            checkpoint: A file to go on from if it is there, and to keep the state in, so that a run
                that is killed loses at most `save_every` seconds and ends with the same bits.
            save_every: Seconds between two checkpoints.
            watch: Called with the time reached and T, now and then. What it raises ends the run,
                which keeps its state in `checkpoint` first.

        Returns:
            The loop's history.

        Raises:
            ValueError: a spacing, a step or a box that cannot work, with one that would; a grid
                that the memory has no room for; a checkpoint of another run.

        Warns:
            UserWarning: the run is longer than 2 (box − R0); w is narrow; the carriers are too
                light to be held at the vorton's radius; the current left the string, or even the
                box, which ends the run early.
        """
        setting = self._setting(T, h, dt, box, absorber, noise, seed, every, frames, dtype)
        run = _Run(setting, self._start(setting, engine, device))
        path = None if checkpoint is None else Path(checkpoint)
        if path is not None and path.exists():
            run.restore(path)
        saved = time.monotonic()
        while not run.done:
            run.advance()
            if watch is not None:
                try:
                    watch(run.coupled.time, setting.T)
                except BaseException:
                    if path is not None:
                        run.save(path)
                    raise
            if path is not None and (run.done or time.monotonic() - saved >= save_every):
                run.save(path)
                saved = time.monotonic()
        trace = run.trace()
        for caution in trace.cautions():
            warnings.warn(caution, stacklevel=2)
        return trace

    def _setting(
        self,
        T: float,
        h: float,
        dt: float | None,
        box: float | None,
        absorber: Absorber | None,
        noise: float,
        seed: int,
        every: float,
        frames: int,
        dtype: str,
    ) -> _Setting:
        """Check all that can be checked before the work."""
        T = number("T", T, "(0, inf)")
        h = number(
            "h", h, f"(0, {COARSEST}]", "A wider spacing does not resolve the string's core."
        )
        every = number("every", every, "(0, inf)")
        noise = number("noise", noise, "[0, 1)")
        seed, frames = whole("seed", seed, 0), whole("frames", frames, 0)
        if dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}.")
        absorber = Absorber() if absorber is None else absorber
        causal = self.R0 + T / 2 + absorber.width
        length = room(box, least=1.2 * self.R0 + 8 * self.w + absorber.width, causal=causal)
        fits_memory(length, h)
        if (caution := echo(T, length, self.R0, absorber.width)) is not None:
            warnings.warn(caution, stacklevel=3)
        for caution in self.cautions():
            warnings.warn(caution, stacklevel=3)
        usual = 0.4 if self.J > 0 else 0.1
        step = time_step(dt, h, axes=2, stiffness=self.stiffness, usual=usual)
        return _Setting(
            R0=self.R0,
            J=self.J,
            mh=self.mass,
            w=self.w,
            groups=self.groups,
            T=T,
            h=h,
            dt=float(step),
            cells=int(np.ceil(length / h - 1e-9)),
            absorber=absorber,
            noise=noise,
            seed=seed,
            stride=max(1, round(every / step)),
            frames=frames,
            dtype=dtype,
        )

    def _start(self, setting: _Setting, engine: EngineName, device: str) -> Coupled:
        import torch

        from halflife.strings.lattice.edges import Reflecting
        from halflife.strings.lattice.field import Field
        from halflife.strings.lattice.grid import Grid
        from halflife.strings.loop.coupled import Carriers, Coupled, NoCarriers
        from halflife.strings.loop.initial import loop_field, phase_noise
        from halflife.strings.loop.markers import fermi_sea

        cells, h = setting.cells, setting.h
        grid = Grid(
            (cells, cells),
            h,
            "axisymmetric",
            edges=("reflecting", (Reflecting((1, -1)), Reflecting())),
            origin=(0.0, 0.0),
        )
        r, z = grid.coordinates
        noise: Array | float = 0.0
        if setting.noise:
            noise = phase_noise(r, z, self.R0, seed=setting.seed, amplitude=setting.noise)
        field = Field(
            grid,
            loop_field(r, z, self.R0, noise),
            dtype=getattr(torch, setting.dtype),
            device=device,
            engine=engine,
        )
        carriers: Carriers = NoCarriers()
        if self.J > 0:
            J, mh = fermi_sea(self.J, setting.mh, self.groups)
            carriers = RingMarkers.at_rest(self.R0, J, mh, w=self.w, h=h)
        rates = [setting.absorber.rates(cells, h, axis=axis) for axis in (True, False)]
        return Coupled(field, carriers, rates, setting.dt)


_TOO_SMALL = "The carriers of a smaller vorton pull themselves off the string."


@dataclass(frozen=True)
class _Setting:
    """All that decides a run's numbers."""

    R0: float
    J: float
    mh: float
    w: float
    groups: int
    T: float
    h: float
    dt: float
    cells: int
    absorber: Absorber
    noise: float
    seed: int
    stride: int
    frames: int
    dtype: str

    @property
    def about(self) -> dict[str, Any]:
        """The same as JSON values, with what follows from them."""
        box = self.cells * self.h
        R_v = float(vorton_radius(self.J)) if self.J > 0 else 0.0
        about = asdict(self)
        return about | {"box": box, "R_v": R_v, "L": float(tension_log(R_v or self.R0))}


class _Run:
    """A run under way: what moves, and what has been seen of it."""

    def __init__(self, setting: _Setting, coupled: Coupled) -> None:
        from halflife.strings.loop.flux import Cylinder

        self.setting, self.coupled = setting, coupled
        self.total = int(np.ceil(setting.T / setting.dt - 1e-9))
        free = (setting.cells * setting.h) - setting.absorber.width
        surface = min(1.5 * setting.R0, (setting.R0 + free) / 2)
        self._surface = Cylinder(coupled.field, int(surface / setting.h))
        self._shots = np.unique(
            np.rint(np.linspace(0, self.total, setting.frames)).astype(int)
            if setting.frames > 1
            else np.zeros(setting.frames, int)
        )
        self.kept: dict[str, list[Any]] = {"samples": [], "x": [], "q": []}
        self.kept |= {"shot": [], "modulus": [], "density": []}
        self._look()

    @property
    def done(self) -> bool:
        """Whether T is reached, or the carriers are about to leave the box."""
        return self.coupled.steps >= self.total or self.left

    @property
    def left(self) -> bool:
        """Whether the carriers are about to leave the box."""
        carriers = self.coupled.carriers
        return isinstance(carriers, RingMarkers) and carriers.leaves(self.coupled.field)

    def advance(self) -> None:
        """To the next sample or picture."""
        steps, stride = self.coupled.steps, self.setting.stride
        until = min((steps // stride + 1) * stride, self.total)
        ahead = self._shots[self._shots > steps]
        if len(ahead):
            until = min(until, int(ahead[0]))
        while self.coupled.steps < until and not self.left:
            self.coupled.step()
        self._look()

    def _look(self) -> None:
        coupled, field = self.coupled, self.coupled.field
        if coupled.steps in self._shots:
            modulus, density = self._picture(field)
            self.kept["shot"].append(coupled.time)
            self.kept["modulus"].append(modulus)
            self.kept["density"].append(density)
        if coupled.steps % self.setting.stride and not self.done:
            return
        from halflife.strings.loop.radius import crossing

        plane = field.phi[0, :, :2].cpu().numpy().astype(np.float64)
        found = crossing(plane, self.setting.h)
        energy = coupled.energy()
        flux = self._surface.flux(field, coupled.lag)
        carried = coupled.carriers.energies(field)
        state = coupled.carriers.state()
        row = (
            coupled.time,
            found.radius,
            found.changes,
            energy.kinetic,
            energy.gradient,
            energy.potential,
            carried.sum(),
            coupled.absorbed(),
            flux.goldstone,
            flux.radial,
        )
        self.kept["samples"].append(np.array(row))
        self.kept["x"].append(state.get("x", np.zeros(0)))
        self.kept["q"].append(state.get("q", np.zeros(0)))

    def _picture(self, field: Field) -> tuple[Array, Array]:
        """|φ| and the energy density near the loop, in pixels, float32."""
        h = self.setting.h
        pool, cells = _window(self.setting)
        phi = field.phi[:, : cells + 1, : cells + 1].cpu().numpy().astype(np.float64)
        v = field.velocity[:, :cells, :cells].cpu().numpy().astype(np.float64)
        here = phi[:, :cells, :cells]
        density = 0.5 * (v**2).sum(axis=0) + 0.25 * ((here**2).sum(axis=0) - 1) ** 2
        across, along = phi[:, 1:, :cells] - here, phi[:, :cells, 1:] - here
        density += (across**2 + along**2).sum(axis=0) / (2 * h**2)
        modulus = np.hypot(*here)
        parts = (a.reshape(cells // pool, pool, cells // pool, pool) for a in (modulus, density))
        small, mean = next(parts).min(axis=(1, 3)), next(parts).mean(axis=(1, 3))
        return small.astype(np.float32), mean.astype(np.float32)

    def trace(self) -> Trace:
        """What was seen."""
        frames = None
        if self.kept["shot"]:
            frames = Frames(
                np.array(self.kept["shot"]),
                np.array(self.kept["modulus"]),
                np.array(self.kept["density"]),
                _window(self.setting)[0] * self.setting.h,
            )
        samples, x, q = (np.array(self.kept[name]) for name in ("samples", "x", "q"))
        assert samples.shape[1] == len(COLUMNS)
        return Trace(samples, x, q, self.setting.about, frames)

    def save(self, path: Path) -> None:
        """Keep all in a file that is whole at every moment."""
        kept = {f"kept.{name}": np.array(values) for name, values in self.kept.items()}
        _checkpoint.write(path, self.setting.about, {**self.coupled.state(), **kept})

    def restore(self, path: Path) -> None:
        """Go on from a file; ValueError if it is none, or of another run."""
        state = _checkpoint.read(path, self.setting.about)
        for name in self.kept:
            self.kept[name] = list(state.pop(f"kept.{name}"))
        self.coupled.restore(state)


def _window(setting: _Setting) -> tuple[int, int]:
    """Cells along a pixel, and cells along a picture, a multiple of it."""
    wanted = min(int((1.15 * setting.R0 + 6) / setting.h), setting.cells - 1)
    pool = -(-wanted // PIXELS)
    return pool, wanted // pool * pool
