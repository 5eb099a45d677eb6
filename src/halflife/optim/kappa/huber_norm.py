"""Huber's function of the Euclidean norm: clipping by norm."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from halflife.optim.kappa.kappa import beyond, positive
from halflife.optim.kappa.vector import Vector, onto_l2_ball


class HuberNorm(Vector, kind="huber-norm"):
    """K = Huber with e of ‖z‖₂, ∇K = z/max(‖z‖₂, e), K* = (e/2) ‖y‖₂² on ‖y‖₂ ≤ 1.

    e times the step is the momentum clipped to the norm e.

    Attributes:
        e: The norm at which clipping begins, > 0, in units of the momentum.
    """

    e: float

    def __post_init__(self) -> None:
        self._keep(e=positive("e", self.e))
        super().__post_init__()

    def _value(self, z: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(z, dim=-1)
        return torch.where(norm <= self.e, norm.square() / (2 * self.e), norm - self.e / 2)

    def _grad(self, z: Tensor) -> Tensor:
        return z / torch.linalg.vector_norm(z, dim=-1, keepdim=True).clamp(min=self.e)

    def _conjugate(self, y: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(y, dim=-1)
        return torch.where(norm <= beyond(y), self.e / 2 * norm.square(), math.inf)

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return self.e * y

    def _project(self, y: Tensor) -> Tensor:
        return onto_l2_ball(y)

    def _gauge(self, y: Tensor) -> Tensor:
        return torch.linalg.vector_norm(y, dim=-1)

    def _lmo(self, z: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(z, dim=-1, keepdim=True)
        return z / torch.where(norm == 0, 1, norm)
