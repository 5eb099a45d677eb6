"""Threads that stay, for compiled code that runs without the interpreter's lock."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

_pool: ThreadPoolExecutor | None = None
_size = 0


def pool(size: int) -> ThreadPoolExecutor:
    """At least so many threads, the same ones for all callers of this process."""
    global _pool, _size
    if _pool is None or _size < size:
        _pool, _size = ThreadPoolExecutor(size, thread_name_prefix="halflife"), size
    return _pool


def _forget() -> None:
    global _pool
    _pool = None  # its threads live in the parent


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
