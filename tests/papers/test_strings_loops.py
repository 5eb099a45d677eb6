"""The claims about loops on the lattice: what their trials and their plots say."""

import numpy as np
import pandas as pd
import pytest

from halflife.lab import Outcome, Scale, Store, run
from halflife.papers import _strings_local as local
from halflife.papers import _strings_loops as loops
from halflife.papers import _strings_ripples as ripples
from halflife.papers.strings import paper as strings

LOOPS = {
    "relaxes-to-vorton": Outcome.SUPPORTED,
    "friction-without-a-constant": Outcome.CONTRADICTED,  # by its curve, over half of the time
    "local-loops-swing-on": Outcome.SUPPORTED,
    "goldstone-damping": Outcome.SUPPORTED,
    "no-overshoot": Outcome.CONTRADICTED,
    "overshoot-is-harmless": Outcome.SUPPORTED,
    "ripples-stay-small": Outcome.SUPPORTED,  # nothing has grown by t = 6; by 80 it has
}


@pytest.mark.slow
@pytest.mark.parametrize(("claim", "outcome"), LOOPS.items())
def test_small_loops_come_to_a_verdict(claim, outcome, tmp_path):
    with Store(f"sqlite:///{tmp_path / 's.db'}") as store:
        (ended,) = run(strings[claim], "smoke", store=store, workers=1)
        assert ended.failed == 0
        assert ended.verdict.outcome is outcome
        assert all(finding.figure for finding in store.findings())


@pytest.mark.parametrize("scale", [Scale.SMOKE, Scale.LAPTOP])
@pytest.mark.parametrize("claim", ["relaxes-to-vorton", "local-loops-swing-on"])
def test_loops_without_a_current_have_time_to_vanish(claim, scale):
    """A thin one takes π R0/2 to collapse, and flickers for a while: the end must not be luck."""
    bare = [cell for cell in strings[claim].study(scale).cells if not cell["current"]]
    assert bare
    assert all(cell["span"] * cell["R_v"] > 2.6 * cell["R0"] for cell in bare)


@pytest.fixture(scope="module")
def trials():
    cell = {"R_v": 20.0, "h": 0.5, "span": 10.0, "edge": "causal"}
    pairs = [(24.0, True), (20.0, False)]
    return [loops.relax(**cell, R0=R0, current=current, seed=0) for R0, current in pairs]


def test_a_trial_knows_a_loop_that_settles_from_one_that_vanishes(trials):
    held, bare = trials
    assert held["remains"] == 1.0
    assert abs(held["settled"] / 20 - 1) == pytest.approx(held["miss"])
    assert held["smallest"] == pytest.approx(1 - held["overshoot"])
    assert held["beyond_bound"] == pytest.approx(20 / 24 - held["smallest"])
    assert held["radius"][0] == pytest.approx(24, abs=0.05)
    assert held["thin"][0] == pytest.approx(24)
    assert bare["remains"] == 0.0
    assert 20 < bare["vanished"] < 40
    assert "miss" not in bare


@pytest.mark.slow
def test_a_control_is_compared_with_the_causal_run():
    cell = {"R_v": 20.0, "R0": 24.0, "h": 0.6, "span": 10.0, "current": True, "seed": 0}
    longer, mirror = (loops.relax(**cell, edge=edge) for edge in ("longer", "mirror"))
    assert longer["deviation"] < loops.LONGER < mirror["deviation"]
    assert longer["box"] == pytest.approx(24 + 100 + 60, abs=0.6)
    assert mirror["box"] == pytest.approx(3 * 24, abs=0.6)
    assert longer["echo_unseen"] == pytest.approx(loops.ECHO - longer["deviation"])
    assert mirror["echo_unseen"] == max(0, loops.ECHO - mirror["deviation"])


def test_a_friction_is_judged_by_where_it_turns_its_curve_and_its_fading(trials):
    held, _ = trials
    assert 0 < held["derived_turning_miss"] < 0.05
    assert held["derived_curve_miss"] != held["curve_miss"]
    gap = np.log(held["radius"] / held["derived"])
    assert held["derived_curve_miss"] == pytest.approx(np.sqrt(np.mean(gap**2)), rel=0.05)
    assert 0 < held["derived_rate_miss"] < 1


@pytest.mark.slow
def test_a_local_loop_keeps_its_swing_and_a_global_one_does_not():
    cell = {"R_v": 20.0, "R0": 28.0, "span": 7.2, "seed": 0, "box": "near"}
    held, bare = (
        local.swing(**cell, string="local", h=0.5, current=current) for current in (True, False)
    )
    twin = local.swing(**cell, string="global", h=0.5, current=True)
    assert held["turns"] == twin["turns"] == 2
    assert held["swing_lost"] < 0.05
    assert held["swing_lost"] < twin["swing_lost"]
    assert held["remains"] == 1.0
    assert bare["remains"] == 0.0
    runs = pd.DataFrame(
        [
            {**cell, "h": 0.5, "current": current, "string": string, **found}
            for string, current, found in (
                ("local", True, held),
                ("local", False, bare),
                ("global", True, twin),
            )
        ]
    )
    assert [trace.name for trace in local.swings_of_both(runs).data] == [
        *("local, h = 0.5", "thin loop, local", "global, h = 0.5", "thin loop, global")
    ]


def test_plots_show_every_loop_and_the_bound(trials):
    frame = pd.DataFrame(
        [
            {
                "R_v": 20.0,
                "R0": 24.0,
                "h": 0.5,
                "current": True,
                "edge": "causal",
                "seed": 0,
                **trials[0],
            }
        ]
    )
    figure = loops.radius_and_field(frame)
    assert [trace.type for trace in figure.data] == ["scatter"] * 2 + ["heatmap"] * 4
    still = np.array(figure.data[2].z)
    assert np.array_equal(still, still[::-1])  # mirrored at the plane
    bound = loops.smallest_radius(frame).data[1]
    assert np.multiply(bound.x, bound.y) == pytest.approx(1)


def test_controls_are_drawn_apart_from_what_they_control(trials):
    held, bare = trials
    cell = {"R_v": 20.0, "R0": 24.0, "h": 0.5, "seed": 0}
    frame = pd.DataFrame(
        [
            {**cell, "current": True, "edge": "causal", **held},
            {**cell, "current": True, "edge": "mirror", **held},
            {**cell, "current": False, "edge": "causal", **bare},
        ]
    )
    lines = [trace for trace in loops.radius_and_derived(frame).data if trace.type == "scatter"]
    assert [(line.name, line.legend) for line in lines] == [
        ("R_v=20, R0=24, h=0.5", "legend"),
        ("R_v=20, R0=24, h=0.5, thin loop", "legend"),
        ("for R_v=20, R0=24", "legend2"),
        ("mirror, R_v=20", "legend3"),
    ]
    assert lines[1].y == pytest.approx(held["derived"] / 20, abs=1e-4)


def test_what_needs_a_card_is_the_same_trial_in_a_larger_box():
    claim = strings["ripples-stay-small"]
    small, large = (claim.study(scale) for scale in (Scale.SMOKE, Scale.GPU))
    assert small.rule == large.rule
    assert small.trial is large.trial
    cell = large.cells[0] | {"R_v": 20.0, "R0": 21.0, "h": 0.6, "T": 0.5}
    seen = large.trial(**cell, seed=1)  # a mode of the card's own, in a small box
    assert seen["growth"] == pytest.approx(1, abs=0.05)
    assert ripples.ripple_size(pd.DataFrame([{**cell, "seed": 1, **seen}])).data
