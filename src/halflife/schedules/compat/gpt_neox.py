"""The schedules of GPT-NeoX's `AnnealingLR`, as it is since September 2023 and as it was before.

Warm-up is s/W, so the first update runs at rate 0; in May 2026 GPT-NeoX stopped wasting it, which
is not followed here (it is our own `.warmup`). The minimum is an asymptote under the cosine only,
and a clamp under the other styles.

Models trained with it until August 2023, Pythia and probably the runs of arXiv 2308.04014 among
them, saw the old form: the minimum is a clamp, the decay's period is the whole run and not what
the warm-up leaves of it, and the rate stands still for the last W steps.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

from halflife.arguments import number
from halflife.schedules.arguments import Length, length, whole_steps
from halflife.schedules.compat.peer import Peer
from halflife.schedules.constant import constant as flat
from halflife.schedules.cosine import cosine as wave
from halflife.schedules.exponential import exponential as fall_off
from halflife.schedules.linear import linear as line
from halflife.schedules.schedule import Array, Namespace, Schedule

Style = Literal["linear", "cosine", "exponential", "constant"]


class Until2023(Peer, kind="gpt_neox_until_2023"):
    """The decay of GPT-NeoX until 2023-08-06; n = min(s, T − W).

        m(s) = n/W                                      for s ≤ W
        m(s) = max(minimum, decay((n − W)/T))            after that

    decay(x) is ½ (1 + cos πx), 1 − x, e^(−0.693 x) or 1. The first update runs at rate 0.

    Raises:
        ValueError: Another style, a minimum outside [0, 1], or no length; when called, a warm-up
            longer than the run.
    """

    style: Style = "cosine"
    warm: Length = 0.01
    minimum: float = 0.1

    def __post_init__(self) -> None:
        if self.style not in get_args(Style):
            raise ValueError(
                f"style must be one of {', '.join(get_args(Style))}, got {self.style!r}."
            )
        self._keep(
            warm=length("warm", self.warm), minimum=number("minimum", self.minimum, "[0, 1]")
        )

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        warm = whole_steps("warm-up length", self.warm, total)
        n = xp.clip(step, 0, total - warm)
        x = (n - warm) / total
        if self.style == "cosine":
            decay = xp.cos(x * (math.pi / 2)) ** 2
        elif self.style == "exponential":
            decay = xp.exp(-0.693 * x)
        else:
            decay = 1 - x if self.style == "linear" else xp.ones_like(x)
        decay = xp.clip(decay, self.minimum, None)
        return xp.where(step <= warm, n / warm, decay) if warm else decay


def constant(warmup: Length = 0.01) -> Schedule:
    """Decay style "constant"."""
    return flat().warmup(warmup, offset=0)


def linear(warmup: Length = 0.01, floor: float = 0.1) -> Schedule:
    """Decay style "linear"; `floor` is min_lr / lr, a clamp."""
    return line().floor(floor, mode="clamp").warmup(warmup, offset=0)


def exponential(warmup: Length = 0.01, floor: float = 0.1) -> Schedule:
    """Decay style "exponential": down to a half, e^−0.693; `floor` is min_lr / lr, a clamp."""
    return fall_off(-0.693).floor(floor, mode="clamp").warmup(warmup, offset=0)


def cosine(warmup: Length = 0.01, floor: float = 0.1) -> Schedule:
    """Decay style "cosine"; `floor` is min_lr / lr, an asymptote."""
    return wave().floor(floor).warmup(warmup, offset=0)


def until_2023(style: Style = "cosine", warmup: Length = 0.01, floor: float = 0.1) -> Schedule:
    """Any decay style in its form until 2023-08-06; `floor` is min_lr / lr, a clamp."""
    return Until2023(style, warmup, floor)
