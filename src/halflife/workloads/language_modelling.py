"""Predicting each next byte of a text: texts and a causal network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from halflife.workloads.problem import Examples, Problem
from halflife.workloads.streams import initial_weights, stream
from halflife.workloads.workload import Workload

BYTES = 256
BORDER = b"\0"
"""Stands between two texts."""
EVALUATED_AT_ONCE = 2**16
"""Bytes in one pass of an evaluation: their logits take 64 MiB."""


@dataclass(frozen=True, kw_only=True)
class LanguageModelling(Workload):
    """Texts, cut into windows that do not overlap, and a network that predicts each next byte.

    Attributes:
        texts: Gives the texts; called for each problem, so it keeps what is slow to load. Whole
            texts are held out.
        network: (vocabulary, context) -> a causal model from int64 [batch, time] to logits
            [batch, time, vocabulary], time ≤ context. `partial(GPT, layers=…, …)` is one.
        context: Bytes in a window.
        held_out: Part of the texts that is held out, at least one.
        autocast: What matrix products are computed in on a card, such as `torch.bfloat16`; None
            is float32, and on the CPU it always is. Weights and losses stay in float32.
    """

    texts: Callable[[], Sequence[bytes]]
    network: Callable[[int, int], nn.Module]
    context: int
    held_out: float = 0.1
    autocast: torch.dtype | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.context < 1:
            raise ValueError(f"context must be at least 1, got {self.context}.")
        if not 0 < self.held_out < 1:
            raise ValueError(f"held_out is a part of the texts, in (0, 1), got {self.held_out}.")

    def problem(self, seed: int) -> Problem:
        """The split by text, its windows, and the initial weights that `seed` draws.

        Raises:
            ValueError: There are too few texts to split, or one side of the split is shorter than
                a window.
        """
        texts = self.texts()
        count = max(1, round(self.held_out * len(texts)))
        if len(texts) <= count:
            raise ValueError(f"{self.name} has {len(texts)} texts to split; give more, or parts.")
        order = torch.randperm(len(texts), generator=stream(seed, "split")).tolist()
        with initial_weights(seed):
            model = self.network(BYTES, self.context)
        return Problem(
            model=model,
            train=self._windows([texts[at] for at in order[count:]]),
            held_out=self._windows([texts[at] for at in order[:count]]),
            loss=next_byte,
            error=wrong_bytes,
            seed=seed,
            rows_at_once=max(1, EVALUATED_AT_ONCE // self.context),
            autocast=self.autocast,
        )

    def _windows(self, texts: Sequence[bytes]) -> Examples:
        """Inputs and targets, uint8 [windows, context]: each byte but the first is a target."""
        joined = torch.frombuffer(bytearray(BORDER.join(texts)), dtype=torch.uint8)
        rows = (len(joined) - 1) // self.context
        if rows < 1:
            raise ValueError(
                f"{len(joined)} bytes on one side of the split of {self.name} are shorter than a "
                f"window of {self.context} + 1; shorten context, or give more texts."
            )
        end = rows * self.context
        return Examples(
            joined[:end].view(rows, self.context), joined[1 : end + 1].view(rows, self.context)
        )


def next_byte(model: nn.Module, inputs: Tensor, targets: Tensor, noise: object) -> Tensor:
    """Mean −log softmax(model(inputs))[target], in nats per byte; uint8 [batch, time] both."""
    del noise  # this loss has none
    return F.cross_entropy(model(inputs.long()).flatten(0, 1), targets.long().flatten())


def wrong_bytes(model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Fraction of the bytes that are not the likeliest."""
    wrong: Tensor = model(inputs.long()).argmax(dim=-1) != targets
    return wrong.double().mean()
