"""How far weights are from solving the problem that a Lion-K with weight decay solves.

Pure functions of tensors. Knows nothing of optimizers.
"""

from __future__ import annotations

from torch import Tensor

from halflife.optim.kappa import Kappa


def objective(K: Kappa, loss: Tensor, x: Tensor, weight_decay: float) -> Tensor:
    """F(x) = f(x) + K*(λx)/λ, what Lion-K minimises (arXiv 2310.05898, abstract); f if λ is 0.

    Args:
        K: The convex function.
        loss: f(x), a scalar.
        x: The weights, any shape.
        weight_decay: λ ≥ 0.

    Returns:
        A scalar; inf where x breaks the constraint. Of several tensors: f plus the sum of the rest.
    """
    return loss + K.conjugate(weight_decay * x) / weight_decay if weight_decay else loss


def certificate(K: Kappa, x: Tensor, gradient: Tensor, weight_decay: float) -> Tensor:
    """S(x) = K(−∇f(x)) + K*(λx) + λ⟨x, ∇f(x)⟩ ≥ 0, and 0 just where x is stationary for F.

    That is the Fenchel–Young inequality: S = 0 says λx ∈ ∂K(−∇f(x)). If f is convex, S certifies
    how good x is without anything else being known: F(x) − min F ≤ S(x)/λ, the gap of Frank–Wolfe
    for K* an indicator (Jaggi 2013). For Lion S = ‖∇f‖₁ + λ⟨x, ∇f⟩ in the box, and for Muon the KKT
    score of arXiv 2506.15054.

    Args:
        K: The convex function.
        x: The weights, any shape; best in float64, as the terms cancel.
        gradient: ∇f(x), of all data, shape of x.
        weight_decay: λ ≥ 0.

    Returns:
        A scalar; inf where x breaks the constraint: for rounded weights take `K.project(λx)/λ`.
        Of several tensors the S are added.
    """
    y = weight_decay * x
    return K.value(-gradient) + K.conjugate(y) + (y * gradient).sum()
