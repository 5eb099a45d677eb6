"""The kernel: a program finds its tensor in a table of addresses and updates one tile of it.

Offsets have 64 bits, and all numbers that may change are read from the device, so that a CUDA graph
can hold the launch.
"""

import triton
import triton.language as tl

from halflife.optim.gpu.functions import direction
from halflife.optim.gpu.memory import (
    BLOCK,
    encode,
    load,
    nearest_half,
    pointer,
    read,
    upper_half,
    write,
)

TILE = 2048
"""Entries of a program: a multiple of `eight_bit.BLOCK`."""
WARPS = 8


@triton.jit
def random_16(start, number, key, SIZE: tl.constexpr):
    """`philox.random_16` of the entries from `start`: one draw for eight of them."""
    at = start // 8 + tl.arange(0, SIZE // 8).to(tl.int64)
    c0, c1 = (at & 0xFFFFFFFF).to(tl.uint32), (at >> 32).to(tl.uint32)
    zero = c0 * 0
    a, b, c, d = tl.philox(key, c0, c1, zero + number.to(tl.uint32), zero)
    even = tl.interleave(
        tl.interleave(a & 0xFFFF, c & 0xFFFF), tl.interleave(b & 0xFFFF, d & 0xFFFF)
    )
    odd = tl.interleave(tl.interleave(a >> 16, c >> 16), tl.interleave(b >> 16, d >> 16))
    return tl.interleave(even, odd)


@triton.jit
def update_tile(
    table,
    rows,
    row,
    numbers,
    key,
    tile,
    at,
    inside,
    count,
    K: tl.constexpr,
    P: tl.constexpr,
    G: tl.constexpr,
    M: tl.constexpr,
    ROUNDING: tl.constexpr,
    ALIGNED: tl.constexpr,
):
    """Update the entries `at` that are `inside`; None if all are."""
    wide: tl.constexpr = tl.float64 if P == "float64" else tl.float32
    p = tl.load(table + row)
    g = tl.load(table + rows + row)
    m = tl.load(table + 2 * rows + row)
    scales = tl.load(table + 3 * rows + row)
    lost = tl.load(table + 4 * rows + row)
    gradient = tl.load(numbers).to(wide)
    beta1 = tl.load(numbers + 1).to(wide)
    rest1 = tl.load(numbers + 2).to(wide)
    beta2 = tl.load(numbers + 3).to(wide)
    rest2 = tl.load(numbers + 4).to(wide)
    keep = tl.load(numbers + 5).to(wide)
    length = tl.load(numbers + 6).to(wide)
    scale = tl.load(numbers + 7).to(wide)
    e1 = tl.load(numbers + 8).to(wide)
    e2 = tl.load(numbers + 9).to(wide)
    full = tl.zeros(at.shape, wide)

    x = read(g, at, inside, G, ALIGNED).to(wide) * gradient
    a = read(m, at, inside, M, ALIGNED)
    if M == "int8":
        block = pointer(scales, tl.float32, False) + at // BLOCK
        a = tl.abs(a) * a * load(block, inside)
    a = a.to(wide)
    u = scale * direction(tl.fma(x, full + rest1, a * beta1), e1, e2, K)
    a = tl.fma(x, full + rest2, a * beta2)
    if M == "int8":
        encode(m, scales, tile, at, a.to(tl.float32), inside, count, ALIGNED)
    else:
        write(m, at, a, inside, M, ALIGNED)
    y = read(p, at, inside, P, ALIGNED).to(wide) * keep
    y = tl.fma(u, full + length, y)
    if ROUNDING == "kahan":
        exact = y + read(lost, at, inside, "bfloat16", ALIGNED)
        half = nearest_half(exact)
        stored = (half.to(tl.uint32) << 16).to(tl.float32, bitcast=True)
        tl.store(pointer(p, tl.uint16, ALIGNED) + at, half, mask=inside)
        write(lost, at, exact - stored, inside, "bfloat16", ALIGNED)
    elif ROUNDING == "stochastic":
        number = tl.load(table + 5 * rows + row)
        noise = random_16(tile * at.shape[0], number, tl.load(key), at.shape[0])
        half = upper_half(y, y.to(tl.uint32, bitcast=True) + noise)
        tl.store(pointer(p, tl.uint16, ALIGNED) + at, half, mask=inside)
    else:
        write(p, at, y, inside, P, ALIGNED)


@triton.jit
def kernel(
    table,
    row_of,
    numbers,
    key,
    found_inf,
    rows,
    K: tl.constexpr,
    P: tl.constexpr,
    G: tl.constexpr,
    M: tl.constexpr,
    ROUNDING: tl.constexpr,
    FOUND: tl.constexpr,
    ALIGNED: tl.constexpr,
    SIZE: tl.constexpr,
):
    program = tl.program_id(0)
    row = tl.load(row_of + program)
    count = tl.load(table + 6 * rows + row)
    tile = program.to(tl.int64) - tl.load(table + 7 * rows + row)
    at = tile * SIZE + tl.arange(0, SIZE).to(tl.int64)
    if FOUND:
        count = tl.where(tl.load(found_inf) == 0, count, 0)
    if (tile + 1) * SIZE <= count:  # without a mask, memory is read in wide words
        update_tile(
            table, rows, row, numbers, key, tile, at, None, count,
            K, P, G, M, ROUNDING, ALIGNED,
        )  # fmt: skip
    else:
        update_tile(
            table, rows, row, numbers, key, tile, at, at < count, count,
            K, P, G, M, ROUNDING, ALIGNED,
        )  # fmt: skip
