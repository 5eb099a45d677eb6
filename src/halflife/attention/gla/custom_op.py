"""The operator as PyTorch's dispatcher, autograd and compiler see it.

Two operators, `halflife::gla` and its gradient `halflife::gla_backward`, of which the compiler
knows the shapes and looks no further. Both take the name of who computes.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from halflife.attention.gla.arguments import exactly, wide

_MODULES = {"torch": "chunkwise", "cpu": "cpu", "triton": "gpu"}


def _module(backend: str) -> ModuleType:
    return import_module(f"halflife.attention.gla.{_MODULES[backend]}")


@torch.library.custom_op("halflife::gla", mutates_args=())
def forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    initial_state: Tensor | None,
    cu_seqlens: Tensor | None,
    scale: float,
    backend: str,
) -> tuple[Tensor, Tensor]:
    """Return o and the last state, for checked arguments in layout (B, T, H, ·)."""
    with exactly(q):
        o, state = _module(backend).forward(q, k, v, g, initial_state, cu_seqlens, scale)
    return o, state


@forward.register_fake
def _(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    initial_state: Tensor | None,
    cu_seqlens: Tensor | None,
    scale: float,
    backend: str,
) -> tuple[Tensor, Tensor]:
    return v.new_empty(v.shape), _state_like(q, v, cu_seqlens)


@torch.library.custom_op("halflife::gla_backward", mutates_args=())
def backward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    initial_state: Tensor | None,
    cu_seqlens: Tensor | None,
    scale: float,
    backend: str,
    do: Tensor,
    dstate: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of q, k, v, g and the first state, for those of both outputs."""
    with exactly(q):
        dq, dk, dv, dg, dinitial = _module(backend).backward(
            q, k, v, g, initial_state, cu_seqlens, scale, do, dstate
        )
    return dq, dk, dv, dg, dinitial


@backward.register_fake
def _(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    initial_state: Tensor | None,
    cu_seqlens: Tensor | None,
    scale: float,
    backend: str,
    do: Tensor,
    dstate: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    dq, dk, dv, dg = (x.new_empty(x.shape) for x in (q, k, v, g))
    return dq, dk, dv, dg, _state_like(q, v, cu_seqlens)


def _state_like(q: Tensor, v: Tensor, cu_seqlens: Tensor | None) -> Tensor:
    count = q.shape[0] if cu_seqlens is None else cu_seqlens.shape[0] - 1
    return q.new_empty((count, q.shape[2], q.shape[3], v.shape[3]), dtype=wide(q.dtype))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    q, k, v, g, initial_state, cu_seqlens, scale, backend = inputs
    ctx.save_for_backward(q, k, v, g, initial_state, cu_seqlens)
    ctx.scale, ctx.backend = scale, backend


def _gradient(ctx: Any, do: Tensor, dstate: Tensor) -> tuple[Tensor | None, ...]:
    saved = ctx.saved_tensors
    *gradients, dinitial = backward(*saved, ctx.scale, ctx.backend, do, dstate)
    return *gradients, None if saved[4] is None else dinitial, None, None, None


def _keep_nothing(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.backend = inputs[7]


def _no_second_gradient(ctx: Any, *gradients: Tensor) -> None:
    raise NotImplementedError(
        f"backend {ctx.backend!r} of gla has no second derivative; pass backend='reference'."
    )


torch.library.register_autograd("halflife::gla", _gradient, setup_context=_keep)
torch.library.register_autograd(
    "halflife::gla_backward", _no_second_gradient, setup_context=_keep_nothing
)
