"""The recurrence and its gradient over whole sequences, compiled by Numba.

Tokens go in blocks. A block's numbers are first staged: widened, scaled, gates made decays, and
filled up with tokens and channels that do nothing; then each strip of the state passes over them.

- `by_values`: lanes along values. Forward in time it makes o, with w = k, r = q, x = v. From the
  end, with w = q, r = k, x = do, it makes dv, and the state's gradient.
- `by_keys`: lanes along keys. Forward in time it makes dq = S do, with the states made anew, one
  of which is kept for each block; then from the end dk = D v. Where the two meet is the gradient
  of the gates: q dq − k dk, summed from a token to its block's end, and Σ_v S ⊙ D there.

`acc` is a zero of the arithmetic's type; `like` and `like_g` are zeros as tensors and gates are
stored. A tensor is four entries of `where`: its address and its strides of batch, token and head. A
state has an address alone, which is 0 for none. A task is a row (batch, first token, tokens,
sequence and head as one number, head, first strip, last strip). `scratch` is the address of memory
to work in, of which each worker has `each` numbers.
"""

# mypy: ignore-errors
# Numba gives these functions their types.

from __future__ import annotations

import math

from numba import njit

from halflife.attention.gla.cpu import group, memory
from halflife.attention.gla.cpu.memory import cast, load, size, store
from halflife.threads import shared

BLOCK = 64
TOKENS, LINE = group.TOKENS, group.LINE
FOLDED = 5
"""Gates up to this size may be folded: the product of four decays and its inverse are harmless."""
exponentiate = group.exponentiate
fold_forward, fold_forward_one = group.fold_forward, group.fold_forward_one
fold_backward, fold_backward_one = group.fold_backward, group.fold_backward_one
forward_rows, backward_rows = group.forward_rows, group.backward_rows
forward_lanes, backward_lanes = group.forward_lanes, group.backward_lanes
forward_rows_folded = group.forward_rows_folded
backward_rows_folded = group.backward_rows_folded
forward_lanes_folded = group.forward_lanes_folded
backward_lanes_folded = group.backward_lanes_folded


@njit(error_model="numpy")
def address(where, tensor, example, batch, token, head, channel):
    """Where a number of a tensor is."""
    o = 4 * tensor
    index = batch * where[o + 1] + token * where[o + 2] + head * where[o + 3] + channel
    return where[o] + size(example) * index


@njit(error_model="numpy")
def step(where, tensor, example):
    """Bytes from a token to the next."""
    return size(example) * where[4 * tensor + 2]


@njit(error_model="numpy")
def stage(acc, to, stride, example, source, step, tokens, channels, factor):
    """Copy a block, times a factor; zeros beside and after it."""
    for t in range(-(-tokens // TOKENS) * TOKENS):
        row, column = to + size(acc) * stride * t, source + step * t
        used = channels if t < tokens else 0
        for i in range(used):
            store(acc, row, i, factor * load(example, column, i))
        for i in range(used, stride):
            store(acc, row, i, acc)


@njit(error_model="numpy")
def stage_decays(acc, to, stride, example, source, step, tokens, channels, L):
    """Copy the exponentials of a block, ones beside and after it; whether they may be folded."""
    rows = -(-tokens // TOKENS) * TOKENS
    limit = cast(acc, FOLDED)
    for t in range(rows):
        row, column = to + size(acc) * stride * t, source + step * t
        used = channels if t < tokens else 0
        for i in range(used):
            store(acc, row, i, cast(acc, load(example, column, i)))
        for i in range(used, stride):
            store(acc, row, i, acc)
    strong = 0
    for i in range(
        rows * stride, -(-rows * stride // L) * L
    ):  # to a whole vector, within the block
        store(acc, to, i, acc)
    for i in range(0, rows * stride, L):
        strong |= exponentiate(acc, to, i, limit)
    return strong == 0


@njit(error_model="numpy")
def fold(acc, a, w, stride, L, tokens, backward):
    """Take the decays of each group out of its tokens.

    In units of the state before the group, what a token writes is divided by the decay since then,
    and what it reads is multiplied by it. a keeps these factors; a last token of a group that is
    read from its end has none, and there is the whole group's decay.
    """
    whole = stride // L * L
    for t in range(0, -(-tokens // TOKENS) * TOKENS, TOKENS):
        a_t, w_t = a + size(acc) * t * stride, w + size(acc) * t * stride
        if backward:
            for i in range(0, whole, L):
                fold_backward(acc, a_t, w_t, stride, i)
            for i in range(whole, stride):
                fold_backward_one(acc, a_t, w_t, stride, i)
        else:
            for i in range(0, whole, L):
                fold_forward(acc, a_t, w_t, stride, i)
            for i in range(whole, stride):
                fold_forward_one(acc, a_t, w_t, stride, i)


@njit(error_model="numpy")
def unfold(acc, a, r, stride, tokens, backward):
    """Multiply what is read by the factors that `fold` left."""
    one = size(acc)
    for t in range(0, -(-tokens // TOKENS) * TOKENS, TOKENS):
        for u in range(TOKENS - 1 if backward else TOKENS):
            row, factor = r + one * (t + u) * stride, a + one * (t + u) * stride
            for i in range(stride):
                store(acc, row, i, load(acc, row, i) * load(acc, factor, i))


@njit(error_model="numpy")
def unstage(acc, source, stride, example, to, step, tokens, channels):
    """Copy a block back."""
    for t in range(tokens):
        row, column = source + size(acc) * stride * t, to + step * t
        for i in range(channels):
            store(example, column, i, load(acc, row, i))


@njit(error_model="numpy")
def read_state(acc, strips, L, rows, source, row_step, lane_step, lanes):
    """Fill the strips from a state in memory, or with zeros if there is none."""
    for lane in range(-(-lanes // L) * L):
        to = strips + size(acc) * (lane // L * rows * L + lane % L)
        for row in range(rows):
            x = acc
            if source != 0 and lane < lanes:
                x = load(acc, source, row * row_step + lane * lane_step)
            store(acc, to, row * L, x)


@njit(error_model="numpy")
def write_state(acc, strips, L, rows, to, row_step, lanes):
    """Copy the strips to a state in memory whose lanes lie side by side."""
    for lane in range(lanes):
        source = strips + size(acc) * (lane // L * rows * L + lane % L)
        for row in range(rows):
            store(acc, to, row * row_step + lane, load(acc, source, row * L))


@njit(error_model="numpy")
def lines(where, tensor, example, batch, token, head, low, channels, tokens):
    """A tensor's rows of a block, as lines to ask for: the first, a token's step and lines."""
    first = address(where, tensor, example, batch, token, head, low)
    return first, step(where, tensor, example), -(-size(example) * channels // LINE), tokens


@njit(error_model="numpy")
def share(ahead, n, rows, nothing):
    """What the n-th group of a block asks for, a line a row: first line, lines, jump after them."""
    for first, step, count, tokens in ahead:
        each = rows // count
        groups = -(-tokens // each) if each else 0
        if n < groups:
            return first + n * each * step, count, step - (count - 1) * LINE
        n -= groups
    return nothing, 1, 0


@njit(error_model="numpy")
def scan_rows(acc, tokens, strips, L, rows, w, r, a, x, y, stride, folded, backward, ahead):
    """Let all strips pass over a block whose decays are of rows: the loop whose time counts."""
    groups = -(-tokens // TOKENS)
    one = size(acc)
    if folded:
        fold(acc, a, w, rows, L, tokens, backward)
        unfold(acc, a, r, rows, tokens, backward)
    for strip in range(stride // L):
        state = strips + one * strip * rows * L
        for n in range(groups):
            t = TOKENS * (groups - 1 - n if backward else n)
            line, count, jump = share(ahead, strip * groups + n, rows, state)
            w_t, r_t, a_t = w + one * t * rows, r + one * t * rows, a + one * t * rows
            lane = one * (t * stride + strip * L)
            x_t, y_t = x + lane, y + lane
            if backward:
                if folded:
                    backward_rows_folded(
                        acc, state, w_t, r_t, a_t, x_t, y_t, rows, rows, stride, line, count, jump
                    )
                else:
                    backward_rows(
                        acc, state, w_t, r_t, a_t, x_t, y_t, rows, rows, stride, line, count, jump
                    )
            elif folded:
                forward_rows_folded(
                    acc, state, w_t, r_t, a_t, x_t, y_t, rows, rows, stride, line, count, jump
                )
            else:
                forward_rows(
                    acc, state, w_t, r_t, a_t, x_t, y_t, rows, rows, stride, line, count, jump
                )


@njit(error_model="numpy")
def scan_lanes(acc, tokens, strips, L, rows, w, r, a, x, y, stride, folded, backward, ahead):
    """The same for decays of lanes."""
    groups = -(-tokens // TOKENS)
    one = size(acc)
    if folded:
        fold(acc, a, x, stride, L, tokens, backward)
    for strip in range(stride // L):
        state = strips + one * strip * rows * L
        for n in range(groups):
            t = TOKENS * (groups - 1 - n if backward else n)
            line, count, jump = share(ahead, strip * groups + n, rows, state)
            w_t, r_t = w + one * t * rows, r + one * t * rows
            lane = one * (t * stride + strip * L)
            x_t, y_t, a_t = x + lane, y + lane, a + lane
            if backward:
                if folded:
                    backward_lanes_folded(
                        acc, state, w_t, r_t, a_t, x_t, y_t, rows, rows, stride, line, count, jump
                    )
                else:
                    backward_lanes(
                        acc, state, w_t, r_t, a_t, x_t, y_t, rows, rows, stride, line, count, jump
                    )
            elif folded:
                forward_lanes_folded(
                    acc, state, w_t, r_t, a_t, x_t, y_t, rows, rows, stride, line, count, jump
                )
            else:
                forward_lanes(
                    acc, state, w_t, r_t, a_t, x_t, y_t, rows, rows, stride, line, count, jump
                )
    if folded:
        unfold(acc, a, y, stride, tokens, backward)


@njit(error_model="numpy")
def meet(acc, forth, back, rows, L, stride, sums):
    """Σ over rows of the product of two states, for each lane."""
    for lane in range(stride):
        store(acc, sums, lane, acc)
    for strip in range(stride // L):
        for row in range(rows):
            o = (strip * rows + row) * L
            for i in range(L):
                lane = strip * L + i
                product = load(acc, forth, o + i) * load(acc, back, o + i)
                store(acc, sums, lane, load(acc, sums, lane) + product)


@njit(error_model="numpy")
def gate_gradient(acc, like_g, like, q, k, dk, dq, g, dg, tokens, width, sums):
    """Add q dq − k dk from the block's end on; the sum at each token is the gate's gradient."""
    for n in range(tokens):
        t = tokens - 1 - n
        row = dk[0] + size(acc) * t * dk[1]
        for i in range(width):
            change = load(like, q[0] + q[1] * t, i) * load(acc, dq[0] + dq[1] * t, i)
            change -= load(like, k[0] + k[1] * t, i) * load(acc, row, i)
            total = load(acc, sums, i) + change
            store(acc, sums, i, total)
            forgets = load(like_g, g[0] + g[1] * t, i) == -math.inf  # whatever the state was
            store(like_g, dg[0] + dg[1] * t, i, acc if forgets else total)


@shared(group, memory, error_model="numpy")
def by_values(
    worker, begin, end, tasks, scratch, each, acc, like, like_g, where, K, V, L, factors, backward
):
    """Tensors w, r, g, x, y and the states before and after; factors of w and r."""
    one, nothing, unit = size(acc), cast(acc, 0), cast(acc, 1)
    scale_w, scale_r = factors
    scratch += one * each * worker
    for n in range(begin, end):
        b, start, total, state, h, first, last = tasks[n]
        stride, low = (last - first) * L, first * L
        width = min(V - low, stride)
        w = scratch
        r, a = w + one * BLOCK * K, w + 2 * one * BLOCK * K
        x = w + 3 * one * BLOCK * K
        y = x + one * BLOCK * stride
        strips = y + one * BLOCK * stride
        before, after = where[20], where[24]
        offset = one * (state * K * V + low)
        if before != 0:
            before += offset
        read_state(nothing, strips, L, K, before, V, 1, width)
        blocks = -(-total // BLOCK)
        for m in range(blocks):
            block = blocks - 1 - m if backward else m
            t = start + block * BLOCK
            tokens = min(BLOCK, start + total - t)
            w_t = address(where, 0, like, b, t, h, 0)
            r_t = address(where, 1, like, b, t, h, 0)
            g_t = address(where, 2, like_g, b, t, h, 0)
            x_t = address(where, 3, like, b, t, h, low)
            y_t = address(where, 4, like, b, t, h, low)
            stage(acc, w, K, like, w_t, step(where, 0, like), tokens, K, scale_w)
            stage(acc, r, K, like, r_t, step(where, 1, like), tokens, K, scale_r)
            g_step = step(where, 2, like_g)
            folded = stage_decays(acc, a, K, like_g, g_t, g_step, tokens, K, L)
            stage(acc, x, stride, like, x_t, step(where, 3, like), tokens, width, unit)
            t_next = t - BLOCK if backward else t + BLOCK
            more = BLOCK if m + 1 < blocks else 0
            ahead = (
                lines(where, 0, like, b, t_next, h, 0, K, more),
                lines(where, 1, like, b, t_next, h, 0, K, more),
                lines(where, 2, like_g, b, t_next, h, 0, K, more),
                lines(where, 3, like, b, t_next, h, low, width, more),
                lines(where, 4, like, b, t, h, low, width, tokens),
            )
            scan_rows(acc, tokens, strips, L, K, w, r, a, x, y, stride, folded, backward, ahead)
            unstage(acc, y, stride, like, y_t, step(where, 4, like), tokens, width)
        write_state(acc, strips, L, K, after + offset, V, width)


@shared(group, memory, error_model="numpy")
def by_keys(worker, begin, end, tasks, scratch, each, acc, like, like_g, where, K, V, L, scale):
    """Tensors q, k, v, g, do, dq (in the dtype of arithmetic), dk, dg; states S_0 and dS_T."""
    one, nothing, unit = size(acc), cast(acc, 0), cast(acc, 1)
    scratch += one * each * worker
    for n in range(begin, end):
        b, start, total, state, h, first, last = tasks[n]
        stride, low = (last - first) * L, first * L
        width = min(K - low, stride)
        v, do = scratch, scratch + one * BLOCK * V
        a = scratch + 2 * one * BLOCK * V
        q = a + one * BLOCK * stride
        k, y = q + one * BLOCK * stride, q + 2 * one * BLOCK * stride
        strips = y + one * BLOCK * stride
        sums = strips + one * V * stride
        kept = sums + one * stride
        before, after = where[32], where[36]
        offset = one * (state * K * V + low * V)
        if before != 0:
            before += offset
        if after != 0:
            after += offset
        blocks = -(-total // BLOCK)
        read_state(nothing, strips, L, V, before, 1, V, width)
        for block in range(blocks):
            t = start + block * BLOCK
            tokens = min(BLOCK, start + total - t)
            k_t = address(where, 1, like, b, t, h, low)
            v_t = address(where, 2, like, b, t, h, 0)
            g_t = address(where, 3, like_g, b, t, h, low)
            do_t = address(where, 4, like, b, t, h, 0)
            dq_t = address(where, 5, acc, b, t, h, low)
            stage(acc, v, V, like, v_t, step(where, 2, like), tokens, V, unit)
            stage(acc, do, V, like, do_t, step(where, 4, like), tokens, V, scale)
            g_step = step(where, 3, like_g)
            folded = stage_decays(acc, a, stride, like_g, g_t, g_step, tokens, width, L)
            stage(acc, k, stride, like, k_t, step(where, 1, like), tokens, width, unit)
            more = BLOCK if block + 1 < blocks else 0
            ahead = (
                lines(where, 1, like, b, t + BLOCK, h, low, width, more),
                lines(where, 2, like, b, t + BLOCK, h, 0, V, more),
                lines(where, 3, like_g, b, t + BLOCK, h, low, width, more),
                lines(where, 4, like, b, t + BLOCK, h, 0, V, more),
                lines(where, 5, acc, b, t, h, low, width, tokens),
            )
            scan_lanes(acc, tokens, strips, L, V, v, do, a, k, y, stride, folded, False, ahead)
            unstage(acc, y, stride, acc, dq_t, step(where, 5, acc), tokens, width)
            for i in range(V * stride):
                store(acc, kept + one * block * V * stride, i, load(acc, strips, i))
        read_state(nothing, strips, L, V, after, 1, V, width)
        for m in range(blocks):
            block = blocks - 1 - m
            t = start + block * BLOCK
            tokens = min(BLOCK, start + total - t)
            q_t = address(where, 0, like, b, t, h, low)
            k_t = address(where, 1, like, b, t, h, low)
            v_t = address(where, 2, like, b, t, h, 0)
            g_t = address(where, 3, like_g, b, t, h, low)
            do_t = address(where, 4, like, b, t, h, 0)
            dq_t = address(where, 5, acc, b, t, h, low)
            dk_t = address(where, 6, like, b, t, h, low)
            dg_t = address(where, 7, like_g, b, t, h, low)
            stage(acc, v, V, like, v_t, step(where, 2, like), tokens, V, unit)
            stage(acc, do, V, like, do_t, step(where, 4, like), tokens, V, scale)
            g_step = step(where, 3, like_g)
            folded = stage_decays(acc, a, stride, like_g, g_t, g_step, tokens, width, L)
            stage(acc, q, stride, like, q_t, step(where, 0, like), tokens, width, unit)
            meet(acc, kept + one * block * V * stride, strips, V, L, stride, sums)
            more = BLOCK if block > 0 else 0
            ahead = (
                lines(where, 0, like, b, t - BLOCK, h, low, width, more),
                lines(where, 1, like, b, t - BLOCK, h, low, width, more),
                lines(where, 2, like, b, t - BLOCK, h, 0, V, more),
                lines(where, 3, like_g, b, t - BLOCK, h, low, width, more),
                lines(where, 4, like, b, t - BLOCK, h, 0, V, more),
                lines(where, 5, acc, b, t - BLOCK, h, low, width, more),
                lines(where, 6, like, b, t, h, low, width, tokens),
                lines(where, 7, like_g, b, t, h, low, width, tokens),
            )
            scan_lanes(acc, tokens, strips, L, V, do, v, a, q, y, stride, folded, True, ahead)
            unstage(acc, y, stride, like, dk_t, step(where, 6, like), tokens, width)
            gate_gradient(
                acc,
                like_g,
                like,
                (q_t, step(where, 0, like)),
                (k_t, step(where, 1, like)),
                (y, stride),
                (dq_t, step(where, 5, acc)),
                (g_t, g_step),
                (dg_t, step(where, 7, like_g)),
                tokens,
                width,
                sums,
            )
