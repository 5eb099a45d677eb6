"""Which code makes an update: the one place where that is chosen.

`fused` kernels pass over memory once; `together` works on lists of tensors; `each` on one tensor
after the other and can do everything. All give the same numbers but for the order of roundings.
"""

from __future__ import annotations

from typing import Any

import torch

from halflife.optim.distributed import local
from halflife.optim.slot import Slot, Update
from halflife.optim.update import update_each, update_together


def update(slots: list[Slot], how: Update, group: dict[str, Any]) -> None:
    """Make one update of a group's tensors, in the way that its options ask for."""
    if how.K.elementwise:
        slots = [local(slot) for slot in slots]
    if group["differentiable"]:
        update_each(slots, how)
        return
    plain = [slot for slot in slots if _plain(slot, how)]
    if group["foreach"] or (group["foreach"] is None and slots[0].p.is_cuda):
        rest = [slot for slot in slots if not _plain(slot, how)]
        for alike in _by_kind(plain):
            update_together(alike, how)
        update_each(rest, how)
    else:
        update_each(slots, how)


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
