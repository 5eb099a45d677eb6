"""One fixed decay a head."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from halflife.attention.gla.simple import simple_gla


def retention(
    q: Tensor, k: Tensor, v: Tensor, *, decay: Tensor | None = None, **options: Any
) -> Any:
    """RetNet's retention: S_t = γ S_{t−1} + k_tᵀ v_t with one γ a head, whatever the data.

    Args:
        q: Queries, (B, T, H, K); a RetNet also rotates q and k by position, which is left to the
            caller.
        k: Keys, (B, T, H, K).
        v: Values, (B, T, H, V).
        decay: γ of each head in (0, 1], (H,); RetNet's 1 − 2^{−5−h} for h = 0, 1, … if None.
        **options: Those of `gla`.

    Returns:
        What `gla` returns.

    Raises:
        ValueError: `decay` is not one number a head; or as `gla`.

    Source: arXiv 2307.08621, equations 1, 6 and 8.
    """
    head = 1 if options.get("layout") == "bhtd" else 2
    heads = q.shape[head]
    dtype = torch.float64 if q.dtype == torch.float64 else torch.float32
    if decay is None:
        decay = 1 - torch.exp2(-5.0 - torch.arange(heads, dtype=dtype, device=q.device))
    if decay.shape != (heads,):
        raise ValueError(f"decay has shape {tuple(decay.shape)}; pass one γ a head, ({heads},).")
    shape = [1, 1, 1]
    shape[head] = heads
    g = decay.to(dtype).log().view(shape).expand(q.shape[:-1])
    return simple_gla(q, k, v, g, **options)
