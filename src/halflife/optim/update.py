"""The update in plain torch operations: for any K, device and dtype.

One group at a time. Knows nothing of how groups are made, kept or chosen a backend for.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from halflife.optim import eight_bit, rounding
from halflife.optim.distributed import on_whole
from halflife.optim.kappa import Kappa
from halflife.optim.slot import Slot, Slots, Update


def coefficients(lr: Any, weight_decay: float, *, implicit: bool) -> tuple[Any, Any]:
    """`keep` and `length` of an update x ← keep · x − length · ∇K.

    Explicit decay, x ← x − η(∇K + λx), has keep 1 − ηλ and length η. Implicit decay,
    x' = x − η(∇K + λx'), has keep 1/(1 + ηλ) and length η/(1 + ηλ). In float64 if lr is a float:
    1 − ηλ is coarse in float32.
    """
    if implicit:
        keep = 1 / (1 + lr * weight_decay)
        return keep, lr * keep
    return 1 - lr * weight_decay, lr


def update_each(slots: Slots, how: Update) -> None:
    """Update tensor by tensor."""
    for slot in slots.each():
        _update(slot, how)


def _update(slot: Slot, how: Update) -> None:
    p = slot.p
    wide = torch.float32 if p.dtype in (torch.bfloat16, torch.float16) else p.dtype
    g = slot.g.to(wide)
    if isinstance(how.gradient, Tensor) or how.gradient != 1:
        g = g * how.gradient
    if slot.m_scales is not None:
        m = eight_bit.decode(slot.m, slot.m_scales).to(wide)
    else:
        m = slot.m.to(wide)
    u = _direction(how.K, (m * how.beta1).add_(g, alpha=1 - how.beta1))
    m = m.mul_(how.beta2) if m is slot.m else m * how.beta2
    m.add_(g, alpha=1 - how.beta2)
    if slot.m_scales is not None:
        code, scales = eight_bit.encode(m.to(torch.float32))
        slot.m.copy_(code)
        slot.m_scales.copy_(scales)
    elif m is not slot.m:
        slot.m.copy_(m)
    x = p.mul_(how.keep) if wide == p.dtype else p.to(wide).mul_(how.keep)
    if isinstance(how.length, Tensor):
        x.sub_(u * how.length)
    else:
        x.add_(u, alpha=-how.length)
    if x is p:
        return
    if slot.lost is not None:
        stored, lost = rounding.kahan(x, p, slot.lost)
        p.copy_(stored)
        slot.lost.copy_(lost)
    elif how.rounding == "stochastic":
        p.copy_(rounding.stochastic(x, seed=how.seed, step=how.step, tensor=slot.number))
    else:
        p.copy_(x)


def update_together(slots: Slots, how: Update) -> None:
    """Update all tensors by operations on lists of them, which saves launches on a GPU.

    For plain floating state and weights stored to the nearest, all of one dtype and device.
    """
    p, m = slots.p, slots.m
    g: Any = slots.g
    if isinstance(how.gradient, Tensor) or how.gradient != 1:
        g = torch._foreach_mul(g, how.gradient)
    c = torch._foreach_mul(m, how.beta1)
    torch._foreach_add_(c, g, alpha=1 - how.beta1)
    torch._foreach_mul_(m, how.beta2)
    torch._foreach_add_(m, g, alpha=1 - how.beta2)
    u = [_direction(how.K, each) for each in c]
    torch._foreach_mul_(p, how.keep)
    if isinstance(how.length, Tensor):
        torch._foreach_sub_(p, torch._foreach_mul(u, how.length))
    else:
        torch._foreach_add_(p, u, alpha=-how.length)


def _direction(K: Kappa, c: Tensor) -> Tensor:
    """The u of x ← keep · x − length · u: c is an average of gradients, the paper's m is −c."""
    if K.elementwise:
        return K.grad(c)
    return on_whole(K.grad if K.even else lambda whole: -K.grad(-whole), c)
