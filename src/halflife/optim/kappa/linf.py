"""The ℓ∞ norm: coordinate descent."""

from __future__ import annotations

import torch
from torch import Tensor

from halflife.optim.kappa.kappa import sign
from halflife.optim.kappa.vector import Norm, onto_l1_ball


class LInf(Norm, kind="linf"):
    """K = ‖z‖∞, ∇K = sign(z_j) e_j for the first j of the largest |z_j|, K* = 0 on ‖y‖₁ ≤ 1.

    One weight of each block moves in a step; the constraint is ‖x‖₁ ≤ ρ/λ.
    """

    def _value(self, z: Tensor) -> Tensor:
        return torch.linalg.vector_norm(z, torch.inf, dim=-1)

    def _grad(self, z: Tensor) -> Tensor:
        at = z.abs().argmax(-1, keepdim=True)
        return torch.zeros_like(z).scatter(-1, at, sign(z.gather(-1, at)))

    def _dual_norm(self, y: Tensor) -> Tensor:
        return torch.linalg.vector_norm(y, 1, dim=-1)

    def _project(self, y: Tensor) -> Tensor:
        return onto_l1_ball(y)
