"""The polynomial profile."""

from __future__ import annotations

from halflife.arguments import number
from halflife.schedules.schedule import Array, Namespace, Schedule


class Polynomial(Schedule, kind="polynomial"):
    """A power of the part of the run that remains.

        m(s) = (1 − s/T)^power

    power = 1 is `linear`, above 1 falls early, below 1 falls late, 0 is constant; 1.5 and 3 are
    the shapes that the authors of refinement lay over their curves for RCNN and ImageNet
    (arXiv 2310.07831, code). T = 1 gives the single multiplier 1.

    Raises:
        ValueError: A power below 0, which would climb, or not finite.

    >>> polynomial(2).table(4)
    array([1.    , 0.5625, 0.25  , 0.0625])
    """

    power: float

    def __post_init__(self) -> None:
        self._keep(power=number("power", self.power, "[0, inf)"))

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        return (1 - step / total) ** self.power


polynomial = Polynomial
