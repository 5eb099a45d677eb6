"""The tasks of a call, and their sharing out to threads.

As many threads as PyTorch uses. A task's result depends on nothing but the task, so any number of
threads gives the same bits.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch

from halflife.attention.gla.pool import empty
from halflife.threads import Edges, Shared

_ENOUGH = 1 << 20
"""Multiplications and additions that a thread must have to be worth waking: some 50 µs."""
_APART = 64
"""Numbers between what two threads write to, at least."""


class Tasks(NamedTuple):
    """What is to be done, in pieces."""

    rows: np.ndarray[Any, np.dtype[np.int64]]
    """As `kernels` wants them."""
    edges: Edges
    """Between the pieces."""
    workers: int
    longest: int
    """Tokens of the longest."""
    stride: int
    """Lanes of the widest."""


@lru_cache(maxsize=64)
def tasks(
    batch: int,
    tokens: int,
    heads: int,
    ends: tuple[int, ...] | None,
    strips: int,
    width: int,
    work: int,
    threads: int,
) -> Tasks:
    """One task for each sequence, head and part of the strips.

    A part has several strips, which share the staging, unless there are too few tasks for the
    threads.

    Args:
        batch: Sequences, of so many tokens each; or 1.
        tokens: In all, if there are `ends`.
        heads: Of each sequence.
        ends: The bounds of packed sequences, or None.
        strips: Of a head's state.
        width: Lanes of a strip.
        work: Multiplications and additions in all.
        threads: How many there are.
    """
    if ends is None:
        sequences = [(b, 0, tokens, b) for b in range(batch)]
    else:
        sequences = [(0, start, end - start, n) for n, (start, end) in enumerate(pairwise(ends))]
    parts = 1
    while parts < strips and len(sequences) * heads * parts < 4 * threads:
        if len(sequences) * heads * parts % threads == 0:
            break
        parts += 1
    cuts = [strips * part // parts for part in range(parts + 1)]
    rows = np.array(
        [
            (b, start, length, n * heads + h, h, first, last)
            for b, start, length, n in sequences
            for h in range(heads)
            for first, last in pairwise(cuts)
        ],
        np.int64,
    ).reshape(-1, 7)
    if not len(rows):
        return Tasks(rows, np.zeros(1, np.int64), 1, 0, 0)
    workers = max(1, min(threads, len(rows), work // _ENOUGH))
    widest = width * max(last - first for first, last in pairwise(cuts))
    return Tasks(rows, _edges(rows, workers), workers, int(rows[:, 2].max()), widest)


def _edges(rows: np.ndarray[Any, np.dtype[np.int64]], workers: int) -> Edges:
    """Cut neighbouring tasks into pieces of about equal length.

    Several pieces a thread: one that the system takes away for a while holds up few.
    """
    pieces = 1 if workers == 1 else 4 * workers
    ends = (rows[:, 2] + 1).cumsum()
    cuts = np.searchsorted(ends, [ends[-1] * n // pieces for n in range(1, pieces)], "left")
    return np.unique([0, *cuts, len(rows)])


def run(kernel: Shared, some: Tasks, scratch: int, arguments: tuple[Any, ...]) -> None:
    """Do all tasks.

    Args:
        kernel: One of `kernels`.
        some: Of `tasks`.
        scratch: How many numbers of memory of its own each thread needs.
        arguments: What the kernel wants after the tasks and the memory; a zero of its arithmetic
            first.
    """
    each = scratch + _APART
    memory = empty((some.workers * each * arguments[0].itemsize,), torch.uint8)
    kernel(some.edges, some.workers, some.rows, memory.data_ptr(), each, *arguments)
