"""Time: symmetric compositions of leapfrogs, Störmer's recurrence, and the steps they allow.

A leapfrog over γΔt is a kick by γΔt/2, a drift by γΔt, a kick by γΔt/2. A composition strings
leapfrogs of weights γ₁ … γ_s together, Σ γ = 1, and two kicks that meet are one. So a run is a row
of fused kick–drifts, with the velocity behind φ by γ₁Δt/2 between steps; `synchronise` makes up for
it. Symmetric, hence reversible; symplectic, hence without drift in energy.

Knows the moves of a field, and nothing of its edges or engines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from numbers import Real

import torch

from halflife.arguments import whole
from halflife.strings.lattice.engines import Damping
from halflife.strings.lattice.field import Field
from halflife.strings.lattice.stencil import inside


@dataclass(frozen=True)
class Integrator:
    """A composition of leapfrogs, or Störmer's recurrence if `two_fields`.

    Attributes:
        name: The name that `advance` and `evolve` take.
        order: The energy's error is of this order in Δt.
        weights: γ₁ … γ_s, symmetric, of sum 1.
        two_fields: Whether φ(t − Δt) stands in for the velocity.
    """

    name: str
    order: int
    weights: tuple[float, ...]
    two_fields: bool = False

    @property
    def sweeps(self) -> int:
        """Sweeps over the grid in one step."""
        return len(self.weights)

    @cached_property
    def stability(self) -> float:
        """The largest ωΔt at which a harmonic oscillator stays bounded: |trace| ≤ 2."""

        def bounded(x: float) -> bool:
            a, b, c, d = 1.0, 0.0, 0.0, 1.0  # of (ωq, p)
            for weight in self.weights:
                y = weight * x
                for kick, drift in ((y / 2, y), (y / 2, 0.0)):
                    c, d = c - kick * a, d - kick * b
                    a, b = a + drift * c, b + drift * d
            return abs(a + d) <= 2 + 1e-9

        low, step = 0.0, 1e-3
        while bounded(low + step):
            low += step
        high = low + step
        while high - low > 1e-12:
            middle = (low + high) / 2
            low, high = (middle, high) if bounded(middle) else (low, middle)
        return low


_CUBE_ROOT = 2 ** (1 / 3)
_OUTER = 1 / (2 - _CUBE_ROOT)
INTEGRATORS = {
    it.name: it
    for it in (
        Integrator("leapfrog", 2, (1.0,)),
        # Forest and Ruth, Physica D 43 (1990) 105; Yoshida, Phys. Lett. A 150 (1990) 262.
        Integrator("yoshida4", 4, (_OUTER, 1 - 2 * _OUTER, _OUTER)),
        Integrator("forest-ruth", 4, (_OUTER, 1 - 2 * _OUTER, _OUTER)),
        # Yoshida's solution A, with the digits of Hairer, Lubich and Wanner, (V.3.11).
        Integrator(
            "yoshida6",
            6,
            (
                0.78451361047755726382,
                0.23557321335935813368,
                -1.17767998417887100695,
                1.31518632068391121889,
                -1.17767998417887100695,
                0.23557321335935813368,
                0.78451361047755726382,
            ),
        ),
        Integrator("stoermer", 2, (1.0,), two_fields=True),
    )
}


def integrator(name: str | Integrator) -> Integrator:
    """The integrator of a name: "leapfrog", "yoshida4" = "forest-ruth", "yoshida6", "stoermer".

    Raises:
        ValueError: there is none of that name.
    """
    if isinstance(name, Integrator):
        return name
    if name not in INTEGRATORS:
        raise ValueError(f"integrator must be one of {', '.join(INTEGRATORS)}; got {name!r}.")
    return INTEGRATORS[name]


def stable_step(field: Field, name: str | Integrator = "leapfrog") -> float:
    """The largest stable Δt of an integrator for a field as it is now.

    From ω² ≤ 4d/h² + 3|φ|² − 1 on the lattice, with the largest |φ|, at least the vacuum's 1.

    Raises:
        ValueError: no such integrator, or φ is not finite.
    """
    phi = field.phi
    few = max(1, (1 << 17) // phi[:, :1].numel())  # so many planes stay in the cache
    squares = [planes.square().sum(0).max() for planes in torch.split(phi, few, 1)]
    largest = float(torch.stack(squares).max().double().sqrt())
    if field.slabs is not None:
        largest = field.slabs.largest(largest)
    if not math.isfinite(largest):
        raise ValueError("field: φ is not finite; go back to a checkpoint, with a smaller dt.")
    return integrator(name).stability / field.grid.highest_frequency(max(1.0, largest))


def check_step(
    field: Field, dt: float, name: str | Integrator = "leapfrog", damping: Damping | None = None
) -> Integrator:
    """The integrator, if it may move this field by this step.

    Raises:
        ValueError: an unstable step; float32 with Störmer; edges or damping that take energy, with
            an integrator that goes back in time.
    """
    method = integrator(name)
    if not (isinstance(dt, Real) and math.isfinite(dt)) or dt == 0:
        raise ValueError(f"dt must be a number other than 0, got {dt!r}.")
    most = stable_step(field, method)
    if abs(dt) > most:
        raise ValueError(
            f"dt={dt:g} is unstable with integrator {method.name!r} at spacing "
            f"{field.grid.spacing:g}: take at most {math.floor(most * 1e4) / 1e4:g}."
        )
    if method.two_fields and field.dtype != torch.float64:
        raise ValueError(
            "integrator 'stoermer' wants dtype=torch.float64: it keeps φ(t − Δt) in the velocity's "
            f"place and loses digits as 1/Δt², here {1 / dt**2:.0f} ulp of φ in each acceleration. "
            "In float32 take 'leapfrog', which is the same recurrence without that loss."
        )
    takes = damping is not None or any(
        not edge.conserves for pair in field.grid.faces for edge in pair
    )
    if takes and (dt < 0 or min(method.weights) < 0 or method.two_fields):
        raise ValueError(
            f"edges='outgoing' and damping take energy, and integrator {method.name!r} with "
            f"dt={dt:g} {'keeps no velocity' if method.two_fields else 'goes back in time'}: take "
            "'leapfrog' and dt > 0, or edges that conserve."
        )
    return method


def advance(
    field: Field,
    dt: float,
    steps: int,
    method: str | Integrator = "leapfrog",
    damping: Damping | None = None,
) -> None:
    """Move a field by some steps; its velocity may stay behind by `field.lag`.

    Args:
        field: Synchronous, or as the last `advance` with the same dt and method left it.
        dt: Δt; negative goes back.
        steps: At least 0.
        method: The integrator or its name.
        damping: `field.damping(rates, dt)`, or None.

    Raises:
        ValueError: as of `check_step`, or the velocity is behind by another step's lag.
    """
    method = check_step(field, dt, method, damping)
    steps = whole("steps", steps, 0)
    lag = method.weights[0] * dt / 2
    if field.lag not in (0.0, lag):
        raise ValueError(
            f"field: its velocity is behind by {field.lag:g}, and this step would leave {lag:g}: "
            "call synchronise(field) before you change dt or the integrator."
        )
    move(field, dt, steps, method, damping)


def move(field: Field, dt: float, steps: int, method: Integrator, damping: Damping | None) -> None:
    """`advance` without its checks, one of which looks at the whole field."""
    if steps == 0:
        return
    if method.two_fields:
        _stoermer(field, dt, steps)
        return
    if field.lag == 0.0:
        _first(field, dt, method.weights, damping)
        steps -= 1
    joined = (2 * method.weights[0], *(a + b for a, b in _pairs(method.weights)))
    sweeps = [
        (kick * dt / 2, drift * dt) for kick, drift in zip(joined, method.weights, strict=True)
    ]
    for _ in range(steps):
        for kick, drift in sweeps:
            field.kick_drift(kick, drift, damping)
    field.lag, field.due = method.weights[0] * dt / 2, damping


def synchronise(field: Field) -> None:
    """Bring the velocity to φ's time: the damping that is due, then the kick."""
    if field.lag:
        if field.due is not None:
            field.damp(field.due)
        field.kick(field.lag)
    field.lag, field.due = 0.0, None


def _pairs(weights: Sequence[float]) -> list[tuple[float, float]]:
    return list(pairwise(weights))


def _first(field: Field, dt: float, weights: tuple[float, ...], damping: Damping | None) -> None:
    """The step that starts from a synchronous field."""
    if damping is not None:  # a leapfrog, as `check_step` has seen to
        field.kick(dt / 2)
        field.damp(damping)
        field.drift(dt)
        return
    kicks = (weights[0], *(a + b for a, b in _pairs(weights)))
    for kick, drift in zip(kicks, weights, strict=True):
        field.kick_drift(kick * dt / 2, drift * dt)


def _stoermer(field: Field, dt: float, steps: int) -> None:
    """φ(t + Δt) = 2φ(t) − φ(t − Δt) + Δt² F(φ(t)), in the place of φ(t − Δt)."""
    if field.lag == 0.0:
        field.kick_drift(dt / 2, dt)
        steps -= 1
    previous = field.padded.clone()
    inside(previous).sub_(dt * field.velocity)
    for _ in range(steps):
        field.engine.stoermer(field.padded, previous, dt * dt)
        field.padded, previous = previous, field.padded
        field.fill_halo()
    field.velocity.copy_((inside(field.padded) - inside(previous)) / dt)
    field.lag = dt / 2
