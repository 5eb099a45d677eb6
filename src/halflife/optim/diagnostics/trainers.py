"""What the callbacks share: the optimizer, schedule and length of a trainer's run.

Knows trainers only by what their objects have in common.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from halflife.optim.diagnostics.diagnostics import Diagnostics
from halflife.optim.diagnostics.forecast import Schedule

PREFIX = "lion/"


def lion_of(optimizer: Any) -> Diagnostics:
    """The `LionK` in a trainer's optimizer, which may be wrapped.

    Raises:
        TypeError: There is none.
    """
    found = optimizer
    while not isinstance(found, Diagnostics) and hasattr(found, "optimizer"):
        found = found.optimizer
    if not isinstance(found, Diagnostics):
        raise TypeError(
            f"These diagnostics are of a LionK, but the trainer has {type(found).__name__}; give "
            "it halflife.optim.LionK, or leave the callback out."
        )
    return found


def schedule_of(scheduler: Any) -> Schedule | None:
    """The multipliers of a trainer's scheduler, if it can tell them in advance.

    Halflife's can, and those made of functions of the step (`LambdaLR`, as Hugging Face's). None
    stands for a constant 1, which promises at least as much decay as any schedule that only lowers
    the rate.
    """
    while not hasattr(scheduler, "lr_lambdas") and hasattr(scheduler, "scheduler"):
        scheduler = scheduler.scheduler
    if callable(own := getattr(scheduler, "schedule", None)) and hasattr(scheduler, "total"):
        length = scheduler.total
        return lambda step, _: own(min(step, length - 1), length)
    if functions := getattr(scheduler, "lr_lambdas", None):
        return lambda step, _: max(function(step) for function in functions)
    return None


def warn_at_start(
    optimizer: Diagnostics, schedule: Schedule | None, total: float, done: int
) -> None:
    """Warn of a constraint that cannot become active in the run, and of decay that is lost."""
    known = math.isfinite(total) and total > 0
    told = optimizer.explain(schedule if known else None, int(total) if known else None, done=done)
    for warning in told.warnings:
        warnings.warn(warning, stacklevel=3)


def shown(totals: dict[str, float]) -> dict[str, float]:
    """What a trainer logs: finite numbers, under names of their own."""
    return {
        PREFIX + name: value
        for name, value in totals.items()
        if name != "loss" and math.isfinite(value)
    }
