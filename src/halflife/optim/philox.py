"""Random bits that depend on nothing but where they are used.

Philox4x32-10 (Salmon et al., SC 2011) is a bijection of a counter under a key. Here the key is
(seed, step), the counter (entry // 8, tensor), and its 4 × 32 bits are cut into the 8 × 16 that
eight neighbouring entries of a tensor take. So rounding is the same on every backend and for any
number of threads, and a run that was resumed rounds as one that was not.

This is the form in whole tensors; the kernels have their own, tested against it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
WORD = 0xFFFFFFFF


def philox(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[Any, Any]) -> list[Tensor]:
    """Four words of 32 bits for each counter: int64 tensors with values below 2³²."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        high0, low0 = _multiply(c0, MULTIPLIERS[0])
        high1, low1 = _multiply(c2, MULTIPLIERS[1])
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + WEYL[0]) & WORD, (k1 + WEYL[1]) & WORD
    return [c0, c1, c2, c3]


def _multiply(a: Tensor, b: int) -> tuple[Tensor, Tensor]:
    """High and low word of a product of words, by halves, as int64 holds no 64 unsigned bits."""
    low_half = (a & 0xFFFF) * b
    high_half = (a >> 16) * b
    low = (low_half + ((high_half & 0xFFFF) << 16)) & WORD
    high = (high_half + (low_half >> 16)) >> 16
    return high, low


def random_16(
    count: int, *, seed: int, step: int | Tensor, tensor: int, device: torch.device
) -> Tensor:
    """16 random bits for each of the entries 0 to `count` − 1 of a tensor: int32, shape [count].

    Args:
        count: Number of entries.
        seed: Chosen by the user; its lowest 32 bits count.
        step: Number of updates made before, likewise; a tensor if a device counts them.
        tensor: Number of the tensor among those of the optimizer.
        device: Where to compute.
    """
    at = torch.arange(-(-count // 8), device=device)
    zero = torch.zeros_like(at)
    words = philox((at & WORD, at >> 32, zero + tensor, zero), (seed & WORD, step & WORD))
    halves = [half for word in words for half in (word & 0xFFFF, word >> 16)]
    return torch.stack(halves, dim=1).reshape(-1)[:count].to(torch.int32)
