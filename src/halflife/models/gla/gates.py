"""How much of its memory a head keeps from one token to the next: the gate, in four kinds.

A gate is a module from hidden states [..., width] to log gates ln α ≤ 0, float32
[..., heads, key width]. The paper's is `VectorGate`; the others are what its ablation compares
with (section 5.3 of arXiv 2312.06635): one number a head that depends on the input, as in Mamba-2,
one that does not, as in RetNet, and none at all, which is plain linear attention.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


def log_gate(logits: Tensor, half_life: float, clamp_min: float | None = None) -> Tensor:
    """Ln α = ln σ(logits) / τ in float32, with τ = `half_life`; never below `clamp_min`.

    At logits of 0, α is 2^(−1/τ): memory halves in τ tokens, so τ is named by what it does.
    """
    decay = F.logsigmoid(logits.float()) / half_life
    return decay if clamp_min is None else decay.clamp(min=clamp_min)


def tokens_per_halving(log_gates: Tensor) -> Tensor:
    """Ln ½ / ln α: after so many tokens half of a memory is left; ∞ where nothing decays."""
    return -math.log(2) / log_gates


class VectorGate(nn.Sequential):
    """α = σ(x W₁ W₂ + b)^(1/τ), one number for every key channel; W₁ has `rank` columns."""

    def __init__(
        self,
        width: int,
        heads: int,
        key_width: int,
        half_life: float = 16.0,
        rank: int = 16,
        clamp_min: float | None = None,
        linear: type[nn.Linear] = nn.Linear,
    ) -> None:
        super().__init__(
            linear(width, rank, bias=False), linear(rank, heads * key_width, bias=True)
        )
        self.shape = (heads, key_width)
        self.half_life_at_zero = half_life
        self.clamp_min = clamp_min

    def forward(self, x: Tensor) -> Tensor:
        """Hidden states [..., width] -> ln α [..., heads, key width]."""
        logits = self[1](self[0](x)).unflatten(-1, self.shape)
        return log_gate(logits, self.half_life_at_zero, self.clamp_min)

    def at_rest(self) -> Tensor:
        """Ln α [heads, key width] where the input says nothing: that of the bias alone."""
        bias = cast("Tensor", self[1].bias)
        return log_gate(bias.view(self.shape), self.half_life_at_zero, self.clamp_min)


class ScalarGate(nn.Sequential):
    """α = σ(x w + b)^(1/τ), one number a head, the same for all of its channels."""

    def __init__(
        self,
        width: int,
        heads: int,
        key_width: int,
        half_life: float = 16.0,
        rank: int = 16,
        clamp_min: float | None = None,
        linear: type[nn.Linear] = nn.Linear,
    ) -> None:
        del rank  # a head's single number needs no bottleneck
        super().__init__(linear(width, heads))
        self.key_width = key_width
        self.half_life_at_zero = half_life
        self.clamp_min = clamp_min

    def forward(self, x: Tensor) -> Tensor:
        """Hidden states [..., width] -> ln α [..., heads, key width]."""
        return self._spread(self[0](x))

    def at_rest(self) -> Tensor:
        """Ln α [heads, key width] where the input says nothing: that of the bias alone."""
        return self._spread(cast("Tensor", self[0].bias))

    def _spread(self, logits: Tensor) -> Tensor:
        decay = log_gate(logits, self.half_life_at_zero, self.clamp_min)
        return decay.unsqueeze(-1).expand(*decay.shape, self.key_width)


class FixedDecay(nn.Module):
    """α_h = 1 − 2^(−5−h), whatever the input: the decay of RetNet (arXiv 2307.08621, eq. 8)."""

    def __init__(
        self,
        width: int,
        heads: int,
        key_width: int,
        half_life: float = 16.0,
        rank: int = 16,
        clamp_min: float | None = None,
        linear: type[nn.Linear] = nn.Linear,
    ) -> None:
        super().__init__()
        del width, half_life, rank, clamp_min, linear  # nothing is learned, and the decay is given
        self.shape = (heads, key_width)

    def forward(self, x: Tensor) -> Tensor:
        """Hidden states [..., width] -> ln α [..., heads, key width]."""
        return self.at_rest().to(x.device).expand(*x.shape[:-1], *self.shape)

    def at_rest(self) -> Tensor:
        """Ln α [heads, key width]."""
        heads = torch.arange(self.shape[0], dtype=torch.float32)
        return torch.log1p(-(2.0 ** (-5 - heads))).unsqueeze(-1).expand(self.shape)


class NoGate(nn.Module):
    """α = 1: nothing is ever forgotten."""

    def __init__(
        self,
        width: int,
        heads: int,
        key_width: int,
        half_life: float = 16.0,
        rank: int = 16,
        clamp_min: float | None = None,
        linear: type[nn.Linear] = nn.Linear,
    ) -> None:
        super().__init__()
        del width, half_life, rank, clamp_min, linear  # there is nothing to set
        self.shape = (heads, key_width)

    def forward(self, x: Tensor) -> Tensor:
        """Hidden states [..., width] -> ln α [..., heads, key width]."""
        return torch.zeros(*x.shape[:-1], *self.shape, device=x.device)

    def at_rest(self) -> Tensor:
        """Ln α [heads, key width]."""
        return torch.zeros(self.shape)


Gate = VectorGate | ScalarGate | FixedDecay | NoGate
GATES: dict[str, type[Gate]] = {
    "vector": VectorGate,
    "scalar": ScalarGate,
    "fixed": FixedDecay,
    "none": NoGate,
}
