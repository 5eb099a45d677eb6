"""The step on the processor: Numba's loops over rows, in place, shared out to threads.

A fused step needs the old φ of its neighbours, so PyTorch's writes into a second field. Here the
drift of a row follows the kick of the row above and behind it: the last to ask for its old values
has then been served, they are still in the cache, and each number is read and written once a step.
The planes are cut into tiles of rows so that three of φ and two of v fit the cache, and the rows
that come next are asked for in time. Threads take slabs of planes, and leave the drift of the
planes where two slabs meet to the end.

The order of additions is that of `stencil.py`, and nothing is contracted, so the bits are the same.
Two or three axes; compiled at the first call and kept on disk. `lanes.py` is the innermost loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from halflife.strings.lattice import lanes
from halflife.threads import Edges, Shared, shared

if TYPE_CHECKING:
    from halflife.strings.lattice.engines import Late

Array = NDArray[Any]
_SHARE = 1 << 15
"""Cells that a thread must have to be worth waking."""
_TILE = 1 << 17
"""Bytes of a tile of one plane, of both components: five such and what is fetched fit 2 MiB."""
_AHEAD = 4
"""Rows by which memory is asked for before it is needed."""
_FAR = 1 << 12
"""Bytes by which it is in two axes, whose rows may be long."""

_BYTES = lanes.BYTES
_drift: Any = lanes.drift
_drift_one: Any = lanes.drift_one
_copy_one: Any = lanes.copy_one
_fetch: Any = lanes.fetch
_kick_2: Any = lanes.kick_2
_kick_2_one: Any = lanes.kick_2_one
_damped_2: Any = lanes.damped_2
_damped_2_one: Any = lanes.damped_2_one
_kick_3: Any = lanes.kick_3
_kick_3_one: Any = lanes.kick_3_one
_damped_3: Any = lanes.damped_3
_damped_3_one: Any = lanes.damped_3_one

_inner = njit(inline="always", error_model="numpy")

_shared = shared(lanes, error_model="numpy")


def _summed(function: Any) -> Any:
    """Like `_inner`, for a sum in float64 whose order does not matter."""
    return njit(function, error_model="numpy", fastmath={"reassoc"}, nogil=True)


# q is φ with its halo, v the velocity without; a, b the times of kick and drift; c = 1/h², m twice
# the number of axes, o = 1, e = h/(2r), all of the field's type; dx, dy, dz factors of damping. p
# and w are the addresses of a row's first cell in q and v, and n is its length. ends are the bytes
# from there to what a row's own halo copies, below and above, with signs for both components.


@_inner
def _fetch_line(p, w, s, qc, vc):  # type: ignore[no-untyped-def]
    _fetch(p + s)
    _fetch(p + s + qc)
    _fetch(w + s)
    _fetch(w + s + vc)


@_inner
def _drift_row(p, w, n, qc, vc, size, b, ends, signs):  # type: ignore[no-untyped-def]
    step = _BYTES // size
    whole = n // step * step
    for k in range(0, whole, step):
        _drift(p + k * size, w + k * size, qc, vc, b)
    for k in range(whole, n):
        _drift_one(p + k * size, w + k * size, qc, vc, b)
    _copy_one(p + ends[0], p - size, signs[0, 0])  # the row's own halo, while it is in the cache
    _copy_one(p + qc + ends[0], p + qc - size, signs[0, 1])
    _copy_one(p + ends[1], p + n * size, signs[1, 0])
    _copy_one(p + qc + ends[1], p + qc + n * size, signs[1, 1])


@_inner
def _along(start, stop, planes):  # type: ignore[no-untyped-def]
    """The planes of a slab that may drift before its neighbours are kicked, from and to."""
    return start + (start > 0), stop - (stop < planes)


@_shared
def _sweep_3(worker, start, stop, q, v, a, c, m, o, e, b, moves, damped, dx, dy, dz, ends, signs):  # type: ignore[no-untyped-def]
    ny, nz = v.shape[2], v.shape[3]
    first, last = _along(start, stop, v.shape[1])
    q0, v0, d0 = q.ctypes.data, v.ctypes.data, dz.ctypes.data
    qc, qx, qy, size = q.strides
    vc, vx, vy = v.strides[0], v.strides[1], v.strides[2]
    step = _BYTES // size
    whole = nz // step * step
    tile = max(4, _TILE // (2 * nz * size))
    for low in range(0, ny, tile):
        high = min(low + tile, ny)
        for i in range(start, stop):
            for j in range(low, high):
                p, w = q0 + (i + 1) * qx + (j + 1) * qy + size, v0 + i * vx + j * vy
                pf, wf = p + qx + _AHEAD * qy, w + _AHEAD * vy  # what comes next: on this plane,
                if j + _AHEAD >= high:  # or on the one above
                    pf, wf = pf + qx - (high - low) * qy, wf + vx - (high - low) * vy
                _fetch_line(pf, wf, whole * size, qc, vc)  # the rest, if any
                d = dx[i] * dy[j]
                if damped:
                    for k in range(0, whole, step):
                        s = k * size
                        _fetch_line(pf, wf, s, qc, vc)
                        _damped_3(p + s, w + s, qc, qx, qy, vc, a, c, m, o, a, d, d0 + s)
                    for k in range(whole, nz):
                        s = k * size
                        _damped_3_one(p + s, w + s, qc, qx, qy, vc, a, c, m, o, a, d, d0 + s)
                else:
                    for k in range(0, whole, step):
                        s = k * size
                        _fetch_line(pf, wf, s, qc, vc)
                        _kick_3(p + s, w + s, qc, qx, qy, vc, a, c, m, o, a, d, d0)
                    for k in range(whole, nz):
                        s = k * size
                        _kick_3_one(p + s, w + s, qc, qx, qy, vc, a, c, m, o, a, d, d0)
                if moves and i > first and j > 0:
                    _drift_row(p - qx - qy, w - vx - vy, nz, qc, vc, size, b, ends, signs)
        if moves and first < last == stop:  # the last plane, which none will follow
            for j in range(max(low, 1), high):
                p, w = q0 + stop * qx + j * qy + size, v0 + (stop - 1) * vx + (j - 1) * vy
                _drift_row(p, w, nz, qc, vc, size, b, ends, signs)
    if moves:  # the last row of each
        for i in range(first, last):
            p, w = q0 + (i + 1) * qx + ny * qy + size, v0 + i * vx + (ny - 1) * vy
            _drift_row(p, w, nz, qc, vc, size, b, ends, signs)


@_shared
def _sweep_2(worker, start, stop, q, v, a, c, m, o, e, b, moves, damped, dx, dy, dz, ends, signs):  # type: ignore[no-untyped-def]
    n = v.shape[2]
    first, last = _along(start, stop, v.shape[1])
    q0, v0, d0 = q.ctypes.data, v.ctypes.data, dy.ctypes.data
    qc, qx, size = q.strides
    vc, vx = v.strides[0], v.strides[1]
    step = _BYTES // size
    whole = n // step * step
    for i in range(start, stop):
        p, w = q0 + (i + 1) * qx + size, v0 + i * vx
        pf, wf = p + qx + _FAR, w + _FAR
        d = dx[i]
        if damped:
            for k in range(0, whole, step):
                s = k * size
                _fetch_line(pf, wf, s, qc, vc)
                _damped_2(p + s, w + s, qc, qx, qx, vc, a, c, m, o, e[i], d, d0 + s)
            for k in range(whole, n):
                s = k * size
                _damped_2_one(p + s, w + s, qc, qx, qx, vc, a, c, m, o, e[i], d, d0 + s)
        else:
            for k in range(0, whole, step):
                s = k * size
                _fetch_line(pf, wf, s, qc, vc)
                _kick_2(p + s, w + s, qc, qx, qx, vc, a, c, m, o, e[i], d, d0)
            for k in range(whole, n):
                s = k * size
                _kick_2_one(p + s, w + s, qc, qx, qx, vc, a, c, m, o, e[i], d, d0)
        if moves and i > first:
            _drift_row(p - qx, w - vx, n, qc, vc, size, b, ends, signs)
    if moves and first < last == stop:  # the last row, which none will follow
        p, w = q0 + stop * qx + size, v0 + (stop - 1) * vx
        _drift_row(p, w, n, qc, vc, size, b, ends, signs)


@_shared
def _drift_3(worker, start, stop, q, v, outer, b, ends, signs):  # type: ignore[no-untyped-def]
    qc, qx, qy, size = q.strides
    vc, vx, vy = v.strides[0], v.strides[1], v.strides[2]
    first, last = _along(start, stop, v.shape[1])
    for i in range(start, stop):
        if outer and first <= i < last:
            continue
        for j in range(v.shape[2]):
            p = q.ctypes.data + (i + 1) * qx + (j + 1) * qy + size
            _drift_row(p, v.ctypes.data + i * vx + j * vy, v.shape[3], qc, vc, size, b, ends, signs)


@_shared
def _drift_2(worker, start, stop, q, v, outer, b, ends, signs):  # type: ignore[no-untyped-def]
    qc, qx, size = q.strides
    first, last = _along(start, stop, v.shape[1])
    for i in range(start, stop):
        if outer and first <= i < last:
            continue
        p, w = q.ctypes.data + (i + 1) * qx + size, v.ctypes.data + i * v.strides[1]
        _drift_row(p, w, v.shape[2], qc, v.strides[0], size, b, ends, signs)


@_summed
def _taken_row(v, d, dz, low, high):  # type: ignore[no-untyped-def]
    total = 0.0
    for k in range(low, high):
        f = np.float64(d * dz[k]) ** 2
        total += (1 / f - f) * np.float64(v[k]) ** 2
    return total


@_shared
def _taken(worker, start, stop, v, volume, dx, dy, dz, low, high, sums):  # type: ignore[no-untyped-def]
    n = v.shape[3]
    for i in range(start, stop):
        total = 0.0
        for j in range(v.shape[2]):
            d = dx[i] * dy[j]
            for component in range(2):
                row = v[component, i, j]
                if d == 1:  # between the sponges of the last axis nothing is taken
                    total += _taken_row(row, d, dz, 0, low)
                    total += _taken_row(row, d, dz, high, n)
                else:
                    total += _taken_row(row, d, dz, 0, n)
        sums[i] = volume[i] * total / 2


def taken(v: Array, volume: Array, damping: Sequence[Array]) -> float:
    """Σ V v² (d⁻² − d²)/2 in float64.

    Args:
        v: [2, N, …] in two or three axes.
        volume: Of a cell in each plane, [N], float64.
        damping: d, one factor an axis.
    """
    dx, *others = damping
    if v.ndim == 3:
        v = v[:, :, None]
        others.insert(0, np.ones(1, v.dtype))
    free = np.flatnonzero(others[1] == 1)
    low = high = len(others[1])
    if len(free) and free[-1] - free[0] + 1 == len(free):
        low, high = int(free[0]), int(free[-1]) + 1
    sums = np.zeros(v.shape[1])
    _taken(*_slabs(v), v, volume, dx, *others, low, high, sums)
    return float(sums.sum())


def constants(q: Array, inverse_square: float, slope: Array | None) -> tuple[Any, ...]:
    """(c, m, o, e) as every kernel wants them."""
    kind = q.dtype.type
    e = np.zeros(q.shape[1] - 2, q.dtype) if slope is None else slope
    return kind(inverse_square), kind(2 * (q.ndim - 1)), kind(1), e


def halo(
    q: Array, low: tuple[bool, int, int] | None = None, high: tuple[bool, int, int] | None = None
) -> tuple[Array, Array]:
    """What the halo of the last axis becomes after a drift, as every kernel wants it.

    Args:
        q: φ with its halo.
        low: None if it keeps its values; or whether it copies the far side (else the nearest
            cell), and a sign for each component.
        high: The same above.
    """
    last = q.shape[-1] - 3
    ends, signs = np.array([-1, last + 1]), np.ones((2, 2), q.dtype)
    for side, given in enumerate((low, high)):
        if given is not None:
            far, *signs[side] = given
            ends[side] = last if far == (side == 0) else 0
    return ends * q.itemsize, signs


def kick(q: Array, v: Array, a: float, fixed: tuple[Any, ...]) -> None:
    """Kick: v ← v + a F(φ).

    Args:
        q: φ with its halo, [2, N + 2, …], in two or three axes; its rows may be longer.
        v: [2, N, …]; changed.
        a: The time.
        fixed: From `constants`.
    """
    kernel, arguments = _sweep(q, v, (a, 0.0), fixed, None, halo(q), moves=False)
    kernel(*_slabs(v), *arguments)


def drift(q: Array, v: Array, b: float, ends: tuple[Array, Array]) -> None:
    """Drift: φ ← φ + b v; then the rows' halo, by `ends` from `halo`."""
    kernel = _drift_3 if q.ndim == 4 else _drift_2
    _whole(q, v)
    kernel(*_slabs(v), q, v, False, q.dtype.type(b), *ends)


def kick_drift(
    q: Array,
    v: Array,
    times: tuple[float, float],
    fixed: tuple[Any, ...],
    ends: tuple[Array, Array],
    damping: tuple[Array, ...] | None = None,
    late: Late | None = None,
) -> None:
    """Kick and drift: v ← v + a F(φ), φ ← φ + b v, in place; damped, v ← d (d v + a F(φ)).

    Args:
        q: φ with its halo, as of `kick`; its inside is changed.
        v: [2, N, …]; changed.
        times: (a, b).
        fixed: From `constants`.
        ends: From `halo`: what the last axis's halo becomes.
        damping: None, or d as one factor an axis, of the field's type.
        late: The halo planes, if any, that are still on their way.
    """
    kernel, arguments = _sweep(q, v, times, fixed, damping, ends, moves=True)
    if late is None:
        slabs, threads = _slabs(v)
        kernel(slabs, threads, *arguments)
    else:
        low, planes = int(late.low), v.shape[1]
        inner, threads = _slabs(v[:, low : planes - int(late.high)])
        kernel(low + inner, threads, *arguments)
        late.arrive()
        slabs = np.unique([0, *(low + inner), planes])
        for plane in [0] * late.low + [planes - 1] * late.high:
            kernel(np.array([plane, plane + 1]), 1, *arguments)
    drift = _drift_3 if q.ndim == 4 else _drift_2
    drift(slabs, threads, q, v, True, q.dtype.type(times[1]), *ends)


def _sweep(
    q: Array,
    v: Array,
    times: tuple[float, float],
    fixed: tuple[Any, ...],
    damping: tuple[Array, ...] | None,
    ends: tuple[Array, Array],
    *,
    moves: bool,
) -> tuple[Shared, tuple[Any, ...]]:
    """What kicks slabs, and drifts all planes but those where two slabs meet if it moves."""
    _whole(q, v)
    kernel = _sweep_3 if q.ndim == 4 else _sweep_2
    a, b = map(q.dtype.type, times)
    factors = [np.ones(n, q.dtype) for n in v.shape[1:]] if damping is None else list(damping)
    factors += factors[-1:] * (3 - len(factors))
    factors = [np.ascontiguousarray(factor) for factor in factors]
    return kernel, (q, v, a, *fixed, b, moves, damping is not None, *factors, *ends)


def _whole(q: Array, v: Array) -> None:
    """The kernels go by address, so nothing else may come to them."""
    if not (q.flags.c_contiguous and v.flags.c_contiguous and q.dtype == v.dtype):
        raise ValueError("q and v must be contiguous and of one type; take Field's own tensors.")
    *outer, length = (2, *(n + 2 for n in v.shape[1:]))
    if list(q.shape[:-1]) != outer or q.shape[-1] < length or v.shape[0] != 2:
        raise ValueError(f"q must be v's shape with a halo, got {q.shape} and {v.shape}.")


def _slabs(v: Array) -> tuple[Edges, int]:
    """Where to cut the first axis, and how many threads there are for the slabs."""
    planes = v.shape[1]
    threads = max(1, min(torch.get_num_threads(), v.size // 2 // _SHARE, planes // 2))
    # Several slabs a thread: one that the system takes away for a while holds up few.
    pieces = threads if threads == 1 or planes < 64 * threads else 4 * threads
    return planes * np.arange(pieces + 1) // pieces, threads
