"""A run of Lion-K on a function with full gradients, everything about it recorded.

For looking at, and for theory that speaks of full gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from halflife.optim.certificate import certificate
from halflife.optim.kappa import Kappa
from halflife.optim.lion_k import LionK
from halflife.optim.lyapunov import lyapunov


@dataclass(frozen=True)
class Descent:
    """What a run of T updates went through, from the start to the end: T + 1 points.

    Attributes:
        K: The convex function.
        options: The parameter group of the optimizer.
        x: The weights, shape [T + 1, *shape].
        m: The momentum in the paper's sign, an average of negative gradients; likewise.
        gradient: ∇f; likewise.
        loss: f, shape [T + 1].
        lr: Rates, shape [T].
    """

    K: Kappa
    options: dict[str, Any]
    x: Tensor
    m: Tensor
    gradient: Tensor
    loss: Tensor
    lr: Tensor

    @cached_property
    def lyapunov(self) -> Tensor:
        """H at each point with the rate of the step that follows, shape [T + 1]; inf outside."""
        rates = [*self.lr.tolist(), self.lr[-1].item()]
        values = [
            lyapunov(
                self.K,
                loss,
                x,
                m,
                self.options["weight_decay"],
                lr=lr,
                betas=self.options["betas"],
                implicit=self.options["decay"] == "implicit",
            )
            for loss, x, m, lr in zip(self.loss, self.x, self.m, rates, strict=True)
        ]
        return torch.stack(values)

    @cached_property
    def certificate(self) -> Tensor:
        """S at each point, shape [T + 1]; inf outside of the constraint."""
        decay = self.options["weight_decay"]
        values = [
            certificate(self.K, x, g, decay) for x, g in zip(self.x, self.gradient, strict=True)
        ]
        return torch.stack(values)


def descend(
    loss: Callable[[Tensor], Tensor],
    start: Tensor,
    *,
    lr: float | Sequence[float],
    updates: int | None = None,
    **options: Any,
) -> Descent:
    """Minimise a function with `LionK`.

    Args:
        loss: From weights to a scalar that can be differentiated.
        start: The first weights, any shape; float64 for theory. Not changed.
        lr: One rate, or one for each update.
        updates: Their number, if there is one rate.
        **options: Further ones of `LionK`.

    Raises:
        ValueError: Neither or both of a number of updates and rates for each are given.

    >>> centre = torch.tensor([1.5, 0.0], dtype=torch.float64)
    >>> run = descend(
    ...     lambda x: (x - centre).square().sum(),
    ...     torch.zeros(2, dtype=torch.float64),
    ...     lr=0.01,
    ...     updates=500,
    ...     weight_decay=1.0,
    ... )
    >>> run.x[-1, 0].item() > 0.98  # 1.5 is out of reach: |x| ≤ 1/λ
    True
    """
    if isinstance(lr, float | int) == (updates is None):
        raise ValueError(
            f"lr={lr!r} and updates={updates!r}: give one rate and a number of updates, or a rate "
            "for each update."
        )
    rates = [float(lr)] * (updates or 0) if isinstance(lr, float | int) else list(lr)
    p = torch.nn.Parameter(start.detach().clone())
    optimizer = LionK([p], lr=rates[0], **options)
    group = optimizer.param_groups[0]
    kept: dict[str, list[Tensor]] = {"x": [], "m": [], "gradient": [], "loss": []}
    for rate in [*rates, None]:
        optimizer.zero_grad()
        value = loss(p)
        (p.grad,) = torch.autograd.grad(value, p)
        average = optimizer.state[p]["exp_avg"] if p in optimizer.state else torch.zeros_like(p)
        for name, now in zip(kept, (p, -average, p.grad, value), strict=True):
            kept[name].append(now.detach().clone())
        if rate is not None:
            group["lr"] = rate
            optimizer.step()
    stacked = {name: torch.stack(values) for name, values in kept.items()}
    return Descent(group["K"], dict(group), **stacked, lr=torch.tensor(rates, dtype=torch.float64))
