"""The one-cycle profile."""

from __future__ import annotations

from halflife.arguments import number
from halflife.schedules.schedule import Array, Namespace, Schedule


class OneCycle(Schedule, kind="one_cycle"):
    """Up in a straight line to the middle of the run, then down again.

        m(s) = start + (1 − start) (1 − |1 − 2 s/T|)

    A baseline of REX (arXiv 2107.04197): from a tenth of the base rate to all of it at T/2 and
    back, together with `cycle_momentum`. The last update is one step short of `start`; an odd T
    has no update at the very peak; T = 1 gives the single multiplier `start`.

    Raises:
        ValueError: start outside [0, 1].

    >>> one_cycle().table(4)
    array([0.1 , 0.55, 1.  , 0.55])
    """

    start: float = 0.1

    def __post_init__(self) -> None:
        self._keep(start=number("start", self.start, "[0, 1]"))

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        height = 1 - xp.abs(1 - 2 * step / total)
        return self.start + (1 - self.start) * height


one_cycle = OneCycle
