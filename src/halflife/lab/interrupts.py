"""Ctrl-C, at a moment that a database driver or a worker's birth can stand."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back until the block has ended; a second one is let through at once.

    Drivers may be interrupted anywhere, but what they clean up then fails with an error of its own,
    and a worker that is half born when its parent goes complains: the person who pressed two keys
    is shown a traceback. Threads other than the main one never see an interrupt, and nothing is
    done there.
    """
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or usual is None:
        yield
        return
    held = False

    def hold(_number: int, _frame: FrameType | None) -> None:
        nonlocal held
        if held:
            signal.signal(signal.SIGINT, usual)
            signal.raise_signal(signal.SIGINT)
        held = True

    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        if held:
            signal.raise_signal(signal.SIGINT)
