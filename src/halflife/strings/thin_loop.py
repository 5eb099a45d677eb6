"""A thin circular loop of string: its energy, its current, how it breathes and settles.

The model is ours: the paper's abstract gives the claims, not the equations. A loop of radius
R ≫ 1 costs the energy of a vortex ring, and its zero modes, whose angular momentum J is conserved,
cost J/R:

    M(R) = E(R) + J/R,    E(R) = 2π² R L(R),    L(R) = ln(8R) − 2 + c₀,

c₀ from the straight profile. It moves as a relativistic body of mass M(R), and the Goldstone
bosons that a breathing dipole layer of moment 2π² R² emits are a friction:

    Ṙ = p/ε,   ṗ = −M M′/ε − (16π³/3) c_f R² Ṙ/ρ²,   ε² = p² + M²,   ρ = ε/(2π² L).

The friction comes from P = (π³/3) c_f [(R²)″]². It is (2π³/3) c_f R (R²)‴, with the third
derivative replaced by that of the free motion, so that it only ever takes energy away. As written
it is the free motion of a constant tension, (R²)‴ = −(4/ρ²) (R²)′, and damps small breathing less
than its own radiation by a part 2/L; `running_friction` takes the loop's own free motion, which is
right to order 1/L².

Energies are in v/√λ, J in 1/λ. How the equations are stepped stands in `thin_loop_compiled.py`, and
once more, differentiable, in `thin_loop_torch.py`. Knows nothing of lattices, and nothing of a loop
that is not a circle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_compat import array_namespace
from joblib import cpu_count
from numpy.typing import ArrayLike
from scipy.special import spherical_jn, wrightomega

from halflife.arguments import Array, number, positive, whole
from halflife.strings.profile import profile

if TYPE_CHECKING:
    from torch import Tensor

RING_CONSTANT = 2 - profile(1).energy_constant
"""2 − c₀ = 1.619118: L(R) = ln(8R) − RING_CONSTANT."""
DAMPING = 1.0
"""c_f of the ring's friction: its value at long wavelength. Fixed, and fitted to nothing."""
COLLAPSED = 2.0
"""A loop of this radius has no thin core any more: opposite sides touch, and it is gone."""
STEP = 1 / 24
"""Of R, in time: about 150 steps a breathing, and nine digits left after some of them."""
MOST_STEPS = 100_000
"""More than 600 breathings."""
FAR = 1e6
"""ωR from which on a ring's efficiency is 3/(4ωR) to ten digits."""
FEW = 64
"""Loops that are not worth a second thread."""


@dataclass(frozen=True)
class Tension:
    """Energy per length of the string of a loop, μ(R) = mu + running · ln(8R), in v².

    Attributes:
        mu: The constant part; all of it for a string without long-range forces.
        running: πn² for a global string, whose Goldstone field reaches across the loop.
    """

    mu: float
    running: float = 0.0

    def __post_init__(self) -> None:
        number("running", self.running, "[0, inf)")
        number("mu", self.mu, "(-inf, inf)" if self.running else "(0, inf)")

    def per_length(self, R: Any) -> Any:
        """μ(R); any shape, NumPy or torch."""
        return self.mu + self.running * _log(8 * R)

    def energy(self, R: Any) -> Any:
        """2πR μ(R), the energy of a circle at rest."""
        return 2 * math.pi * R * self.per_length(R)

    def force(self, R: Any) -> Any:
        """The derivative of `energy` by R."""
        return 2 * math.pi * (self.per_length(R) + self.running)

    def rest(self, J: Any) -> Any:
        """The radius at which zero modes of angular momentum `J` hold the loop: J = R² force(R).

        With x = R² that is J = π r x ln(x e^{2a}), r the running: Lambert's W solves it, and
        Newton's method polishes, through which a tensor's gradient flows.

        Raises:
            ValueError: a J that is not above 0: without a current a loop rests nowhere.
        """
        J = _plain("J", J)
        logarithm = np.log(positive("J", _detached(J)))
        if self.running == 0:
            return (J / (2 * math.pi * self.mu)) ** 0.5
        a = math.log(8) + 1 + self.mu / self.running
        z = logarithm + 2 * a - math.log(math.pi * self.running)
        if a < 1000:
            R: Any = np.exp(np.real(wrightomega(z)) / 2 - a)  # ω(z) = W(e^z)
        else:  # hardly any running, and the exponent's two parts would cancel
            R = np.exp((logarithm - math.log(2 * math.pi * self.mu)) / 2)
        if _is_tensor(J):
            R = J.new_tensor(R)
        for _ in range(4):
            slope = 2 * R * self.force(R) + 2 * math.pi * self.running * R
            R = R - (R * R * self.force(R) - J) / slope
        return R


GLOBAL = Tension(mu=-math.pi * RING_CONSTANT, running=math.pi)
"""The global string of winding 1: μ(R) = π L(R)."""


def tension_log(R: Any) -> Any:
    """L(R) = ln(8R) − 2 + c₀, with which a loop's energy is 2π² R L; any shape, NumPy or torch.

    Raises:
        ValueError: an R that is not above 0, unless in a tensor. So do the functions below.
    """
    return _log(8 * _above_0("R", R)) - RING_CONSTANT


def loop_energy(R: Any) -> Any:
    """Energy of a circular global loop at rest, without current, in v/√λ.

    Args:
        R: Radius in 1/(√λ v), any shape, NumPy or torch. A thin ring: R ≫ 1.

    >>> round(float(loop_energy(45.0)), 1)
    3790.2
    """
    return GLOBAL.energy(_above_0("R", R))


def loop_force(R: Any) -> Any:
    """The derivative of `loop_energy` by R, 2π² (L + 1)."""
    return GLOBAL.force(_above_0("R", R))


def angular_momentum(R_v: Any) -> Any:
    """The J = R² E′(R) of zero modes that hold a loop at radius `R_v`, in 1/λ."""
    R_v = _above_0("R_v", R_v)
    return R_v * R_v * loop_force(R_v)


def vorton_radius(J: Any) -> Any:
    """The radius at which zero modes of angular momentum `J` hold a loop.

    Args:
        J: In 1/λ, so λN²/2 for N carriers; any shape, NumPy or torch (differentiable).

    Raises:
        ValueError: a J that is not above 0: without a current a loop rests nowhere.

    >>> round(float(vorton_radius(angular_momentum(30.0))), 10)
    30.0
    """
    return GLOBAL.rest(J)


def breathing_frequency(R_v: Any) -> Any:
    """Angular frequency of small breathing about `R_v`, √(M″/M); 1/R_v up to terms in 1/L."""
    R_v = _above_0("R_v", R_v)
    L = tension_log(R_v)
    return ((2 * L + 3) / (2 * L + 1)) ** 0.5 / R_v


def radiation_efficiency(frequency: ArrayLike) -> Array:
    """c_f of a ring that breathes at ωR = `frequency`: what interference leaves of the dipole.

    The average of cos²θ J₀(ωR sin θ)² over directions, over its value ⅓ at ω = 0: by Sonine's
    integral that of 3 j₁(a)/a over a = 2ωR sin φ, which falls as 3/(4ωR).

    Args:
        frequency: ωR, 0 or above, any shape.

    Raises:
        ValueError: a negative one, or one that is not finite.

    >>> round(float(radiation_efficiency(1.0)), 3)
    0.82
    """
    x = np.asarray(frequency, dtype=np.float64)
    if not (np.isfinite(x) & (x >= 0)).all():
        raise ValueError(f"frequency must be finite and at least 0, got {frequency!r}.")
    far = x > FAR
    near = np.where(far, 0.0, x)
    points = 32 + int(near.max(initial=0))  # the midpoint rule of a periodic function
    a = 2 * near[..., None] * np.sin((np.arange(points) + 0.5) * math.pi / (2 * points))
    small = a < 1e-3
    ratio = np.where(small, 1 / 3 - a**2 / 30, spherical_jn(1, a) / np.where(small, 1.0, a))
    return np.asarray(np.where(far, 0.75 / np.maximum(x, FAR), 3 * ratio.mean(axis=-1)))[()]


def quality_factor(R_v: Any, c_f: float | None = None) -> Any:
    """Q = 3L/(π c_f) of the breathing: its energy falls by e in Q/2π periods. Leading in 1/L.

    Args:
        R_v: The vorton's radius, any shape.
        c_f: As in `ThinLoop`; if left out, `radiation_efficiency(1)`, small breathing's own.

    >>> round(quality_factor(30.0), 1)
    4.5
    """
    c = float(radiation_efficiency(1.0)) if c_f is None else number("c_f", c_f, "(0, inf)")
    return 3 * tension_log(_above_0("R_v", R_v)) / (math.pi * c)


def chiral_loop(t: ArrayLike, R_max: float, R_min: float) -> Array:
    """R(t) of a loop with a chiral current and constant tension, from rest at `R_max`; exact.

    R² = (R_max² + R_min²)/2 + (R_max² − R_min²)/2 · cos(2t/(R_max + R_min)), and
    R_max R_min = R_v². From the null current's conformal gauge, where both movers are circles.

    Raises:
        ValueError: not 0 ≤ R_min ≤ R_max, or R_max = 0.
    """
    number("R_max", R_max, "(0, inf)")
    number("R_min", R_min, f"[0, {R_max}]")
    mean, half = (R_max**2 + R_min**2) / 2, (R_max**2 - R_min**2) / 2
    phase = 2 * np.asarray(t, dtype=np.float64) / (R_max + R_min)
    return np.asarray(np.sqrt(np.maximum(mean + half * np.cos(phase), 0.0)))[()]


@dataclass(frozen=True, eq=False)
class Trace:
    """How loops moved. Arrays of NumPy, or tensors if J, R0 or the damping was one.

    Attributes:
        t: Times, shape (..., samples).
        R: Radii there; NaN once a loop has collapsed.
        velocity: dR/dt.
        energy: √(p² + M²); what is missing of the first was radiated.
    """

    t: Any
    R: Any
    velocity: Any
    energy: Any


@dataclass(frozen=True, eq=False)
class ThinLoop:
    """Thin circular loops, many at once, each with its own conserved angular momentum.

    Attributes:
        J: Angular momentum of the zero modes, in 1/λ: a number, array or tensor; 0 for none.
        damping: c_f of the Goldstone radiation, a number, array or tensor; 0 switches it off, as
            befits a string without Goldstone bosons.
        tension: What the string costs; a global string's if left out.
        running_friction: Whether the friction knows that the tension runs, see the module's head.
            With damping `radiation_efficiency(1)` it has no constant that is not derived.

    If J, damping or R0 is a tensor, all that is returned is, and is differentiable by them.

    Raises:
        ValueError: a negative J or damping, or one that is not finite.

    >>> loop = ThinLoop(angular_momentum(30.0), damping=0.0)
    >>> t, R = loop.turning_points(45.0, 2)
    >>> R.round(2).tolist(), round(float(R[0] * R[1] / 30**2), 2)  # 1 if the tension were constant
    ([19.79, 45.0], 0.99)
    """

    J: Any
    damping: Any = DAMPING
    tension: Tension = GLOBAL
    running_friction: bool = False

    def __post_init__(self) -> None:
        for name in ("J", "damping"):
            given = getattr(self, name)
            if not _is_tensor(given):
                object.__setattr__(self, name, _plain(name, given))
            values = np.asarray(_detached(given), dtype=np.float64)
            bad = values[~(np.isfinite(values) & (values >= 0))]
            if bad.size:
                raise ValueError(f"{name} must be finite and at least 0, got {bad.flat[0]}.")

    def mass(self, R: Any) -> Any:
        """M(R), the rest energy of the loop with its zero modes."""
        R = _plain("R", R)
        return self.tension.energy(R) + self.J / R

    def evolve(self, R0: Any, times: Any) -> Trace:
        """Follow loops that start at rest at `R0`.

        Args:
            R0: Radii, any shape that broadcasts with J and damping.
            times: When to look, rising, from 0 on; shape (samples,), or (..., samples) for
                times of each loop's own.

        Raises:
            ValueError: an R0 at which a loop has no thin core; times that fall or are negative;
                or times that only more than 10⁵ steps would reach.
        """
        J, start, c = self._loops(R0)
        t = np.asarray(_detached(times), dtype=np.float64)
        if t.ndim == 0 or not (np.isfinite(t).all() and (t >= 0).all() and (np.diff(t) >= 0).all()):
            raise ValueError("times must be finite, at least 0 and rising along the last axis.")
        t = np.array(np.broadcast_to(t, (*J.shape, t.shape[-1])))
        self._check_length(J, start, t)
        if self._wants_tensors(R0):
            from halflife.strings import thin_loop_torch

            loops = self._tensors(R0)
            return Trace(*thin_loop_torch.evolve(loops, t, self._constants))
        from halflife.strings.thin_loop_compiled import evolve

        R, p = np.empty_like(t), np.empty_like(t)
        _in_threads(evolve, (J, start, c), self._constants, (t, R, p))
        energy = np.hypot(p, self.tension.energy(R) + J[..., None] / R)
        return Trace(t, R, p / energy, energy)

    def turning_points(self, R0: Any, count: int) -> tuple[Any, Any]:
        """Times and radii at which loops from rest at `R0` turn, shapes (..., count).

        For a loop larger than its vorton first the smallest radius, then the largest after it,
        and so on. NaN for those that a collapsing loop never reaches.

        Raises:
            ValueError: as `evolve`; a count below 1 or above 1000.
        """
        count = whole("count", count, 1, 1000)
        J, start, c = self._loops(R0)
        if self._wants_tensors(R0):
            from halflife.strings import thin_loop_torch

            return thin_loop_torch.turning_points(self._tensors(R0), count, self._constants)
        from halflife.strings.thin_loop_compiled import turning_points

        t = np.empty((*J.shape, count))
        R = np.empty_like(t)
        _in_threads(turning_points, (J, start, c), self._constants, (t, R))
        return t, R

    @property
    def _constants(self) -> tuple[float, float, float]:
        """The tension's two, and the running that the friction knows of."""
        running = float(self.tension.running)
        return float(self.tension.mu), running, running if self.running_friction else 0.0

    def _loops(self, R0: Any) -> tuple[Array, ...]:
        """J, R0 and c_f as arrays of one shape, checked."""
        radii = positive("R0", _detached(R0))
        if (radii <= COLLAPSED).any():
            raise ValueError(
                f"R0 must be above {COLLAPSED:g} in units of 1/(√λ v), got {radii.min():g}: "
                "opposite sides of a smaller loop touch, and it is no thin loop."
            )
        return np.broadcast_arrays(
            *(np.asarray(_detached(x), dtype=np.float64) for x in (self.J, radii, self.damping))
        )

    def _wants_tensors(self, R0: Any) -> bool:
        return any(_is_tensor(x) for x in (self.J, R0, self.damping))

    def _tensors(self, R0: Any) -> list[Tensor]:
        import torch

        given = (self.J, R0, self.damping)
        device = next(x.device for x in given if _is_tensor(x))
        tensors = [torch.as_tensor(x, dtype=torch.float64, device=device) for x in given]
        shape = np.broadcast_shapes(*(x.shape for x in tensors))
        return [x.expand(shape) for x in tensors]

    def _check_length(self, J: Array, start: Array, t: Array) -> None:
        """Refuse what would take more than MOST_STEPS before it begins."""
        rest = np.where(J > 0, self.tension.rest(np.where(J > 0, J, 1.0)), start)
        scale = np.minimum(rest, start) * STEP
        last = t.max(axis=-1, initial=0.0)
        steps = last / scale
        if (steps > MOST_STEPS).any():
            worst = np.unravel_index(steps.argmax(), steps.shape)
            raise ValueError(
                f"times reach {last[worst]:g}, more than {MOST_STEPS} steps for a loop that "
                f"rests at {rest[worst]:g}; stop at {MOST_STEPS * scale[worst]:g} or before."
            )


def _in_threads(
    kernel: Any,
    loops: tuple[Array, ...],
    constants: tuple[float, float, float],
    rows: tuple[Array, ...],
) -> None:
    """Call a compiled kernel on shares of the loops, and fill `rows`."""
    each: list[Array] = [np.ascontiguousarray(x).reshape(-1) for x in loops]
    count = len(each[0])
    each += [x.reshape(count, x.shape[-1]) for x in rows]  # views
    threads = 1 if count <= FEW else int(cpu_count())  # those that this process may use
    pieces = 1 if threads == 1 else 8 * threads
    kernel(count * np.arange(pieces + 1) // pieces, threads, constants, *each)


def _above_0(name: str, R: Any) -> Any:
    """What was given, or a list as an array, if all of it is above 0; a tensor as it is."""
    if not _is_tensor(R):  # which may be one that is being traced, without values
        R = _plain(name, R)
        positive(name, R)
    return R


def _plain(name: str, x: Any) -> Any:
    """A number, a tensor or an array of floats as it is; a list, or whole numbers, as float64."""
    whole_numbers = isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind != "f"
    if whole_numbers or not (hasattr(x, "shape") or isinstance(x, Real)):
        try:
            return np.asarray(x, dtype=np.float64)[()]
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be numbers, got {x!r}.") from None
    return x


def _log(x: Any) -> Any:
    return array_namespace(x).log(x) if hasattr(x, "shape") else math.log(x)


def _is_tensor(x: Any) -> bool:
    return hasattr(x, "requires_grad")


def _detached(x: Any) -> Any:
    """A tensor's values as an array, anything else as it is."""
    return x.detach().cpu().numpy() if _is_tensor(x) else x
