"""The recurrence as the paper writes it, in float64: slow, exact, differentiable twice and more."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from halflife.attention.gla.arguments import bounds, wide


def gla(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    initial_state: Tensor | None,
    cu_seqlens: Tensor | None,
    scale: float,
) -> tuple[Tensor, Tensor]:
    """Return o and the last state, for checked arguments in layout (B, T, H, ·)."""
    dtype, accumulator = v.dtype, wide(v.dtype)
    q, k, v, g = (x.to(torch.float64) for x in (q, k, v, g))
    if initial_state is None:
        count = q.shape[0] if cu_seqlens is None else len(cu_seqlens) - 1
        state = q.new_zeros(count, q.shape[2], q.shape[3], v.shape[3])
    else:
        state = initial_state.to(torch.float64)
    if cu_seqlens is None:
        o, state = _recurrence(q, k, v, g, state, scale)
    else:
        outputs, states = [], []
        for n, (a, b) in enumerate(pairwise(bounds(cu_seqlens, q.shape[1]))):
            o, last = _recurrence(
                q[:, a:b], k[:, a:b], v[:, a:b], g[:, a:b], state[n : n + 1], scale
            )
            outputs.append(o)
            states.append(last)
        o, state = torch.cat(outputs, 1), torch.cat(states)
    return o.to(dtype), state.to(accumulator)


def _recurrence(
    q: Tensor, k: Tensor, v: Tensor, g: Tensor, S: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    o = []
    for t in range(q.shape[1]):
        S = g[:, t, :, :, None].exp() * S + k[:, t, :, :, None] * v[:, t, :, None, :]
        o.append(scale * torch.einsum("bhk,bhkv->bhv", q[:, t], S))
    if not o:  # nothing, but in autograd's graph
        return v * (q + k + g).sum(-1, keepdim=True), S
    return torch.stack(o, 1), S
