"""Dead zone and Huber's function in one."""

from __future__ import annotations

import torch
from torch import Tensor

from halflife.optim.kappa.elementwise import Elementwise
from halflife.optim.kappa.kappa import positive, sign


class Elastic(Elementwise, kind="elastic"):
    """K = Huber with e2 of max(|zᵢ| − e1, 0); ∇K = sign(z) clip((|z| − e1)/e2, 0, 1).

    K* = e1 ‖y‖₁ + (e2/2) ‖y‖₂² on ‖y‖∞ ≤ 1: the penalty of the elastic net, in a box.

    Attributes:
        e1: Half the width of the dead zone, > 0, in units of the momentum.
        e2: Length of the ramp after it, > 0, likewise.
    """

    e1: float
    e2: float

    def __post_init__(self) -> None:
        self._keep(e1=positive("e1", self.e1), e2=positive("e2", self.e2))
        super().__post_init__()

    def _value(self, z: Tensor) -> Tensor:
        a = (z.abs() - self.e1).clamp(min=0)
        return torch.where(a <= self.e2, a.square() / (2 * self.e2), a - self.e2 / 2)

    def _grad(self, z: Tensor) -> Tensor:
        return sign(z) * ((z.abs() - self.e1) / self.e2).clamp(0, 1)

    def _inside(self, y: Tensor) -> Tensor:
        return self.e1 * y.abs() + self.e2 / 2 * y.square()

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return self.e1 * y.sign() + self.e2 * y
