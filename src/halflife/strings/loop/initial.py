"""Initial data of a loop at rest: solid-angle phase, profile as modulus, seeded perturbations.

The model is ours: the paper's abstract gives the claims, not the equations. The phase is harmonic
(`solid_angle.py`) and the modulus is f(distance to the core) f(distance to its mirror image across
the axis), so that hardly anything is radiated when the loop is let go.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import j0

from halflife.strings.loop.solid_angle import loop_phase
from halflife.strings.profile import profile

Array = NDArray[np.float64]

MODES = 6
"""Long waves in a perturbation."""


def loop_field(r: ArrayLike, z: ArrayLike, R: float, noise: Array | float = 0.0) -> Array:
    """φ of a circular loop at rest around the axis r = 0, in the plane z = 0.

    Args:
        r: Distances from the axis, > 0.
        z: Heights; broadcast against `r`.
        R: Radius of the loop, in core units.
        noise: Added to the phase; broadcast too.

    Returns:
        (φ₁, φ₂), float64 of shape (2, *shape of r and z). Without noise φ₁ is even and φ₂ odd in z.
        Of two loops on one axis φ₁ + iφ₂ is the product of each one's, z from its own plane.

    Raises:
        ValueError: as `solid_angle`.
    """
    r, z = np.broadcast_arrays(np.asarray(r, float), np.asarray(z, float))
    f = profile(1).f
    modulus = f(np.hypot(r - R, z)) * f(np.hypot(r + R, z))
    phase = loop_phase(r, z, R) + noise
    return np.stack([modulus * np.cos(phase), modulus * np.sin(phase)])


def phase_noise(
    r: ArrayLike, z: ArrayLike, R: float, *, seed: int, amplitude: float = 1e-2
) -> Array:
    """Long waves in the phase that keep the symmetry about the axis and the plane.

    A sum of `MODES` standing waves J₀(k r) sin(κ z) with random k and κ, of wavelength ≥ R, under
    a Gaussian envelope of width R, scaled so that its largest value is `amplitude`. Odd in z, as
    the phase of a flat loop is.

    Returns:
        Float64 array of the broadcast shape of r and z.

    Raises:
        ValueError: `amplitude` is negative or not finite.
    """
    if not (np.isfinite(amplitude) and amplitude >= 0):
        raise ValueError(f"amplitude={amplitude}; pass a finite number that is not negative")
    r, z = np.broadcast_arrays(np.asarray(r, float), np.asarray(z, float))
    rng = np.random.default_rng(seed)
    strengths = rng.normal(size=MODES)
    waves = rng.uniform(0.2, 1.0, size=(MODES, 2)) * 2 * np.pi / R

    def shape(r: Array, z: Array) -> Array:
        envelope = np.exp(-(r**2 + z**2) / (2 * R**2))
        total = sum(
            a * j0(k * r) * np.sin(kappa * z)
            for a, (k, kappa) in zip(strengths, waves, strict=True)
        )
        return np.asarray(envelope * total)

    # Its largest value on a mesh of its own, so that the perturbation is the same on every grid.
    mesh = np.meshgrid(np.linspace(0, 4 * R, 161), np.linspace(0, 4 * R, 161), indexing="ij")
    return np.asarray(amplitude * shape(r, z) / np.abs(shape(*mesh)).max())
