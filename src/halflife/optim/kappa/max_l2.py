"""The largest of the Euclidean norms of groups."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from halflife.optim.kappa.kappa import beyond
from halflife.optim.kappa.vector import Vector, onto_l1_ball, rows_of


class MaxL2(Vector, kind="max-l2"):
    """K = max_g ‖z_g‖₂, ∇K = z_g/‖z_g‖₂ for the first g with the largest norm and else 0.

    K* = 0 on Σ_g ‖y_g‖₂ ≤ 1. One group of a tensor moves in a step. The block is always the
    whole tensor.

    Attributes:
        groups: What the groups are: "row", "column" or a whole number of groups of rows.
    """

    groups: str | int = "row"
    homogeneous: ClassVar[bool] = True
    smooth: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.block != "tensor":
            raise ValueError(
                f"max-l2 takes whole tensors, got block={self.block!r}; "
                "name the groups inside it by groups=…"
            )
        if self.groups == "tensor":
            raise ValueError("groups='tensor' is one group, so K is 'l2'; use that.")
        super().__post_init__()

    def _split(self, z: Tensor) -> Tensor:
        return rows_of(z, self.groups)

    def _join(self, blocks: Tensor, like: Tensor) -> Tensor:
        return (blocks.T if self.groups == "column" else blocks).reshape(like.shape)

    def _norms(self, z: Tensor) -> Tensor:
        return torch.linalg.vector_norm(z, dim=-1)

    def _value(self, z: Tensor) -> Tensor:
        return self._norms(z).amax()

    def _grad(self, z: Tensor) -> Tensor:
        norms = self._norms(z)
        at = norms.argmax(0, keepdim=True)
        largest = norms[at].unsqueeze(-1)
        unit = z[at] / torch.where(largest == 0, 1, largest)
        return torch.zeros_like(z).index_copy(0, at, unit)

    def _conjugate(self, y: Tensor) -> Tensor:
        total = self._norms(y).sum()
        return torch.where(total <= beyond(y), torch.zeros_like(total), torch.inf)

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return torch.zeros_like(y)

    def _project(self, y: Tensor) -> Tensor:
        norms = self._norms(y)
        factor: Any = onto_l1_ball(norms) / torch.where(norms == 0, 1, norms)
        return y * factor.unsqueeze(-1)

    def _gauge(self, y: Tensor) -> Tensor:
        return self._norms(y).sum()

    def _lmo(self, z: Tensor) -> Tensor:
        return self._grad(z)
