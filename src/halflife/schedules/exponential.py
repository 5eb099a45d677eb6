"""The exponential profile."""

from __future__ import annotations

from halflife.arguments import number
from halflife.schedules.schedule import Array, Namespace, Schedule


class Exponential(Schedule, kind="exponential"):
    """Exponential decay from 1 towards e^γ.

        m(s) = exp(γ s/T)

    γ ≤ 0 counts e-foldings over the whole run, so the end does not move with T; a decay factor g
    per step is γ = T ln g. γ = −3 is a baseline of REX (arXiv 2107.04197): it ends near 5 %.
    γ = 0 is constant.

    Raises:
        ValueError: γ above 0, which would climb, or not finite.

    >>> exponential().table(3).round(6)
    array([1.      , 0.367879, 0.135335])
    """

    gamma: float = -3.0

    def __post_init__(self) -> None:
        self._keep(gamma=number("gamma", self.gamma, "(-inf, 0]"))

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        return xp.exp(self.gamma * (step / total))


exponential = Exponential
