"""What an evolution leaves: the radius, the energy book, the radiation, and pictures of the field.

Knows nothing of how it was made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.signal import find_peaks

Array = NDArray[np.float64]

COLUMNS = (
    "t",
    "R",
    "crossings",
    "kinetic",
    "gradient",
    "potential",
    "carriers",
    "absorbed",
    "goldstone",
    "radial",
)
"""Numbers of one sample, in the order in which they are kept."""
PARTED = 3.0
"""A carrier this many core widths from the string does not come back."""


class Settled(NamedTuple):
    """A damped oscillation of ln R: ln R = ln radius + A e^{−rate t} cos(frequency t + φ)."""

    radius: float
    rate: float
    frequency: float
    residual: float
    """Root mean square of ln R − fit."""


class Frames(NamedTuple):
    """Pictures of the half plane r, z > 0, from the axis and the plane outwards."""

    t: Array
    modulus: Array
    """|φ|, (frames, r, z), the smallest in each pixel, so that no core is lost."""
    energy_density: Array
    """Mean of each pixel, (frames, r, z)."""
    pixel: float
    """Side of a pixel in core units."""


@dataclass(frozen=True)
class Trace:
    """A loop's history.

    Attributes:
        samples: (samples, `COLUMNS`), float64: time, radius (NaN without a string), changes of
            sign of φ₁ in the plane, the parts of the field's energy, the carriers' energy, what the
            absorber has taken, and the energy per time of Goldstone and radial waves through a
            surface around the loop.
        x, q: Radii and radial momenta of the carriers, (samples, carriers).
        about: What was evolved and how, JSON values: R0, J, mh, w, h, dt, box, T, ….
        frames: Pictures, if asked for.
    """

    samples: Array
    x: Array
    q: Array
    about: dict[str, Any]
    frames: Frames | None = field(default=None, repr=False)

    def __getattr__(self, name: str) -> Array:
        if name not in COLUMNS:  # not even `samples` is there while a copy is made
            raise AttributeError(f"a trace has no {name!r}; it has {', '.join(COLUMNS)}")
        return self.samples[:, COLUMNS.index(name)]

    @cached_property
    def field_energy(self) -> Array:
        """Kinetic, gradient and potential energy together."""
        return np.asarray(self.kinetic + self.gradient + self.potential)

    @cached_property
    def total(self) -> Array:
        """The energy book: field, carriers, and what was absorbed."""
        return np.asarray(self.field_energy + self.carriers + self.absorbed)

    @property
    def closure(self) -> float:
        """Largest |total/total(0) − 1|: how well the book closes."""
        return float(np.abs(self.total / self.total[0] - 1).max())

    @property
    def most_crossings(self) -> int:
        """Largest number of changes of sign; above 1 the current has left the string."""
        return int(self.crossings.max())

    @property
    def separation(self) -> float:
        """Largest distance of a carrier from the string; 0 without carriers or string."""
        there = np.isfinite(self.R)
        if not (self.x.size and there.any()):
            return 0.0
        return float(np.abs(self.x[there] - self.R[there, None]).max())

    @property
    def parted(self) -> float:
        """The time when the current has left the string; NaN if it stays.

        Then φ₁ changes sign more than once, or a carrier is `PARTED` core widths off.
        """
        if not self.x.size:
            return float("nan")
        far = np.abs(np.nan_to_num(self.x - self.R[:, None])).max(axis=1) > PARTED
        when = np.flatnonzero((self.crossings > 1) | far)
        return float(self.t[when[0]]) if len(when) else float("nan")

    @property
    def vanished(self) -> float:
        """The time from which on there is no string; NaN if there is one at the end."""
        there = np.flatnonzero(self.crossings > 0)
        if len(there) == len(self.t) or (len(there) and there[-1] == len(self.t) - 1):
            return float("nan")
        return float(self.t[there[-1] + 1] if len(there) else self.t[0])

    @property
    def causal_until(self) -> float:
        """2 (box − R0): what was reflected by the box may be back from this time on."""
        return float(2 * (self.about["box"] - self.about["R0"]))

    def summary(self) -> dict[str, Any]:
        """What one wants to know of a run, as JSON values; None for what there is not."""
        from halflife.strings.thin_loop import ThinLoop

        times, radii = self.turning_points()
        about = self.about
        thin = np.zeros(0)
        if len(radii):
            _, thin = ThinLoop(about["J"]).turning_points(about["R0"], len(radii))
        late = int((times >= self.t[-1] / 2).sum())  # two turns make a fit, but not one to trust
        settled = self.settled() if late >= 3 and np.isnan(self.vanished) else None
        out = np.trapezoid(self.goldstone, self.t), np.trapezoid(self.radial, self.t)
        return {
            **{name: about[name] for name in ("R0", "R_v", "L", "J", "mh", "w", "groups")},
            **{name: about[name] for name in ("T", "h", "dt", "box")},
            "causal_until": self.causal_until,
            "closure": self.closure,
            "crossings": self.most_crossings,
            "separation": self.separation,
            "turn_t": times.tolist(),
            "turn_R": radii.tolist(),
            "turn_R_thin": np.asarray(thin).tolist(),
            "settled": None if settled is None else settled.radius,
            "rate": None if settled is None else settled.rate,
            "vanished": None if np.isnan(self.vanished) else self.vanished,
            "goldstone_share": float(out[0] / sum(out)),
        }

    def turning_points(self) -> tuple[Array, Array]:
        """Times and radii at which the loop turns, by parabolas through the samples there."""
        R, t = self.R, self.t
        if np.isnan(R).any():
            R, t = R[: np.isnan(R).argmax()], t[: np.isnan(R).argmax()]
        return turning_points(t, R)

    def settled(self, after: float | None = None) -> Settled:
        """The radius about which the loop swings, and how its swing fades, as `damped_swing`.

        Args:
            after: When the fit begins; half of the run if left out, so that the first swings, which
                may be a factor of three wide, do not count.

        Raises:
            ValueError: the loop vanished, or turns less than twice in that time.
        """
        if not np.isnan(self.vanished):
            raise ValueError(f"the loop vanished at t = {self.vanished:g}; nothing settles")
        return damped_swing(self.t, self.R, self.t[-1] / 2 if after is None else after)


def turning_points(t: Array, R: Array) -> tuple[Array, Array]:
    """Times and radii at which samples R(t) turn, by parabolas through those around them."""
    if len(R) < 5:
        return np.zeros(0), np.zeros(0)
    gap = max(1, int(0.5 * np.median(R) / (t[1] - t[0])))
    found = sorted(int(i) for s in (R, -R) for i in find_peaks(s, prominence=0.2, distance=gap)[0])
    times, radii = [], []
    for i in found:
        a, b, c = np.polyfit(t[i - 1 : i + 2] - t[i], R[i - 1 : i + 2], 2)
        times.append(t[i] - b / (2 * a))
        radii.append(c - b**2 / (4 * a))
    return np.array(times), np.array(radii)


def damped_swing(t: Array, R: Array, begins: float) -> Settled:
    """A least-squares fit of a damped oscillation to ln R from the time `begins` on.

    In the logarithm a chiral loop swings evenly, as R_max R_min is what is conserved.

    Raises:
        ValueError: it turns less than twice in that time.
    """
    times, radii = turning_points(t, R)
    times, radii = times[times >= begins], radii[times >= begins]
    if len(times) < 2:
        raise ValueError(
            f"the loop turns {len(times)} times from t = {begins:g} to {t[-1]:g}; two are "
            "needed: follow it longer, or fit from an earlier time (after)"
        )
    late = t >= begins
    since, y = t[late] - times[0], np.log(R[late])
    swing = np.log(radii[0] / radii[1]) / 2

    def curve(p: Array) -> Array:
        level, a, b, rate, frequency = p
        wave = a * np.cos(frequency * since) + b * np.sin(frequency * since)
        return np.asarray(level + np.exp(-rate * since) * wave - y)

    begin = [y.mean(), swing, 0.0, 0.1 / (times[1] - times[0]), np.pi / (times[1] - times[0])]
    fit = least_squares(curve, begin, x_scale=[1, 1, 1, begin[3], begin[4]])
    level, _, _, rate, frequency = fit.x
    residual = float(np.sqrt(np.mean(fit.fun**2)))
    return Settled(float(np.exp(level)), float(rate), float(abs(frequency)), residual)
