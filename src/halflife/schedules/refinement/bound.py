"""A guarantee on the last iterate for any schedule, and what follows from it.

Knows nothing of logs; takes the schedules of the family or plain learning rates.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, SupportsIndex

import numpy as np

from halflife.arguments import number
from halflife.schedules.arguments import run_length
from halflife.schedules.refinement.weights import positive, tails
from halflife.schedules.schedule import Schedule

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclasses.dataclass(frozen=True)
class Bound:
    """The bound on E f(x_T) − f*, as its three terms, in the units of f.

    Attributes:
        distance: D²/(2 S_1): how far there is to go. Falls as the base rate grows.
        gradient: Σ_t η_t² G_t² / (2 S_1): the noise of the average iterate. Grows with the rate.
        last: ½ Σ_k η_k Q_k / (S_k S_{k+1}): the price of the last iterate. Grows with the rate.
    """

    distance: float
    gradient: float
    last: float

    @property
    def value(self) -> float:
        """The bound itself, the sum of the terms."""
        return self.distance + self.gradient + self.last

    @property
    def best_scale(self) -> float:
        """What to multiply the learning rates by to make the bound smallest."""
        return math.sqrt(self.distance / (self.gradient + self.last))

    @property
    def optimal(self) -> float:
        """The bound at that scale: it depends on the shape of the schedule alone."""
        return 2 * math.sqrt(self.distance * (self.gradient + self.last))


class Ranked(NamedTuple):
    """A schedule's place in a ranking."""

    name: str
    bound: float
    """The bound at the best base rate."""
    base_lr: float
    """That rate."""


def bound(
    schedule: Schedule | ArrayLike,
    norms: ArrayLike = 1.0,
    distance: float = 1.0,
    *,
    total: SupportsIndex | None = None,
    base_lr: float = 1.0,
) -> Bound:
    """Return the last-iterate bound of SGD on a convex problem with any learning rates η_1 … η_T.

        D²/(2 S_1) + Q_1/(2 S_1) + ½ Σ_{k=1}^{T−1} η_k Q_k / (S_k S_{k+1}),
        S_k = Σ_{t≥k} η_t,   Q_k = Σ_{t≥k} η_t² G_t²

    (2310.07831, the bound for arbitrary schedules.) It is about twice the truth for linear decay,
    yet it orders schedules. A last rate of 0 would make it infinite, as an update of rate 0 is
    none: a `Schedule` that ends at 0 is therefore laid over T + 1 updates and its first T count.

    Args:
        schedule: A Schedule (`total` is then needed unless `norms` gives the length), or the
            learning rates themselves, > 0, shape (T,).
        norms: The gradient norm G > 0 of each update, shape (T,), or one for all.
        distance: D = ‖x₁ − x*‖ > 0.
        total: T.
        base_lr: Multiplies the rates.

    Raises:
        ValueError: Rates, norms, a distance or base rate not positive and finite; lengths that
            are missing or differ.

    >>> from halflife.schedules import linear
    >>> round(bound(linear(), total=100).optimal * 10, 3)
    2.036
    """
    distance = number("distance", distance, "(0, inf)")
    base_lr = number("base_lr", base_lr, "(0, inf)")
    eta = _learning_rates(schedule, norms, total) * base_lr
    g = np.asarray(norms, dtype=np.float64)
    g = positive("norms", np.full(eta.size, float(g)) if g.ndim == 0 else g)
    if g.size != eta.size:
        raise ValueError(f"There are {eta.size} learning rates but {g.size} norms.")
    s, q = tails(eta), tails((eta * g) ** 2)
    last = np.sum(eta[:-1] / s[1:] * (q[:-1] / s[:-1])) / 2
    return Bound(distance**2 / (2 * float(s[0])), float(q[0] / (2 * s[0])), float(last))


def best_base_lr(
    schedule: Schedule | ArrayLike,
    norms: ArrayLike = 1.0,
    distance: float = 1.0,
    *,
    total: SupportsIndex | None = None,
) -> float:
    """Return the base rate γ = √(t₁/(t₂ + t₃)) that makes `bound` smallest; arguments as there.

    >>> from halflife.schedules import linear
    >>> round(best_base_lr(linear(), total=1000) * 1000**0.5, 3)
    0.996
    """
    return bound(schedule, norms, distance, total=total).best_scale


def optimal_bound(
    schedule: Schedule | ArrayLike,
    norms: ArrayLike = 1.0,
    distance: float = 1.0,
    *,
    total: SupportsIndex | None = None,
) -> float:
    """Return `bound` at its best base rate, 2 √(t₁ (t₂ + t₃)); arguments as there.

    >>> from halflife.schedules import constant
    >>> round(optimal_bound(constant(), total=100), 7)
    0.2485433
    """
    return bound(schedule, norms, distance, total=total).optimal


def rank(
    schedules: Mapping[str, Schedule] | Iterable[Schedule],
    total: SupportsIndex,
    norms: ArrayLike = 1.0,
    distance: float = 1.0,
) -> list[Ranked]:
    """Return the schedules in the order of `optimal_bound`, the best first.

    This is what worst-case theory says of convex problems, not a forecast for a network.

    Args:
        schedules: By name, or without names: each then goes by its repr.
        total: Number of updates T.
        norms: As for `bound`.
        distance: As for `bound`.

    Raises:
        ValueError: As for `bound`.

    >>> from halflife.schedules import constant, cosine, linear
    >>> [ranked.name for ranked in rank([constant(), cosine(), linear()], 1000)]
    ['linear()', 'cosine()', 'constant()']
    """
    named = (
        schedules.items()
        if isinstance(schedules, Mapping)
        else [(repr(schedule), schedule) for schedule in schedules]
    )
    results = [(name, bound(schedule, norms, distance, total=total)) for name, schedule in named]
    ranked = [Ranked(name, result.optimal, result.best_scale) for name, result in results]
    return sorted(ranked, key=lambda one: one.bound)


def _learning_rates(
    schedule: Schedule | ArrayLike, norms: ArrayLike, total: SupportsIndex | None
) -> NDArray[np.float64]:
    if not isinstance(schedule, Schedule):
        eta = np.asarray(schedule, dtype=np.float64)
        if eta.ndim == 1 and eta.size > 1 and eta[-1] == 0:
            raise ValueError(
                "The last learning rate is 0, an update that does nothing; leave it out: "
                "bound(rates[:-1], norms[:-1])."
            )
        eta = positive("the learning rates", eta)
        if total is not None and run_length(total) != eta.size:
            raise ValueError(f"There are {eta.size} learning rates, but total is {total}.")
        return eta
    if total is None:
        if np.ndim(norms) == 0:
            raise ValueError("How long is the run? Pass total, or one norm for each update.")
        total = np.size(norms)
    updates = run_length(total)
    table = schedule.table(updates)
    if table[-1] == 0:
        table = schedule.table(updates + 1)[:-1]
    return positive(f"the rates of {type(schedule).__name__.lower()}", table)
