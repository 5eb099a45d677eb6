"""The innermost loop: four tokens go through a strip of a state that stays in registers.

A strip is a state's rows × LANES, one vector a row. A token writes to each row and reads from each:

    S_i ← S_i + w_i x,      y = Σ_i r_i S_i

with vectors x and y of LANES and a decay of S before that (forward in time) or after (backward);
the decay is one number a row, or a vector for all rows. A row is loaded and stored once for four
tokens. A folded group has one decay, beside its last token and for after all four; theirs are in
w, r or x and y already. Each row also asks for a line of memory that a later block will want: the
tensors are longer than any cache, and their rows too far apart for the processor to guess.

Written in LLVM's language, since Numba's has no vectors. Knows nothing of what the numbers mean.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from halflife.attention.gla.cpu.memory import call, exp, llvm, place, prefetch

TOKENS = 4
LINE = 64
"""Bytes that come from memory together."""
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
        ahead: Any,
        lines: Any,
        jump: Any,
    ) -> Any:
        kind = llvm(example)
        size = 8 if example == types.float64 else 4
        count = lanes(size)
        vector = ir.VectorType(kind, count)
        i64 = ir.IntType(64)

        def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
            _, state, w, r, a, x, y, rows, row_stride, lane_stride, ahead, lines, jump = arguments

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
            line, left = b.phi(i64), b.phi(i64)
            line.add_incoming(ahead, before)
            left.add_incoming(lines, before)
            prefetch(b, line)
            at = b.bitcast(place(b, state, b.mul(row, i64(count)), kind), vector.as_pointer())
            s = b.load(at, align=size)
            sums = {}
            for t in tokens:
                decay = decays[t] or of_row(a, t, row)
                if not folded and not backward:
                    s = b.fmul(decay, s)
                s = call(b, "llvm.fmuladd", of_row(w, t, row), xs[t], s)
                sums[t] = call(b, "llvm.fmuladd", of_row(r, t, row), s, ys[t])
                if not folded and backward:
                    s = b.fmul(decay, s)
            if folded:
                s = b.fmul(decays[TOKENS - 1] or of_row(a, TOKENS - 1, row), s)
            b.store(s, at, align=size)
            following = b.add(row, i64(1))
            row.add_incoming(following, loop)
            fewer = b.sub(left, i64(1))
            end = b.icmp_signed("==", fewer, i64(0))
            left.add_incoming(b.select(end, lines, fewer), loop)
            line.add_incoming(b.add(line, b.select(end, jump, i64(LINE))), loop)
            for t in tokens:
                ys[t].add_incoming(sums[t], loop)
            b.cbranch(b.icmp_signed("<", following, rows), loop, done)

            b.position_at_end(done)
            for t in tokens:
                b.store(sums[t], of_lanes(y, t), align=size)
            return context.get_dummy_value()

        return types.void(example, *[types.int64] * 12), generate

    return group


forward_rows = _group(decay_of_rows=True, backward=False, folded=False)
forward_lanes = _group(decay_of_rows=False, backward=False, folded=False)
backward_rows = _group(decay_of_rows=True, backward=True, folded=False)
backward_lanes = _group(decay_of_rows=False, backward=True, folded=False)
forward_rows_folded = _group(decay_of_rows=True, backward=False, folded=True)
forward_lanes_folded = _group(decay_of_rows=False, backward=False, folded=True)
backward_rows_folded = _group(decay_of_rows=True, backward=True, folded=True)
backward_lanes_folded = _group(decay_of_rows=False, backward=True, folded=True)


def _fold(*, backward: bool, wide: bool) -> Any:
    @intrinsic
    def fold(typing: Any, example: Any, a: Any, w: Any, stride: Any, index: Any) -> Any:
        """Take the decays out of a group's tokens, for LANES channels from an index on, or one."""
        kind = llvm(example)
        size = 8 if example == types.float64 else 4
        vector = ir.VectorType(kind, lanes(size) if wide else 1)

        def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
            _, a, w, stride, index = arguments

            def of(address: Any, token: int) -> Any:
                here = b.add(b.mul(stride, ir.IntType(64)(token)), index)
                return b.bitcast(place(b, address, here, kind), vector.as_pointer())

            # Who reads a token's row last comes last: forward in time that is the last token.
            order = [2, 1, 0, 3] if backward else [0, 1, 2, 3]
            writers = order[: TOKENS - 1 if backward else TOKENS]
            decays = [b.load(of(a, t), align=size) for t in range(TOKENS)]
            written = [b.load(of(w, t), align=size) for t in writers]
            steps = [decays[(t + 1) % TOKENS if backward else t] for t in order]
            factors = steps[:1]
            for step in steps[1:]:
                factors.append(b.fmul(factors[-1], step))
            one = ir.Constant(vector, [1.0] * vector.count)
            for t, number, factor in zip(writers, written, factors, strict=False):
                # A division for each token: no bit of it depends on the tokens that come after.
                b.store(b.fmul(number, b.fdiv(one, factor)), of(w, t), align=size)
            for t, factor in zip(order, factors, strict=True):
                b.store(factor, of(a, t), align=size)
            return context.get_dummy_value()

        return types.void(example, *[types.int64] * 4), generate

    return fold


fold_forward, fold_forward_one = _fold(backward=False, wide=True), _fold(backward=False, wide=False)
fold_backward, fold_backward_one = _fold(backward=True, wide=True), _fold(backward=True, wide=False)


@intrinsic
def exponentiate(typing: Any, example: Any, address: Any, index: Any, limit: Any) -> Any:
    """Put in place of LANES numbers their exponentials; 0 unless one's size is above a limit."""
    kind = llvm(example)
    size = 8 if example == types.float64 else 4
    vector = ir.VectorType(kind, lanes(size))

    def generate(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        _, address, index, limit = arguments
        at = b.bitcast(place(b, address, index, kind), vector.as_pointer())
        x = b.load(at, align=size)
        b.store(exp(b, x), at, align=size)
        above = b.fcmp_ordered(">", call(b, "llvm.fabs", x), _splat(b, limit, vector.count))
        return b.zext(b.bitcast(above, ir.IntType(vector.count)), ir.IntType(64))

    return types.int64(example, types.int64, types.int64, example), generate
