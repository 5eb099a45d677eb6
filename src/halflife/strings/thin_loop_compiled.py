"""Thin loops stepped one after another, compiled. `thin_loop.py` has the equations and the face.

The method is the fifth order of Dormand and Prince (1980), with steps of `STEP` times the radius: a
loop that bounces at a small radius takes small steps there. Arguments are plain float64 arrays,
one element a loop; nothing is checked here. `constants` is (mu, running) of the tension, and the
running that the friction knows of.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from halflife.compiled import kept
from halflife.strings import thin_loop
from halflife.strings.thin_loop import COLLAPSED, MOST_STEPS, STEP
from halflife.threads import shared

FRICTION = 4 * math.pi**3 / 3


@njit(error_model="numpy", inline="always")
def rates(R: Any, p: Any, J: Any, c: Any, mu: Any, r: Any, known: Any) -> Any:
    """DR/dt and dp/dt."""
    tension = mu + r * math.log(8 * R)
    per_R = 1 / R
    M = 2 * math.pi * R * tension + J * per_R
    slope = 2 * math.pi * (tension + r) - J * per_R * per_R
    inverse = 1 / math.sqrt(p * p + M * M)
    velocity = p * inverse
    # −(R²)‴ ε²/(2Ṙ) of the free motion: 16π² μ² R where the running is not known of.
    third = 4 * math.pi**2 * R * (4 * tension * tension + 6 * tension * known + known * known)
    third += 4 * math.pi * J * known * per_R
    drag = FRICTION * c * R * third * inverse * inverse * velocity
    return velocity, -M * slope * inverse - drag


@kept(thin_loop, error_model="numpy")
def step(R: Any, p: Any, h: Any, J: Any, c: Any, mu: Any, r: Any, known: Any) -> Any:
    """One step of length h."""
    r1, p1 = rates(R, p, J, c, mu, r, known)
    r2, p2 = rates(R + h * (r1 / 5), p + h * (p1 / 5), J, c, mu, r, known)
    a, b = 3 / 40, 9 / 40
    r3, p3 = rates(R + h * (a * r1 + b * r2), p + h * (a * p1 + b * p2), J, c, mu, r, known)
    r4, p4 = rates(
        R + h * (44 / 45 * r1 - 56 / 15 * r2 + 32 / 9 * r3),
        p + h * (44 / 45 * p1 - 56 / 15 * p2 + 32 / 9 * p3),
        J,
        c,
        mu,
        r,
        known,
    )
    a, b, d, e = 19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729
    r5, p5 = rates(
        R + h * (a * r1 + b * r2 + d * r3 + e * r4),
        p + h * (a * p1 + b * p2 + d * p3 + e * p4),
        J,
        c,
        mu,
        r,
        known,
    )
    a, b, d, e, f = 9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656
    r6, p6 = rates(
        R + h * (a * r1 + b * r2 + d * r3 + e * r4 + f * r5),
        p + h * (a * p1 + b * p2 + d * p3 + e * p4 + f * p5),
        J,
        c,
        mu,
        r,
        known,
    )
    a, b, d, e, f = 35 / 384, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84
    return (
        R + h * (a * r1 + b * r3 + d * r4 + e * r5 + f * r6),
        p + h * (a * p1 + b * p3 + d * p4 + e * p5 + f * p6),
    )


@shared(thin_loop, error_model="numpy")
def evolve(
    worker: int,
    low: int,
    high: int,
    constants: Any,
    J: Any,
    R0: Any,
    c: Any,
    times: Any,
    R_at: Any,
    p_at: Any,
) -> None:
    """Fill `R_at` and `p_at`, shape (loops, samples), from `times` of the same shape.

    A sample is one step of its own away from the last node before it.
    """
    mu, r, known = constants
    for i in range(low, high):
        t, R, p = 0.0, R0[i], 0.0
        for k in range(times.shape[1]):
            while R > COLLAPSED and t + STEP * R <= times[i, k]:
                h = STEP * R
                R, p = step(R, p, h, J[i], c[i], mu, r, known)
                t += h
            if R > COLLAPSED:
                R_at[i, k], p_at[i, k] = step(R, p, times[i, k] - t, J[i], c[i], mu, r, known)
            else:
                R_at[i, k] = p_at[i, k] = np.nan


@shared(thin_loop, error_model="numpy")
def turning_points(
    worker: int,
    low: int,
    high: int,
    constants: Any,
    J: Any,
    R0: Any,
    c: Any,
    t_at: Any,
    R_at: Any,
) -> None:
    """Fill times and radii of the first turning points, shape (loops, count)."""
    mu, r, known = constants
    for i in range(low, high):
        t_at[i] = R_at[i] = np.nan
        t, R, p, found = 0.0, R0[i], 0.0, 0
        for n in range(MOST_STEPS * 10):
            h = STEP * R
            after, momentum = step(R, p, h, J[i], c[i], mu, r, known)
            if n > 0 and p * momentum < 0:
                at = h * p / (p - momentum)
                for _ in range(4):  # Newton's method for p = 0
                    x, q = step(R, p, at, J[i], c[i], mu, r, known)
                    at -= q / rates(x, q, J[i], c[i], mu, r, known)[1]
                t_at[i, found] = t + at
                R_at[i, found], _ = step(R, p, at, J[i], c[i], mu, r, known)
                found += 1
            t, R, p = t + h, after, momentum
            if found == t_at.shape[1] or R <= COLLAPSED:
                break
