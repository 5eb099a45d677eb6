"""The operator as a person calls it: defaults, layouts, direction."""

from __future__ import annotations

from typing import Literal, overload

from torch import Tensor

from halflife.attention.gla import backends
from halflife.attention.gla.arguments import Backend, Layout, check, wide


@overload
def gla(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    *,
    scale: float | None = ...,
    initial_state: Tensor | None = ...,
    return_state: Literal[False] = ...,
    cu_seqlens: Tensor | None = ...,
    reverse: bool = ...,
    layout: Layout = ...,
    backend: Backend = ...,
) -> Tensor: ...
@overload
def gla(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    *,
    scale: float | None = ...,
    initial_state: Tensor | None = ...,
    return_state: Literal[True],
    cu_seqlens: Tensor | None = ...,
    reverse: bool = ...,
    layout: Layout = ...,
    backend: Backend = ...,
) -> tuple[Tensor, Tensor]: ...
def gla(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    *,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    return_state: bool = False,
    cu_seqlens: Tensor | None = None,
    reverse: bool = False,
    layout: Layout = "bthd",
    backend: Backend = "auto",
) -> Tensor | tuple[Tensor, Tensor]:
    """Gated linear attention: read from a memory that forgets, each key channel at its own rate.

    For each head, with a state S of shape (K, V) that starts as `initial_state` or zero:

        S_t = diag(exp g_t) S_{t−1} + k_tᵀ v_t,      o_t = scale · q_t S_t

    in time and memory linear in T. Differentiable with respect to all tensors, the states included;
    twice differentiable with `backend="reference"` only. A gate of −inf forgets exactly. No g ≤ 0
    makes a NaN or an overflow that the recurrence itself does not have; gates above 0 (growth) are
    not checked for and may overflow.

    Args:
        q: Queries, (B, T, H, K); float64, float32, bfloat16 or float16. Arithmetic is in float64
            for float64 and in float32 else.
        k: Keys, (B, T, H, K), of the same dtype.
        v: Values, (B, T, H, V), of the same dtype.
        g: Logarithms of the gates, ≤ 0, (B, T, H, K); also in float32 beside a q of 16 bits,
            which is better: a decay of 0.999 has no neighbour in bfloat16.
        scale: Factor of q; 1/√K if None.
        initial_state: (B, H, K, V), or (N, H, K, V) with `cu_seqlens`.
        return_state: Return the last state too, in float32 (float64 for float64 inputs).
        cu_seqlens: Bounds 0 = c₀ ≤ c₁ ≤ … ≤ c_N = T of N sequences that lie one
            behind the other in tensors with B = 1; integers, (N + 1,). Sequences may be empty.
        reverse: Run from the last token to the first; the last state is then that at the first.
        layout: "bthd" as above, or "bhtd" for tensors of (B, H, T, ·).
        backend: "auto", or one of "reference", "torch", "cpu", "triton".

    Returns:
        o of the shape, layout and dtype of v; with `return_state`, also the state.

    Raises:
        TypeError: A dtype does not fit.
        ValueError: A shape, a layout, a bound, a device or a backend does not fit.

    Source: section 4.1 of the paper (arXiv 2312.06635v6), equations 3 and 4; the factor is that of
    its published code.
    """
    check(q, k, v, g, initial_state, cu_seqlens, layout, backend)
    accumulator = wide(q.dtype)
    if g.dtype not in (q.dtype, accumulator):
        g = g.to(accumulator)
    if initial_state is not None:
        initial_state = initial_state.to(accumulator)
    if layout == "bhtd":
        q, k, v, g = (x.transpose(1, 2) for x in (q, k, v, g))
    if reverse:
        q, k, v, g = (x.flip(1) for x in (q, k, v, g))
        initial_state, cu_seqlens = _turned(initial_state, cu_seqlens)
    if scale is None:
        scale = q.shape[-1] ** -0.5
    o, state = backends.run(backend, q, k, v, g, initial_state, cu_seqlens, float(scale))
    if reverse:
        o = o.flip(1)
        if cu_seqlens is not None:
            state = state.flip(0)
    if layout == "bhtd":
        o = o.transpose(1, 2)
    return (o, state) if return_state else o


def _turned(
    initial_state: Tensor | None, cu_seqlens: Tensor | None
) -> tuple[Tensor | None, Tensor | None]:
    """The states and bounds of packed sequences once their tokens stand in reverse order."""
    if cu_seqlens is None:
        return initial_state, None
    if initial_state is not None:
        initial_state = initial_state.flip(0)
    return initial_state, cu_seqlens[-1] - cu_seqlens.flip(0)
