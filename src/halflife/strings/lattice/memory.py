"""Memory for the numbers of a field, on a processor laid out for its cache.

Numba's loops go by whole lines of the cache: for them the first cell of each row of φ begins a
line, and so do all that a vector later are. For that the rows, with their halo, stand a multiple of
a line apart, and a padded φ is a view that leaves a few numbers out between its rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

_LINE = 64
"""Bytes of a line of the cache, and of the longest vector."""
_PAGE = 4096
"""Rows as far apart would all fall into the same few places of the cache."""


def dense(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Memory without gaps, uninitialised, that begins a line."""
    if device.type != "cpu":
        return torch.empty(tuple(shape), dtype=dtype, device=device)
    return _numbers(int(np.prod(shape)), dtype, 0).view(tuple(shape))


def spaced(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Memory for φ with its halo, [2, *(N + 2)], uninitialised, with rows whole lines apart."""
    *outer, length = shape
    pitch = -(-length * dtype.itemsize // _LINE) * _LINE
    pitch += _LINE * (pitch % _PAGE == 0)
    pitch //= dtype.itemsize
    numbers = _numbers(int(np.prod(outer)) * pitch, dtype, _LINE - dtype.itemsize)
    return numbers.view(*outer, pitch)[..., :length]


def rows(field: Tensor) -> Tensor:
    """A padded φ and what it leaves out, contiguous; of each row the first N + 2 count."""
    return field.as_strided((*field.shape[:-1], field.stride(-2)), field.stride())


def _numbers(count: int, dtype: torch.dtype, after: int) -> Tensor:
    """Numbers, uninitialised, that begin so many bytes after a line does.

    NumPy's memory, because it asks for huge pages.
    """
    memory = np.empty(count * dtype.itemsize + 2 * _LINE, np.uint8)
    start = -memory.ctypes.data % _LINE + after
    kind = np.float32 if dtype == torch.float32 else np.float64
    return torch.from_numpy(memory[start : start + count * dtype.itemsize].view(kind))
