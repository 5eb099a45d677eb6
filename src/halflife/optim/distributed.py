"""Tensors that are cut into shards over several processes (DTensor, as FSDP2 makes them).

An update that works entry by entry is made on each process's shard. A K that looks at a whole
tensor gets the whole: it is gathered, and each process keeps its part of ∇K.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from halflife.optim.slot import Slot


def is_sharded(tensor: Tensor) -> bool:
    """Whether it is a DTensor."""
    if type(tensor) in (Tensor, torch.nn.Parameter):
        return False  # the usual case, and asked for every weight in every step
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return False  # without looking at a module that takes half a second to import
    from torch.distributed.tensor import DTensor

    return isinstance(tensor, DTensor)


def local(slot: Slot) -> Slot:
    """The slot of this process's shards, which share their memory with it."""
    if not is_sharded(slot.p):
        return slot
    p: Any = slot.p
    g: Any = slot.g
    if g.placements != p.placements:
        g = g.redistribute(placements=p.placements)
    lost: Any = slot.lost
    m: Any = slot.m
    return replace(
        slot,
        p=p._local_tensor,
        g=g._local_tensor,
        m=m._local_tensor,
        lost=None if lost is None else lost._local_tensor,
    )


def on_whole(change: Callable[[Tensor], Tensor], tensor: Tensor) -> Tensor:
    """`change` of the whole tensor, cut as the tensor is."""
    if not is_sharded(tensor):
        return change(tensor)
    from torch.distributed.tensor import DTensor, Replicate

    shards: Any = tensor
    changed = change(shards.full_tensor())
    mesh = shards.device_mesh
    everywhere = DTensor.from_local(changed, mesh, [Replicate()] * mesh.ndim, run_check=False)
    return everywhere.redistribute(placements=shards.placements)
