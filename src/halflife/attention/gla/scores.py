"""P of a chunk, P_ij = Σ_c q_ic k_jc Π_{j<t≤i} α_tc for i ≥ j, by matrix products alone.

A chunk is halved, its halves are halved, and so on. In a block of queries of a later half and keys
of the half before it, the decay is one from the key to the key half's end times one from there to
the query: both at most 1, whatever the gates are. In a small block on the diagonal there is no such
place between key and query. There decays are measured from the block's middle,
exp(β_i − m) exp(m − β_j), which is exact as long as no exponent nears what a float32 holds. `leaf`
is the largest block for which that is so; for the default gates it is the whole chunk, and in the
worst case a single token.

The paper's own way, section 4.3, makes such small blocks channel by channel.
"""

# mypy: disable-error-code="no-untyped-call, no-any-return"
# Tensor.unflatten has no types.

from __future__ import annotations

import functools

import torch
from torch import Tensor

_RANGE = 80.0
"""Largest sum of gates in a block on the diagonal: exp(±40) leaves room for q and k."""


@functools.cache
def _ones(size: int, dtype: torch.dtype, *, above: bool) -> Tensor:
    ones = torch.ones(size, size, dtype=dtype)
    return ones.triu(1) if above else ones.tril()


def sofar(g: Tensor) -> Tensor:
    """For each token the sum of g over the tokens up to it, itself too."""
    if g.device.type != "cpu":
        return g.cumsum(-2)
    ones = _ones(g.shape[-2], g.dtype, above=False)  # several times faster than cumsum
    tokens_first = g.transpose(-3, -2)
    if tokens_first.is_contiguous():  # all heads in one product
        added = ones @ tokens_first.flatten(-2)
        return added.view(tokens_first.shape).transpose(-3, -2)
    return ones @ g


def later(g: Tensor) -> Tensor:
    """For each token the sum of g over the tokens behind it."""
    if g.device.type == "cpu":
        return _ones(g.shape[-2], g.dtype, above=True) @ g
    turned = torch.zeros_like(g)
    turned[..., :-1, :] = g[..., 1:, :].flip(-2).cumsum(-2).flip(-2)
    return turned


class Scores:
    """P of some chunks; q, k and g are (…, C, K), C a power of two."""

    def __init__(self, q: Tensor, k: Tensor, g: Tensor) -> None:
        C = q.shape[-2]
        leaf = _leaf(g)
        blocks = _parts(g, leaf)
        blocks = torch.cat((torch.zeros_like(blocks[..., :1, :]), blocks[..., 1:, :]), -2)
        inside = sofar(blocks)  # the first gate acts on no key of its block
        middle = inside[..., -1:, :] / 2
        factors = [(leaf, (inside - middle).exp(), (middle - inside).exp())]
        size = leaf
        while size < C:
            factors.append((size, sofar(_half(g, size, 1)).exp(), later(_half(g, size, 0)).exp()))
            size *= 2
        self._shape = q.shape
        self._blocks = []
        for n, (size, to_q, from_k) in enumerate(factors):
            q_part = _parts(q, size) if n == 0 else _half(q, size, 1)
            k_part = _parts(k, size) if n == 0 else _half(k, size, 0)
            self._blocks.append((size, n == 0, to_q, from_k, q_part * to_q, k_part * from_k))

    @property
    def matrix(self) -> Tensor:
        """P, zero above its diagonal: (…, C, C)."""
        C = self._shape[-2]
        P = self._blocks[0][4].new_zeros(*self._shape[:-2], C, C)
        for size, diagonal, _, _, q, k in self._blocks:
            block = q @ k.mT
            _block(P, size, diagonal=diagonal).copy_(block.tril_() if diagonal else block)
        return P

    def gradients(self, dP: Tensor) -> tuple[Tensor, Tensor]:
        """Of q and k, for a gradient of P that is zero above the diagonal."""
        dq, dk = (self._blocks[0][4].new_zeros(self._shape) for _ in range(2))
        for size, diagonal, to_q, from_k, q, k in self._blocks:
            d = _block(dP, size, diagonal=diagonal)
            dq_part = _parts(dq, size) if diagonal else _half(dq, size, 1)
            dk_part = _parts(dk, size) if diagonal else _half(dk, size, 0)
            dq_part.addcmul_(d @ k, to_q)
            dk_part.addcmul_(d.mT @ q, from_k)
        return dq, dk


def _leaf(g: Tensor) -> int:
    """The largest block whose gates, but for the first, have sums within the range."""
    size = g.shape[-2]
    while size > 1 and g.numel() and _parts(g, size)[..., 1:, :].sum(-2).amin() < -_RANGE:
        size //= 2
    return size


def _parts(x: Tensor, size: int) -> Tensor:
    """Neighbouring tokens: (…, C/size, size, K)."""
    return x.unflatten(-2, (-1, size))


def _half(x: Tensor, size: int, which: int) -> Tensor:
    """The first or second of each two neighbouring parts: (…, C/2size, size, K)."""
    return x.unflatten(-2, (-1, 2, size))[..., which, :, :]


def _block(P: Tensor, size: int, *, diagonal: bool) -> Tensor:
    """The blocks of P that parts, or second and first halves, make: (…, blocks, size, size)."""
    whole = size if diagonal else 2 * size
    blocks = P.unflatten(-1, (-1, whole)).unflatten(-3, (-1, whole))
    blocks = blocks.diagonal(0, -4, -2).movedim(-1, -3)
    return blocks if diagonal else blocks[..., size:, :size]
