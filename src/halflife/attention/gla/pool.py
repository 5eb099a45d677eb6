"""Memory for results, which comes back when the last tensor on it is gone.

The C library returns large pieces to the system as soon as they are free. A step that asks for the
same sizes over and over then gets pages that the system has to empty first, one by one, which can
take longer than what is computed into them.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor

LARGE = 1 << 20
"""Bytes from which on a piece is kept; the C library keeps smaller ones itself."""
MOST = 1 << 28
"""Bytes that wait for use, at most."""

Piece = np.ndarray[Any, np.dtype[np.uint8]]
_idle: dict[int, list[Piece]] = {}  # by size; the sizes and pieces that waited longest come first


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A contiguous tensor on the processor, of whatever content: `torch.empty`, on kept memory."""
    size = math.prod(shape) * dtype.itemsize
    if size < LARGE:
        return torch.empty(tuple(shape), dtype=dtype)
    piece = _taken(size)
    lent = piece[:]  # the tensor's, and gone with it
    weakref.finalize(lent, _give_back, piece).atexit = False
    storage = torch.from_numpy(lent).untyped_storage()
    made: Any = torch.empty(0, dtype=dtype)
    return made.set_(storage, 0, tuple(shape))  # type: ignore[no-any-return]


def _taken(size: int) -> Piece:
    with suppress(KeyError, IndexError):
        return _idle[size].pop()  # may still be in the cache
    return torch.empty(size, dtype=torch.uint8).numpy()


def _give_back(piece: Piece) -> None:
    # Called when a tensor goes, in any thread and without a lock: the worst that threads can do to
    # each other here is to forget pieces, which are then freed.
    pieces = _idle.pop(piece.nbytes, [])
    pieces.append(piece)
    _idle[piece.nbytes] = pieces
    with suppress(KeyError, IndexError, StopIteration, RuntimeError):
        while sum(size * len(some) for size, some in tuple(_idle.items())) > MOST:
            oldest = next(iter(_idle))
            _idle[oldest].pop(0)
            if not _idle[oldest]:
                del _idle[oldest]
