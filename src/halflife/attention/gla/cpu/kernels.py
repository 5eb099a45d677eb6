"""The recurrence and its gradient over whole sequences, compiled by Numba.

Tokens go in blocks. A block's numbers are first staged: widened, scaled, gates made decays, and
filled up with tokens and channels that do nothing; then each strip of the state passes over them.

- `by_values`: lanes along values. Forward in time it makes o, with w = k, r = q, x = v. From the
  end, with w = q, r = k, x = do, it makes dv, and the state's gradient.
- `by_keys`: lanes along keys. Forward in time it makes dq = S do, with the states made anew, one
  of which is kept for each block; then from the end dk = D v. Where the two meet is the gradient
  of the gates: q dq − k dk, summed from a token to its block's end, and Σ_v S ⊙ D there.

A tensor is four entries of `where`: its address and its strides of batch, token and head. A state
has an address alone, which is 0 for none. A task is a row (batch, first token, tokens, sequence and
head as one number, head, first strip, last strip).
"""

# mypy: ignore-errors
# Numba gives these functions their types.

from __future__ import annotations

import math

from numba import njit

from halflife.attention.gla.cpu import group
from halflife.attention.gla.cpu.memory import exp, load, size, store

BLOCK = 64
TOKENS = group.TOKENS
forward_rows, forward_lanes = group.forward_rows, group.forward_lanes
backward_rows, backward_lanes = group.backward_rows, group.backward_lanes


@njit
def address(where, tensor, example, batch, token, head, channel):
    """Where a number of a tensor is."""
    o = 4 * tensor
    index = batch * where[o + 1] + token * where[o + 2] + head * where[o + 3] + channel
    return where[o] + size(example) * index


@njit
def step(where, tensor, example):
    """Bytes from a token to the next."""
    return size(example) * where[4 * tensor + 2]


@njit
def stage(acc, to, stride, example, source, step, tokens, channels, factor):
    """Copy a block, times a factor; zeros beside and after it."""
    nothing = factor - factor
    for t in range(-(-tokens // TOKENS) * TOKENS):
        row, column = to + size(acc) * stride * t, source + step * t
        used = channels if t < tokens else 0
        for i in range(used):
            store(acc, row, i, factor * load(example, column, i))
        for i in range(used, stride):
            store(acc, row, i, nothing)


@njit
def stage_decays(acc, to, stride, example, source, step, tokens, channels):
    """Copy the exponentials of a block; ones beside and after it."""
    for t in range(-(-tokens // TOKENS) * TOKENS):
        row, column = to + size(acc) * stride * t, source + step * t
        used = channels if t < tokens else 0
        for i in range(used):
            store(acc, row, i, exp(acc + load(example, column, i)))
        for i in range(used, stride):
            store(acc, row, i, acc + 1)


@njit
def unstage(acc, source, stride, example, to, step, tokens, channels):
    """Copy a block back."""
    for t in range(tokens):
        row, column = source + size(acc) * stride * t, to + step * t
        for i in range(channels):
            store(example, column, i, load(acc, row, i))


@njit
def read_state(acc, strips, L, rows, source, row_step, lane_step, lanes):
    """Fill the strips from a state in memory, or with zeros if there is none."""
    for lane in range(-(-lanes // L) * L):
        to = strips + size(acc) * (lane // L * rows * L + lane % L)
        for row in range(rows):
            x = acc
            if source != 0 and lane < lanes:
                x = load(acc, source, row * row_step + lane * lane_step)
            store(acc, to, row * L, x)


@njit
def write_state(acc, strips, L, rows, to, row_step, lanes):
    """Copy the strips to a state in memory whose lanes lie side by side."""
    for lane in range(lanes):
        source = strips + size(acc) * (lane // L * rows * L + lane % L)
        for row in range(rows):
            store(acc, to, row * row_step + lane, load(acc, source, row * L))


@njit
def scan(acc, tokens, strips, L, rows, w, r, a, x, y, stride, decay_of_rows, backward):
    """Let all strips pass over a block: the only loop whose time counts."""
    groups = -(-tokens // TOKENS)
    one = size(acc)
    for strip in range(stride // L):
        state = strips + one * strip * rows * L
        for n in range(groups):
            t = TOKENS * (groups - 1 - n if backward else n)
            w_t, r_t = w + one * t * rows, r + one * t * rows
            lane = one * (t * stride + strip * L)
            x_t, y_t = x + lane, y + lane
            if decay_of_rows:
                a_t = a + one * t * rows
                if backward:
                    backward_rows(acc, state, w_t, r_t, a_t, x_t, y_t, rows, rows, stride)
                else:
                    forward_rows(acc, state, w_t, r_t, a_t, x_t, y_t, rows, rows, stride)
            else:
                a_t = a + lane
                if backward:
                    backward_lanes(acc, state, w_t, r_t, a_t, x_t, y_t, rows, rows, stride)
                else:
                    forward_lanes(acc, state, w_t, r_t, a_t, x_t, y_t, rows, rows, stride)


@njit
def meet(acc, forth, back, rows, L, stride, sums):
    """Σ over rows of the product of two states, for each lane."""
    for lane in range(stride):
        store(acc, sums, lane, acc - acc)
    for strip in range(stride // L):
        for row in range(rows):
            o = (strip * rows + row) * L
            for i in range(L):
                lane = strip * L + i
                product = load(acc, forth, o + i) * load(acc, back, o + i)
                store(acc, sums, lane, load(acc, sums, lane) + product)


@njit
def gate_gradient(acc, like_g, block, dq, g, dg, tokens, width, sums):
    """Add q dq − k dk from the block's end on; the sum at each token is the gate's gradient."""
    q, k, dk, stride = block
    for n in range(tokens):
        t = tokens - 1 - n
        o = size(acc) * t * stride
        for i in range(width):
            change = load(acc, q + o, i) * load(acc, dq[0] + dq[1] * t, i)
            change -= load(acc, k + o, i) * load(acc, dk + o, i)
            total = load(acc, sums, i) + change
            store(acc, sums, i, total)
            forgets = load(like_g, g[0] + g[1] * t, i) == -math.inf  # whatever the state was
            store(like_g, dg[0] + dg[1] * t, i, acc - acc if forgets else total)


@njit(nogil=True, cache=True)
def by_values(acc, like, like_g, tasks, where, K, V, L, scale_w, scale_r, backward, scratch):
    """Tensors w, r, g, x, y and the states before and after."""
    one, nothing = size(acc), acc - acc
    for n in range(len(tasks)):
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
            stage_decays(nothing, a, K, like_g, g_t, step(where, 2, like_g), tokens, K)
            stage(acc, x, stride, like, x_t, step(where, 3, like), tokens, width, nothing + 1)
            scan(acc, tokens, strips, L, K, w, r, a, x, y, stride, True, backward)
            unstage(acc, y, stride, like, y_t, step(where, 4, like), tokens, width)
        write_state(acc, strips, L, K, after + offset, V, width)


@njit(nogil=True, cache=True)
def by_keys(acc, like, like_g, tasks, where, K, V, L, scale, scratch):
    """Tensors q, k, v, g, do, dq (in the dtype of arithmetic), dk, dg; states S_0 and dS_T."""
    one, nothing = size(acc), acc - acc
    for n in range(len(tasks)):
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
            stage(acc, v, V, like, v_t, step(where, 2, like), tokens, V, nothing + 1)
            stage(acc, do, V, like, do_t, step(where, 4, like), tokens, V, scale)
            stage_decays(nothing, a, stride, like_g, g_t, step(where, 3, like_g), tokens, width)
            stage(acc, k, stride, like, k_t, step(where, 1, like), tokens, width, nothing + 1)
            scan(acc, tokens, strips, L, V, v, do, a, k, y, stride, False, False)
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
            stage(acc, v, V, like, v_t, step(where, 2, like), tokens, V, nothing + 1)
            stage(acc, do, V, like, do_t, step(where, 4, like), tokens, V, scale)
            stage_decays(nothing, a, stride, like_g, g_t, step(where, 3, like_g), tokens, width)
            stage(acc, q, stride, like, q_t, step(where, 0, like), tokens, width, nothing + 1)
            stage(acc, k, stride, like, k_t, step(where, 1, like), tokens, width, nothing + 1)
            meet(acc, kept + one * block * V * stride, strips, V, L, stride, sums)
            scan(acc, tokens, strips, L, V, do, v, a, q, y, stride, False, True)
            unstage(acc, y, stride, like, dk_t, step(where, 6, like), tokens, width)
            gate_gradient(
                acc,
                like_g,
                (q, k, y, stride),
                (dq_t, step(where, 5, acc)),
                (g_t, step(where, 3, like_g)),
                (dg_t, step(where, 7, like_g)),
                tokens,
                width,
                sums,
            )
