"""Lion Secretly Solves Constrained Optimization: As Lyapunov Predicts (arXiv 2310.05898).

Its theorems are checked as written, on random instances, with tolerances for rounding alone. What
it shows by experiment, on image classifiers and language models, is tried on small networks that
fit a laptop. Protocol of the claims that train: the learning rate is tuned for each K or decay and
problem on tuning seeds, on a grid of powers of two that grows until its best value lies inside;
runs are reported on fresh seeds; runs that are compared share their seed. They speak of just these
problems. Thresholds stand below, and were fixed before any run.

The problem of most claims on theory is a logistic regression without mini-batches: 30 weights, the
breast cancer table with a fifth of its labels drawn at random, so that the loss has a minimum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

from halflife.lab import Paper, Scale, Study, Tune, all_of, better, exceeds, holds, not_worse, plots
from halflife.papers._lion_networks import network_of, wide_start
from halflife.papers._lion_problems import (
    Bowl,
    Logistic,
    Regression,
    minimum,
    plane_minimum,
    unconstrained,
)
from halflife.papers._protocol import LANGUAGE_MODEL, SCALES

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from plotly.graph_objects import Figure

    from halflife.workloads import OptimizerFactory

paper = Paper(
    slug="lion_k",
    title="Lion Secretly Solves Constrained Optimization: As Lyapunov Predicts",
    authors=("Lizhang Chen", "Bo Liu", "Kaizhao Liang", "Qiang Liu"),
    arxiv="2310.05898",
    published=date(2023, 10, 9),
    summary=(
        "Lion was found by a search over programs: a step of fixed size along the sign of a "
        "momentum, with decoupled weight decay λ. The paper says what it does: it minimises the "
        "loss subject to |x| ≤ 1/λ for every weight. Replace the sign by the gradient of any "
        "convex K, and the same holds for the loss plus K*(λx)/λ, with K* the conjugate of K; "
        "momentum methods, mirror descent, Frank–Wolfe and Muon are among these. The proof is a "
        "Lyapunov function for the flow in continuous time, and one for discrete steps up to a "
        "term of second order: weights outside the constraint first come back to it at a geometric "
        "rate, then an energy falls that is the loss plus what momentum and weights disagree by."
    ),
    parts=(
        "halflife.optim.LionK",
        "halflife.optim.kappa.L1",
        "halflife.optim.certificate.certificate",
        "halflife.optim.lyapunov.lyapunov",
        "halflife.optim.flow.Flow",
        "halflife.optim.descent.descend",
    ),
)

PAPERS_K = ("l1", "lp:p=1.5", "dead-zone:e=0.02", "top-k:k=5", "huber:e=0.02")
"""The five kinds of K that the paper names; e, p and k are ours."""
MORE_K = (*PAPERS_K, "l2", "linf", "relativistic:e=0.02")
SETS = (
    *("l1", "l2", "l2:block=row", "linf", "lp:p=1.5", "top-k:k=5", "max-l2", "nuclear"),
    *("schatten:p=1.5", "operator", "dead-zone:e=0.1", "huber:e=0.1", "relativistic:e=0.1"),
    *("log-cosh:b=5.0", "huber-norm:e=0.1", "elastic:e1=0.1,e2=0.1", "spectral-huber:e=0.1"),
)
"""K whose conjugate is finite on a bounded set only."""
SMOOTH_K = ("huber:e=0.5", "log-cosh:b=2.0", "relativistic:e=0.5", "quadratic")
RATE, DECAY = 1e-3, 10.0
"""Of the network that is to come into its box."""
ROUNDING = 2 * 2**-24 / (RATE * DECAY)
"""How far beyond λ|x| = 1 float32 holds a weight that is pushed outward."""
SOLVED = 1e-3
"""Nats above the minimum at which a problem counts as solved."""
NETWORKS = ("digits-mlp", "digits-mlp, layer norm", "digits-conv", "digits-conv, batch norm")
LEARNING_RATES = tuple(2.0**k for k in (-11, -10, -9, -8, -7))
PROBLEM: dict[str, Any] = {"problem": ("workload",), "problems": "fixed"}


def seeds(scale: Scale, laptop: int, smoke: int = 8) -> range:
    """Seeds to report; those that tune are below them."""
    return range(4000, 4000 + scale.pick(smoke=smoke, laptop=laptop, gpu=8))


def cosine(total: int, first: float) -> list[float]:
    """Rates that fall from `first` to 0, with the last above it."""
    return [first / 2 * (1 + math.cos(math.pi * t / total)) for t in range(total)]


# The bound


@paper.claim(where="The first phase of the dynamics: weights outside of the constraint")
def bound_reached(scale: Scale) -> Study:
    """Whatever the gradients, the distance of λx from the set where K* is finite shrinks at least
    by the factor 1 − ηλ in each update; weights in the set never leave it.

    For every K on random gradients in float64, and for Lion on a network that starts with weights
    up to five times the bound, in float32, where distances are those of the tensor's largest
    weight, and rounding holds weights a little outside.
    """
    return Study(
        trial=approach,
        rule=all_of(
            holds("excess", 1e-12, where={"gradients": "random"}),
            holds("excess", ROUNDING, where={"gradients": "digits-mlp"}),
        ),
        grid=[
            {"gradients": "digits-mlp", "K": "l1", "start": "outside"},
            *(
                {"gradients": "random", "K": K, "start": start}
                for K in scale.pick(smoke=SETS[:4], laptop=SETS)
                for start in ("outside", "inside")
            ),
        ],
        seeds=seeds(scale, 5, smoke=2),
        plot=plots.values("of_bound", by="K"),
    )


def approach(*, gradients: str, K: str, start: str, seed: int) -> dict[str, float]:
    """The largest excess over the bound, the first distance, the last one over its bound."""
    import torch

    from halflife.optim import LionK
    from halflife.optim.kappa import get

    kappa = get(K)
    excesses: list[float] = []
    bounds: dict[torch.Tensor, float] = {}
    firsts: dict[torch.Tensor, float] = {}
    shares: dict[torch.Tensor, float] = {}

    def distance(p: torch.Tensor, decay: float) -> float:
        y = decay * p.detach().double()
        return float(kappa.distance(y) if gradients == "random" else (y.abs() - 1).amax().relu())

    def look(optimizer: torch.optim.Optimizer, every: int = 1) -> None:
        (group,) = optimizer.param_groups
        lr, decay = group["lr"], group["weight_decay"]
        for p in group["params"]:
            bounds[p] *= 1 - lr * decay
            if every == 1:
                now = distance(p, decay)
                excesses.append(now - bounds[p])
                shares[p] = (
                    now / bounds[p] if bounds[p] > 1e-9 else 0.0
                )  # where rounding is all there is

    def started(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
        (group,) = optimizer.param_groups
        for p in group["params"]:
            firsts[p] = bounds[p] = distance(p, group["weight_decay"])
        return optimizer

    if gradients == "random":
        rng = torch.Generator().manual_seed(seed)
        p = torch.nn.Parameter(3 * torch.randn(8, 6, generator=rng, dtype=torch.float64))
        if start == "inside":
            p.data = kappa.project(2 * p.detach()) / 2
        optimizer = started(LionK([p], lr=0.01, weight_decay=2.0, K=kappa))
        push = torch.randn(8, 6, generator=rng, dtype=torch.float64)
        for t, lr in enumerate(cosine(400, 0.02)):
            optimizer.param_groups[0]["lr"] = lr
            p.grad = push + 3 * torch.randn(8, 6, generator=rng, dtype=torch.float64)
            optimizer.step()
            look(optimizer, every=1 if t % 20 == 19 else 20)  # some projections take their time
    else:
        from halflife.workloads import train

        def factory(parameters: Iterable[torch.nn.Parameter], lr: float) -> torch.optim.Optimizer:
            optimizer = started(LionK(parameters, lr=lr, weight_decay=DECAY, K=kappa))
            optimizer.register_step_post_hook(lambda *_: look(optimizer))
            return optimizer

        train(wide_start(), optimizer=factory, lr=RATE, updates=1500, seed=seed)
    return {
        "excess": max(excesses),
        "first": max(firsts.values()),
        "of_bound": max(shares.values()),
    }


# The problem that is solved


@paper.claim(where="Abstract: Lion-K solves min f(x) + K*(x) and its constrained problems")
def right_problem(scale: Scale) -> Study:
    """With full gradients and rates that fall to zero, Lion-K with decay λ ends within 10⁻³ nats
    of the minimum of f(x) + K*(λx)/λ, for each K, by its own certificate and by SciPy; and
    where λ = 2, further than 10⁻² nats from the minimum of f.

    The certificate S/λ bounds the distance from above without knowing the minimum. Weights outside
    by rounding are first projected.
    """
    return Study(
        trial=solve,
        rule=all_of(
            holds("certified", SOLVED),
            holds("off_minimum", SOLVED),
            holds("short_of_f", -0.01, where={"decay": 2.0}),
        ),
        grid={
            "K": scale.pick(smoke=("l1", "l2", "huber:e=0.02"), laptop=MORE_K),
            "decay": (2.0, 0.5),
            "updates": scale.pick(smoke=(3000,), laptop=(10_000,)),
        },
        seeds=seeds(scale, 3, smoke=1),
        plot=plots.lines("certified", x="K", by="decay", log_y=True),
    )


def solve(*, K: str, decay: float, updates: int, seed: int) -> dict[str, float]:
    """Where Lion-K ends: S/λ, |F − F*|, and min f less the f there; in nats."""
    import torch

    from halflife.optim.certificate import certificate, objective
    from halflife.optim.descent import descend
    from halflife.optim.kappa import get

    f, kappa = Logistic(seed), get(K)
    run = descend(f, f.start, lr=cosine(updates, 1e-2), weight_decay=decay, K=kappa)
    x = kappa.project(decay * run.x[-1]) / decay
    slope = torch.from_numpy(f.with_gradient(x.numpy())[1])
    lowest, _ = unconstrained(f)
    return {
        "certified": float(certificate(kappa, x, slope, decay)) / decay,
        "off_minimum": abs(float(objective(kappa, f(x), x, decay)) - minimum(f, K, decay)),
        "short_of_f": lowest - float(f(x)),
        "outside": float((run.x[-1] - x).abs().max()) * decay,
    }


@paper.claim(where="The figures with a function of two weights")
def plane(scale: Scale) -> Study:
    """On functions of two weights like (x₁ − 1.5)² + x₂², with the paper's kinds of K, Lion-K ends
    at the minimum of f(x) + K*(λx)/λ, be it on the border of the set, as for λ = 1.2, or inside
    of it, as for λ = 0.4.

    Within 10⁻³ of the minimum that SciPy finds.
    """
    return Study(
        trial=descend_in_the_plane,
        rule=holds("excess", SOLVED),
        grid={"K": PLANE_K, "decay": (1.2, 0.4)},
        seeds=seeds(scale, 10, smoke=1),
        plot=draw_the_plane,
    )


PLANE_K = ("l1", "lp:p=1.5", "dead-zone:e=0.5", "top-k:k=1", "huber:e=0.5", "l2")


def plane_run(K: str, decay: float, seed: int) -> Any:
    """1,500 updates whose rates fall from 0.02 to 0."""
    from halflife.optim.descent import descend

    f = Bowl(seed)
    return descend(f, f.start, lr=cosine(1500, 0.02), weight_decay=decay, K=K)


def descend_in_the_plane(*, K: str, decay: float, seed: int) -> dict[str, float]:
    """F at the end over its minimum, f there over its own, and how often f rose on the way."""
    from halflife.optim.certificate import objective
    from halflife.optim.kappa import get

    f, kappa = Bowl(seed), get(K)
    run = plane_run(K, decay, seed)
    end = kappa.project(decay * run.x[-1]) / decay
    return {
        "excess": abs(float(objective(kappa, f(end), end, decay)) - plane_minimum(f, K, decay)),
        "above_f": float(run.loss[-1]),
        "rises": float((run.loss.diff() > 0).double().mean()),
    }


def draw_the_plane(runs: pd.DataFrame) -> Figure:
    """The paths of the first seed, one panel a K, one colour a λ."""
    from halflife.optim.figure import trajectories

    seed = int(runs["seed"].min())
    panels = {
        str(K): [plane_run(str(K), decay, seed) for decay in sorted(set(cells["decay"]))]
        for K, cells in runs.groupby("K", sort=False)
    }
    return trajectories(panels, Bowl(seed))


@paper.claim(where="The role of decoupled weight decay")
def wrong_decay(scale: Scale) -> Study:
    """Only decoupled decay gives the box: with λx added to the gradient inside the sign, or with
    momentum SGD at the same λ, weights end more than 10⁻² away from a solution, by the certificate
    in nats or by a weight outside the box, and Lion within 10⁻³.

    AdamW is measured too, but judged by nothing: it has a bias towards the same box (Xie and Li
    2024), so it is no clean control.
    """
    scope: dict[str, Any] = {"problem": ("decay",), "problems": "fixed"}
    return Study(
        trial=miss,
        rule=all_of(
            holds("miss", SOLVED, where={"optimizer": "lion"}),
            *(
                exceeds("miss", 0.01, where={"optimizer": optimizer}, **scope)
                for optimizer in ("coupled", "sgd")
            ),
        ),
        grid={
            "optimizer": ("lion", "coupled", "sgd", "adamw"),
            "decay": (2.0, 0.5),
            "updates": scale.pick(smoke=(2000,), laptop=(10_000,)),
        },
        seeds=seeds(scale, 10),
        plot=plots.lines("miss", x="optimizer", by="decay", log_y=True),
    )


def miss(*, optimizer: str, decay: float, updates: int, seed: int) -> dict[str, float]:
    """The larger of S/λ, at the nearest weights in the box, and of max λ|x| − 1."""
    import torch

    from halflife.optim import LionK
    from halflife.optim.certificate import certificate
    from halflife.optim.kappa import L1

    f = Logistic(seed)
    p = torch.nn.Parameter(f.start.clone())
    made: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "lion": lambda: LionK([p], lr=1e-2, weight_decay=decay),
        "coupled": lambda: LionK([p], lr=1e-2),
        "sgd": lambda: torch.optim.SGD([p], lr=1e-1, momentum=0.9, weight_decay=decay),
        "adamw": lambda: torch.optim.AdamW([p], lr=1e-2, weight_decay=decay),
    }
    stepper = made[optimizer]()
    base = stepper.param_groups[0]["lr"]
    for lr in cosine(updates, base):
        stepper.param_groups[0]["lr"] = lr
        (p.grad,) = torch.autograd.grad(f(p), p)
        if optimizer == "coupled":
            p.grad = p.grad + decay * p.detach()
        stepper.step()
    inside = (decay * p.detach()).clamp(-1, 1) / decay
    slope = torch.from_numpy(f.with_gradient(inside.numpy())[1])
    score = float(certificate(L1(), inside, slope, decay)) / decay
    return {"miss": max(score, float(decay * p.detach().abs().max()) - 1)}


# The energy


@paper.claim(where="Theorem 4.1: the Lyapunov function of discrete steps, decay implicit")
def lyapunov(scale: Scale) -> Study:
    """From one step to the next the energy H rises by no more than the theorem allows, for any K,
    step and β; and where β₁ < β₂ and steps are at most 10⁻³, it rises in fewer than 1 % of the
    first thousand steps.

    `violation` is the excess over the bound as a part of 1 + |H|. A step of 10⁻² is there to show
    the floor, a term of second order in the step, on which H no longer falls.
    """
    orders = ("0.9 0.99", "0.95 0.98", "0.99 0.9")
    return Study(
        trial=watch,
        rule=all_of(
            holds("violation", 1e-12),
            holds("rises", 0.01, where={"lr": (1e-3, 1e-4), "betas": orders[:2]}),
        ),
        grid={
            "K": scale.pick(smoke=("l1", "huber:e=0.02"), laptop=MORE_K),
            "lr": (1e-2, 1e-3, 1e-4),
            "betas": orders,
            "updates": (1000,),
        },
        seeds=seeds(scale, 2, smoke=1),
        plot=plots.lines("rises", x="lr", by="betas", facet=("K",)),
    )


def watch(*, K: str, lr: float, betas: str, updates: int, seed: int) -> dict[str, float]:
    """The worst excess over the theorem's bound, and the shares of steps in which H and f rise."""
    import warnings

    from halflife.optim.descent import descend
    from halflife.optim.lyapunov import descent_bound

    f = Logistic(seed)
    beta1, beta2 = map(float, betas.split())
    options: dict[str, Any] = {"lr": lr, "betas": (beta1, beta2), "weight_decay": 2.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the wrong order, which is meant
        run = descend(f, f.start, updates=updates, decay="implicit", K=K, **options)
    changes, sizes = run.lyapunov.diff(), 1 + run.lyapunov[1:].abs()
    bounds = [
        float(
            descent_bound(run.K, x, m, read_out, smoothness=f.smoothness, implicit=True, **options)
        )
        for x, m, read_out in zip(
            run.x[1:], run.m[1:], beta1 * run.m - (1 - beta1) * run.gradient, strict=False
        )
    ]
    excess = (changes - changes.new_tensor(bounds)) / sizes
    return {
        "violation": float(excess.max()),
        "rises": float((changes > 1e-13 * sizes).double().mean()),
        "loss_rises": float((run.loss.diff() > 1e-13).double().mean()),
    }


@paper.claim(where="The condition on β of Theorem 4.1")
def order_of_betas(scale: Scale) -> Study:
    """With β = (0.99, 0.9) Lion's energy rises in more of its steps than with (0.9, 0.99)."""
    return Study(
        trial=watch,
        rule=exceeds("rises", 0.0, effect="difference", betas=("0.99 0.9", "0.9 0.99")),
        grid={
            "K": ("l1",),
            "lr": (1e-3,),
            "betas": ("0.9 0.99", "0.99 0.9"),
            "updates": scale.pick(smoke=(1000,), laptop=(2000,)),
        },
        seeds=seeds(scale, 12),
        plot=plots.values("rises", by="betas"),
    )


@paper.claim(
    where="Theorem 3.1: the flow, its Lyapunov function and the steps as its Euler scheme",
    version=2,
)
def flow(scale: Scale) -> Study:
    """Along the flow of a smooth K the energy falls at the rate of the theorem and never rises, and
    as steps get shorter the optimizer's path nears the flow's in proportion to the step.

    On functions of two weights. `identity` compares the rate with PyTorch's derivative of H along
    the flow; the order of the error is the slope over steps from T/64 to T/1024.
    """
    return Study(
        trial=follow,
        rule=all_of(holds("identity", 1e-7), holds("rise", 1e-8), holds("off_order", 0.2)),
        grid={"K": SMOOTH_K},
        seeds=seeds(scale, 10, smoke=2),
        plot=plots.values("off_order", by="K"),
    )


def follow(*, K: str, seed: int) -> dict[str, float]:
    """How far the flow is from the theorem, and the optimizer from order 1."""
    import numpy as np
    import torch

    from halflife.optim.descent import descend
    from halflife.optim.flow import Flow
    from halflife.optim.kappa import get

    f, end, points = Bowl(seed), 4.0, 1024
    rng = np.random.default_rng(seed)
    gamma = rng.uniform(0.5, 2)
    way = Flow(get(K), rng.uniform(0.3, 1.5), gamma, gamma, rng.uniform(0, 1) / gamma)
    start = way.K.project(way.weight_decay * f.start) * 0.9 / way.weight_decay

    def gradient(x: torch.Tensor) -> torch.Tensor:
        return 2 * f.weights * (x - f.centre)

    times = [end * i / points for i in range(points + 1)]
    x, m = way.solve(gradient, start, torch.zeros_like(start), times)
    energy = np.array([float(way.lyapunov(f(a), a, b)) for a, b in zip(x, m, strict=True)])
    off = []
    for a, b in zip(x[::16].clone(), m[::16].clone(), strict=True):
        velocity, expected = way.velocity(a, b, gradient(a)), way.dissipation(a, b, gradient(a))
        both = (a.requires_grad_(), b.requires_grad_())
        slopes = torch.autograd.grad(way.lyapunov(f(a), a, b), both)
        change = sum(float(s @ v) for s, v in zip(slopes, velocity, strict=True))
        off.append(abs(change + float(expected)) / (1 + float(expected)))
    steps, errors = [64, 128, 256, 512, 1024], []
    for n in steps:
        lr = end / n
        run = descend(
            f, start, lr=lr, updates=n, betas=way.betas(lr), weight_decay=way.weight_decay, K=way.K
        )
        errors.append(float((run.x - x[:: points // n]).abs().max()))
    order = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    return {
        "identity": max(off),
        "rise": float(np.diff(energy).max()),
        "off_order": abs(float(order) - 1),
    }


@paper.claim(where="The rate for constant steps; for Muon in arXiv 2506.15054, Theorem 3")
def rate(scale: Scale) -> Study:
    """With T updates at the rate 1/(2√T), the best certificate S of the run falls at least as fast
    as 1/√T: minus the slope of ln min S over ln T is above ½, for Lion and for the nuclear norm.
    """
    return Study(
        trial=best_certificate,
        rule=exceeds("exponent", 0.5, problem="K", problems="fixed"),
        grid={
            "K": ("l1", "nuclear"),
            "longest": scale.pick(smoke=(1000,), laptop=(10_000,)),
        },
        seeds=seeds(scale, 10),
        plot=plots.values("exponent", by="K"),
    )


def best_certificate(*, K: str, longest: int, seed: int) -> dict[str, float]:
    """The slope over four or five T, half a decade apart, from 100."""
    import numpy as np
    import torch

    from halflife.optim.descent import descend

    f: Any = Logistic(seed)
    start = f.start
    if K == "nuclear":
        f, start = Regression(seed), torch.zeros(8, 12, dtype=torch.float64)
    lengths = np.unique(
        np.geomspace(100, longest, 3 if longest < 10_000 else 5).round().astype(int)
    )
    best = [
        float(
            descend(f, start, lr=0.5 / math.sqrt(T), updates=int(T), weight_decay=2.0, K=K)
            .certificate.clamp(min=1e-15)
            .min()
        )
        for T in lengths
    ]
    return {"exponent": -float(np.polyfit(np.log(lengths), np.log(best), 1)[0]), "last": best[-1]}


@paper.claim(where="The nuclear norm; as Muon in arXiv 2506.15054")
def muon(scale: Scale) -> Study:
    """Muon keeps singular values at most 1/λ with exact orthogonal factors and at most 1.2024/λ
    with five steps of Newton–Schulz, after an approach from outside at the rate of the bound; and
    with Newton–Schulz some do pass 1/λ.

    On mini-batches of a linear teacher of shape 32 × 64 in float32; tolerance for rounding 10⁻⁴.
    """
    return Study(
        trial=spectrum,
        rule=all_of(
            holds("excess", 1e-4),
            exceeds("largest", 1.0, where={"method": "newton-schulz"}, problems="fixed"),
        ),
        grid={
            "method": ("svd", "newton-schulz"),
            "updates": scale.pick(smoke=(400,), laptop=(1500,)),
        },
        seeds=seeds(scale, 10),
        plot=plots.values("largest", by="method"),
    )


def spectrum(*, method: str, updates: int, seed: int) -> dict[str, float]:
    """The worst excess of λσ over its bound, and the largest λσ at the end."""
    import torch

    from halflife.optim import LionK
    from halflife.optim.kappa import Nuclear

    K, lr, decay = Nuclear(method), 1e-2, 2.0
    rng = torch.Generator().manual_seed(seed)
    teacher = torch.randn(32, 64, generator=rng)
    p = torch.nn.Parameter(torch.randn(32, 64, generator=rng) / 4)
    optimizer = LionK([p], lr=lr, weight_decay=decay, K=K, betas=(0.9025, 0.95))  # Muon's
    excesses = []

    def beyond() -> float:
        return decay * float(torch.linalg.matrix_norm(p.detach(), 2)) - K.overshoot

    bound = first = max(0.0, beyond())
    for _ in range(updates):
        rows = torch.randn(16, 64, generator=rng)
        p.grad = (p.detach() - teacher) @ rows.T @ rows / len(rows)
        optimizer.step()
        bound *= 1 - lr * decay
        excesses.append(beyond() - bound)
    return {"excess": max(excesses), "first": first, "largest": beyond() + K.overshoot}


@paper.claim(where="Our question: what a constant rate leaves; follows from the update", version=2)
def chatter(scale: Scale) -> Study:
    """At a constant rate Lion does not come to rest on a parabola hx²/2 but runs in an exact cycle
    of two: between a and a − η without decay, where it forgets a disturbance of its momentum by
    the factor β₂ a step, and between ±η/(2 − ηλ) with it; the mean loss without decay is then at
    least hη²/8.

    `off` is the largest distance from the cycle over a thousand updates, as a part of η; h, η, β, a
    and the disturbance are drawn, with 2β₁ < 1 + β₂ and β₁/(1 + β₂) < a/η < 1 − β₁/(1 + β₂).
    """
    return Study(
        trial=cycle_of_two,
        rule=all_of(holds("off", 1e-9), holds("below", 1e-12), holds("remembers", 1e-9)),
        grid={"decay": (0.0, 1.0)},
        seeds=seeds(scale, 50),
        plot=plots.values("off", by="decay"),
    )


def cycle_of_two(*, decay: float, seed: int) -> dict[str, float]:
    """How far off the cycle, below the least mean loss, and off what is left of the error."""
    import numpy as np
    import torch

    from halflife.optim import LionK

    rng = np.random.default_rng(seed)
    h, lr = 10 ** rng.uniform(-1, 1), 10 ** rng.uniform(-4, -1)
    beta1, beta2 = np.sort(rng.uniform(0.5, 0.99, 2))
    beta1 = min(beta1, 0.98 * (1 + beta2) / 2)
    least = beta1 / (1 + beta2)
    if decay:
        high = lr / (2 - lr * decay)
        low, error = -high, 0.0
        due = h * high * (1 - beta2) / (1 + beta2)
    else:
        place = least + (1 - 2 * least) * rng.uniform(0.05, 0.95)
        high, low = lr * place, lr * place - lr
        error = h * lr * rng.uniform(-0.9, 0.9) * min(place - least, 1 - least - place)
        due = h * (high - beta2 * lr / (1 + beta2))
    p = torch.nn.Parameter(torch.tensor([low], dtype=torch.float64))
    optimizer = LionK([p], lr=lr, betas=(float(beta1), float(beta2)), weight_decay=decay)
    optimizer.state[p]["exp_avg"] = torch.tensor([due + error], dtype=torch.float64)
    off, losses = [], []
    for t in range(1000):
        off.append(abs(p.item() - (high if t % 2 else low)) / lr)
        losses.append(h * p.item() ** 2 / 2)
        p.grad = h * p.detach()
        optimizer.step()
    left = optimizer.state[p]["exp_avg"].item() - due
    return {
        "off": max(off),
        "below": 0.0 if decay else float(h * lr**2 / 8 - np.mean(losses)),
        "remembers": abs(left - beta2**1000 * error) / (h * lr),
    }


# Networks


@paper.claim(where="The experiments on the strength of weight decay", scales=SCALES)
def decay_trade_off(scale: Scale) -> Study:
    """A tighter bound trains faster at first and costs in the end: with λ = 10 Lion's loss on the
    training set after a tenth of the updates is lower than with λ = 0, and its held-out loss at
    the end is higher.

    The rate, which falls as a cosine, is tuned for each λ by the held-out loss.
    """
    return Study(
        trial=fit,
        rule=all_of(
            better("early", decay=(10.0, 0.0), **PROBLEM),
            better("loss", decay=(0.0, 10.0), **PROBLEM),
        ),
        grid={
            "workload": scale.pick(smoke=NETWORKS[:1], laptop=NETWORKS, gpu=LANGUAGE_MODEL),
            "budget": scale.pick(smoke=(0.25,), laptop=(1.0,), gpu=(1.0,)),
            "K": ("l1",),
            "decay": scale.pick(
                smoke=(0.0, 10.0), laptop=(0.0, 1.0, 5.0, 10.0, 20.0), gpu=(0.0, 0.1, 1.0, 10.0)
            ),
        },
        tune=tuned(scale),
        seeds=seeds(scale, 10),
        plot=plots.lines("loss", x="decay", by="workload"),
    )


def tuned(scale: Scale) -> Tune:
    """Of the learning rate; the grid ends where ηλ ≤ 1 would be in danger."""
    return Tune("lr", LEARNING_RATES, seeds=range(scale.pick(smoke=1, laptop=2, gpu=1)), extend=2)


def lion(K: str, decay: float) -> OptimizerFactory:
    """Lion-K for a workload's training."""
    from halflife.optim import LionK

    def factory(parameters: Iterable[torch.nn.Parameter], lr: float) -> torch.optim.Optimizer:
        return LionK(parameters, lr=lr, weight_decay=decay, K=K)

    return factory


def fit(
    *, workload: str, K: str, decay: float, lr: float, budget: float, seed: int
) -> dict[str, float]:
    """Train once on a part of the full budget; `early` is the training loss after a tenth of it."""
    from halflife.schedules import cosine as falling
    from halflife.workloads import train

    problem, curve = network_of(workload), falling()
    updates = round(budget * problem.updates)
    options: dict[str, Any] = {"optimizer": lion(K, decay), "lr": lr, "seed": seed}
    early = train(
        problem,
        schedule=lambda step, _: curve(step, updates),
        updates=updates // 10,
        **options,
    )
    measured = train(problem, schedule=curve, updates=updates, **options)
    return {**measured, "early": early["train_loss"]}


@paper.claim(where="The experiments on ℓp on image classifiers and language models", scales=SCALES)
def norm_by_architecture(scale: Scale) -> Study:
    """The best p of Lion-ℓp depends on the architecture: p = 2 ends at a loss at most 1 % above
    that of p = 1 on a convolutional network, and on text at a higher one than p = 1.

    Of RMS-normalised norms, so that a flat momentum gives steps of one size; the rate is tuned for
    each p, and decay is 0.1. The direction is our reading of the paper's summary: its tables are
    not known to us. At gpu scale there is no convolutional network, and only text is judged.
    """
    image: dict[str, Any] = {"workload": "digits-conv"}
    text = scale.pick(smoke="characters", laptop="characters", gpu=LANGUAGE_MODEL[0])
    one, two = "l1", "l2:scale=rms"
    prefers_one = better("loss", K=(one, two), where={"workload": text}, **PROBLEM)
    tolerates_two = not_worse("loss", margin=0.01, K=(two, one), where=image, **PROBLEM)
    every = (one, "lp:scale=rms,p=1.25", "lp:scale=rms,p=1.5", two)
    return Study(
        trial=fit,
        rule=prefers_one if scale is Scale.GPU else all_of(tolerates_two, prefers_one),
        grid={
            "workload": (text,) if scale is Scale.GPU else ("digits-conv", text),
            "budget": scale.pick(smoke=(0.25,), laptop=(1.0,), gpu=(1.0,)),
            "K": scale.pick(smoke=(one, two), laptop=every, gpu=every),
            "decay": (0.1,),
        },
        tune=tuned(scale),
        seeds=seeds(scale, 10),
        plot=plots.lines("loss", x="K", by="workload", facet=("workload",)),
    )
