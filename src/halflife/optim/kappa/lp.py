"""ℓp norms between ℓ1 and ℓ∞."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from halflife.optim.kappa.kappa import above_one, sign
from halflife.optim.kappa.vector import Norm

FAR, CLOSE, INNER = 12, 8, 10
"""Newton steps of the projection, to the last digits of float64."""


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
        """The multiplier μ with ‖u‖_q = 1, where u + μ q u^(q−1) = |y|, by Newton's method.

        From μ = ‖y‖_p/q, where the ball is reached at the latest. First for ln Σ u^q over ln μ,
        which is nearly straight far from the ball; then for Σ u^q over μ, which is so close to it.
        """
        a = y.abs()
        multiplier = torch.linalg.vector_norm(a, self.p, dim=-1, keepdim=True) / self.q
        for at in range(FAR + CLOSE):
            c = self.q * multiplier.clamp(min=torch.finfo(a.dtype).tiny)
            u = self._shrunk(a, c)
            w = u.pow(self.q - 1)
            # −dΣu^q/dμ; where u is 0 so is w, and the slope
            bend = c * (self.q - 1) * torch.where(u > 0, w / u, 0)
            slope = self.q**2 * (w.square() / (1 + bend)).sum(-1, keepdim=True)
            total = u.pow(self.q).sum(-1, keepdim=True)
            if at < FAR:
                after = multiplier * (total * total.log() / (slope * multiplier)).exp()
            else:
                after = multiplier + (total - 1) / slope
            multiplier = torch.where(after.isfinite(), after.clamp(min=0), multiplier)
        u = self._shrunk(a, self.q * multiplier.clamp(min=torch.finfo(a.dtype).tiny))
        u = u / self._dual_norm(u).unsqueeze(-1).clamp(min=1)
        inside = self._dual_norm(y).unsqueeze(-1) <= 1
        return torch.where(inside, y, y.sign() * u)

    def _shrunk(self, a: Tensor, c: Tensor) -> Tensor:
        """The u of [0, a] with u + c u^(q−1) = a.

        Newton's method, in u if q ≥ 2 and else in u^(q−1): the equation is convex in that, so from
        above it comes down to the root.
        """
        power = max(self.q - 1, self.p - 1)
        linear, curved = (1.0, c) if self.q >= 2 else (c, 1.0)
        v = torch.minimum(a / linear, (a / curved).pow(1 / power))
        for _ in range(INNER):
            excess = linear * v + curved * v.pow(power) - a
            v = v - excess / (linear + curved * power * v.pow(power - 1))
        v = v.clamp(min=0)
        return v if self.q >= 2 else v.pow(self.p - 1)
