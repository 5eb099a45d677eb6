"""Half the square: SGD with momentum."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from halflife.optim.kappa.elementwise import Elementwise


class Quadratic(Elementwise, kind="quadratic"):
    """K = ½ ‖z‖₂², ∇K = z, K* = ½ ‖y‖₂²: SGD with momentum and decoupled decay, no constraint."""

    bounded: ClassVar[bool] = False

    def _value(self, z: Tensor) -> Tensor:
        return z.square() / 2

    def _grad(self, z: Tensor) -> Tensor:
        return z

    def _inside(self, y: Tensor) -> Tensor:
        return y.square() / 2

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return y
