"""A step by the arcus tangent."""

from __future__ import annotations

import math

from torch import Tensor

from halflife.optim.kappa.elementwise import Elementwise
from halflife.optim.kappa.kappa import positive


class Arctan(Elementwise, kind="arctan"):
    """K = (2/π) Σ zᵢ atan(zᵢ/e) − (e/2) ln(1 + (zᵢ/e)²), ∇K = (2/π) atan(z/e).

    K* = −(2e/π) Σ ln cos(π yᵢ/2), a barrier: finite only inside of ‖y‖∞ < 1.

    Attributes:
        e: Size of momentum at which the step is ½, > 0.
    """

    e: float

    def __post_init__(self) -> None:
        self._keep(e=positive("e", self.e))
        super().__post_init__()

    def _value(self, z: Tensor) -> Tensor:
        r = z / self.e
        return 2 / math.pi * self.e * (r * r.atan() - r.square().log1p() / 2)

    def _grad(self, z: Tensor) -> Tensor:
        return 2 / math.pi * (z / self.e).atan()

    def _inside(self, y: Tensor) -> Tensor:
        # cos(πy/2) = sin(π(1 − |y|)/2), which stays exact near the border
        return -2 * self.e / math.pi * (math.pi / 2 * (1 - y.abs())).sin().log()

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return self.e * (math.pi / 2 * y).tan()
