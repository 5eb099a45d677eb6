"""How hard a string can hold a heavy marker, and the mass that it wants to be held.

The model is ours: the paper's abstract gives the claims, not the equations. A marker off the core
of a straight string by d meets the smeared field φ̄(d) and is pulled back by m̂² φ̄ φ̄′/E at most;
its centrifugal force is J²/(x³ E). E cancels: it is held while J² < m̂² x³ `grip(w)`. As w → 0 the
grip is the profile's largest f f′, and the condition is E < E_max^cl = 0.463 m̂ √x.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.special import ive

from halflife.strings.profile import profile


@cache
def grip(w: float) -> float:
    """Largest φ̄ φ̄′ across a straight string whose field is smeared with width w.

    The smeared vortex is radial, φ̄(d) = ∫ s ds f(s) I₁(s d/w²) e^{−(s² + d²)/2w²}/w².

    Raises:
        ValueError: w is not positive.
    """
    if not (np.isfinite(w) and w > 0):
        raise ValueError(f"w={w}; the width of a kernel is positive")
    nodes, weights = np.polynomial.legendre.leggauss(200)
    d = np.linspace(0.02, 3 + 3 * w, 600)
    low, high = np.maximum(d - 9 * w, 0), d + 9 * w
    s = low[:, None] + (high - low)[:, None] * (nodes + 1) / 2
    bell = np.exp(-((s - d[:, None]) ** 2) / (2 * w**2))
    integrand = s * profile(1).f(s) * ive(1, s * d[:, None] / w**2) * bell / w**2
    smeared = (integrand * weights).sum(axis=1) * (high - low) / 2
    return float(np.max(np.gradient(smeared**2, d) / 2))


def holding_mass(J: float, x: float, w: float, margin: float = 1.0) -> float:
    """The mass m̂ with which a string can just hold a marker at radius x, times `margin`."""
    return float(margin * J / np.sqrt(grip(w) * x**3))
