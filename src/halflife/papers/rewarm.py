"""Continual Pre-Training of Large Language Models: How to (re)warm your model? (arXiv 2308.04014).

The schedule's side of the paper: what its curve is, in the textbook's form and in that of the
training code of the time, and whether the length of the warm-up matters. The last is tried on
small networks instead of language models: each is trained on one half of a table, and trained on
from that checkpoint on the other half, which lies elsewhere; and, on a card, on a small language
model and two halves of its texts. As in the paper the peak of the new run is held fixed, here at
the workload's usual rate, so nothing is tuned; the rest is as in `_protocol`: a workload's
optimizers are averaged, and on a laptop a mean over problems has an interval that takes them for a
sample. Lengths and margins stand below, and were fixed before any run.
"""

from __future__ import annotations

import math
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from halflife.lab import Paper, Scale, Study, all_of, equivalent, holds, plots
from halflife.papers._protocol import (
    LANGUAGE_MODEL,
    LOGISTIC,
    PROBLEM,
    QUICK,
    SCALES,
    across,
    optimizers,
    problem_of,
    seeds_from,
)
from halflife.schedules import compat, cosine, rewarm

if TYPE_CHECKING:
    from halflife.workloads import Classification, LanguageModelling, Problem, Workload

paper = Paper(
    slug="rewarm",
    title="Continual Pre-Training of Large Language Models: How to (re)warm your model?",
    authors=(
        "Kshitij Gupta",
        "Benjamin Thérien",
        "Adam Ibrahim",
        "Mats L. Richter",
        "Quentin Anthony",
        "Eugene Belilovsky",
        "Irina Rish",
        "Timothée Lesort",
    ),
    arxiv="2308.04014",
    published=date(2023, 8, 7),
    summary=(
        "A language model that was trained to the end of its schedule has a small learning rate, "
        "and new data has arrived. The paper trains on instead of starting anew, and asks how: "
        "the rate is warmed up again to a peak and decays as a cosine to a tenth of it. Warming "
        "up again first raises the loss on old and new data alike, and in the long run does "
        "better on the new data than to go on at the small rate, or than a model trained from "
        "scratch. How long the warm-up takes hardly matters."
    ),
    parts=(
        "halflife.schedules.rewarm",
        "halflife.schedules.cosine",
        "halflife.schedules.compat",
    ),
)

SMALL = ("wine-logistic", "wine-mlp", "breast_cancer-mlp")
MANY = (*QUICK, "digits-conv")
WARM_UPS = (0.0, 0.01, 0.02)
"""Lengths, as parts of the new run."""
FLOOR = 0.1
"""The least rate, as a part of the peak."""
NEOX = {  # update from 0: rate, for 1000 updates, 10 of them warm-up, from 3e-4 to 3e-5
    "until 2023": {
        0: 0.0,
        1: 3.0e-5,
        10: 3.0e-4,
        500: 1.5471e-4,
        790: 3.4423e-5,
        806: 3.0e-5,
        999: 3.0e-5,
    },
    "since 2023": {0: 0.0, 1: 3.0e-5, 10: 3.0e-4, 500: 1.6714e-4, 790: 5.8883e-5, 900: 3.6740e-5},
}
"""Worked out from GPT-NeoX's code of July and of October 2023."""


seeds = partial(seeds_from, 3000)


def textbook(n: Any, total: int, warm: int, least: float, start: float) -> Any:
    """The rate at time n as a part of its peak: linear up to n = W, then a cosine until n = N."""
    import numpy as np

    up = start + (1 - start) * n / max(warm, 1)
    down = least + (1 - least) * (1 + np.cos(np.pi * (n - warm) / (total - warm))) / 2
    return np.where(n < warm, up, down)


@paper.claim(where="Abstract: re-warming and decay; the formula is the textbook's")
def textbook_curve(scale: Scale) -> Study:
    """The schedule rises linearly from its start to the peak and falls as a cosine to its minimum,
    which comes one update after the last, whether it starts from the checkpoint's rate, from
    zero, or from zero as in GPT-NeoX, where a warm-up's first update runs at zero.
    """

    def violation(*, form: str, seed: int) -> dict[str, float]:
        import numpy as np

        rng = np.random.default_rng(seed)
        total = int(rng.integers(2, 5000))
        warm, least = int(rng.integers(0, total)), float(rng.uniform(0, 1))
        then = cosine().floor(least)
        steps = np.arange(total)
        if form == "gpt-neox":
            ours = compat.gpt_neox.cosine(warm, least)
            exact = textbook(steps, total, warm, least, 0.0)
        else:
            ours = rewarm(least, warm, then, start="zero" if form == "zero" else "checkpoint")
            began = 0.0 if form == "zero" else least
            first = steps < warm  # update s + 1 ends the warm-up's part s to s + 1
            exact = np.where(
                first,
                began + (1 - began) * (steps + 1) / max(warm, 1),
                textbook(steps, total, warm, least, began),
            )
        return {"violation": float(np.abs(ours.table(total) - exact).max())}

    return Study(
        trial=violation,
        rule=holds("violation", 1e-12),
        grid={"form": ("checkpoint", "zero", "gpt-neox")},
        seeds=seeds(scale, 200),
        plot=plots.values("violation", by="form"),
    )


@paper.claim(
    where="The training code of the time (GPT-NeoX until August 2023), not the paper's text"
)
def clamped_curve(scale: Scale) -> Study:
    """GPT-NeoX before August 2023 cut the cosine off at the minimum r instead of bending it: it is
    there from the part arccos(2r − 1)/π of the run on, 79.5 % for a tenth, up to r(1 − r) of the
    peak below the textbook's curve.

    The first author is reported (EleutherAI/gpt-neox#1008) to see this curve in their runs; the
    abstract does not tell. The rates of one run, 3e-4 to 3e-5 in 1000 updates, are compared to
    five digits in the old form and in the new one.
    """

    def violation(*, seed: int) -> dict[str, float]:
        import numpy as np

        least = FLOOR if seed % 2 else float(np.random.default_rng(seed).uniform(0.001, 0.999))
        total = 10**6
        clamped = compat.gpt_neox.until_2023(warmup=0, floor=least).table(total)
        bent = cosine().floor(least).table(total)
        reached = np.argmax(clamped <= least * (1 + 1e-15)) / total
        gap = bent - clamped
        predicted = math.acos(2 * least - 1) / math.pi
        old = compat.gpt_neox.until_2023(warmup=10, floor=FLOOR).table(1000) * 3e-4
        new = compat.gpt_neox.cosine(warmup=10, floor=FLOOR).table(1000) * 3e-4
        pairs = [(old[n], rate) for n, rate in NEOX["until 2023"].items()]
        pairs += [(new[n], rate) for n, rate in NEOX["since 2023"].items()]
        return {
            "reached": float(reached),
            "violation": max(
                abs(reached - predicted),
                abs(gap.max() - least * (1 - least)),
                abs(gap.argmax() / total - predicted),
                -gap.min(),
            ),
            "digits": max(abs(ours - rate) / 3e-4 for ours, rate in pairs),
        }

    return Study(
        trial=violation,
        rule=all_of(holds("violation", 2e-6), holds("digits", 5e-5)),
        seeds=seeds(scale, 50),
        plot=plots.values("violation", by="seed"),
    )


def halves(workload: str) -> tuple[Workload, Workload]:
    """The workload on one half of its data and on the other, which lie apart."""
    from halflife.workloads import Classification, LanguageModelling

    whole = problem_of(workload)
    if isinstance(whole, LanguageModelling):
        return halves_of_texts(whole)
    assert isinstance(whole, Classification)
    return halves_of_table(whole)


def halves_of_table(whole: Classification) -> tuple[Classification, Classification]:
    """Each class is cut at its median along the first principal component of all rows.

    So both halves have all classes.
    """
    from dataclasses import replace

    import numpy as np

    from halflife.workloads import Table

    features, labels = whole.table()
    centred = features - features.mean(axis=0)
    if whole.standardise:  # once for both, so that the halves stay apart
        deviation = centred.std(axis=0)
        features = centred = centred / np.where(deviation > 0, deviation, 1)
    along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    medians = np.array([np.median(along[labels == label]) for label in range(labels.max() + 1)])
    later = along > medians[labels]
    old, new = (Table(features[rows], labels[rows]) for rows in (~later, later))
    return (
        replace(whole, table=lambda: old, standardise=False),
        replace(whole, table=lambda: new, standardise=False),
    )


def halves_of_texts(whole: LanguageModelling) -> tuple[LanguageModelling, LanguageModelling]:
    """The texts in order of the first principal component of their byte frequencies, cut at half.

    Half of all bytes, not of the texts. The component's sign is such that it grows with spaces,
    so prose and deeply indented code come second.
    """
    from dataclasses import replace

    import numpy as np

    texts = whole.texts()
    counts = np.array([np.bincount(np.frombuffer(t, np.uint8), minlength=256) for t in texts])
    lengths = counts.sum(axis=1)
    frequencies = counts / lengths[:, None]
    axis = np.linalg.svd(frequencies - frequencies.mean(axis=0), full_matrices=False)[2][0]
    order = np.argsort(frequencies @ axis * np.sign(axis[ord(" ")]), kind="stable")
    cut = int(np.searchsorted(np.cumsum(lengths[order]), lengths.sum() / 2)) + 1
    old, new = (tuple(texts[at] for at in part) for part in (order[:cut], order[cut:]))
    return replace(whole, texts=lambda: old), replace(whole, texts=lambda: new)


def train_on(problem: Problem, workload: Workload, **how: Any) -> dict[str, float]:
    """Train the model of `problem` as it is, in place; `how` are the arguments of `train`."""
    from halflife.workloads import Workload, train

    class Given(Workload):
        def problem(self, seed: int) -> Problem:
            del seed  # drawn already
            return problem

    given = Given(
        name=workload.name,
        summary=workload.summary,
        updates=workload.updates,
        batch_size=workload.batch_size,
        lr=workload.lr,
        device=workload.device,
    )
    return train(given, **how)


def continued(
    *, workload: str, optimizer: str, warmup: float, budget: float, seed: int
) -> dict[str, float]:
    """Train on one half of the table, warm up again, and train on the other half.

    Both runs have the same length and peak, and the second a fresh optimizer and a warm-up from
    zero, as GPT-NeoX's. `loss` is that of the second half, `old_loss` that of the first: held-out,
    but over the training rows for the convex logistic problems, which nothing regularises.
    """
    from dataclasses import replace

    old, new = halves(workload)
    how: dict[str, Any] = {
        "optimizer": optimizer,
        "lr": old.lr[optimizer],
        "updates": max(1, round(budget * old.updates)),
        "seed": seed,
    }
    before = old.problem(seed)
    train_on(before, old, schedule=rewarm(0.0, 0.01), **how)
    after = replace(new.problem(seed), model=before.model)
    measured = train_on(after, new, schedule=rewarm(FLOOR, warmup, start="zero"), **how)
    kind = "train_loss" if workload in LOGISTIC else "loss"
    return {
        **measured,
        "loss": measured[kind],
        "old_loss": before.evaluate()[kind],
    }


@paper.claim(
    where="The comparison of warm-up lengths from 0 to 2 % (known from its restatements)",
    scales=SCALES,
)
def warm_up_length(scale: Scale) -> Study:
    """Whether the warm-up takes 0, 1 or 2 % of the new run changes the loss at its end by less
    than 1 %.
    """
    *shorter, longest = WARM_UPS
    return Study(
        trial=continued,
        rule=all_of(
            *(
                equivalent("loss", 0.01, warmup=(length, longest), **across(scale))
                for length in shorter
            )
        ),
        grid={
            "workload": scale.pick(smoke=SMALL, laptop=MANY, gpu=LANGUAGE_MODEL),
            "optimizer": optimizers(scale),
            "budget": (scale.pick(smoke=0.5, laptop=1.0, gpu=1.0),),
            "warmup": WARM_UPS,
        },
        seeds=seeds(scale, 16),
        plot=plots.lines("loss", x="warmup", by="optimizer", facet=PROBLEM),
    )
