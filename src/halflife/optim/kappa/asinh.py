"""A step by the area hyperbolic sine."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from halflife.optim.kappa.elementwise import Elementwise


class Asinh(Elementwise, kind="asinh"):
    """K = Σ zᵢ asinh zᵢ − √(1 + zᵢ²) + 1, ∇K = asinh z, K* = Σ cosh yᵢ − 1."""

    bounded: ClassVar[bool] = False

    def _value(self, z: Tensor) -> Tensor:
        square = z.square()
        return z * z.asinh() - square / ((1 + square).sqrt() + 1)

    def _grad(self, z: Tensor) -> Tensor:
        return z.asinh()

    def _inside(self, y: Tensor) -> Tensor:
        return 2 * (y / 2).sinh().square()

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return y.sinh()
