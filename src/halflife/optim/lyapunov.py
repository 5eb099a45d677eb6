"""The energy that falls while Lion-K steps: the paper's discrete Lyapunov function.

Pure functions of tensors, in the paper's signs: the momentum m is an average of *negative*
gradients, minus what an optimizer keeps as `exp_avg`. The energy of continuous time stands in
`flow`. Knows nothing of optimizers.
"""

from __future__ import annotations

from torch import Tensor

from halflife.optim.certificate import objective
from halflife.optim.kappa import Kappa


def implicit_lr(lr: float, weight_decay: float) -> float:
    """The ϵ = η/(1 − ηλ) whose implicit step is the explicit one of η, for ηλ < 1.

    Implicit is x' = x + ϵ(∇K − λx'), explicit x' = x + η(∇K − λx).
    """
    if lr * weight_decay >= 1:
        raise ValueError(
            f"lr · weight_decay is {lr * weight_decay:g}, but an explicit step is an implicit one "
            "only below 1; lower one of them."
        )
    return lr / (1 - lr * weight_decay)


def explicit_lr(lr: float, weight_decay: float) -> float:
    """The η = ϵ/(1 + ϵλ) whose explicit step is the implicit one of ϵ."""
    return lr / (1 + lr * weight_decay)


def fenchel_young_gap(K: Kappa, x: Tensor, momentum: Tensor, weight_decay: float) -> Tensor:
    """K*(λx) + K(m) − λ⟨m, x⟩ ≥ 0, and 0 just where λx ∈ ∂K(m); a scalar, added over tensors."""
    y = weight_decay * x
    return K.conjugate(y) + K.value(momentum) - (y * momentum).sum()


def gap_weight(lr: float, betas: tuple[float, float], weight_decay: float) -> float:
    """ϵβ₁/D with D = ϵλ(1 − β₁) + 1 − β₂: the gap's weight in `lyapunov`, at an implicit lr."""
    beta1, beta2 = betas
    return lr * beta1 / (lr * weight_decay * (1 - beta1) + 1 - beta2)


def lyapunov(
    K: Kappa,
    loss: Tensor,
    x: Tensor,
    momentum: Tensor,
    weight_decay: float,
    *,
    lr: float,
    betas: tuple[float, float],
    implicit: bool = False,
) -> Tensor:
    """H(x, m) = f(x) + K*(λx)/λ + ϵβ₁/D · (K*(λx) + K(m) − λ⟨m, x⟩), D as in `gap_weight`.

    Theorem 4.1 of arXiv 2310.05898 in our constants. Never below `objective`, and equal to it
    where the momentum and the weights agree. It falls along the steps of full gradients but for a
    term of order ϵ², see `descent_bound`.

    Args:
        K: The convex function.
        loss: f(x), a scalar.
        x: The weights, any shape.
        momentum: m, shape of x: minus `exp_avg`.
        weight_decay: λ ≥ 0.
        lr: η of explicit decay, or ϵ of implicit decay.
        betas: β₁ and β₂.
        implicit: Which of the two.

    Returns:
        A scalar; inf where x breaks the constraint. Of several tensors: f plus the sum of the rest.
    """
    step = lr if implicit else implicit_lr(lr, weight_decay)
    gap = fenchel_young_gap(K, x, momentum, weight_decay)
    return objective(K, loss, x, weight_decay) + gap_weight(step, betas, weight_decay) * gap


def descent_bound(
    K: Kappa,
    x: Tensor,
    momentum: Tensor,
    read_out: Tensor,
    weight_decay: float,
    *,
    lr: float,
    betas: tuple[float, float],
    smoothness: float,
    implicit: bool = False,
) -> Tensor:
    """A bound of H(x', m') − H(x, m), the change of `lyapunov` in one step to x' and m'.

        −ϵ (a Δ₁ + b Δ₂) + Lϵ²/2 · ‖V‖²,   V = ∇K(m̃) − λx'
        Δ₁ = ⟨V, m̃ − y⟩ ≥ 0 with y ∈ ∂K*(λx'),   Δ₂ = ⟨∇K(m̃) − ∇K(m'), m̃ − m'⟩ ≥ 0
        a = (ϵλ + 1 − β₂)/D,   b = β₁(1 − β₂)/((β₂ − β₁) D)

    K need not be smooth. If β₁ > β₂, b is negative, and the bound says little; if they are equal,
    m̃ = m' and Δ₂ is left out.

    Args:
        K: The convex function.
        x: x', the weights after the step, where K*(λx') is finite.
        momentum: m', the momentum after the step.
        read_out: m̃ = β₁m − (1 − β₁)∇f(x), which made the step.
        weight_decay: As for `lyapunov`.
        lr: Likewise.
        betas: Likewise.
        smoothness: L, a Lipschitz constant of ∇f.
        implicit: As for `lyapunov`.
    """
    beta1, beta2 = betas
    step = lr if implicit else implicit_lr(lr, weight_decay)
    d = step * weight_decay * (1 - beta1) + 1 - beta2
    u = K.grad(read_out)
    velocity = u - weight_decay * x
    y = K.grad_conjugate(weight_decay * x)
    rate = (step * weight_decay + 1 - beta2) / d * _dot(velocity, read_out - y)
    if beta1 != beta2:
        delta2 = _dot(u - K.grad(momentum), read_out - momentum)
        rate = rate + beta1 * (1 - beta2) / ((beta2 - beta1) * d) * delta2
    return -step * rate + smoothness * step**2 / 2 * velocity.square().sum()


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum()
