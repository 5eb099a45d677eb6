"""The protocol that claims about training share. Not a paper: `papers()` passes it over.

The learning rate is tuned for each cell of a study's grid on tuning seeds, on a grid of powers of
two around the workload's own rate, which grows until its best value lies inside; runs are reported
on fresh seeds; runs that are compared share their seed, so data split, initial weights and the
order of batches. A problem is a workload: two optimizers on the same data and model are not
independent. At smoke scale there are too few problems for a sample, and on a card there is one
language model: verdicts there speak of just these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from halflife.lab import Scale, Tune

if TYPE_CHECKING:
    from halflife.workloads import Workload

SCALES = (Scale.SMOKE, Scale.LAPTOP, Scale.GPU)
"""What a claim about training has if a language model can show it."""
OPTIMIZERS = ("sgd", "adam")
LOGISTIC = ("iris-logistic", "wine-logistic", "breast_cancer-logistic", "digits-logistic")
SMALL = ("wine-logistic", "digits-logistic", "digits-mlp")
"""Three for smoke scale."""
QUICK = (*LOGISTIC, "wine-mlp", "breast_cancer-mlp", "digits-mlp")
"""For a laptop, where each paper adds slower ones."""
LANGUAGE_MODEL = ("stdlib-gpt",)
"""For a card."""
PROBLEM = ("workload",)
"""What counts as independent."""
PANEL = ("workload", "optimizer")
LABEL_NOISE = 0.2
"""Part of a logistic problem's labels drawn at random: without it the gradients vanish."""


def problem_of(workload: str) -> Workload:
    """The workload, with label noise if it is a logistic regression."""
    from dataclasses import replace

    from halflife.workloads import get

    found: Any = get(workload)
    noisy: Workload = replace(found, label_noise=LABEL_NOISE) if workload in LOGISTIC else found
    return noisy


def optimizers(scale: Scale) -> tuple[str, ...]:
    """Both named ones, but Adam alone for a language model, which SGD hardly trains."""
    return scale.pick(smoke=OPTIMIZERS, laptop=OPTIMIZERS, gpu=("adam",))


def learning_rates(cell: Mapping[str, Any]) -> list[float]:
    """Five powers of two around the workload's usual rate for the optimizer."""
    from halflife.workloads import get

    centre = get(cell["workload"]).lr[cell["optimizer"]]
    return [centre * 2.0**k for k in (-2, -1, 0, 1, 2)]


def tuned(scale: Scale) -> Tune:
    """Choose "lr" on seeds 0 and, on a laptop, 1."""
    return Tune("lr", learning_rates, seeds=range(scale.pick(smoke=1, laptop=2, gpu=1)))


def across(scale: Scale) -> dict[str, Any]:
    """What a rule speaks of."""
    return {
        "problem": PROBLEM,
        "problems": scale.pick(smoke="fixed", laptop="sampled", gpu="fixed"),
    }


def seeds_from(first: int, scale: Scale, laptop: int) -> range:
    """Seeds to report, from a number that is each paper's own; those that tune are below it."""
    return range(first, first + scale.pick(smoke=8, laptop=laptop, gpu=8))
