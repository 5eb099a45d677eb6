"""Sharing out tasks to threads that do not hold Python's lock.

As many threads as PyTorch uses. A task's result depends on nothing but the task, so any number of
threads gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from halflife.threads import together

Tasks = np.ndarray[Any, Any]
_ENOUGH = 1 << 22
"""Multiplications and additions that a thread must have to be worth waking: some 200 µs."""


def share(
    run: Callable[[Tasks, int], None],
    tasks: tuple[tuple[int, ...], ...],
    scratch: int,
    dtype: torch.dtype,
    *,
    work: int,
) -> None:
    """Call `run(some of the tasks, address of scratch memory)` until all tasks are done.

    Args:
        run: Releases Python's lock.
        tasks: One a row, their lengths in column 2; arrays of these are kept from call to call.
        scratch: How many numbers of memory of its own each thread needs.
        dtype: Of these numbers.
        work: Multiplications and additions in all.
    """
    workers = max(1, min(torch.get_num_threads(), len(tasks), work // _ENOUGH))
    # Several pieces a thread: one that the system takes away for a while holds up few.
    pieces = iter(_pieces(tasks, 1 if workers == 1 else 4 * workers))

    def work_off() -> None:
        memory = torch.empty(scratch, dtype=dtype)
        for piece in pieces:
            run(piece, memory.data_ptr())

    together(work_off, workers)


@lru_cache(maxsize=64)
def _pieces(rows: tuple[tuple[int, ...], ...], count: int) -> list[Tasks]:
    """Neighbouring tasks in pieces of about equal length."""
    tasks = np.array(rows, dtype=np.int64).reshape(-1, 7)
    ends = (tasks[:, 2] + 1).cumsum()
    total = int(ends[-1]) if len(ends) else 0
    cuts = np.unique(np.searchsorted(ends, [total * n // count for n in range(1, count)], "left"))
    return [piece for piece in np.split(tasks, cuts) if len(piece)]
