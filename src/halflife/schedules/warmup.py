"""Warm-up in front of a schedule."""

from __future__ import annotations

from halflife.arguments import number
from halflife.schedules.arguments import Length, length, whole_steps
from halflife.schedules.schedule import Array, Combinator, Namespace, Schedule, a_schedule
from halflife.schedules.shapes import Shape, a_shape, rise


class Warmup(Combinator, kind="warmup"):
    """Ramp up over W steps, then run `inner` over the T − W that remain.

        m(s) = start + (1 − start) rise((s + offset)/W)   for s < W
        m(s) = inner(s − W, T − W)                        after that

    The total includes the warm-up. With offset 1, update W runs at the full base rate, and so does
    update W + 1 if `inner` begins at 1. With offset 0, as in Hugging Face, optax, Keras and
    GPT-NeoX, the first update runs at `start`, which is wasted if that is 0, and update W + 1 is
    the first at the full rate. rise is linear (x), cosine (½ (1 − cos πx)) or 1-sqrt (1 − √(1−x)).
    W = 0 is `inner` itself; W = T never reaches it.

    Raises:
        ValueError: `length` is no length, `start` outside [0, 1], another shape or offset; when
            called, a warm-up longer than the run.

    >>> from halflife.schedules import linear
    >>> linear().warmup(4).table(8)
    array([0.25, 0.5 , 0.75, 1.  , 1.  , 0.75, 0.5 , 0.25])
    >>> linear().warmup(4, offset=0).table(8)
    array([0.  , 0.25, 0.5 , 0.75, 1.  , 0.75, 0.5 , 0.25])
    """

    inner: Schedule
    length: Length
    start: float = 0.0
    shape: Shape = "linear"
    offset: int = 1

    def __post_init__(self) -> None:
        a_schedule("inner", self.inner)
        a_shape(self.shape)
        if self.offset not in (0, 1) or isinstance(self.offset, bool | float):
            raise ValueError(f"offset must be 0 or 1, got {self.offset!r}.")
        self._keep(
            offset=int(self.offset),
            length=length("length", self.length),
            start=number("start", self.start, "[0, 1]"),
        )

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        ramp_steps = whole_steps("warm-up length", self.length, total)
        rest = total - ramp_steps
        if ramp_steps == 0:
            return self.inner.formula(step, total, xp)
        # Between the whole steps W − 1 and W the ramp has already arrived: hence the upper end.
        x = xp.clip((step + self.offset) / ramp_steps, 0, 1)
        ramp = self.start + (1 - self.start) * rise(self.shape, x, xp)
        if rest == 0:
            return ramp
        after = self.inner.formula(xp.clip(step - ramp_steps, 0, rest - 1), rest, xp)
        return xp.where(step < ramp_steps, ramp, after)
