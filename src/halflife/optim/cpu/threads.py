"""Threads that take neighbouring parts of one table.

An entry's result depends on nothing but that entry (or its block of 8-bit codes), so any number of
threads gives the same bits.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch

from halflife.optim.cpu.kernel import run
from halflife.threads import together

SHARE = 1 << 16
"""Entries that a thread must have to be worth waking."""


def worth(entries: int) -> int:
    """PyTorch's number of threads, or fewer if there is little to do."""
    return max(1, min(torch.get_num_threads(), entries // SHARE))


def run_in_threads(table: tuple[Any, ...], tiles: int, threads: int) -> None:
    """Run the kernel over all tiles of a table."""
    parts = pairwise([tiles * k // threads for k in range(threads + 1)])

    def work_off() -> None:
        for part in parts:
            run(*table, *part)

    together(work_off, threads)
