"""The kernel: an update of some tiles of 256 entries, compiled once for each kind of arguments.

It walks a table of addresses, so that one call updates all tensors of a group, and a tile stays in
the first cache. In float32 and float64 the roundings are those of `update_each` one by one, fused
multiply-adds included.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba.extending import overload

from halflife.optim import eight_bit, philox
from halflife.optim.cpu import functions, memory
from halflife.optim.cpu.compiled import INLINED, OPTIONS
from halflife.optim.cpu.functions import direction
from halflife.optim.cpu.memory import (
    cast,
    fetch,
    fma,
    got,
    load_bf16,
    load_code,
    load_f32,
    load_f64,
    load_size,
    put,
    rounded_bf16,
    store_bf16,
    store_code,
    store_f32,
    store_f64,
    store_noisy,
    store_size,
    store_word,
)
from halflife.threads import shared

TILE = eight_bit.BLOCK
AHEAD = 1024
"""How many bytes before their use numbers are fetched: hides the memory's latency."""

# What a kernel is specialised by: the types of its arguments. A column has one row a tensor.


class Float32(NamedTuple):
    """Numbers stored as float32."""

    at: Any


class Float64(NamedTuple):
    """Numbers stored as float64."""

    at: Any


class Bfloat16(NamedTuple):
    """Numbers stored as bfloat16."""

    at: Any


class EightBit(NamedTuple):
    """Numbers stored as codes of `eight_bit`."""

    at: Any
    scales: Any


class Nearest(NamedTuple):
    """Weights stored to the nearest."""

    at: Any


class Stochastic(NamedTuple):
    """Weights stored by `rounding.stochastic`."""

    at: Any  # numbers of the tensors
    seed: np.uint64
    step: np.uint64


class Kahan(NamedTuple):
    """Weights stored by `rounding.kahan`."""

    at: Any  # of what was lost


class Factors(NamedTuple):
    """The numbers of an `Update`, in the dtype of the arithmetic."""

    gradient: Any
    beta1: Any
    rest1: Any
    beta2: Any
    rest2: Any
    keep: Any
    length: Any


# What the kernel does differently for each kind of argument: `overload` tells Numba which of the
# inner functions to compile. Python never calls these.


def _size(column):
    """Bytes of an entry."""


@overload(_size, jit_options=INLINED)
def _(column):
    size = {Float32: 4, Float64: 8, Bfloat16: 2, EightBit: 1}[column.instance_class]
    return lambda column: size


def _scale(column, row, tile):
    """The scale of a tile of codes."""


@overload(_scale, jit_options=INLINED)
def _(column, row, tile):
    if column.instance_class is EightBit:
        return lambda column, row, tile: load_f32(column.scales[row], tile)
    return lambda column, row, tile: np.float32(1)


def _read(column, address, i, scale):
    """Entry i of the tile at an address."""


@overload(_read, jit_options=INLINED)
def _(column, address, i, scale):
    def decode(column, address, i, scale):
        root = load_code(address, i) / np.float32(eight_bit.STEPS)
        return abs(root) * root * scale

    return {
        Float32: lambda column, address, i, scale: load_f32(address, i),
        Float64: lambda column, address, i, scale: load_f64(address, i),
        Bfloat16: lambda column, address, i, scale: load_bf16(address, i),
        EightBit: decode,
    }[column.instance_class]


def _write(column, address, i, x, held):
    """Store entry i of a tile; codes are held back until the tile's largest entry is known."""


@overload(_write, jit_options=INLINED)
def _(column, address, i, x, held):
    one, two = np.float32(0), np.float64(0)
    return {
        Float32: lambda column, address, i, x, held: store_f32(address, i, cast(x, one)),
        Float64: lambda column, address, i, x, held: store_f64(address, i, cast(x, two)),
        Bfloat16: lambda column, address, i, x, held: store_bf16(address, i, cast(x, one)),
        EightBit: lambda column, address, i, x, held: store_f32(held, i, cast(x, one)),
    }[column.instance_class]


def _encode(column, row, tile, address, held, n):
    """Store what `_write` held back."""


@overload(_encode, jit_options=INLINED)
def _(column, row, tile, address, held, n):
    def encode(column, row, tile, address, held, n):
        largest = np.int32(0)
        for i in range(n):  # sizes are ordered as their bits are, NaN last
            largest = max(largest, load_size(held, i))
        store_size(column.scales[row], tile, largest)
        scale = load_f32(column.scales[row], tile)
        part = np.float32(1) if scale == np.float32(0) else scale
        for i in range(n):
            x = load_f32(held, i) / part
            root = math.sqrt(abs(x)) * np.float32(eight_bit.STEPS)
            store_code(address, i, -root if x < np.float32(0) else root)

    if column.instance_class is EightBit:
        return encode
    return lambda column, row, tile, address, held, n: None


def _beside(rounding, row, tile, noise, n):
    """The address of a tile's noise, or of what its weights lost."""


@overload(_beside, jit_options=INLINED)
def _(rounding, row, tile, noise, n):
    def philox_bits(rounding, row, tile, noise, n):
        word = np.uint64(philox.WORD)
        half = np.uint64(32)
        m0, m1 = np.uint64(philox.MULTIPLIERS[0]), np.uint64(philox.MULTIPLIERS[1])
        for j in range((n + 7) // 8):
            at = np.uint64(tile * (TILE // 8) + j)
            c0, c1, c2, c3 = at & word, at >> half, np.uint64(rounding.at[row]), np.uint64(0)
            k0, k1 = rounding.seed, rounding.step
            for _ in range(philox.ROUNDS):
                a, b = c0 * m0, c2 * m1
                c0, c1, c2, c3 = (b >> half) ^ c1 ^ k0, b & word, (a >> half) ^ c3 ^ k1, a & word
                k0, k1 = (
                    (k0 + np.uint64(philox.WEYL[0])) & word,
                    (k1 + np.uint64(philox.WEYL[1])) & word,
                )
            store_word(noise, 4 * j, c0)
            store_word(noise, 4 * j + 1, c1)
            store_word(noise, 4 * j + 2, c2)
            store_word(noise, 4 * j + 3, c3)
        return noise

    return {
        Nearest: lambda rounding, row, tile, noise, n: noise,
        Kahan: lambda rounding, row, tile, noise, n: rounding.at[row] + tile * TILE * 2,
        Stochastic: philox_bits,
    }[rounding.instance_class]


def _round(rounding, column, address, i, x, beside):
    """Store weight i of a tile."""


@overload(_round, jit_options=INLINED)
def _(rounding, column, address, i, x, beside):
    def kahan(rounding, column, address, i, x, beside):
        exact = x + load_bf16(beside, i)
        store_bf16(address, i, exact)
        store_bf16(beside, i, exact - rounded_bf16(exact))

    return {
        Nearest: lambda rounding, column, address, i, x, beside: _write(
            column, address, i, x, address
        ),
        Stochastic: lambda rounding, column, address, i, x, beside: store_noisy(
            address, i, x, beside, i
        ),
        Kahan: kahan,
    }[rounding.instance_class]


@shared(memory, functions, eight_bit, philox, **OPTIONS)
def run(worker, low, high, K, p, g, m, rounding, f, counts, first):
    """Update the tiles low to high − 1; a tensor has `counts` entries, from tile `first` on."""
    directions = np.empty(TILE, np.float64)
    averages = np.empty(TILE, np.float32)
    noises = np.empty(TILE, np.uint32)
    u, held, noise = directions.ctypes.data, averages.ctypes.data, noises.ctypes.data
    one = np.float32(1)
    row = 0
    for tile in range(low, high):
        while tile >= first[row + 1]:
            row += 1
        at = tile - first[row]
        n = min(TILE, counts[row] - at * TILE)
        p_at = p.at[row] + at * TILE * _size(p)
        g_at = g.at[row] + at * TILE * _size(g)
        m_at = m.at[row] + at * TILE * _size(m)
        for offset in range(AHEAD, AHEAD + TILE * _size(g), 64):
            fetch(g_at, offset)
        for offset in range(AHEAD, AHEAD + TILE * _size(m), 64):
            fetch(m_at, offset)
        scale = _scale(m, row, at)
        for i in range(n):
            x = cast(_read(g, g_at, i, one), f.keep) * f.gradient
            a = cast(_read(m, m_at, i, scale), f.keep)
            put(u, i, K.scale * direction(K, fma(x, f.rest1, a * f.beta1)))
            _write(m, m_at, i, fma(x, f.rest2, a * f.beta2), held)
        _encode(m, row, at, m_at, held, n)
        for offset in range(AHEAD, AHEAD + TILE * _size(p), 64):
            fetch(p_at, offset)
        beside = _beside(rounding, row, at, noise, n)
        for i in range(n):
            x = cast(_read(p, p_at, i, one), f.keep) * f.keep
            _round(rounding, p, p_at, i, fma(got(u, i, f.keep), f.length, x), beside)
    # Numba frees an array after its last use, and taking its address is none: without these
    # uses another thread may be given memory that this loop still writes to.
    directions[0], averages[0], noises[0] = 0.0, 0.0, 0
