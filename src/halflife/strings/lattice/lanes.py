"""A kick and a drift of as many neighbouring cells as a vector register holds.

Numba's own loops over rows check, at each row, that no two of the sixteen rows in play overlap, and
come out at half of the vector's width. Here the instructions are written down: called by compiled
functions only, with addresses and strides in bytes.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

BYTES = 64
"""Of a vector: AVX-512's, which a smaller machine takes in pieces."""
_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)


class _Lanes:
    """Vectors of one number type in a function under construction."""

    def __init__(self, context: Any, builder: Any, number: Any, lanes: int) -> None:
        self.builder = builder
        self.scalar = context.get_value_type(number)
        self.align = number.bitwidth // 8
        self.lanes = lanes
        self.kind = ir.VectorType(self.scalar, lanes)

    def place(self, address: Any, *offsets: Any) -> Any:
        for offset in offsets:
            address = self.builder.add(address, offset)
        return self.builder.inttoptr(address, self.kind.as_pointer())

    def load(self, address: Any, *offsets: Any) -> Any:
        return self.builder.load(self.place(address, *offsets), align=self.align)

    def store(self, value: Any, address: Any, *offsets: Any) -> None:
        self.builder.store(value, self.place(address, *offsets), align=self.align)

    def all(self, number: Any) -> Any:
        """A number in every lane."""
        one = self.builder.insert_element(
            ir.Constant(self.kind, ir.Undefined), number, ir.Constant(_I32, 0)
        )
        mask = ir.Constant(ir.VectorType(_I32, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(one, ir.Constant(self.kind, ir.Undefined), mask)


def _count(number: Any, wide: bool) -> int:
    return BYTES * 8 // number.bitwidth if wide else 1


def _kick(axes: int, damped: bool, wide: bool) -> Any:
    """(q, v, qc, qx, qy, vc, a, c, m, o, e, d, dz): v ← v + a F(φ), or d (d v + a F(φ)).

    q and v are the addresses of the first cell of component 1; qc and vc lead to component 2, qx
    and qy to the next cells along the first two axes; in two axes qy is not used. d is the factor
    of the row, dz the address of the factors along it.
    """

    @intrinsic
    def kick(typing, q, v, qc, qx, qy, vc, a, c, m, o, e, d, dz):  # type: ignore[no-untyped-def]
        def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
            q, v, qc, qx, qy, vc, *numbers, d, dz = arguments
            it = _Lanes(context, b, a, _count(a, wide))
            time, inverse, twice, one, slope = map(it.all, numbers)
            qz = ir.Constant(_I64, it.align)
            phi = [it.load(q), it.load(q, qc)]
            excess = b.fsub(b.fadd(*(b.fmul(p, p) for p in phi)), one)
            factor = b.fmul(it.all(d), it.load(dz)) if damped else None
            kicked = []
            for p, base, here in zip(phi, (q, b.add(q, qc)), (v, b.add(v, vc)), strict=True):
                pairs = [
                    (it.load(b.sub(base, step)), it.load(base, step))
                    for step in ((qx, qy, qz) if axes == 3 else (qx, qz))
                ]
                sums = [b.fadd(*pair) for pair in pairs]
                if axes == 2:
                    low, high = pairs[0]
                    sums[0] = b.fadd(sums[0], b.fmul(slope, b.fsub(high, low)))
                total = sums[0]
                for pair in sums[1:]:
                    total = b.fadd(total, pair)
                laplacian = b.fmul(b.fsub(total, b.fmul(twice, p)), inverse)
                push = b.fmul(time, b.fsub(laplacian, b.fmul(p, excess)))
                old = it.load(here)
                if damped:
                    new = b.fmul(factor, b.fadd(b.fmul(factor, old), push))
                else:
                    new = b.fadd(old, push)
                kicked.append((new, here))
            for new, here in kicked:
                it.store(new, here)
            return context.get_dummy_value()

        i = types.int64
        return types.void(i, i, i, i, i, i, a, a, a, a, a, a, i), generate

    return kick


def _drift(wide: bool) -> Any:
    """(q, v, qc, vc, b): φ ← φ + b v of both components."""

    @intrinsic
    def drift(typing, q, v, qc, vc, b):  # type: ignore[no-untyped-def]
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            q, v, qc, vc, time = arguments
            it = _Lanes(context, builder, b, _count(b, wide))
            time = it.all(time)
            for base, here in ((q, v), (builder.add(q, qc), builder.add(v, vc))):
                moved = builder.fadd(it.load(base), builder.fmul(time, it.load(here)))
                it.store(moved, base)
            return context.get_dummy_value()

        i = types.int64
        return types.void(i, i, i, i, b), generate

    return drift


kick_2, kick_2_one = _kick(2, False, True), _kick(2, False, False)
kick_3, kick_3_one = _kick(3, False, True), _kick(3, False, False)
damped_2, damped_2_one = _kick(2, True, True), _kick(2, True, False)
damped_3, damped_3_one = _kick(3, True, True), _kick(3, True, False)
drift, drift_one = _drift(True), _drift(False)


@intrinsic
def copy_one(typing, source, target, sign):  # type: ignore[no-untyped-def]
    """Put sign · the number at one address to another."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, target, factor = arguments
        it = _Lanes(context, builder, sign, 1)
        it.store(builder.fmul(it.all(factor), it.load(source)), target)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, sign), generate


@intrinsic
def fetch(typing: Any, address: Any) -> Any:
    """Ask for the line of memory at an address, which need not exist."""

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        place = b.inttoptr(arguments[0], _I8.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, _I32, _I32, _I32])
        prefetch = b.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        b.call(prefetch, [place, _I32(0), _I32(2), _I32(1)])  # to read, into the second cache
        return context.get_dummy_value()

    return types.void(types.int64), generate
