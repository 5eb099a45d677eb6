"""The chunkwise form in plain torch: few large matrix products, on any device.

Inside a chunk of C tokens o = Q̃ S + (P ⊙ M) V, with S the state that enters it and Q̃ the queries
decayed since its start; between chunks S ← γ ⊙ S + K̃ᵀ V (section 4.2 of the paper). P's decays are
products over the tokens between key and query. Where gates are gentle, a chunk's keys are divided
by the decay since its start, and P is one product. Elsewhere `scores` takes the decays apart
without dividing by anything small, and every exponent is a sum over the very tokens that it spans,
never a difference of longer sums: a decay stays exact beside a reset.

Chunks go in segments, so that what lies in memory at a time is bounded.
"""

# mypy: disable-error-code="no-untyped-call, no-any-return"
# Tensor.unflatten has no types.

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from halflife.attention.gla.arguments import bounds, wide
from halflife.attention.gla.pool import empty
from halflife.attention.gla.scores import Scores, later, sofar

CHUNK = 64
_SEGMENT = 4096
"""Channels of all chunks and heads at a time: enough for the products, few enough for the cache."""
_GENTLE = 20.0
"""A chunk's gates up to this sum are gentle: float32 holds exp(20) q k, and sums to 1e-6."""
_FORGOTTEN = -1e4
"""In place of −∞, which times 0 is no number; exp of both is 0."""


def forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    initial_state: Tensor | None,
    cu_seqlens: Tensor | None,
    scale: float,
) -> tuple[Tensor, Tensor]:
    """Return o and the last state, for checked arguments in layout (B, T, H, ·)."""
    o, state = _room(v, v.shape), _states(q, v, cu_seqlens)
    for batch in _batches(q, cu_seqlens):
        S = _first(initial_state, batch, state)
        for part in batch.segments(q):
            some, S = _through(scale, S, *(batch.cut(x, part) for x in (q, k, v, g)))
            batch.paste(o, some, part)
            del some  # before the next are made: the memory is then taken again
        state[batch.sequences] = S.unflatten(0, (-1, state.shape[1]))
    return o, state


def backward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    initial_state: Tensor | None,
    cu_seqlens: Tensor | None,
    scale: float,
    do: Tensor,
    dstate: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of q, k, v, g and the first state, for those of both outputs."""
    gradients = [_room(x, x.shape) for x in (q, k, v, g)]
    dinitial = _states(q, v, cu_seqlens)
    for batch in _batches(q, cu_seqlens):
        segments = batch.segments(q)
        S, runs, kept = _first(initial_state, batch, dinitial), [], []
        for part in segments:
            runs.append(_segment(scale, *(batch.cut(x, part) for x in (q, k, v, g))))
            kept.append(runs[-1].states(S))
            S = kept[-1][-1]
        dS = dstate[batch.sequences].flatten(0, 1).to(S.dtype)
        for part in reversed(segments):
            *pieces, dS = runs.pop().gradients(kept.pop(), batch.cut(do, part), dS)
            for whole, piece in zip(gradients, pieces, strict=True):
                batch.paste(whole, piece, part)
        dinitial[batch.sequences] = dS.unflatten(0, (-1, dinitial.shape[1]))
    return gradients[0], gradients[1], gradients[2], gradients[3], dinitial


def _through(
    scale: float, S: Tensor, q: Tensor, k: Tensor, v: Tensor, g: Tensor
) -> tuple[Tensor, Tensor]:
    """The outputs of a segment and the state after it."""
    run = _segment(scale, q, k, v, g)
    states = run.states(S)
    return run.outputs(states[:-1]), states[-1].clone()


def _segment(scale: float, q: Tensor, k: Tensor, v: Tensor, g: Tensor) -> _Gentle | _Any:
    sums = sofar(g)
    if g.numel() > 0 and sums[..., -1, :].amin() >= -_GENTLE:  # not where it is NaN, of 0 · −∞
        return _Gentle(scale, q, k, v, sums)
    return _Any(scale, q, k, v, g)


class _Gentle:
    """Some chunks of all heads; tensors are (chunks, heads, CHUNK, channels).

    `sums` are those of the gates from a chunk's start; they are overwritten.
    """

    def __init__(self, scale: float, q: Tensor, k: Tensor, v: Tensor, sums: Tensor) -> None:
        self._q, self.v, self.scale = q, _room(v, v.shape).copy_(v), scale
        self.since = sums.exp_()  # the decay from the chunk's start
        self.whole = self.since[..., -1, :].unsqueeze(-1)
        self.k = torch.div(k, self.since, out=_room(k, k.shape))

    @cached_property
    def q(self) -> Tensor:
        return torch.mul(self._q, self.since, out=_room(self._q, self._q.shape))

    @property
    def scores(self) -> Tensor:
        return _product(self.q, self.k.mT).tril_()

    def states(self, S: Tensor) -> Tensor:
        """The states before each chunk, and that after the last, for the first of them."""
        states = _beside(S, self.k.mT, self.v)
        states[1:].mul_(self.whole)
        return _scan(states, self.whole)

    def outputs(self, entering: Tensor) -> Tensor:
        return _add(_product(self.q, entering), self.scores, self.v, self.scale)

    def gradients(self, states: Tensor, do: Tensor, dS: Tensor) -> tuple[Tensor, ...]:
        """Of q, k, v, g and the state that enters; dS is of the state that leaves."""
        do = torch.mul(do, self.scale, out=_room(do, do.shape))
        leaving = _scan(_beside(dS, self.q.mT, do, last=True), self.whole, backward=True)
        dS, leaving = leaving[0], leaving[1:]
        from_end = (states[1:] * leaving).sum(-1).unsqueeze(-2)
        leaving = leaving * self.whole
        dP = _product(do, self.v.mT).tril_()
        dq = _add(_product(dP, self.k), do, states[:-1].mT)
        dk = _add(_product(dP.mT, self.q), self.v, leaving.mT)
        dv = _add(_product(self.scores.mT, do), self.k, leaving)
        change = (self.q * dq).addcmul_(self.k, dk, value=-1)
        dg = later(change).add_(change).add_(from_end)
        return dq.mul_(self.since), dk.div_(self.since), dv, dg, dS


class _Any:
    """The same for whatever gates."""

    def __init__(self, scale: float, q: Tensor, k: Tensor, v: Tensor, g: Tensor) -> None:
        self.q, self.k, self.v = (x.contiguous() for x in (q, k, v))
        self.scale, self.reset = scale, g == -torch.inf
        self.g = g = g.contiguous().clamp(min=_FORGOTTEN)
        self.since = sofar(g).exp()  # the decay from the chunk's start
        self.until = later(g).exp()  # the decay to the chunk's end
        self.whole = self.since[..., -1, :].unsqueeze(-1)
        self.left = self.k * self.until

    def states(self, S: Tensor) -> Tensor:
        return _scan(_beside(S, self.left.mT, self.v), self.whole)

    def outputs(self, entering: Tensor) -> Tensor:
        P = Scores(self.q, self.k, self.g).matrix
        return _add((self.q * self.since) @ entering, P, self.v, self.scale)

    def gradients(self, states: Tensor, do: Tensor, dS: Tensor) -> tuple[Tensor, ...]:
        do = torch.mul(do, self.scale, out=_room(do, do.shape))
        into = (self.q * self.since).mT
        leaving = _scan(_beside(dS, into, do, last=True), self.whole, backward=True)
        dS, leaving = leaving[0], leaving[1:]
        scores = Scores(self.q, self.k, self.g)
        dq, dk = scores.gradients((do @ self.v.mT).tril_())
        dq.addcmul_(do @ states[:-1].mT, self.since)
        dk.addcmul_(self.v @ leaving.mT, self.until)
        dv = _add(scores.matrix.mT @ do, self.left, leaving)
        change = self.q * dq - self.k * dk
        from_end = (states[1:] * leaving).sum(-1).unsqueeze(-2)
        dg = later(change).add_(change).add_(from_end).masked_fill_(self.reset, 0)
        return dq, dk, dv, dg, dS


def _product(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """Products of matrices, one a chunk and head."""
    if out is None:
        out = _room(a, (*a.shape[:-1], b.shape[-1]))
    torch.bmm(a.flatten(0, 1), b.flatten(0, 1), out=out.flatten(0, 1))
    return out


def _add(x: Tensor, a: Tensor, b: Tensor, scale: float = 1.0) -> Tensor:
    """Scale x + a b in the memory of x, for products of matrices."""
    x.flatten(0, 1).baddbmm_(a.flatten(0, 1), b.flatten(0, 1), beta=scale, alpha=scale)
    return x


def _beside(S: Tensor, a: Tensor, b: Tensor, *, last: bool = False) -> Tensor:
    """S and the products of a and b, one a chunk, side by side; S comes first or last."""
    states = _room(S, (len(a) + 1, *S.shape))
    states[-1 if last else 0] = S
    _product(a, b, out=states[:-1] if last else states[1:])
    return states


def _scan(states: Tensor, decay: Tensor, *, backward: bool = False) -> Tensor:
    """Add to each state, in its memory, its neighbour's that has decayed in the chunk between."""
    one, between = states.unbind(), decay.unbind()
    if backward:
        one, between = one[::-1], between[::-1]
    for before, after, gone in zip(one, one[1:], between, strict=False):
        after.addcmul_(gone, before)
    return states


class _Batch:
    """Sequences of as many chunks each, and where their tokens lie."""

    def __init__(self, chunks: int, sequences: list[int], spans: list[tuple[int, int]] | None):
        self.chunks, self.sequences, self.spans = chunks, sequences, spans

    def segments(self, x: Tensor) -> list[tuple[int, int]]:
        """First token and end of each segment, counted from where a sequence begins."""
        chunks = max(1, _SEGMENT // max(1, len(self.sequences) * x.shape[2] * x.shape[3]))
        size, end = chunks * CHUNK, self.chunks * CHUNK
        return [(start, min(start + size, end)) for start in range(0, end, size)]

    def cut(self, x: Tensor, part: tuple[int, int]) -> Tensor:
        """(chunks, heads of all sequences, CHUNK, channels), wide, filled up with zeros.

        Where possible a view, whose tokens come before its heads in memory.
        """
        rows = self._rows(x, part)
        if isinstance(rows, list):
            rows = pad_sequence(rows, batch_first=True)
        if missing := part[1] - part[0] - rows.shape[1]:
            rows = torch.nn.functional.pad(rows, (0, 0, 0, 0, 0, missing))
        blocks = rows.to(wide(x.dtype)).unflatten(1, (-1, CHUNK)).permute(1, 0, 3, 2, 4)
        return blocks.flatten(1, 2)

    def paste(self, x: Tensor, blocks: Tensor, part: tuple[int, int]) -> None:
        """Put chunks back to where `cut` took them from."""
        blocks = blocks.unflatten(1, (-1, x.shape[2])).permute(1, 0, 3, 2, 4)
        for row, block in zip(self._rows(x, part), blocks, strict=True):
            full, rest = divmod(len(row), CHUNK)
            row[: len(row) - rest].view(full, CHUNK, *row.shape[1:]).copy_(block[:full])
            if rest:
                row[-rest:].copy_(block[full, :rest])

    def _rows(self, x: Tensor, part: tuple[int, int]) -> Tensor | list[Tensor]:
        first, last = part
        if self.spans is None:
            return x[:, first:last]
        return [x[0, a + first : min(a + last, b)] for a, b in self.spans]


def _batches(q: Tensor, cu_seqlens: Tensor | None) -> list[_Batch]:
    if cu_seqlens is None:
        return [_Batch(-(-q.shape[1] // CHUNK), list(range(len(q))), None)]
    spans = list(pairwise(bounds(cu_seqlens, q.shape[1])))
    alike: dict[int, list[int]] = {}
    for n, (start, end) in enumerate(spans):
        alike.setdefault(-(-(end - start) // CHUNK), []).append(n)
    return [_Batch(chunks, group, [spans[n] for n in group]) for chunks, group in alike.items()]


def _room(like: Tensor, shape: Sequence[int]) -> Tensor:
    """A contiguous tensor of whatever content."""
    if like.device.type == "cpu":
        return empty(shape, like.dtype)
    return like.new_empty(tuple(shape))


def _states(q: Tensor, v: Tensor, cu_seqlens: Tensor | None) -> Tensor:
    count = len(q) if cu_seqlens is None else len(cu_seqlens) - 1
    shape = (count, q.shape[2], q.shape[3], v.shape[3])
    return q.new_empty(shape, dtype=wide(q.dtype))


def _first(initial_state: Tensor | None, batch: _Batch, like: Tensor) -> Tensor:
    if initial_state is None:
        return like.new_zeros(len(batch.sequences) * like.shape[1], *like.shape[2:])
    return initial_state[batch.sequences].flatten(0, 1)
