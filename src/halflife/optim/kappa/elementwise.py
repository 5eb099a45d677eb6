"""K that are sums of one function over the entries."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from halflife.optim.kappa.kappa import Kappa, beyond


class Elementwise(Kappa):
    """K(z) = Σᵢ k(zᵢ), k even and convex with k(0) = 0.

    A leaf writes `_value`, `_grad`, `_inside` (k* where it is finite) and `_grad_conjugate`, entry
    by entry. If the slope of k is at most 1, which `bounded` says, k* is infinite beyond ±1.
    """

    elementwise: ClassVar[bool] = True

    def _split(self, z: Tensor) -> Tensor:
        return z

    def _join(self, blocks: Tensor, like: Tensor) -> Tensor:
        del like
        return blocks

    @abstractmethod
    def _inside(self, y: Tensor) -> Tensor:
        """k* of each entry of its domain."""

    def _conjugate(self, y: Tensor) -> Tensor:
        if not self.bounded:
            return self._inside(y)
        inside = self._inside(y.clamp(-1, 1))
        return torch.where(y.abs() <= beyond(y), inside, math.inf)

    def _project(self, y: Tensor) -> Tensor:
        return y.clamp(-1, 1) if self.bounded else y

    def _gauge(self, y: Tensor) -> Tensor:
        return y.abs() if self.bounded else torch.zeros_like(y)

    def _lmo(self, z: Tensor) -> Tensor:
        return z.sign()
