"""A quadratic form: preconditioned SGD with momentum."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from halflife.optim.kappa.vector import Vector


class QuadraticForm(Vector, kind="quadratic-form"):
    """K = ½ zᵀPz, ∇K = Pz, K* = ½ yᵀP⁻¹y: a fixed preconditioner, no constraint.

    Attributes:
        P: Symmetric positive definite matrix, n × n for blocks of n entries; anything that can be
            made a list of rows.
    """

    P: Any
    bounded: ClassVar[bool] = False

    def __post_init__(self) -> None:
        matrix = torch.as_tensor(self.P, dtype=torch.float64)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"P must be a square matrix, got the shape {tuple(matrix.shape)}.")
        if not torch.allclose(matrix, matrix.T) or not bool(
            (torch.linalg.eigvalsh(matrix) > 0).all()
        ):
            raise ValueError("P must be symmetric with eigenvalues above 0, or K is not convex.")
        self._keep(P=tuple(map(tuple, matrix.tolist())))
        super().__post_init__()

    def _matrix(self, z: Tensor) -> Tensor:
        matrix = torch.tensor(self.P, dtype=z.dtype, device=z.device)
        if len(matrix) != z.shape[-1]:
            raise ValueError(
                f"P is {len(matrix)} × {len(matrix)}, but a block has {z.shape[-1]} entries; "
                "choose another P or another block."
            )
        return matrix

    def _value(self, z: Tensor) -> Tensor:
        return (z @ self._matrix(z) * z).sum(-1) / 2

    def _grad(self, z: Tensor) -> Tensor:
        return z @ self._matrix(z)

    def _conjugate(self, y: Tensor) -> Tensor:
        return (self._grad_conjugate(y) * y).sum(-1) / 2

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return torch.linalg.solve(self._matrix(y), y.T).T

    def _project(self, y: Tensor) -> Tensor:
        return y

    def _gauge(self, y: Tensor) -> Tensor:
        return torch.zeros_like(y[..., 0])

    def _lmo(self, z: Tensor) -> Tensor:
        raise AssertionError("not bounded")
