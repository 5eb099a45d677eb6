"""The claims on zero modes of a curved string: they run, and their trials say what they should."""

import math

import pytest

from halflife.lab import Outcome, Scale, Store, run
from halflife.papers._strings_escape import RADII, ladder
from halflife.papers._strings_protocol import exponent
from halflife.papers.strings import paper as strings

QUICK = ["lighter-particles-gain", "curvature-suppresses", "classical-and-quantum"]
RATES = {
    **dict.fromkeys(QUICK, Outcome.SUPPORTED),
    "escape-law": Outcome.SUPPORTED,
    "escape-from-a-string": Outcome.SUPPORTED,  # with four loops; one of 24 on a laptop is not
    "far-above-the-mass": Outcome.SUPPORTED,
    "lighter-particles-win": Outcome.SUPPORTED,
    "changes-of-shape": Outcome.INCONCLUSIVE,  # eight loops are too few for its interval
    "wide-modes-scatter-less": Outcome.SUPPORTED,
}


@pytest.mark.parametrize("claim", QUICK)
def test_quick_claims_are_supported_at_smoke_scale(claim, tmp_path):
    with Store(f"sqlite:///{tmp_path / 's.db'}") as store:
        (ended,) = run(strings[claim], "smoke", store=store, workers=1)
        assert ended.verdict.outcome is Outcome.SUPPORTED
        assert all(finding.figure for finding in store.findings())


@pytest.mark.slow
@pytest.mark.parametrize("claim", RATES)
def test_claims_run_to_a_verdict_at_smoke_scale(claim, tmp_path):
    with Store(f"sqlite:///{tmp_path / 's.db'}") as store:
        (ended,) = run(strings[claim], "smoke", store=store, workers=1)
        assert ended.failed == 0
        assert ended.verdict.outcome is RATES[claim]
        assert all(finding.figure for finding in store.findings())


@pytest.mark.parametrize("claim", RATES)
def test_the_laptop_draws_more_and_the_same_kinds_of_trials(claim):
    smoke, laptop = (strings[claim].study(scale) for scale in (Scale.SMOKE, Scale.LAPTOP))
    assert len(tuple(laptop.seeds)) > len(tuple(smoke.seeds))
    assert len(laptop.cells) == len(smoke.cells)
    assert laptop.rule == smoke.rule  # the thresholds are those of every scale


def test_trials_differ_by_seed_and_repeat():
    trial = strings["curvature-suppresses"].study(Scale.SMOKE).trial
    one, again, other = trial(seed=1), trial(seed=1), trial(seed=2)
    assert one["slope_off"] == again["slope_off"] != other["slope_off"]


def test_a_wide_mode_breaks_up_more_often_where_charges_are_everywhere():
    trial = strings["wide-modes-scatter-less"].study(Scale.SMOKE).trial
    far = trial(process="break-up", charges="everywhere", seed=1)
    assert far["wider_is_worse"] > 0  # the control that is not judged: completeness leaves no way
    assert trial(process="break-up", charges="near", seed=1)["wider_is_worse"] < 0


def test_no_largest_energy_is_the_end_of_where_it_is_looked_for():
    """Ends grow as √R themselves, so that a search that stops at one would be supported by that."""
    for seed in (12000, 12017):
        found = strings["far-above-the-mass"].study(Scale.SMOKE).trial(seed=seed)
        for k in range(4):
            top = 0.6 * math.sqrt(found["R"] * 2**k)
            assert max(1.5, top / 8) * 1.05 < found[f"E_{k}"] < 0.95 * top
        found = strings["classical-and-quantum"].study(Scale.SMOKE).trial(seed=seed)
        for k, R in enumerate(RADII):
            assert 1.1 < found[f"classical_{k}"] < 0.95 * math.sqrt(R)
            assert 1.1 < found[f"quantum_{k}"] < 0.95 * math.sqrt(R)


def test_lines_and_ladders():
    x = ladder(10.0, 1.5, 3, 5)
    assert ((x % 1) == 0.5).all()
    assert exponent(x, 3 * x + 1) == pytest.approx(3)
    assert math.isclose(x[0], 15.5)
