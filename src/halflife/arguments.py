"""What the methods ask of their arguments, checked where they come in.

Knows nothing of any of them.
"""

from __future__ import annotations

import math
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def number(name: str, value: object, interval: str, remedy: str = "") -> float:
    """Return `value` as a float if it lies in `interval`, written as in mathematics.

    Args:
        name: How the message calls it.
        value: Any real number, of Python or NumPy.
        interval: Round brackets leave an end out, square brackets let it in.
        remedy: What to do instead, a sentence for the message's end.

    Raises:
        ValueError: `value` is no real number, or lies outside.

    >>> number("d", 0.5, "[0, 1)")
    0.5
    >>> number("d", 1, "[0, 1)")
    Traceback (most recent call last):
        ...
    ValueError: d must be a number in [0, 1), got 1.
    """
    low, high = (float(end) for end in interval[1:-1].split(","))
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            x = float(value)
        except OverflowError:  # a whole number or a fraction beyond the largest float
            x = math.inf if value == abs(value) else -math.inf
        above = low <= x if interval[0] == "[" else low < x
        below = x <= high if interval[-1] == "]" else x < high
        if above and below:  # NaN fails both
            return x
    raise ValueError(f"{name} must be a number in {interval}, got {value!r}. {remedy}".rstrip())


def whole(name: str, value: object, least: int, most: int | None = None, remedy: str = "") -> int:
    """Return `value` as an int from `least` to `most`, both let in.

    Raises:
        ValueError: it is no whole number, smaller or larger.
    """
    if isinstance(value, Integral) and not isinstance(value, bool):
        n = int(value)
        if n >= least and (most is None or n <= most):
            return n
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    raise ValueError(f"{name} must be a whole number {bounds}, got {value!r}. {remedy}".rstrip())


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


def nonnegative(name: str, values: ArrayLike) -> Array:
    """Return `values` as a float64 array, all of them at least 0; ∞ is let in.

    Raises:
        ValueError: one that is below 0, or not a number.
    """
    found = np.asarray(values, dtype=np.float64)
    bad = found[~(found >= 0)]
    if bad.size:
        raise ValueError(f"{name} must be at least 0, got {bad.flat[0]}.")
    return found


def positive(name: str, values: ArrayLike) -> Array:
    """Return `values` as a float64 array, all of them finite and above 0.

    Raises:
        ValueError: no numbers, or one that is not finite or not above 0.
    """
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers above 0, got {values!r}.") from None
    bad = found[~(np.isfinite(found) & (found > 0))]
    if bad.size:
        raise ValueError(f"{name} must be finite and above 0, got {bad.flat[0]}.")
    return found
