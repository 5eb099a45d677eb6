"""ℓp norms between ℓ1 and ℓ∞."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from halflife.optim.kappa.kappa import above_one, sign
from halflife.optim.kappa.vector import HALVINGS, Norm


class Lp(Norm, kind="lp"):
    """K = ‖z‖_p, ∇K = sign(z) (|z|/‖z‖_p)^(p−1) and 0 at 0, K* = 0 on ‖y‖_q ≤ 1, q = p/(p − 1).

    **Mind the dimension**: ‖∇K‖_q is 1 over the whole block, so an entry is about n^(−1/q), where
    a sign is 1. `scale="rms"` is ρ = n^(1/q), n the block's number of entries: then a flat z gives
    steps of ±1 as with ℓ1, and the constraint is (mean |xᵢ|^q)^(1/q) ≤ 1/λ.

    Attributes:
        p: The exponent, 1 < p < ∞; the ends are `l1` and `linf`.
    """

    p: float
    scales: ClassVar[tuple[str, ...]] = ("rms",)

    def __post_init__(self) -> None:
        if self.p in (1, math.inf):
            raise ValueError(f"p = {self.p} has a name of its own: 'l1' for 1, 'linf' for ∞.")
        self._keep(p=above_one("p", self.p))
        super().__post_init__()

    @property
    def q(self) -> float:
        """The dual exponent."""
        return self.p / (self.p - 1)

    def _rho(self, blocks: Tensor) -> float:
        if self.scale == "rms":
            return float(blocks.shape[-1] ** (1 / self.q))
        return super()._rho(blocks)

    def _value(self, z: Tensor) -> Tensor:
        return torch.linalg.vector_norm(z, self.p, dim=-1)

    def _grad(self, z: Tensor) -> Tensor:
        largest = z.abs().amax(-1, keepdim=True)
        r = z.abs() / torch.where(largest == 0, 1, largest)  # no power under- or overflows all
        norm = torch.linalg.vector_norm(r, self.p, dim=-1, keepdim=True)
        return sign(z) * (r / torch.where(norm == 0, 1, norm)).pow(self.p - 1)

    def _dual_norm(self, y: Tensor) -> Tensor:
        return torch.linalg.vector_norm(y, self.q, dim=-1)

    def _project(self, y: Tensor) -> Tensor:
        """Bisect for the multiplier μ with ‖u‖_q = 1, where u + μ q u^(q−1) = |y|."""
        a = y.abs()
        low = torch.zeros_like(a[..., :1])
        high = torch.ones_like(low)
        while (outside := self._dual_norm(self._shrunk(a, high)) > 1).any():
            high = torch.where(outside.unsqueeze(-1), 2 * high, high)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            outside = self._dual_norm(self._shrunk(a, middle)).unsqueeze(-1) > 1
            low, high = torch.where(outside, middle, low), torch.where(outside, high, middle)
        inside = self._dual_norm(y).unsqueeze(-1) <= 1
        return torch.where(inside, y, y.sign() * self._shrunk(a, high))

    def _shrunk(self, a: Tensor, multiplier: Tensor) -> Tensor:
        """The u of [0, a] with u + μ q u^(q−1) = a."""
        low, high = torch.zeros_like(a), a
        for _ in range(HALVINGS):
            u = (low + high) / 2
            above = u + multiplier * self.q * u.pow(self.q - 1) > a
            low, high = torch.where(above, low, u), torch.where(above, u, high)
        return (low + high) / 2
