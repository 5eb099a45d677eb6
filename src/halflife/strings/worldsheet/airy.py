"""Integrals of the Airy function, as logarithms: Ai₁(ζ) = ∫_ζ^∞ Ai and Ai₂(ζ) = ∫_ζ^∞ Ai₁.

Both fall as exp(−⅔ ζ^{3/2}), far below the least float, so their logarithms are what is computed:
from a table with exact derivatives up to `END`, from the asymptotic series beyond. Knows nothing
of strings.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike
from scipy import special

from halflife.arguments import Array
from halflife.compiled import kept

END = 32
"""Last ζ of the table; the first term that the series leaves out is below 1e-16 there."""
PER_UNIT = 256
"""Points of the table in a unit of ζ: its cubic is right to 2e-13 in the logarithm."""
TERMS = 12


class Tables(NamedTuple):
    """Values and derivatives, scaled by the step, of ln Ai₁ and ln Ai₂; and their series.

    Shapes [END · PER_UNIT + 1, 2] for `first` and `second`, [TERMS] for the coefficients.
    """

    first: Array
    second: Array
    first_series: Array
    second_series: Array


@cache
def tables() -> Tables:
    """Build the tables, once, in some tens of milliseconds.

    Backwards from the series at `END`: the integral over a step, by Gauss and Legendre, is added
    to what lies beyond, everything scaled by exp(⅔ ζ^{3/2}). All terms are positive, so no digits
    are lost.
    """
    first_series, second_series = _series()
    zeta = np.linspace(0, END, END * PER_UNIT + 1)
    xi = 2 / 3 * zeta**1.5
    node, weight = special.roots_legendre(8)
    at = zeta[:-1, None] + (1 + node) / (2 * PER_UNIT)
    scaled = special.airye(at)[0] * np.exp(xi[:-1, None] - 2 / 3 * at**1.5)
    over_step = scaled @ weight / (2 * PER_UNIT)
    moment = (scaled * (at - zeta[:-1, None])) @ weight / (2 * PER_UNIT)
    last = np.array(
        [
            END**-0.75 * np.polyval(first_series[::-1], END**-1.5),
            END**-1.25 * np.polyval(second_series[::-1], END**-1.5),
        ]
    ) / (2 * math.sqrt(math.pi))
    ai1, ai2 = np.empty_like(zeta), np.empty_like(zeta)
    ai1[-1], ai2[-1] = last
    fall = np.exp(-np.diff(xi))
    for k in range(len(zeta) - 2, -1, -1):
        ai1[k] = ai1[k + 1] * fall[k] + over_step[k]
        # ∫ Ai₁ over the step = ∫ (t − ζ) Ai(t) dt + step · Ai₁(end)
        ai2[k] = (ai2[k + 1] + ai1[k + 1] / PER_UNIT) * fall[k] + moment[k]
    airy = special.airye(zeta)[0]
    return Tables(
        np.stack([np.log(ai1) - xi, -airy / ai1 / PER_UNIT], axis=1),
        np.stack([np.log(ai2) - xi, -ai1 / ai2 / PER_UNIT], axis=1),
        first_series,
        second_series,
    )


def _series() -> tuple[Array, Array]:
    """Coefficients a_k, b_k of e^{−ξ}/(2√π) Σ a_k ζ^{−3/4−3k/2} for Ai₁, b_k ζ^{−5/4−3k/2} for Ai₂.

    From those of Ai, (−1)^k u_k ξ^{−k} (DLMF 9.7.5), by Ai₁′ = −Ai and Ai₂′ = −Ai₁.
    """
    u, a, b = 1.0, [1.0], [1.0]
    for k in range(1, TERMS):
        u *= (6 * k - 5) * (6 * k - 3) * (6 * k - 1) / (216 * k * (2 * k - 1))
        a.append((-1.5) ** k * u - (1.5 * k - 0.75) * a[-1])
        b.append(a[k] - (1.5 * k - 0.25) * b[-1])
    return np.array(a), np.array(b)


@njit(inline="always")
def evaluate(zeta: Any, table: Any, series: Any, power: Any) -> Any:
    """Logarithm of Ai₁ (`power` 3/4) or ln Ai₂ (5/4) at one ζ ≥ 0."""
    if zeta < END:
        place = zeta * PER_UNIT
        k = int(place)
        t = place - k
        low, high = table[k, 0], table[k + 1, 0]
        step = high - low
        rise, fall = table[k, 1] - step, step - table[k + 1, 1]
        return low + t * (step + (1 - t) * (rise * (1 - t) + fall * t))
    x = zeta**-1.5
    total = 0.0
    for k in range(TERMS - 1, -1, -1):
        total = total * x + series[k]
    root = math.sqrt(zeta)
    return (
        math.log(total)
        - 2 / 3 * zeta * root
        - power * math.log(zeta)
        - math.log(2 * math.sqrt(math.pi))
    )


@kept()
def _each(zeta: Any, out: Any, table: Any, series: Any, power: Any) -> None:
    for i in range(zeta.size):
        out[i] = -np.inf if zeta[i] == np.inf else evaluate(zeta[i], table, series, power)


def log_ai1(zeta: ArrayLike) -> Array:
    """Logarithm of ∫_ζ^∞ Ai(t) dt, absolute error below 1e-12; −ln 3 at 0, −∞ at infinity.

    Args:
        zeta: ζ ≥ 0, any shape.

    Raises:
        ValueError: some ζ is negative or not a number; decay rates have none.
    """
    made = tables()
    return _over(zeta, made.first, made.first_series, 0.75)


def log_ai2(zeta: ArrayLike) -> Array:
    """Logarithm of ∫_ζ^∞ Ai₁(t) dt, as `log_ai1`; −ζ Ai₁ − Ai′ would lose its digits."""
    made = tables()
    return _over(zeta, made.second, made.second_series, 1.25)


def _over(zeta: ArrayLike, table: Array, series: Array, power: float) -> Array:
    at = np.asarray(zeta, dtype=np.float64)
    if not np.all(at >= 0):
        raise ValueError(f"zeta holds {at[~(at >= 0)].flat[0]}; pass numbers from 0 to infinity.")
    flat = np.ascontiguousarray(at).ravel()
    out = np.empty_like(flat)
    _each(flat, out, table, series, power)
    return out.reshape(at.shape)[()]
