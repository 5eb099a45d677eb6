"""What the claims that train share."""

import pytest

from halflife.lab import Scale
from halflife.papers import papers
from halflife.papers._protocol import (
    LABEL_NOISE,
    LOGISTIC,
    across,
    learning_rates,
    optimizers,
    problem_of,
    tuned,
)
from halflife.workloads import get

FIRST_SEED = {"rex": 2000, "refinement": 3000, "rewarm": 3000}


@pytest.mark.parametrize("slug", FIRST_SEED)
def test_reported_seeds_are_fresh(slug):
    for claim in papers()[slug].claims.values():
        for scale in claim.scales:
            study = claim.study(scale)
            assert min(study.seeds) == FIRST_SEED[slug]
            assert study.tune is None or max(study.tune.seeds) < 2


def test_rates_are_tuned_around_the_workloads_own():
    rates = learning_rates({"workload": "digits-mlp", "optimizer": "sgd"})
    assert rates == [2.0**k for k in (-5, -4, -3, -2, -1)]
    cell = {"workload": "stdlib-gpt", "optimizer": "adam"}
    assert tuned(Scale.GPU).start(cell)[2] == get("stdlib-gpt").lr["adam"]


def test_only_logistic_problems_have_noisy_labels():
    assert {problem_of(name).label_noise for name in LOGISTIC} == {LABEL_NOISE}
    for name in ("digits-mlp", "stdlib-gpt"):
        assert problem_of(name) is get(name)


def test_only_a_laptop_study_has_problems_enough_for_a_sample():
    assert [across(scale)["problems"] for scale in (Scale.SMOKE, Scale.LAPTOP, Scale.GPU)] == [
        "fixed",
        "sampled",
        "fixed",
    ]
    assert optimizers(Scale.GPU) == ("adam",)
