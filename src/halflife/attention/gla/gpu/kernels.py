"""The two-level chunkwise form in Triton.

A sequence is cut into chunks of C tokens, a chunk into rows of R. `states` makes the states between
chunks, one after the other; all else is made for all chunks, rows and tiles at once. A row of
queries meets the earlier keys of its chunk in one product, with all decays taken through the row's
beginning (in the gradient of keys: a row of keys meets later queries through the row's end), so
that no exponent is above 0. Within a row decays are taken through its middle if the gates there
allow that, else key by key.

Every exponent is a sum over the very tokens that it spans, never a difference of longer sums. Plain
pointers and masks, offsets of 64 bits.
"""

# mypy: ignore-errors
# Triton gives these functions their types.

from __future__ import annotations

import triton
import triton.language as tl

RANGE = tl.constexpr(80.0)
FORGOTTEN = tl.constexpr(-1e4)


@triton.jit
def _tile(x, token, channel, head, H, D, rows):
    """Rows of a (tokens, H, D) tensor as float32, zero where there are none."""
    at = (token[:, None].to(tl.int64) * H + head) * D + channel[None, :]
    return tl.load(x + at, mask=rows[:, None] & (channel < D)[None, :], other=0.0).to(tl.float32)


@triton.jit
def _gates(g, token, channel, head, H, K, rows):
    return tl.maximum(_tile(g, token, channel, head, H, K, rows), FORGOTTEN)


@triton.jit
def _put(x, token, channel, head, H, D, rows, value):
    at = (token[:, None].to(tl.int64) * H + head) * D + channel[None, :]
    kind = x.dtype.element_ty
    tl.store(x + at, value.to(kind), mask=rows[:, None] & (channel < D)[None, :])


@triton.jit
def _state(x, which, i, j, K, V):
    """A tile of a state as float32."""
    at = which * K * V + i[:, None] * V + j[None, :]
    return tl.load(x + at, mask=(i < K)[:, None] & (j < V)[None, :], other=0.0).to(tl.float32)


@triton.jit
def _sofar(g):
    return tl.cumsum(g, 0)


@triton.jit
def _later(shifted):
    """Sums over what lies behind each token, from gates that are shifted by one."""
    return tl.cumsum(shifted, 0, reverse=True)


@triton.jit
def _inner(g, r):
    """A row's gates but for the first, which acts on no key of the row."""
    return tl.where((r == 0)[:, None], 0.0, g)


@triton.jit
def _diagonal(q, k, inner, r):
    """Σ_c q_ic k_jc exp(Σ_{j<t≤i} g_tc) for i ≥ j of one row."""
    R: tl.constexpr = q.shape[0]
    D = tl.zeros((R, R), tl.float32)
    whole = tl.sum(inner, 0)
    if tl.min(whole, 0) > -RANGE:
        since = _sofar(inner) - whole[None, :] / 2
        D += tl.dot(q * tl.exp(since), tl.trans(k * tl.exp(-since)), input_precision="ieee")
    else:
        for j in range(R):
            decay = tl.exp(_sofar(tl.where((r > j)[:, None], inner, 0.0)))
            key = tl.sum(tl.where((r == j)[:, None], k, 0.0), 0)
            column = tl.sum(q * key[None, :] * decay, 1)
            D += tl.where((r == j)[None, :], column[:, None], 0.0)
    return tl.where(r[:, None] >= r[None, :], D, 0.0)


@triton.jit
def _diagonal_dq(dD, k, inner, r):
    R: tl.constexpr = k.shape[0]
    dq = tl.zeros_like(k)
    whole = tl.sum(inner, 0)
    if tl.min(whole, 0) > -RANGE:
        since = _sofar(inner) - whole[None, :] / 2
        dq += tl.dot(dD, k * tl.exp(-since), input_precision="ieee") * tl.exp(since)
    else:
        for j in range(R):
            decay = tl.exp(_sofar(tl.where((r > j)[:, None], inner, 0.0)))
            key = tl.sum(tl.where((r == j)[:, None], k, 0.0), 0)
            column = tl.sum(tl.where((r == j)[None, :], dD, 0.0), 1)
            dq += column[:, None] * key[None, :] * decay
    return dq


@triton.jit
def _diagonal_dk(dD, q, inner, r):
    R: tl.constexpr = q.shape[0]
    dk = tl.zeros_like(q)
    whole = tl.sum(inner, 0)
    if tl.min(whole, 0) > -RANGE:
        since = _sofar(inner) - whole[None, :] / 2
        dk += tl.dot(tl.trans(dD), q * tl.exp(since), input_precision="ieee") * tl.exp(-since)
    else:
        for j in range(R):
            decay = tl.exp(_sofar(tl.where((r > j)[:, None], inner, 0.0)))
            column = tl.sum(tl.where((r == j)[None, :], dD, 0.0), 1)
            row = tl.sum(column[:, None] * q * decay, 0)
            dk += tl.where((r == j)[:, None], row[None, :], 0.0)
    return dk


@triton.jit
def states(
    w,
    x,
    g,
    first,
    out,
    last,
    bounds,
    chunk0,
    scale,
    H,
    K,
    V,
    HAS_FIRST: tl.constexpr,
    BACKWARD: tl.constexpr,
    C: tl.constexpr,
    BK: tl.constexpr,
    BV: tl.constexpr,
    PRECISION: tl.constexpr,
    KIND: tl.constexpr,
):
    """S ← exp(Σ g) S + (w decayed to the chunk's end, or from its start)ᵀ x, chunk by chunk."""
    i = tl.program_id(0) * BK + tl.arange(0, BK)
    j = tl.program_id(1) * BV + tl.arange(0, BV)
    which = tl.program_id(2).to(tl.int64)
    n, h = which // H, which % H
    begin, end = tl.load(bounds + n), tl.load(bounds + n + 1)
    before = tl.load(chunk0 + n)
    inside = (i < K)[:, None] & (j < V)[None, :]
    S = tl.zeros((BK, BV), tl.float32)
    if HAS_FIRST:
        S += _state(first, which, i, j, K, V)
    chunks = (end - begin + C - 1) // C
    t = tl.arange(0, C)
    for m in range(0, chunks):
        c = m
        if BACKWARD:
            c = chunks - 1 - m
        at = ((before + c) * H + h) * K * V + i[:, None] * V + j[None, :]
        tl.store(out + at, S.to(out.dtype.element_ty), mask=inside)
        token = begin + c * C + t
        rows = token < end
        gates = _gates(g, token, i, h, H, K, rows)
        if BACKWARD:
            decay = _sofar(gates)
        else:
            decay = _later(_gates(g, token + 1, i, h, H, K, (token + 1 < end) & (t + 1 < C)))
        b_w = _tile(w, token, i, h, H, K, rows) * tl.exp(decay) * scale
        b_x = _tile(x, token, j, h, H, V, rows)
        S = S * tl.exp(tl.sum(gates, 0))[:, None]
        S += tl.dot(tl.trans(b_w).to(KIND), b_x.to(KIND), input_precision=PRECISION)
    tl.store(last + which * K * V + i[:, None] * V + j[None, :], S, mask=inside)


@triton.jit
def outputs(
    q,
    k,
    v,
    g,
    h_in,
    o,
    table,
    scale,
    H,
    K,
    V,
    C: tl.constexpr,
    R: tl.constexpr,
    BK: tl.constexpr,
    BV: tl.constexpr,
    PRECISION: tl.constexpr,
    KIND: tl.constexpr,
):
    """Make o of one row of queries."""
    chunk, row = tl.program_id(0).to(tl.int64) // (C // R), tl.program_id(0) % (C // R)
    j = tl.program_id(1) * BV + tl.arange(0, BV)
    h = tl.program_id(2).to(tl.int64)
    begin, end = tl.load(table + 3 * chunk), tl.load(table + 3 * chunk + 1)
    if begin + row * R < end:
        t, r = tl.arange(0, C), tl.arange(0, R)
        token, mine = begin + t, begin + row * R + r
        earlier, rows = t < row * R, mine < end
        b_o = tl.zeros((R, BV), tl.float32)
        A = tl.zeros((R, C), tl.float32)
        D = tl.zeros((R, R), tl.float32)
        for k0 in range(0, K, BK):
            i = k0 + tl.arange(0, BK)
            gates = _gates(g, mine, i, h, H, K, rows)
            b_q = _tile(q, mine, i, h, H, K, rows) * scale
            since = b_q * tl.exp(_sofar(gates))
            to_row = tl.exp(_later(_gates(g, token + 1, i, h, H, K, t + 1 < row * R)))
            b_k = _tile(k, token, i, h, H, K, earlier) * to_row
            A += tl.dot(since.to(KIND), tl.trans(b_k).to(KIND), input_precision=PRECISION)
            start = tl.exp(tl.sum(_gates(g, token, i, h, H, K, earlier), 0))
            b_h = _state(h_in, chunk * H + h, i, j, K, V)
            b_q0 = since * start[None, :]
            b_o += tl.dot(b_q0.to(KIND), b_h.to(KIND), input_precision=PRECISION)
            D += _diagonal(b_q, _tile(k, mine, i, h, H, K, rows), _inner(gates, r), r)
        b_v = _tile(v, token, j, h, H, V, earlier)
        b_o += tl.dot(A.to(KIND), b_v.to(KIND), input_precision=PRECISION)
        b_v = _tile(v, mine, j, h, H, V, rows)
        b_o += tl.dot(D.to(KIND), b_v.to(KIND), input_precision=PRECISION)
        _put(o, mine, j, h, H, V, rows, b_o)


@triton.jit
def queries(
    k,
    v,
    g,
    h_in,
    do,
    dq,
    table,
    scale,
    H,
    K,
    V,
    C: tl.constexpr,
    R: tl.constexpr,
    BK: tl.constexpr,
    BV: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Make dq of one row of queries."""
    chunk, row = tl.program_id(0).to(tl.int64) // (C // R), tl.program_id(0) % (C // R)
    i = tl.program_id(1) * BK + tl.arange(0, BK)
    h = tl.program_id(2).to(tl.int64)
    begin, end = tl.load(table + 3 * chunk), tl.load(table + 3 * chunk + 1)
    if begin + row * R < end:
        t, r = tl.arange(0, C), tl.arange(0, R)
        token, mine = begin + t, begin + row * R + r
        earlier, rows = t < row * R, mine < end
        b_dq = tl.zeros((R, BK), tl.float32)
        dA = tl.zeros((R, C), tl.float32)
        dD = tl.zeros((R, R), tl.float32)
        for v0 in range(0, V, BV):
            j = v0 + tl.arange(0, BV)
            b_do = _tile(do, mine, j, h, H, V, rows) * scale
            b_v = _tile(v, token, j, h, H, V, earlier)
            dA += tl.dot(b_do, tl.trans(b_v), input_precision=PRECISION)
            b_v = _tile(v, mine, j, h, H, V, rows)
            dD += tl.dot(b_do, tl.trans(b_v), input_precision=PRECISION)
            b_h = _state(h_in, chunk * H + h, i, j, K, V)
            b_dq += tl.dot(b_do, tl.trans(b_h), input_precision=PRECISION)
        gates = _gates(g, mine, i, h, H, K, rows)
        b_dq *= tl.exp(tl.sum(_gates(g, token, i, h, H, K, earlier), 0))[None, :]
        to_row = tl.exp(_later(_gates(g, token + 1, i, h, H, K, t + 1 < row * R)))
        b_k = _tile(k, token, i, h, H, K, earlier) * to_row
        b_dq += tl.dot(dA, b_k, input_precision=PRECISION)
        b_dq *= tl.exp(_sofar(gates))
        dD = tl.where(r[:, None] >= r[None, :], dD, 0.0)
        b_dq += _diagonal_dq(dD, _tile(k, mine, i, h, H, K, rows), _inner(gates, r), r)
        _put(dq, mine, i, h, H, K, rows, b_dq)


@triton.jit
def keys(
    q,
    v,
    g,
    dh_out,
    do,
    dk,
    table,
    scale,
    H,
    K,
    V,
    C: tl.constexpr,
    R: tl.constexpr,
    BK: tl.constexpr,
    BV: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Make dk of one row of keys."""
    chunk, row = tl.program_id(0).to(tl.int64) // (C // R), tl.program_id(0) % (C // R)
    i = tl.program_id(1) * BK + tl.arange(0, BK)
    h = tl.program_id(2).to(tl.int64)
    begin, end = tl.load(table + 3 * chunk), tl.load(table + 3 * chunk + 1)
    if begin + row * R < end:
        t, r = tl.arange(0, C), tl.arange(0, R)
        token, mine = begin + t, begin + row * R + r
        behind, rows = (t >= row * R + R) & (token < end), mine < end
        b_dk = tl.zeros((R, BK), tl.float32)
        dA = tl.zeros((C, R), tl.float32)
        dD = tl.zeros((R, R), tl.float32)
        for v0 in range(0, V, BV):
            j = v0 + tl.arange(0, BV)
            b_v = _tile(v, mine, j, h, H, V, rows)
            b_do = _tile(do, token, j, h, H, V, behind) * scale
            dA += tl.dot(b_do, tl.trans(b_v), input_precision=PRECISION)
            b_do = _tile(do, mine, j, h, H, V, rows) * scale
            dD += tl.dot(b_do, tl.trans(b_v), input_precision=PRECISION)
            b_dh = _state(dh_out, chunk * H + h, i, j, K, V)
            b_dk += tl.dot(b_v, tl.trans(b_dh), input_precision=PRECISION)
        after = _gates(g, token, i, h, H, K, behind)
        b_dk *= tl.exp(tl.sum(after, 0))[None, :]
        b_q = _tile(q, token, i, h, H, K, behind) * tl.exp(_sofar(after))
        b_dk += tl.dot(tl.trans(dA), b_q, input_precision=PRECISION)
        shifted = _gates(g, mine + 1, i, h, H, K, (r + 1 < R) & (mine + 1 < end))
        b_dk *= tl.exp(_later(shifted))
        dD = tl.where(r[:, None] >= r[None, :], dD, 0.0)
        gates = _gates(g, mine, i, h, H, K, rows)
        b_dk += _diagonal_dk(dD, _tile(q, mine, i, h, H, K, rows), _inner(gates, r), r)
        _put(dk, mine, i, h, H, K, rows, b_dk)


@triton.jit
def values(
    q,
    k,
    g,
    dh_out,
    do,
    dv,
    table,
    scale,
    H,
    K,
    V,
    C: tl.constexpr,
    R: tl.constexpr,
    BK: tl.constexpr,
    BV: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Make dv of one row of values."""
    chunk, row = tl.program_id(0).to(tl.int64) // (C // R), tl.program_id(0) % (C // R)
    j = tl.program_id(1) * BV + tl.arange(0, BV)
    h = tl.program_id(2).to(tl.int64)
    begin, end = tl.load(table + 3 * chunk), tl.load(table + 3 * chunk + 1)
    if begin + row * R < end:
        t, r = tl.arange(0, C), tl.arange(0, R)
        token, mine = begin + t, begin + row * R + r
        behind, rows = (t >= row * R + R) & (token < end), mine < end
        b_dv = tl.zeros((R, BV), tl.float32)
        A = tl.zeros((C, R), tl.float32)
        D = tl.zeros((R, R), tl.float32)
        for k0 in range(0, K, BK):
            i = k0 + tl.arange(0, BK)
            b_k = _tile(k, mine, i, h, H, K, rows)
            shifted = _gates(g, mine + 1, i, h, H, K, (r + 1 < R) & (mine + 1 < end))
            until = b_k * tl.exp(_later(shifted))
            after = _gates(g, token, i, h, H, K, behind)
            b_q = _tile(q, token, i, h, H, K, behind) * tl.exp(_sofar(after)) * scale
            A += tl.dot(b_q, tl.trans(until), input_precision=PRECISION)
            until *= tl.exp(tl.sum(after, 0))[None, :]
            b_dh = _state(dh_out, chunk * H + h, i, j, K, V)
            b_dv += tl.dot(until, b_dh, input_precision=PRECISION)
            gates = _gates(g, mine, i, h, H, K, rows)
            b_q = _tile(q, mine, i, h, H, K, rows) * scale
            D += _diagonal(b_q, b_k, _inner(gates, r), r)
        b_do = _tile(do, token, j, h, H, V, behind)
        b_dv += tl.dot(tl.trans(A), b_do, input_precision=PRECISION)
        b_do = _tile(do, mine, j, h, H, V, rows)
        b_dv += tl.dot(tl.trans(D), b_do, input_precision=PRECISION)
        _put(dv, mine, j, h, H, V, rows, b_dv)


@triton.jit
def gates(
    q,
    k,
    g,
    h_in,
    h_last,
    dh_out,
    dq,
    dk,
    dg,
    table,
    H,
    K,
    V,
    C: tl.constexpr,
    BK: tl.constexpr,
    BV: tl.constexpr,
):
    """Make dg of one chunk: q dq − k dk from its end on, and S ⊙ dS there."""
    chunk = tl.program_id(0).to(tl.int64)
    i = tl.program_id(1) * BK + tl.arange(0, BK)
    h = tl.program_id(2).to(tl.int64)
    begin, end = tl.load(table + 3 * chunk), tl.load(table + 3 * chunk + 1)
    sequence = tl.load(table + 3 * chunk + 2)  # of which it is the last chunk, or −1
    token = begin + tl.arange(0, C)
    rows = token < end
    change = _tile(q, token, i, h, H, K, rows) * _tile(dq, token, i, h, H, K, rows)
    change -= _tile(k, token, i, h, H, K, rows) * _tile(dk, token, i, h, H, K, rows)
    meet = tl.zeros((BK,), tl.float32)
    for v0 in range(0, V, BV):
        j = v0 + tl.arange(0, BV)
        if sequence >= 0:
            S = _state(h_last, sequence * H + h, i, j, K, V)
        else:
            S = _state(h_in, (chunk + 1) * H + h, i, j, K, V)
        meet += tl.sum(S * _state(dh_out, chunk * H + h, i, j, K, V), 1)
    total = tl.cumsum(change, 0, reverse=True) + meet[None, :]
    forgets = _tile(g, token, i, h, H, K, rows) == float("-inf")  # whatever the state was
    _put(dg, token, i, h, H, K, rows, tl.where(forgets, 0.0, total))
