"""Momentum in 8 bits an entry.

Blocks of 256 entries share one float32 scale, their largest size; an entry is stored as the signed
square root of its part of it, in steps of 1/127. Roots, because a momentum has many small entries
whose sign is what counts: with a linear code all below 1/254 of the largest would be 0.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

BLOCK = 256
STEPS = 127


def encode(x: Tensor) -> tuple[Tensor, Tensor]:
    """Code int8 of the shape of x, and scales float32 [blocks], for a float32 x.

    An entry x in a block with the largest size a comes back with an error of at most
    a (√(|x|/a)/127 + 1/4·127²).
    """
    blocks = pad(x.reshape(-1), (0, -x.numel() % BLOCK)).reshape(-1, BLOCK)
    scales = blocks.abs().amax(1)
    part = blocks / torch.where(scales == 0, 1, scales).unsqueeze(1)
    code = (part.sign() * part.abs().sqrt() * STEPS).round().to(torch.int8)
    return code.reshape(-1)[: x.numel()].reshape(x.shape), scales


def decode(code: Tensor, scales: Tensor) -> Tensor:
    """float32 of the code's shape."""
    flat = code.reshape(-1).to(torch.float32) / STEPS
    by_entry = scales.repeat_interleave(BLOCK)[: flat.numel()]
    return (flat.abs() * flat * by_entry).reshape(code.shape)
