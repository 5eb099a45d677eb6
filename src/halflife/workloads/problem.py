"""A workload drawn with one seed: tensors in memory, a fresh model, what to minimise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from halflife.workloads.streams import stream

Loss = Callable[[nn.Module, Tensor, Tensor, torch.Generator], Tensor]
"""(model, inputs, targets, noise) -> the mean loss in nats, a scalar that can be differentiated.

`noise` is the only source of chance that a loss may use. It is a generator of the CPU wherever the
model is, so that a card sees the same draws.
"""


class Examples(NamedTuple):
    """Inputs [n, …] with targets [n, …], row by row."""

    inputs: Tensor
    targets: Tensor

    def to(self, device: torch.device | str) -> Examples:
        """The same on `device`."""
        return Examples(self.inputs.to(device), self.targets.to(device))


@dataclass(frozen=True, eq=False)
class Problem:
    """What one run trains and is measured by.

    Attributes:
        model: The freshly drawn model; training changes it in place.
        train: The training split.
        held_out: The held-out split.
        loss: What is minimised, in nats.
        seed: The seed that drew all this; the noise of `evaluate` follows it too.
        error: (model, inputs, targets) -> fraction of wrong answers; None where there are none.
        draws: How often `evaluate` draws the loss's noise to take the mean; 1 if it has none.
        rows_at_once: How many rows `evaluate` takes in one pass, to spare memory; None takes all.
        autocast: What matrix products are computed in on a card; None is float32.
    """

    model: nn.Module
    train: Examples
    held_out: Examples
    loss: Loss
    seed: int
    error: Callable[[nn.Module, Tensor, Tensor], Tensor] | None = None
    draws: int = 1
    rows_at_once: int | None = None
    autocast: torch.dtype | None = None

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    def to(self, device: torch.device | str) -> Problem:
        """The same with all tensors on `device`; the model moves there itself."""
        return replace(
            self,
            model=self.model.to(device),
            train=self.train.to(device),
            held_out=self.held_out.to(device),
        )

    def batch_loss(self, batch: Examples, noise: torch.Generator) -> Tensor:
        """The loss of rows that are where the model is, in the precision of this problem."""
        with self._precision():
            return self.loss(self.model, *batch, noise)

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Mean `loss` (held-out) and `train_loss` in nats and, for classifiers, `error`.

        Equal models get equal figures: the noise is drawn anew from the seed at each call.
        """
        self.model.eval()
        figures = {
            "loss": self._mean_loss(self.held_out),
            "train_loss": self._mean_loss(self.train),
        }
        if self.error is not None:
            with self._precision():
                figures["error"] = sum(
                    share * float(self.error(self.model, *rows))
                    for share, rows in self._passes(self.held_out)
                )
        self.model.train()
        return figures

    def _mean_loss(self, examples: Examples) -> float:
        noise = stream(self.seed, "evaluation")
        losses = [
            sum(
                share * float(self.batch_loss(rows, noise))
                for share, rows in self._passes(examples)
            )
            for _ in range(self.draws)
        ]
        return sum(losses) / self.draws

    def _passes(self, examples: Examples) -> Iterator[tuple[float, Examples]]:
        """Rows that are looked at together, where the model is, with their share of all."""
        everything, device = len(examples.targets), self.device
        size = self.rows_at_once or everything
        for first in range(0, everything, size):
            rows = Examples(*(tensor[first : first + size] for tensor in examples)).to(device)
            yield len(rows.targets) / everything, rows

    def _precision(self) -> AbstractContextManager[object]:
        if self.autocast is None or self.device.type == "cpu":
            return nullcontext()
        return torch.autocast(self.device.type, self.autocast)
