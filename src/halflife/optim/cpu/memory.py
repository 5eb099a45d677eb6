"""Memory by address, and the instructions that Numba has no word for.

All of it is called by compiled functions only; an address is an int64, an index counts numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

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


load_f32 = _loader(_F32, types.float32, _same)
load_f64 = _loader(_F64, types.float64, _same)
load_bf16 = _loader(_I16, types.float32, _from_bfloat16)
load_code = _loader(_I8, types.float32, lambda b, x: b.sitofp(x, _F32))
load_size = _loader(_I32, types.int32, lambda b, x: b.and_(x, _I32(0x7FFFFFFF)))  # bits of |x|
store_f32 = _storer(_F32, types.float32, _same)
store_f64 = _storer(_F64, types.float64, _same)
store_bf16 = _storer(_I16, types.float32, _to_bfloat16)
store_code = _storer(_I8, types.float32, _to_code)
store_word = _storer(_I32, types.uint64, lambda b, x: b.trunc(x, _I32))
store_size = _storer(_I32, types.int32, _same)


@intrinsic
def store_noisy(typing: Any, address: Any, index: Any, number: Any, noise: Any, at: Any) -> Any:
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
def rounded_bf16(typing: Any, number: Any) -> Any:
    """A float32 rounded to bfloat16, as float32."""

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        return _from_bfloat16(b, _to_bfloat16(b, arguments[0]))

    return types.float32(types.float32), generate


@intrinsic
def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return a(a, a, a), generate


@intrinsic
def cast(typing: Any, number: Any, like: Any) -> Any:
    """A number in the float type of another."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.cast(builder, arguments[0], number, like)

    return like(number, like), generate


@intrinsic
def fetch(typing: Any, address: Any, offset: Any) -> Any:
    """Ask for the line of memory at an address, which need not exist."""

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        place = b.inttoptr(b.add(*arguments), _I8.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, _I32, _I32, _I32])
        prefetch = b.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        b.call(prefetch, [place, _I32(0), _I32(2), _I32(1)])  # to read, into the second cache
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def put(typing: Any, address: Any, index: Any, number: Any) -> Any:
    """Store a number in its own type."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, index, x = arguments
        builder.store(x, _place(builder, address, index, x.type))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, number), generate


@intrinsic
def got(typing: Any, address: Any, index: Any, like: Any) -> Any:
    """What `put` stored, a number of the type of `like`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, index, x = arguments
        return builder.load(_place(builder, address, index, x.type))

    return like(types.int64, types.int64, like), generate


@intrinsic
def bits(typing: Any, x: Any) -> Any:
    """The bits of a float64, as int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def of_bits(typing: Any, x: Any) -> Any:
    """The float64 that has these bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], _F64)

    return types.float64(types.int64), generate
