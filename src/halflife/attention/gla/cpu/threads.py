"""Sharing out tasks to threads that do not hold Python's lock.

As many threads as PyTorch uses. A task's result depends on nothing but the task, so any number of
threads gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from halflife.threads import together

_ENOUGH = 1 << 20
"""Multiplications and additions that a thread must have to be worth waking: some 50 µs."""


def share(
    run: Callable[[np.ndarray[Any, Any], int], None],
    tasks: np.ndarray[Any, Any],
    scratch: int,
    dtype: torch.dtype,
    *,
    work: int,
) -> None:
    """Call `run(some of the tasks, address of scratch memory)` until all tasks are done.

    Args:
        run: Releases Python's lock.
        tasks: One a row, their lengths in column 2.
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


def _pieces(tasks: np.ndarray[Any, Any], count: int) -> list[np.ndarray[Any, Any]]:
    """Neighbouring tasks in pieces of about equal length."""
    ends = (tasks[:, 2] + 1).cumsum()
    total = int(ends[-1]) if len(ends) else 0
    cuts = np.unique(np.searchsorted(ends, [total * n // count for n in range(1, count)], "left"))
    return [piece for piece in np.split(tasks, cuts) if len(piece)]
