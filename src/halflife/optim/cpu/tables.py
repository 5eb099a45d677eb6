"""From tensors to the tables of addresses that the kernel walks."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from halflife.optim import fused, philox
from halflife.optim.cpu import functions
from halflife.optim.cpu.kernel import (
    TILE,
    Bfloat16,
    EightBit,
    Factors,
    Float32,
    Float64,
    Kahan,
    Nearest,
    Stochastic,
    run,
)
from halflife.optim.slot import Slots, Update
from halflife.threads import Edges

STORED = {
    torch.float32: Float32,
    torch.float64: Float64,
    torch.bfloat16: Bfloat16,
    torch.int8: EightBit,
}

_Numbers = np.ndarray[Any, np.dtype[np.int64]]

SHARE = 1 << 16
"""Entries that a thread must have to be worth waking."""


def update_fused(slots: Slots, how: Update) -> None:
    """Update tensors of one kind that are not `unsuited`.

    An entry's result depends on nothing but that entry (or its block of 8-bit codes), so any number
    of threads gives the same bits.
    """
    if how.found_inf is not None and how.found_inf.item():
        return
    p, g, m = (STORED[column[0].dtype] for column in slots[:3])
    real = np.float64 if p is Float64 else np.float32
    K = functions.OF[type(how.K)](*map(real, (how.K.scale, *fused.constants(how.K))))
    factors = Factors(*map(real, fused.factors(how)))
    weights, gradients, averages = (_addresses(column) for column in slots[:3])
    counts, first, edges, threads = _plan(
        tuple(weights.tolist()),
        tuple(map(Tensor.numel, slots.p)),
        slots.p[0].itemsize,
        torch.get_num_threads(),
    )
    average = m(averages) if m is not EightBit else m(averages, _addresses(slots.m_scales))
    stored = {
        "nearest": lambda: Nearest(weights),
        "kahan": lambda: Kahan(_addresses(slots.lost)),
        "stochastic": lambda: Stochastic(
            _column(slots.number),
            np.uint64(how.seed & philox.WORD),
            np.uint64(int(how.step) & philox.WORD),
        ),
    }[fused.rounding(slots, how)]()
    table = (K, p(weights), g(gradients), average, stored, factors, counts, first)
    run(edges, threads, *table)
    beside = [tensor for tensor in slots.m_scales + slots.lost if tensor is not None]
    increment_version(slots.p + slots.m + beside)


@lru_cache(maxsize=64)
def _plan(
    weights: tuple[int, ...], counts: tuple[int, ...], itemsize: int, threads: int
) -> tuple[_Numbers, _Numbers, Edges, int]:
    """Entries of each tensor, their first tiles, where pieces begin, and for how many threads.

    Args:
        weights: Where each tensor's begin.
        counts: Of entries.
        itemsize: Bytes of one.
        threads: How many there are.
    """
    numbers = np.array(counts)
    first = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(-(-numbers // TILE), out=first[1:])
    alone = _overlap(np.array(weights), numbers * itemsize)
    threads = 1 if alone else max(1, min(threads, int(numbers.sum()) // SHARE))
    # Several pieces a thread: one that the system takes away for a while holds up few.
    pieces = 1 if threads == 1 else 4 * threads
    return numbers, first, int(first[-1]) * np.arange(pieces + 1) // pieces, threads


def _addresses(column: Any) -> _Numbers:
    return _column(map(Tensor.data_ptr, column))


def _column(numbers: Iterable[int]) -> _Numbers:
    return np.fromiter(numbers, np.int64)


def _overlap(addresses: _Numbers, sizes: _Numbers) -> bool:
    """Whether weights share memory: then their updates must not run at once."""
    order = np.argsort(addresses)
    ends = addresses + sizes
    return bool((ends[order][:-1] > addresses[order][1:]).any())
