"""The Euclidean norm: normalised SGD; by rows, columns or groups the group norm."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from halflife.optim.kappa.vector import Norm, onto_l2_ball


class L2(Norm, kind="l2"):
    """K = ‖z‖₂, ∇K = z/‖z‖₂ and 0 at 0, K* = 0 on ‖y‖₂ ≤ 1.

    With `block="row"` and the like K is Σ_g ‖z_g‖₂, and the constraint max_g ‖x_g‖₂ ≤ ρ/λ. As for
    `lp`, `scale="rms"` is ρ = √n.
    """

    scales: ClassVar[tuple[str, ...]] = ("rms",)

    def _rho(self, blocks: Tensor) -> float:
        return math.sqrt(blocks.shape[-1]) if self.scale == "rms" else super()._rho(blocks)

    def _value(self, z: Tensor) -> Tensor:
        return torch.linalg.vector_norm(z, dim=-1)

    def _grad(self, z: Tensor) -> Tensor:
        largest = z.abs().amax(-1, keepdim=True)
        r = z / torch.where(largest == 0, 1, largest)
        norm = torch.linalg.vector_norm(r, dim=-1, keepdim=True)
        return r / torch.where(norm == 0, 1, norm)

    def _dual_norm(self, y: Tensor) -> Tensor:
        return torch.linalg.vector_norm(y, dim=-1)

    def _project(self, y: Tensor) -> Tensor:
        return onto_l2_ball(y)
