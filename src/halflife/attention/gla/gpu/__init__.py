"""The operator on a card, by Triton: what the kernels are launched with.

Two launches forward, six for the gradient; nothing but the inputs is kept between the two. The
states between chunks are made anew for the gradient, in float32, as are products there; with inputs
of 16 bits forward products take operands of 16 bits, and float32 operands are rounded to TF32.
With TRITON_INTERPRET=1 in the environment the same code runs without a card, slowly.
"""

from __future__ import annotations

import os
from itertools import pairwise
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from halflife.attention.gla.arguments import bounds
from halflife.attention.gla.gpu import kernels

CHUNK, ROW = 64, 16
_KINDS: dict[torch.dtype, Any] = {
    torch.float32: tl.float32,
    torch.bfloat16: tl.bfloat16,
    torch.float16: tl.float16,
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
    q, k, v, g = (x.contiguous() for x in (q, k, v, g))
    plan = _Plan(q, v, cu_seqlens)
    o = torch.empty_like(v)
    # Triton's interpreter multiplies bfloat16 as if it were whole numbers.
    kind = tl.float32 if os.environ.get("TRITON_INTERPRET") == "1" else _KINDS[q.dtype]
    S, last = plan.states(k, v, g, initial_state, 1.0, kept=q.dtype, kind=kind)
    plan.launch(
        kernels.outputs,
        plan.rows,
        plan.tiles_v,
        (q, k, v, g, S, o, plan.table, scale),
        R=ROW,
        PRECISION=plan.precision,
        KIND=kind,
    )
    return o, last


def backward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    initial_state: Tensor | None,
    cu_seqlens: Tensor | None,
    scale: float,
    do: Tensor,
    dstate: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of q, k, v, g and the first state, for those of both outputs."""
    q, k, v, g, do = (x.contiguous() for x in (q, k, v, g, do))
    plan = _Plan(q, v, cu_seqlens)
    S, last = plan.states(k, v, g, initial_state, 1.0)
    dS, dinitial = plan.states(q, do, g, dstate, scale, backward=True)
    dq, dk = (torch.empty_like(x, dtype=torch.float32) for x in (q, k))
    dv, dg = torch.empty_like(v), torch.empty_like(g)
    how = {"R": ROW, "PRECISION": plan.precision}
    table = plan.table
    plan.launch(kernels.queries, plan.rows, plan.tiles_k, (k, v, g, S, do, dq, table, scale), **how)
    plan.launch(kernels.keys, plan.rows, plan.tiles_k, (q, v, g, dS, do, dk, table, scale), **how)
    plan.launch(kernels.values, plan.rows, plan.tiles_v, (q, k, g, dS, do, dv, table, scale), **how)
    plan.launch(kernels.gates, plan.chunks, plan.tiles_k, (q, k, g, S, last, dS, dq, dk, dg, table))
    return dq.to(q.dtype), dk.to(k.dtype), dv, dg, dinitial


class _Plan:
    """Which tokens each chunk has, and the sizes of tiles."""

    def __init__(self, q: Tensor, v: Tensor, cu_seqlens: Tensor | None) -> None:
        B, T, self.H, self.K = q.shape
        self.V = v.shape[-1]
        edges = [b * T for b in range(B + 1)] if cu_seqlens is None else bounds(cu_seqlens, T)
        chunks: list[tuple[int, int, int]] = []
        first = []
        for n, (start, end) in enumerate(pairwise(edges)):
            first.append(len(chunks))
            chunks += [
                (at, min(at + CHUNK, end), n if at + CHUNK >= end else -1)
                for at in range(start, end, CHUNK)
            ]
        numbers = torch.tensor([*edges, *first, *sum(chunks, ())], dtype=torch.int64)
        numbers = numbers.to(q.device, non_blocking=True)  # one transfer
        self.sequences, self.chunks = len(first), len(chunks)
        self.rows = self.chunks * (CHUNK // ROW)
        self.bounds, self.first, self.table = torch.split(
            numbers, [len(edges), len(first), 3 * len(chunks)]
        )
        self.BK, self.BV = (min(64, max(16, triton.next_power_of_2(x))) for x in (self.K, self.V))
        self.tiles_k, self.tiles_v = -(-self.K // self.BK), -(-self.V // self.BV)
        self.precision = "ieee" if q.dtype == torch.float32 else "tf32"

    def launch(
        self, kernel: Any, first: int, second: int, arguments: tuple[Any, ...], **how: Any
    ) -> None:
        """Run a kernel over chunks or rows, tiles, and heads."""
        if first and self.H:
            sizes = {"C": CHUNK, "BK": self.BK, "BV": self.BV, "num_warps": 4}
            kernel[(first, second, self.H)](*arguments, self.H, self.K, self.V, **sizes, **how)

    def states(
        self,
        w: Tensor,
        x: Tensor,
        g: Tensor,
        start: Tensor | None,
        scale: float,
        *,
        backward: bool = False,
        kept: torch.dtype = torch.float32,
        kind: Any = tl.float32,
    ) -> tuple[Tensor, Tensor]:
        """The states before each chunk, or after each if backward, and the last of all."""
        size = (self.H, self.K, self.V)
        S = torch.empty((self.chunks, *size), dtype=kept, device=w.device)
        last = torch.empty((self.sequences, *size), dtype=torch.float32, device=w.device)
        grid = (self.tiles_k, self.tiles_v, self.sequences * self.H)
        if grid[2]:
            kernels.states[grid](
                w,
                x,
                g,
                w if start is None else start.contiguous(),
                S,
                last,
                self.bounds,
                self.first,
                scale,
                *size,
                HAS_FIRST=start is not None,
                BACKWARD=backward,
                C=CHUNK,
                BK=self.BK,
                BV=self.BV,
                PRECISION=self.precision,
                KIND=kind,
                num_warps=4,
            )
        return S, last
