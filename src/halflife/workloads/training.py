"""The one training loop that serves all workloads.

Equal arguments give equal figures, whatever ran before and however many cores there are; on a card
as far as `repeatable` says. The seed alone draws the split, the initial weights, the order of the
data and the loss's noise, so runs that differ only in optimizer, learning rate or schedule are
paired.
"""

from __future__ import annotations

import math
from numbers import Integral

import torch

from halflife.errors import UnknownNameError
from halflife.workloads.batches import batches
from halflife.workloads.controls import Controls
from halflife.workloads.curve import Curve
from halflife.workloads.device import a_device, repeatable
from halflife.workloads.optimizers import OPTIMIZERS, OptimizerFactory
from halflife.workloads.problem import Examples, Problem
from halflife.workloads.streams import stream
from halflife.workloads.workload import Workload

CHECK_EVERY = 100
"""Updates between looks at whether the loss is still finite."""


def train(
    workload: Workload,
    *,
    optimizer: str | OptimizerFactory,
    lr: float,
    schedule: Curve | None = None,
    momentum: Curve | None = None,
    updates: int | None = None,
    seed: int = 0,
    device: str | torch.device | None = None,
) -> dict[str, float]:
    """Train a fresh model and measure it.

    Args:
        workload: What to train on.
        optimizer: A name in `OPTIMIZERS`, or (parameters, lr) -> optimizer.
        lr: Base learning rate, > 0.
        schedule: (step, total) -> multiplier of each parameter group's learning rate, see `Curve`;
            None leaves it constant.
        momentum: (step, total) -> momentum, or β₁ of an optimizer that has betas; None leaves it.
        updates: The budget; None is the workload's full one. A smaller one sees the beginning of
            the same sequence of batches.
        seed: Draws all chance, in the same way wherever the run computes.
        device: Where to compute, such as "cpu" or "cuda"; None is the workload's own.

    Returns:
        `loss`: held-out mean loss in nats (per row, per byte, per image);
        `train_loss`: the same over the whole training split;
        `error`: held-out fraction of wrong answers, for classifiers only;
        `updates`: how many were made;
        `diverged`: 0.0, or 1.0 if a loss was no longer finite. Then the run ends within 100
        updates, both losses are inf and `error` is 1.

    Raises:
        UnknownNameError: There is no optimizer of this name.
        ValueError: An argument is out of its range (see also `Controls` and `batches`).
        HalflifeError: A card is asked for and there is none.
    """
    if not (math.isfinite(lr) and lr > 0):
        raise ValueError(f"lr must be positive and finite, got {lr}.")
    total = workload.updates if updates is None else updates
    if not isinstance(total, Integral) or total < 1:
        raise ValueError(f"updates must be a whole number from 1, got {total}.")
    place = a_device(workload.device if device is None else device)
    with repeatable(place):
        problem = workload.problem(seed).to(place)
        stepper = _factory(optimizer)(list(problem.model.parameters()), lr)
        controls = Controls(stepper, schedule, momentum, total)
        inputs, targets = problem.train
        order = batches(len(targets), workload.batch_size, total, seed).to(place)
        noise = stream(seed, "noise")
        for step, rows in enumerate(order):
            controls.set(step)
            loss = problem.batch_loss(Examples(inputs[rows], targets[rows]), noise)
            stepper.zero_grad()
            torch.autograd.backward(loss)
            stepper.step()
            if (step + 1) % CHECK_EVERY == 0 and not math.isfinite(loss.item()):
                return _diverged(problem, step + 1)
        figures = problem.evaluate()
    if not all(map(math.isfinite, figures.values())):
        return _diverged(problem, total)
    return {**figures, "updates": float(total), "diverged": 0.0}


def _factory(optimizer: str | OptimizerFactory) -> OptimizerFactory:
    if not isinstance(optimizer, str):
        return optimizer
    if optimizer not in OPTIMIZERS:
        raise UnknownNameError("optimizer", optimizer, OPTIMIZERS)
    return OPTIMIZERS[optimizer]


def _diverged(problem: Problem, updates: int) -> dict[str, float]:
    figures = {"loss": math.inf, "train_loss": math.inf}
    if problem.error is not None:
        figures["error"] = 1.0
    return {**figures, "updates": float(updates), "diverged": 1.0}
