"""The logarithm of the hyperbolic cosine: a step by tanh."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn.functional import softplus
from torch.special import xlogy

from halflife.optim.kappa.elementwise import Elementwise
from halflife.optim.kappa.kappa import positive


class LogCosh(Elementwise, kind="log-cosh"):
    """K = (1/b) Σ ln cosh(b zᵢ), ∇K = tanh(bz); K* is a binary entropy over b on ‖y‖∞ ≤ 1.

    K*(y) = (1/2b) Σ (1 + yᵢ) ln(1 + yᵢ) + (1 − yᵢ) ln(1 − yᵢ). optax calls it smooth Lion.

    Attributes:
        b: Slope at 0, > 0: one over the momentum at which the step is tanh 1.
    """

    b: float

    def __post_init__(self) -> None:
        self._keep(b=positive("b", self.b))
        super().__post_init__()

    def _value(self, z: Tensor) -> Tensor:
        a = self.b * z.abs()
        return (a + softplus(-2 * a) - math.log(2)) / self.b

    def _grad(self, z: Tensor) -> Tensor:
        return (self.b * z).tanh()

    def _inside(self, y: Tensor) -> Tensor:
        return (xlogy(1 + y, 1 + y) + xlogy(1 - y, 1 - y)) / (2 * self.b)

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return y.atanh() / self.b
