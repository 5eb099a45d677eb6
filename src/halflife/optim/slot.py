"""What one update reads and writes, and the numbers that it is made with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress
from operator import attrgetter
from typing import NamedTuple

import torch
from torch import Tensor

from halflife.optim.kappa import Kappa

Number = float | Tensor
"""A float, or a tensor without dimensions that stays on its device."""


@dataclass(slots=True)
class Slot:
    """A parameter with all that one update of it reads and writes; real tensors of one shape.

    Attributes:
        p: The weights, changed in place.
        g: Their gradient, never changed.
        m: The average of gradients, changed in place: floating, or the code of `eight_bit`.
        m_scales: The scales of that code.
        lost: What Kahan's sum lost.
        number: Which tensor of the optimizer this is.
    """

    p: Tensor
    g: Tensor
    m: Tensor
    m_scales: Tensor | None
    lost: Tensor | None
    number: int


class Slots(NamedTuple):
    """The slots of many parameters, column by column; each column has a row for each of them.

    With many small tensors it is Python that takes the time of a step. What all are asked is
    therefore asked column by column, without a line of Python for each tensor.
    """

    p: list[Tensor]
    g: list[Tensor]
    m: list[Tensor]
    m_scales: list[Tensor | None]
    lost: list[Tensor | None]
    number: list[int]

    def each(self) -> Iterator[Slot]:
        """One after the other."""
        return map(Slot, *self)

    def only(self, rows: list[bool]) -> Slots:
        """Those whose row is true."""
        return Slots._make(list(compress(column, rows)) for column in self)

    def by_kind(self) -> list[Slots]:
        """Those together whose tensors have the same dtypes, on the same devices."""
        columns = [list(map(its, column)) for column in self[:3] for its in _KIND]
        if all(len(set(column)) == 1 for column in columns):
            return [self]
        kinds = list(zip(*columns, strict=True))
        different = dict.fromkeys(kinds)
        return [self.only([other == kind for other in kinds]) for kind in different]

    def as_real(self) -> Slots:
        """Complex numbers of one kind as the pairs of real ones that they are."""
        if not self.p[0].is_complex():
            return self
        p, g, m = (list(map(torch.view_as_real, column)) for column in self[:3])
        return self._replace(p=p, g=g, m=m)


_KIND = attrgetter("device"), attrgetter("dtype")


@dataclass(frozen=True)
class Update:
    """The numbers of one update of a group.

    Attributes:
        K: The convex function.
        beta1, beta2: Weights of the old average in the step and in the new average.
        keep: Factor of the weights.
        length: Factor of ∇K.
        gradient: Factor of the gradient: −1 to maximise, divided by an AMP loss scale.
        rounding: One of `rounding.ROUNDINGS`.
        seed, step: Of stochastic rounding.
        found_inf: Not 0 if nothing is to change; only kernels look at it.
    """

    K: Kappa
    beta1: float
    beta2: float
    keep: Number
    length: Number
    gradient: Number = 1.0
    rounding: str = "nearest"
    seed: int = 0
    step: int | Tensor = 0
    found_inf: Tensor | None = None
