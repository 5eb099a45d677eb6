"""A pool of processes on this machine, one thread of arithmetic in each.

A worker that is killed takes its pool with it: the pool is made anew, and the trials that were
running come back as `WorkerDiedError`. A pool whose parent is killed ends by itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import Any

import psutil

from halflife.lab.environment import cores
from halflife.lab.execution.executor import Ended, WorkerDiedError, run_trial
from halflife.lab.interrupts import held_interrupts

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

_one_birth = threading.Lock()
"""What a birth needs is the whole process's, and pools may live in several threads."""


class LocalPool:
    """Worker processes on this machine.

    Args:
        workers: How many; None takes one for each core.
        threads: Threads of arithmetic (BLAS, OpenMP, torch) in each worker.

    Raises:
        ValueError: `workers` or `threads` is less than one.
    """

    def __init__(self, workers: int | None = None, threads: int = 1) -> None:
        workers = cores() if workers is None else workers
        if workers < 1:
            raise ValueError(f"workers is {workers}; give at least 1")
        if threads < 1:
            raise ValueError(f"threads is {threads}; give at least 1")
        self.slots = workers
        self.threads = threads
        self._pool: ProcessPoolExecutor | None = None

    def submit(self, function: bytes, parameters: Mapping[str, Any], seed: int) -> Future[Ended]:
        """Start a trial; the future raises `WorkerDiedError` if its worker dies."""
        outer: Future[Ended] = Future()
        try:
            inner = self._send(function, parameters, seed)
        except BrokenProcessPool:
            self._pool = None
            inner = self._send(function, parameters, seed)
        inner.add_done_callback(lambda done: _pass_on(done, outer))
        return outer

    def _send(self, function: bytes, parameters: Mapping[str, Any], seed: int) -> Future[Ended]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.slots,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_follow_parent,
            )
        # While there are too few workers, a submission starts one.
        with _one_birth, held_interrupts(), _birth(self.threads):
            return self._pool.submit(run_trial, function, dict(parameters), seed)

    def close(self) -> None:
        """Kill all workers and forget what they were doing."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        processes = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
            process.kill()
        for process in processes:
            process.join()


def _pass_on(inner: Future[Ended], outer: Future[Ended]) -> None:
    if inner.cancelled():
        outer.set_exception(WorkerDiedError("the pool was closed"))
    elif (error := inner.exception()) is not None:
        outer.set_exception(WorkerDiedError(str(error)))
    else:
        outer.set_result(inner.result())


@contextmanager
def _birth(threads: int) -> Iterator[None]:
    """What a new process must find.

    The thread limits, before it first loads its BLAS. No main module to import: it needs none, and
    a script without `if __name__ == "__main__"` would run again in each worker. And SIGINT
    blocked, which it inherits: Ctrl-C is the parent's to handle.
    """
    resource_tracker.ensure_running()  # whose own birth would unblock SIGINT
    names: dict[str, Any] = vars(sys.modules["__main__"])
    hidden: dict[str, Any] = {n: names.pop(n) for n in ("__file__", "__spec__") if n in names}
    names["__spec__"] = None
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        names.update(hidden)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _follow_parent() -> None:
    """End this worker when its parent is gone, whatever it does."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
