"""The step profile."""

from __future__ import annotations

from halflife.arguments import number
from halflife.schedules.arguments import Length, length, position
from halflife.schedules.schedule import Array, Namespace, Schedule


class Step(Schedule, kind="step"):
    """Piecewise constant: one factor at each milestone.

        m(s) = factor^k,   k = number of milestones at or before step s

    The default, × 0.1 at ½ and again at ¾ of the run, is a baseline of REX (arXiv 2107.04197).
    A milestone is a number of steps (int) or a fraction of the run (float), which takes effect
    from the first step with s/T ≥ fraction, compared exactly. Also known as multi-step decay.

    Raises:
        ValueError: A factor outside [0, 1] or a milestone that is no length; when called, a
            milestone later than the end of the run.

    >>> step().table(8).round(6)
    array([1.  , 1.  , 1.  , 1.  , 0.1 , 0.1 , 0.01, 0.01])
    >>> step(milestones=(2, 3), factor=0.5).table(5)
    array([1.  , 1.  , 0.5 , 0.25, 0.25])
    """

    milestones: tuple[Length, ...] = (0.5, 0.75)
    factor: float = 0.1

    def __post_init__(self) -> None:
        if isinstance(self.milestones, int | float | str):
            raise ValueError(f"milestones must be a tuple of lengths, got {self.milestones!r}.")
        self._keep(
            milestones=tuple(length("each of milestones", one) for one in self.milestones),
            factor=number("factor", self.factor, "[0, 1]"),
        )

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        value = xp.ones_like(step)
        for milestone in self.milestones:
            at = float(position("milestone", milestone, total))
            value = xp.where(step >= at, value * self.factor, value)
        return value


step = Step
