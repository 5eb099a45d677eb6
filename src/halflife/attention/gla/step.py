"""One token: what decoding needs."""

from __future__ import annotations

from torch import Tensor

from halflife.attention.gla.arguments import exactly, wide


def gla_step(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    state: Tensor | None = None,
    *,
    scale: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Advance gated linear attention by one token, in O(KV) whatever came before.

    Args:
        q: Query, (B, H, K).
        k: Key, (B, H, K).
        v: Value, (B, H, V).
        g: Logarithms of the gates, ≤ 0, (B, H, K).
        state: The state that `gla` or this function returned, (B, H, K, V); zero if None.
        scale: Factor of q; 1/√K if None.

    Returns:
        o, (B, H, V), of v's dtype, and the next state, in float32 (float64 for float64 inputs).
        The old state is left as it is.

    Raises:
        ValueError: A shape does not fit.
    """
    for name, x, shape in (
        ("q", q, q.shape if q.ndim == 3 else "(B, H, K)"),
        ("k", k, q.shape),
        ("g", g, q.shape),
        ("v", v, (*q.shape[:2], v.shape[-1])),
        ("state", state, (*q.shape, v.shape[-1])),
    ):
        if x is not None and x.shape != shape:
            wanted = shape if isinstance(shape, str) else tuple(shape)
            raise ValueError(
                f"{name} has shape {tuple(x.shape)}; wanted is {wanted} for one token: q, k, g of "
                "(B, H, K), v of (B, H, V), state of (B, H, K, V). For several tokens, call gla."
            )
    dtype = wide(q.dtype)
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    new = k.to(dtype).unsqueeze(-1) * v.to(dtype).unsqueeze(-2)
    if state is not None:
        new = new + g.to(dtype).exp().unsqueeze(-1) * state.to(dtype)
    with exactly(q):
        o = (scale * q.to(dtype)).unsqueeze(-2) @ new
    return o.squeeze(-2).to(v.dtype), new
