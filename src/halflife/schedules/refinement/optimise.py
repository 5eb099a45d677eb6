"""The learning rates that minimise the last-iterate bound.

Knows nothing of logs or named schedules.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from halflife.arguments import number
from halflife.schedules.refinement.weights import positive

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def optimise(norms: ArrayLike, distance: float = 1.0) -> NDArray[np.float64]:
    """Return the learning rates η > 0 at which `bound` is smallest for known norms, shape (T,).

    The official code of 2310.07831 searches for them with L-BFGS-B. They have a closed form.
    Since η_k/(S_k S_{k+1}) = 1/S_{k+1} − 1/S_k, summation by parts turns the bound into

        D²/(2 S_1) + ½ [ Σ_{k<T} η_k² G_k² / S_{k+1} + η_T G_T² ],   η_k = S_k − S_{k+1}.

    What the steps k … T add at best, given S_k, is proportional to S_k; call the factor a_k/2.
    Minimising over the ratio r_k = S_k/S_{k+1} step by step from the end gives

        a_T = G_T²,   r_k = √(1 + a_{k+1}/G_k²),   a_k = 2 G_k² (r_k − 1),
        S_1 = D/√a_1,   bound = D √a_1.

    For equal norms that is linear decay but for the last step, which is 1 + √2 times the one
    before.

    Args:
        norms: G > 0 of each update, shape (T,).
        distance: D = ‖x₁ − x*‖ > 0.

    Raises:
        ValueError: Norms or a distance that are not positive and finite.

    >>> from halflife.schedules.refinement import bound
    >>> best = optimise(np.ones(50))
    >>> round(bound(best).value * 50**0.5, 3), round(float(best[-1] / best[-2]), 3)
    (1.989, 2.414)
    """
    g = positive("norms", norms)
    distance = number("distance", distance, "(0, inf)")
    unit = float(np.median(g))
    squares = np.square(g / unit).tolist()
    a = squares[-1]
    tail = 1.0  # S_k in units of S_T
    rates = [1.0]
    for square in reversed(squares[:-1]):
        excess = a / square
        ratio = math.sqrt(1 + excess)
        gain = excess / (1 + ratio)  # r − 1, without the cancellation
        rates.append(tail * gain)
        tail *= ratio
        a = 2 * square * gain
    return np.array(rates[::-1]) * (distance / (unit * math.sqrt(a) * tail))
