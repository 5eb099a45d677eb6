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
from halflife.optim.slot import Slot, Update
from halflife.optim.update import update_each, update_together

KERNELS = {"cpu": ("halflife.optim.cpu", "Numba"), "cuda": ("halflife.optim.gpu", "Triton")}
"""Device → its kernel's module, and what compiles that."""


def update(slots: list[Slot], how: Update, group: dict[str, Any]) -> None:
    """Make one update of a group's tensors, in the way that its options ask for.

    Raises:
        RuntimeError: `fused=True`, and there is a tensor that no kernel can update; nothing has
            been changed.
    """
    if how.K.elementwise:
        slots = [local(slot) for slot in slots]
    if group["differentiable"]:
        update_each(slots, how)
        return
    fused = group["fused"] or (group["fused"] is None and not group["foreach"])
    if fused and not torch.compiler.is_compiling():  # a compiler fuses plain operations itself
        slots = _update_fused(slots, how, must=bool(group["fused"]))
    if group["foreach"] or (group["foreach"] is None and slots and slots[0].p.is_cuda):
        plain = [slot for slot in slots if _plain(slot, how)]
        slots = [slot for slot in slots if not _plain(slot, how)]
        for alike in _by_kind(plain):
            update_together(alike, how)
    update_each(slots, how)


def _update_fused(slots: list[Slot], how: Update, *, must: bool) -> list[Slot]:
    """Update what kernels can; return the rest."""
    todo: dict[Any, list[Slot]] = {}
    rest = []
    for slot in slots:
        kernel = _kernel(slot.p.device.type)
        reason = kernel if isinstance(kernel, str) else kernel.unsuited(slot, how)
        if not reason:
            todo.setdefault(kernel, []).append(slot)
        elif must:
            raise RuntimeError(
                f"fused=True, but {reason}. Leave fused out: what a kernel cannot do is then done "
                "by plain operations."
            )
        else:
            rest.append(slot)
    for kernel, suited in todo.items():
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


def _plain(slot: Slot, how: Update) -> bool:
    """Whether operations on lists can do it: no dtype changes on the way."""
    del how
    return slot.p.dtype == slot.m.dtype == slot.g.dtype and slot.p.dtype in (
        torch.float32,
        torch.float64,
    )


def _by_kind(slots: list[Slot]) -> list[list[Slot]]:
    kinds: dict[Any, list[Slot]] = {}
    for slot in slots:
        kinds.setdefault((slot.p.dtype, slot.p.device), []).append(slot)
    return list(kinds.values())
