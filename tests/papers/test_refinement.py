import numpy as np
import pytest

from halflife.lab import Outcome, Store, run
from halflife.papers._protocol import LABEL_NOISE, problem_of
from halflife.papers.refinement import (
    FIRST_RUN,
    SCHEDULES,
    Convex,
    first_run,
    fit,
    recorded,
    refined,
    shape,
)
from halflife.papers.refinement import paper as refinement_paper
from halflife.schedules import linear, polynomial
from halflife.schedules.refinement import rates, running_median
from halflife.workloads import OPTIMIZERS, get, train

EXACT = ("last-iterate", "linear-decay-is-optimal-rate", "refined-weights")
SHORT = {"workload": "wine-logistic", "optimizer": "adam", "lr": 0.125, "budget": 0.1}


@pytest.mark.parametrize("claim", EXACT)
def test_the_theorems_hold(claim, tmp_path):
    with Store(f"sqlite:///{tmp_path / 's.db'}") as store:
        (ended,) = run(refinement_paper[claim], "smoke", store=store, workers=1)
    assert ended.verdict.outcome is Outcome.SUPPORTED


@pytest.mark.slow
def test_every_claim_runs_to_a_verdict_at_smoke_scale(tmp_path):
    with Store(f"sqlite:///{tmp_path / 's.db'}") as store:
        runs = run(refinement_paper, "smoke", store=store)
        assert [r.failed for r in runs] == [0] * len(refinement_paper.claims)
        assert all(finding.figure for finding in store.findings())


@pytest.mark.parametrize("kind", ["absolute", "largest", "hardest"])
@pytest.mark.parametrize("seed", range(5))
def test_the_convex_functions_are_what_they_say(kind, seed):
    f = Convex(kind, 20, seed)
    rng = np.random.default_rng(seed)
    for _ in range(50):
        x, y = rng.normal(f.best, 3), rng.normal(f.start, 3)
        g = f.subgradient(x)
        assert np.linalg.norm(g) <= f.lipschitz * (1 + 1e-12)
        assert f(y) >= f(x) + g @ (y - x) - 1e-12
        assert kind == "hardest" or f(x) >= f(f.best) - 1e-12  # that one is not bounded below


@pytest.mark.parametrize(("optimizer", "order"), [("sgd", 2), ("adam", 1)])
def test_the_recorded_norms_are_those_of_the_gradients_that_are_used(optimizer, order):
    import torch

    parameters = [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(1, 2))]
    norms = []
    stepper = recorded(optimizer, norms)(parameters, 0.1)
    assert type(stepper) is type(OPTIMIZERS[optimizer](parameters, 0.1))
    rows = [[3.0, -4.0, 12.0, 0.0], [1.0, 1.0, -1.0, 1.0]]
    for row in rows:
        parameters[0].grad, parameters[1].grad = torch.tensor(row[:2]), torch.tensor([row[2:]])
        stepper.step()
    assert norms == pytest.approx([np.linalg.norm(row, order) for row in rows])


def test_recording_changes_nothing_but_the_record():
    arguments = {"lr": 0.125, "updates": 30, "seed": 5}
    norms = []
    watched = train(get("wine-mlp"), optimizer=recorded("adam", norms), **arguments)
    assert watched == train(get("wine-mlp"), optimizer="adam", **arguments)
    assert len(norms) == 30


def test_the_first_run_decays_linearly_at_the_usual_rate_with_a_seed_of_its_own():
    problem, norms = problem_of("wine-logistic"), []
    assert problem.label_noise == LABEL_NOISE
    train(
        problem,
        optimizer=recorded("sgd", norms),
        lr=problem.lr["sgd"],
        schedule=linear(),
        updates=40,
        seed=FIRST_RUN + 7,
    )
    assert first_run("wine-logistic", "sgd", 40, 7) == tuple(norms)


@pytest.mark.parametrize(("optimizer", "power"), [("sgd", -2), ("adam", -1)])
def test_the_refined_curve_follows_from_the_norms(optimizer, power):
    norms = first_run("digits-mlp", optimizer, 60, 3)
    by_hand = rates(running_median(np.array(norms), 0.1) ** power, "skip")
    np.testing.assert_allclose(refined(norms, optimizer).table(60), by_hand / by_hand.max())


def test_equal_norms_give_linear_decay():
    np.testing.assert_allclose(refined((3.0,) * 50, "adam").table(50), linear().table(50))


def test_the_second_run_follows_the_refined_curve():
    curve = refined(first_run("wine-logistic", "adam", 50, 4), "adam")
    by_hand = train(
        problem_of("wine-logistic"), optimizer="adam", lr=0.125, schedule=curve, updates=50, seed=4
    )
    measured = fit(**SHORT, schedule="refined", seed=4)
    assert measured["train_loss"] == by_hand["train_loss"]
    assert measured["train_loss"] != fit(**SHORT, schedule="linear", seed=4)["train_loss"]


def test_vanishing_gradients_are_refined_too():
    table = refined(tuple(10.0 ** -np.linspace(0, 8, 200)), "sgd").table(200)
    assert np.isfinite(table).all()
    assert table.max() == 1


def test_twice_the_budget_is_twice_the_updates():
    twice = fit(**SHORT, schedule="linear, twice", seed=4)
    assert twice["updates"] == 2 * fit(**SHORT, schedule="refined", seed=4)["updates"]
    assert twice == fit(**(SHORT | {"budget": 0.2}), schedule="linear", seed=4)


def test_the_classical_schedules_are_those_of_the_sheet():
    tables = {name: curve(np.arange(100), 100) for name, curve in SCHEDULES.items()}
    assert tables["1/t"][[0, 50]] == pytest.approx([1, 1 / 11])
    assert tables["1/√t"][[0, 3, 99]] == pytest.approx([1, 0.5, 0.1])
    assert tables["step"][[29, 30, 60, 90]] == pytest.approx([1, 0.1, 0.01, 0.001])


@pytest.mark.parametrize("k", [0.5, 1, 2])
@pytest.mark.parametrize("warm", [0, 0.2])
def test_the_shape_is_that_of_a_power_after_a_warm_up(k, warm):
    schedule = polynomial(k).warmup(warm) if warm else polynomial(k)
    seen = shape(schedule.table(1000))
    assert seen["peak"] == pytest.approx(warm, abs=0.0015)
    assert seen["exponent"] == pytest.approx(k, abs=0.01)
    assert seen["start"] == (1 if warm == 0 else pytest.approx(0.005))


def test_a_peak_at_the_very_end_has_no_decay():
    assert shape(np.linspace(0, 1, 100))["exponent"] == 0
