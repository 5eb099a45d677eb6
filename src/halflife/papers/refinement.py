"""When, Why and How Much? Adaptive Learning Rate Scheduling by Refinement (arXiv 2310.07831).

Its theorems are checked as written; its comparisons, made on ten deep-learning problems, language
models and a suite of logistic regressions, are tried on small problems that fit a laptop, and on a
small language model that wants a card. All claims that train follow `_protocol`: the learning rate
is tuned for each schedule, problem and optimizer; a workload's optimizers are averaged, and on a
laptop a mean over problems has an interval that takes them for a sample. Thresholds and margins
stand below, and were fixed before any run.

Refinement takes two runs. The first one decays linearly at the workload's usual rate and logs the
norm of each mini-batch gradient; what it gives is a schedule for a second run, whose rate is tuned
as any other's. The first run has a seed of its own: the theory wants weights that do not depend on
the noise of the run that uses them. The refined schedule skips the zero that the paper's ends on,
so that equal norms would give linear decay to the last digit, and the norms are all that differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
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
    LANGUAGE_MODEL,
    LOGISTIC,
    PANEL,
    PROBLEM,
    QUICK,
    SCALES,
    SMALL,
    across,
    optimizers,
    problem_of,
    seeds_from,
    tuned,
)
from halflife.schedules import Schedule, constant, cosine, inverse_sqrt, linear, step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from halflife.workloads import OptimizerFactory

paper = Paper(
    slug="refinement",
    title="When, Why and How Much? Adaptive Learning Rate Scheduling by Refinement",
    authors=("Aaron Defazio", "Ashok Cutkosky", "Harsh Mehta", "Konstantin Mishchenko"),
    arxiv="2310.07831",
    published=date(2023, 10, 11),
    summary=(
        "What is returned after training is the last iterate, and theory used to speak of the "
        "average one. The paper turns a bound on the average into one on the last iterate, for a "
        "wide class of optimizers: averaging weights become learning rates. If nothing is known "
        "of the gradients, the best schedule is linear decay to zero, and in the paper's "
        "comparisons it is overall ahead of the usual ones, cosine annealing among them. If the "
        "gradient norms of a run are known, better weights follow from them: the inverse square "
        "of the norm for SGD, the inverse ℓ1 norm for Adam. The schedule so refined, for a second "
        "run, warms up where early gradients are large and anneals faster where late ones are, "
        "without being told to."
    ),
    parts=(
        "halflife.schedules.linear",
        "halflife.schedules.refinement.refine",
        "halflife.schedules.refinement.refine_log",
        "halflife.schedules.refinement.GradNormRecorder",
        "halflife.schedules.refinement.last_iterate",
        "halflife.schedules.refinement.optimal_weights",
        "halflife.schedules.refinement.bound",
    ),
)


def one_over_t(at: Any, total: int) -> Any:
    """The decay of stochastic approximation, 1/(1 + 20 s/T): down to 1/21 whatever the length."""
    return 1 / (1 + 20 * at / total)


SCHEDULES: dict[str, Callable[[Any, int], Any]] = {
    "linear": linear(),
    "cosine": cosine(),
    "flat": constant(),
    "1/t": one_over_t,
    "1/√t": inverse_sqrt(1),  # t = s + 1, the number of the update
    "step": step((0.3, 0.6, 0.9)),  # × 0.1 at 30, 60 and 90 %
}
CLASSICAL = ("flat", "1/t", "1/√t", "step")
TAU = 0.1
"""Part of the first run that the running median of its norms spans."""
KINDS: dict[str, tuple[Any, float]] = {"sgd": ("sgd", 2.0), "adam": ("adam", 1.0)}
"""What each optimizer is to `refine`, and the order of the norm that it wants."""
FIRST_RUN = 1_000_000
"""Added to a seed for the first run."""
MANY = (*QUICK, "characters")
NETWORKS = ("wine-mlp", "breast_cancer-mlp", "digits-mlp")
MORE_NETWORKS = (*NETWORKS, "digits-conv", "digits-vae", "characters")
WARM_UP = 0.01
"""A peak later than this part of the run counts as warm-up; linear decay has its peak at 0."""


seeds = partial(seeds_from, 3000)


def recorded(optimizer: str, norms: list[float]) -> OptimizerFactory:
    """The named optimizer, which before each update appends its gradient's norm to `norms`.

    ℓ2 over all parameters for SGD, ℓ1 for Adam.
    """
    import torch
    from torch.nn.utils import get_total_norm

    from halflife.workloads import OPTIMIZERS as FACTORIES

    order = KINDS[optimizer][1]

    def record(stepper: torch.optim.Optimizer, *_: object) -> None:
        parameters = (p for group in stepper.param_groups for p in group["params"])
        gradients = [p.grad for p in parameters if p.grad is not None]
        norms.append(float(get_total_norm(gradients, order)))

    def factory(parameters: Iterable[torch.nn.Parameter], lr: float) -> torch.optim.Optimizer:
        stepper = FACTORIES[optimizer](parameters, lr)
        stepper.register_step_pre_hook(record)
        return stepper

    return factory


def first_run(workload: str, optimizer: str, updates: int, seed: int) -> tuple[float, ...]:
    """Gradient norms of a run with linear decay at the workload's usual rate, one an update."""
    from halflife.workloads import train

    problem, norms = problem_of(workload), list[float]()
    train(
        problem,
        optimizer=recorded(optimizer, norms),
        lr=problem.lr[optimizer],
        schedule=SCHEDULES["linear"],
        updates=updates,
        seed=FIRST_RUN + seed,
    )
    return tuple(norms)


def refined(norms: tuple[float, ...], optimizer: str) -> Schedule:
    """The schedule that a first run's norms give for a second one of the same length.

    Forced: where gradients collapse, what then comes of refinement is part of its record.
    """
    import warnings

    from halflife.schedules.refinement import refine

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return refine(
            norms,
            kind=KINDS[optimizer][0],
            tau=TAU,
            last="skip",
            force=True,
            knots=max(2, len(norms)),
        )


def fit(
    *, workload: str, optimizer: str, schedule: str, lr: float, budget: float, seed: int
) -> dict[str, float]:
    """Train once on a part of the full budget; "linear, twice" has two times that part.

    The loss is the held-out one in nats, but that of the training set for the convex logistic
    problems, which nothing regularises: there, better optimisation means worse held-out loss.
    """
    from halflife.workloads import train

    problem = problem_of(workload)
    updates = max(1, round(budget * problem.updates))
    if schedule == "refined":
        norms = first_run(workload, optimizer, updates, seed)
        curve: Callable[[Any, int], Any] = refined(norms, optimizer)
    else:
        curve = SCHEDULES[schedule.removesuffix(", twice")]
    measured = train(
        problem,
        optimizer=optimizer,
        lr=lr,
        schedule=curve,
        updates=2 * updates if schedule.endswith(", twice") else updates,
        seed=seed,
    )
    if workload in LOGISTIC:
        measured["loss"] = measured["train_loss"]
    return measured


def compared(scale: Scale, *schedules: str) -> dict[str, Any]:
    """Grid and tuning of every claim that compares schedules."""
    return {
        "trial": fit,
        "grid": {
            "workload": scale.pick(smoke=SMALL, laptop=MANY, gpu=LANGUAGE_MODEL),
            "optimizer": optimizers(scale),
            "budget": (scale.pick(smoke=0.25, laptop=1.0, gpu=1.0),),
            "schedule": schedules,
        },
        "tune": tuned(scale),
    }


class Convex:
    """A convex function with kinks whose minimiser is known.

    Attributes:
        start: x₁, shape (n,).
        best: A minimiser u, shape (n,).
        lipschitz: No subgradient is longer.
    """

    def __init__(self, kind: str, total: int, seed: int) -> None:
        """Draw one; `hardest` depends on the number of updates `total` and not on the seed."""
        import numpy as np

        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 12))
        self._largest = kind != "absolute"
        if kind == "hardest":
            # max_i x_i: the subgradient at a tie is that of its first coordinate, so that every
            # update sees a new one, and the last is never reached (Nesterov's resisting oracle).
            self._rows, self._offsets = np.eye(total), np.zeros(total)
            self.start, self.best = np.zeros(total), np.full(total, -1 / math.sqrt(total))
        else:
            rows = rng.normal(size=(int(rng.integers(2, 12)), n)) * rng.lognormal(size=(1, n))
            self.best = rng.normal(size=n)
            self.start = self.best + rng.lognormal() * rng.normal(size=n)
            if self._largest:  # rows of mean 0: zero is a subgradient where all of them tie
                rows = rows - rows.mean(axis=0)
                gaps = np.zeros(len(rows))
            else:  # each row twice, as far above as below
                gaps = np.outer([1, -1], rng.exponential(size=len(rows))).ravel()
                rows = np.vstack([rows, rows])
            self._rows, self._offsets = rows, rows @ self.best + gaps
        lengths = np.linalg.norm(self._rows, axis=1)
        self.lipschitz = float(lengths.max() if self._largest else lengths.mean())

    def __call__(self, x: NDArray[np.float64]) -> float:
        """max_i (a_i·x − b_i), or the mean of |a_i·x − b_i|."""
        r = self._rows @ x - self._offsets
        return float(r.max() if self._largest else abs(r).mean())

    def subgradient(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """One of them at x, shape (n,)."""
        import numpy as np

        r = self._rows @ x - self._offsets
        part = self._rows[r.argmax()] if self._largest else np.sign(r) @ self._rows / len(r)
        return np.asarray(part, dtype=np.float64)


@paper.claim(where="The reduction from regret to the last iterate (read as restated in 2405.15682)")
def last_iterate(scale: Scale) -> Study:
    """Whatever the base algorithm and the weights w, the last iterate of the reduced run is the
    weighted average of the base algorithm's points z, and its value lies above that of any
    point u by no more than the weighted mean of ⟨g, z − u⟩, if the function is convex.
    """

    def violation(*, function: str, base: str, seed: int) -> dict[str, float]:
        import numpy as np

        from halflife.schedules.refinement import last_iterate as reduced

        rng = np.random.default_rng([seed, 1])
        weights = rng.lognormal(size=100)
        f = Convex(function, 100, seed)
        bases: dict[str, Any] = {
            "gradient": None,
            "sign": lambda g, t: -0.1 * np.sign(g),
            "random walk": lambda g, t: rng.normal(size=g.size),  # no algorithm at all
        }
        run = reduced(f.subgradient, f.start, weights, bases[base])
        points = [f.best, f.start, *rng.normal(f.best, 10, size=(20, f.best.size))]
        excess = [f(run.x[-1]) - f(u) - run.regret(u) / weights.sum() for u in points]
        size = 1 + np.abs(run.z).max()
        return {
            "violation": float(np.abs(run.x[-1] - run.average).max() / size),
            "excess": float(max(excess) / (1 + f(f.start) - f(f.best))),
        }

    return Study(
        trial=violation,
        rule=all_of(holds("violation", 1e-12), holds("excess", 1e-9)),
        grid={
            "function": ("absolute", "largest"),
            "base": ("gradient", "sign", "random walk"),
        },
        seeds=seeds(scale, 100),
        plot=plots.values("excess", by="base"),
    )


@paper.claim(where="Abstract: the optimal choice in the worst case; the bound read as restated")
def linear_decay_is_optimal_rate(scale: Scale) -> Study:
    """On convex functions with gradients of at most G, at the rates D/(G√T)·(1 − t/T) the last of
    T iterates is at most DG/√T above the minimum, and there is a function where it is just that.

    D is the distance from the start to a minimiser. On that function, max_i x_i, no method whose
    iterates start at zero and lie in the span of subgradients seen before does better.
    """

    def ratio(*, function: str, total: int, seed: int) -> dict[str, float]:
        import numpy as np

        f = Convex(function, total, seed)
        distance = float(np.linalg.norm(f.start - f.best))
        rates = distance / (f.lipschitz * math.sqrt(total)) * (1 - np.arange(1, total) / total)
        x = f.start
        for rate in rates:  # T iterates, so T − 1 updates: at t = T the rate is zero
            x = x - rate * f.subgradient(x)
        gap = f(x) - f(f.best)
        attained = gap / (distance * f.lipschitz / math.sqrt(total))
        return {"gap": gap, "ratio": attained, "slack": 1 - attained}

    return Study(
        trial=ratio,
        rule=all_of(
            holds("ratio", 1 + 1e-9),
            holds("slack", 1e-9, where={"function": "hardest"}),
        ),
        grid={
            "function": ("absolute", "largest", "hardest"),
            "total": scale.pick(smoke=(1, 10, 100), laptop=(1, 10, 100, 1000)),
        },
        seeds=seeds(scale, 50),
        plot=plots.values("ratio", by="function"),
    )


@paper.claim(where="Weighted SGD: the optimal weights and the bound for any schedule")
def refined_weights(scale: Scale) -> Study:
    """For known gradient norms G, weights D·G⁻²/√ΣG⁻² minimise the bound of weighted SGD, which
    is then D/√ΣG⁻²; and for norms that fall like 1 + a·exp(−t/τ), a ≤ 3, the bound for arbitrary
    schedules at their learning rates is within 1 % of its smallest value, for 400 updates or more.

    The first is compared with a numerical minimiser from a random start, the second with the
    exact minimiser of the bound. The distance from it shrinks as 1/T: at 200 updates it may be
    1.4 %.
    """

    def compare(*, total: int, seed: int) -> dict[str, float]:
        import numpy as np
        from scipy.optimize import minimize

        from halflife.schedules.refinement import (
            optimal_bound,
            optimal_weights,
            optimise,
            rates,
            weighted_bound,
        )

        rng = np.random.default_rng(seed)
        norms, distance = rng.lognormal(size=8), rng.lognormal()
        best = weighted_bound(optimal_weights(norms, distance), norms, distance)

        def value(v: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weight = float(np.sum(v / norms))  # v = w·G, which makes all directions alike
            at = float(distance**2 + v @ v) / 2 / weight
            return at, (v - at / norms) / weight

        start = rng.lognormal(size=8)
        found = minimize(value, start, jac=True, method="L-BFGS-B", bounds=[(1e-9, None)] * 8)
        exact = distance / np.sqrt(np.sum(norms**-2.0))
        fall = 1 + rng.uniform(0, 3) * np.exp(-np.arange(total) / (rng.uniform(0.01, 0.2) * total))
        closed = optimal_bound(rates(optimal_weights(fall), "skip"), fall)
        return {
            "violation": max(abs(found.fun / best - 1), abs(best / exact - 1)),
            "excess": closed / optimal_bound(optimise(fall), fall) - 1,
        }

    return Study(
        trial=compare,
        rule=all_of(holds("violation", 1e-6), holds("excess", 0.01)),
        grid={"total": scale.pick(smoke=(400, 1000), laptop=(400, 1000, 10_000))},
        seeds=seeds(scale, 100),
        plot=plots.values("excess", by="total"),
    )


@paper.claim(
    where="Abstract: linear decay outperforms all commonly used default schedules", scales=SCALES
)
def beats_classical(scale: Scale) -> Study:
    """Linear decay ends at a lower loss than a flat rate, 1/t, 1/√t and a step schedule."""
    return Study(
        rule=all_of(
            *(better("loss", schedule=("linear", other), **across(scale)) for other in CLASSICAL)
        ),
        seeds=seeds(scale, 10),
        plot=plots.lines("loss", x="schedule", by="optimizer", facet=PROBLEM),
        **compared(scale, "linear", *CLASSICAL),
    )


@paper.claim(where="Abstract: outperforms overall, cosine annealing included", scales=SCALES)
def cosine_annealing(scale: Scale) -> Study:
    """Linear decay ends at a loss at most 1 % above that of cosine annealing."""
    return Study(
        rule=not_worse("loss", margin=0.01, schedule=("linear", "cosine"), **across(scale)),
        seeds=seeds(scale, 16),
        plot=plots.differences("loss", problem=PANEL, schedule=("linear", "cosine")),
        **compared(scale, "linear", "cosine"),
    )


@paper.claim(where="Abstract: refinement gives further improvements", scales=SCALES)
def refinement_helps(scale: Scale) -> Study:
    """The schedule refined from a first run's gradient norms ends at a lower loss than linear
    decay.
    """
    return Study(
        rule=better("loss", schedule=("refined", "linear"), **across(scale)),
        seeds=seeds(scale, 16),
        plot=plots.differences("loss", problem=PANEL, schedule=("refined", "linear")),
        **compared(scale, "refined", "linear"),
    )


@paper.claim(
    where="Our question: the paper's comparison does not count the first run", scales=SCALES
)
def refinement_pays(scale: Scale) -> Study:
    """Refinement is worth its first run: the refined schedule ends at a lower loss than linear
    decay over twice as many updates.

    That is the same number of updates in all, tuning of the rate aside.
    """
    return Study(
        rule=better("loss", schedule=("refined", "linear, twice"), **across(scale)),
        seeds=seeds(scale, 10),
        plot=plots.differences("loss", problem=PANEL, schedule=("refined", "linear, twice")),
        **compared(scale, "refined", "linear, twice"),
    )


def shape(curve: NDArray[np.float64]) -> dict[str, float]:
    """Where a schedule, shape (T,), has its peak, as a part of the run, and how it falls from it.

    The exponent is the k with which (1 − x)^k, x the progress from the peak to the end, goes
    through the curve at 90 % of the run; 0 if the peak comes later.
    """
    total = len(curve)
    peak, late = int(curve.argmax()), round(0.9 * total)
    left = (total - late) / (total - peak)
    return {
        "peak": peak / total,
        "exponent": math.log(curve[late] / curve[peak]) / math.log(left) if peak < late else 0.0,
        "start": float(curve[0] / curve[peak]),
        "half": float(curve[total // 2] / curve[peak]),
    }


@paper.claim(where="Abstract: warm-up and rapid annealing appear by themselves", scales=SCALES)
def warm_up_and_anneal_appear(scale: Scale) -> Study:
    """On networks trained with Adam the refined schedule has its peak after the first 1 % of the
    run, and then falls faster than linearly: at 90 % of the run it lies below the straight line
    from its peak to zero.

    `exponent` is 1 for that line, as for linear decay; the authors lay such powers, (1 − x)^k,
    over their curves, in their code with k from 0.8 to 1 for Adam and above 1 for SGD: a curve
    like theirs may fail the second part. Norms that fall because a model has learned its data by
    heart move the peak too: `collapse`, the smallest smoothed norm over the median one, tells.
    There are six networks, too few for a sample: the verdict speaks of just these.
    """

    def look(*, workload: str, seed: int) -> dict[str, float]:
        import numpy as np

        from halflife.schedules.refinement import running_median

        norms = first_run(workload, "adam", problem_of(workload).updates, seed)
        smoothed = running_median(np.array(norms), TAU)
        return {
            **shape(refined(norms, "adam").table(len(norms))),
            "collapse": float(smoothed.min() / np.median(smoothed)),
        }

    scope: dict[str, Any] = {"problem": PROBLEM, "problems": "fixed"}
    return Study(
        trial=look,
        rule=all_of(exceeds("peak", WARM_UP, **scope), exceeds("exponent", 1.0, **scope)),
        grid={"workload": scale.pick(smoke=NETWORKS, laptop=MORE_NETWORKS, gpu=LANGUAGE_MODEL)},
        seeds=seeds(scale, 10),
        plot=plots.values("peak", by="workload"),
    )
