"""Storing weights with fewer digits than the arithmetic has.

A weight in bfloat16 has 8 bits. Rounded to the nearest, decay of less than 2⁻⁹ of a weight and
steps of less than half its last bit are lost whole, and with them the constraint that they make.
"""

from __future__ import annotations

import torch
from torch import Tensor

from halflife.optim.philox import random_16

ROUNDINGS = ("nearest", "stochastic", "kahan")


def stochastic(x: Tensor, *, seed: int, step: int | Tensor, tensor: int) -> Tensor:
    """float32 to bfloat16, up or down with the odds that make the mean exact; shape kept.

    Adds 16 random bits below the last bit that stays, and cuts off (see `philox`).
    """
    noise = random_16(x.numel(), seed=seed, step=step, tensor=tensor, device=x.device)
    bits = x.contiguous().view(torch.int32) + noise.view(x.shape)
    return (bits & -0x10000).view(torch.float32).to(torch.bfloat16)


def kahan(x: Tensor, before: Tensor, lost: Tensor) -> tuple[Tensor, Tensor]:
    """The rounded sum, and what of it was lost, for the next one (Kahan 1965).

    Args:
        x: New value in float32, without what was lost before.
        before: The stored tensor, of the low dtype.
        lost: What earlier roundings lost, of the low dtype.
    """
    exact = x + lost.to(x.dtype)
    stored = exact.to(before.dtype)
    return stored, (exact - stored.to(x.dtype)).to(before.dtype)
