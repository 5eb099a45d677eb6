"""Which code makes an update: the one place where that is chosen.

`cpu` and `gpu` hold kernels that pass over memory once, for K that are sums over entries;
`update_together` works on lists of tensors; `update_each` on one tensor after the other, and can do
everything. All give the same numbers but for the order of roundings.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from typing import Any

import torch

from halflife.optim.distributed import local
from halflife.optim.slot import Slots, Update
from halflife.optim.update import update_each, update_together

KERNELS = {"cpu": ("halflife.optim.cpu", "Numba"), "cuda": ("halflife.optim.gpu", "Triton")}
"""Device → its kernel's module, and what compiles that."""


def update(slots: Slots, how: Update, group: dict[str, Any]) -> None:
    """Make one update of a group's tensors, in the way that its options ask for.

    Raises:
        RuntimeError: `fused=True`, and there is a tensor that no kernel can update; nothing has
            been changed.
    """
    if how.K.elementwise:
        slots = local(slots)
    kinds = [alike.as_real() for alike in slots.by_kind()]
    if group["differentiable"]:
        for alike in kinds:
            update_each(alike, how)
        return
    fused = group["fused"] or (group["fused"] is None and not group["foreach"])
    if fused and not torch.compiler.is_compiling():  # a compiler fuses plain operations itself
        kinds = _update_fused(kinds, how, must=bool(group["fused"]))
    for alike in kinds:
        together = group["foreach"] or (group["foreach"] is None and alike.p[0].is_cuda)
        (update_together if together and _plain(alike) else update_each)(alike, how)


def _update_fused(kinds: list[Slots], how: Update, *, must: bool) -> list[Slots]:
    """Update what kernels can; return the rest."""
    todo, rest = [], []
    for alike in kinds:
        kernel = _kernel(alike.p[0].device.type)
        if isinstance(kernel, str):
            reasons = [kernel] * len(alike.p)
        else:
            reasons = kernel.unsuited(alike, how)
        if not any(reasons):
            todo.append((kernel, alike))
        elif must:
            raise RuntimeError(
                f"fused=True, but {next(filter(None, reasons))}. Leave fused out: what a kernel "
                "cannot do is then done by plain operations."
            )
        else:
            todo.append((kernel, alike.only([not reason for reason in reasons])))
            rest.append(alike.only([bool(reason) for reason in reasons]))
    for kernel, suited in todo:
        if suited.p:
            kernel.update_fused(suited, how)
    return rest


@functools.cache
def _kernel(device: str) -> Any:
    """The module of a device's kernel, or the reason why there is none."""
    if device not in KERNELS:
        return f"there is no kernel for the device {device!r}"
    module, compiler = KERNELS[device]
    try:
        kernel = importlib.import_module(module)
        kernel.probe()
    except Exception as error:  # noqa: BLE001 - a compiler can fail in any way, a step must not
        warnings.warn(
            f"{compiler} does not work here ({type(error).__name__}: {error}), so weights on "
            f"{device!r} are updated by plain operations, several times slower. Set fused=False "
            "to do without this warning.",
            stacklevel=6,
        )
        return f"{compiler} does not work here: {error}"
    return kernel


def _plain(alike: Slots) -> bool:
    """Whether operations on lists can do it: no dtype changes on the way."""
    p, g, m = alike.p[0], alike.g[0], alike.m[0]
    return p.dtype == m.dtype == g.dtype and p.dtype in (torch.float32, torch.float64)
