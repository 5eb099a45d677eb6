"""Associative recall: pairs of a key and a value, then keys whose values are to be told.

The task of Arora et al., "Zoology" (arXiv 2312.04927, appendix), where a model cannot guess: it has
kept a pair or it has not. Nothing is read from disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from halflife.workloads.problem import Examples, Problem
from halflife.workloads.streams import initial_weights, stream
from halflife.workloads.workload import Workload

UNASKED = -100
"""The target where nothing is asked."""


@dataclass(frozen=True, kw_only=True)
class MultiQueryRecall(Workload):
    """n pairs, then the n keys again in another order, with gaps that are mostly short.

    A row is k₁ v₁ … k_n v_n, then slots of two tokens, in n of which one key stands; the target at
    a key is its value, and all else is token 0 without a target. Keys come from the lower half of
    the vocabulary, each at most once in a row, values from the upper half. Slot i, counted from 1,
    is drawn with a probability in proportion to i^(skew − 1), without replacement.

    Attributes:
        network: (vocabulary, length) -> a causal model from int64 [batch, length] to logits
            [batch, length, vocabulary].
        vocabulary: Number of tokens, even.
        length: Tokens in a row.
        pairs: n.
        examples: Rows to train on.
        held_out: Rows to test on.
        skew: 1 spreads the questions evenly, near 0 most follow the pairs closely.
    """

    network: Callable[[int, int], nn.Module]
    vocabulary: int = 8192
    length: int = 64
    pairs: int = 4
    examples: int = 100_000
    held_out: int = 3_000
    skew: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.vocabulary % 2 or self.vocabulary // 2 - 1 < self.pairs:
            raise ValueError(
                f"vocabulary must be even and have a key for each of {self.pairs} pairs besides "
                f"token 0, got {self.vocabulary}."
            )
        if self.length % 2 or self.length < 4 * self.pairs:
            raise ValueError(
                f"length must be even and hold {self.pairs} pairs and as many questions, "
                f"{4 * self.pairs} tokens, got {self.length}."
            )

    def problem(self, seed: int) -> Problem:
        """The rows and the initial weights that `seed` draws."""
        chance = stream(seed, "split")
        with initial_weights(seed):
            model = self.network(self.vocabulary, self.length)
        return Problem(
            model=model,
            train=self.rows(self.examples, chance),
            held_out=self.rows(self.held_out, chance),
            loss=recall_loss,
            error=forgotten,
            seed=seed,
            rows_at_once=1024,
        )

    def rows(self, count: int, chance: torch.Generator) -> Examples:
        """Inputs and targets, int64 [count, length]."""
        n, half = self.pairs, self.vocabulary // 2
        keys = 1 + torch.rand(count, half - 1, generator=chance).argsort(1)[:, :n]
        values = half + torch.randint(half, (count, n), generator=chance)
        slots = (self.length - 2 * n) // 2
        weights = torch.arange(1, slots + 1, dtype=torch.float64) ** (self.skew - 1)
        drawn = torch.multinomial(weights.expand(count, slots), n, generator=chance)
        at = 2 * n + 2 * drawn
        inputs = torch.zeros(count, self.length, dtype=torch.int64)
        inputs[:, 0 : 2 * n : 2] = keys
        inputs[:, 1 : 2 * n : 2] = values
        inputs.scatter_(1, at, keys)
        targets = torch.full_like(inputs, UNASKED).scatter_(1, at, values)
        return Examples(inputs, targets)


def recall_loss(model: nn.Module, inputs: Tensor, targets: Tensor, noise: object) -> Tensor:
    """Mean −log softmax(model(inputs))[value], in nats per question; int64 [batch, length] both."""
    del noise  # this loss has none
    return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), ignore_index=UNASKED)


def forgotten(model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Fraction of the questions whose value is not the likeliest token."""
    asked = targets != UNASKED
    wrong: Tensor = model(inputs).argmax(dim=-1)[asked] != targets[asked]
    return wrong.double().mean()
