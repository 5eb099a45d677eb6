"""The step on the processor: Numba's loops over rows, in place, shared out to threads.

A fused step needs the old φ of its neighbours, so PyTorch's writes into a second field. Here the
drift of plane i − 1 follows the kick of plane i, row behind row: the last to ask for its old values
has then been served, they are still in the cache, and each number is read and written once a step.
Threads take slabs of planes, and leave the drift of their first and last plane to the end.

The order of additions is that of `stencil.py`, and Numba contracts nothing, so the bits are the
same. Two or three axes; compiled at the first call and kept on disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]
_SHARE = 1 << 15
"""Cells that a thread must have to be worth waking."""
_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}  # a child process has none of its parent's

_inner = njit(inline="always", error_model="numpy")


def _kept(function: Any) -> Any:
    """A function that runs without the interpreter's lock, kept on disk where there is a place."""
    try:
        return njit(function, nogil=True, cache=True, error_model="numpy")
    except RuntimeError:  # no directory to keep it in
        return njit(function, nogil=True, error_model="numpy")


# q is φ with its halo, v the velocity without; e = h/(2r); a, b the times of kick and drift;
# c = 1/h², m = twice the number of axes, o = 1, all of the field's type; d factors of damping.


@_inner
def _force_3(q, component, i, j, k, s, c, m):  # type: ignore[no-untyped-def]
    p = q[component, i + 1, j + 1, k + 1]
    x = q[component, i, j + 1, k + 1] + q[component, i + 2, j + 1, k + 1]
    y = q[component, i + 1, j, k + 1] + q[component, i + 1, j + 2, k + 1]
    z = q[component, i + 1, j + 1, k] + q[component, i + 1, j + 1, k + 2]
    return ((x + y + z) - m * p) * c - p * s


@_inner
def _force_2(q, component, i, j, e, s, c, m):  # type: ignore[no-untyped-def]
    p = q[component, i + 1, j + 1]
    low, high = q[component, i, j + 1], q[component, i + 2, j + 1]
    z = q[component, i + 1, j] + q[component, i + 1, j + 2]
    return ((((low + high) + e * (high - low)) + z) - m * p) * c - p * s


@_inner
def _kick_row_3(q, v, i, j, a, c, m, o):  # type: ignore[no-untyped-def]
    for k in range(v.shape[3]):
        p, r = q[0, i + 1, j + 1, k + 1], q[1, i + 1, j + 1, k + 1]
        s = p * p + r * r - o
        v[0, i, j, k] += a * _force_3(q, 0, i, j, k, s, c, m)
        v[1, i, j, k] += a * _force_3(q, 1, i, j, k, s, c, m)


@_inner
def _damped_row_3(q, v, i, j, a, c, m, o, dx, dy, dz):  # type: ignore[no-untyped-def]
    dxy = dx[i] * dy[j]
    for k in range(v.shape[3]):
        p, r = q[0, i + 1, j + 1, k + 1], q[1, i + 1, j + 1, k + 1]
        s, d = p * p + r * r - o, dxy * dz[k]
        v[0, i, j, k] = d * (d * v[0, i, j, k] + a * _force_3(q, 0, i, j, k, s, c, m))
        v[1, i, j, k] = d * (d * v[1, i, j, k] + a * _force_3(q, 1, i, j, k, s, c, m))


@_inner
def _drift_row_3(q, v, i, j, b):  # type: ignore[no-untyped-def]
    for k in range(v.shape[3]):
        q[0, i + 1, j + 1, k + 1] += b * v[0, i, j, k]
        q[1, i + 1, j + 1, k + 1] += b * v[1, i, j, k]


@_inner
def _kick_row_2(q, v, i, a, c, m, o, e):  # type: ignore[no-untyped-def]
    for j in range(v.shape[2]):
        p, r = q[0, i + 1, j + 1], q[1, i + 1, j + 1]
        s = p * p + r * r - o
        v[0, i, j] += a * _force_2(q, 0, i, j, e, s, c, m)
        v[1, i, j] += a * _force_2(q, 1, i, j, e, s, c, m)


@_inner
def _damped_row_2(q, v, i, a, c, m, o, e, d0, dz):  # type: ignore[no-untyped-def]
    for j in range(v.shape[2]):
        p, r = q[0, i + 1, j + 1], q[1, i + 1, j + 1]
        s, d = p * p + r * r - o, d0 * dz[j]
        v[0, i, j] = d * (d * v[0, i, j] + a * _force_2(q, 0, i, j, e, s, c, m))
        v[1, i, j] = d * (d * v[1, i, j] + a * _force_2(q, 1, i, j, e, s, c, m))


@_inner
def _drift_row_2(q, v, i, b):  # type: ignore[no-untyped-def]
    for j in range(v.shape[2]):
        q[0, i + 1, j + 1] += b * v[0, i, j]
        q[1, i + 1, j + 1] += b * v[1, i, j]


@_kept
def _kick_3(q, v, start, stop, a, c, m, o, e):  # type: ignore[no-untyped-def]
    for i in range(start, stop):
        for j in range(v.shape[2]):
            _kick_row_3(q, v, i, j, a, c, m, o)


@_kept
def _kick_2(q, v, start, stop, a, c, m, o, e):  # type: ignore[no-untyped-def]
    for i in range(start, stop):
        _kick_row_2(q, v, i, a, c, m, o, e[i])


@_kept
def _drift_3(q, v, start, stop, step, b):  # type: ignore[no-untyped-def]
    for i in range(start, stop, step):
        for j in range(v.shape[2]):
            _drift_row_3(q, v, i, j, b)


@_kept
def _drift_2(q, v, start, stop, step, b):  # type: ignore[no-untyped-def]
    for i in range(start, stop, step):
        _drift_row_2(q, v, i, b)


@_kept
def _fused_3(q, v, start, stop, a, c, m, o, e, b):  # type: ignore[no-untyped-def]
    for i in range(start, stop):
        for j in range(v.shape[2]):
            _kick_row_3(q, v, i, j, a, c, m, o)
            if i > start + 1:
                _drift_row_3(q, v, i - 1, j, b)


@_kept
def _fused_2(q, v, start, stop, a, c, m, o, e, b):  # type: ignore[no-untyped-def]
    for i in range(start, stop):
        _kick_row_2(q, v, i, a, c, m, o, e[i])
        if i > start + 1:
            _drift_row_2(q, v, i - 1, b)


@_kept
def _damped_3(q, v, start, stop, a, c, m, o, e, b, dx, dy, dz):  # type: ignore[no-untyped-def]
    for i in range(start, stop):
        for j in range(v.shape[2]):
            _damped_row_3(q, v, i, j, a, c, m, o, dx, dy, dz)
            if i > start + 1:
                _drift_row_3(q, v, i - 1, j, b)


@_kept
def _damped_2(q, v, start, stop, a, c, m, o, e, b, dx, dy):  # type: ignore[no-untyped-def]
    for i in range(start, stop):
        _damped_row_2(q, v, i, a, c, m, o, e[i], dx[i], dy)
        if i > start + 1:
            _drift_row_2(q, v, i - 1, b)


@_kept
def _stoermer_3(q, p, start, stop, t, c, m, o, e):  # type: ignore[no-untyped-def]
    for i in range(start, stop):
        for j in range(q.shape[2] - 2):
            for k in range(q.shape[3] - 2):
                x, y = q[0, i + 1, j + 1, k + 1], q[1, i + 1, j + 1, k + 1]
                s = x * x + y * y - o
                f, g = _force_3(q, 0, i, j, k, s, c, m), _force_3(q, 1, i, j, k, s, c, m)
                p[0, i + 1, j + 1, k + 1] = ((x + x) - p[0, i + 1, j + 1, k + 1]) + t * f
                p[1, i + 1, j + 1, k + 1] = ((y + y) - p[1, i + 1, j + 1, k + 1]) + t * g


@_kept
def _stoermer_2(q, p, start, stop, t, c, m, o, e):  # type: ignore[no-untyped-def]
    for i in range(start, stop):
        for j in range(q.shape[2] - 2):
            x, y = q[0, i + 1, j + 1], q[1, i + 1, j + 1]
            s = x * x + y * y - o
            f, g = _force_2(q, 0, i, j, e[i], s, c, m), _force_2(q, 1, i, j, e[i], s, c, m)
            p[0, i + 1, j + 1] = ((x + x) - p[0, i + 1, j + 1]) + t * f
            p[1, i + 1, j + 1] = ((y + y) - p[1, i + 1, j + 1]) + t * g


def constants(q: Array, inverse_square: float, slope: Array | None) -> tuple[Any, ...]:
    """(c, m, o, e) as every kernel wants them."""
    kind = q.dtype.type
    e = np.zeros(q.shape[1] - 2, q.dtype) if slope is None else slope
    return kind(inverse_square), kind(2 * (q.ndim - 1)), kind(1), e


def kick(q: Array, v: Array, a: float, fixed: tuple[Any, ...]) -> None:
    """Kick: v ← v + a F(φ).

    Args:
        q: φ with its halo, [2, N + 2, …], in two or three axes.
        v: [2, N, …]; changed.
        a: The time.
        fixed: From `constants`.
    """
    kernel = _kick_3 if q.ndim == 4 else _kick_2
    kind = q.dtype.type
    _share(v, lambda start, stop: kernel(q, v, start, stop, kind(a), *fixed))


def drift(q: Array, v: Array, b: float) -> None:
    """Drift: φ ← φ + b v."""
    kernel = _drift_3 if q.ndim == 4 else _drift_2
    kind = q.dtype.type
    _share(v, lambda start, stop: kernel(q, v, start, stop, 1, kind(b)))


def kick_drift(
    q: Array,
    v: Array,
    times: tuple[float, float],
    fixed: tuple[Any, ...],
    damping: tuple[Array, ...] | None = None,
) -> None:
    """Kick and drift: v ← v + a F(φ), φ ← φ + b v, in place; damped, v ← d (d v + a F(φ)).

    Args:
        q: φ with its halo, [2, N + 2, …], in two or three axes; its inside is changed.
        v: [2, N, …]; changed.
        times: (a, b).
        fixed: From `constants`.
        damping: None, or d as one factor an axis, of the field's type.
    """
    kind = q.dtype.type
    a, b = kind(times[0]), kind(times[1])
    late = _drift_3 if q.ndim == 4 else _drift_2
    if damping is None:
        kernel = _fused_3 if q.ndim == 4 else _fused_2
    else:
        kernel = _damped_3 if q.ndim == 4 else _damped_2
    factors = damping or ()
    slabs = _share(v, lambda start, stop: kernel(q, v, start, stop, a, *fixed, b, *factors))
    for start, stop in slabs:
        late(q, v, start, stop, max(1, stop - 1 - start), b)


def stoermer(q: Array, previous: Array, square: float, fixed: tuple[Any, ...]) -> None:
    """Störmer: previous ← 2φ − previous + square F(φ) inside.

    Args:
        q: φ with its halo, [2, N + 2, …], in two or three axes.
        previous: The same shape; its inside is changed.
        square: Δt².
        fixed: From `constants`.
    """
    kernel = _stoermer_3 if q.ndim == 4 else _stoermer_2
    kind = q.dtype.type
    cells = previous[(slice(None), *(slice(1, -1),) * (q.ndim - 1))]
    _share(cells, lambda start, stop: kernel(q, previous, start, stop, kind(square), *fixed))


def _share(v: Array, run: Callable[[int, int], Any]) -> list[tuple[int, int]]:
    """Run (start, stop) over slabs of the first axis in threads; the slabs."""
    planes = v.shape[1]
    workers = max(1, min(torch.get_num_threads(), v.size // 2 // _SHARE, planes // 2))
    slabs = list(pairwise(planes * part // workers for part in range(workers + 1)))
    others = [_pool(workers).submit(run, *slab) for slab in slabs[1:]]
    try:
        run(*slabs[0])
    finally:
        for other in others:
            other.result()
    return slabs


def _pool(workers: int) -> ThreadPoolExecutor:
    key = (os.getpid(), workers)
    if key not in _pools:
        _pools[key] = ThreadPoolExecutor(workers - 1, "halflife-strings")
    return _pools[key]
