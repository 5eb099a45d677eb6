"""A schedule times a number."""

from __future__ import annotations

from halflife.arguments import number
from halflife.schedules.schedule import Array, Combinator, Namespace, Schedule, a_schedule


class Scaled(Combinator, kind="scaled"):
    """Multiply a schedule by a constant, to bring a part of a longer one to its height.

        m(s) = factor · inner(s)

    Raises:
        ValueError: A factor below 0 or not finite.

    >>> from halflife.schedules import linear
    >>> linear().scaled(0.5).table(4)
    array([0.5  , 0.375, 0.25 , 0.125])
    """

    inner: Schedule
    factor: float

    def __post_init__(self) -> None:
        a_schedule("inner", self.inner)
        self._keep(factor=number("factor", self.factor, "[0, inf)"))

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        return self.factor * self.inner.formula(step, total, xp)
