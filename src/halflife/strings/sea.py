"""The filled Fermi sea of zero modes on a loop: what carries the current.

The model is ours: the paper's abstract gives the claims, not the equations. Zero modes run one way
around a loop of radius R with half-integer angular momenta j = 1/2, 3/2, … and energies j/R; N of
them in the lowest levels have the angular momentum J = N²/2, exactly, which is kept while the
radius changes. ħ = c = 1, and any unit of length: √λ v per energy if R is in 1/(√λ v). Knows
nothing of the string.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from halflife.arguments import Array, number, whole


@dataclass(frozen=True)
class FermiSea:
    """N zero modes in the lowest levels of a loop.

    Attributes:
        carriers: N.
        R: Radius of the loop.

    Raises:
        ValueError: N below 1, or R not above 0.

    >>> sea = FermiSea(1000, R=66.9)
    >>> sea.angular_momentum, round(sea.fermi_momentum, 2)
    (500000.0, 14.95)
    """

    carriers: int
    R: float

    def __post_init__(self) -> None:
        # NumPy's integers would overflow in N², and its float32 lose digits
        object.__setattr__(self, "carriers", whole("carriers", self.carriers, 1))
        object.__setattr__(self, "R", number("R", self.R, "(0, inf)"))

    @property
    def angular_momentum(self) -> float:
        """J = Σ j = N²/2."""
        return self.carriers**2 / 2

    @property
    def energy(self) -> float:
        """Σ j/R = N²/(2R)."""
        return self.angular_momentum / self.R

    @property
    def casimir(self) -> float:
        """Energy of the empty sea, −1/(24R): what `energy` leaves out, and never matters."""
        return -1 / (24 * self.R)

    @property
    def fermi_momentum(self) -> float:
        """k_F = N/R, between the last full level (N − ½)/R and the first empty one."""
        return self.carriers / self.R

    @property
    def line_density(self) -> float:
        """Carriers per length, k_F/2π."""
        return self.fermi_momentum / (2 * math.pi)

    @property
    def energy_per_length(self) -> float:
        """k_F²/4π."""
        return self.fermi_momentum**2 / (4 * math.pi)

    def levels(self, most: int | None = None) -> Array:
        """Angular momenta of the filled levels, the highest first; `most` of them if given."""
        count = self.carriers if most is None else min(self.carriers, whole("most", most, 1))
        return self.carriers - 0.5 - np.arange(count, dtype=np.float64)
