"""The ℓ1 norm with a dead zone."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from halflife.optim.kappa.elementwise import Elementwise
from halflife.optim.kappa.kappa import positive, sign


class DeadZone(Elementwise, kind="dead-zone"):
    """K = Σ max(|zᵢ| − e, 0), ∇K = sign(z) where |z| > e and else 0, K* = e ‖y‖₁ on ‖y‖∞ ≤ 1.

    Solves f + e ‖x‖₁ in the box |xᵢ| ≤ ρ/λ: small momentum does not move a weight.

    Attributes:
        e: Half the width of the zone, > 0, in units of the momentum.
    """

    e: float
    smooth: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self._keep(e=positive("e", self.e))
        super().__post_init__()

    def _value(self, z: Tensor) -> Tensor:
        return (z.abs() - self.e).clamp(min=0)

    def _grad(self, z: Tensor) -> Tensor:
        return sign(z) * ((z.abs() > self.e) | z.isnan())

    def _inside(self, y: Tensor) -> Tensor:
        return self.e * y.abs()

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return self.e * y.sign()
