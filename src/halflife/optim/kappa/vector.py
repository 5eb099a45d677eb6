"""K of vectors: blocks are flattened, and an answer depends on the block as a whole."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from halflife.optim.kappa.kappa import Kappa, beyond

HALVINGS = 60
"""Bisections of a projection without a closed form: to the last digit of float64."""


def rows_of(z: Tensor, block: str | int) -> Tensor:
    """The blocks of a tensor as rows, shape [blocks, entries]."""
    if block == "tensor":
        return z.reshape(1, -1)
    rows = z.reshape(z.shape[0] if z.ndim else 1, -1)
    if block == "row":
        return rows
    if block == "column":
        return rows.T
    groups = int(block)
    if rows.shape[0] % groups:
        raise ValueError(
            f"block={groups} makes that many groups of rows, but a tensor of shape "
            f"{tuple(z.shape)} has {rows.shape[0]} rows; choose a divisor of it."
        )
    return rows.reshape(groups, -1)


class Vector(Kappa):
    """K of a vector, computed for all blocks at once: shape [blocks, entries]."""

    def _split(self, z: Tensor) -> Tensor:
        return rows_of(z, self.block)

    def _join(self, blocks: Tensor, like: Tensor) -> Tensor:
        return (blocks.T if self.block == "column" else blocks).reshape(like.shape)


class Norm(Vector):
    """K = ‖z‖ for a norm, with its dual norm ‖y‖* = max ⟨z, y⟩ over ‖z‖ ≤ 1: K* is 0 on ‖y‖* ≤ 1.

    ∇K is a point of the dual ball that lies furthest along z, so it is the oracle too.
    """

    homogeneous: ClassVar[bool] = True
    smooth: ClassVar[bool] = False  # a kink at 0

    @abstractmethod
    def _dual_norm(self, y: Tensor) -> Tensor:
        """‖y‖* of each block."""

    def _conjugate(self, y: Tensor) -> Tensor:
        inside = self._dual_norm(y) <= beyond(y)
        return torch.zeros_like(y[..., 0]).masked_fill(~inside, torch.inf)

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return torch.zeros_like(y)

    def _gauge(self, y: Tensor) -> Tensor:
        return self._dual_norm(y)

    def _lmo(self, z: Tensor) -> Tensor:
        return self._grad(z)


def onto_simplex(y: Tensor) -> Tensor:
    """The nearest point with entries ≥ 0 and sum 1 along the last dimension (Held et al. 1974)."""
    ordered = y.sort(dim=-1, descending=True).values
    excess = ordered.cumsum(-1) - 1
    count = torch.arange(1, y.shape[-1] + 1, device=y.device, dtype=y.dtype)
    last = (ordered * count > excess).sum(-1, keepdim=True).clamp(min=1) - 1
    return (y - excess.gather(-1, last) / (last + 1)).clamp(min=0)


def onto_l1_ball(y: Tensor) -> Tensor:
    """The nearest point with Σ|yᵢ| ≤ 1 along the last dimension."""
    inside = y.abs().sum(-1, keepdim=True) <= 1
    return torch.where(inside, y, y.sign() * onto_simplex(y.abs()))


def onto_l2_ball(y: Tensor) -> Tensor:
    """The nearest point with ‖y‖₂ ≤ 1 along the last dimension."""
    return y / torch.linalg.vector_norm(y, dim=-1, keepdim=True).clamp(min=1)
