"""The schedules of Hugging Face transformers (`transformers.optimization`, as of 5.23).

Warm-up is s/W here: the first update runs at rate 0. A warm-up given as a fraction is rounded to
the nearest step as everywhere in this library; the Trainer rounds its `warmup_steps` < 1 up.
"""

from __future__ import annotations

import math

from halflife.arguments import number
from halflife.schedules.arguments import Length
from halflife.schedules.compat.peer import Peer
from halflife.schedules.constant import constant as flat
from halflife.schedules.inverse_sqrt import inverse_sqrt as root
from halflife.schedules.linear import linear as line
from halflife.schedules.polynomial import polynomial as power_of
from halflife.schedules.schedule import Array, Namespace, Schedule
from halflife.schedules.shapes import Shape


class Waves(Peer, kind="hf_waves"):
    """A cosine of any number of periods.

        m(s) = max(0, ½ (1 + cos(2π · cycles · (s + ahead)/T)))

    One half is a decay; ahead = 1 makes the last update, not the one after it, reach the end.

    Raises:
        ValueError: cycles below 0 or not finite, or ahead outside [0, 1].
    """

    cycles: float = 0.5
    ahead: float = 0.0

    def __post_init__(self) -> None:
        self._keep(
            cycles=number("cycles", self.cycles, "[0, inf)"),
            ahead=number("ahead", self.ahead, "[0, 1]"),
        )

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        return xp.cos((step + self.ahead) * (math.pi * self.cycles / total)) ** 2


class Restarts(Peer, kind="hf_restarts"):
    """Cosine decays one after another.

        m(s) = ½ (1 + cos(π ((cycles · s/T) mod 1)))

    Raises:
        ValueError: cycles not above 0, or not finite.
    """

    cycles: float = 1.0

    def __post_init__(self) -> None:
        self._keep(cycles=number("cycles", self.cycles, "(0, inf)"))

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        turns = self.cycles * (step / total)
        return xp.cos((turns - xp.floor(turns)) * (math.pi / 2)) ** 2


def constant(warmup: Length = 0) -> Schedule:
    """`get_constant_schedule` and `get_constant_schedule_with_warmup`."""
    return flat().warmup(warmup, offset=0)


def linear(warmup: Length = 0) -> Schedule:
    """`get_linear_schedule_with_warmup`: s/W, then (T − s)/(T − W)."""
    return line().warmup(warmup, offset=0)


def cosine(warmup: Length = 0, cycles: float = 0.5, floor: float = 0.0) -> Schedule:
    """`get_cosine_schedule_with_warmup`; with a floor `get_cosine_with_min_lr_schedule_…`.

    `floor` is its min_lr_rate, an asymptote under the cosine but not under the warm-up.
    """
    return Waves(cycles).floor(floor).warmup(warmup, offset=0)


def cosine_with_restarts(warmup: Length = 0, cycles: float = 1) -> Schedule:
    """`get_cosine_with_hard_restarts_schedule_with_warmup`."""
    return Restarts(cycles).warmup(warmup, offset=0)


def cosine_warmup_with_min_lr(
    warmup: int = 0, cycles: float = 0.5, floor: float = 0.0, start: float | None = None
) -> Schedule:
    """`get_cosine_with_min_lr_schedule_with_warmup_lr_rate`: ends on the floor, starts above 0.

    Args:
        warmup: W, in steps.
        cycles: Periods of the cosine.
        floor: Its min_lr_rate.
        start: Its warmup_lr_rate, the multiplier of the first update; None means 1/W.

    Raises:
        ValueError: A warm-up that is not an integer ≥ 0.
    """
    if not isinstance(warmup, int) or isinstance(warmup, bool) or warmup < 0:
        raise ValueError(f"warmup must be an int ≥ 0 (steps) here, got {warmup!r}.")
    decay = Waves(cycles, ahead=1.0).floor(floor)
    if start is None or warmup == 0:
        return decay.warmup(warmup)
    if warmup == 1:
        return decay.warmup(1, start, offset=0)
    # Theirs goes from `start` at s = 0 to 1 at s = W − 1: a ramp one step shorter, then one full.
    return (flat().lasting(1) >> decay).warmup(warmup - 1, start, offset=0)


def polynomial(warmup: Length = 0, power: float = 1.0, floor: float = 0.0) -> Schedule:
    """`get_polynomial_decay_schedule_with_warmup`; `floor` is lr_end / lr."""
    return power_of(power).floor(floor).warmup(warmup, offset=0)


def inverse_sqrt(warmup: Length = 0, timescale: int | None = None) -> Schedule:
    """`get_inverse_sqrt_schedule`; the timescale is the warm-up, or 10,000 without one.

    Raises:
        ValueError: No timescale with a warm-up that is not given in steps.
    """
    if timescale is None:
        if not isinstance(warmup, int):
            raise ValueError(f"timescale must be given in steps for a warm-up of {warmup!r}.")
        timescale = warmup or 10_000
    return root(timescale).warmup(warmup, offset=0)


def wsd(
    warmup: Length = 0,
    decay: Length = 0.2,
    warmup_shape: Shape = "linear",
    decay_shape: Shape = "cosine",
    floor: float = 0.0,
) -> Schedule:
    """`get_wsd_schedule` for warm-up, stable and decay steps that add up to the total.

    `floor` is its min_lr_ratio, and so is the start of the warm-up.
    """
    plateau = flat().warmup(warmup, shape=warmup_shape, offset=0)
    return plateau.cooldown(decay, decay_shape).floor(floor)
