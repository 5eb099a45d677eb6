"""The operator on the processor: the plain recurrence, in registers, over all cores.

A processor multiplies no faster in a matrix product than in a loop, so chunks would only add work
here. Each state is cut into strips of columns, which know nothing of one another; a strip goes
through all tokens by itself. `group` is the innermost loop, `kernels` what surrounds it, `memory`
reads and writes numbers, `threads` shares out the strips, and this file meets PyTorch.

Compiled by Numba at the first call, once for each dtype, and kept on disk. Exact for all gates: a
decay is multiplied into the state, nothing is divided by it.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from halflife.attention.gla.arguments import bounds, wide
from halflife.attention.gla.cpu import kernels, threads
from halflife.attention.gla.cpu.group import lanes

_EXAMPLES: dict[torch.dtype, Any] = {
    torch.float32: np.float32(0),
    torch.float64: np.float64(0),
    torch.bfloat16: np.uint16(0),
}


def forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    initial_state: Tensor | None,
    cu_seqlens: Tensor | None,
    scale: float,
) -> tuple[Tensor, Tensor]:
    """Return o and the last state, for checked arguments in layout (B, T, H, ·)."""
    q, k, v, g = (_ready(x) for x in (q, k, v, g))
    initial_state = None if initial_state is None else initial_state.contiguous()
    o = torch.empty(v.shape, dtype=v.dtype)
    state = _state(q, v, cu_seqlens)
    _by_values((k, q, g, v, o), (initial_state, state), cu_seqlens, (1.0, scale), backward=False)
    return o, state


def backward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    initial_state: Tensor | None,
    cu_seqlens: Tensor | None,
    scale: float,
    do: Tensor,
    dstate: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of q, k, v, g and the first state, for those of both outputs."""
    q, k, v, g, do = (_ready(x) for x in (q, k, v, g, do))
    initial_state = None if initial_state is None else initial_state.contiguous()
    dstate = None if dstate is None else dstate.contiguous()
    dv = torch.empty(v.shape, dtype=v.dtype)
    dinitial = _state(q, v, cu_seqlens)
    _by_values((q, k, g, do, dv), (dstate, dinitial), cu_seqlens, (scale, 1.0), backward=True)

    dq = torch.empty(q.shape, dtype=wide(q.dtype))
    dk, dg = torch.empty(k.shape, dtype=k.dtype), torch.empty(g.shape, dtype=g.dtype)
    K, V = q.shape[-1], v.shape[-1]
    example = _EXAMPLES[wide(q.dtype)]
    width = lanes(example.itemsize)
    tasks, longest, stride = _tasks(q, cu_seqlens, K, width)
    where = _where(q, k, v, g, do, dq, dk, dg, initial_state, dstate)
    kept = -(-longest // kernels.BLOCK)
    scratch = kernels.BLOCK * (2 * V + 4 * stride) + V * stride * (1 + kept) + stride

    by_keys: Any = kernels.by_keys

    def run(some: np.ndarray[Any, Any], memory: int) -> None:
        by_keys(
            example,
            _EXAMPLES[q.dtype],
            _EXAMPLES[g.dtype],
            some,
            where,
            K,
            V,
            width,
            example.dtype.type(scale),
            memory,
        )

    threads.share(run, tasks, scratch, wide(q.dtype), work=q.numel() * V)
    return dq.to(q.dtype), dk, dv, dg, dinitial


def _by_values(
    tensors: tuple[Tensor, ...],
    states: tuple[Tensor | None, Tensor],
    cu_seqlens: Tensor | None,
    scales: tuple[float, float],
    *,
    backward: bool,
) -> None:
    w, _, g, x, _ = tensors
    K, V = w.shape[-1], x.shape[-1]
    example = _EXAMPLES[wide(w.dtype)]
    width = lanes(example.itemsize)
    tasks, _, stride = _tasks(w, cu_seqlens, V, width)
    where = _where(*tensors, *states)
    scratch = kernels.BLOCK * (3 * K + 2 * stride) + K * stride

    by_values: Any = kernels.by_values

    def run(some: np.ndarray[Any, Any], memory: int) -> None:
        by_values(
            example,
            _EXAMPLES[w.dtype],
            _EXAMPLES[g.dtype],
            some,
            where,
            K,
            V,
            width,
            *(example.dtype.type(factor) for factor in scales),
            backward,
            memory,
        )

    threads.share(run, tasks, scratch, wide(w.dtype), work=w.numel() * V)


def _ready(x: Tensor) -> Tensor:
    """The tensor as the kernels read it: the channels of a token side by side."""
    x = x.detach()
    return x if x.shape[-1] == 1 or x.stride(-1) == 1 else x.contiguous()


def _state(q: Tensor, v: Tensor, cu_seqlens: Tensor | None) -> Tensor:
    count = len(q) if cu_seqlens is None else len(cu_seqlens) - 1
    shape = (count, q.shape[2], q.shape[3], v.shape[3])
    return torch.empty(shape, dtype=wide(q.dtype))


def _where(*tensors: Tensor | None) -> np.ndarray[Any, Any]:
    """Addresses and strides, as the kernels want them."""
    rows = [
        (0, 0, 0, 0) if x is None else (x.data_ptr(), x.stride(0), x.stride(1), x.stride(2))
        for x in tensors
    ]
    return np.array(rows, dtype=np.int64).ravel()


Rows = tuple[tuple[int, ...], ...]


def _tasks(q: Tensor, cu_seqlens: Tensor | None, lanes: int, width: int) -> tuple[Rows, int, int]:
    """One task for each sequence, head and part of the strips; the longest sequence and part.

    A part has several strips, which share the staging, unless there are too few tasks for the
    threads. Its length is that of its strips side by side.
    """
    B, T, H, _ = q.shape
    ends = None if cu_seqlens is None else tuple(bounds(cu_seqlens, T))
    return _rows(B, T, H, ends, -(-lanes // width), width, torch.get_num_threads())


@lru_cache(maxsize=64)
def _rows(
    B: int, T: int, H: int, ends: tuple[int, ...] | None, strips: int, width: int, workers: int
) -> tuple[Rows, int, int]:
    if ends is None:
        sequences = [(b, 0, T, b) for b in range(B)]
    else:
        sequences = [(0, start, end - start, n) for n, (start, end) in enumerate(pairwise(ends))]
    parts = 1
    while parts < strips and len(sequences) * H * parts < 4 * workers:
        if len(sequences) * H * parts % workers == 0:
            break
        parts += 1
    edges = [strips * part // parts for part in range(parts + 1)]
    rows = tuple(
        (b, start, length, n * H + h, h, first, last)
        for b, start, length, n in sequences
        for h in range(H)
        for first, last in pairwise(edges)
    )
    widest = max((last - first for first, last in pairwise(edges)), default=0) if rows else 0
    return rows, max((length for _, _, length, _ in sequences), default=0), width * widest
