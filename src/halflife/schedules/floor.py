"""A lower limit under a schedule."""

from __future__ import annotations

from typing import Literal, get_args

from halflife.arguments import number
from halflife.schedules.schedule import Array, Combinator, Namespace, Schedule, a_schedule

Mode = Literal["asymptote", "clamp"]


class Floor(Combinator, kind="floor"):
    """Keep a schedule at or above `ratio`, the minimum as a part of the base rate.

        asymptote: m(s) = ratio + (1 − ratio) inner(s)
        clamp:     m(s) = max(ratio, inner(s))

    The asymptote bends the whole curve and reaches the ratio only where `inner` reaches 0; it is
    what textbooks and most libraries mean by a minimum rate. The clamp leaves the curve as it is
    and cuts it off: under a cosine, ratio 0.1 is reached at 79.5 % of the run and held. GPT-NeoX
    computed the clamp until August 2023, so models trained with it saw that one.

    Raises:
        ValueError: ratio outside [0, 1], or another mode.

    >>> from halflife.schedules import linear
    >>> linear().floor(0.5).table(4)
    array([1.   , 0.875, 0.75 , 0.625])
    >>> linear().floor(0.5, mode="clamp").table(4)
    array([1.  , 0.75, 0.5 , 0.5 ])
    """

    inner: Schedule
    ratio: float
    mode: Mode = "asymptote"

    def __post_init__(self) -> None:
        a_schedule("inner", self.inner)
        if self.mode not in get_args(Mode):
            raise ValueError(f"mode must be one of {', '.join(get_args(Mode))}, got {self.mode!r}.")
        self._keep(ratio=number("ratio", self.ratio, "[0, 1]"))

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        value = self.inner.formula(step, total, xp)
        if self.mode == "clamp":
            return xp.clip(value, self.ratio, None)
        return self.ratio + (1 - self.ratio) * value
