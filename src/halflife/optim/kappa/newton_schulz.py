"""Newton–Schulz: the orthogonal factor of a matrix by products of matrices alone."""

from __future__ import annotations

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of x → ax + bx³ + cx⁵ (Keller Jordan's Muon, 2024): steep at 0, and about 1 over [0.7, 1.2]."""
STEPS = 5
OVERSHOOT = 1.2024
"""The largest value to which five steps carry a number of [0, 1]."""
SMALLEST = 1e-7
"""Norm below which a matrix is taken to have this one, as in `torch.optim.Muon`."""


def newton_schulz(z: Tensor) -> Tensor:
    """U diag(s) Vᵀ for z = U diag(σ) Vᵀ, shape [..., rows, columns], with s about 1.

    Singular values below a thousandth of ‖z‖_F come out at less than 0.5, zero stays zero. Computed
    in the dtype of z.
    """
    a, b, c = COEFFICIENTS
    tall = z.shape[-2] > z.shape[-1]
    x = z.reshape(-1, *z.shape[-2:])
    x = x.mT if tall else x
    x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp(min=SMALLEST)
    for _ in range(STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).reshape(z.shape)
