"""What the bandits ask of their arguments, checked where they come in.

Knows nothing of any one agent.
"""

from __future__ import annotations

import math
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def number(name: str, value: object, interval: str) -> float:
    """Return `value` as a float if it lies in `interval`, written as in mathematics.

    Raises:
        ValueError: `value` is no real number, or lies outside.

    >>> number("rho", 0.5, "[0, 1)")
    0.5
    """
    low, high = (float(end) for end in interval[1:-1].split(","))
    if isinstance(value, Real) and not isinstance(value, bool):
        x = float(value)
        above = low <= x if interval[0] == "[" else low < x
        below = x <= high if interval[-1] == "]" else x < high
        if above and below:  # NaN fails both
            return x
    raise ValueError(f"{name} must be a number in {interval}, got {value!r}.")


def whole(name: str, value: object, least: int) -> int:
    """Return `value` as an int of at least `least`.

    Raises:
        ValueError: it is no whole number, or smaller.
    """
    if isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least:
        return int(value)
    raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}.")


def array(name: str, value: ArrayLike, shape: tuple[int | None, ...]) -> Array:
    """Return `value` as a read-only float64 array of `shape`; None is any length above 0.

    Raises:
        ValueError: another shape, no numbers, or a number that is not finite.
    """
    try:
        found = np.array(value, dtype=np.float64, order="C")
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be an array of numbers, got {value!r}.") from None
    fits = found.ndim == len(shape) and all(
        have > 0 if want is None else have == want
        for have, want in zip(found.shape, shape, strict=True)
    )
    if not fits:
        wanted = " × ".join("any" if side is None else str(side) for side in shape) or "a number"
        raise ValueError(f"{name} must have the shape {wanted}, got {found.shape}.")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} holds {found[~np.isfinite(found)][0]}; give finite numbers.")
    found.flags.writeable = False
    return found


def outcome(value: object) -> float:
    """Return a reward as a float.

    Raises:
        ValueError: it is no finite number. Nothing has been changed then.
    """
    if type(value) is float and math.isfinite(value):  # in every round: the usual case first
        return value
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(float(value)):
        return float(value)
    raise ValueError(
        f"the reward must be a finite number, got {value!r}; if it is not known yet, observe it "
        "when it is: until then the agent waits and nothing is lost."
    )
