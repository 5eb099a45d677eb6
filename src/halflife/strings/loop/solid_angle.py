"""The solid angle of a disc, and the phase of a circular global string around its rim.

The model is ours: the paper's abstract gives the claims, not the equations. A flat static loop is
a dipole layer of the Goldstone field, so its phase is half the solid angle under which the disc is
seen, with the sign of z: harmonic everywhere off the disc, +1 winding around the rim.

Knows nothing of lattices or of the string's core.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special


def solid_angle(r: ArrayLike, z: ArrayLike, R: float) -> NDArray[np.float64]:
    """Solid angle of a flat disc of radius R in the plane z = 0, seen from the point (r, z).

    In complete and incomplete elliptic integrals (F. Paxton, Rev. Sci. Instrum. 30 (1959) 254),
    with Heuman's Λ₀. It is 2π on the disc, 0 in the rest of the plane, π on the rim.

    Args:
        r: Distances from the axis, ≥ 0, any shape.
        z: Heights; only |z| matters. Broadcast against `r`.
        R: Radius of the disc, > 0, in the same unit.

    Returns:
        Float64 array of the broadcast shape, from 0 to 2π, absolute error ~1e-15.

    Raises:
        ValueError: R is not a positive number, or some r is negative.
    """
    if not (np.isfinite(R) and R > 0):
        raise ValueError(f"R={R}; the disc wants a positive radius")
    r, z = np.broadcast_arrays(np.asarray(r, float), np.abs(np.asarray(z, float)))
    if np.any(r < 0):
        raise ValueError(f"r holds {r.min()}; distances from the axis are not negative")
    longest = np.hypot(r + R, z)
    near = np.hypot(r - R, z) / longest  # k', the complementary modulus
    on_rim = near == 0
    near = np.where(on_rim, 1.0, near)
    m1 = near**2
    complete = special.ellipkm1(m1)
    second = special.ellipe(1 - m1)
    xi = np.arctan2(z, np.abs(R - r))
    incomplete = special.ellipkinc(xi, m1)
    heuman = 2 / np.pi * (second * incomplete + complete * (special.ellipeinc(xi, m1) - incomplete))
    layer = -2 * z / longest * complete
    seen = np.where(r < R, 2 * np.pi + layer - np.pi * heuman, layer + np.pi * heuman)
    seen = np.where(r == R, np.pi + layer, seen)
    return np.clip(np.where(on_rim, np.pi, seen), 0.0, 2 * np.pi)


def loop_phase(r: ArrayLike, z: ArrayLike, R: float) -> NDArray[np.float64]:
    """Phase of a circular loop of radius R: half the solid angle of its disc, odd in z.

    It jumps from −π to π across the disc, as a phase may, and tends to 0 far away. Arguments and
    errors are those of `solid_angle`; on z = 0 the value from above is given.
    """
    return np.where(np.asarray(z) < 0, -0.5, 0.5) * solid_angle(r, z, R)
