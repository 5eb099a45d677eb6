"""The running median that refinement smooths gradient norms with.

Knows nothing of norms or schedules.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
import scipy
from scipy.ndimage import median_filter

from halflife.arguments import number
from halflife.schedules.arguments import fraction

if TYPE_CHECKING:
    from numpy.typing import NDArray

Backend = Literal["scipy", "pandas"]

SCIPY_IS_SOUND = tuple(int(part) for part in scipy.__version__.split(".")[:2]) >= (1, 16)
"""SciPy 1.15's one-dimensional median_filter gave wrong medians and corrupted memory (scipy/scipy
issues 22250, 22333, 22586, 23075)."""


def window(tau: float, total: int) -> int:
    """Return the width of the running median, 2⌊⌊τT⌋/2⌋ + 1: odd, about τT (2310.07831, code).

    τ stands for the fraction that a person means by it, so 0.1 of 70 is 7.

    >>> window(0.1, 5), window(0.1, 70), window(1, 4)
    (1, 7, 5)
    """
    return 2 * (math.floor(fraction(tau) * total) // 2) + 1


def running_median(
    values: NDArray[np.float64], tau: float = 0.1, *, backend: Backend | None = None
) -> NDArray[np.float64]:
    """Return the running median of `values` over about τT neighbours, shape (T,), float64.

    Left of the first value that value is repeated ("nearest"); right of the last one the values
    are mirrored without repeating it ("reflect"). The official code (2310.07831) pads twice the
    width on the right; half of it is all that a window ever reaches, and half of at most T fits
    into the T − 1 values that there are to mirror, so that nothing needs to be mirrored twice.

    Args:
        values: Finite numbers, shape (T,), T ≥ 1.
        tau: Part of the run that a window spans, in [0, 1]; `window` gives the width.
        backend: "scipy" or "pandas"; by default SciPy unless its version is known to be wrong.
            Both give the same numbers, SciPy several times sooner.

    Raises:
        ValueError: `tau` outside [0, 1], no values, values that are not finite, or an unknown
            backend.

    >>> running_median(np.array([1.0, 9.0, 1.0, 2.0, 3.0]), tau=0.6)
    array([1., 1., 2., 2., 2.])
    """
    tau = number("tau", tau, "[0, 1]")
    x = np.ascontiguousarray(values, dtype=np.float64)
    if x.ndim != 1 or x.size == 0 or not np.isfinite(x).all():
        raise ValueError(f"values must be finite numbers of shape (T,), T ≥ 1, got {values!r}.")
    half = window(tau, x.size) // 2
    if half == 0:
        return x.copy()
    padded = np.concatenate([np.full(half, x[0]), x, x[-2 : -2 - half : -1]])
    if backend is None:
        backend = "scipy" if SCIPY_IS_SOUND else "pandas"
    if backend == "scipy":
        filtered = median_filter(padded, 2 * half + 1, mode="nearest")
        return np.asarray(filtered[half : half + x.size], dtype=np.float64)
    if backend != "pandas":
        raise ValueError(f'backend must be "scipy" or "pandas", got {backend!r}.')
    import pandas as pd

    medians = pd.Series(padded).rolling(2 * half + 1).median().to_numpy(dtype=np.float64)
    return np.asarray(medians[2 * half :], dtype=np.float64)
