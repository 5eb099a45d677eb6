"""Weighted averaging of gradient steps, and the weights that are best for known norms.

Knows nothing of logs or of smoothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from halflife.arguments import number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Last = Literal["zero", "skip"]


def positive(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return `values` as float64 of shape (T,) if all of them are positive and finite.

    Raises:
        ValueError: They are not.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or x.size == 0:
        raise ValueError(f"{name} must have shape (T,) with T ≥ 1, got shape {x.shape}.")
    bad = np.flatnonzero(~((x > 0) & np.isfinite(x)))
    if bad.size:
        raise ValueError(
            f"{name} must be positive and finite, got {x[bad[0]]} at {bad[0]}"
            f"{f' and {bad.size - 1} more' if bad.size > 1 else ''}."
        )
    return x


def tails(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Σ_{q ≥ s} values_q for every s.

    Summed from the end: the total less a running sum from the start would lose all digits there.
    """
    return np.cumsum(values[::-1])[::-1]


def rates(weights: ArrayLike, last: Last = "zero") -> NDArray[np.float64]:
    """Return the learning rates whose last iterate is the weighted average, shape (T,).

        η_s = w_s · Σ_{q > s} w_q / Σ_q w_q

    (2310.07831, weighted SGD; `last_iterate` shows the reduction.) The last rate is 0, so the last
    update does nothing; with `last="skip"` the sum runs over q ≥ s, which is the same schedule for
    a horizon one longer with a last weight that is never used. Equal weights give linear decay,
    (T − 1 − s)/T and 1 − s/T.

    Args:
        weights: w > 0, shape (T,).
        last: "zero" as in the paper, or "skip" to skip that zero.

    Raises:
        ValueError: Weights that are not positive and finite, an unknown `last`.

    >>> rates([1, 1, 1, 1, 1]), rates([1, 1, 1, 1], last="skip")
    (array([0.8, 0.6, 0.4, 0.2, 0. ]), array([1.  , 0.75, 0.5 , 0.25]))
    """
    if last not in get_args(Last):
        raise ValueError(f'last must be "zero" or "skip", got {last!r}.')
    w = positive("weights", weights)
    rest = tails(w)
    total = rest[0]
    if last == "zero":
        rest = np.append(rest[1:], 0.0)
    return np.asarray(w * rest / total, dtype=np.float64)


def optimal_weights(norms: ArrayLike, distance: float = 1.0) -> NDArray[np.float64]:
    """Return the weights that minimise `weighted_bound` for gradient norms known beforehand.

        w_t = c · G_t^{-2},   c = D / √(Σ_p G_p^{-2})

    (2310.07831, weighted SGD.) Their bound is D / √(Σ_t G_t^{-2}), at most D·max G/√T.

    Args:
        norms: G > 0, the ℓ2 norm of each update's gradient, shape (T,).
        distance: D = ‖x₁ − u‖ > 0, from the start to the comparison point u, in the units of the
            parameters.

    Raises:
        ValueError: Norms or a distance that are not positive and finite.

    >>> round(weighted_bound(optimal_weights([4, 2, 1, 1, 2]), [4, 2, 1, 1, 2]), 7)
    0.624695
    """
    g = positive("norms", norms)
    distance = _distance(distance)
    inverse = (g / g.min()) ** -2  # in (0, 1], whatever the units
    return np.asarray(distance / g.min() * inverse / np.sqrt(inverse.sum()), dtype=np.float64)


def weighted_bound(weights: ArrayLike, norms: ArrayLike, distance: float = 1.0) -> float:
    """Return the bound on E[f(x_T) − f(u)] of weighted SGD at the rates `rates(weights)`.

        (D²/2 + ½ Σ_t w_t² G_t²) / Σ_t w_t

    (2310.07831.) For convex f, with gradients taken at the x_t.

    Args:
        weights: w > 0, shape (T,).
        norms: G > 0, shape (T,).
        distance: D > 0.

    Raises:
        ValueError: Shapes that differ, or numbers that are not positive and finite.

    >>> weighted_bound([0.5, 0.5, 0.5, 0.5], [1, 1, 1, 1])  # w = D/(G√T): DG/√T
    0.5
    """
    w, g = positive("weights", weights), positive("norms", norms)
    if w.shape != g.shape:
        raise ValueError(f"There are {w.size} weights but {g.size} norms; give one norm each.")
    distance = _distance(distance)
    return float((distance**2 / 2 + np.sum((w * g) ** 2) / 2) / w.sum())


def _distance(value: float) -> float:
    return number("distance", value, "(0, inf)")
