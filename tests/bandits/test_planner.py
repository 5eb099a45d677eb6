"""The planner: what it recommends, and that nothing is ever lost."""

import math
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from halflife.bandits import Planner, PlannerError, adstock, budget, excitation_plan, fit

from .logs import logged

TRUE = adstock([0.7, 0.3], [1.0, 2.0], reward_noise=0.3)  # h = (3.33, 2.86)
LEVELS = {"tv": 10.0, "radio": 8.0}
PLAN = excitation_plan(LEVELS, periods=120, hold=3).to_numpy()
FITTED = fit(logged(TRUE, PLAN, 1, baseline=20.0, names=list(LEVELS)), bootstrap=0)
OTHER = fit(logged(TRUE, PLAN, 1, names=["tv", "web"]), bootstrap=0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "plan.db"


@pytest.fixture
def planner(path):
    with Planner.create(path, FITTED) as made:
        yield made


def test_the_spends_keep_within_budget_and_limits(path):
    limits = {"tv": (1.0, 12.0), "radio": (2.0, 5.0)}
    with Planner.create(path, FITTED, limits=limits) as planner:
        for total in (3.0, 10.0, 17.0, 100.0):
            said = planner.recommend(total)
            assert sum(said.spends.values()) <= total + 1e-9
            assert 1 <= said.spends["tv"] <= 12
            assert 2 <= said.spends["radio"] <= 5
            planner.observe(50.0)


def test_the_channel_that_pays_most_in_the_long_run_comes_first(planner):
    said = planner.recommend(10.0)
    assert said.spends["tv"] == pytest.approx(10.0)
    assert said.spends["radio"] == 0.0
    assert said.pay["tv"][0] == pytest.approx(10 / 3, abs=0.2)


def test_a_channel_that_costs_more_than_it_pays_gets_nothing(path):
    bad = adstock([0.5, 0.2], [1.0, -1.0], reward_noise=0.1)
    with Planner.create(path, fit(logged(bad, PLAN, 2), bootstrap=0)) as planner:
        assert planner.recommend(100.0).spends["channel 1"] == 0.0


def test_a_spend_may_change_by_no_more_than_was_said(path):
    with Planner.create(path, FITTED, max_change=0.1) as planner:
        before = dict(zip(LEVELS, PLAN[-1], strict=True))
        for _ in range(5):
            said = planner.recommend()
            for name, spend in said.spends.items():
                assert abs(spend - before[name]) <= 0.1 * before[name] + 1e-9
            planner.observe(40.0)
            before = said.spends
        with pytest.raises(PlannerError, match="No spends fit this budget: total=1 is less"):
            planner.recommend(1.0)


def test_a_recommendation_stands_until_its_outcome_is_known(planner):
    first = planner.recommend(10.0)
    assert planner.recommend() == planner.recommend(10.0) == first == planner.pending
    with pytest.raises(PlannerError, match="Recommendation 1 for a budget of 10 waits"):
        planner.recommend(20.0)
    planner.observe(50.0)
    assert planner.pending is None
    assert planner.recommend(20.0).id == 2


def test_a_recommendation_can_be_withdrawn(planner):
    planner.recommend(10.0)
    planner.withdraw()
    assert planner.pending is None
    assert planner.recommend(20.0).id == 2
    assert planner.history()["withdrawn_at"].notna().tolist() == [True, False]
    planner.withdraw()
    with pytest.raises(PlannerError, match="none can be withdrawn"):
        planner.withdraw()


def test_an_outcome_is_learned_from_once_earlier_spends_have_faded(planner):
    counted = []
    for _ in range(20):
        planner.recommend(10.0)
        counted.append(planner.observe(53.3))
    assert not counted[0]
    assert counted[-1]
    assert counted == sorted(counted)  # once settled, settled
    assert planner.history()["counted"].tolist() == counted


def test_what_is_expected_is_what_comes(path):
    """Outcomes of the true system lie in the expected interval about as often as they should."""
    hits, rounds = 0, 40
    rng = np.random.default_rng(4)
    with Planner.create(path, FITTED) as planner:
        run = TRUE.simulation(7)
        for u in PLAN:
            run.step(u)
        for _ in range(rounds):
            said = planner.recommend(float(rng.choice([6.0, 10.0, 14.0])))
            y = 20 + run.step(list(said.spends.values()))
            low, high = said.expected[1:]
            hits += low <= y <= high
            planner.observe(y)
    assert hits >= 0.8 * rounds


def test_learning_narrows_the_intervals_and_finds_a_better_spend(path):
    """From a log with much noise, the planner finds out which of two channels pays."""
    noisy = adstock([0.7, 0.3], [1.0, 1.8], reward_noise=3.0)
    with Planner.create(path, fit(logged(noisy, PLAN, 3, baseline=20.0), bootstrap=0)) as planner:
        run = noisy.simulation(5)
        before = planner.recommend(10.0).settled
        for _ in range(100):
            said = planner.recommend(10.0)
            planner.observe(20 + run.step(list(said.spends.values())))
        after = planner.recommend(10.0).settled
        assert after[2] - after[1] < before[2] - before[1]
        best = budget(10.0, low=[0, 0], high=planner.fit.largest).best(noisy.cumulative)
        value = noisy.cumulative @ list(planner.recommend().spends.values())
        assert value >= 0.95 * noisy.cumulative @ best


def test_what_was_spent_in_truth_is_what_counts(planner):
    planner.recommend(10.0)
    planner.observe(50.0, spent={"tv": 7.5})
    history = planner.history()
    assert history["tv"].tolist() == [7.5]
    assert planner.recommend(10.0).previous["tv"] == 7.5


def test_the_belief_is_the_regression_of_what_counted(planner):
    mean, covariance = planner.estimate
    np.testing.assert_allclose(mean, [FITTED.baseline, *FITTED.h], rtol=1e-8)
    np.testing.assert_allclose(covariance, FITTED.covariance, rtol=1e-6)
    rows = []
    for y in (50.0, 51.0, 52.0, 53.0, *np.linspace(52.5, 54.0, 16)):
        said = planner.recommend(10.0)
        if planner.observe(y):
            rows.append(([1.0, *said.spends.values()], y))
    assert rows
    z, y = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    prior = np.linalg.inv(FITTED.covariance)
    weight = FITTED.long_run_noise**-2
    v = prior + weight * z.T @ z
    b = prior @ [FITTED.baseline, *FITTED.h] + weight * z.T @ y
    np.testing.assert_allclose(planner.estimate[0], np.linalg.solve(v, b), rtol=1e-7)


def test_an_outcome_can_be_told_twice(planner):
    planner.recommend(10.0)
    counted = planner.observe(50.0, step=1)
    estimate = planner.estimate[0]
    assert planner.observe(50.0, step=1) == counted
    np.testing.assert_array_equal(planner.estimate[0], estimate)
    with pytest.raises(PlannerError, match="has the outcome 50 already, not 51"):
        planner.observe(51.0, step=1)
    with pytest.raises(PlannerError, match="There is no recommendation 7"):
        planner.observe(51.0, step=7)


@pytest.mark.parametrize(
    ("act", "error", "complaint"),
    [
        (lambda p: p.observe(50.0), PlannerError, "ask for one first. The outcome was not taken"),
        (lambda p: p.recommend(-5.0), ValueError, "budget must be a number in"),
        (lambda p: p.recommend(math.nan), ValueError, "budget must be a number in"),
        (lambda p: p.recommend(math.inf), ValueError, "budget must be a number in"),
    ],
)
def test_a_step_that_cannot_be_taken_changes_nothing(planner, act, error, complaint):
    before = planner.history(), planner.estimate[0]
    with pytest.raises(error, match=complaint):
        act(planner)
    assert planner.history().equals(before[0])
    np.testing.assert_array_equal(planner.estimate[0], before[1])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"result": math.nan}, "must be a finite number, got nan"),
        ({"result": "fifty"}, "must be a finite number, got 'fifty'"),
        ({"result": 5.0, "spent": {"tv": -1.0}}, "the spend on 'tv' must be a number in"),
        ({"result": 5.0, "spent": {"web": 1.0}}, "spent names the channel 'web'; there are: tv"),
    ],
)
def test_an_outcome_that_is_none_is_refused_and_still_awaited(planner, arguments, complaint):
    planner.recommend(10.0)
    with pytest.raises(ValueError, match=complaint):
        planner.observe(**arguments)
    assert planner.pending.id == 1
    planner.observe(50.0)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"limits": {"web": (0, 1)}}, "limits names the channel 'web'"),
        ({"limits": {"tv": (-1, 1)}}, "the lower limit of 'tv' must be a number in"),
        ({"limits": {"tv": (2, 1)}}, "the upper limit of 'tv' must be a number in"),
        ({"exploration": -1}, "exploration must be a number in"),
        ({"max_change": 0}, "max_change must be a number in"),
    ],
)
def test_a_planner_that_makes_no_sense_is_not_made(path, arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        Planner.create(path, FITTED, **arguments)
    assert not path.exists()


def test_a_planner_is_not_overwritten(planner, path):
    planner.recommend(10.0)
    planner.close()
    with pytest.raises(PlannerError, match="is there already, and may hold outcomes"):
        Planner.create(path, FITTED)
    with Planner.open(path) as again:
        assert again.pending.id == 1


def test_a_second_writer_is_refused(planner, path):
    with pytest.raises(PlannerError, match="open in another process; a planner has one writer"):
        Planner.open(path)
    code = f"from halflife.bandits import Planner; Planner.open({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "a planner has one writer at a time" in done.stderr
    planner.recommend(10.0)
    planner.close()
    Planner.open(path).close()


def test_a_log_of_another_configuration_is_refused(planner, path):
    planner.close()
    with pytest.raises(PlannerError, match="is a planner of tv, radio, and the log has tv, web"):
        Planner.open(path, expect=OTHER)
    Planner.open(path, expect=FITTED).close()  # and the lock is free again


def test_files_that_are_no_planners(tmp_path):
    with pytest.raises(PlannerError, match="There is no planner in"):
        Planner.open(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("this is no database, but long enough to look at" * 10)
    with pytest.raises(PlannerError, match="is not a planner's file"):
        Planner.open(tmp_path / "text.db")
    sqlite3.connect(tmp_path / "empty.db").execute("CREATE TABLE x (y)").connection.close()
    with pytest.raises(PlannerError, match="is not a planner's file"):
        Planner.open(tmp_path / "empty.db")
    with Planner.create(tmp_path / "new.db", FITTED):
        pass
    database = sqlite3.connect(tmp_path / "new.db")
    with database:
        database.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
    database.close()
    with pytest.raises(PlannerError, match="has the schema 99"):
        Planner.open(tmp_path / "new.db")


KILLED = """
import os, signal, sys
from halflife.bandits import Planner
planner = Planner.open(sys.argv[1])
for outcome in (50.0, 52.0, 53.0):
    planner.recommend(10.0)
    planner.observe(outcome)
planner.recommend(10.0)
{last}
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("last", "steps", "waits"),
    [
        ("", 4, True),  # between recommend and observe
        ("planner.observe(53.3)", 4, False),
        (
            "planner._database.execute('BEGIN IMMEDIATE');"
            'planner._database.execute("UPDATE steps SET outcome = 1 WHERE id = 4");'
            "planner._database.execute(\"UPDATE meta SET value = '{}' WHERE name = 'state'\")",
            4,
            True,
        ),  # in the middle of a transaction
    ],
    ids=["before-observe", "after-observe", "while-writing"],
)
def test_a_planner_that_is_killed_goes_on_where_it_was(path, last, steps, waits):
    Planner.create(path, FITTED).close()
    done = subprocess.run(
        [sys.executable, "-c", KILLED.format(last=last), str(path)],
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with Planner.open(path) as planner, Planner.create(f"{path}.twin", FITTED) as twin:
        assert len(planner.history()) == steps
        assert (planner.pending is not None) == waits
        for outcome in (50.0, 52.0, 53.0):
            twin.recommend(10.0)
            twin.observe(outcome)
        twin.recommend(10.0)
        if not waits:
            twin.observe(53.3)
        assert planner.pending == twin.pending
        np.testing.assert_array_equal(planner.estimate[0], twin.estimate[0])


class Restarts(RuleBasedStateMachine):
    """A planner that is closed and opened at any moment is the one that never was."""

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        self.restarted = Planner.create(self.folder / "restarted.db", FITTED)
        self.steady = Planner.create(self.folder / "steady.db", FITTED)
        self.waits = False
        self.seen = 0

    @rule()
    def restart(self):
        self.restarted.close()
        self.restarted = Planner.open(self.folder / "restarted.db")

    @rule()
    def move(self):
        """The file is all there is: a copy goes on as well."""
        self.restarted.close()
        copy = self.folder / f"copy-{len(list(self.folder.iterdir()))}.db"
        shutil.copy(self.folder / "restarted.db", copy)
        shutil.move(copy, self.folder / "restarted.db")
        self.restarted = Planner.open(self.folder / "restarted.db")

    @precondition(lambda self: not self.waits)
    @rule(total=st.one_of(st.none(), st.floats(0, 30)))
    def recommend(self, total):
        assert self.restarted.recommend(total) == self.steady.recommend(total)
        self.waits = True

    @precondition(lambda self: self.waits)
    @rule(y=st.floats(-100, 100), tv=st.one_of(st.none(), st.floats(0, 20)))
    def observe(self, y, tv):
        spent = None if tv is None else {"tv": tv}
        assert self.restarted.observe(y, spent=spent) == self.steady.observe(y, spent=spent)
        self.waits = False
        self.seen += 1

    @precondition(lambda self: self.waits)
    @rule()
    def withdraw(self):
        self.restarted.withdraw()
        self.steady.withdraw()
        self.waits = False

    @precondition(lambda self: not self.waits)
    @rule()
    def observe_out_of_turn(self):
        with pytest.raises(PlannerError):
            self.restarted.observe(1.0)

    @precondition(lambda self: self.waits)
    @rule()
    def observe_nonsense(self):
        with pytest.raises(ValueError, match="finite"):
            self.restarted.observe(math.nan)

    @invariant()
    def both_know_the_same(self):
        if not hasattr(self, "steady"):
            return
        mine, other = self.restarted.estimate, self.steady.estimate
        np.testing.assert_array_equal(mine[0], other[0])
        np.testing.assert_array_equal(mine[1], other[1])
        assert (self.restarted.pending is not None) == self.waits
        assert self.restarted.history()["outcome"].notna().sum() == self.seen

    def teardown(self):
        if hasattr(self, "steady"):
            self.restarted.close()
            self.steady.close()
            shutil.rmtree(self.folder)


TestRestarts = Restarts.TestCase
TestRestarts.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("exploration", [0.0, 1.0, 30.0])
def test_the_spends_are_the_optimistic_ones(path, exploration):
    with Planner.create(path, FITTED, exploration=exploration) as planner:
        mean, covariance = planner.estimate
        said = list(planner.recommend(10.0).spends.values())
        tried = budget(10.0, low=[0, 0], high=FITTED.largest).arms
        inner = np.random.default_rng(0).dirichlet(np.ones(len(tried)), 500) @ tried
        wide = np.sqrt(np.einsum("ki,ij,kj->k", inner, covariance[1:, 1:], inner))
        value = said @ mean[1:] + exploration * np.sqrt(said @ covariance[1:, 1:] @ said)
        assert value >= (inner @ mean[1:] + exploration * wide).max() - 1e-9


def test_a_disk_that_is_full_loses_nothing(planner):
    planner.recommend(10.0)
    pages = planner._database.execute("PRAGMA page_count").fetchone()[0]
    planner._database.execute(f"PRAGMA max_page_count = {pages}")

    def go_on():
        while True:
            planner.observe(50.0)
            planner.recommend(10.0)

    with pytest.raises(PlannerError, match=r"could not be written \(database or disk is full\)"):
        go_on()
    before = planner.history()["outcome"].notna().sum()
    planner._database.execute("PRAGMA max_page_count = 100000")
    if planner.pending is None:
        planner.recommend(10.0)
    planner.observe(51.0)
    assert planner.history()["outcome"].notna().sum() == before + 1


def test_a_recommendation_explains_itself(planner):
    said = str(planner.recommend(10.0))
    for part in (
        "Recommendation 1: spend 10 of 10",
        "pays in the long run, per unit",
        "of it at once",
        "arrives from earlier spends",
        "expected once settled",
        "will not be learned from",
    ):
        assert part in said
    planner.observe(50.0)
    assert "Recommendation 2: keep to 10 of 10" in str(planner.recommend(10.0))


def test_a_spend_beyond_the_log_is_marked(path):
    with Planner.create(path, FITTED, limits={"tv": (0.0, 40.0)}) as planner:
        said = planner.recommend(40.0)
        assert said.beyond == ("tv",)
        assert "Above all that the log has seen: tv." in str(said)
