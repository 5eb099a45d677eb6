"""What every workload says of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from halflife.workloads.problem import Problem


@dataclass(frozen=True, kw_only=True)
class Workload(ABC):
    """A problem to train on, before chance is drawn. Vary one with `dataclasses.replace`.

    Attributes:
        name: What `get` finds it by.
        summary: One line for people: data, model, loss.
        updates: The full budget (100 %), after which a decaying schedule has about converged.
        batch_size: Examples per update.
        lr: For each named optimizer the centre for a grid of learning rates: the power of two
            with the least mean held-out loss under the schedule 1 − s/T at the full budget (for
            logistic regression see there), over seeds from 100 to 105, which are spent by this.
        device: Where `train` computes unless told otherwise: "cpu", or "cuda" where nothing else
            ends within a day.
    """

    name: str
    summary: str
    updates: int
    batch_size: int
    lr: Mapping[str, float]
    device: str = "cpu"

    def __post_init__(self) -> None:
        for field in ("updates", "batch_size"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} must be at least 1, got {getattr(self, field)}.")

    @abstractmethod
    def problem(self, seed: int) -> Problem:
        """The split, the label noise and the initial weights that `seed` draws."""
