"""How to vary spends so that a log shows what each channel pays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from halflife.arguments import number, whole

if TYPE_CHECKING:
    import pandas as pd


def excitation_plan(
    levels: Mapping[str, float],
    *,
    periods: int,
    hold: int = 4,
    swing: float = 0.3,
    seed: int = 0,
) -> pd.DataFrame:
    """Spends that raise and lower every channel around its level, each in a pattern of its own.

    Every `hold` periods each channel goes to level × (1 ± swing) by the signs of a row of a
    Hadamard matrix, whose columns are orthogonal: over a whole cycle no channel moves with another,
    and each spends its level on average. Every cycle has its rows in another order, as a pattern
    that repeats would not tell a spend from its past. Long holds show long-run effects best.

    Args:
        levels: Usual spend of each channel, by name; at most 31 channels.
        periods: Length of the plan.
        hold: Periods between changes; about as long as effects are thought to last.
        swing: Part of the level by which spends rise and fall.
        seed: Of the order.

    Returns:
        One row a period, one column a channel.

    Raises:
        ValueError: no channels or more than 31, a level that is not positive, or a plan too short
            for every channel to go up and down.

    Example:
        >>> plan = excitation_plan({"tv": 100, "radio": 50}, periods=16, hold=2)
        >>> sorted(set(plan["tv"])), float(plan["radio"].mean())
        ([70.0, 130.0], 50.0)
    """
    import pandas as pd
    from scipy.linalg import hadamard

    count = len(levels)
    if not 1 <= count <= 31:
        raise ValueError(f"levels has {count} channels; plan for 1 to 31 of them.")
    whole("hold", hold, 1)
    number("swing", swing, "(0, 1]")
    for name, level in levels.items():
        number(f"levels[{name!r}]", level, "(0, inf)")
    size = 1 << int(np.ceil(np.log2(count + 1)))
    if whole("periods", periods, 1) < size * hold:
        raise ValueError(
            f"periods={periods} is too short for {count} channels: {size} changes of {hold} "
            f"periods each take {size * hold}; hold shorter or plan longer."
        )
    rng, rows = np.random.default_rng([seed, 7]), hadamard(size)[:, 1 : count + 1]
    cycles = -(-periods // (size * hold))
    mixed = np.concatenate([rng.permutation(rows) for _ in range(cycles)])
    signs = np.repeat(mixed, hold, axis=0)[:periods]
    base = np.array(list(levels.values()), dtype=np.float64)
    return pd.DataFrame(base * (1 + swing * signs), columns=list(levels))
