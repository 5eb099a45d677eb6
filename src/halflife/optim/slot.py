"""What one update reads and writes, and the numbers that it is made with."""

from __future__ import annotations

from dataclasses import dataclass

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
