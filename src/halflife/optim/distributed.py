"""Tensors that are cut into shards over several processes (DTensor, as FSDP2 makes them).

An update that works entry by entry is made on each process's shard. A K that looks at a whole
tensor gets the whole: it is gathered, and each process keeps its part of ∇K.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from halflife.optim.slot import Slots


def is_sharded(tensor: Tensor) -> bool:
    """Whether it is a DTensor."""
    if type(tensor) in (Tensor, torch.nn.Parameter):
        return False  # the usual case, and asked for every weight in every step
    if not _initialized():
        return False  # without looking at a module that takes half a second to import
    from torch.distributed.tensor import DTensor

    return isinstance(tensor, DTensor)


def local(slots: Slots) -> Slots:
    """The slots of this process's shards, which share their memory with them."""
    if not _initialized():
        return slots

    def shard(tensor: Any) -> Any:
        return tensor._local_tensor if is_sharded(tensor) else tensor

    def cut_alike(g: Any, p: Any) -> Any:
        if not is_sharded(p) or g.placements == p.placements:
            return g
        return g.redistribute(placements=p.placements)

    grads = map(cut_alike, slots.g, slots.p)
    columns = (slots.p, grads, slots.m, slots.lost)
    p, g, m, lost = (list(map(shard, column)) for column in columns)
    return slots._replace(p=p, g=g, m=m, lost=lost)


def _initialized() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


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
