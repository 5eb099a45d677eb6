"""The ℓ1 norm: Lion."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from halflife.optim.kappa.elementwise import Elementwise
from halflife.optim.kappa.kappa import sign


class L1(Elementwise, kind="l1"):
    """K = ‖z‖₁, ∇K = sign z with sign 0 = 0, K* = 0 on ‖y‖∞ ≤ 1.

    The constraint is |xᵢ| ≤ ρ/λ, a box.
    """

    homogeneous: ClassVar[bool] = True
    smooth: ClassVar[bool] = False

    def _value(self, z: Tensor) -> Tensor:
        return z.abs()

    def _grad(self, z: Tensor) -> Tensor:
        return sign(z)

    def _inside(self, y: Tensor) -> Tensor:
        return torch.zeros_like(y)

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return torch.zeros_like(y)
