"""The update in one pass over memory on the CPU, by Numba: for K that are sums over entries.

A kernel walks a table of addresses, so that one call updates all tensors of a group, in tiles of
256 entries that stay in the first cache. It is compiled once for each kind of K and of stored
numbers, in about a second, and kept on disk. Threads take neighbouring tiles; an entry's result
depends on nothing but that entry (or its block of 8-bit codes), so any number of threads gives the
same bits.

In float32 and float64 the roundings are those of `update_each` one by one, fused multiply-adds
included. Knows nothing of groups or of when it is chosen.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload
from torch import Tensor
from torch.autograd.graph import increment_version
from torch.nn import Parameter

from halflife.optim import eight_bit, kappa, philox
from halflife.optim.kappa import Kappa
from halflife.optim.slot import Slot, Update

TILE = eight_bit.BLOCK
AHEAD = 4096
"""How many bytes before their use numbers are fetched: hides the memory's latency."""
SHARE = 1 << 16
"""Entries that a thread must have to be worth waking."""
OPTIONS: Any = {"error_model": "numpy"}  # division by 0 as in IEEE 754, which a vector can do
INLINED: Any = {"forceinline": True, **OPTIONS}

_inner = njit(**INLINED)


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


# The functions K: the numbers in ∇K.


class _Zero(NamedTuple):
    scale: Any


class _One(NamedTuple):
    scale: Any
    e: Any


class L1(_Zero):
    """∇K = sign z."""


class Asinh(_Zero):
    """∇K = asinh z."""


class Quadratic(_Zero):
    """∇K = z."""


class Symlog(_Zero):
    """∇K = sign(z) ln(1 + |z|)."""


class Arctan(_One):
    """∇K = (2/π) atan(z/e)."""


class DeadZone(_One):
    """∇K = sign(z) where |z| > e."""


class Huber(_One):
    """∇K = clip(z/e, −1, 1)."""


class LogCosh(_One):
    """∇K = tanh(ez)."""


class Power(_One):
    """∇K = sign(z) |z|ᵉ."""


class Relativistic(_One):
    """∇K = z/√(z² + e)."""


class Softsign(_One):
    """∇K = z/(e + |z|)."""


class Elastic(NamedTuple):
    """∇K = sign(z) clip((|z| − e1)/e2, 0, 1)."""

    scale: Any
    e1: Any
    e2: Any


_ARGUMENTS: dict[type[Kappa], tuple[Callable[..., Any], Callable[[Any], tuple[float, ...]]]] = {
    kappa.L1: (L1, lambda K: ()),
    kappa.Asinh: (Asinh, lambda K: ()),
    kappa.Quadratic: (Quadratic, lambda K: ()),
    kappa.Symlog: (Symlog, lambda K: ()),
    kappa.Arctan: (Arctan, lambda K: (K.e,)),
    kappa.DeadZone: (DeadZone, lambda K: (K.e,)),
    kappa.Elastic: (Elastic, lambda K: (K.e1, K.e2)),
    kappa.Huber: (Huber, lambda K: (K.e,)),
    kappa.LogCosh: (LogCosh, lambda K: (K.b,)),
    kappa.Power: (Power, lambda K: (K.p - 1,)),
    kappa.Relativistic: (Relativistic, lambda K: (K.e**2,)),
    kappa.Softsign: (Softsign, lambda K: (K.e,)),
}

# Memory by address, and the instructions that Numba has no word for.

_I8, _I16, _I32 = ir.IntType(8), ir.IntType(16), ir.IntType(32)
_F32, _F64 = ir.FloatType(), ir.DoubleType()
_QUIET_NAN = 0x7FC0  # of bfloat16


def _place(builder: Any, address: Any, index: Any, kind: Any) -> Any:
    return builder.gep(builder.inttoptr(address, kind.as_pointer()), [index])


def _loader(kind: Any, result: Any, widen: Callable[[Any, Any], Any]) -> Any:
    """(address, index) → the number there."""

    @intrinsic
    def load(typing: Any, address: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return widen(builder, builder.load(_place(builder, *arguments, kind)))

        return result(types.int64, types.int64), generate

    return load


def _storer(kind: Any, given: Any, narrow: Callable[[Any, Any], Any]) -> Any:
    """(address, index, number): store it there."""

    @intrinsic
    def store(typing: Any, address: Any, index: Any, number: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address, index, number = arguments
            builder.store(narrow(builder, number), _place(builder, address, index, kind))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, given), generate

    return store


def _same(builder: Any, number: Any) -> Any:
    return number


def _from_bfloat16(b: Any, x: Any) -> Any:
    return b.bitcast(b.shl(b.zext(x, _I32), _I32(16)), _F32)


def _upper_half(b: Any, x: Any, bits: Any) -> Any:
    """The bfloat16 in the upper half of 32 bits, but NaN if x is."""
    half = b.trunc(b.lshr(bits, _I32(16)), _I16)
    return b.select(b.fcmp_unordered("uno", x, x), _I16(_QUIET_NAN), half)


def _to_bfloat16(b: Any, x: Any) -> Any:
    """To the nearest, ties to even."""
    bits = b.bitcast(x, _I32)
    odd = b.and_(b.lshr(bits, _I32(16)), _I32(1))
    return _upper_half(b, x, b.add(bits, b.add(odd, _I32(0x7FFF))))


def _to_code(b: Any, x: Any) -> Any:
    """The nearest whole number, ties to even, as int8; 0 of NaN."""
    nearest = b.call(b.module.declare_intrinsic("llvm.rint", [_F32]), [x])
    number = b.select(b.fcmp_unordered("uno", x, x), _F32(0.0), nearest)
    return b.trunc(b.fptosi(number, _I32), _I8)


_load_f32 = _loader(_F32, types.float32, _same)
_load_f64 = _loader(_F64, types.float64, _same)
_load_bf16 = _loader(_I16, types.float32, _from_bfloat16)
_load_code = _loader(_I8, types.float32, lambda b, x: b.sitofp(x, _F32))
_load_size = _loader(_I32, types.int32, lambda b, x: b.and_(x, _I32(0x7FFFFFFF)))  # bits of |x|
_store_f32 = _storer(_F32, types.float32, _same)
_store_f64 = _storer(_F64, types.float64, _same)
_store_bf16 = _storer(_I16, types.float32, _to_bfloat16)
_store_code = _storer(_I8, types.float32, _to_code)
_store_word = _storer(_I32, types.uint64, lambda b, x: b.trunc(x, _I32))
_store_size = _storer(_I32, types.int32, _same)


@intrinsic
def _store_noisy(typing: Any, address: Any, index: Any, number: Any, noise: Any, at: Any) -> Any:
    """Store a float32 as bfloat16: add the 16 bits at an index of the noise, cut off as many."""

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        address, index, number, noise, at = arguments
        bits = b.zext(b.load(_place(b, noise, at, _I16)), _I32)
        bits = b.add(b.bitcast(number, _I32), bits)
        b.store(_upper_half(b, number, bits), _place(b, address, index, _I16))
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, i, types.float32, i, i), generate


@intrinsic
def _rounded_bf16(typing: Any, number: Any) -> Any:
    """A float32 rounded to bfloat16, as float32."""

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        return _from_bfloat16(b, _to_bfloat16(b, arguments[0]))

    return types.float32(types.float32), generate


@intrinsic
def _fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return a(a, a, a), generate


@intrinsic
def _as(typing: Any, number: Any, like: Any) -> Any:
    """A number in the float type of another."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.cast(builder, arguments[0], number, like)

    return like(number, like), generate


@intrinsic
def _fetch(typing: Any, address: Any, offset: Any) -> Any:
    """Ask for the line of memory at an address, which need not exist."""

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        place = b.inttoptr(b.add(*arguments), _I8.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, _I32, _I32, _I32])
        prefetch = b.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        b.call(prefetch, [place, _I32(0), _I32(3), _I32(1)])  # to read, into every cache, data
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def _put(typing: Any, address: Any, index: Any, number: Any) -> Any:
    """Store a number in its own type."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, index, x = arguments
        builder.store(x, _place(builder, address, index, x.type))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, number), generate


@intrinsic
def _got(typing: Any, address: Any, index: Any, like: Any) -> Any:
    """What `_put` stored, a number of the type of `like`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, index, x = arguments
        return builder.load(_place(builder, address, index, x.type))

    return like(types.int64, types.int64, like), generate


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
        return lambda column, row, tile: _load_f32(column.scales[row], tile)
    return lambda column, row, tile: np.float32(1)


def _read(column, address, i, scale):
    """Entry i of the tile at an address."""


@overload(_read, jit_options=INLINED)
def _(column, address, i, scale):
    def decode(column, address, i, scale):
        root = _load_code(address, i) / np.float32(eight_bit.STEPS)
        return abs(root) * root * scale

    return {
        Float32: lambda column, address, i, scale: _load_f32(address, i),
        Float64: lambda column, address, i, scale: _load_f64(address, i),
        Bfloat16: lambda column, address, i, scale: _load_bf16(address, i),
        EightBit: decode,
    }[column.instance_class]


def _write(column, address, i, x, held):
    """Store entry i of a tile; codes are held back until the tile's largest entry is known."""


@overload(_write, jit_options=INLINED)
def _(column, address, i, x, held):
    one, two = np.float32(0), np.float64(0)
    return {
        Float32: lambda column, address, i, x, held: _store_f32(address, i, _as(x, one)),
        Float64: lambda column, address, i, x, held: _store_f64(address, i, _as(x, two)),
        Bfloat16: lambda column, address, i, x, held: _store_bf16(address, i, _as(x, one)),
        EightBit: lambda column, address, i, x, held: _store_f32(held, i, _as(x, one)),
    }[column.instance_class]


def _encode(column, row, tile, address, held, n):
    """Store what `_write` held back."""


@overload(_encode, jit_options=INLINED)
def _(column, row, tile, address, held, n):
    def encode(column, row, tile, address, held, n):
        largest = np.int32(0)
        for i in range(n):  # sizes are ordered as their bits are, NaN last
            largest = max(largest, _load_size(held, i))
        _store_size(column.scales[row], tile, largest)
        scale = _load_f32(column.scales[row], tile)
        part = np.float32(1) if scale == np.float32(0) else scale
        for i in range(n):
            x = _load_f32(held, i) / part
            root = math.sqrt(abs(x)) * np.float32(eight_bit.STEPS)
            _store_code(address, i, -root if x < np.float32(0) else root)

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
            _store_word(noise, 4 * j, c0)
            _store_word(noise, 4 * j + 1, c1)
            _store_word(noise, 4 * j + 2, c2)
            _store_word(noise, 4 * j + 3, c3)
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
        exact = x + _load_bf16(beside, i)
        _store_bf16(address, i, exact)
        _store_bf16(beside, i, exact - _rounded_bf16(exact))

    return {
        Nearest: lambda rounding, column, address, i, x, beside: _write(
            column, address, i, x, address
        ),
        Stochastic: lambda rounding, column, address, i, x, beside: _store_noisy(
            address, i, x, beside, i
        ),
        Kahan: kahan,
    }[rounding.instance_class]


# The functions of float32, computed in float64 without branches, so that they become vector code:
# Numba has no vector form of the C library's. Errors are below a last place of float32. Of float64
# the C library's are taken.


@intrinsic
def _bits(typing: Any, x: Any) -> Any:
    """The bits of a float64, as int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def _of_bits(typing: Any, x: Any) -> Any:
    """The float64 that has these bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _F64)

    return types.float64(types.int64), generate


LN2 = math.log(2)
_TO_WHOLE = 1.5 * 2.0**52  # added to x, leaves the nearest whole number in the last bits


@_inner
def _series(x, coefficients):
    """Σ coefficients[k] xᵏ."""
    y = 0.0
    for k in range(len(coefficients)):
        y = y * x + coefficients[len(coefficients) - 1 - k]
    return y


EXP = tuple(1 / math.factorial(k) for k in range(10))
ATANH = tuple(1 / (2 * k + 1) for k in range(7))  # of x², after x
ATAN = tuple((-1) ** k / (2 * k + 1) for k in range(11))
TANH = (1.0, -1 / 3, 2 / 15, -17 / 315, 62 / 2835)
LN2 = math.log(2)
TO_WHOLE = 1.5 * 2.0**52  # added to x, leaves the nearest whole number in the last bits
ROOT_HALF = int(np.float64(math.sqrt(0.5)).view(np.int64))


@_inner
def _exp(x):
    """eˣ for |x| ≤ 700."""
    shifted = x / LN2 + TO_WHOLE
    y = _series(x - (shifted - TO_WHOLE) * LN2, EXP)
    return _of_bits(_bits(y) + (_bits(shifted) << 52))


@_inner
def _log(a, less):
    """Ln a for a normal a > 0, as 2 atanh of (f − 1)/(f + 1) with a = f·2ⁿ; `less` is a − 1."""
    power = (_bits(a) - ROOT_HALF) >> 52  # so that f is in [√½, √2)
    f = _of_bits(_bits(a) - (power << 52))
    s = (less if power == 0 else f - 1) / (f + 1)
    return 2 * s * _series(s * s, ATANH) + power * LN2


@_inner
def _log1p(a):
    """ln(1 + a) for a ≥ 0."""
    return _log(a + 1, a) if a < math.inf else a


@_inner
def _tanh(a):
    """For a ≥ 0."""
    return a * _series(a * a, TANH) if a < 0.1 else 1 - 2 / (_exp(2 * min(a, 20.0)) + 1)


@_inner
def _atan(a):
    """For a ≥ 0, from the angle to 0, π/4 or π/2."""
    far, middle = a > 1 + math.sqrt(2), a > math.sqrt(2) - 1
    above = -1.0 if far else (a - 1 if middle else a)
    below = a if far else (a + 1 if middle else 1.0)
    s = above / below
    return s * _series(s * s, ATAN) + (math.pi / 2 if far else (math.pi / 4 if middle else 0.0))


@_inner
def _asinh(a):
    """For a ≥ 0 in the range of float32, or inf."""
    return _log1p(a + a * a / (1 + math.sqrt(1 + a * a))) if a < math.inf else a


@_inner
def _power(a, exponent):
    """For an a ≥ 0 of float32 and an exponent > 0."""
    far = 1e9 if a == math.inf else 0.0  # 0 needs no care: `_signed` puts it right
    return _exp(max(min(exponent * _log(a, a - 1) + far, 700.0), -700.0))


@_inner
def _sign(c):
    """The sign; 0 of 0 and −0, NaN of NaN."""
    one, zero = _as(1.0, c), _as(0.0, c)
    return one if c > zero else (-one if c < zero else c - c)


@_inner
def _signed(size, c):
    """A size with the sign of c; 0 of 0, NaN of NaN."""
    zero = _as(0.0, c)
    return size if c > zero else (-size if c < zero else c - c)


@_inner
def _clip(x, low, high):
    return low if x < low else (high if x > high else x)


def _direction(K, c):
    """∇K(c)/ρ."""


@overload(_direction, jit_options=INLINED)
def _(K, c):
    short, long = DIRECTIONS[K.instance_class]
    return short if c == types.float32 else long


def _both(function):
    return function, function


DIRECTIONS: dict[Any, tuple[Any, Any]] = {
    L1: _both(lambda K, c: _sign(c)),
    Quadratic: _both(lambda K, c: c),
    DeadZone: _both(lambda K, c: _signed(_as(0.0, c) if abs(c) <= K.e else _as(1.0, c), c)),
    Huber: _both(lambda K, c: _clip(c / K.e, _as(-1.0, c), _as(1.0, c))),
    Elastic: _both(
        lambda K, c: _signed(_clip((abs(c) - K.e1) / K.e2, _as(0.0, c), _as(1.0, c)), c)
    ),
    Relativistic: _both(lambda K, c: c / math.sqrt(c * c + K.e)),
    Softsign: _both(lambda K, c: c / (abs(c) + K.e)),
    Arctan: (
        lambda K, c: _signed(_as(_atan(np.float64(abs(c) / K.e)), c), c) * _as(2 / math.pi, c),
        lambda K, c: math.atan(c / K.e) * (2 / math.pi),
    ),
    LogCosh: (
        lambda K, c: _signed(_as(_tanh(np.float64(abs(c) * K.e)), c), c),
        lambda K, c: math.tanh(c * K.e),
    ),
    Power: (
        lambda K, c: _signed(_as(_power(np.float64(abs(c)), np.float64(K.e)), c), c),
        lambda K, c: _signed(abs(c) ** K.e, c),
    ),
    Asinh: (
        lambda K, c: _signed(_as(_asinh(np.float64(abs(c))), c), c),
        lambda K, c: math.asinh(c),
    ),
    Symlog: (
        lambda K, c: _signed(_as(_log1p(np.float64(abs(c))), c), c),
        lambda K, c: _signed(math.log1p(abs(c)), c),
    ),
}
"""∇K/ρ in float32 and in float64."""


def _compiled(function: Any) -> Any:
    try:
        return njit(function, nogil=True, cache=True, **OPTIONS)
    except RuntimeError:  # no directory to keep it in
        return njit(function, nogil=True, **OPTIONS)


@_compiled
def _run(K, p, g, m, rounding, f, counts, first, low, high):
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
        for offset in range(AHEAD, AHEAD + TILE * _size(p), 64):
            _fetch(p_at, offset)
        for offset in range(AHEAD, AHEAD + TILE * _size(g), 64):
            _fetch(g_at, offset)
        for offset in range(AHEAD, AHEAD + TILE * _size(m), 64):
            _fetch(m_at, offset)
        scale = _scale(m, row, at)
        for i in range(n):
            x = _as(_read(g, g_at, i, one), f.keep) * f.gradient
            a = _as(_read(m, m_at, i, scale), f.keep)
            _put(u, i, K.scale * _direction(K, _fma(x, f.rest1, a * f.beta1)))
            _write(m, m_at, i, _fma(x, f.rest2, a * f.beta2), held)
        _encode(m, row, at, m_at, held, n)
        beside = _beside(rounding, row, at, noise, n)
        for i in range(n):
            x = _as(_read(p, p_at, i, one), f.keep) * f.keep
            _round(rounding, p, p_at, i, _fma(_got(u, i, f.keep), f.length, x), beside)


# From tensors to tables.


def probe() -> None:
    """Update one weight, so that whatever is wrong with the compiler shows at once."""
    p, g, m = (torch.ones(1) for _ in range(3))
    slot = Slot(p, g, m, m_scales=None, lost=None, number=0)
    update_fused([slot], Update(kappa.L1(), beta1=0.9, beta2=0.99, keep=1.0, length=0.5))
    if p.item() != 0.5:
        raise RuntimeError(f"1 − 0.5 came out as {p.item()}")


_PLAIN = (Tensor, Parameter)  # no subclass with memory of its own kind
_FLOATS = {torch.float32: Float32, torch.float64: Float64, torch.bfloat16: Bfloat16}


def unsuited(slot: Slot, how: Update) -> str:
    """Why the kernel cannot update these tensors; empty if it can."""
    p, g, m = slot.p, slot.g, slot.m
    if type(how.K) not in _ARGUMENTS:
        return f"there is no kernel for {how.K}"
    if type(p) not in _PLAIN or type(g) not in _PLAIN or type(m) not in _PLAIN:
        return f"tensors of the kind {type(p).__name__} are not plain memory"
    if not (p.is_cpu and g.is_cpu and m.is_cpu):
        return f"weights, gradient and average are on {p.device}, {g.device} and {m.device}"
    if p.dtype not in _FLOATS or g.dtype not in _FLOATS:
        return f"there is no kernel for weights of {p.dtype} with gradients of {g.dtype}"
    if m.dtype not in _FLOATS and m.dtype != torch.int8:
        return f"there is no kernel for an average of {m.dtype}"
    if p.is_contiguous() and g.is_contiguous() and m.is_contiguous():
        return ""
    if p.stride() != g.stride() or p.stride() != m.stride():
        return "weights, gradient and average have different strides"
    if not torch.ops.aten.is_non_overlapping_and_dense(p):
        return "the weights are not dense in memory"
    if slot.m_scales is not None or _rounding(slot, how) is Stochastic:
        return "blocks and random bits are those of a contiguous tensor, and this one is not"
    return ""


def _rounding(slot: Slot, how: Update) -> type:
    if slot.p.dtype != torch.bfloat16:
        return Nearest
    if slot.lost is not None:
        return Kahan
    return Stochastic if how.rounding == "stochastic" else Nearest


def update_fused(slots: Sequence[Slot], how: Update) -> None:
    """Update tensors that are not `unsuited`."""
    if how.found_inf is not None and how.found_inf.item():
        return
    kinds: dict[Any, list[Slot]] = {}
    for slot in slots:
        kind = slot.p.dtype, slot.g.dtype, slot.m.dtype, _rounding(slot, how)
        kinds.setdefault(kind, []).append(slot)
    for (p, g, m, rounding), alike in kinds.items():
        _update(alike, how, _FLOATS[p], _FLOATS[g], _FLOATS.get(m, EightBit), rounding)


def _update(slots: list[Slot], how: Update, p: Any, g: Any, m: Any, rounding: Any) -> None:
    real = np.float64 if p is Float64 else np.float32
    kind, arguments = _ARGUMENTS[type(how.K)]
    K = kind(*map(real, (how.K.scale, *arguments(how.K))))
    beta1, beta2 = how.beta1, how.beta2
    numbers = (how.gradient, beta1, 1 - beta1, beta2, 1 - beta2, how.keep, -how.length)
    factors = Factors(*map(real, numbers))
    addresses = np.array(
        [(s.p.data_ptr(), s.g.data_ptr(), s.m.data_ptr(), s.p.numel()) for s in slots], np.int64
    ).T.copy()
    weights, gradients, averages, counts = addresses
    first = np.zeros(len(slots) + 1, np.int64)
    np.cumsum(-(-counts // TILE), out=first[1:])
    scales = _column(s.m_scales.data_ptr() for s in slots if s.m_scales is not None)
    stored = {
        Nearest: lambda: Nearest(weights),
        Kahan: lambda: Kahan(_column(s.lost.data_ptr() for s in slots if s.lost is not None)),
        Stochastic: lambda: Stochastic(
            _column(s.number for s in slots),
            np.uint64(how.seed & philox.WORD),
            np.uint64(int(how.step) & philox.WORD),
        ),
    }[rounding]()
    average = EightBit(averages, scales) if m is EightBit else m(averages)
    table = (K, p(weights), g(gradients), average, stored, factors, counts, first)
    _in_threads(
        table,
        int(first[-1]),
        1 if _overlap(weights, counts * slots[0].p.itemsize) else _threads(counts),
    )
    increment_version([t for s in slots for t in (s.p, s.m, s.m_scales, s.lost) if t is not None])


def _column(numbers: Iterable[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.fromiter(numbers, np.int64)


def _overlap(addresses: Any, sizes: Any) -> bool:
    """Whether weights share memory: then their updates must not run at once."""
    order = np.argsort(addresses)
    ends = addresses + sizes
    return bool((ends[order][:-1] > addresses[order][1:]).any())


# Threads.

_pool: ThreadPoolExecutor | None = None
_pool_size = 0


def _forget_pool() -> None:
    global _pool
    _pool = None  # its threads live in the parent


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def _threads(counts: Any) -> int:
    """PyTorch's number, or fewer if there is little to do."""
    return max(1, min(torch.get_num_threads(), int(counts.sum()) // SHARE))


def pool(size: int) -> ThreadPoolExecutor:
    """Threads that stay, at least so many."""
    global _pool, _pool_size
    if _pool is None or _pool_size < size:
        _pool, _pool_size = ThreadPoolExecutor(size, thread_name_prefix="halflife-optim"), size
    return _pool


def _in_threads(table: tuple[Any, ...], tiles: int, threads: int) -> None:
    bounds = [tiles * k // threads for k in range(threads + 1)]
    others = []
    if threads > 1:
        others = [pool(threads - 1).submit(_run, *table, *pair) for pair in pairwise(bounds[1:])]
    _run(*table, 0, bounds[1])
    for other in others:
        other.result()
