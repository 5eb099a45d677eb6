"""Resonances of a fermion on a ring-shaped kink in 2 + 1 dimensions: escape, solved exactly.

The model is ours: the paper's abstract gives the claims, not the equations. The fermion's mass is
−m inside a circle of radius R and +m outside. Its zero mode runs along the wall, at E ≈ j/R for
half-integer j; in flat space it could never leave, on the ring it tunnels through the centrifugal
barrier into the bulk. Matching Bessel functions inside to outgoing waves outside gives

    f(E) = H_{ν+1}(kR) J_ν(kR) (E − m) − J_{ν+1}(kR) H_ν(kR) (E + m) = 0,

ν = j − 1/2, k² = E² − m², H the Hankel function of the first kind. The root near E = j/R is
E − iΓ/2.

Two ways. `exact=True` finds the complex root by Muller's method at thirty digits or more (mpmath).
The fast way writes f = i A + B, with A = Y_{ν+1} J_ν (E − m) − J_{ν+1} Y_ν (E + m) and
B = −2m J_ν J_{ν+1} real on the real axis. B is smaller by the exponential, and a complex evaluation
would lose it to round-off. The root of A gives Re E, and then δ = iB/A′. Where Γ is not small,
Newton's method with complex E is safe.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from halflife.arguments import Array, number, positive

SMALL = 1e-5
"""|δ| R below which first order, right to its square, is better than Newton's method."""
HELD = 0.05
"""Exponent of the thin wall below which nothing holds a mode, and no root near j/R is its level."""
BROAD = 2.0
"""Exponent of the thin wall below which A has no root to trust."""


@dataclass(frozen=True)
class Levels:
    """Resonances of the ring, one for each j, in the units of m and R.

    Attributes:
        j: Angular momenta.
        energy: Re E.
        rate: Γ = −2 Im E.
    """

    j: Array
    energy: Array
    rate: Array


def kink_ring(R: float, m: float, j: ArrayLike, *, exact: bool = False) -> Levels:
    """Energies and escape rates of the zero mode's levels on a kink ring.

    Args:
        R: Radius of the ring, > 0.
        m: Mass of the fermion in the bulk, > 0, in the inverse unit.
        j: Angular momenta 1/2, 3/2, …, with j > m R: below it nothing can escape. Any shape.
        exact: Whether to use mpmath: some tenths of a second a level instead of some µs.

    Returns:
        `Levels` of the shape of `j`; relative error of Γ below 1e-7, with `exact` at round-off.

    Raises:
        ValueError: j is no half-integer or too small, or R or m is not positive.
        ArithmeticError: a rate is below the least float, for which there is `exact_root`; or a mode
            escapes at once, so that it has no level.
    """
    R, m = number("R", R, "(0, inf)"), number("m", m, "(0, inf)")
    level = positive("j", j)
    bad = level[(level % 1 != 0.5) | (level <= m * R)]
    if bad.size:
        raise ValueError(
            f"j holds {bad.flat[0]}; pass half-integers above m R = {m * R:g}: "
            "a mode of less energy than m cannot escape."
        )
    if not np.all(special.jv(level - 0.5, np.sqrt((level / R) ** 2 - m**2) * R) > 1e-150):
        worst = level.min()
        raise ArithmeticError(
            f"Γ of j={worst:g} at m R = {m * R:g} is below the least float; exact_root has it."
        )
    y = m * R / level
    exponent = 2 * level * (np.arctanh(y) - y)
    if np.any(exponent < HELD):
        raise ArithmeticError(
            f"j={level.flat[exponent.argmin()]:g} escapes at once at m R = {m * R:g}: the exponent "
            f"that holds it is {exponent.min():.2g}. Take j nearer to m R, or a larger ring."
        )
    flat = level.ravel()
    if exact:
        roots = [exact_root(R, m, each) for each in flat.tolist()]
        energy = np.array([float(root.real) for root in roots])
        rate = np.array([float(-2 * root.imag) for root in roots])
    else:
        energy, rate = _fast(R, m, flat)
    if not np.all(rate > 0):
        worst = flat[~(rate > 0)][0]
        raise ArithmeticError(f"No level of j={worst:g} was found at m R = {m * R:g}; try `exact`.")
    return Levels(level, energy.reshape(level.shape), rate.reshape(level.shape))


def exact_root(R: float, m: float, j: float, digits: int = 30) -> mpmath.mpc:
    """The complex energy of one level as an mpmath number, by Muller's method.

    Γ has about `digits` − 5 digits, however small it is: more are carried for its exponent.
    mpmath's Bessel functions give up, with a ValueError, at a j of several thousand.
    """
    start = j / mpmath.mpf(R)
    y = m * R / j
    exponent = 2 * j * (math.atanh(y) - y)  # Γ is about exp(−this)
    with mpmath.workdps(digits + int(exponent / math.log(10))):
        nu = mpmath.mpf(j) - mpmath.mpf(1) / 2
        mass, radius = mpmath.mpf(m), mpmath.mpf(R)

        def f(E: mpmath.mpc) -> mpmath.mpc:
            x = mpmath.sqrt(E**2 - mass**2) * radius
            J, J1 = mpmath.besselj(nu, x), mpmath.besselj(nu + 1, x)
            H, H1 = J + 1j * mpmath.bessely(nu, x), J1 + 1j * mpmath.bessely(nu + 1, x)
            return H1 * J * (E - mass) - J1 * H * (E + mass)

        near = start * mpmath.mpc(1, 0)
        guesses = (near, near * (1 - mpmath.mpf("1e-3")), near * mpmath.mpc("0.999", "-1e-6"))
        return mpmath.findroot(f, guesses, solver="muller", tol=100 * mpmath.eps)


def _fast(R: float, m: float, j: Array) -> tuple[Array, Array]:
    root = np.empty(j.shape, dtype=np.complex128)
    y = m * R / j
    B = 2 * j * (np.arctanh(y) - y)
    broad = B < BROAD
    guess = j / R - 0.5j * m**2 * R / j * np.exp(-B)
    root[broad] = _newton(R, m, j[broad], guess[broad], "f")
    narrow = _newton(R, m, j[~broad], j[~broad] / R, "A")
    part = _parts(R, m, j[~broad], narrow, "B"), _slope(R, m, j[~broad], narrow, "A")
    root[~broad] = narrow + 1j * part[0] / part[1]
    wide = ~broad & (-root.imag * R > SMALL)
    root[wide] = _newton(R, m, j[wide], root[wide], "f")
    return root.real, -2 * root.imag


def _newton(R: float, m: float, j: Array, E: NDArray[Any], kind: str) -> NDArray[Any]:
    for _ in range(50):
        step = _parts(R, m, j, E, kind) / _slope(R, m, j, E, kind)
        E = E - step
        if np.all(np.abs(step) < 1e-15 * np.abs(E)):
            return E
    # round-off may keep the last digits moving; what still moves more has no root nearby
    return np.where(np.abs(step) < 1e-9 * np.abs(E), E, np.nan)


def _slope(R: float, m: float, j: Array, E: NDArray[Any], kind: str) -> NDArray[Any]:
    """The derivative of `_parts` by E, by differences of fourth order."""
    h = 1e-4 * (E.real - m)
    near = _parts(R, m, j, E + h, kind) - _parts(R, m, j, E - h, kind)
    far = _parts(R, m, j, E + 2 * h, kind) - _parts(R, m, j, E - 2 * h, kind)
    slope: NDArray[Any] = (8 * near - far) / (12 * h)
    return slope


def _parts(R: float, m: float, j: Array, E: NDArray[Any], kind: str) -> NDArray[Any]:
    """A, B or f at real or complex E."""
    nu = j - 0.5
    x = np.sqrt(E**2 - m**2) * R
    J, J1 = special.jv(nu, x), special.jv(nu + 1, x)
    if kind == "B":
        B: NDArray[Any] = -2 * m * J * J1
        return B
    of = special.yv if kind == "A" else special.hankel1
    f: NDArray[Any] = of(nu + 1, x) * J * (E - m) - J1 * of(nu, x) * (E + m)
    return f
