"""How long DynLin-UCB holds the action of its m-th block: 1 + H_m rounds.

Knows nothing of rewards.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from halflife.arguments import number, whole


def holds(rho: float, rounding: str = "floor", memory: int | None = None) -> Iterator[int]:
    """H₁, H₂, …, with H_m = ⌊log m / log(1/ρ)⌋ (the paper's) or its ceiling.

    Floor leaves up to ρ^{H_m} = 1/(ρ m) of a transient, ceiling at most 1/m. Powers of 1/ρ count
    as whole where rounding of ρ alone says otherwise: ρ = 0.2 gives H₅ = 1 and H₁₂₅ = 3.

    Args:
        rho: In [0, 1); at 0 there is nothing to wait for.
        rounding: "floor" or "ceil".
        memory: Hold this many rounds instead, always.
    """
    number("rho", rho, "[0, 1)")
    if rounding not in ("floor", "ceil"):
        raise ValueError(f"rounding={rounding!r}; choose 'floor' or 'ceil'.")
    constant = 0 if rho == 0 else None
    if memory is not None:
        constant = whole("memory", memory, 0)
    m, h = 0, 0
    while True:
        m += 1
        if constant is None:
            if rounding == "floor":
                while (h + 1) * -math.log(rho) <= math.log(m) + 1e-12:
                    h += 1
            else:
                while h * -math.log(rho) < math.log(m) - 1e-12:
                    h += 1
            yield h
        else:
            yield constant


def block_lengths(
    horizon: int, rho: float, rounding: str = "floor", memory: int | None = None
) -> NDArray[np.int64]:
    """Lengths of the blocks that fill `horizon` rounds; the last one is cut."""
    left, lengths = whole("horizon", horizon, 1), list[int]()
    for hold in holds(rho, rounding, memory):
        lengths.append(min(1 + hold, left))
        left -= lengths[-1]
        if not left:
            break
    return np.array(lengths, dtype=np.int64)


def official_blocks(horizon: int, rho: float) -> list[int]:
    """The rounds, from 0, whose reward the authors' code books; it chooses anew after each.

    Cumulative lengths are compared with a counter that starts at 0, so that the first block has
    two rounds and all others come one round late. Below ρ = 10⁻⁶ every round is booked.
    """
    if rho < 1e-6:
        return list(range(horizon))
    ends, at, m = list[int](), 0, 0
    while at < horizon:
        m += 1
        at += 1 + math.floor(np.log(m) / np.log(1 / rho))
        ends.append(at)
    return ends
