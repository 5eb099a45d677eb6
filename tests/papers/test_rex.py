import numpy as np
import pytest

from halflife.lab import Outcome, Store, run
from halflife.papers.rex import PROFILES, SAMPLINGS, SCHEDULES, fit, kendalls_w
from halflife.papers.rex import paper as rex_paper


def test_the_profiles_identities_hold(tmp_path):
    with Store(f"sqlite:///{tmp_path / 's.db'}") as store:
        (ended,) = run(rex_paper["profile"], "smoke", store=store, workers=1)
    assert ended.verdict.outcome is Outcome.SUPPORTED


@pytest.mark.slow
def test_every_claim_runs_to_a_verdict_at_smoke_scale(tmp_path):
    with Store(f"sqlite:///{tmp_path / 's.db'}") as store:
        runs = run(rex_paper, "smoke", store=store)
        assert [r.failed for r in runs] == [0] * len(rex_paper.claims)
        assert all(finding.figure for finding in store.findings())


def test_concordance_is_one_for_equal_orders_and_zero_for_opposite_ones():
    assert kendalls_w(np.array([[1, 2, 3, 4]] * 5)) == pytest.approx(1)
    assert kendalls_w(np.array([[1, 2, 3, 4], [4, 3, 2, 1]])) == pytest.approx(0)


def test_concordance_agrees_with_friedmans_statistic():
    from scipy.stats import friedmanchisquare, rankdata

    losses = np.random.default_rng(0).normal(size=(4, 7))
    chi2 = friedmanchisquare(*losses.T).statistic
    assert kendalls_w(rankdata(losses, axis=1)) == pytest.approx(chi2 / (4 * 6))


def test_the_step_profile_read_at_half_is_the_step_schedules_first_drop():
    table = PROFILES["step"].sampled(**SAMPLINGS["50-75"]).table(100)
    step = SCHEDULES["step"].table(100)
    np.testing.assert_allclose(table[:75], step[:75])


def test_a_logistic_problem_is_judged_on_its_training_loss():
    arguments = {"optimizer": "sgd", "lr": 0.1, "budget": 0.01, "seed": 1}
    convex = fit(workload="wine-logistic", **arguments)
    assert convex["loss"] == convex["train_loss"]
    network = fit(workload="digits-mlp", **arguments)
    assert network["loss"] != network["train_loss"]


def test_runs_that_differ_only_in_schedule_differ_only_by_it():
    arguments = {"workload": "digits-mlp", "optimizer": "adam", "lr": 2**-6, "budget": 0.01}
    assert fit(**arguments, schedule="rex", seed=1) == fit(**arguments, profile="rex", seed=1)
    assert fit(**arguments, schedule="rex", seed=1) != fit(**arguments, schedule="none", seed=1)
