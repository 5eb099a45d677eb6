import numpy as np
import pytest

from halflife.bandits import Constants, advertising, paper_actions
from halflife.lab import Outcome, Scale, Store, run
from halflife.papers.dlb import EXPERT, OTHERS, horizon, one_of, play, random_systems, told
from halflife.papers.dlb import paper as dlb


@pytest.mark.slow
@pytest.mark.parametrize(
    "claim", ["constant-action", "switching-is-free", "confidence", "upper-bound"]
)
def test_the_theorems_hold(claim, tmp_path):
    with Store(f"sqlite:///{tmp_path / 's.db'}") as store:
        (ended,) = run(dlb[claim], "smoke", store=store, workers=1)
    assert ended.verdict.outcome is Outcome.SUPPORTED


@pytest.mark.slow
def test_every_claim_runs_to_a_verdict_at_smoke_scale(tmp_path):
    with Store(f"sqlite:///{tmp_path / 's.db'}") as store:
        runs = run(dlb, "smoke", store=store)
        assert [r.failed for r in runs] == [0] * len(dlb.claims)
        assert all(finding.figure for finding in store.findings())


def test_the_laptop_has_the_papers_horizon():
    assert horizon(Scale.LAPTOP) == 10**6
    assert len(random_systems(Scale.LAPTOP)) == 36
    for claim in dlb.claims.values():
        assert len(tuple(claim.study(Scale.LAPTOP).seeds)) >= 30


def test_the_experts_choice_costs_what_the_authors_code_says():
    lost = play(system="advertising", agent="expert", rounds=1000, seed=0)["regret"]
    assert lost == pytest.approx(215.7, abs=0.05)
    assert sum(EXPERT) == pytest.approx(1.5)


def test_random_systems_pay_at_most_one():
    for name in random_systems(Scale.SMOKE):
        system = one_of(name)
        assert abs(paper_actions().arms @ system.cumulative).max() == pytest.approx(1)
        assert system.spectral_radius == pytest.approx(float(name.split()[1]))


def test_agents_are_told_what_the_authors_told_them_on_their_systems_only():
    actions = paper_actions()
    real = Constants.of(advertising(), actions, compat="official")
    assert told("advertising", advertising(), actions) == real
    system = one_of("random 0.5 1")
    assert told("random 0.5 1", system, actions) == Constants.of(system, actions)


@pytest.mark.parametrize("agent", ["DynLinUCB", "HoldUCB", *OTHERS])
def test_runs_that_differ_only_in_agent_share_their_noise(agent):
    one = play(system="synthetic", agent=agent, rounds=1000, seed=1)
    assert one == play(system="synthetic", agent=agent, rounds=1000, seed=1)
    assert np.isfinite(list(one.values())).all()


@pytest.mark.parametrize("assumed", ["none", "half", "true", "larger", "twice"])
def test_what_is_assumed_of_the_spectral_radius_matters(assumed):
    base = play(system="synthetic", agent="DynLinUCB", rounds=2000, seed=1)
    other = play(system="synthetic", agent="DynLinUCB", rounds=2000, seed=1, assumed=assumed)
    assert (other == base) == (assumed == "true")
