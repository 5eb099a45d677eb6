"""What the operator accepts; every error names the argument, what it got and the remedy."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Any, Literal, get_args

import torch
from torch import Tensor

Layout = Literal["bthd", "bhtd"]
Backend = Literal["auto", "reference", "torch", "cpu", "triton"]
DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
_WORDS = {"bthd": "(B, T, H, {})", "bhtd": "(B, H, T, {})"}


def wide(dtype: torch.dtype) -> torch.dtype:
    """The dtype of the arithmetic and of states."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def exactly(like: Tensor) -> AbstractContextManager[Any]:
    """Without autocast, which would cut products inside the operator to 16 bits."""
    device = like.device.type
    if torch.is_autocast_enabled(device):
        return torch.autocast(device, enabled=False)
    return nullcontext()


def check(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    initial_state: Tensor | None,
    cu_seqlens: Tensor | None,
    layout: str,
    backend: str,
) -> None:
    """Raise TypeError or ValueError unless `gla` can be computed; looks at no values."""
    if layout not in get_args(Layout):
        raise ValueError(f"layout is {layout!r}; pass 'bthd' or 'bhtd'.")
    if backend not in get_args(Backend):
        known = ", ".join(map(repr, get_args(Backend)))
        raise ValueError(f"backend is {backend!r}; pass one of {known}.")
    _check_dtypes(q, k, v, g, initial_state)
    _check_devices(q, k, v, g, initial_state)
    _check_shapes(q, k, v, g, layout)
    count = q.shape[0] if cu_seqlens is None else _sequences(q, cu_seqlens, layout)
    if initial_state is not None:
        _check_state(q, v, initial_state, count, layout, packed=cu_seqlens is not None)


def _check_dtypes(q: Tensor, k: Tensor, v: Tensor, g: Tensor, state: Tensor | None) -> None:
    for name, x in (("q", q), ("g", g), ("initial_state", state)):
        if x is not None and x.dtype not in DTYPES:
            raise TypeError(
                f"{name} has dtype {x.dtype}; pass float64, float32, bfloat16 or float16."
            )
    for name, x in (("k", k), ("v", v)):
        if x.dtype != q.dtype:
            raise TypeError(
                f"{name} has dtype {x.dtype} but q has {q.dtype}; cast them to one dtype."
            )


def _check_devices(q: Tensor, k: Tensor, v: Tensor, g: Tensor, state: Tensor | None) -> None:
    for name, x in (("k", k), ("v", v), ("g", g), ("initial_state", state)):
        if x is not None and x.device != q.device:
            raise ValueError(
                f"{name} is on {x.device} but q is on {q.device}; move them to one device."
            )


def _check_shapes(q: Tensor, k: Tensor, v: Tensor, g: Tensor, layout: str) -> None:
    for name, x, last in (("q", q, "K"), ("k", k, "K"), ("v", v, "V"), ("g", g, "K")):
        if x.ndim != 4:
            scalar = name == "g" and x.ndim == 3
            raise ValueError(
                f"{name} has shape {tuple(x.shape)}; layout {layout!r} wants "
                f"{_WORDS[layout].format(last)}."
                + (" For one gate a head, call simple_gla." if scalar else "")
            )
        if x.shape[-1] == 0:
            raise ValueError(f"{name} has shape {tuple(x.shape)}; {last} must be at least 1.")
    for name, x, mine, theirs in (
        ("k", k, k.shape, q.shape),
        ("g", g, g.shape, q.shape),
        ("v", v, v.shape[:-1], q.shape[:-1]),
    ):
        if mine != theirs:
            raise ValueError(
                f"{name} has shape {tuple(x.shape)} but q has {tuple(q.shape)}; they must agree in "
                f"{'(B, T, H)' if name == 'v' else 'all four'}." + _turned(x, q)
            )


def _turned(x: Tensor, q: Tensor) -> str:
    """The likely mistake: one tensor has heads and time the other way round."""
    turned = x.transpose(1, 2)
    wrong = turned.shape[:3] == q.shape[:3] and (turned.shape[3] == x.shape[3])
    return " One of them has T and H swapped: transpose(1, 2) it." if wrong else ""


def _sequences(q: Tensor, cu_seqlens: Tensor, layout: str) -> int:
    """The number of packed sequences."""
    if cu_seqlens.ndim != 1 or cu_seqlens.dtype not in (torch.int32, torch.int64):
        raise ValueError(
            f"cu_seqlens has shape {tuple(cu_seqlens.shape)} and dtype {cu_seqlens.dtype}; pass "
            "the N + 1 bounds of N sequences as a vector of int32 or int64."
        )
    if len(cu_seqlens) < 2:
        raise ValueError(
            f"cu_seqlens has {len(cu_seqlens)} entries; N sequences have N + 1 bounds, N ≥ 1."
        )
    if q.shape[0] != 1:
        example = "(1, T, H, K)" if layout == "bthd" else "(1, H, T, K)"
        raise ValueError(
            f"q has a batch of {q.shape[0]} beside cu_seqlens; lay all sequences one behind the "
            f"other in tensors of {example}."
        )
    return len(cu_seqlens) - 1


def _check_state(
    q: Tensor, v: Tensor, state: Tensor, count: int, layout: str, *, packed: bool
) -> None:
    heads = 2 if layout == "bthd" else 1
    shape = (count, q.shape[heads], q.shape[-1], v.shape[-1])
    if tuple(state.shape) == shape:
        return
    swapped = (count, q.shape[3 - heads], q.shape[-1], v.shape[-1])
    hint = ""
    if tuple(state.shape) == swapped:
        other = "bhtd" if layout == "bthd" else "bthd"
        hint = f" Its H fits if q, k, v and g are of layout {other!r}: pass layout={other!r}."
    elif tuple(state.shape) == (*shape[:2], shape[3], shape[2]):
        hint = " It has K and V swapped: transpose(2, 3) it."
    raise ValueError(
        f"initial_state has shape {tuple(state.shape)}; {'N' if packed else 'B'}, H, K, V are "
        f"{shape} for a q of {tuple(q.shape)} in layout {layout!r}.{hint}"
    )


def bounds(cu_seqlens: Tensor, tokens: int) -> list[int]:
    """The bounds of packed sequences as numbers; raise ValueError if they are none.

    Reads the values, so only the backends call this: a compiler that traces `gla` has none.
    """
    listed: list[int] = cu_seqlens.tolist()
    if listed[0] != 0 or listed[-1] != tokens or any(b < a for a, b in pairwise(listed)):
        raise ValueError(
            f"cu_seqlens is {listed if len(listed) < 12 else [*listed[:5], '…', *listed[-5:]]}; "
            f"the bounds must begin with 0, never fall, and end with T = {tokens}."
        )
    return listed
