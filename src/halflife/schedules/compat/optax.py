"""The schedules of optax (as of 0.2.8).

Warm-up is start + (1 − start) s/W, and `decay_steps`, the total, includes it, as here. Theirs
compute in JAX's default precision, float32, so they agree to six digits.
"""

from __future__ import annotations

import math

from halflife.arguments import number
from halflife.schedules.arguments import Length
from halflife.schedules.compat.peer import Peer
from halflife.schedules.constant import constant as flat
from halflife.schedules.polynomial import polynomial as power_of
from halflife.schedules.schedule import Array, Namespace, Schedule


class Cosine(Peer, kind="optax_cosine"):
    """A power of the cosine decay: m(s) = (½ (1 + cos(π s/T)))^exponent.

    Raises:
        ValueError: exponent below 0 or not finite.
    """

    exponent: float = 1.0

    def __post_init__(self) -> None:
        self._keep(exponent=number("exponent", self.exponent, "[0, inf)"))

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        return xp.cos(step * (math.pi / 2 / total)) ** (2 * self.exponent)


def constant() -> Schedule:
    """`constant_schedule`."""
    return flat()


def linear(end: float = 0.0) -> Schedule:
    """`linear_schedule` over the whole run; `end` is end_value / init_value."""
    return power_of(1).floor(end)


def polynomial(power: float, end: float = 0.0) -> Schedule:
    """`polynomial_schedule` over the whole run."""
    return power_of(power).floor(end)


def cosine(alpha: float = 0.0, exponent: float = 1.0) -> Schedule:
    """`cosine_decay_schedule` with decay_steps = total."""
    return Cosine(exponent).floor(alpha)


def warmup_constant(warmup: Length, start: float = 0.0) -> Schedule:
    """`warmup_constant_schedule`; `start` is init_value / peak_value."""
    return flat().warmup(warmup, start, offset=0)


def warmup_cosine(
    warmup: Length, start: float = 0.0, end: float = 0.0, exponent: float = 1.0
) -> Schedule:
    """`warmup_cosine_decay_schedule` with decay_steps = total, as parts of peak_value."""
    return Cosine(exponent).floor(end).warmup(warmup, start, offset=0)
