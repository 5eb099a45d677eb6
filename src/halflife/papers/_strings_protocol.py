"""What the claims on zero modes share. Not a paper: `papers()` passes it over.

Trials are exact up to rounding and discretisation; seeds draw radii, masses and energies within
stated ranges, each claim from a stream of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halflife.lab import Scale

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SLOPE = 0.05
"""How far an exponent may be off, of those that are 1, 1/2 or 2/3."""


def seeds(scale: Scale, laptop: int, smoke: int = 4, first: int = 12000) -> range:
    """Seeds to report."""
    return range(first, first + scale.pick(smoke=smoke, laptop=laptop))


def draw(seed: int, claim: int) -> np.random.Generator:
    """Random numbers of a claim's own."""
    import numpy as np

    return np.random.default_rng([seed, claim])


def exponent(x: Array, y: Array) -> float:
    """Slope of the least-squares line of y over x."""
    import numpy as np

    return float(np.polyfit(x, y, 1)[0])
