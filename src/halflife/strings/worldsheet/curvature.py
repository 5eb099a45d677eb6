"""The decay rate of a zero mode on any world sheet whose curvature changes slowly.

The model is ours: the paper's abstract gives the claims, not the equations. Over the length on
which the rate is decided, l^{−1/3} of a radius, a sheet is its osculating circle. What of it the
zero mode feels is the part of its acceleration that is normal to the sheet,

    χ = |K^i_ab p^a p^b| / M³,    K^i_ab = (∂_a ∂_b x)_⊥,

with p its null momentum: E²/(R M³) on a static circle. It changes neither with the coordinates on
the sheet nor by a boost, and with it E Γ, the rate per affine parameter: 4EΓ/ε⁴ = Ai₁(χ^{−2/3}).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from halflife.arguments import Array, positive
from halflife.strings.worldsheet.airy import log_ai1

MINKOWSKI = np.array([-1.0, 1.0, 1.0, 1.0])
NULL = 1e-7
"""How far p·p may be from 0, as a fraction of p_t²."""


def normal_acceleration(tangents: ArrayLike, second: ArrayLike, momentum: ArrayLike) -> Array:
    """|K^i_ab p^a p^b|, the size of the part of p^a p^b ∂_a ∂_b x that is normal to the sheet.

    Args:
        tangents: ∂_a x, shape [..., 2, 4], the components (t, x, y, z).
        second: ∂_a ∂_b x, shape [..., 2, 2, 4], symmetric in a and b.
        momentum: p^a, null, shape [..., 2]. Leading shapes are broadcast.

    Returns:
        Float64 array of the leading shape, in energy² / length.

    Raises:
        ValueError: the sheet is degenerate or not timelike, or p is not null in it.
    """
    first = np.asarray(tangents, dtype=np.float64)
    p = np.asarray(momentum, dtype=np.float64)
    metric = np.einsum("...am,...bm,m->...ab", first, first, MINKOWSKI)
    determinant = np.linalg.det(metric)
    if not np.all(determinant < 0):
        raise ValueError(
            "tangents do not span a timelike sheet: the determinant of the induced metric is "
            f"{float(np.max(determinant)):.3g}; it must be negative, as away from cusps."
        )
    vector = np.einsum("...a,...am->...m", p, first)
    square = np.einsum("...m,...m,m->...", vector, vector, MINKOWSKI)
    if not np.all(np.abs(square) <= NULL * vector[..., 0] ** 2):
        raise ValueError(
            "momentum is not null in the sheet: p·p/p_t² is up to "
            f"{float(np.max(np.abs(square) / vector[..., 0] ** 2)):.3g}; zero modes are massless."
        )
    bend = np.einsum("...a,...b,...abm->...m", p, p, np.asarray(second, dtype=np.float64))
    along = np.einsum("...am,...m,m->...a", first, bend, MINKOWSKI)
    inside = np.linalg.solve(metric, along[..., None])[..., 0]
    normal = bend - np.einsum("...a,...am->...m", inside, first)
    size = np.einsum("...m,...m,m->...", normal, normal, MINKOWSKI)
    return np.asarray(np.sqrt(np.maximum(size, 0)))[()]


def log_invariant_rate(acceleration: ArrayLike, M: ArrayLike) -> Array:
    """ln(4EΓ/ε⁴) for a bulk particle of mass M, with `acceleration` from `normal_acceleration`.

    For M much below E; `log_rate` does better on a circle. −∞ on a straight string.

    Args:
        acceleration: |K^i_ab p^a p^b| ≥ 0.
        M: Mass, > 0. Broadcast against `acceleration`.
    """
    bend = np.asarray(acceleration, dtype=np.float64)
    if not np.all(bend >= 0):
        raise ValueError(f"acceleration holds {bend[~(bend >= 0)].flat[0]}; it is not negative.")
    with np.errstate(divide="ignore"):
        return log_ai1(np.cbrt(bend / positive("M", M) ** 3) ** -2.0)
