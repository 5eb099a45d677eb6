"""The small problems of the paper `lion_k`, each with its loss and what else is known of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

LABEL_NOISE = 0.2
"""Part of the labels that are drawn at random, so that the loss has a minimum."""


class Logistic:
    """mean ln(1 + exp(−s a·x)) over rows a with signs s: convex and smooth, in float64.

    Attributes:
        rows: s·a, shape [n, 30].
        smoothness: The Lipschitz constant of the gradient, λmax(AᵀA/n)/4.
    """

    def __init__(self, seed: int) -> None:
        from dataclasses import replace

        import torch

        from halflife.workloads import get

        workload: Any = get("breast_cancer-logistic")
        inputs, targets = replace(workload, label_noise=LABEL_NOISE).problem(seed).train
        self.rows = inputs.double() * (2.0 * targets - 1).unsqueeze(1)
        gram = self.rows.T @ self.rows / len(self.rows)
        self.smoothness = float(torch.linalg.eigvalsh(gram)[-1]) / 4
        self.start = torch.zeros(self.rows.shape[1], dtype=torch.float64)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """The loss in nats."""
        from torch.nn.functional import softplus

        return softplus(-self.rows @ x).mean()

    def with_gradient(self, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Loss and gradient in NumPy, for SciPy."""
        import numpy as np
        from scipy.special import expit

        rows = self.rows.numpy()
        margins = rows @ x
        return float(np.logaddexp(0, -margins).mean()), -(expit(-margins) @ rows) / len(rows)


def minimum(f: Logistic, K: str, decay: float) -> float:
    """The least f(x) + K*(λx)/λ by SciPy's SLSQP, which knows nothing of Lion-K.

    Over p, n ≥ 0 with x = p − n, so that Σ|xᵢ| is Σ p + n.
    """
    import numpy as np
    from scipy.optimize import minimize

    from halflife.optim.kappa import get

    kappa: Any = get(K)
    kind, d, r = kappa.kind, f.rows.shape[1], 1 / decay
    box = kind in ("l1", "dead-zone", "huber", "relativistic", "top-k")

    def value(z: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        x = z[:d] - z[d:]
        loss, slope = f.with_gradient(x)
        gradient = np.concatenate([slope, -slope])
        if kind == "dead-zone":
            loss, gradient = loss + kappa.e * z.sum(), gradient + kappa.e
        elif kind == "huber":
            loss += kappa.e * decay / 2 * (x @ x)
            gradient += kappa.e * decay * np.concatenate([x, -x])
        elif kind == "relativistic":
            inner = np.sqrt(np.maximum(1 - (decay * x) ** 2, 1e-12))
            loss += kappa.e * float((1 - inner).sum()) / decay
            gradient += kappa.e * decay * np.concatenate([x / inner, -x / inner])
        return loss, gradient

    room: dict[str, Callable[[NDArray[np.float64]], float]] = {
        "l2": lambda z: 1 - decay**2 * float(((z[:d] - z[d:]) ** 2).sum()),
        "lp": lambda z: 1 - float((abs(decay * (z[:d] - z[d:])) ** kappa.q).sum()),
        "linf": lambda z: 1 - decay * float(z.sum()),
        "top-k": lambda z: 1 - decay * float(z.sum()) / kappa.k,
    }
    found = minimize(
        value,
        np.full(2 * d, 1e-3 * r / d),
        jac=True,
        method="SLSQP",
        bounds=[(0, r if box else None)] * (2 * d),
        constraints=[{"type": "ineq", "fun": room[kind]}] if kind in room else [],
        options={"ftol": 1e-13, "maxiter": 1000},
    )
    return float(found.fun)


def unconstrained(f: Logistic) -> tuple[float, NDArray[np.float64]]:
    """The minimum of f alone, and where it is."""
    from scipy.optimize import minimize

    found = minimize(f.with_gradient, f.start.numpy(), jac=True, method="BFGS")
    return float(found.fun), found.x


class Bowl:
    """(x₁ − c₁)² + a (x₂ − c₂)², about (x₁ − 1.5)² + x₂², and where a descent of it starts."""

    def __init__(self, seed: int) -> None:
        import torch

        rng = torch.Generator().manual_seed(seed)
        draw = torch.rand(5, generator=rng, dtype=torch.float64)
        self.centre = torch.stack([1.3 + 0.4 * draw[0], 0.4 * (draw[1] - 0.5)])
        self.weights = torch.stack([torch.ones_like(draw[2]), 0.5 + draw[2]])
        self.start = 4 * (draw[3:] - 0.5)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """The loss, a scalar."""
        return (self.weights * (x - self.centre).square()).sum()


def plane_minimum(f: Bowl, K: str, decay: float) -> float:
    """The least F by SciPy's search in x₁ and, for each, in x₂.

    F is convex, and so is its minimum over x₂; the sets of `PLANE_K` are symmetric in each weight.
    """
    import torch
    from scipy.optimize import bisect, minimize_scalar

    from halflife.optim.certificate import objective
    from halflife.optim.kappa import get

    kappa = get(K)

    def value(a: float, b: float) -> float:
        x = torch.tensor([a, b], dtype=torch.float64)
        return float(objective(kappa, f(x), x, decay))

    def reach(of: Callable[[float], float]) -> float:
        """The end of the interval from 0 on which `of` is finite."""
        found = bisect(lambda t: 1.0 if math.isfinite(of(t)) else -1.0, 0, 4 / decay, xtol=1e-12)
        return float(found) - 2e-12

    def least(of: Callable[[float], float]) -> float:
        end = reach(of)
        return float(minimize_scalar(of, bounds=(-end, end), options={"xatol": 1e-9}).fun)

    def best_over_second(a: float) -> float:
        return least(lambda b: value(a, b))

    end = reach(lambda a: value(a, 0.0))
    return float(minimize_scalar(best_over_second, bounds=(-end, end), options={"xatol": 1e-9}).fun)


class Regression:
    """½ mean ‖(W − W*) a‖² for rows a of 12 normal numbers, W and W* of shape [8, 12]."""

    def __init__(self, seed: int) -> None:
        import torch

        rng = torch.Generator().manual_seed(seed)
        self.teacher = torch.randn(8, 12, generator=rng, dtype=torch.float64) / 3
        rows = torch.randn(64, 12, generator=rng, dtype=torch.float64)
        self.gram = rows.T @ rows / len(rows)

    def __call__(self, weights: torch.Tensor) -> torch.Tensor:
        """The loss, a scalar."""
        off = weights - self.teacher
        return (off @ self.gram * off).sum() / 2
