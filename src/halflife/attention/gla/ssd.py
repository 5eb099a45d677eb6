"""Mamba-2's state-space layer as gated linear attention."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from halflife.attention.gla.simple import simple_gla


def ssd(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, **options: Any) -> Any:
    """Mamba-2's scan h_t = exp(A dt_t) h_{t−1} + dt_t B_tᵀ x_t, y_t = C_t h_t, by its duality.

    The keys are B, the queries C (unscaled), the values dt·x, the gates exp(A dt). The skip D·x,
    the convolution and the bias of dt are left to the caller.

    Args:
        x: Inputs, (B, T, H, P).
        dt: Time steps, > 0, (B, T, H).
        A: Rates of the heads, < 0, (H,).
        B: Input projections, (B, T, G, N); each of G groups serves H/G heads.
        C: Output projections, (B, T, G, N).
        **options: Those of `gla`, but for `layout`.

    Returns:
        y, (B, T, H, P); with `return_state`, also the state, (B, H, N, P).

    Raises:
        ValueError: H is no multiple of G, or as `gla`.

    Source: arXiv 2405.21060, equations 1, 2 and section 5.
    """
    heads, groups = x.shape[2], B.shape[2]
    if groups == 0 or heads % groups:
        raise ValueError(
            f"B has {groups} groups beside {heads} heads of x; H must be a multiple of G."
        )
    B, C = (y.repeat_interleave(heads // groups, 2) for y in (B, C))
    options.setdefault("scale", 1.0)
    return simple_gla(C, B, x * dt.unsqueeze(-1).to(x.dtype), dt * A, **options)
