"""The sum of the k largest entries."""

from __future__ import annotations

import torch
from torch import Tensor

from halflife.optim.kappa.kappa import sign
from halflife.optim.kappa.vector import HALVINGS, Norm


class TopK(Norm, kind="top-k"):
    """K = Σ of the k largest |zᵢ|; ∇K = sign(z) on these and else 0; K* = 0 on ‖y‖∞ ≤ 1, ‖y‖₁ ≤ k.

    Of equal entries the first count, so that always k entries move (fewer if there are zeros).
    A block with fewer than k entries has the ℓ1 norm.

    Attributes:
        k: How many, at least 1; 1 is `linf`.
    """

    k: int

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or self.k != int(self.k) or self.k < 1:
            raise ValueError(f"k must be a whole number from 1, got {self.k!r}.")
        self._keep(k=int(self.k))
        super().__post_init__()

    def _order(self, z: Tensor) -> Tensor:
        return z.abs().argsort(dim=-1, descending=True, stable=True)[..., : self.k]

    def _value(self, z: Tensor) -> Tensor:
        return z.abs().gather(-1, self._order(z)).sum(-1)

    def _grad(self, z: Tensor) -> Tensor:
        at = self._order(z)
        return torch.zeros_like(z).scatter(-1, at, sign(z.gather(-1, at)))

    def _dual_norm(self, y: Tensor) -> Tensor:
        a = y.abs()
        return torch.maximum(a.amax(-1), a.sum(-1) / self.k)

    def _project(self, y: Tensor) -> Tensor:
        """Clip |y| − τ to [0, 1], with the least τ ≥ 0 that leaves a sum of at most k: bisect."""
        a = y.abs()
        low, high = torch.zeros_like(a[..., :1]), a.amax(-1, keepdim=True)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            outside = (a - middle).clamp(0, 1).sum(-1, keepdim=True) > self.k
            low, high = torch.where(outside, middle, low), torch.where(outside, high, middle)
        inside = a.clamp(max=1).sum(-1, keepdim=True) <= self.k
        return y.sign() * (a - torch.where(inside, 0, high)).clamp(0, 1)
