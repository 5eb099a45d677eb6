"""One box cut into slabs along its first axis, one a process.

Each process steps its own planes; after each drift neighbours swap one plane of halo, which is on
its way while the next step goes through the planes that do not need it. A cell adds its six
neighbours in the order that one process would, so the bits are the same.

    torchrun --nproc-per-node 2 -m halflife.strings.lattice --shape 256 256 256 --steps 200

Gloo on processors, NCCL on cards; `torch.distributed` has to be initialised before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from halflife.strings.lattice.edges import Edge, Neighbour, Periodic
from halflife.strings.lattice.grid import Grid


class Slabs:
    """This process's part of a grid, and the two neighbours.

    Args:
        whole: The grid of all processes together.
        group: The processes; by default all.

    Raises:
        ValueError: fewer than two planes a process.
        RuntimeError: `torch.distributed` is not initialised.

    Attributes:
        grid: This process's cells; give it to `Field` together with the slabs themselves.
    """

    def __init__(self, whole: Grid, group: dist.ProcessGroup | None = None) -> None:
        if not dist.is_initialized():
            raise RuntimeError(
                "Slabs want a process group: start by torchrun and call "
                "torch.distributed.init_process_group() first."
            )
        self.whole = whole
        self.group = group
        self.rank, self.ranks = dist.get_rank(group), dist.get_world_size(group)
        planes = whole.shape[0]
        if planes < 2 * self.ranks:
            raise ValueError(
                f"shape: {planes} planes are too few for {self.ranks} processes; each wants two."
            )
        self.bounds = [planes * rank // self.ranks for rank in range(self.ranks + 1)]
        start, stop = self.bounds[self.rank], self.bounds[self.rank + 1]
        low, high = whole.faces[0]
        ring = isinstance(low, Periodic)
        below: int | None = self.rank - 1 if start else self.ranks - 1 if ring else None
        above: int | None = self.rank + 1 if stop < planes else 0 if ring else None
        if self.ranks == 1:
            below = above = None
        edges: tuple[Edge, Edge] = (
            low if below is None else Neighbour(),
            high if above is None else Neighbour(),
        )
        self.below, self.above = below, above
        self.grid = replace(
            whole,
            shape=(stop - start, *whole.shape[1:]),
            first=whole.first + start,
            edges=(edges, *whole.faces[1:]),
        )

    @property
    def planes(self) -> slice:
        """Which planes of the whole grid are this process's."""
        return slice(self.bounds[self.rank], self.bounds[self.rank + 1])

    @cached_property
    def _peers(self) -> tuple[int | None, int | None]:
        if self.group is None:
            return self.below, self.above
        below, above = (
            None if rank is None else dist.get_global_rank(self.group, rank)
            for rank in (self.below, self.above)
        )
        return below, above

    def exchange(self, padded: Tensor) -> None:
        """Fill the halo planes between processes of a padded field [2, N + 2, …]."""
        self.start(padded)()

    def start(self, padded: Tensor) -> Callable[[], None]:
        """Begin to swap the planes as they are now; what is returned waits and fills the halo."""
        below, above = self._peers
        work, halos = [], []
        # Up first, then down, on every process: two that are both neighbours must not mix them up.
        for peer_to, plane, peer_from, halo, tag in (
            (above, -2, below, 0, 0),
            (below, 1, above, -1, 1),
        ):
            if peer_to is not None:
                sent = padded[:, plane].contiguous()
                work.append(dist.P2POp(dist.isend, sent, peer_to, self.group, tag))
            if peer_from is not None:
                got = torch.empty_like(padded[:, 0], memory_format=torch.contiguous_format)
                work.append(dist.P2POp(dist.irecv, got, peer_from, self.group, tag))
                halos.append((halo, got))
        requests = dist.batch_isend_irecv(work) if work else []

        def arrive() -> None:
            for request in requests:
                request.wait()
            for halo, got in halos:
                padded[:, halo].copy_(got)

        return arrive

    def total(self, *values: float) -> list[float]:
        """The sums over all processes, in float64, the same on each."""
        device = "cuda" if dist.get_backend(self.group) == "nccl" else "cpu"
        mine = torch.tensor(values, dtype=torch.float64, device=device)
        everyone = [torch.empty_like(mine) for _ in range(self.ranks)]
        dist.all_gather(everyone, mine, group=self.group)
        return [float(x) for x in torch.stack(everyone).sum(0)]

    def joined(self, mine: bytes) -> bytes:
        """The bytes of all processes one after another, the same on each."""
        everyone: list[Any] = [None] * self.ranks
        dist.all_gather_object(everyone, mine, group=self.group)
        return b"".join(everyone)

    def largest(self, value: float) -> float:
        """The largest of all processes' values."""
        device = "cuda" if dist.get_backend(self.group) == "nccl" else "cpu"
        found = torch.tensor([value], dtype=torch.float64, device=device)
        dist.all_reduce(found, dist.ReduceOp.MAX, group=self.group)
        return float(found)

    def wait(self) -> None:
        """Until every process is here."""
        dist.barrier(self.group)
