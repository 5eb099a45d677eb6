"""A step by the symmetric logarithm."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from halflife.optim.kappa.elementwise import Elementwise
from halflife.optim.kappa.kappa import sign


class Symlog(Elementwise, kind="symlog"):
    """K = Σ (1 + |zᵢ|) ln(1 + |zᵢ|) − |zᵢ|, ∇K = sign(z) ln(1 + |z|), K* = Σ e^|yᵢ| − |yᵢ| − 1."""

    bounded: ClassVar[bool] = False

    def _value(self, z: Tensor) -> Tensor:
        a = z.abs()
        return (1 + a) * a.log1p() - a

    def _grad(self, z: Tensor) -> Tensor:
        return sign(z) * z.abs().log1p()

    def _inside(self, y: Tensor) -> Tensor:
        return y.abs().expm1() - y.abs()

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return y.sign() * y.abs().expm1()
