"""Who computes the operator: the one place where that is chosen."""

from __future__ import annotations

from torch import Tensor

from halflife.attention.gla import reference


def run(
    backend: str,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    initial_state: Tensor | None,
    cu_seqlens: Tensor | None,
    scale: float,
) -> tuple[Tensor, Tensor]:
    """Return o and the last state, for checked arguments in layout (B, T, H, ·)."""
    return reference.gla(q, k, v, g, initial_state, cu_seqlens, scale)
