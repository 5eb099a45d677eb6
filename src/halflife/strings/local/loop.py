"""A superconducting loop of local string on the lattice: `LocalLoop(…).evolve(T, h)`.

The model is ours: the paper's abstract gives the claims, not the equations. Units: v = λ = 1,
lengths in 1/(√λ v), e = √2. The box is closed: what is radiated stays in it, and field and carriers
together keep their energy.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from halflife.arguments import number, whole
from halflife.strings.local.lattice import Stepper
from halflife.strings.local.profile import CHARGE, TENSION, local_profile
from halflife.strings.local.reference import Marker, State, field_energy, gauss, marker_energy
from halflife.strings.loop.initial import phase_noise
from halflife.strings.loop.limits import MARGIN, room, stiffness, time_step
from halflife.strings.loop.radius import crossing_of_line
from halflife.strings.loop.trace import COLUMNS, Trace
from halflife.strings.thin_loop import Tension, ThinLoop

Array = NDArray[np.float64]

SMALLEST_VORTON = 10.0
"""Below this radius, in core units, a loop is no thin string."""
COARSEST = 0.5
"""Widest spacing that resolves a core, in core units."""
ROOM = 12.0
"""Least distance from loop to edge."""


@dataclass(frozen=True)
class LocalLoop:
    """A circular loop of local string at rest, with a conserved zero-mode current or none.

    Attributes:
        R0: Radius at t = 0, in core units.
        J: Angular momentum of the zero modes, in 1/λ; 0 is no current.
        mh: Mass m̂ of all carriers together. If left out, `MARGIN` times what holds them at R_v²/R0.
        w: Width of the carriers' kernel.

    Raises:
        ValueError: a number out of its range, or a current that rests below `SMALLEST_VORTON`.
    """

    R0: float
    J: float = 0.0
    mh: float | None = None
    w: float = 1.0

    def __post_init__(self) -> None:
        touch = "Opposite sides of a smaller loop touch."
        plain = {  # Python's own numbers, whatever was given
            "R0": number("R0", self.R0, "(4, inf)", touch),
            "J": number("J", self.J, "[0, inf)"),
            "mh": None if self.mh is None else number("mh", self.mh, "(0, inf)"),
            "w": number("w", self.w, "(0, inf)"),
        }
        for name, value in plain.items():
            object.__setattr__(self, name, value)
        if 0 < self.vorton_radius < SMALLEST_VORTON * (1 - 1e-9):
            least = 2 * np.pi * TENSION * SMALLEST_VORTON**2
            raise ValueError(
                f"J={self.J:g} rests at a radius of {self.vorton_radius:.3g} core units, where a "
                f"loop is no thin string. Take J of at least {least:.0f}."
            )

    @classmethod
    def around(cls, vorton_radius: float, R0: float, **more: Any) -> LocalLoop:
        """A loop whose current holds it at `vorton_radius`; it starts at R0."""
        radius = number("vorton_radius", vorton_radius, f"[{SMALLEST_VORTON:g}, inf)")
        return cls(R0=R0, J=2 * np.pi * TENSION * radius**2, **more)

    @property
    def vorton_radius(self) -> float:
        """Where a thin loop with this current rests, √(J/2πμ); 0 without one."""
        return float(np.sqrt(self.J / (2 * np.pi * TENSION)))

    @property
    def mass(self) -> float:
        """m̂ of all carriers, the default if none was given; 0 without a current."""
        if self.J == 0:
            return 0.0
        if self.mh is not None:
            return self.mh
        inner = min(self.R0, self.vorton_radius**2 / self.R0)
        return float(MARGIN * self.J / np.sqrt(local_grip(self.w) * inner**3))

    def thin(self) -> ThinLoop:
        """The same loop without thickness, which nothing damps; `chiral_loop` is its R(t)."""
        return ThinLoop(self.J, damping=0.0, tension=Tension(TENSION))

    def evolve(
        self,
        T: float,
        h: float = 0.4,
        *,
        dt: float | None = None,
        box: float | None = None,
        noise: float = 0.0,
        seed: int = 0,
        every: float = 1.0,
        watch: Callable[[float, float], None] | None = None,
    ) -> Trace:
        """Let the loop go.

        Args:
            T: How long, in core units.
            h: Spacing of the grid, at most `COARSEST`.
            dt: Step; 0.4 h if left out, less where heavy carriers make the system stiff, 0.1 h
                without a current.
            box: Length of the half plane along r and z; R0 + T/2 if left out, so that nothing can
                come back before T.
            noise: Largest phase of a perturbation of long waves; the gauge field is left as it is.
            seed: What draws the perturbation.
            every: Time between two samples.
            watch: Called with the time reached and T, now and then.

        Returns:
            The loop's history. Kinetic energy holds the electric part and gradient energy the
            magnetic one; nothing is absorbed, and the fluxes are NaN, as there is no surface.
            `about["gauss"]` is the largest violation of Gauss's law at the end.

        Raises:
            ValueError: a spacing, a step or a box that cannot work, with one that would.

        Warns:
            UserWarning: the current left the string, or even the box, which ends the run early.
        """
        T = number("T", T, "(0, inf)")
        h = number(
            "h", h, f"(0, {COARSEST}]", "A wider spacing does not resolve the string's core."
        )
        every = number("every", every, "(0, inf)")
        noise = number("noise", noise, "[0, 1)")
        seed = whole("seed", seed, 0)
        least = 1.2 * self.R0 + max(ROOM, 8 * self.w)
        length = room(box, least=least, causal=self.R0 + T / 2)
        largest = max(self.R0, self.vorton_radius)
        stiff = stiffness(self.J, self.mass, self.w, largest, local_profile().slope)
        step = time_step(dt, h, axes=2, stiffness=stiff, usual=0.4 if self.J > 0 else 0.1)
        cells = int(np.ceil(length / h - 1e-9))
        state = local_field(cells, h, self.R0, noise=noise, seed=seed)
        state.x = self.R0
        stepper = Stepper(state, Marker(self.J, self.mass, self.w), h, float(step))
        stride, total = max(1, round(every / step)), int(np.ceil(T / step - 1e-9))
        rows = [self._row(stepper)]
        ended = False
        while not ended:
            stepper.step()
            ended = stepper.steps == total or stepper.leaves
            if stepper.steps % stride == 0 or ended:
                rows.append(self._row(stepper))
                if watch is not None:
                    watch(stepper.time, T)
        samples = np.array([row[0] for row in rows])
        assert samples.shape[1] == len(COLUMNS)
        about = {
            **{"R0": self.R0, "R_v": self.vorton_radius, "J": self.J, "mh": self.mass, "w": self.w},
            **{"T": float(T), "h": float(h), "dt": float(step), "box": cells * h, "noise": noise},
            **{"seed": seed, "e": CHARGE, "gauss": float(np.abs(gauss(stepper.state, h)).max())},
            **{"tension": TENSION, "L": None, "groups": 1},
        }
        carriers = 1 if self.J > 0 else 0
        x, q = (np.array([row[k] for row in rows])[:, None][:, :carriers] for k in (1, 2))
        trace = Trace(samples, x, q, about)
        for caution in trace.cautions():
            warnings.warn(caution, stacklevel=2)
        return trace

    def _row(self, stepper: Stepper) -> tuple[Array, float, float]:
        now, h = stepper.whole(), stepper.h
        line = np.ascontiguousarray(now.phi[:, 0].real)
        found = crossing_of_line(line, (np.arange(len(line), dtype=np.float64) + 0.5) * h)
        parts = field_energy(now, h)
        carried = marker_energy(now, stepper.marker, h)
        row = (stepper.time, *found, *parts, carried, 0.0, np.nan, np.nan)
        return np.array(row), stepper.state.x, stepper.state.q


def local_field(cells: int, h: float, R: float, *, noise: float = 0.0, seed: int = 0) -> State:
    """A circular loop at rest around the axis, in the plane of row 0.

    The phase is the angle about the core less that about its mirror image across the axis, the
    modulus that of the straight string; along a link e A is the phase's change times the share of
    the flux at the link's middle.
    """
    r = (np.arange(cells) + 0.5)[:, None] * h
    z = np.arange(cells)[None, :] * h
    made = local_profile()
    phase = np.arctan2(z, r - R) - np.arctan2(z, r + R)
    shift = phase_noise(r, z, R, seed=seed, amplitude=noise) if noise else 0.0
    phi = made.f(np.hypot(r - R, z)) * np.exp(1j * (phase + shift))
    phi[:, 0] = phi[:, 0].real
    a_r, a_z = np.zeros((cells, cells)), np.zeros((cells, cells))
    for a, axis, middle in (
        (a_r[:-1], 0, (r[:-1] + h / 2, z)),
        (a_z[:, :-1], 1, (r, z[:, :-1] + h / 2)),
    ):
        turn = np.diff(phase, axis=axis)
        turn -= 2 * np.pi * np.rint(turn / (2 * np.pi))
        a[...] = made.a(np.hypot(middle[0] - R, middle[1])) * turn / (CHARGE * h)
    a_r[:, 0] = 0
    return State(phi, a_r, a_z, np.zeros_like(phi), np.zeros_like(a_r), np.zeros_like(a_z))


@cache
def local_grip(w: float) -> float:
    """Largest φ̄ φ̄′ across a straight local string whose field is smeared with width w.

    As `loop/hold.py`'s, with the field carried to the plane before it is smeared.
    """
    number("w", w, "(0, inf)")
    step = min(0.05, w / 10)
    s = (np.arange(int((8 + 12 * w) / step)) + 0.5) * step
    z = np.arange(int(6 * w / step) + 1) * step
    made = local_profile()
    distance = np.hypot(s[:, None], z)
    lag = (1 - made.a(distance)) * s[:, None] / distance**2  # of the phase behind the gauge field
    angle = np.zeros_like(lag)
    angle[:, 1:] = np.cumsum((lag[:, 1:] + lag[:, :-1]) / 2, axis=1) * step
    along = np.exp(-(z**2) / (2 * w**2))
    along[0] /= 2
    line = (made.f(distance) * np.cos(angle)) @ (along / along.sum())
    d = np.linspace(0.02, 3 + 3 * w, 600)
    near, far = (np.exp(-((d[:, None] - x) ** 2) / (2 * w**2)) for x in (s, -s))  # odd in s
    smeared = (near - far) @ line * step / (np.sqrt(2 * np.pi) * w)
    return float(np.max(np.gradient(smeared**2, d) / 2))
