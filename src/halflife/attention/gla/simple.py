"""One gate a head instead of one a channel."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from halflife.attention.gla.operator import gla


def simple_gla(q: Tensor, k: Tensor, v: Tensor, g: Tensor, **options: Any) -> Any:
    """Gated linear attention with one gate a head and token: S_t = exp(g_t) S_{t−1} + k_tᵀ v_t.

    Known as simple GLA, gated RFA, or Mamba-2's form (arXiv 2405.21060).

    Args:
        q: Queries, (B, T, H, K).
        k: Keys, (B, T, H, K).
        v: Values, (B, T, H, V).
        g: Logarithms of the gates, ≤ 0, (B, T, H), or (B, H, T) in layout "bhtd".
        **options: Those of `gla`.

    Returns:
        What `gla` returns.

    Raises:
        ValueError: g is not one number a head and token; or as `gla`.
    """
    if g.shape != q.shape[:-1]:
        raise ValueError(
            f"g has shape {tuple(g.shape)}; one gate a head and token is {tuple(q.shape[:-1])}. "
            "For gates by channel, call gla."
        )
    return gla(q, k, v, g.unsqueeze(-1).expand(q.shape), **options)
