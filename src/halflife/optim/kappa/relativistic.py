"""The relativistic kinetic energy."""

from __future__ import annotations

from torch import Tensor

from halflife.optim.kappa.elementwise import Elementwise
from halflife.optim.kappa.kappa import positive


class Relativistic(Elementwise, kind="relativistic"):
    """K = Σ √(zᵢ² + e²) − e, ∇K = z/√(z² + e²), K* = Σ e (1 − √(1 − yᵢ²)) on ‖y‖∞ ≤ 1.

    The sign's square-root smoothing, with speed below 1; also known as pseudo-Huber.

    Attributes:
        e: Size of momentum at which the step is 1/√2, > 0.
    """

    e: float

    def __post_init__(self) -> None:
        self._keep(e=positive("e", self.e))
        super().__post_init__()

    def _value(self, z: Tensor) -> Tensor:
        return z.square() / ((z.square() + self.e**2).sqrt() + self.e)  # no cancellation near 0

    def _grad(self, z: Tensor) -> Tensor:
        return z / (z.square() + self.e**2).sqrt()

    def _inside(self, y: Tensor) -> Tensor:
        return self.e * (1 - (1 - y.square()).sqrt())

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return self.e * y / (1 - y.square()).sqrt()
