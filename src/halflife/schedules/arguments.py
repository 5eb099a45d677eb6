"""What the schedules ask of their arguments, checked where they are made and where they are called.

Knows nothing of any one schedule.
"""

from __future__ import annotations

import math
import operator
from fractions import Fraction
from functools import lru_cache
from numbers import Integral, Real
from typing import SupportsIndex

from halflife.schedules.lengths import Quantity

Length = int | float | Quantity
"""A part of a run: an `int` counts steps, a `float` in [0, 1] is a fraction of the total.

`1` is one step, `1.0` is the whole run. `tokens(n)` and `epochs(n)` wait for `Schedule.resolve`.
"""


def run_length(total: SupportsIndex) -> int:
    """Return the number of updates of a run as an int.

    Raises:
        ValueError: `total` is not an integer, or is less than 1.
    """
    try:
        updates = operator.index(total)
    except TypeError:
        updates = 0
    if updates < 1 or isinstance(total, bool):
        raise ValueError(
            f"total must be an integer of at least 1 (the run's number of updates), got {total!r}."
        )
    return updates


def length(name: str, value: object) -> Length:
    """Return `value` as an int (steps), a float (fraction) or a length in another unit.

    Raises:
        ValueError: A negative int, a float outside [0, 1], or no number.
    """
    if isinstance(value, Quantity):
        return value
    if isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 0:
        return int(value)
    if isinstance(value, Real) and not isinstance(value, Integral) and 0 <= float(value) <= 1:
        return float(value)
    raise ValueError(
        f"{name} must be an int ≥ 0 (steps) or a float in [0, 1] (fraction of the total), "
        f"or tokens(…) or epochs(…), got {value!r}."
    )


@lru_cache(maxsize=1024)
def fraction(x: float) -> Fraction:
    """Return the fraction that a person means by the float `x`.

    That is the closest one with the fewest decimal digits in its denominator that still rounds
    to `x`. Comparing s/T with 0.1 or 5/9 is exact with it, where floats miss by half an ulp.

    >>> fraction(0.1), fraction(5 / 9), fraction(0.5)
    (Fraction(1, 10), Fraction(5, 9), Fraction(1, 2))
    """
    exact = Fraction(x)
    digits = 1
    while float(near := exact.limit_denominator(10**digits)) != x:
        digits += 1
    return near


def position(name: str, value: Length, total: int) -> Fraction:
    """Return where in the run `value` lies, in steps; a fraction of the run is not rounded.

    Raises:
        ValueError: `value` is longer than the run, or is not known in steps.
    """
    if isinstance(value, Quantity):
        raise ValueError(
            f"{name} of {value!r} is not known in steps: "
            f"call .resolve({value.needs}=…) on the schedule before it is used."
        )
    if isinstance(value, float):
        return fraction(value) * total
    if value > total:
        raise ValueError(
            f"{name} of {value} steps is longer than the run (total = {total}): "
            "shorten it, or pass a fraction of the run such as 0.1."
        )
    return Fraction(value)


def whole_steps(name: str, value: Length, total: int) -> int:
    """Return `value` in whole steps; a fraction is rounded to the nearest step, halves up.

    Raises:
        ValueError: `value` is longer than the run, or is not known in steps.
    """
    return nearest(position(name, value, total))


def nearest(steps: Fraction) -> int:
    """Return the nearest whole number, halves up."""
    return math.floor(steps + Fraction(1, 2))
