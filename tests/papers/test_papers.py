"""What is true of every paper, and will be of those to come."""

from functools import cache
from importlib import import_module
from math import isfinite

import numpy as np
import pytest

from halflife import workloads
from halflife.lab import Scale, Study
from halflife.lab.plan import Plan
from halflife.papers import papers

PAPERS = papers()
CLAIMS = {str(claim): claim for paper in PAPERS.values() for claim in paper.claims.values()}
ON_A_CARD = {
    name: claim
    for name, claim in CLAIMS.items()
    if Scale.GPU in claim.scales and "workload" in claim.study(Scale.GPU).cells[0]
}
"""Those that train a workload by its name; others are tested with their paper."""
TIMED = {"gla/crossover", "gla/faster-at-1k", "gla/faster-beyond-4k"}
"""A time is never the same twice."""


@pytest.mark.parametrize("paper", PAPERS.values(), ids=str)
def test_a_paper_is_complete(paper):
    assert paper.claims
    assert paper.authors
    assert len(paper.summary) > 200
    assert paper.url.startswith("https://arxiv.org/abs/2")


@pytest.mark.parametrize("paper", PAPERS.values(), ids=str)
def test_the_parts_of_a_paper_can_be_imported(paper):
    for part in paper.parts:
        module, _, name = part.rpartition(".")
        assert hasattr(import_module(module), name)


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_every_claim_has_a_small_study_and_a_sentence(claim):
    assert claim.sentence.endswith(".")
    assert Scale.SMOKE in claim.scales
    for scale in claim.scales:
        study = claim.study(scale)
        assert isinstance(study, Study)
        assert study.rule.sentence.endswith(".")


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_a_laptop_study_has_more_trials_than_a_smoke_study(claim):
    smoke, laptop = (claim.study(scale) for scale in (Scale.SMOKE, Scale.LAPTOP))
    assert len(smoke.cells) * len(smoke.seeds) < len(laptop.cells) * len(laptop.seeds)


@cache
def trained(name):
    """Weights times targets over the full budget of a workload.

    Behind a comma a paper names a layer of its own, with few weights.
    """
    workload = workloads.get(name.partition(", ")[0])
    problem = workload.problem(0)
    weights = sum(p.numel() for p in problem.model.parameters())
    return weights * problem.train.targets[0].numel() * workload.batch_size * workload.updates


@pytest.mark.parametrize("claim", ON_A_CARD.values(), ids=ON_A_CARD)
def test_a_study_on_a_card_is_more_work_than_any_smaller_one(claim):
    """In weights times targets seen: its trials are fewer, and a million times as large."""

    def work(scale):
        study = claim.study(scale)
        return len(study.seeds) * sum(
            trained(cell["workload"]) * cell.get("budget", 1.0) for cell in study.cells
        )

    smoke, laptop, gpu = map(work, claim.scales)
    assert smoke < laptop < gpu


QUICK = {
    *("dlb/beats-others-synthetic", "gla/gates", "lion_k/chatter", "refinement/beats-classical"),
    *("rewarm/warm-up-length", "rex/low-budget", "strings/classical-and-quantum"),
}
"""One claim of each paper, whose trials take least."""


def test_a_claim_of_every_paper_runs_also_among_the_quick_tests():
    assert {CLAIMS[name].paper for name in QUICK} == set(PAPERS)


@pytest.mark.parametrize(
    "claim",
    [
        pytest.param(claim, id=name, marks=[] if name in QUICK else pytest.mark.slow)
        for name, claim in CLAIMS.items()
    ],
)
def test_the_first_trials_of_every_claim_run(claim):
    plan = Plan(claim, Scale.SMOKE, claim.study(Scale.SMOKE))
    for trial in plan.next_trials()[:2]:
        metrics = plan.study.trial(**trial.parameters, seed=trial.seed)
        again = plan.study.trial(**trial.parameters, seed=trial.seed)
        assert metrics.keys() == again.keys()
        arrays = {k for k, value in metrics.items() if isinstance(value, np.ndarray)}
        for name in arrays:  # NaN where there is nothing, such as a loop that is gone
            assert np.array_equal(metrics[name], again[name], equal_nan=True)
        numbers, same = ({k: v for k, v in m.items() if k not in arrays} for m in (metrics, again))
        assert numbers == same or str(claim) in TIMED  # pure
        assert all(isinstance(value, float) for value in numbers.values())


@pytest.mark.slow
@pytest.mark.parametrize("claim", ON_A_CARD.values(), ids=ON_A_CARD)
def test_every_cell_for_a_card_runs_on_a_tiny_model_on_the_cpu(claim):
    """All but the size is as on the card: the trial function, its parameters, the rule."""
    plan = Plan(claim, Scale.GPU, claim.study(Scale.GPU))
    plan.rehearse()
    first = {}
    for trial in plan.next_trials():
        cell = {k: v for k, v in trial.parameters.items() if k != "lr"}
        first.setdefault(tuple(cell.items()), trial)
    for trial in first.values():
        assert trial.parameters["workload"] == "stdlib-gpt"
        small = {**trial.parameters, "workload": "stdlib-gpt-tiny"}
        if "budget" in small:
            small["budget"] = 0.04
        metrics = plan.study.trial(**small, seed=trial.seed)
        assert set(plan.study.rule.metrics) <= set(metrics)
        assert all(isfinite(value) for value in metrics.values())


def test_what_papers_share_is_no_paper():
    assert "_protocol" not in PAPERS
    assert all(not slug.startswith("_") for slug in PAPERS)
