"""How zero modes leave a curved string as massive particles: tunnelling, and its classical limit.

The model is ours: the paper's abstract gives the claims, not the equations. On a circle of radius
R a zero mode of energy E has the angular momentum j = ER. Away from the string the fermion has the
mass m and needs the energy √(m² f² + j²/r²), so beyond the string there is a barrier, up to
r = R/√(1 − m²/E²), through which it tunnels:

    Γ = (m²/E) e^{−B},   B = 2 ∫ √(j²/r² + m² f(r − R)² − E²) dr.

With a thin core that is B = 2ER (atanh(m/E) − m/E) → 2m³R/(3E²), whence a largest energy
√(2m³R/(3B)) ≫ m. The core and the tail of a true profile lower the barrier. Classically the string
can turn the fermion around only as long as E²/R ≤ m² max(f f′).

Lengths in 1/(√λ v), masses and energies in √λ v. All functions broadcast. Knows nothing of other
particles.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from halflife.arguments import Array, nonnegative, positive
from halflife.strings.profile import profile

TERMS = 10
"""Of the series of atanh y − y below y = 1/8, where the closed form cancels."""

GRID = 600
"""Points, by equal ratios, on which the barrier is looked for."""


def thin_core_exponent(R: ArrayLike, m: ArrayLike, E: ArrayLike) -> Array:
    """B of a core thinner than the barrier; 2m³R/(3E²) for E ≫ m.

    Args:
        R: Radius of the loop.
        m: Mass outside the string.
        E: Energy of the zero mode; ∞ is returned where E ≤ m: nothing to tunnel to.

    Raises:
        ValueError: one of them is not above 0.

    >>> round(float(thin_core_exponent(200.0, 1.0, 4.0)), 3), round(2 * 200 / (3 * 16), 3)
    (8.66, 8.333)
    """
    R, m, E = positive("R", R), positive("m", m), positive("E", E)
    y = m / E
    return np.asarray(2 * E * R * _atanh_less(y))[()]


def profile_exponent(R: ArrayLike, m: ArrayLike, E: ArrayLike, j: ArrayLike | None = None) -> Array:
    """B with the straight string's profile of winding 1; 0 where there is no barrier.

    The barrier is integrated between its two turning points, by Gauss and Legendre's rule in an
    angle that takes away the square roots at both ends; what of it is farther out than R, as for E
    close to m, in ln r. Relative error below 1e-6 from E = (1 + 1e-10) m on.

    Args:
        R: Radius of the loop.
        m: Mass outside the string.
        E: Energy of the zero mode; ∞ is returned where E ≤ m.
        j: Its angular momentum; E R if left out. On small loops the mode sits a little outside
            the core and has E < j/R, which the exponent feels: give both if both are known.

    Raises:
        ValueError: one of them is not above 0.
    """
    R, m, E = positive("R", R), positive("m", m), positive("E", E)
    j = E * R if j is None else positive("j", j)
    R, m, E, j = np.broadcast_arrays(R, m, E, j)
    shape = R.shape
    R, m, E, j = (x.reshape(-1, 1) for x in (R, m, E, j))
    f = profile(1).f
    inside = m < E
    E = np.where(inside, E, 2 * m)  # those are ∞ below
    depth = (j / R - E) * (j / R + E)
    free = (E - m) * (E + m)  # of the fermion outside, squared

    def height(x: Array) -> Array:
        """The square of the momentum under the barrier, at r = R + x."""
        fall = x / R * (2 + x / R) / (1 + x / R) ** 2  # 1 − R²/r²
        modulus = f(x)
        near = depth + m**2 * modulus**2 - (j / R) ** 2 * fall
        beyond = (j / R / (1 + x / R)) ** 2 - free - m**2 * (1 - modulus) * (1 + modulus)
        return np.asarray(np.where(x < R, near, beyond))  # neither cancels where it is taken

    y = m / E
    slow = np.sqrt(free) / E
    far = R * y**2 / (slow * (1 + slow)) + (j / E - R) / slow  # where a thin core's barrier ends
    far = np.maximum(far, np.finfo(np.float64).tiny * 1e9)  # a barrier so near is none
    near = 0.01 * np.minimum(1, E / m / np.sqrt(R)) ** 2  # in the core's well
    near = np.minimum(near, 1e-3 * far)
    grid = near * (far / near) ** np.linspace(0, 1, GRID)
    on_grid = height(grid)
    # The barrier is the highest of the local maxima: before it lies the well of the core.
    local = np.full(on_grid.shape, -np.inf)
    middle = on_grid[:, 1:-1]
    is_top = (middle > on_grid[:, :-2]) & (middle >= on_grid[:, 2:])
    local[:, 1:-1][is_top] = middle[is_top]
    peak = local.argmax(axis=1)[:, None]
    before = np.where(np.arange(GRID) < peak, on_grid, np.inf)
    top, bottom = (
        np.take_along_axis(grid, at, axis=1) for at in (peak, before.argmin(axis=1)[:, None])
    )
    inner, outer = _zero(height, bottom, top), _zero(height, far, top)
    node, weight = np.polynomial.legendre.leggauss(80)
    # half of the angle if the barrier goes on, the rest of it in s = ln(1 + x/R)
    goes_on = (outer > R) & (inner < R)
    last = np.where(goes_on, R, outer)
    span = np.where(goes_on, math.pi / 2, math.pi)
    theta = span * (1 + node) / 2
    size = (last - inner) / (1 - np.cos(span))
    x = inner + size * (1 - np.cos(theta))
    dx = size * np.sin(theta) * weight * span / 2
    B = 2 * (np.sqrt(np.maximum(height(x), 0)) * dx).sum(axis=1)
    theta = math.pi * (1 + node) / 4
    reach = np.log1p(np.where(goes_on, outer, R) / R) - math.log(2)
    r = 2 * R * np.exp(reach * np.sin(theta))
    ds = reach * np.cos(theta) * weight * math.pi / 4
    B += 2 * (np.sqrt(np.maximum(height(r - R), 0)) * r * ds).sum(axis=1)
    B = np.where(local.max(axis=1) > 0, B, 0.0)
    return np.asarray(np.where(inside[:, 0], B, np.inf).reshape(shape))[()]


def classical_limit(R: ArrayLike, m: ArrayLike = 1.0) -> Array:
    """The largest energy that a string of radius R holds classically, m √(R max(f f′)).

    max(f f′) = 0.214744, so it is 0.46340 m (R √λ v)^½. For a core that is wide against 1/m; a
    thinner one holds a quantum longer, see `thin_core_exponent`.

    >>> round(float(classical_limit(1.0)), 4)
    0.4634
    """
    return np.asarray(positive("m", m) * np.sqrt(positive("R", R) * profile(1).steepest[0]))[()]


def largest_energy(R: ArrayLike, m: ArrayLike, B: ArrayLike) -> Array:
    """The energy at which `thin_core_exponent` has fallen to `B`; √(2m³R/(3B)) if that is ≫ m.

    What survives for a time T needs B > ln(T m²/E). Arguments broadcast.

    Raises:
        ValueError: one of them is not above 0.
    """
    R, m, B = np.broadcast_arrays(positive("R", R), positive("m", m), positive("B", B))
    target = B / (2 * m * R)  # (atanh y − y)/y, which rises from 0 to ∞ with y
    low, high = np.full(R.shape, -700.0), np.full(R.shape, 350.0)  # of ln(E/m − 1)
    for _ in range(70):
        u = (low + high) / 2
        beyond = _per_radius(u) > target
        low, high = np.where(beyond, u, low), np.where(beyond, high, u)
    return np.asarray(m * (1 + np.exp((low + high) / 2)))[()]


def log_escape_rate(E: ArrayLike, m: ArrayLike, B: ArrayLike) -> Array:
    """Ln Γ with Γ = (m²/E) e^{−B}, in √λ v; the factor before e^{−B} is known to a factor of 2.

    Below B = 0.6 nothing holds, and neither does the formula: then the rate is of the order m²/E.

    Raises:
        ValueError: m or E is not above 0, or B is negative or not a number; ∞ is let in.
    """
    exponent = nonnegative("B", B)
    return np.asarray(2 * np.log(positive("m", m)) - np.log(positive("E", E)) - exponent)[()]


def _atanh_less(y: Array) -> Array:
    """Return atanh y − y for 0 < y < 1, and ∞ from 1 on."""
    small = np.minimum(y, 0.125)
    series = small**3 * sum(small ** (2 * k) / (2 * k + 3) for k in range(TERMS))
    with np.errstate(divide="ignore", invalid="ignore"):
        closed = np.arctanh(np.minimum(y, 1.0)) - y
    return np.asarray(np.where(y < 0.125, series, closed))


def _per_radius(u: Array) -> Array:
    """(atanh y − y)/y with y = m/E and u = ln(E/m − 1): near y = 1 y itself has no digits left."""
    above = np.exp(u)
    closed = (1 + above) * (np.log(2 + above) - u) / 2 - 1
    y = 1 / (1 + above)
    return np.where(u < 1, closed, _atanh_less(y) / y)


def _zero(height: Callable[[Array], Array], ground: Array, top: Array) -> Array:
    """Bisect between a point on the ground and the top."""
    for _ in range(60):
        middle = (ground + top) / 2
        up = height(middle) > 0
        ground, top = np.where(up, ground, middle), np.where(up, middle, top)
    return (ground + top) / 2
