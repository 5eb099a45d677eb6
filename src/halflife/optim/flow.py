"""Lion-K in continuous time: the flow that its steps follow, and the energy that falls along it.

Signs are the paper's: the momentum m is an average of negative gradients. Knows nothing of
optimizers; `lyapunov` has the energy of discrete steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from halflife.optim.kappa import Kappa
from halflife.optim.lyapunov import fenchel_young_gap

TOLERANCE = 1e-10
"""Of the solver, relative and absolute."""


@dataclass(frozen=True)
class Flow:
    """The differential equation of Lion-K (arXiv 2310.05898).

        ṁ = −α∇f(x) − γm
        ẋ = ∇K(m + εṁ) − λx

    Along it the energy of `lyapunov` falls, and what it minimises is αf(x) + γ K*(λx)/λ.

    Attributes:
        K: The convex function.
        weight_decay: λ ≥ 0.
        alpha: α > 0.
        gamma: γ > 0, the friction: 1/γ is how long the momentum remembers.
        epsilon: ε ≥ 0, how far the momentum is looked ahead, εγ ≤ 1. It is not the step size.

    Raises:
        ValueError: A constant is out of its range.
    """

    K: Kappa
    weight_decay: float
    alpha: float = 1.0
    gamma: float = 1.0
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise ValueError(f"weight_decay must be finite and ≥ 0, got {self.weight_decay!r}.")
        for name in ("alpha", "gamma"):
            if not (math.isfinite(value := getattr(self, name)) and value > 0):
                raise ValueError(f"{name} must be finite and > 0, got {value!r}.")
        if not 0 <= self.epsilon * self.gamma <= 1 + 1e-12:
            raise ValueError(
                f"epsilon · gamma must lie in [0, 1], got {self.epsilon * self.gamma:g}: β₁ is 1 "
                "minus it."
            )

    @classmethod
    def of_steps(cls, K: Kappa, weight_decay: float, lr: float, betas: tuple[float, float]) -> Self:
        """The flow of which a step with these options is Euler's: α = γ = (1 − β₂)/η.

        And ε = η(1 − β₁)/(1 − β₂), ten steps for β = (0.9, 0.99).
        """
        gamma = (1 - betas[1]) / lr
        return cls(K, weight_decay, gamma, gamma, (1 - betas[0]) / gamma)

    def betas(self, lr: float) -> tuple[float, float]:
        """β₁ = 1 − εγ and β₂ = 1 − ηγ of Euler's step, which for α = γ is Lion-K's.

        Raises:
            ValueError: The step is longer than the momentum remembers.
        """
        if lr * self.gamma > 1:
            raise ValueError(
                f"lr · gamma is {lr * self.gamma:g}; β₂ is 1 minus it, so lower lr to "
                f"{1 / self.gamma:g} or less."
            )
        return max(0.0, 1 - self.epsilon * self.gamma), 1 - lr * self.gamma

    def velocity(self, x: Tensor, m: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """ẋ and ṁ; all of one shape."""
        force = -self.alpha * gradient - self.gamma * m
        return self.K.grad(m + self.epsilon * force) - self.weight_decay * x, force

    def objective(self, loss: Tensor, x: Tensor) -> Tensor:
        """αf(x) + γ K*(λx)/λ, a scalar."""
        if not self.weight_decay:
            return self.alpha * loss
        penalty = self.K.conjugate(self.weight_decay * x) / self.weight_decay
        return self.alpha * loss + self.gamma * penalty

    def lyapunov(self, loss: Tensor, x: Tensor, m: Tensor) -> Tensor:
        """H(x, m) = objective + c (K*(λx) + K(m) − λ⟨m, x⟩) with c = (1 − εγ)/(1 + ελ).

        Theorem 3.1. A scalar; inf where x breaks the constraint.
        """
        c = (1 - self.epsilon * self.gamma) / (1 + self.epsilon * self.weight_decay)
        return self.objective(loss, x) + c * fenchel_young_gap(self.K, x, m, self.weight_decay)

    def dissipation(self, x: Tensor, m: Tensor, gradient: Tensor) -> Tensor:
        """−dH/dt ≥ 0 along the flow, for smooth K, where K*(λx) is finite; a scalar.

            (λ + γ)/(1 + ελ) · ⟨m̃ − ∇K*(λx), ∇K(m̃) − λx⟩
            + (1 − εγ)/(ε(1 + ελ)) · ⟨m̃ − m, ∇K(m̃) − ∇K(m)⟩,    m̃ = m + εṁ

        The second part, which looking ahead adds, vanishes with ε.
        """
        y, e = self.weight_decay * x, self.epsilon
        velocity, force = self.velocity(x, m, gradient)
        ahead = m + e * force
        first = ((ahead - self.K.grad_conjugate(y)) * velocity).sum()
        rate = (self.weight_decay + self.gamma) * first
        if e:
            second = (force * (self.K.grad(ahead) - self.K.grad(m))).sum()
            rate = rate + (1 - e * self.gamma) * second
        return rate / (1 + e * self.weight_decay)

    def solve(
        self,
        gradient: Callable[[Tensor], Tensor],
        x: Tensor,
        m: Tensor,
        times: Sequence[float],
    ) -> tuple[Tensor, Tensor]:
        """Follow the flow: x and m at the times, by SciPy's Runge–Kutta method of order 8.

        Args:
            gradient: ∇f, from and to the shape of x.
            x: Start at time 0, any shape, float64.
            m: Likewise.
            times: Ascending, from 0.

        Returns:
            Two tensors of shape [times, *shape of x].

        Raises:
            ValueError: K is not smooth, so that this is no differential equation.
            RuntimeError: The solver gave up.
        """
        from scipy.integrate import solve_ivp

        if not self.K.smooth:
            raise ValueError(
                f"∇K of {self.K} jumps, and a solver needs it continuous; take a smooth K close "
                "to it, such as 'huber:e=…' for 'l1' or 'huber-norm:e=…' for 'l2'."
            )
        shape, size = x.shape, x.numel()

        def right_hand_side(_: float, state: Any) -> Any:
            at, momentum = torch.from_numpy(state).reshape(2, *shape)
            both = self.velocity(at, momentum, gradient(at))
            return np.concatenate([part.detach().numpy().ravel() for part in both])

        start = torch.cat([x.detach().reshape(-1), m.detach().reshape(-1)]).double().numpy()
        found = solve_ivp(
            right_hand_side,
            (0.0, float(times[-1])),
            start,
            method="DOP853",
            t_eval=np.asarray(times, dtype=float),
            rtol=TOLERANCE,
            atol=TOLERANCE,
        )
        if not found.success:
            raise RuntimeError(f"The flow could not be followed: {found.message}")
        path = torch.from_numpy(found.y.T.copy())
        return path[:, :size].reshape(-1, *shape), path[:, size:].reshape(-1, *shape)
