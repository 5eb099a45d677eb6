"""The operator on the processor: the plain recurrence, in registers, over all cores.

A processor multiplies no faster in a matrix product than in a loop, so chunks would only add work
here. Each state is cut into strips of columns, which know nothing of one another; a strip goes
through all tokens by itself. `group` is the innermost loop, `kernels` what surrounds it, `memory`
reads and writes numbers, `tasks` shares out the strips, and this file meets PyTorch.

Compiled by Numba at the first call, once for each dtype, and kept on disk. Exact for all gates: a
decay is multiplied into the state, nothing is divided by it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from halflife.attention.gla.arguments import bounds, wide
from halflife.attention.gla.cpu import kernels
from halflife.attention.gla.cpu.group import lanes
from halflife.attention.gla.cpu.tasks import Tasks, run, tasks
from halflife.attention.gla.pool import empty

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
    o = empty(v.shape, v.dtype)
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
    dv = empty(v.shape, v.dtype)
    dinitial = _state(q, v, cu_seqlens)
    _by_values((q, k, g, do, dv), (dstate, dinitial), cu_seqlens, (scale, 1.0), backward=True)

    dq = empty(q.shape, wide(q.dtype))
    dk, dg = empty(k.shape, k.dtype), empty(g.shape, g.dtype)
    K, V = q.shape[-1], v.shape[-1]
    example = _EXAMPLES[wide(q.dtype)]
    width = lanes(example.itemsize)
    some = _tasks(q, cu_seqlens, K, V, width)
    kept, stride = -(-some.longest // kernels.BLOCK), some.stride
    run(
        kernels.by_keys,
        some,
        kernels.BLOCK * (2 * V + 4 * stride) + V * stride * (1 + kept) + stride,
        (
            example,
            _EXAMPLES[q.dtype],
            _EXAMPLES[g.dtype],
            _where(q, k, v, g, do, dq, dk, dg, initial_state, dstate),
            K,
            V,
            width,
            example.dtype.type(scale),
        ),
    )
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
    some = _tasks(w, cu_seqlens, V, K, width)
    run(
        kernels.by_values,
        some,
        kernels.BLOCK * (3 * K + 2 * some.stride) + K * some.stride,
        (
            example,
            _EXAMPLES[w.dtype],
            _EXAMPLES[g.dtype],
            _where(*tensors, *states),
            K,
            V,
            width,
            tuple(map(example.dtype.type, scales)),
            backward,
        ),
    )


def _ready(x: Tensor) -> Tensor:
    """The tensor as the kernels read it: the channels of a token side by side."""
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


def _tasks(q: Tensor, cu_seqlens: Tensor | None, lanes: int, rows: int, width: int) -> Tasks:
    B, T, H, _ = q.shape
    ends = None if cu_seqlens is None else tuple(bounds(cu_seqlens, T))
    work = B * T * H * lanes * rows
    return tasks(B, T, H, ends, -(-lanes // width), width, work, torch.get_num_threads())
