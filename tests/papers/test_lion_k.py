import numpy as np
import pytest
import torch
from scipy.optimize import approx_fprime

from halflife.lab import Outcome, Scale, Store, run
from halflife.optim import LionK
from halflife.papers.lion_k import (
    DECAY,
    LEARNING_RATES,
    MORE_K,
    NETWORKS,
    RATE,
    SETS,
    Bowl,
    Logistic,
    Regression,
    cosine,
    cycle_of_two,
    fit,
    minimum,
    network_of,
    plane_minimum,
    unconstrained,
    wide_start,
)
from halflife.papers.lion_k import paper as lion_k_paper

QUICK = ("bound-reached", "chatter")


@pytest.mark.slow
@pytest.mark.parametrize("claim", QUICK)
def test_the_exact_statements_hold(claim, tmp_path):
    with Store(f"sqlite:///{tmp_path / 's.db'}") as store:
        (ended,) = run(lion_k_paper[claim], "smoke", store=store, workers=1)
    assert ended.verdict.outcome is Outcome.SUPPORTED


@pytest.mark.slow
def test_every_claim_runs_to_a_verdict_at_smoke_scale(tmp_path):
    with Store(f"sqlite:///{tmp_path / 's.db'}") as store:
        runs = run(lion_k_paper, "smoke", store=store)
        assert [r.failed for r in runs] == [0] * len(lion_k_paper.claims)
        assert all(finding.figure for finding in store.findings())


def test_the_logistic_problem_is_one():
    f = Logistic(3)
    x = np.random.default_rng(0).normal(size=30)
    value, gradient = f.with_gradient(x)
    assert value == pytest.approx(float(f(torch.from_numpy(x))))
    slope = approx_fprime(x, lambda at: f.with_gradient(at)[0], 1e-6)
    np.testing.assert_allclose(gradient, slope, atol=1e-5)
    lowest, at = unconstrained(f)
    assert abs(f.with_gradient(at)[1]).max() < 1e-4
    assert 0.1 < lowest < f.with_gradient(np.zeros(30))[0] == pytest.approx(np.log(2))


def test_the_smoothness_is_a_bound_of_the_curvature():
    f = Logistic(3)
    for seed in range(5):
        x, y = np.random.default_rng(seed).normal(size=(2, 30))
        change = f.with_gradient(x)[1] - f.with_gradient(y)[1]
        assert np.linalg.norm(change) <= f.smoothness * np.linalg.norm(x - y)


@pytest.mark.parametrize(
    "K", ["l1", "dead-zone:e=0.02", "huber:e=0.02", "relativistic:e=0.02", "l2"]
)
def test_scipys_minimum_lies_below_every_point_and_tends_to_that_of_f(K):
    """And with so little decay that no constraint is active, and no penalty, it is f's own."""
    from halflife.optim.certificate import objective
    from halflife.optim.kappa import get

    f, kappa, decay = Logistic(3), get(K), 0.5
    best = minimum(f, K, decay)
    for seed in range(10):
        y = kappa.project(torch.from_numpy(np.random.default_rng(seed).normal(size=30) / 3))
        x = 0.999 * y / decay
        assert float(objective(kappa, f(x), x, decay)) > best - 1e-9
    if K in ("l1", "l2"):
        assert minimum(f, K, 1e-3) == pytest.approx(unconstrained(f)[0], abs=1e-5)


def test_the_planes_minimum_is_the_nearest_point_of_the_box():
    f = Bowl(5)
    corner = f.centre.clamp(-1 / 1.2, 1 / 1.2)
    assert plane_minimum(f, "l1", 1.2) == pytest.approx(float(f(corner)), abs=1e-7)


def test_the_regressions_gradient_is_zero_at_its_teacher():
    f = Regression(0)
    weights = f.teacher.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(f(weights), weights)
    assert abs(gradient).max() == 0
    assert f(f.teacher + 0.1) > 0


def test_rates_fall_from_the_first_to_almost_zero():
    rates = cosine(100, 0.5)
    assert (rates[0], len(rates)) == (0.5, 100)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 1e-3


def test_the_wide_network_starts_outside_of_its_box():
    weights = list(wide_start().problem(0).model.parameters())
    assert DECAY * max(float(p.detach().abs().max()) for p in weights) > 3
    assert 0 < RATE * DECAY < 1


@pytest.mark.parametrize("workload", NETWORKS)
def test_networks_have_the_norm_of_their_name(workload):
    kinds = {type(layer).__name__ for layer in network_of(workload).problem(0).model.modules()}
    assert ("LayerNorm" in kinds) == workload.endswith("layer norm")
    assert ("BatchNorm2d" in kinds) == workload.endswith("batch norm")


def test_the_early_loss_is_on_the_way_of_the_whole_run():
    arguments = {"workload": "wine-mlp", "K": "l1", "decay": 1.0, "lr": 2**-8, "seed": 1}
    long, short = (fit(**arguments, budget=budget) for budget in (1.0, 0.1))
    assert long["early"] > long["train_loss"]
    assert long["updates"] == 10 * short["updates"]


def test_the_grid_of_rates_never_makes_a_step_that_overshoots():
    strongest = max(
        cell["decay"]
        for claim in ("decay-trade-off", "norm-by-architecture")
        for cell in lion_k_paper[claim].study(Scale.LAPTOP).cells
    )
    tune = lion_k_paper["decay-trade-off"].study(Scale.LAPTOP).tune
    assert strongest * LEARNING_RATES[-1] * 2**tune.extend <= 1


@pytest.mark.parametrize("spec", [*SETS, *MORE_K])
def test_every_k_of_the_claims_makes_an_optimizer(spec):
    p = torch.nn.Parameter(torch.ones(8, 6))
    p.grad = torch.ones_like(p)
    LionK([p], K=spec, lr=0.1, weight_decay=0.1).step()
    assert (p != 1).any()


def test_a_cycle_off_by_a_step_would_be_seen():
    """The measure of `chatter` on a Lion with another rate than it is told."""
    measured = cycle_of_two(decay=0.0, seed=4000)
    assert measured["off"] < 1e-9
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LionK, "step", _twice(LionK.step))
        assert cycle_of_two(decay=0.0, seed=4000)["off"] > 0.1


def _twice(step):
    def stepped(self, *arguments):
        step(self, *arguments)
        return step(self, *arguments)

    return stepped


def test_seeds_that_tune_never_report():
    for claim in lion_k_paper.claims.values():
        for scale in (Scale.SMOKE, Scale.LAPTOP):
            assert min(claim.study(scale).seeds) == 4000
