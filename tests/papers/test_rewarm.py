import numpy as np
import pytest
import torch

from halflife.lab import Outcome, Store, run
from halflife.papers.rewarm import FLOOR, continued, halves, textbook, train_on
from halflife.papers.rewarm import paper as rewarm_paper
from halflife.schedules import rewarm
from halflife.workloads import get, train


@pytest.mark.parametrize("claim", ["textbook-curve", "clamped-curve"])
def test_the_curves_are_as_stated(claim, tmp_path):
    with Store(f"sqlite:///{tmp_path / 's.db'}") as store:
        (ended,) = run(rewarm_paper[claim], "smoke", store=store, workers=1)
    assert ended.verdict.outcome is Outcome.SUPPORTED


@pytest.mark.slow
def test_every_claim_runs_to_a_verdict_at_smoke_scale(tmp_path):
    with Store(f"sqlite:///{tmp_path / 's.db'}") as store:
        runs = run(rewarm_paper, "smoke", store=store)
        assert [r.failed for r in runs] == [0] * len(rewarm_paper.claims)
        assert all(finding.figure for finding in store.findings())


def test_the_textbooks_curve_by_hand():
    values = textbook(np.arange(9), 8, 4, 0.2, 0.6)
    assert values == pytest.approx(
        [0.6, 0.7, 0.8, 0.9, 1.0, 0.6 + 0.4 / 2**0.5, 0.6, 0.6 - 0.4 / 2**0.5, 0.2]
    )


@pytest.mark.parametrize("workload", ["wine-logistic", "breast_cancer-mlp", "digits-mlp"])
def test_the_halves_are_the_whole_and_lie_apart(workload):
    old, new = (half.table() for half in halves(workload))
    labels = np.concatenate([old.labels, new.labels])
    whole = get(workload).table()
    assert sorted(labels) == sorted(whole.labels)
    assert set(old.labels) == set(new.labels) == set(whole.labels)
    assert abs(len(old.labels) - len(new.labels)) <= 10
    centre = (old.features.mean(axis=0) + new.features.mean(axis=0)) / 2
    axis = new.features.mean(axis=0) - old.features.mean(axis=0)
    for label in set(labels):
        high = (new.features[new.labels == label] - centre) @ axis
        low = (old.features[old.labels == label] - centre) @ axis
        assert high.mean() > low.mean()


def test_the_halves_of_texts_are_all_texts_and_differ():
    whole = get("stdlib-gpt-tiny")
    old, new = (half.texts() for half in halves("stdlib-gpt-tiny"))
    assert sorted((*old, *new)) == sorted(whole.texts())
    sizes = [sum(map(len, half)) for half in (old, new)]
    assert abs(sizes[0] - sizes[1]) <= 2 * max(map(len, whole.texts()))
    spaces = [
        b"".join(half).count(b" ") / size for half, size in zip((old, new), sizes, strict=True)
    ]
    assert spaces[1] > spaces[0] + 0.02


def test_training_on_goes_on_from_the_model_that_is_given():
    workload = get("wine-mlp")
    problem = workload.problem(3)
    train_on(problem, workload, optimizer="adam", lr=2**-8, updates=20, seed=3)
    weights = [p.detach().clone() for p in problem.model.parameters()]
    fresh = workload.problem(3).model.parameters()
    assert not all(torch.equal(a, b) for a, b in zip(weights, fresh, strict=True))
    train_on(problem, workload, optimizer="adam", lr=1e-30, updates=1, seed=3)
    now = problem.model.parameters()
    assert all(torch.equal(a, b) for a, b in zip(weights, now, strict=True))


def test_training_on_a_fresh_model_is_training():
    workload = get("wine-mlp")
    how = {"optimizer": "sgd", "lr": 0.0625, "updates": 20, "seed": 3}
    assert train_on(workload.problem(3), workload, **how) == train(workload, **how)


def test_a_continued_run_is_two_runs_in_a_row():
    old, new = halves("breast_cancer-mlp")
    how = {"optimizer": "adam", "lr": old.lr["adam"], "updates": 50, "seed": 4}
    before, after = old.problem(4), new.problem(4)
    train_on(before, old, schedule=rewarm(0.0, 0.01), **how)
    after.model.load_state_dict(before.model.state_dict())
    by_hand = train_on(after, new, schedule=rewarm(FLOOR, 0.02, start="zero"), **how)
    seen = continued(
        workload="breast_cancer-mlp", optimizer="adam", warmup=0.02, budget=0.1, seed=4
    )
    assert seen["loss"] == by_hand["loss"]
    other = continued(
        workload="breast_cancer-mlp", optimizer="adam", warmup=0.0, budget=0.1, seed=4
    )
    assert seen["loss"] != other["loss"]


def test_what_is_reported_of_the_old_half_is_forgetting():
    seen = continued(workload="wine-mlp", optimizer="adam", warmup=0.01, budget=0.5, seed=4)
    old, _ = halves("wine-mlp")
    alone = train(
        old, optimizer="adam", lr=old.lr["adam"], schedule=rewarm(0.0, 0.01), updates=250, seed=4
    )
    assert seen["old_loss"] > alone["loss"]
