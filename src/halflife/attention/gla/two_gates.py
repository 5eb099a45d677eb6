"""Gates on keys and on values."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from halflife.attention.gla.arguments import wide
from halflife.attention.gla.operator import gla

_RANGE = 80.0
"""How far a value may be scaled up and down in one span: exp(80) is a float32, with room for v."""


def gla_two_gates(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    gv: Tensor,
    *,
    initial_state: Tensor | None = None,
    return_state: bool = False,
    **options: Any,
) -> Any:
    """Gated linear attention whose value channels are gated too: a gate of rank one on the state.

        S_t = diag(exp g_t) S_{t−1} diag(exp gv_t) + k_tᵀ v_t,      o_t = scale · q_t S_t

    It is `gla` of values that are divided by their gates' running product d, with outputs
    multiplied by it. So that d stays a number it starts anew after a span of tokens, which is as
    long as the strongest gate allows.

    Args:
        q: Queries, (B, T, H, K).
        k: Keys, (B, T, H, K).
        g: Logarithms of the keys' gates, ≤ 0, (B, T, H, K).
        v: Values, (B, T, H, V).
        gv: Logarithms of the values' gates, ≤ 0, (B, T, H, V).
        initial_state: (B, H, K, V).
        return_state: Return the last state too.
        **options: `scale` and `backend` of `gla`.

    Returns:
        What `gla` returns.

    Raises:
        TypeError: An option that this form does not have.
        ValueError: gv is not of v's shape, or as `gla`.

    Source: appendix C of the paper, where ln d is the sum of the logarithms of the gates and d
    divides and multiplies.
    """
    if unknown := options.keys() - {"scale", "backend"}:
        raise TypeError(f"gla_two_gates has no option {sorted(unknown)[0]!r}; gla has.")
    if gv.shape != v.shape:
        raise ValueError(
            f"gv has shape {tuple(gv.shape)} but v has {tuple(v.shape)}; pass one shape."
        )
    dtype, given = wide(v.dtype), v.dtype
    q, k, v, gv = (x.to(dtype) for x in (q, k, v, gv))  # scaled values may leave float16
    state, parts = initial_state, []
    for part in _spans(gv.detach()):
        # The first gate acts on the state alone, so a span of one token divides by nothing.
        first = gv[:, part][:, :1]
        d = torch.cat((torch.zeros_like(first), gv[:, part][:, 1:]), 1).cumsum(1)
        middle = d[:, -1:].detach() / 2
        if state is not None:
            state = state.to(dtype) * (first + middle).exp().squeeze(1).unsqueeze(-2)
        o, state = gla(
            q[:, part],
            k[:, part],
            v[:, part] * (middle - d).exp(),
            g[:, part],
            initial_state=state,
            return_state=True,
            **options,
        )
        back = (d - middle).exp()
        parts.append(o * back)
        state = state * back[:, -1].unsqueeze(-2)
    if not parts:
        o, state = gla(q, k, v, g, initial_state=state, return_state=True, **options)
        parts = [o]
    o = torch.cat(parts, 1).to(given)
    return (o, state) if return_state else o


def _spans(gv: Tensor) -> list[slice]:
    """Spans in which no channel's product of gates, but for the first, leaves the range."""
    spans, start, total, reach = [], 0, gv.shape[1], 1024
    while start < total:
        inside = gv[:, start + 1 : start + reach].to(torch.float64).cumsum(1)
        leaves = (inside < -_RANGE).transpose(0, 1).flatten(1).any(1).tolist()
        length = 1 + (leaves.index(True) if True in leaves else len(leaves))
        spans.append(slice(start, start + length))
        start, reach = start + length, 2 * length + 2
    return spans
