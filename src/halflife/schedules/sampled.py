"""The sampling rate of REX: refresh the value only now and then."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import array_api_compat
import numpy as np

from halflife.arguments import number
from halflife.schedules.arguments import fraction
from halflife.schedules.schedule import Array, Combinator, Namespace, Schedule, a_schedule

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Sampled(Combinator, kind="sampled"):
    """Sample and hold: at some fractions of the run take the value, keep it in between.

        m(s) = f(max {τ_j : τ_j ≤ s/T}),   τ_0 = 0

    where f is the curve of `inner` over the progress s/T (arXiv 2107.04197 calls f the profile and
    the τ_j the sampling rate). Its "10-10" is `every=0.1`, its "50-75" `points=(0.5, 0.75)`. A
    float stands for the fraction that a person means by it, so 0.1 is 1/10 and is hit exactly at
    step 3 of 30. f is taken at τ_j itself, which may lie between two steps: only where every step
    is a sampling point does this give back `inner`.

    Raises:
        ValueError: Both or neither of `every` and `points`; `every` outside [1e-6, 1]; a point
            outside [0, 1).

    >>> from halflife.schedules import linear
    >>> linear().sampled(points=(0.5, 0.75)).table(8)
    array([1.  , 1.  , 1.  , 1.  , 0.5 , 0.5 , 0.25, 0.25])
    >>> linear().sampled(every=0.25).table(8)
    array([1.  , 1.  , 0.75, 0.75, 0.5 , 0.5 , 0.25, 0.25])
    """

    inner: Schedule
    every: float | None = None
    points: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        a_schedule("inner", self.inner)
        if (self.every is None) == (self.points is None):
            raise ValueError(
                "sampled needs one of every and points, "
                f"got every={self.every!r} and points={self.points!r}."
            )
        if self.every is not None:
            self._keep(every=number("every", self.every, "[1e-6, 1]"))
        elif isinstance(self.points, int | float | str):
            raise ValueError(f"points must be a tuple of fractions, got {self.points!r}.")
        elif self.points is not None:
            points = {number("each of points", point, "[0, 1)") for point in self.points}
            self._keep(points=tuple(sorted(points)))

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        refreshed = xp.asarray(
            _refresh_steps(self.every, self.points, total),
            dtype=step.dtype,
            device=array_api_compat.device(step),
            copy=True,  # the cached array is read-only, and torch will not share such memory
        )
        latest = refreshed[xp.searchsorted(refreshed, step, side="right") - 1]
        return self.inner.formula(latest, total, xp)


@lru_cache(maxsize=64)
def _refresh_steps(
    every: float | None, points: tuple[float, ...] | None, total: int
) -> NDArray[np.float64]:
    """Return the steps τ_j T, ascending from 0, each the float nearest to the exact product.

    Rounding once is enough: a whole step s is never on the wrong side of a τT that it differs from
    by a fraction with a denominator below 2⁵³/s, and equals it exactly where it should.
    """
    if every is not None:
        spacing = fraction(every) * total
        count = math.ceil(1 / fraction(every))
        steps = (
            np.arange(count, dtype=np.float64)
            * float(spacing.numerator)
            / float(spacing.denominator)
        )
    else:
        steps = np.array([0.0, *(float(fraction(point) * total) for point in points or ())])
    steps.setflags(write=False)
    return steps
