"""What may be played: finitely many actions, or a polytope, which is its vertices.

A linear function and an optimistic one, ⟨h, u⟩ + β ‖u‖_{V⁻¹}, are both convex in u, so over a
polytope a vertex attains their maximum, and enumerating vertices is exact. Knows nothing of
rewards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, permutations

import numpy as np
from numpy.typing import ArrayLike

from halflife.arguments import Array, array, number

LARGEST = 200_000
"""More vertices than this are refused."""


@dataclass(frozen=True, eq=False)
class Actions:
    """Finitely many actions, or the vertices of a polytope.

    Attributes:
        arms: Shape (K, d). Doubles are welcome; ties go to the first.

    Raises:
        ValueError: no arms, or numbers that are not finite.
    """

    arms: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "arms", array("arms", self.arms, (None, None)))

    @property
    def d(self) -> int:
        """Number of coordinates."""
        return int(self.arms.shape[1])

    def __len__(self) -> int:
        return len(self.arms)

    @cached_property
    def largest_norm(self) -> float:
        """U = max ‖u‖₂."""
        return float(np.linalg.norm(self.arms, axis=1).max())

    def best(self, h: ArrayLike) -> Array:
        """Argmax ⟨h, u⟩, shape (d,)."""
        chosen: Array = self.arms[int(np.argmax(self.arms @ array("h", h, (self.d,))))]
        return chosen

    def spanning(self) -> tuple[int, ...]:
        """Indices of rank many actions that span what all of them span, longest first.

        Greedy: each is the one farthest from the span of those before (pivoted Gram–Schmidt).
        """
        left, chosen = np.array(self.arms), list[int]()
        scale = float(np.linalg.norm(left, axis=1).max())
        while len(chosen) < self.d:
            sizes = np.linalg.norm(left, axis=1)
            at = int(np.argmax(sizes > sizes.max() * (1 - 1e-12)))  # the first of equals
            if sizes[at] <= 1e-10 * max(scale, 1e-300):
                break
            chosen.append(at)
            unit = left[at] / sizes[at]
            left = left - np.outer(left @ unit, unit)
        return tuple(chosen)


def finite(arms: ArrayLike) -> Actions:
    """These actions and no others, shape (K, d)."""
    return Actions(np.asarray(arms, dtype=np.float64))


def box(low: ArrayLike, high: ArrayLike) -> Actions:
    """{u : low ≤ u ≤ high}, as its vertices."""
    return budget(math.inf, low=low, high=high)


def simplex(d: int, total: float = 1.0) -> Actions:
    """{u ≥ 0 : Σ u = total}, as its d vertices."""
    return Actions(number("total", total, "(0, inf)") * np.eye(d))


def budget(total: float, *, low: ArrayLike, high: ArrayLike, spend_all: bool = False) -> Actions:
    """{u : low ≤ u ≤ high, Σ u ≤ total}, as its vertices.

    Args:
        total: The most that may be spent in a round; `math.inf` for no limit.
        low: Least spend of each coordinate, shape (d,).
        high: Largest spend of each coordinate, shape (d,).
        spend_all: Whether all of `total` must be spent: Σ u = total.

    Raises:
        ValueError: a lower limit above its upper one, limits that no spend satisfies, or more
            than 200,000 vertices.
    """
    floor = array("low", low, (None,))
    cap = array("high", high, floor.shape)
    if (floor > cap).any():
        at = int(np.argmax(floor > cap))
        raise ValueError(f"low[{at}] = {floor[at]:g} is above high[{at}] = {cap[at]:g}.")
    money = number("total", total, "(-inf, inf]") - float(floor.sum())
    room = cap - floor
    slack = 1e-9 * max(1.0, float(room.sum()), abs(total) if math.isfinite(total) else 0.0)
    if money < -slack:
        raise ValueError(
            f"total={total:g} is less than the lower limits together, {floor.sum():g}; raise the "
            "total or lower the limits."
        )
    if spend_all and money > room.sum() + slack:
        raise ValueError(
            f"total={total:g} is more than the upper limits together, {cap.sum():g}; lower the "
            "total, raise the limits, or do not ask to spend all."
        )
    free = [i for i in range(len(room)) if room[i] > 0]
    if 2.0 ** len(free) > LARGEST:
        raise ValueError(
            f"{len(free)} coordinates that may vary have more than {LARGEST:,} vertices; fix some "
            "of them, or give the actions that you would consider to `finite`."
        )
    found: dict[tuple[float, ...], Array] = {}
    for count in range(len(free) + 1):
        for full in combinations(free, count):
            spent = float(room[list(full)].sum())
            if spent > money + slack:
                continue
            u = np.array(floor)
            u[list(full)] = cap[list(full)]
            rest = money - spent
            if not spend_all or abs(rest) <= slack:
                found.setdefault(tuple(u), u)
            if not math.isfinite(rest) or rest <= slack:
                continue
            for i in set(free) - set(full):
                if rest < room[i] - slack:
                    v = np.array(u)
                    v[i] = floor[i] + rest
                    found.setdefault(tuple(v), v)
    return Actions(np.array(sorted(found.values(), key=tuple)))


def full_spends(total: float, d: int, cap: float = 1.0) -> Actions:
    """Spend on one coordinate after the other, up to `cap` each, until `total` is gone.

    One action for each order, doubles left out, sorted: the actions of the paper's experiments
    with total 1.5 and d = 3, as its authors' code has them. They are the vertices of the budget
    polytope that spend everything; an optimum that spends less is not among them.
    """
    spends = set()
    for order in permutations(range(d)):
        u, left = [0.0] * d, number("total", total, "(0, inf)")
        for i in order:
            u[i] = min(left, cap)
            left -= u[i]
        spends.add(tuple(u))
    return Actions(np.array(sorted(spends)))
