"""Where the string is: the zero of φ₁ in the plane of the loop, and how often φ₁ changes sign.

The model is ours: the paper's abstract gives the claims, not the equations. In the plane z = 0 the
phase is π within the loop and 0 outside, so φ₁ changes sign at the core and nowhere else. No change
is a loop that has vanished; more than one, a marker that has dug a bag of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Crossing(NamedTuple):
    """The radius of the outermost change of sign, NaN if there is none, and how many there are."""

    radius: float
    changes: int


def crossing(phi1: Array, h: float) -> Crossing:
    """Find the string in φ₁ of a half plane.

    Args:
        phi1: φ₁ at the two lowest heights, (Nr, 2), z = h/2 and 3h/2. Even in z, so that
            (9 φ₁(h/2) − φ₁(3h/2))/8 is its value at z = 0 up to O(h⁴).
        h: Spacing.
    """
    line = (9 * phi1[:, 0] - phi1[:, 1]) / 8
    return crossing_of_line(line, (np.arange(len(line), dtype=np.float64) + 0.5) * h)


def crossing_of_line(line: Array, r: Array) -> Crossing:
    """Changes of sign of values at evenly spaced places; the last one by a cubic through four."""
    changes = np.flatnonzero(np.signbit(line[:-1]) != np.signbit(line[1:]))
    if not len(changes):
        return Crossing(float("nan"), 0)
    i = int(changes[-1])
    low, high = line[i], line[i + 1]
    at = low / (low - high)  # linear, in units of the spacing
    if 0 < i < len(line) - 2:
        a, b, c, d = line[i - 1 : i + 3]
        for _ in range(4):  # Newton on the cubic, kept between the two
            value = (
                -a * at * (at - 1) * (at - 2) / 6
                + b * (at + 1) * (at - 1) * (at - 2) / 2
                - c * (at + 1) * at * (at - 2) / 2
                + d * (at + 1) * at * (at - 1) / 6
            )
            slope = high - low
            at = float(np.clip(at - value / slope, 0, 1))
    return Crossing(float(r[i] + at * (r[1] - r[0])), len(changes))
