"""REX, the reflected exponential profile of arXiv 2107.04197."""

from __future__ import annotations

from halflife.arguments import number
from halflife.schedules.schedule import Array, Namespace, Schedule


class Rex(Schedule, kind="rex"):
    """Between a linear and a delayed linear decay: slow to leave 1, fast at the end.

        m(s) = z / ((1 − d) + d z),   z = 1 − s/T

    d = ½ is the paper's equation, η = η₀ (1 − t/T) / (½ + ½ (1 − t/T)); d = 0 is `linear` and
    d → 1 tends to `constant`. Much-copied code has d = 0.9, and it is another schedule: at half
    of the run it still holds 0.91 of the base rate where the paper's is at 0.67, its mean is 0.83
    where the paper's is 0.61, and it behaves like "hold, then drop". The paper's results were
    not obtained with it, so it is not our default. The paper has no warm-up and no floor;
    T = 1 gives the single multiplier 1.

    Raises:
        ValueError: d outside [0, 1).

    >>> rex().table(5).round(6)
    array([1.      , 0.888889, 0.75    , 0.571429, 0.333333])
    >>> rex(d=0.9)(5, 10)
    0.9090909090909091
    """

    d: float = 0.5

    def __post_init__(self) -> None:
        self._keep(d=number("d", self.d, "[0, 1)"))

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        p = step / total
        z = 1 - p
        # The same denominator as above, written so that rounding cannot make it less than z.
        return z / (z + (1 - self.d) * p)


rex = Rex
