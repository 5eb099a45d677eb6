"""The logarithm of a sum of exponentials: weights that are probabilities."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.special import xlogy

from halflife.optim.kappa.kappa import beyond
from halflife.optim.kappa.vector import Vector, onto_simplex


class LogSumExp(Vector, kind="log-sum-exp"):
    """K = ln Σ e^zᵢ, ∇K = softmax z, K* = Σ yᵢ ln yᵢ on the simplex yᵢ ≥ 0, Σ yᵢ = 1.

    The one K here that is not even, and whose least value is not at 0: a step uses −∇K(−c), c the
    average of gradients, and moves weights to 1/λ times a probability even where there is no
    gradient.
    """

    even: ClassVar[bool] = False

    def _value(self, z: Tensor) -> Tensor:
        return z.logsumexp(-1)

    def _grad(self, z: Tensor) -> Tensor:
        return z.softmax(-1)

    def _conjugate(self, y: Tensor) -> Tensor:
        rounding = beyond(y) - 1
        inside = (y >= -rounding).all(-1) & ((y.sum(-1) - 1).abs() <= rounding)
        clamped = y.clamp(min=0)
        return torch.where(inside, xlogy(clamped, clamped).sum(-1), math.inf)

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return y.log()

    def _project(self, y: Tensor) -> Tensor:
        return onto_simplex(y)

    def _gauge(self, y: Tensor) -> Tensor:
        return 1 - y

    def _lmo(self, z: Tensor) -> Tensor:
        return torch.zeros_like(z).scatter(-1, z.argmax(-1, keepdim=True), 1.0)
