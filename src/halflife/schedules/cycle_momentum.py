"""The momentum that goes with the one-cycle profile."""

from __future__ import annotations

from halflife.arguments import number
from halflife.schedules.schedule import Array, Namespace, Schedule


class CycleMomentum(Schedule, kind="cycle_momentum"):
    """Momentum down in a straight line to the middle of the run, then up again.

        β(s) = high − (high − low) (1 − |1 − 2 s/T|)

    The mirror image of `one_cycle`, 0.95 → 0.85 → 0.95 (arXiv 2107.04197). The value is the
    momentum itself, not a multiplier: pass it as `TorchScheduler(..., momentum=cycle_momentum())`.

    Raises:
        ValueError: high or low outside [0, 1).

    >>> cycle_momentum().table(4).round(6)
    array([0.95, 0.9 , 0.85, 0.9 ])
    """

    high: float = 0.95
    low: float = 0.85

    def __post_init__(self) -> None:
        self._keep(
            high=number("high", self.high, "[0, 1)"),
            low=number("low", self.low, "[0, 1)"),
        )

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        depth = 1 - xp.abs(1 - 2 * step / total)
        return self.high - (self.high - self.low) * depth


cycle_momentum = CycleMomentum
