"""The weights of a group beside their constraint, one parameter at a time.

Knows groups and states of `LionK`, and what a parameter adds to each diagnostic; sums and answers
stand in `diagnostics`. Nothing here waits for the device if K is a sum over entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from halflife.optim import eight_bit
from halflife.optim.certificate import certificate, objective
from halflife.optim.distributed import is_sharded
from halflife.optim.kappa import Kappa
from halflife.optim.lyapunov import implicit_lr, lyapunov

INSIDE = 1e-3
"""What counts as inside, as a part of 1, where nearness is enough: weights that began outside come
as near as one likes, but rounding apart they do not arrive."""
WIDEST = 0.01
"""The border is never taken to be wider than this part of 1, however small a step is."""

ENDLESS = 1e30
"""ϵλ for ηλ = 1."""


def whole(t: Tensor) -> Tensor:
    """A tensor with all its shards."""
    return cast("Any", t).full_tensor() if is_sharded(t) else t


def read(t: Tensor) -> Tensor:
    """A tensor as K sees it: real, whole, in float64 (float32 where there is none), no history.

    A DTensor is gathered, so all its ranks must come here.
    """
    t = whole(t.detach())
    if t.is_complex():
        t = torch.view_as_real(t)
    return t.to(torch.float32 if t.device.type == "mps" else torch.float64)


def shape_of(p: Tensor) -> Tensor:
    """A tensor without memory of the shape that `read` gives."""
    return torch.empty((*p.shape, 2) if p.is_complex() else tuple(p.shape), device="meta")


def constrained(group: Mapping[str, Any]) -> bool:
    """Whether the group's weights have a border at all."""
    return bool(group["K"].bounded and group["weight_decay"] > 0)


def base_lr(group: Mapping[str, Any]) -> float:
    """The rate that schedules multiply: what the group began with."""
    return float(group.get("initial_lr", group["lr"]))


def decay_per_step(group: Mapping[str, Any]) -> float:
    """ηλ at the base rate, or now if that is larger."""
    return max(float(group["lr"]), base_lr(group)) * float(group["weight_decay"])


def rounding_tolerance(group: Mapping[str, Any], dtype: torch.dtype) -> float:
    """How far beyond the border rounding alone may hold a weight, as a part of 1.

    A step rounds by up to half a last bit u and decay takes back a part ηλ of it, so weights
    settle within u/ηλ of the border. Twice that, as a step rounds twice; and one last bit more for
    weights of 16 bits, whose arithmetic is float32.
    """
    narrow = dtype in (torch.bfloat16, torch.float16)
    unit = torch.finfo(torch.float32 if narrow else dtype).eps / 2
    rate = decay_per_step(group)
    settled = min(2 * unit / rate, WIDEST) if rate else WIDEST
    return settled + (torch.finfo(dtype).eps if narrow else 0.0)


@dataclass(frozen=True)
class Weights:
    """A parameter beside its border.

    Attributes:
        p: The parameter.
        group: Its group.
        K: The group's convex function.
        y: λ times its weights as `read`.
        near: The point of the domain of K* nearest y.
        gauge: `Kappa.gauge` of y.
        tolerance: How far beyond the border is still inside, as a part of 1.
    """

    p: Tensor
    group: Mapping[str, Any]
    K: Kappa
    y: Tensor
    near: Tensor
    gauge: Tensor
    tolerance: float

    @property
    def weight_decay(self) -> float:
        """λ."""
        return float(self.group["weight_decay"])

    def distance(self) -> Tensor:
        """‖y − near‖₂."""
        return torch.linalg.vector_norm(self.y - self.near)

    def beyond_reach(self) -> Tensor:
        """The distance to the set that steps hold weights in: wider than the domain, if inexact."""
        if (o := self.K.overshoot) == 1 or not constrained(self.group):
            return self.distance()
        return torch.linalg.vector_norm(self.y - o * self.K.project(self.y / o))

    def largest(self) -> Tensor:
        """The largest gauge."""
        return self.gauge.amax()

    def inside(self) -> Tensor:
        """Whether y lies in the domain of K*, but for the tolerance.

        The distance is asked too, for domains with parts that no gauge sees.
        """
        size = torch.linalg.vector_norm(self.near).clamp(min=1)
        near = self.distance() <= 2 * self.tolerance * size
        return (self.largest() <= 1 + self.tolerance) & near

    def saturated(self) -> Tensor:
        """How many entries lie on the border: within one step's decay of it, or beyond.

        A step's decay may be all of a weight, as in the first ones of Frank–Wolfe; 1 % is the most.
        """
        step = min(decay_per_step(self.group), WIDEST)
        width = step + rounding_tolerance(self.group, self.p.dtype)
        return (self.gauge >= 1 - width).to(self.y.dtype).mean() * self.y.numel()

    def feasible(self) -> Tensor:
        """The weights, brought inside if they are not."""
        return self.near / self.weight_decay if self.weight_decay else read(self.p)

    def penalty(self) -> Tensor:
        """K*(λx)/λ; inf outside."""
        nothing = self.y.new_zeros(())
        return self._if_inside(objective(self.K, nothing, self.feasible(), self.weight_decay))

    def energy(self, momentum: Tensor) -> Tensor:
        """What this parameter adds to f in `lyapunov`, for the paper's momentum; inf outside."""
        lr = float(self.group["lr"])
        if self.group["decay"] == "explicit":
            whole = lr * self.weight_decay >= 1  # Frank–Wolfe's first step: ϵ → ∞
            lr = ENDLESS / self.weight_decay if whole else implicit_lr(lr, self.weight_decay)
        nothing = self.y.new_zeros(())
        return self._if_inside(
            lyapunov(
                self.K,
                nothing,
                self.feasible(),
                momentum,
                self.weight_decay,
                lr=lr,
                betas=self.group["betas"],
                implicit=True,
            )
        )

    def certificate(self, gradient: Tensor) -> Tensor:
        """S for this gradient of what is minimised; inf outside."""
        s = certificate(self.K, self.feasible(), gradient, self.weight_decay)
        return self._if_inside(s)

    def gradient(self) -> Tensor:
        """That of what is minimised."""
        if self.p.grad is None or self.p.grad.is_sparse:
            raise RuntimeError("There is no dense gradient; call backward() first.")
        g = read(self.p.grad)
        return -g if self.group["maximize"] else g

    def momentum(self, state: Mapping[str, Any]) -> Tensor:
        """The paper's m, minus the average of gradients; zeros before the first update."""
        if "exp_avg" not in state:
            return torch.zeros_like(self.y)
        average = state["exp_avg"]
        if "exp_avg_scales" in state:
            average = eight_bit.decode(average, state["exp_avg_scales"])
        return -read(average)

    def _if_inside(self, value: Tensor) -> Tensor:
        return torch.where(self.inside(), value, torch.inf) if constrained(self.group) else value


def weights_of(group: Mapping[str, Any], tolerance: float = 0.0) -> Iterator[Weights]:
    """Each parameter of a group that is not empty.

    The least tolerance is what rounding does, and what a K whose steps are inexact oversteps.
    """
    K: Kappa = group["K"]
    for p in group["params"]:
        if p.numel() == 0:
            continue
        y = group["weight_decay"] * read(p)
        near, gauge = y, torch.zeros_like(y)
        if constrained(group):
            gauge = K.gauge(y)
            # Some projections are thousands of passes: it is worth a look whether there is need
            if K.elementwise or not K.even or bool(gauge.amax() > 1):
                near = K.project(y)
        least = rounding_tolerance(group, p.dtype) + K.overshoot - 1
        yield Weights(p, group, K, y, near, gauge, max(tolerance, least))
