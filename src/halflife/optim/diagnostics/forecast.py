"""When weights that lie outside their constraint will be inside.

Knows products of decay factors; not what the weights are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Schedule = Callable[[Any, int], Any]
"""(step from 0, number of updates) → multiplier of the base rate."""


@dataclass(frozen=True)
class Forecast:
    """What a run's decay does to the distance between the weights and their constraint.

    The distance after t updates is at most the product of their 1 − ηλ (1/(1 + ηλ) for implicit
    decay) times the distance now, and just that if every gradient pushes outward.

    Attributes:
        steps: Updates until all weights are inside, 0 if they are; None if the run is too short.
        half_life: Updates until half of the distance is gone; None if the run is too short.
        left: The part of the distance that is left after the run.
        e_foldings: −ln of it, close to Σ ηλ.
    """

    steps: int | None
    half_life: int | None
    left: float
    e_foldings: float


def multipliers(schedule: Schedule | None, total: int, done: int = 0) -> NDArray[np.float64]:
    """The multiplier of each update from `done` on; 1 without a schedule."""
    if total < 1 or not 0 <= done <= total:
        raise ValueError(
            f"total must be at least 1 and done from 0 to total, got {total} and {done}."
        )
    if schedule is None:
        return np.ones(total - done)
    steps = range(done, total)
    values = np.fromiter((float(schedule(s, total)) for s in steps), float, total - done)
    if not (np.isfinite(values) & (values >= 0)).all():
        at = int(np.flatnonzero(~(np.isfinite(values) & (values >= 0)))[0])
        raise ValueError(
            f"schedule must give finite multipliers from 0, but at step {done + at} of {total} "
            f"it is {float(values[at])!r}."
        )
    return values


def log_factors(rates: NDArray[np.float64], *, implicit: bool) -> NDArray[np.float64]:
    """The logarithm of what each update leaves of the distance, for its ηλ.

    Raises:
        ValueError: Explicit decay with ηλ > 1, which overshoots.
    """
    if implicit:
        return -np.log1p(rates)
    if (rates > 1).any():
        at = int(np.argmax(rates > 1))
        raise ValueError(
            f"lr · weight_decay is {rates[at]:g} at update {at + 1}, but above 1 a step overshoots "
            "0: lower one of them or the schedule, or take decay='implicit'."
        )
    with np.errstate(divide="ignore"):  # ηλ = 1 leaves nothing
        return np.log1p(-rates)


def forecast(logs: NDArray[np.float64], distance: float, tolerance: float) -> Forecast:
    """Follow `distance` down to `tolerance` through updates that leave `exp(logs)` of it."""
    left = np.cumsum(logs)
    steps: int | None = 0
    if not distance <= tolerance:
        wanted = math.log(tolerance / distance) if tolerance and distance == distance else -math.inf
        steps = _first(left, wanted)
    return Forecast(
        steps=steps,
        half_life=_first(left, -math.log(2)),
        left=math.exp(left[-1]) if left.size else 1.0,
        e_foldings=float(-left[-1]) if left.size else 0.0,
    )


def _first(falling: NDArray[np.float64], wanted: float) -> int | None:
    """How many updates it takes until the sum is at most `wanted`, but for its own rounding."""
    reached = falling <= wanted * (1 - 1e-12)
    return int(np.argmax(reached)) + 1 if reached.any() else None
