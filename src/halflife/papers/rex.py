"""REX: Revisiting Budgeted Training with an Improved Schedule (arXiv 2107.04197).

The paper trained seven image, box and language models; here its claims are tried on small
problems that fit a laptop. All claims that train follow `_protocol`: the learning rate is tuned for
each schedule, problem, optimizer and budget; a workload's optimizers and budgets are averaged, and
a mean over problems has an interval that takes them for a sample. Thresholds and margins stand
below, and were fixed before any run.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from halflife.lab import (
    Paper,
    Scale,
    Study,
    all_of,
    better,
    exceeds,
    holds,
    not_worse,
    plots,
)
from halflife.papers._protocol import (
    LABEL_NOISE,
    LOGISTIC,
    OPTIMIZERS,
    PANEL,
    QUICK,
    SMALL,
    across,
    learning_rates,
    seeds_from,
    tuned,
)
from halflife.schedules import (
    constant,
    cosine,
    cycle_momentum,
    delayed,
    exponential,
    linear,
    one_cycle,
    rex,
    step,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

paper = Paper(
    slug="rex",
    title="REX: Revisiting Budgeted Training with an Improved Schedule",
    authors=("John Chen", "Cameron Wolfe", "Anastasios Kyrillidis"),
    arxiv="2107.04197",
    published=date(2021, 7, 9),
    summary=(
        "A learning-rate schedule is a profile, a curve over the training's progress, together "
        "with a sampling rate, the moments at which the rate is read off the curve. The paper "
        "finds that no profile wins at every sampling rate, and that linear decay wastes what a "
        "larger budget offers while delayed decay wastes a small one. REX lies between the two: "
        "with z the part of the training still to come, the rate is 2z/(1 + z) of its initial "
        "value, read at every update. In the paper it is ahead of linear decay at small budgets "
        "and equal to or ahead of six common schedules at all budgets, for SGD and Adam, without "
        "a parameter of its own."
    ),
    parts=("halflife.schedules.rex", "halflife.schedules.TorchScheduler"),
)

SCHEDULES = {
    "rex": rex(),
    "linear": linear(),
    "cosine": cosine(),
    "step": step(),  # ×0.1 at half and at three quarters
    "exponential": exponential(gamma=-3.0),
    "one-cycle": one_cycle(),
    "none": constant(),
    "delayed linear": delayed(0.5),
}
PROFILES = {
    # The step schedule as a smooth curve: 0.1 at half, so that reading it there is its first drop.
    "step": exponential(gamma=-4.605170185988092),
    "linear": linear(),
    "rex": rex(),
}
SAMPLINGS: dict[str, Mapping[str, Any] | None] = {
    "50-75": {"points": (0.5, 0.75)},
    "10-10": {"every": 0.1},
    "every update": None,
}
OTHERS = ("linear", "cosine", "step", "exponential", "one-cycle", "none")
seeds = partial(seeds_from, 2000)


def fit(
    *,
    workload: str,
    optimizer: str,
    lr: float,
    budget: float,
    seed: int,
    schedule: str = "rex",
    profile: str | None = None,
    sampling: str = "every update",
) -> dict[str, float]:
    """Train once on a part of the full budget.

    The loss is the held-out one in nats, but that of the training set for the convex logistic
    problems, which nothing regularises: there, better optimisation means worse held-out loss.
    """
    from dataclasses import replace

    from halflife.workloads import get, train

    problem: Any = get(workload)
    if workload in LOGISTIC:
        problem = replace(problem, label_noise=LABEL_NOISE)
    curve = SCHEDULES[schedule] if profile is None else PROFILES[profile]
    points = SAMPLINGS[sampling]
    measured = train(
        problem,
        optimizer=optimizer,
        lr=lr,
        schedule=curve if points is None else curve.sampled(**points),
        momentum=cycle_momentum() if schedule == "one-cycle" else None,
        updates=max(1, round(budget * problem.updates)),
        seed=seed,
    )
    if workload in LOGISTIC:
        measured["loss"] = measured["train_loss"]
    return measured


def workloads(scale: Scale, *more: str) -> tuple[str, ...]:
    """Three small workloads for smoke, and the quick ones and `more` for a laptop."""
    return scale.pick(smoke=SMALL, laptop=(*QUICK, *more))


@paper.claim(where="The profile's formula")
def profile(scale: Scale) -> Study:
    """The REX profile z/((1 − d) + d·z) is its own inverse in the progress, lies on or above the
    linear one, and has the mean 1/d + (1 − d)·ln(1 − d)/d², which is 2 − 2 ln 2 for the paper's
    d = ½.
    """

    def violation(*, d: float, seed: int) -> dict[str, float]:
        import numpy as np

        from halflife.schedules.reference import rex as written_out

        total, curve = 10**6, rex(d)
        p = np.random.default_rng(seed).uniform(0.001, 0.999, 1000)
        value = curve(p * total, total)
        mean = curve.table(total).mean() - 1 / (2 * total)  # end points of a left Riemann sum
        exact = 1 / d + (1 - d) / d**2 * np.log1p(-d)
        steps = (p * total).astype(int)
        plain = [written_out(d)(int(s), total) for s in steps]
        return {
            "violation": max(
                np.abs(curve(value * total, total) - p).max(),
                (1 - p - value).max(),
                abs(mean - exact),
                np.abs(curve(steps, total) - plain).max(),
            ),
            "mean": mean,
        }

    return Study(
        trial=violation,
        rule=holds("violation", 1e-9),
        grid={"d": (0.1, 0.25, 0.5, 0.75, 0.9)},
        seeds=seeds(scale, 20),
        plot=plots.values("violation", by="d"),
    )


@paper.claim(where="Table 2: profiles by sampling rates")
def sampling_rate(scale: Scale) -> Study:
    """No profile wins at every sampling rate: read only at 50 and 75 %, the step profile is
    better than REX, and read at every update, REX is better than the step profile.
    """
    return Study(
        trial=fit,
        rule=all_of(
            better("loss", profile=("step", "rex"), where={"sampling": "50-75"}, **across(scale)),
            better(
                "loss", profile=("rex", "step"), where={"sampling": "every update"}, **across(scale)
            ),
        ),
        grid={
            "workload": workloads(scale, "characters"),
            "optimizer": OPTIMIZERS,
            "budget": (0.25,),
            "sampling": scale.pick(smoke=("50-75", "every update"), laptop=tuple(SAMPLINGS)),
            "profile": tuple(PROFILES),
        },
        tune=tuned(scale),
        seeds=seeds(scale, 10),
        plot=plots.lines("loss", x="sampling", by="profile", facet=PANEL),
    )


@paper.claim(where="Table 1 and Tables 4 to 7, budgets of 1, 5 and 10 %")
def low_budget(scale: Scale) -> Study:
    """With at most a tenth of the full budget, REX ends at a lower loss than linear decay."""
    return Study(
        trial=fit,
        rule=better("loss", schedule=("rex", "linear"), **across(scale)),
        grid={
            "workload": workloads(scale, "digits-conv", "digits-vae", "characters"),
            "optimizer": OPTIMIZERS,
            "budget": scale.pick(smoke=(0.05, 0.1), laptop=(0.01, 0.05, 0.1)),
            "schedule": ("rex", "linear"),
        },
        tune=tuned(scale),
        seeds=seeds(scale, 20),
        plot=plots.differences("loss", problem=PANEL, schedule=("rex", "linear")),
    )


@paper.claim(where="Table 1 and Tables 4 to 7, budgets of 25 to 100 %")
def high_budget(scale: Scale) -> Study:
    """With a quarter of the full budget or more, REX ends at a loss at most 1 % above that of
    linear, cosine, step, exponential, one-cycle and constant schedules.
    """
    return Study(
        trial=fit,
        rule=all_of(
            *(
                not_worse("loss", margin=0.01, schedule=("rex", other), **across(scale))
                for other in OTHERS
            )
        ),
        grid={
            "workload": workloads(scale, "characters"),
            "optimizer": scale.pick(smoke=OPTIMIZERS[:1], laptop=OPTIMIZERS),
            "budget": scale.pick(smoke=(0.25,), laptop=(0.25, 1.0)),
            "schedule": ("rex", *OTHERS),
        },
        tune=tuned(scale),
        seeds=seeds(scale, 8),
        plot=plots.lines("loss", x="budget", by="schedule", facet=PANEL),
    )


@paper.claim(where="Figure 4: error by schedule and learning rate")
def stable_order(scale: Scale) -> Study:
    """The order of the schedules is much the same at every learning rate: Kendall's coefficient
    of concordance of their ranks over four rates is above 0.7.

    Above 0.7 is Schmidt's (1997) "strong agreement". Chance differences between schedules that
    are nearly equal lower the coefficient too, so each loss is a mean over several runs.
    """
    repeats, budget = scale.pick(smoke=(1, 0.1), laptop=(3, 0.25))  # three, as in the paper

    def concordance(*, workload: str, optimizer: str, seed: int) -> dict[str, float]:
        import numpy as np
        from scipy.stats import rankdata

        rates = learning_rates({"workload": workload, "optimizer": optimizer})[:4]
        losses = [
            [
                np.mean(
                    [
                        fit(
                            workload=workload,
                            optimizer=optimizer,
                            lr=lr,
                            budget=budget,
                            schedule=schedule,
                            seed=repeats * seed + again,
                        )["loss"]
                        for again in range(repeats)
                    ]
                )
                for schedule in ("rex", *OTHERS)
            ]
            for lr in rates
        ]
        return {"concordance": kendalls_w(rankdata(losses, axis=1))}

    return Study(
        trial=concordance,
        rule=exceeds("concordance", 0.7, **across(scale)),
        grid={"workload": workloads(scale), "optimizer": OPTIMIZERS},
        seeds=seeds(scale, 6),
        plot=plots.values("concordance", by="workload"),
    )


def kendalls_w(ranks: NDArray[np.float64]) -> float:
    """Kendall's coefficient of concordance: 1 if all rows rank alike, 0 if they do not agree.

    W = 12 S / (m² (n³ − n)), with S the sum of squared deviations of the n rank sums over m rows
    (Kendall and Babington Smith 1939; without the correction for ties, which are rare here).
    """
    import numpy as np

    m, n = np.shape(ranks)
    sums = np.sum(ranks, axis=0)
    return float(12 * np.sum((sums - sums.mean()) ** 2) / (m**2 * (n**3 - n)))


@paper.claim(where="The comparison with delayed linear schedules that motivates the profile")
def delay(scale: Scale) -> Study:
    """Delaying linear decay to the second half hurts at a tenth of the budget or less and helps
    at the full one, and REX is better than it at the small budgets.
    """
    low = scale.pick(smoke=(0.05,), laptop=(0.05, 0.1))
    return Study(
        trial=fit,
        rule=all_of(
            better(
                "loss",
                schedule=("linear", "delayed linear"),
                where={"budget": low},
                **across(scale),
            ),
            better(
                "loss",
                schedule=("delayed linear", "linear"),
                where={"budget": 1.0},
                **across(scale),
            ),
            better(
                "loss", schedule=("rex", "delayed linear"), where={"budget": low}, **across(scale)
            ),
        ),
        grid={
            "workload": workloads(scale, "characters"),
            "optimizer": scale.pick(smoke=OPTIMIZERS[:1], laptop=OPTIMIZERS),
            "budget": (*low, 1.0),
            "schedule": ("linear", "delayed linear", "rex"),
        },
        tune=tuned(scale),
        seeds=seeds(scale, 10),
        plot=plots.lines("loss", x="budget", by="schedule", facet=PANEL),
    )
