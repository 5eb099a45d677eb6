"""The chunkwise form in plain torch: few large matrix products, on any device.

Inside a chunk of C tokens o = Q̃ S + (P ⊙ M) V, with S the state that enters it and Q̃ the queries
decayed since its start; between chunks S ← γ ⊙ S + K̃ᵀ V (section 4.2 of the paper). P's decays are
products over the tokens between key and query, and `scores` takes them apart without dividing by
anything small. Chunks go in segments, so that what lies in memory at a time is bounded.

Every exponent is a sum over the very tokens that it spans, never a difference of longer sums: a
decay stays exact beside a reset.
"""

# mypy: disable-error-code="no-untyped-call, no-any-return"
# Tensor.unflatten has no types.

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from halflife.attention.gla.arguments import bounds, wide
from halflife.attention.gla.scores import Scores, later, sofar

CHUNK = 64
_SEGMENT = 128
"""Chunks of all heads at a time: large enough for the products, small enough for the cache."""
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
    o, state = torch.empty_like(v, memory_format=torch.contiguous_format), _states(q, v, cu_seqlens)
    for batch in _batches(q, cu_seqlens):
        xs = [batch.cut(x) for x in (q, k, v, g)]
        S = _first(initial_state, batch, state)
        outputs = []
        for part in _segments(xs):
            run = _Segment(scale, *part)
            states = run.states(S)
            outputs.append(run.outputs(states[:-1]))
            S = states[-1]
        batch.paste(o, outputs)
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
    gradients = [torch.empty_like(x, memory_format=torch.contiguous_format) for x in (q, k, v, g)]
    dinitial = _states(q, v, cu_seqlens)
    for batch in _batches(q, cu_seqlens):
        xs = [batch.cut(x) for x in (q, k, v, g, do)]
        segments = list(_segments(xs))
        S, entering = _first(initial_state, batch, dinitial), []
        for *part, _ in segments:
            entering.append(S)
            S = _Segment(scale, *part).states(S)[-1]
        dS = dstate[batch.sequences].flatten(0, 1).to(S.dtype)
        pieces = []
        for (*part, do_part), S in zip(reversed(segments), reversed(entering), strict=True):
            *piece, dS = _Segment(scale, *part).gradients(S, do_part, dS)
            pieces.append(piece)
        for whole, parts in zip(gradients, zip(*reversed(pieces), strict=True), strict=False):
            batch.paste(whole, parts)
        dinitial[batch.sequences] = dS.unflatten(0, (-1, dinitial.shape[1]))
    dg = gradients[3].masked_fill_(g == -torch.inf, 0)
    return gradients[0], gradients[1], gradients[2], dg, dinitial


class _Segment:
    """Some chunks of all heads; tensors are (heads, chunks, CHUNK, channels)."""

    def __init__(self, scale: float, q: Tensor, k: Tensor, v: Tensor, g: Tensor) -> None:
        g = g.clamp(min=_FORGOTTEN)
        self.q, self.k, self.v, self.g, self.scale = q, k, v, g, scale
        self.since = sofar(g).exp()  # the decay from the chunk's start
        self.until = later(g).exp()  # the decay to the chunk's end
        self.whole = self.since[..., -1, :].unsqueeze(-1)
        self.left = k * self.until

    def states(self, S: Tensor) -> list[Tensor]:
        """The states before each chunk, and that after the last."""
        return _scan(S, self.whole, self.left.mT @ self.v)

    def outputs(self, entering: list[Tensor]) -> Tensor:
        heads = self.q.shape[:2]
        o = (self.q * self.since) @ torch.stack(entering, 1)
        P = Scores(self.q, self.k, self.g).matrix
        o = torch.baddbmm(o.flatten(0, 1), P.flatten(0, 1), self.v.flatten(0, 1))
        return o.mul_(self.scale).unflatten(0, heads)

    def gradients(self, S: Tensor, do: Tensor, dS: Tensor) -> tuple[Tensor, ...]:
        """Of q, k, v, g and the state that enters; S enters, dS is of the state that leaves."""
        do = do * self.scale
        states = self.states(S)
        before, after = torch.stack(states[:-1], 1), torch.stack(states[1:], 1)
        pushed = _scan(dS, self.whole.flip(1), ((self.q * self.since).mT @ do).flip(1))
        leaving = torch.stack(pushed[:-1], 1).flip(1)
        scores = Scores(self.q, self.k, self.g)
        dq, dk = scores.gradients((do @ self.v.mT).tril_())
        dq.addcmul_(do @ before.mT, self.since)
        dk.addcmul_(self.v @ leaving.mT, self.until)
        dv = scores.matrix.mT @ do + self.left @ leaving
        change = self.q * dq - self.k * dk
        dg = later(change) + change + (after * leaving).sum(-1).unsqueeze(-2)
        return dq, dk, dv, dg, pushed[-1]


def _scan(S: Tensor, decay: Tensor, added: Tensor) -> list[Tensor]:
    states = [S]
    for n in range(added.shape[1]):
        states.append(torch.addcmul(added[:, n], decay[:, n], states[-1]))
    return states


def _segments(xs: list[Tensor]) -> Iterator[list[Tensor]]:
    heads, chunks = xs[0].shape[:2]
    length = max(1, _SEGMENT // max(1, heads))
    for start in range(0, chunks, length):
        yield [x[:, start : start + length] for x in xs]


class _Batch:
    """Sequences of as many chunks each, and where their tokens lie."""

    def __init__(self, chunks: int, sequences: list[int], spans: list[tuple[int, int]] | None):
        self.chunks, self.sequences, self.spans = chunks, sequences, spans

    def cut(self, x: Tensor) -> Tensor:
        """(heads of all sequences, chunks, CHUNK, channels), wide, filled up with zeros."""
        rows = list(x) if self.spans is None else [x[0, a:b] for a, b in self.spans]
        H, D = x.shape[2:]
        blocks = x.new_zeros((len(rows), H, self.chunks * CHUNK, D), dtype=wide(x.dtype))
        for block, row in zip(blocks, rows, strict=True):
            block[:, : len(row)] = row.transpose(0, 1)
        return blocks.view(len(rows) * H, self.chunks, CHUNK, D)

    def paste(self, x: Tensor, pieces: list[Tensor] | tuple[Tensor, ...]) -> None:
        """Put segments of chunks back to where `cut` took them from."""
        if not pieces:
            return
        whole = torch.cat(tuple(pieces), 1).flatten(1, 2).unflatten(0, (-1, x.shape[2]))
        rows = list(x) if self.spans is None else [x[0, a:b] for a, b in self.spans]
        for row, block in zip(rows, whole, strict=True):
            row.copy_(block[:, : len(row)].transpose(0, 1))


def _batches(q: Tensor, cu_seqlens: Tensor | None) -> list[_Batch]:
    if cu_seqlens is None:
        return [_Batch(-(-q.shape[1] // CHUNK), list(range(len(q))), None)]
    spans = list(pairwise(bounds(cu_seqlens, q.shape[1])))
    alike: dict[int, list[int]] = {}
    for n, (start, end) in enumerate(spans):
        alike.setdefault(-(-(end - start) // CHUNK), []).append(n)
    return [_Batch(chunks, group, [spans[n] for n in group]) for chunks, group in alike.items()]


def _states(q: Tensor, v: Tensor, cu_seqlens: Tensor | None) -> Tensor:
    count = len(q) if cu_seqlens is None else len(cu_seqlens) - 1
    shape = (count, q.shape[2], q.shape[3], v.shape[3])
    return q.new_empty(shape, dtype=wide(q.dtype))


def _first(initial_state: Tensor | None, batch: _Batch, like: Tensor) -> Tensor:
    if initial_state is None:
        return like.new_zeros(len(batch.sequences) * like.shape[1], *like.shape[2:])
    return initial_state[batch.sequences].flatten(0, 1)
