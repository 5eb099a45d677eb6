"""Huber's function."""

from __future__ import annotations

import torch
from torch import Tensor

from halflife.optim.kappa.elementwise import Elementwise
from halflife.optim.kappa.kappa import positive


class Huber(Elementwise, kind="huber"):
    """K = Σ zᵢ²/2e, beyond e |zᵢ| − e/2; ∇K = clip(z/e, −1, 1); K* = (e/2) ‖y‖₂² on ‖y‖∞ ≤ 1.

    Solves f + (eλ/2ρ) ‖x‖₂² in the box |xᵢ| ≤ ρ/λ. With e = 1 it is optax's refined Lion.

    Attributes:
        e: Where the parabola ends, > 0, in units of the momentum.
    """

    e: float

    def __post_init__(self) -> None:
        self._keep(e=positive("e", self.e))
        super().__post_init__()

    def _value(self, z: Tensor) -> Tensor:
        a = z.abs()
        return torch.where(a <= self.e, z.square() / (2 * self.e), a - self.e / 2)

    def _grad(self, z: Tensor) -> Tensor:
        return (z / self.e).clamp(-1, 1)

    def _inside(self, y: Tensor) -> Tensor:
        return self.e / 2 * y.square()

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return self.e * y
