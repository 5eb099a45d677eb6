"""What a LionK says of its problem: hand-computed, and as laws for all K, weights and gradients."""

import doctest
import importlib
import json
import math
import pkgutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from halflife.optim import (
    FrankWolfe,
    Lion,
    LionK,
    Muon,
    NormalizedSGD,
    Signum,
    diagnostics,
)
from halflife.optim.diagnostics import (
    CONVENTIONS,
    DiagnosticsRecorder,
    figure,
    implied_radius,
    problem,
    read_diagnostics,
)
from halflife.optim.diagnostics.implied_radius import NEWTON_SCHULZ
from halflife.optim.diagnostics.problem import PROBLEMS
from halflife.optim.kappa import get, names
from halflife.optim.kappa.newton_schulz import OVERSHOOT

from .problems import EVERY, SHAPE, drawn, inside, seeds

every = pytest.mark.parametrize("K", EVERY, ids=str)
BOUNDED = [K for K in EVERY if K.bounded]
bounded = pytest.mark.parametrize("K", BOUNDED, ids=str)


def lion(values, *, K="l1", gradient=None, dtype=torch.float64, **options):
    """A LionK of one parameter with these values, and that parameter."""
    p = torch.nn.Parameter(torch.as_tensor(values, dtype=dtype).clone())
    if gradient is not None:
        p.grad = torch.as_tensor(gradient, dtype=dtype).clone()
    options = {"lr": 0.1, "weight_decay": 0.5} | options
    return LionK([p], K=K, **options), p


@pytest.mark.parametrize(
    "name",
    [
        "halflife.optim.diagnostics",
        *(
            f"halflife.optim.diagnostics.{module.name}"
            for module in pkgutil.iter_modules(diagnostics.__path__)
        ),
    ],
)
def test_examples_in_docstrings_hold(name):
    module = importlib.import_module(name)
    assert module.__doc__
    assert doctest.testmod(module).failed == 0


# Where the weights are


def test_infeasibility_and_saturation_of_a_box_by_hand():
    optimizer, _ = lion([3.0, -1.0, 2.0, 0.0])  # the box is |x| ≤ 2, λx = (1.5, −0.5, 1, 0)
    assert optimizer.radius().overall == 2
    assert optimizer.infeasibility().overall == 0.5
    assert optimizer.saturated_fraction().overall == 0.5
    assert float(optimizer.infeasibility()) == 0.5


@pytest.mark.parametrize(
    ("K", "distance", "share"),
    [
        ("l2", 1.5, 1.0),  # ‖λx‖₂ = 2.5
        ("l2:block=row", 1.0, 0.5),  # rows of λx have the norms 2 and 1.5, minus 1: √(1 + ¼)
        ("quadratic", 0.0, 0.0),
        ("nuclear", 1.0, 1.0),
    ],
)
def test_infeasibility_follows_the_constraint(K, distance, share):
    weights = {"l2": [[3.0, 0.0], [0.0, 4.0]], "nuclear": [[4.0, 0.0], [0.0, 2.0]]}
    optimizer, _ = lion(weights.get(K, [[4.0, 0.0], [0.0, 1.0]]), K=K)
    assert optimizer.infeasibility().overall == pytest.approx(distance)
    assert optimizer.saturated_fraction().overall == share


def test_readings_are_by_group_and_overall():
    box = torch.nn.Parameter(torch.tensor([3.0, 0.0]))
    ball = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    free = torch.nn.Parameter(torch.tensor([100.0] * 4))
    optimizer = LionK(
        [
            {"params": [box], "weight_decay": 1.0},
            {"params": [ball], "K": "l2", "weight_decay": 0.5, "name": "ball"},
            {"params": [free]},
        ],
        lr=0.01,
    )
    assert optimizer.radius().groups == (1.0, 2.0, math.inf)
    assert optimizer.infeasibility().groups == (2.0, 1.5, 0.0)
    assert optimizer.infeasibility().overall == 2.0
    assert optimizer.saturated_fraction().groups == (0.5, 1.0, 0.0)
    assert optimizer.saturated_fraction().overall == 3 / 8
    box.grad, ball.grad = torch.tensor([1.0, 1.0]), torch.tensor([0.0, 0.0])
    with torch.no_grad():
        box.copy_(torch.tensor([0.5, -1.0])), ball.copy_(torch.tensor([1.0, 0.0]))
    gap = optimizer.kkt_gap()
    assert gap.groups == (1.5, 0.0, 0.0)  # 2 + (0.5 − 1)
    assert (gap.overall, gap.bounds, gap.bound) == (1.5, (1.5, 0.0, 0.0), 1.5)


def test_radius_knows_scales_blocks_and_newton_schulz():
    tall = torch.zeros(12, 3)
    assert lion(tall, K="l1:scale=0.25")[0].radius().overall == 0.5
    assert lion(tall, K="nuclear:scale=aspect")[0].radius().overall == 2 * 2
    muon = lion(tall, K="nuclear:method=newton-schulz")[0]
    assert muon.radius().overall == pytest.approx(2 * 1.2024)
    assert lion(tall, K="quadratic")[0].radius().overall == math.inf
    assert lion(tall, weight_decay=0.0)[0].radius().overall == math.inf
    assert NEWTON_SCHULZ == OVERSHOOT


@bounded
@settings(max_examples=6)
@given(seed=seeds, rate=st.floats(0.001, 0.99), implicit=st.booleans())
def test_infeasibility_falls_at_least_as_the_product_of_decays(K, seed, rate, implicit):
    optimizer, p = lion(
        drawn(seed, 5.0),
        K=K,
        lr=rate / 0.5,
        decay="implicit" if implicit else "explicit",
    )
    before = optimizer.infeasibility().overall
    for step in range(4):
        p.grad = drawn(seed + step + 1)
        optimizer.step()
        before *= 1 / (1 + rate) if implicit else 1 - rate
        assert optimizer.infeasibility().overall <= before * (1 + 1e-9) + 1e-12


@bounded
@settings(max_examples=6)
@given(seed=seeds, rate=st.floats(0.001, 1.0))
def test_the_radius_is_never_exceeded_by_a_run_that_starts_within(K, seed, rate):
    optimizer, p = lion(inside(K, seed, 0.5), K=K, lr=rate / 0.5)
    for step in range(5):
        p.grad = drawn(seed + step + 1)
        optimizer.step()
        assert optimizer.infeasibility().overall <= 1e-9
        if str(K) == "l1":
            assert p.abs().max() <= optimizer.radius().overall * (1 + 1e-12)


@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_newton_schulz_stays_within_its_wider_radius(seed):
    optimizer, p = lion(torch.zeros(SHAPE), K="nuclear:method=newton-schulz", lr=0.4)
    for step in range(40):
        p.grad = drawn(seed if seed % 2 else seed + step)  # half of them push one way all along
        optimizer.step()
        assert torch.linalg.svdvals(p.detach())[0] <= optimizer.radius().overall


@pytest.mark.parametrize(
    ("make", "radius", "words"),
    [
        (lambda ps: Lion(ps, weight_decay=0.5), 2.0, "max |xᵢ| ≤ r, with r = 2"),
        (lambda ps: Signum(ps, weight_decay=0.5), 2.0, "max |xᵢ| ≤ r, with r = 2"),
        (lambda ps: NormalizedSGD(ps, weight_decay=0.5), 2.0, "‖x‖₂ ≤ r for each tensor"),
        (lambda ps: Muon(ps, weight_decay=0.5), 2 * OVERSHOOT * 2, "overstep r by a factor 1.2"),
        (lambda ps: FrankWolfe(ps, radius=3.0), 3.0, "max |xᵢ| ≤ r, with r = 3"),
    ],
    ids=["lion", "signum", "normalized-sgd", "muon", "frank-wolfe"],
)
def test_every_named_optimizer_tells_its_problem(make, radius, words):
    p = torch.nn.Parameter(torch.zeros(12, 3))
    optimizer = make([p])
    assert optimizer.radius().overall == pytest.approx(radius)
    for step in range(3):
        assert words in str(optimizer.explain(total=100))
        assert optimizer.saturated_fraction().overall <= (step > 0)
        p.grad = drawn(step).repeat(3, 1).float()
        assert math.isfinite(optimizer.lyapunov(1.0))
        assert math.isfinite(optimizer.kkt_gap().bound)
        optimizer.step()


@settings(max_examples=10)
@given(seed=seeds)
def test_newton_schulz_is_promised_only_what_it_keeps(seed):
    optimizer, p = lion(drawn(seed, 10.0), K="nuclear:method=newton-schulz", lr=0.4)
    (told,) = optimizer.steps_to_feasibility(total=100)
    reachable = optimizer.explain(total=100).groups[0].reachable
    for _ in range(told.steps):
        p.grad = -p.detach()  # outward all along
        optimizer.step()
        largest = torch.linalg.svdvals(0.5 * p.detach())[0]
        assert largest <= reachable
    assert largest <= OVERSHOOT + 0.01
    assert math.isfinite(optimizer.lyapunov(1.0, tolerance=0.01))
    assert not optimizer.explain(total=100, done=99).groups[0].outside


# The certificate


def test_certificate_by_hand():
    optimizer, _ = lion([1.0, -1.0], gradient=[3.0, 0.0])
    gap = optimizer.kkt_gap()  # ‖g‖₁ + λ⟨x, g⟩ = 3 + 1.5
    assert (gap.overall, gap.bound) == (4.5, 9.0)


@every
@settings(max_examples=6)
@given(seed=seeds, decay=st.floats(0.05, 5.0))
def test_the_certificate_is_not_negative_and_zero_at_a_solution(K, seed, decay):
    g = drawn(seed)
    optimizer, p = lion(inside(K, seed + 1, decay), K=K, gradient=g, weight_decay=decay, lr=0.01)
    assert optimizer.kkt_gap().overall >= -1e-9
    with torch.no_grad():
        p.copy_(K.grad(-g) / decay)  # λx ∈ ∂K(−∇f): the condition of Karush, Kuhn and Tucker
    assert optimizer.kkt_gap().overall == pytest.approx(0, abs=1e-7)


def test_certificate_bounds_the_suboptimality_of_a_convex_loss():
    centre = torch.tensor([3.0, 0.5, -1.0])
    optimizer, p = lion(torch.zeros(3), lr=0.05)
    best = 0.5 * (3.0 - 2.0) ** 2  # the box clips the first entry
    for _ in range(600):
        optimizer.zero_grad()
        loss = (p - centre).square().sum() / 2
        loss.backward()
        assert loss.item() - best <= optimizer.kkt_gap().bound + 1e-12
        optimizer.step()
    assert optimizer.kkt_gap(of="average").bound < 0.1


def test_certificate_without_gradients_says_what_to_do():
    optimizer, _ = lion([1.0])
    with pytest.raises(RuntimeError, match="after backward"):
        optimizer.kkt_gap()
    with pytest.raises(RuntimeError, match="before the first step"):
        optimizer.kkt_gap(of="average")
    with pytest.raises(ValueError, match="'gradient' or 'average', got 'mean'"):
        optimizer.kkt_gap(of="mean")


def test_average_is_that_of_the_optimizer():
    optimizer, p = lion([0.5, -0.5], gradient=[4.0, -2.0], betas=(0.5, 0.75))
    optimizer.step()
    assert optimizer.state[p]["exp_avg"].tolist() == [1.0, -0.5]
    averaged = optimizer.kkt_gap(of="average").overall
    p.grad = torch.tensor([1.0, -0.5], dtype=torch.float64)
    assert optimizer.kkt_gap().overall == averaged


# The energy


def test_energy_by_hand():
    optimizer, p = lion([1.0, -1.0], gradient=[4.0, -2.0], betas=(0.5, 0.75))
    assert optimizer.lyapunov(7.0) == 7.0  # no momentum yet
    optimizer.step()  # m = −(1, −½), x = 0.95 · (1, −1) − 0.1 · (1, −1)
    assert p.tolist() == pytest.approx([0.85, -0.85])
    eps = 0.1 / 0.95  # the implicit step
    weight = eps * 0.5 / (eps * 0.5 * 0.5 + 0.25)
    gap = 1.5 - 0.5 * (-1.0 * 0.85 - 0.5 * 0.85)
    assert optimizer.lyapunov(7.0) == pytest.approx(7 + weight * gap)
    assert optimizer.lyapunov(torch.tensor(7.0)) == pytest.approx(7 + weight * gap)
    assert optimizer.objective(7.0) == 7.0


def test_energy_and_objective_count_the_penalty():
    optimizer, _ = lion([1.0, -2.0], K="huber:e=0.2")
    # (e λ/2) ‖x‖² = 0.1 · 0.5 · 5
    assert optimizer.objective(1.0) == pytest.approx(1.25)
    assert optimizer.lyapunov(1.0) > optimizer.objective(1.0)


def test_energy_is_infinite_outside_but_for_rounding_and_what_one_allows():
    optimizer, p = lion([2.0], dtype=torch.float32, lr=1e-3)
    with torch.no_grad():
        p.mul_(1 + 2e-4)  # 2 · 2⁻²⁴/(ηλ) is 2.4e-4
    assert optimizer.lyapunov(1.0) == 1.0
    with torch.no_grad():
        p.copy_(torch.tensor([2.0 * (1 + 9e-4)]))
    assert optimizer.lyapunov(1.0) == math.inf
    assert optimizer.objective(1.0) == math.inf
    assert optimizer.lyapunov(1.0, tolerance=1e-3) == 1.0
    p.grad = torch.ones(1)
    assert optimizer.kkt_gap().overall == math.inf
    assert optimizer.kkt_gap(tolerance=1e-3).overall == 2.0


@every
def test_energy_falls_on_full_gradients_but_for_the_step_squared(K):
    optimizer, p = lion(inside(K, 1, 0.5), K=K, lr=1e-4)
    centre = drawn(2, 2.0)
    energies = []
    for _ in range(200):
        p.grad = p.detach() - centre
        energies.append(optimizer.lyapunov((p.detach() - centre).square().sum() / 2))
        optimizer.step()
    steepest = 0.5 * 1e-4**2 * 4 * 12 * (3 if K.bounded else 1000)
    assert np.diff(energies).max() <= steepest
    assert energies[-1] < energies[0]


def test_the_first_step_of_frank_wolfe_has_an_energy():
    optimizer, _ = lion([1.0], lr=2.0, betas=(0.0, 0.5))
    assert optimizer.lyapunov(3.0) == 3.0


def test_maximising_is_minimising_the_negative():
    down, p = lion([1.0, -1.0], gradient=[3.0, -1.0])
    up, q = lion([1.0, -1.0], gradient=[-3.0, 1.0], maximize=True)
    assert up.kkt_gap() == down.kkt_gap()
    down.step(), up.step()
    assert torch.equal(p, q)
    assert up.lyapunov(-2.0) == down.lyapunov(2.0)
    assert up.kkt_gap(of="average") == down.kkt_gap(of="average")


# What kinds of parameters there are


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("state_dtype", [None, torch.int8])
def test_low_precision_and_eight_bits(dtype, state_dtype):
    optimizer, p = lion(
        [2.0, 0.5], gradient=[-1.0, 1.0], dtype=dtype, state_dtype=state_dtype, rounding="kahan"
    )
    for _ in range(100):
        optimizer.step()
    assert optimizer.infeasibility().overall <= 0.01
    assert optimizer.saturated_fraction().overall == 1.0
    assert optimizer.lyapunov(1.0) == pytest.approx(1.0, abs=0.05)
    assert p.dtype == dtype


def test_complex_weights_are_pairs():
    optimizer, p = lion([3 + 1j], dtype=torch.complex128, gradient=[1 - 1j])
    pairs, _ = lion([3.0, 1.0], gradient=[1.0, -1.0])
    assert optimizer.infeasibility() == pairs.infeasibility()
    with torch.no_grad():
        p.mul_(0.5)
    assert optimizer.kkt_gap().overall == pytest.approx(2 + 0.5 * (1.5 - 0.5))


def test_empty_and_scalar_parameters():
    scalar = torch.nn.Parameter(torch.tensor(4.0))
    empty = torch.nn.Parameter(torch.zeros(0, 3))
    optimizer = LionK([scalar, empty], lr=0.1, weight_decay=0.5, K="nuclear")
    assert optimizer.infeasibility().overall == 1.0
    assert LionK([empty], weight_decay=1.0).infeasibility().overall == 0.0
    assert "0 weights" in str(LionK([empty], weight_decay=1.0).explain(total=10))


@every
def test_nothing_is_changed(K):
    optimizer, p = lion(drawn(0), K=K, gradient=drawn(1))
    optimizer.step()
    before = [p.detach().clone(), p.grad.clone(), optimizer.state[p]["exp_avg"].clone()]
    optimizer.explain(total=100)
    optimizer.kkt_gap(), optimizer.kkt_gap(of="average")
    optimizer.lyapunov(p.sum()), optimizer.objective(p.sum())
    for old, new in zip(before, [p, p.grad, optimizer.state[p]["exp_avg"]], strict=True):
        assert torch.equal(old, new)


class Reads(TorchDispatchMode):
    """Counts the times that a number of a tensor is asked for, which on a GPU waits for it."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("K", [K for K in EVERY if K.elementwise], ids=str)
def test_sums_over_entries_wait_for_the_device_only_at_the_end(K):
    optimizer, p = lion(drawn(0), K=K, gradient=drawn(1))
    optimizer.step()
    with Reads() as reads:
        bool(p.sum() > 0)
        assert reads.count == 1
        optimizer.infeasibility(), optimizer.saturated_fraction()
        optimizer.kkt_gap(), optimizer.kkt_gap(of="average")
        optimizer.lyapunov(p.sum()), optimizer.objective(p.sum())
        assert reads.count == 1


SHARDED = """
import os, sys, torch, torch.distributed as dist
from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh
from halflife.optim import LionK
rank, folder = int(sys.argv[1]), sys.argv[2]
os.environ["GLOO_SOCKET_IFNAME"] = "lo"
dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
mesh = init_device_mesh("cpu", (2,))
torch.manual_seed(0)
x, g = torch.randn(6, 4), torch.randn(6, 4)
for K in ("l1", "nuclear", "l2:block=column"):
    readings = []
    for spread in (lambda t: t, lambda t: distribute_tensor(t, mesh, [Shard(0)])):
        p = torch.nn.Parameter(spread(x.clone()))
        p.grad = spread(g.clone())
        optimizer = LionK([p], weight_decay=0.2, lr=0.1, K=K)
        optimizer.state[p]["exp_avg"] = spread(g / 2)
        readings.append((optimizer.infeasibility(), optimizer.saturated_fraction(),
            optimizer.kkt_gap(), optimizer.lyapunov(spread(x.double()).sum()), optimizer.radius()))
    assert readings[0] == readings[1], (K, readings)
dist.destroy_process_group()
"""


def test_sharded_weights_give_the_same_on_all_ranks(tmp_path):
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", SHARDED, str(rank), str(tmp_path)], stderr=subprocess.PIPE
        )
        for rank in range(2)
    ]
    for rank in ranks:
        _, error = rank.communicate(timeout=200)
        assert rank.returncode == 0, error.decode()


# When it will be inside


@bounded
@settings(max_examples=5)
@given(seed=seeds, rates=st.lists(st.floats(0.0, 0.9), min_size=1, max_size=30))
def test_predicted_steps_are_an_upper_bound(K, seed, rates):
    optimizer, p = lion(drawn(seed, 5.0), K=K, lr=1 / 0.5)

    def schedule(step, total):
        assert total == len(rates)
        return rates[step]

    (told,) = optimizer.steps_to_feasibility(schedule, len(rates), tolerance=1e-2)
    start = optimizer.infeasibility().overall
    allowed = 1e-2 * max(1.0, float(K.project(0.5 * p.detach()).norm()))
    for step, rate in enumerate(rates):
        if step == told.steps:
            assert optimizer.infeasibility().overall <= allowed * (1 + 1e-9)
        if step == told.half_life:
            assert optimizer.infeasibility().overall <= start / 2 * (1 + 1e-9)
        optimizer.param_groups[0]["lr"] = rate / 0.5
        p.grad = drawn(seed + step + 1)
        optimizer.step()
    assert optimizer.infeasibility().overall <= start * told.left * (1 + 1e-9) + 1e-12


@settings(max_examples=30)
@given(
    rates=st.lists(st.floats(0.0, 0.9), min_size=1, max_size=40),
    implicit=st.booleans(),
    far=st.floats(1.5, 100.0),
)
def test_predicted_steps_are_exact_when_gradients_push_outward(rates, implicit, far):
    decay = "implicit" if implicit else "explicit"
    optimizer, p = lion([2 * far, -3 * far], lr=1 / 0.5, decay=decay)
    (told,) = optimizer.steps_to_feasibility(lambda s, _: rates[s], len(rates), tolerance=1e-2)
    allowed = 1e-2 * math.sqrt(2)
    found = None
    for step in range(len(rates) + 1):
        left = optimizer.infeasibility().overall
        if found is None and left <= allowed * (1 + 1e-9):
            found = step
        if step < len(rates):
            optimizer.param_groups[0]["lr"] = rates[step] / 0.5
            p.grad = -p.detach().sign()
            optimizer.step()
    assert told.steps == found
    assert left == pytest.approx(
        told.left * 0.5 * math.hypot(2 * far - 2, 3 * far - 2), rel=1e-9, abs=1e-12
    )


def test_forecast_of_a_constant_rate_by_hand():
    optimizer, _ = lion([22.0], lr=0.2)  # λx = 11, ηλ = 0.1
    (told,) = optimizer.steps_to_feasibility(total=200)
    assert told.half_life == 7  # ln 2/−ln 0.9 = 6.6
    assert told.steps == 88  # ln(10/1e-3)/−ln 0.9 = 87.4
    assert told.left == pytest.approx(0.9**200)
    (later,) = optimizer.steps_to_feasibility(total=200, done=190)
    assert (later.steps, later.e_foldings) == (None, pytest.approx(-10 * math.log(0.9)))


def test_forecast_takes_the_rate_that_the_schedule_multiplies():
    optimizer, _ = lion([22.0], lr=0.2)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5)
    assert optimizer.param_groups[0]["lr"] == 0.1
    (told,) = optimizer.steps_to_feasibility(lambda step, total: 0.5, 100)
    assert told.e_foldings == pytest.approx(-100 * math.log(0.95))


def test_forecast_complains_of_what_cannot_be():
    optimizer, _ = lion([22.0], lr=1.0)
    with pytest.raises(ValueError, match=r"is 1\.5 at update 1"):
        optimizer.steps_to_feasibility(lambda step, total: 3.0, 10)
    with pytest.raises(ValueError, match="at step 2 of 10 it is nan"):
        optimizer.steps_to_feasibility(lambda step, total: math.nan if step == 2 else 1, 10)
    with pytest.raises(ValueError, match="total must be at least 1"):
        optimizer.steps_to_feasibility(total=0)
    with pytest.raises(ValueError, match="tolerance"):
        optimizer.steps_to_feasibility(total=9, tolerance=-1)
    with pytest.raises(ValueError, match="give total"):
        optimizer.explain(lambda step, total: 1.0)


# Which problem it is


def test_explanation_says_where_weights_are_outside():
    text = str(lion([5.0, 0.0], lr=0.01)[0].explain(total=2000))
    assert "max |xᵢ| ≤ r, with r = 2" in text
    assert "the largest is 2.5 times the bound, the distance of λx 1.5" in text
    assert "all weights are inside after at most 1,4" in text
    assert "warning" not in text


def test_explanation_warns_of_a_constraint_that_cannot_become_active():
    told = lion([0.5], lr=1e-4, weight_decay=0.1)[0].explain(total=1000)
    (warning,) = told.warnings
    assert "cannot become active" in warning
    assert told.groups[0].reachable == pytest.approx(1 - 0.95 * math.exp(-0.01), rel=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"K": "quadratic", "weight_decay": 0.1, "lr": 1e-4},
        {"weight_decay": 0.0},
        {"weight_decay": 1.0, "lr": 1e-2},
    ],
    ids=str,
)
def test_explanation_is_silent_where_all_is_well(options):
    assert lion([0.5], **options)[0].explain(total=1000).warnings == ()


@settings(max_examples=30)
@given(
    start=st.floats(-1, 1), rates=st.lists(st.floats(0.0, 0.9), min_size=1, max_size=20), seed=seeds
)
def test_no_run_takes_a_weight_further_than_the_explanation_says(start, rates, seed):
    optimizer, p = lion([2 * start], lr=2.0)
    reachable = optimizer.explain(lambda s, _: rates[s], len(rates)).groups[0].reachable
    for step, rate in enumerate(rates):
        optimizer.param_groups[0]["lr"] = 2 * rate
        p.grad = drawn(seed + step)[0, :1]
        optimizer.step()
    assert p.abs().item() / 2 <= reachable * (1 + 1e-12) + 1e-15


@pytest.mark.filterwarnings("ignore:Weights of 16 bits")
def test_explanation_warns_of_decay_that_bfloat16_loses():
    options = {"lr": 1e-4, "weight_decay": 1.0, "dtype": torch.bfloat16}
    optimizer, p = lion([0.5], gradient=[0.0], **options)
    (warning,) = [w for w in optimizer.explain().warnings if "16 bits" in w]
    assert "rounding='stochastic' or 'kahan'" in warning
    for _ in range(50):
        optimizer.step()
    assert p.item() == 0.5  # it is lost indeed
    assert lion([0.5], rounding="kahan", **options)[0].explain().warnings == ()


def test_all_have_their_problem_in_words():
    assert sorted(PROBLEMS) == names()


@every
def test_the_problem_in_words_reads(K):
    text = problem(K, 0.5)
    assert "{" not in text
    assert ("subject to" in text) == K.bounded


# The peers

RATES = [0.2] * 300 + [0.05] * 600
RECURRENCES = {  # what an update with u = −1 multiplies by and adds
    "decoupled": lambda lr: (1 - lr * 0.5, lr),
    "independent": lambda lr: (1 - lr / 0.2 * 0.5, lr),
    "corrected": lambda lr: (1 - lr**2 / 0.2 * 0.5, lr),
    "fixed": lambda lr: (1 - 0.5, lr),
    "cautious-decay": lambda lr: (1, lr),  # no step shrinks the weight
    "l2": lambda lr: (1, lr),  # while the gradient is larger than λx
}


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_implied_radius_is_where_weights_end_that_are_pushed_outward(convention):
    x = 0.0
    for lr in RATES:
        keep, add = RECURRENCES[convention](lr)
        x = keep * x + add
    told = implied_radius(convention, weight_decay=0.5, lr=0.05, peak_lr=0.2)
    if math.isinf(told):
        assert x == pytest.approx(sum(RATES))
    else:
        assert x == pytest.approx(told, rel=0.05)


def lion_pytorch(p, **options):
    return pytest.importorskip("lion_pytorch").Lion([p], lr=0.2, weight_decay=0.5, **options)


def optimi(p, **options):
    module = pytest.importorskip("optimi")
    return module.Lion([p], lr=0.2, weight_decay=0.5, triton=False, **options)


def pytorch_optimizer(p, **options):
    module = pytest.importorskip("pytorch_optimizer")
    return module.Lion([p], lr=0.2, weight_decay=0.5, **options)


@pytest.mark.filterwarnings("ignore:You are using weight_decay")  # what optimi thinks of it
@pytest.mark.parametrize(
    ("make", "options", "convention"),
    [
        (lion_pytorch, {}, "decoupled"),
        (lion_pytorch, {"decoupled_weight_decay": True}, "independent"),
        (optimi, {}, "decoupled"),
        (optimi, {"decouple_lr": True}, "independent"),
        (pytorch_optimizer, {}, "decoupled"),
        (pytorch_optimizer, {"fixed_decay": True}, "fixed"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_implied_radius_is_that_of_the_peers(make, options, convention):
    p = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
    optimizer = make(p, **options)
    for lr in RATES:
        optimizer.param_groups[0]["lr"] = lr
        p.grad = -torch.ones(3, dtype=torch.float64)
        optimizer.step()
    told = implied_radius(convention, weight_decay=0.5, lr=0.05, peak_lr=0.2)
    assert p.tolist() == pytest.approx([told] * 3, rel=1e-3)


def test_implied_radius_is_that_of_optax():
    optax = pytest.importorskip("optax")
    x = np.zeros(3, np.float32)
    for rates in (RATES[:300], RATES[300:]):
        rule = optax.lion(rates[0], weight_decay=0.5)
        state = rule.init(x)
        for _ in rates:
            step, state = rule.update(-np.ones_like(x), state, x)
            x = np.asarray(optax.apply_updates(x, step))
    assert x.tolist() == pytest.approx([implied_radius("decoupled", weight_decay=0.5)] * 3, 1e-3)


def test_implied_radius_holds_for_the_muon_of_torch():
    p = torch.nn.Parameter(torch.zeros(16, 4))
    optimizer = torch.optim.Muon([p], lr=0.05, weight_decay=1.0)
    for step in range(200):
        p.grad = drawn(step % 3).repeat(4, 2)[:, :4].float()
        optimizer.step()
    told = implied_radius("decoupled", weight_decay=1.0, scale=2.0, overshoot=NEWTON_SCHULZ)
    assert told == pytest.approx(2 * 1.2024)
    assert torch.linalg.matrix_norm(p.detach(), 2) <= told


def test_implied_radius_complains():
    with pytest.raises(ValueError, match="did you mean 'decoupled'"):
        implied_radius("decouple", weight_decay=1.0)
    with pytest.raises(ValueError, match="depends on peak_lr"):
        implied_radius("independent", weight_decay=1.0)
    with pytest.raises(ValueError, match="depends on lr"):
        implied_radius("corrected", weight_decay=1.0, peak_lr=1.0)
    with pytest.raises(ValueError, match="weight_decay"):
        implied_radius("decoupled", weight_decay=-1.0)
    with pytest.raises(ValueError, match="kept"):
        implied_radius("decoupled", weight_decay=1.0, kept=0.0)
    assert implied_radius("decoupled", weight_decay=0.0) == math.inf
    assert implied_radius("decoupled", weight_decay=1.0, kept=0.8) == 1.25
    assert implied_radius("corrected", weight_decay=1.0, lr=0.0, peak_lr=1.0) == math.inf


# The file


def test_a_recorded_run_reads_as_the_methods_say(tmp_path):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    optimizer = LionK(
        [
            {"params": [net[0].weight, net[1].weight], "K": "nuclear"},
            {"params": [net[0].bias, net[1].bias]},
        ],
        lr=0.02,
        weight_decay=1.0,
    )
    expected = []
    with DiagnosticsRecorder(optimizer, tmp_path / "new" / "lion.jsonl") as recorder:
        for step in range(5):
            optimizer.zero_grad()
            loss = net(torch.ones(8, 3)).square().mean()
            loss.backward()
            told = recorder.record(step, loss)
            expected.append(
                [
                    optimizer.lyapunov(loss, tolerance=1e-3),
                    optimizer.objective(loss, tolerance=1e-3),
                    optimizer.infeasibility().overall,
                    optimizer.saturated_fraction().overall,
                    optimizer.kkt_gap(tolerance=1e-3).overall,
                    optimizer.kkt_gap(tolerance=1e-3).bound,
                ]
            )
            optimizer.step()
    log = read_diagnostics(tmp_path / "new" / "lion.jsonl")
    assert log.steps.tolist() == [0, 1, 2, 3, 4]
    read = [log.lyapunov, log.objective, log.infeasibility, log.saturated_fraction]
    read += [log.kkt_gap, log.kkt_bound]
    np.testing.assert_allclose(np.stack(read, 1), expected, rtol=1e-12)
    assert told["lyapunov"] == log.lyapunov[-1]
    assert [group["K"] for group in log.groups[0]] == ["nuclear", "l1"]
    assert sum(log.groups[0][0]["histogram"]) == 5  # singular values: three and two
    assert sum(log.groups[0][1]["histogram"]) == 6
    drawn_figure = figure(log, group=1)
    assert "K = l1" in drawn_figure.layout.title.text
    json.loads(drawn_figure.to_json())


def test_a_file_goes_on_and_is_never_overwritten(tmp_path):
    path = tmp_path / "lion.jsonl"
    optimizer, _ = lion([1.0])
    with DiagnosticsRecorder(optimizer, path) as recorder:
        recorder.record(0)
        recorder.record(1)
        recorder.add_loss(1, 5.0)
    with pytest.raises(FileExistsError, match="pass the number of updates made as step="):
        DiagnosticsRecorder(optimizer, path)
    with pytest.raises(RuntimeError, match="closed"):
        recorder.record(2)
    path.write_text(path.read_text() + '{"step": 2, "gro')  # a kill in the middle of a line
    assert read_diagnostics(path).steps.tolist() == [0, 1]
    with DiagnosticsRecorder(optimizer, path, step=1) as recorder:
        recorder.record(1, loss=7.0)
        recorder.record(2)
    log = read_diagnostics(path)
    assert log.steps.tolist() == [0, 1, 2]
    assert log.loss[1] == 7.0
    assert np.isnan(log.loss[[0, 2]]).all()
    assert np.isnan(log.kkt_gap).all()  # there were no gradients


def test_files_and_arguments_that_are_none_of_ours(tmp_path):
    path = tmp_path / "other.jsonl"
    path.write_text('{"loss": 1}\n')
    with pytest.raises(ValueError, match="Line 1 of"):
        read_diagnostics(path)
    path.write_text("")
    with pytest.raises(ValueError, match="holds no rows"):
        read_diagnostics(path)
    sgd = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    with pytest.raises(TypeError, match="must be a LionK, got SGD"):
        DiagnosticsRecorder(sgd, path)
    with pytest.raises(ValueError, match="step must be from 0"):
        DiagnosticsRecorder(lion([1.0])[0], path, step=-1)


def test_figures_need_a_group_with_a_bound(tmp_path):
    optimizer = LionK([torch.nn.Parameter(torch.zeros(2))])
    with DiagnosticsRecorder(optimizer, tmp_path / "lion.jsonl") as recorder:
        recorder.record(0, 1.0)
    log = read_diagnostics(tmp_path / "lion.jsonl")
    with pytest.raises(ValueError, match="No group has a bound"):
        figure(log)
    with pytest.raises(ValueError, match="There is no group 'heads'; there are: group 0"):
        figure(log, "heads")
    with pytest.raises(ValueError, match="group 0 has no bound"):
        figure(log, 0)


@bounded
def test_the_gauge_is_one_on_the_border(K):
    y = drawn(3, 3.0)
    if not K.even:
        assert K.gauge(K.project(y)).max() == pytest.approx(1)
        return
    assert K.gauge(y / K.gauge(y).max()).max() == pytest.approx(1)
    assert K.gauge(K.project(y)).max() <= 1 + 1e-9
    outside = 1.01 * y / K.gauge(y).max()
    assert K.distance(outside) > 0
    assert K.distance(outside / 1.02) == pytest.approx(0, abs=1e-12)
    assert get(str(K)).gauge(torch.zeros(SHAPE, dtype=y.dtype)).max() == 0
