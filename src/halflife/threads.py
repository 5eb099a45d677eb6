"""Threads for compiled code that runs without the interpreter's lock.

PyTorch's own, where they can be had: after each of its operations they wait for the next by
spinning, and threads of ours would share the cores with them. Elsewhere a pool of ours that stays.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_pool: ThreadPoolExecutor | None = None
_size = 0
_forked = False


def together(work: Callable[[], object], threads: int) -> None:
    """Call `work` in so many threads at once, this one among them; at least in this one.

    Args:
        work: Takes pieces from what all calls see, such as an iterator, until none are left.
        threads: 1 or more.
    """
    parallel = _openmp()
    if threads == 1:
        work()
    elif parallel is not None:
        _in_openmp(work, threads, parallel)
    else:
        _in_pool(work, threads)


def _in_openmp(work: Callable[[], object], threads: int, parallel: Any) -> None:
    errors = list[BaseException]()

    def call(_: object) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  for the caller; OpenMP knows no exceptions
            errors.append(error)

    parallel(_CALLBACK(call), None, threads, 0)
    if errors:
        raise errors[0]


def _openmp() -> Any:
    """`GOMP_parallel` of the very library that PyTorch computes with, or None.

    The interface by which GCC's compiled code calls it: (function, data, threads, flags).
    """
    if "torch" not in sys.modules or _forked:  # no threads that spin; OpenMP's are the parent's
        return None
    return _gomp()


@cache
def _gomp() -> Any:
    folder = Path(str(sys.modules["torch"].__file__)).parent / "lib"
    try:
        parallel = ctypes.CDLL(str(next(folder.glob("libgomp*.so*")))).GOMP_parallel
    except (StopIteration, OSError, AttributeError):
        return None
    parallel.argtypes = (_CALLBACK, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
    parallel.restype = None
    return parallel


def _in_pool(work: Callable[[], object], threads: int) -> None:
    global _pool, _size
    if _pool is None or _size < threads - 1:
        _size = threads - 1
        _pool = ThreadPoolExecutor(_size, thread_name_prefix="halflife")
    others = [_pool.submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        for other in others:
            other.result()


def _after_fork() -> None:
    global _pool, _forked
    _pool, _forked = None, True  # their threads live in the parent


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
