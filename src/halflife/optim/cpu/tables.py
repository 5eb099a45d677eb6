"""From tensors to the tables of addresses that the kernel walks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch.autograd.graph import increment_version

from halflife.optim import fused, philox
from halflife.optim.cpu import functions, threads
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
)
from halflife.optim.slot import Slot, Update

STORED = {
    torch.float32: Float32,
    torch.float64: Float64,
    torch.bfloat16: Bfloat16,
    torch.int8: EightBit,
}


def update_fused(slots: Sequence[Slot], how: Update) -> None:
    """Update tensors that are not `unsuited`."""
    if how.found_inf is not None and how.found_inf.item():
        return
    kinds: dict[Any, list[Slot]] = {}
    for slot in slots:
        kind = slot.p.dtype, slot.g.dtype, slot.m.dtype, fused.rounding(slot, how)
        kinds.setdefault(kind, []).append(slot)
    for (p, g, m, rounding), alike in kinds.items():
        _update(alike, how, STORED[p], STORED[g], STORED[m], rounding)


def _update(slots: list[Slot], how: Update, p: Any, g: Any, m: Any, rounding: str) -> None:
    real = np.float64 if p is Float64 else np.float32
    K = functions.OF[type(how.K)](*map(real, (how.K.scale, *fused.constants(how.K))))
    factors = Factors(*map(real, fused.factors(how)))
    addresses = np.array(
        [(s.p.data_ptr(), s.g.data_ptr(), s.m.data_ptr(), s.p.numel()) for s in slots], np.int64
    ).T.copy()
    weights, gradients, averages, counts = addresses
    first = np.zeros(len(slots) + 1, np.int64)
    np.cumsum(-(-counts // TILE), out=first[1:])
    scales = _column(s.m_scales.data_ptr() for s in slots if s.m_scales is not None)
    stored = {
        "nearest": lambda: Nearest(weights),
        "kahan": lambda: Kahan(_column(s.lost.data_ptr() for s in slots if s.lost is not None)),
        "stochastic": lambda: Stochastic(
            _column(s.number for s in slots),
            np.uint64(how.seed & philox.WORD),
            np.uint64(int(how.step) & philox.WORD),
        ),
    }[rounding]()
    average = EightBit(averages, scales) if m is EightBit else m(averages)
    table = (K, p(weights), g(gradients), average, stored, factors, counts, first)
    alone = _overlap(weights, counts * slots[0].p.itemsize)
    threads.run_in_threads(table, int(first[-1]), 1 if alone else threads.worth(int(counts.sum())))
    increment_version([t for s in slots for t in (s.p, s.m, s.m_scales, s.lost) if t is not None])


def _column(numbers: Iterable[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.fromiter(numbers, np.int64)


def _overlap(addresses: Any, sizes: Any) -> bool:
    """Whether weights share memory: then their updates must not run at once."""
    order = np.argsort(addresses)
    ends = addresses + sizes
    return bool((ends[order][:-1] > addresses[order][1:]).any())
