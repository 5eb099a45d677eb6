"""Compiled code whose pieces several threads take, without the interpreter's lock.

PyTorch's own threads, where they can be had: after each of its operations they wait for the next
by spinning, and threads of ours would share the cores with them. No thread of theirs enters the
interpreter: one call hands them all that they need. Elsewhere a pool of ours that stays.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from halflife.compiled import keep, named_by

Edges = np.ndarray[Any, np.dtype[np.int64]]
Shared = Callable[..., None]
_pool: ThreadPoolExecutor | None = None
_size = 0
_forked = False


def _call_in_threads(
    typing: Any, parallel: Any, threads: Any, function: Any, arguments: Any
) -> Any:
    """Call a function by `GOMP_parallel`, whose address may be 0: then in this thread alone."""
    signature = function.get_call_type(typing, tuple(arguments), {})

    def generate(context: Any, b: Any, _: Any, values: Any) -> Any:
        parallel, threads, _, packed = values
        compiled = function.dispatcher.get_compile_result(signature)
        context.add_linking_libs((compiled.library,))
        data = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [data])
        work = ir.Function(b.module, kind, b.module.get_unique_name("work"))
        work.linkage = "internal"
        place = cgutils.alloca_once_value(b, packed)  # type: ignore[no-untyped-call]

        inside = ir.IRBuilder(work.append_basic_block())
        given = inside.load(inside.bitcast(work.args[0], place.type))
        context.call_conv.call_function(
            inside,
            context.declare_function(b.module, compiled.fndesc),
            signature.return_type,
            signature.args,
            cgutils.unpack_tuple(inside, given),  # type: ignore[no-untyped-call]
        )
        inside.ret_void()

        place = b.bitcast(place, data)
        whole = ir.IntType(32)
        launch = ir.FunctionType(ir.VoidType(), [kind.as_pointer(), data, whole, whole])
        with b.if_else(b.icmp_signed("==", parallel, parallel.type(0))) as (alone, together):
            with alone:
                b.call(work, [place])
            with together:
                launch = b.inttoptr(parallel, launch.as_pointer())
                b.call(launch, [work, place, b.trunc(threads, whole), whole(0)])
        return context.get_dummy_value()

    return types.void(parallel, threads, function, arguments), generate


_in_threads: Any = intrinsic(_call_in_threads)


def _take_one(typing: Any, counters: Any, index: Any) -> Any:
    """A counter's value; it is one higher for whoever comes next, in whatever thread."""

    def generate(context: Any, b: Any, _: Any, values: Any) -> Any:
        array = context.make_array(counters)(context, b, values[0])
        return b.atomic_rmw("add", b.gep(array.data, [values[1]]), ir.IntType(64)(1), "monotonic")

    return types.int64(counters, types.intp), generate


_take: Any = intrinsic(_take_one)


def shared(*sources: ModuleType, **options: Any) -> Callable[[Callable[..., None]], Shared]:
    """Compile a function of a piece of work, for threads that take pieces until none is left.

    Such a `kernel(worker, low, high, *arguments)` does the part from `low` to `high − 1`; `worker`
    is 0, 1, … and tells the threads apart. It is called as `kernel(edges, threads, *arguments)`:

    - edges: Where pieces begin, and where the last ends; int64, (pieces + 1,).
    - threads: How many run at once, the calling one among them; 1 or more.
    - arguments: All that the pieces see, of types that Numba knows. A kernel raises nothing.

    The code is kept on disk, see `compiled.kept`, which has the same arguments.
    """

    def decorate(kernel: Callable[..., None]) -> Shared:
        named_by(kernel, sys.modules[__name__], *sources)
        piece = njit(nogil=True, **options)(kernel)

        @njit
        def work_off(counters: Any, edges: Any, arguments: Any) -> None:
            worker = _take(counters, 0)
            n = _take(counters, 1)
            while n < len(edges) - 1:
                piece(worker, edges[n], edges[n + 1], *arguments)
                n = _take(counters, 1)

        @njit(nogil=True)
        def run(parallel: Any, threads: Any, counters: Any, edges: Any, *arguments: Any) -> None:
            _in_threads(parallel, threads, work_off, (counters, edges, arguments))

        keep(run, kernel)

        def call(edges: Edges, threads: int, *arguments: Any) -> None:
            counters = np.zeros(2, np.int64)
            parallel = 0 if threads == 1 else _openmp()
            if threads == 1 or parallel:
                run(parallel, threads, counters, edges, *arguments)
            else:
                _in_pool(lambda: run(0, 1, counters, edges, *arguments), threads)

        return call

    return decorate


def _openmp() -> int:
    """The address of `GOMP_parallel` in the very library that PyTorch computes with, or 0.

    The interface by which GCC's compiled code calls it: (function, data, threads, flags).
    """
    if "torch" not in sys.modules or _forked:  # no threads that spin; OpenMP's are the parent's
        return 0
    return _gomp()


@cache
def _gomp() -> int:
    folder = Path(str(sys.modules["torch"].__file__)).parent / "lib"
    try:
        parallel = ctypes.CDLL(str(next(folder.glob("libgomp*.so*")))).GOMP_parallel
    except (StopIteration, OSError, AttributeError):
        return 0
    return ctypes.cast(parallel, ctypes.c_void_p).value or 0


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
