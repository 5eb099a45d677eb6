"""Powers above 1."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from halflife.optim.kappa.elementwise import Elementwise
from halflife.optim.kappa.kappa import above_one, sign


class Power(Elementwise, kind="power"):
    """K = (1/p) Σ |zᵢ|ᵖ, ∇K = sign(z) |z|ᵖ⁻¹, K* = (1/q) Σ |yᵢ|^q with 1/p + 1/q = 1.

    Attributes:
        p: The power, 1 < p < ∞.
    """

    p: float
    bounded: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self._keep(p=above_one("p", self.p))
        super().__post_init__()

    def _value(self, z: Tensor) -> Tensor:
        return z.abs().pow(self.p) / self.p

    def _grad(self, z: Tensor) -> Tensor:
        return sign(z) * z.abs().pow(self.p - 1)

    def _inside(self, y: Tensor) -> Tensor:
        q = self.p / (self.p - 1)
        return y.abs().pow(q) / q

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return y.sign() * y.abs().pow(1 / (self.p - 1))
