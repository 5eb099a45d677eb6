"""The infinite schedule."""

from __future__ import annotations

from fractions import Fraction

from halflife.arguments import number
from halflife.schedules.arguments import Length, length, nearest, position
from halflife.schedules.schedule import Array, Namespace, Schedule
from halflife.schedules.shapes import fall


class Infinite(Schedule, kind="infinite"):
    """Warm up, cool down to a level, hold it as long as you like, anneal at the end.

        m(s) = (s + 1)/W                                  for s < W
        m(s) = level + (1 − level) ½ (1 + cos πx)         x = (s − W)/C, for W ≤ s < W + C
        m(s) = level                                      until T − A
        m(s) = level (end/level)^((s − (T − A))/A)        after that

    Ibrahim et al. 2024 (arXiv 2403.08763): training can go on from any checkpoint of the hold with
    no re-warming, because neither W, C nor the level depends on the total if W and C are given in
    steps. They leave the form of the cooldown open; here it is the cosine. The anneal would reach
    `end` one step after the last update.

    Raises:
        ValueError: A length that is none, level or end outside (0, 1], or an end above the level;
            when called, lengths that add up to more than the run.

    >>> infinite(warm=2, cool=2, level=0.5, anneal=2, end=0.125).table(8)
    array([0.5 , 1.  , 1.  , 0.75, 0.5 , 0.5 , 0.5 , 0.25])
    """

    warm: Length = 0.01
    cool: Length = 0.25
    level: float = 0.5
    anneal: Length = 0.1
    end: float = 0.01

    def __post_init__(self) -> None:
        self._keep(
            warm=length("warm", self.warm),
            cool=length("cool", self.cool),
            anneal=length("anneal", self.anneal),
            level=number("level", self.level, "(0, 1]"),
            end=number("end", self.end, "(0, 1]"),
        )
        if self.end > self.level:
            raise ValueError(f"end must not be above level, got {self.end} > {self.level}.")

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        exact = Fraction(0)
        ends = []
        for name, part in (("warm-up", self.warm), ("cooldown", self.cool)):
            exact += position(name, part, total)
            ends.append(nearest(exact))
        warm, cool = ends
        last = nearest(total - position("anneal", self.anneal, total))
        if cool > last:
            raise ValueError(
                f"warm-up, cooldown and anneal of {self!r} are longer than the run "
                f"(total = {total}): shorten them or pass fractions of it."
            )
        ramp = xp.clip((step + 1) / max(warm, 1), 0, 1)
        x = xp.clip((step - warm) / max(cool - warm, 1), 0, 1)
        down = self.level + (1 - self.level) * fall("cosine", x, xp)
        y = xp.clip((step - last) / max(total - last, 1), 0, 1)
        annealed = self.level * (self.end / self.level) ** y
        value = xp.where(step < cool, down, annealed)
        return xp.where(step < warm, ramp, value)


infinite = Infinite
