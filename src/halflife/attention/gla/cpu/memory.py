"""Numbers by address, and what Numba has no word for: bfloat16, and the exp of a vector.

A number's kind in memory is told by an example of it: float32(0), float64(0), or uint16(0) for the
16 bits of a bfloat16.
"""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_I16, _I32 = ir.IntType(16), ir.IntType(32)
_QUIET_NAN = 0x7FC0  # of bfloat16


def place(builder: Any, address: Any, index: Any, kind: Any) -> Any:
    """The pointer to a number of an LLVM kind."""
    return builder.gep(builder.inttoptr(address, kind.as_pointer()), [index])


def llvm(numba_type: Any) -> Any:
    """The LLVM type of a number."""
    return {
        types.float32: ir.FloatType(),
        types.float64: ir.DoubleType(),
        types.uint16: _I16,
    }[numba_type]


def call(builder: Any, name: str, *arguments: Any) -> Any:
    """Call an intrinsic of LLVM that is of one type throughout."""
    kind = arguments[0].type
    vector = isinstance(kind, ir.VectorType)
    word = f"v{kind.count}{kind.element.intrinsic_name}" if vector else kind.intrinsic_name
    signature = ir.FunctionType(kind, [kind] * len(arguments))
    name = f"{name}.{word}"
    known = builder.module.globals.get(name) or ir.Function(builder.module, signature, name)
    return builder.call(known, arguments)


@intrinsic
def size(typing: Any, example: Any) -> Any:
    """Bytes of a number."""

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        return ir.IntType(64)(example.bitwidth // 8)

    return types.int64(example), generate


@intrinsic
def load(typing: Any, example: Any, address: Any, index: Any) -> Any:
    """The number there; a bfloat16 as float32."""
    kind = llvm(example)

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        _, address, index = arguments
        x = b.load(place(b, address, index, kind), align=2 if kind == _I16 else None)
        if kind == _I16:
            return b.bitcast(b.shl(b.zext(x, _I32), _I32(16)), ir.FloatType())
        return x

    result = types.float32 if example == types.uint16 else example
    return result(example, types.int64, types.int64), generate


@intrinsic
def store(typing: Any, example: Any, address: Any, index: Any, number: Any) -> Any:
    """Put a number there; as bfloat16 to the nearest, ties to even."""
    kind = llvm(example)

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        _, address, index, x = arguments
        if kind == _I16:
            bits = b.bitcast(x, _I32)
            odd = b.and_(b.lshr(bits, _I32(16)), _I32(1))
            bits = b.add(bits, b.add(odd, _I32(0x7FFF)))
            half = b.trunc(b.lshr(bits, _I32(16)), _I16)
            x = b.select(b.fcmp_unordered("uno", x, x), _I16(_QUIET_NAN), half)
        b.store(x, place(b, address, index, kind), align=2 if kind == _I16 else None)
        return context.get_dummy_value()

    given = types.float32 if example == types.uint16 else example
    return types.void(example, types.int64, types.int64, given), generate


def prefetch(builder: Any, address: Any) -> None:
    """Ask for the line of an address, which need not be one of ours."""
    pointer = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [pointer, _I32, _I32, _I32])
    name = "llvm.prefetch.p0"
    known = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    reading, level_2, data = _I32(0), _I32(2), _I32(1)
    builder.call(known, [builder.inttoptr(address, pointer), reading, level_2, data])


def exp(b: Any, x: Any) -> Any:
    """Emit exp x, of a vector, to an ulp or two; 0 of −∞.

    2ⁿ exp r with |r| ≤ ln 2 / 2, and Taylor's sum of exp r.
    """
    vector = x.type
    double = isinstance(vector.element, ir.DoubleType)
    low, high, terms = (-746.0, 710.0, 13) if double else (-105.0, 89.0, 7)
    whole, mantissa, bias = (ir.IntType(64), 52, 1023) if double else (_I32, 23, 127)
    whole = ir.VectorType(whole, vector.count)

    def all_of(number: float, kind: Any = vector) -> Any:
        return ir.Constant(kind, [number] * vector.count)

    # ln 2 in two parts, the first with zeros at its end: n times it is exact.
    bits = 32 if double else 9
    ln2 = math.ldexp(round(math.ldexp(math.log(2), bits)), -bits)
    rest = math.log(2) - ln2 + 2.3190468138462996e-17  # what float64 lacks of ln 2
    x = b.select(b.fcmp_ordered("<", x, all_of(low)), all_of(low), x)  # NaN stays
    x = b.select(b.fcmp_ordered(">", x, all_of(high)), all_of(high), x)
    n = call(b, "llvm.rint", b.fmul(x, all_of(1 / math.log(2))))
    r = call(b, "llvm.fmuladd", n, all_of(-ln2), x)
    r = call(b, "llvm.fmuladd", n, all_of(-rest), r)
    total = all_of(1 / math.factorial(terms))
    for term in reversed(range(terms)):
        total = call(b, "llvm.fmuladd", total, r, all_of(1 / math.factorial(term)))
    power = b.fptosi(n, whole)
    half = b.ashr(power, all_of(1, whole))
    for part in (half, b.sub(power, half)):  # 2ⁿ itself may be no normal number
        exponent = b.shl(b.add(part, all_of(bias, whole)), all_of(mantissa, whole))
        total = b.fmul(total, b.bitcast(exponent, vector))
    return total


@intrinsic
def cast(typing: Any, example: Any, number: Any) -> Any:
    """A number in the type of the example; Numba's own sums with whole numbers are float64."""

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        return context.cast(b, arguments[1], number, example)

    return example(example, number), generate
