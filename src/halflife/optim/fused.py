"""What the kernels of `cpu` and `gpu` have in common: what they can update, and with which numbers.

Knows neither compiler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from halflife.optim import kappa
from halflife.optim.kappa import Kappa
from halflife.optim.slot import Number, Slot, Slots, Update

_CONSTANTS: dict[type[Kappa], Callable[[Any], tuple[float, ...]]] = {
    kappa.L1: lambda K: (),
    kappa.Asinh: lambda K: (),
    kappa.Quadratic: lambda K: (),
    kappa.Symlog: lambda K: (),
    kappa.Arctan: lambda K: (K.e,),
    kappa.DeadZone: lambda K: (K.e,),
    kappa.Elastic: lambda K: (K.e1, K.e2),
    kappa.Huber: lambda K: (K.e,),
    kappa.LogCosh: lambda K: (K.b,),
    kappa.Power: lambda K: (K.p - 1,),
    kappa.Relativistic: lambda K: (K.e**2,),
    kappa.Softsign: lambda K: (K.e,),
}
_PLAIN = {Tensor, Parameter}  # no subclass with memory of its own kind
_FLOATS = (torch.float32, torch.float64, torch.bfloat16)


def constants(K: Kappa) -> tuple[float, ...]:
    """The numbers in ∇K/ρ, two at most, for a K that has a kernel."""
    return _CONSTANTS[type(K)](K)


def factors(how: Update) -> tuple[Number, ...]:
    """The factors of gradient, averages (β₁, 1 − β₁, β₂, 1 − β₂), weights and step, in this order.

    A kernel adds the step: its factor is −`length`.
    """
    beta1, beta2 = how.beta1, how.beta2
    return how.gradient, beta1, 1 - beta1, beta2, 1 - beta2, how.keep, -how.length


def rounding(slots: Slots, how: Update) -> str:
    """Which of `rounding.ROUNDINGS` these weights are stored by, which are all of one kind."""
    if slots.p[0].dtype != torch.bfloat16:
        return "nearest"
    if slots.lost[0] is not None:
        return "kahan"
    return "stochastic" if how.rounding == "stochastic" else "nearest"


def unsuited(slots: Slots, how: Update) -> list[str]:
    """Why no kernel can update each of these, all of one kind; empty if that of its device can."""
    p, g, m = slots.p[0], slots.g[0], slots.m[0]
    reason = ""
    if type(how.K) not in _CONSTANTS:
        reason = f"there is no kernel for {how.K}"
    elif not p.device == g.device == m.device:
        reason = f"weights, gradient and average are on {p.device}, {g.device} and {m.device}"
    elif p.dtype not in _FLOATS or g.dtype not in _FLOATS:
        reason = f"there is no kernel for weights of {p.dtype} with gradients of {g.dtype}"
    elif m.dtype not in _FLOATS and m.dtype != torch.int8:
        reason = f"there is no kernel for an average of {m.dtype}"
    tensors = slots.p + slots.g + slots.m
    if reason or (
        set(map(type, tensors)) <= _PLAIN
        and all(map(Tensor.is_contiguous, tensors))
        and len({tuple(map(Tensor.numel, column)) for column in slots[:3]}) == 1
    ):
        return [reason] * len(slots.p)
    by_entry = slots.m_scales[0] is not None or rounding(slots, how) == "stochastic"
    return [_misplaced(slot, by_entry) for slot in slots.each()]


def _misplaced(slot: Slot, by_entry: bool) -> str:
    """Why entries do not lie side by side, or in order if they are updated `by_entry`; or empty."""
    p, g, m = slot.p, slot.g, slot.m
    if not {type(p), type(g), type(m)} <= _PLAIN:
        return f"tensors of the kind {type(p).__name__} are not plain memory"
    if not p.shape == g.shape == m.shape:
        return "weights, gradient and average have different shapes"
    if p.is_contiguous() and g.is_contiguous() and m.is_contiguous():
        return ""
    if p.stride() != g.stride() or p.stride() != m.stride():
        return "weights, gradient and average have different strides"
    if not torch.ops.aten.is_non_overlapping_and_dense(p):
        return "the weights are not dense in memory"
    if by_entry:
        return "blocks and random bits are those of a contiguous tensor, and this one is not"
    return ""


def probe(update_fused: Callable[[Slots, Update], None], device: str) -> None:
    """Update one weight, so that whatever is wrong with a kernel's compiler shows at once."""
    p, g, m = (torch.ones(1, device=device) for _ in range(3))
    slots = Slots([p], [g], [m], [None], [None], [0])
    update_fused(slots, Update(kappa.L1(), beta1=0.9, beta2=0.99, keep=1.0, length=0.5))
    if p.item() != 0.5:
        raise RuntimeError(f"1 − 0.5 came out as {p.item()}")
