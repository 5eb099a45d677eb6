"""Threads that stay, for compiled code that runs without the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_pool: ThreadPoolExecutor | None = None
_size = 0


def together(work: Callable[[], object], threads: int) -> None:
    """Call `work` in so many threads at once, this one among them.

    Args:
        work: Takes its share from what all calls see, such as an iterator of pieces.
        threads: 1 or more.
    """
    others = [_threads(threads - 1).submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        for other in others:
            other.result()


def _threads(size: int) -> ThreadPoolExecutor:
    """At least so many, the same ones for all callers of this process."""
    global _pool, _size
    if _pool is None or _size < size:
        _pool, _size = ThreadPoolExecutor(size, thread_name_prefix="halflife"), size
    return _pool


def _forget() -> None:
    global _pool
    _pool = None  # its threads live in the parent


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
