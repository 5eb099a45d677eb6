"""`halflife bandit`, in this process and, for what is killed and locked, in others."""

import re
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from halflife.bandits import Planner, adstock, excitation_plan
from halflife.cli import app
from halflife.errors import HalflifeError

SYSTEM = adstock([0.7, 0.3], [1.0, 2.0], reward_noise=0.5)

PLAN = excitation_plan({"tv": 10.0, "radio": 8.0}, periods=120, hold=3).to_numpy()


def halflife(*arguments):
    done = CliRunner().invoke(app, ["bandit", *map(str, arguments)])
    if isinstance(done.exception, HalflifeError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def complaint(*arguments):
    with pytest.raises(HalflifeError) as error:
        halflife(*arguments)
    return str(error.value)


@pytest.fixture(autouse=True)
def log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = SYSTEM.simulation(1)
    frame = pd.DataFrame(PLAN, columns=["tv", "radio"])
    frame.insert(0, "date", pd.date_range("2024-01-01", periods=len(PLAN)))
    frame["outcome"] = [20 + run.step(spent) for spent in PLAN]
    frame.to_csv("spend.csv", index=False)
    return frame


def test_from_a_log_to_the_next_budget():
    said = halflife("fit", "spend.csv", "--plot", "responses.html")
    assert "120 periods up to 2024-04-29" in said
    assert "spectral radius 0." in said
    assert "halflife bandit recommend" in said
    assert "plotly" in Path("responses.html").read_text()
    first = halflife("recommend", "--budget", "15")
    assert "Recommendation 1: spend 15 of 15" in first
    assert halflife("recommend") == first
    assert "not learned from" in halflife("observe", "44.5")
    assert "Recommendation 2: keep to 15" in halflife("recommend", "--budget", "15")
    assert "Taken" in halflife("observe", "-3", "--spent", "tv=9", "--step", "2")
    assert "Taken" in halflife("observe", "-3", "--step", "2")  # told twice
    said = halflife("history")
    assert "44.5" in said
    assert "-3.0" in said
    assert "The steps are in steps.csv" in halflife("history", "-o", "steps.csv")
    assert pd.read_csv("steps.csv")["tv"].iloc[1] == 9.0
    halflife("recommend")
    assert halflife("withdraw") == "Withdrawn.\n"


def test_the_guides_log_can_be_followed():
    assert "next: halflife bandit fit try.csv" in halflife("example", "try.csv")
    assert "try.csv is there already" in complaint("example", "try.csv")
    assert "156 periods" in halflife("fit", "try.csv")
    assert "Recommendation 1" in halflife("recommend", "--budget", "700")


def test_limits_and_other_names():
    pd.read_csv("spend.csv").rename(columns={"date": "week", "outcome": "sales"}).to_csv(
        "other.csv", index=False
    )
    names = ["--date", "week", "--outcome", "sales", "--channels", "tv, radio"]
    rails = ["--limit", "tv=2:3", "--max-change", "2.0", "--exploration", "0", "--lags", "4"]
    halflife("fit", "other.csv", *names, *rails, "--state", "other.db")
    said = halflife("recommend", "--budget", "12", "--state", "other.db")
    assert re.search(r"^tv +3 ", said, re.MULTILINE)


def test_a_planner_is_never_overwritten(log):
    halflife("fit", "spend.csv")
    halflife("recommend", "--budget", "15")
    assert "is a planner already, with 1 recommendations" in complaint("fit", "spend.csv")
    log.rename(columns={"radio": "web"}).to_csv("other.csv", index=False)
    assert "a planner of tv, radio, and the log has tv, web" in complaint("fit", "other.csv")
    assert "Recommendation 1" in halflife("recommend")


def test_a_second_writer_is_told_to_wait():
    halflife("fit", "spend.csv")
    with Planner.open("bandit.db"):
        assert "open in another process" in complaint("recommend", "--budget", "5")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["recommend", "--budget", "5"], "There is no planner in bandit.db"),
        (["observe", "5"], "There is no planner in bandit.db"),
        (["fit", "none.csv"], "There is no file none.csv"),
        (["fit", "spend.csv", "--outcome", "sales"], "no column 'sales' for the outcome"),
        (["fit", "spend.csv", "--limit", "tv"], "'tv' is no limit; write channel=least:largest"),
        (["fit", "spend.csv", "--limit", "web=0:1"], "limits names the channel 'web'"),
        (["simulate", "none.db"], "There is no planner in none.db"),
        (["simulate", "--agents", "LinUBC"], "no agent 'LinUBC'; did you mean 'LinUCB'?"),
        (["simulate", "synthetic", "--budget", "-1"], "less than the lower limits"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, said):
    assert said in complaint(*arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["observe", "5"], "No recommendation waits for an outcome"),
        (["recommend", "--budget", "-5"], "budget must be a number in"),
        (["withdraw"], "none can be withdrawn"),
    ],
)
def test_a_step_out_of_turn_is_one_sentence(arguments, said):
    halflife("fit", "spend.csv")
    assert said in complaint(*arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["observe", "nan"], "must be a finite number, got nan"),
        (["observe", "5", "--spent", "tv"], "'tv' is no spend; write channel=amount"),
        (["observe", "5", "--spent", "tv=-1"], "the spend on 'tv' must be a number in"),
    ],
)
def test_an_outcome_that_is_none_is_still_awaited(arguments, said):
    halflife("fit", "spend.csv")
    halflife("recommend", "--budget", "5")
    assert said in complaint(*arguments)
    assert "Taken" in halflife("observe", "5")


def test_agents_are_compared_on_a_system():
    said = halflife(
        "simulate", "synthetic", "--rounds", "2000", "--seeds", "3", "--agents", "HoldUCB,AR2,Exp3K"
    )
    assert "best constant spend [1.0, 0.5, 0.0], which pays 0.8125 a round" in said
    assert re.search(r"^HoldUCB +[\d.]+ % ", said, re.MULTILINE)
    assert "plotly" in Path("regret.html").read_text()


def test_agents_are_compared_on_the_system_of_a_log():
    halflife("fit", "spend.csv")
    said = halflife("simulate", "bandit.db", "--rounds", "500", "--seeds", "2", "--budget", "10")
    assert "best constant spend [10.0, 0.0]" in said
