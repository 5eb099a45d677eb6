"""The innermost loop: four tokens go through a strip of a state that stays in registers.

A strip is a state's rows × LANES, one vector a row. A token writes to each row and reads from each:

    S_i ← S_i + w_i x,      y = Σ_i r_i S_i

with vectors x and y of LANES and a decay of S before that (forward in time) or after (backward);
the decay is one number a row, or a vector for all rows. A row is loaded and stored once for four
tokens. A folded group has one decay for all four; theirs are in w, r or x and y already.

Written in LLVM's language, since Numba's has no vectors. Knows nothing of what the numbers mean.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from halflife.attention.gla.cpu.memory import call, exp, llvm, place

TOKENS = 4
_WIDE = llvmlite.binding.get_host_cpu_features().get("avx512f", False)


def lanes(itemsize: int) -> int:
    """How wide a strip is: two registers where there are 32 of 64 bytes, else one of 32 bytes."""
    return (128 if _WIDE else 32) // itemsize


def _splat(b: Any, number: Any, count: int) -> Any:
    vector = ir.VectorType(number.type, count)
    first = b.insert_element(ir.Constant(vector, ir.Undefined), number, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), count), [0] * count)
    return b.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)


def _group(*, decay_of_rows: bool, backward: bool, folded: bool) -> Any:
    @intrinsic
    def group(
        typing: Any,
        example: Any,
        state: Any,
        w: Any,
        r: Any,
        a: Any,
        x: Any,
        y: Any,
        rows: Any,
        row_stride: Any,
        lane_stride: Any,
    ) -> Any:
        kind = llvm(example)
        size = 8 if example == types.float64 else 4
        count = lanes(size)
        vector = ir.VectorType(kind, count)
        i64 = ir.IntType(64)

        def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
            _, state, w, r, a, x, y, rows, row_stride, lane_stride = arguments

            def of_lanes(address: Any, token: int) -> Any:
                return b.bitcast(
                    place(b, address, b.mul(lane_stride, i64(token)), kind), vector.as_pointer()
                )

            def of_row(address: Any, token: int, row: Any) -> Any:
                index = b.add(b.mul(row_stride, i64(token)), row)
                return _splat(b, b.load(place(b, address, index, kind)), count)

            tokens = list(range(TOKENS))[:: -1 if backward else 1]
            xs = {t: b.load(of_lanes(x, t), align=size) for t in tokens}
            decays = dict.fromkeys(tokens)
            if not decay_of_rows:
                decays = {t: b.load(of_lanes(a, t), align=size) for t in tokens}
            before = b.block
            loop, done = b.append_basic_block("row"), b.append_basic_block("rows.done")
            b.branch(loop)

            b.position_at_end(loop)
            row = b.phi(i64)
            row.add_incoming(i64(0), before)
            ys = {t: b.phi(vector) for t in tokens}
            for phi in ys.values():
                phi.add_incoming(ir.Constant(vector, [0.0] * count), before)
            at = b.bitcast(place(b, state, b.mul(row, i64(count)), kind), vector.as_pointer())
            s = b.load(at, align=size)
            sums = {}
            decaying = {0} if folded else set(tokens)
            for t in tokens:
                decay = decays[t]
                if decay is None and t in decaying:
                    decay = of_row(a, t, row)
                if t in decaying and not backward:
                    s = b.fmul(decay, s)
                s = call(b, "llvm.fmuladd", of_row(w, t, row), xs[t], s)
                sums[t] = call(b, "llvm.fmuladd", of_row(r, t, row), s, ys[t])
                if t in decaying and backward:
                    s = b.fmul(decay, s)
            b.store(s, at, align=size)
            following = b.add(row, i64(1))
            row.add_incoming(following, loop)
            for t in tokens:
                ys[t].add_incoming(sums[t], loop)
            b.cbranch(b.icmp_signed("<", following, rows), loop, done)

            b.position_at_end(done)
            for t in tokens:
                b.store(sums[t], of_lanes(y, t), align=size)
            return context.get_dummy_value()

        return types.void(example, *[types.int64] * 9), generate

    return group


forward_rows = _group(decay_of_rows=True, backward=False, folded=False)
forward_lanes = _group(decay_of_rows=False, backward=False, folded=False)
backward_rows = _group(decay_of_rows=True, backward=True, folded=False)
backward_lanes = _group(decay_of_rows=False, backward=True, folded=False)
forward_rows_folded = _group(decay_of_rows=True, backward=False, folded=True)
forward_lanes_folded = _group(decay_of_rows=False, backward=False, folded=True)
backward_rows_folded = _group(decay_of_rows=True, backward=True, folded=True)
backward_lanes_folded = _group(decay_of_rows=False, backward=True, folded=True)


@intrinsic
def exponentiate(typing: Any, example: Any, address: Any, index: Any) -> Any:
    """Put in place of LANES numbers their exponentials."""
    kind = llvm(example)
    size = 8 if example == types.float64 else 4
    vector = ir.VectorType(kind, lanes(size))

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        _, address, index = arguments
        at = b.bitcast(place(b, address, index, kind), vector.as_pointer())
        b.store(exp(b, b.load(at, align=size)), at, align=size)
        return context.get_dummy_value()

    return types.void(example, types.int64, types.int64), generate
