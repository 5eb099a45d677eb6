"""Who computes the operator: the one place where that is chosen.

On a processor `cpu`, on an NVIDIA or AMD card `triton`, elsewhere `torch`. If the first choice
cannot be had, `torch` takes its place, after one warning.
"""

from __future__ import annotations

import functools
import os
import warnings
from importlib import import_module

import torch
from torch import Tensor

from halflife.attention.gla import custom_op, reference


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
    """Return o and the last state, for checked arguments in layout (B, T, H, ·).

    Raises:
        ValueError: The tensors are where the asked backend cannot compute.
    """
    chosen = choose(backend, q.device.type, q.dtype)
    if chosen == "reference":
        return reference.gla(q, k, v, g, initial_state, cu_seqlens, scale)
    dtype = v.dtype
    if chosen == "cpu" and dtype == torch.float16:
        q, k, v, g = (x.float() for x in (q, k, v, g))
    o, state = custom_op.forward(q, k, v, g, initial_state, cu_seqlens, scale, chosen)
    return o.to(dtype), state


def choose(backend: str, device: str, dtype: torch.dtype) -> str:
    """The backend that computes tensors of this kind; "auto" becomes the fastest.

    Raises:
        ValueError: The backend cannot compute on this device or in this dtype.
    """
    if backend == "auto":
        first = {"cpu": "cpu", "cuda": "triton"}.get(device, "torch")
        if first == "triton" and dtype == torch.float64:
            return "torch"
        return first if first == "torch" or _there(first) else "torch"
    if backend == "cpu" and device != "cpu":
        raise ValueError(f"backend is 'cpu' but q is on {device}; pass 'auto' or move them.")
    if backend == "triton":
        if dtype == torch.float64:
            raise ValueError("backend is 'triton', which has no float64; pass 'torch'.")
        if device != "cuda" and os.environ.get("TRITON_INTERPRET") != "1":
            raise ValueError(
                f"backend is 'triton' but q is on {device}; move the tensors to a card, pass "
                "'auto', or set TRITON_INTERPRET=1 before Python starts to have it interpreted."
            )
    return backend


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _there(backend: str) -> bool:
    """Whether a backend's code can be loaded; nothing that the compiler should trace."""
    return _loads(backend)


@functools.cache
def _loads(backend: str) -> bool:
    """Load a backend's code; warns once if that cannot be done."""
    name = {"cpu": "cpu", "triton": "gpu"}[backend]
    try:
        import_module(f"halflife.attention.gla.{name}")
    except Exception as error:  # noqa: BLE001  compilers fail in many ways
        warnings.warn(
            f"backend {backend!r} of gla cannot be loaded, 'torch' computes instead: {error}",
            RuntimeWarning,
            stacklevel=5,
        )
        return False
    return True
