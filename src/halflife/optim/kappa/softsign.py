"""A K whose conjugate is a logarithmic barrier."""

from __future__ import annotations

from torch import Tensor

from halflife.optim.kappa.elementwise import Elementwise
from halflife.optim.kappa.kappa import positive


class Softsign(Elementwise, kind="softsign"):
    """K = Σ |zᵢ| − e ln(1 + |zᵢ|/e), ∇K = z/(e + |z|), K* = −e Σ |yᵢ| + ln(1 − |yᵢ|).

    K* is a barrier: finite only inside of ‖y‖∞ < 1.

    Attributes:
        e: Size of momentum at which the step is ½, > 0.
    """

    e: float

    def __post_init__(self) -> None:
        self._keep(e=positive("e", self.e))
        super().__post_init__()

    def _value(self, z: Tensor) -> Tensor:
        a = z.abs()
        return a - self.e * (a / self.e).log1p()

    def _grad(self, z: Tensor) -> Tensor:
        return z / (self.e + z.abs())

    def _inside(self, y: Tensor) -> Tensor:
        return -self.e * (y.abs() + (-y.abs()).log1p())

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return self.e * y / (1 - y.abs())
