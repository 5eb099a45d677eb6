"""What the tests of kernels share: tensors to update, and how two results are compared."""

import copy

import pytest
import torch

from halflife.optim import eight_bit
from halflife.optim.kappa import get
from halflife.optim.slot import Slot, Slots, Update
from halflife.optim.update import update_each

F32, F64, BF16, I8 = torch.float32, torch.float64, torch.bfloat16, torch.int8
STORED = [(F32, F32), (F64, F64), (BF16, BF16), (BF16, F32)]
"""Weights and gradients that kernels take."""
AVERAGES = (F32, F64, BF16, I8)
OFTEN = {
    *((p, p, m, "nearest") for p in (F32, F64) for m in AVERAGES),
    (BF16, BF16, F32, "nearest"),
    (BF16, BF16, F32, "kahan"),
    (BF16, BF16, F64, "stochastic"),
    (BF16, BF16, BF16, "kahan"),
    (BF16, BF16, I8, "stochastic"),
    (BF16, F32, F32, "stochastic"),
    (BF16, F32, F64, "kahan"),
    (BF16, F32, BF16, "nearest"),
    (BF16, F32, BF16, "stochastic"),
    (BF16, F32, I8, "kahan"),
}
"""Kinds among which each two options meet; the other kinds are for the slow tests."""
KINDS = [
    pytest.param(*kind, marks=() if kind in OFTEN else pytest.mark.slow)
    for p, g in STORED
    for m in AVERAGES
    for rounding in (("nearest", "stochastic", "kahan") if p == BF16 else ("nearest",))
    for kind in [(p, g, m, rounding)]
]
K_KINDS = [
    (F32, F32, "nearest"),
    (F64, F64, "nearest"),
    pytest.param(BF16, I8, "stochastic", marks=pytest.mark.slow),  # ∇K is that of float32
]
"""Weights, average and rounding with which every K is tried."""
CURVED = ("arctan", "log-cosh", "power", "asinh", "symlog", "relativistic")
"""K whose step is not made of +, −, × and ÷ alone, which everybody rounds in the same way.

(√ has but one right rounding too, but PyTorch's, from MKL, is at times the other neighbour.)
"""
LENGTH = 0.01


def slot(shape, p=F32, g=F32, m=F32, rounding="nearest", *, number=0, device="cpu"):
    chance = torch.Generator().manual_seed(number)
    weights, gradient, average = (torch.randn(shape, generator=chance) for _ in range(3))
    gradient.mul_(torch.rand(shape, generator=chance) ** 4)
    still = torch.rand(shape, generator=chance) < 0.1
    gradient[still] = average[still] = 0.0  # these do not move
    scales = None
    if m == I8:
        average, scales = eight_bit.encode(average)
        scales = scales.to(device)
    else:
        average = average.to(m)
    lost = (torch.randn(shape, generator=chance) * 1e-4).to(p) if rounding == "kahan" else None
    return Slot(
        weights.to(p).to(device),
        gradient.to(g).to(device),
        average.to(device),
        m_scales=scales,
        lost=None if lost is None else lost.to(device),
        number=number,
    )


def how(K="l1", rounding="nearest", **other):
    numbers = {"beta1": 0.9, "beta2": 0.99, "keep": 1 - 0.01 * LENGTH, "length": LENGTH}
    return Update(get(K), **{**numbers, "rounding": rounding, "seed": 5, "step": 7, **other})


def columns(slots):
    return Slots(*([getattr(each, name) for each in slots] for name in Slots._fields))


def by_kernel(kernel, slots, update):
    """Update the slots by the kernel of `cpu` or `gpu`, kind by kind as `backends` does."""
    for alike in columns(slots).by_kind():
        kernel.update_fused(alike, update)


def unsuited(kernel, each, update):
    (reason,) = kernel.unsuited(columns([each]), update)
    return reason


def plain(slots, update):
    """The slots as plain torch leaves them; those given are not changed."""
    slots = copy.deepcopy(slots)
    update_each(columns(slots), update)
    return slots


def bits(tensor):
    """Integers that are equal where two floats are the same, the sign of 0 and NaN included."""
    whole = {2: torch.int16, 4: torch.int32, 8: torch.int64}.get(tensor.itemsize)
    if not tensor.is_floating_point():
        return tensor
    return torch.where(tensor.isnan(), torch.nan, tensor).view(whole)


def assert_same(ours, theirs, *, exact=True):
    """Bit for bit, or to rounding of the weights and to a few last places of the step."""
    for mine, other in zip(ours, theirs, strict=True):
        for name in ("g", "m", "m_scales", "lost", "p"):
            x, y = getattr(mine, name), getattr(other, name)
            if x is None:
                assert y is None
            elif exact or name not in ("p", "lost"):
                assert torch.equal(bits(x), bits(y)), name
            else:
                eps = torch.finfo(x.dtype).eps
                fine = torch.finfo(F64 if x.dtype == F64 else F32).eps
                torch.testing.assert_close(
                    x, y, rtol=eps, atol=16 * fine * LENGTH, equal_nan=True, msg=name
                )
