"""`halflife schedule` and `halflife refine`, in this process."""

import json
import math

import pytest
from typer.testing import CliRunner

from halflife.cli import app
from halflife.cli_schedules import parse, sketch
from halflife.errors import HalflifeError
from halflife.schedules import Schedule, linear, polynomial, rex


def halflife(*arguments):
    done = CliRunner().invoke(app, list(arguments))
    if isinstance(done.exception, HalflifeError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def log(tmp_path):
    """The log of a run whose gradients shrink at first."""
    path = tmp_path / "norms.jsonl"
    rows = [{"step": s, "grad_norm": 1 + 3 * math.exp(-s / 30)} for s in range(400)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_schedules_are_drawn_here_and_in_a_file(tmp_path):
    path = tmp_path / "out" / "plot.html"
    said = halflife("schedule", "plot", "rex", "linear", "--total", "100", "-o", str(path))
    assert said.splitlines()[0].startswith("rex     █")
    assert "plotly" in path.read_text()


def test_schedules_are_explained():
    said = halflife("schedule", "explain", "rex", "polynomial:power=2", "--total", "1000")
    assert "half-life  66.7% of the run" in said
    assert "polynomial(power=2" in said


def test_a_sketch_has_a_bar_for_each_part_of_the_run():
    assert sketch(linear(), 1000, width=8) == "█▇▆▅▄▃▂▁"
    assert len(sketch(rex(), 1)) == 60


def test_a_schedule_is_named_with_its_arguments():
    assert parse("rex") == rex()
    assert parse("polynomial:power=3.5") == polynomial(3.5)


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("rx", "did you mean 'rex'"),
        ("rex:d", "'d' is no argument of rex; write name=number"),
        ("rex:d=two", "'d=two' is no argument of rex"),
        ("rex:d=2", "d must be a number in"),
        ("rex:e=2", "unexpected keyword argument 'e'"),
        ("missing.json", "There is no file missing.json"),
    ],
)
def test_a_specification_that_is_wrong_is_one_sentence(spec, complaint):
    with pytest.raises(HalflifeError, match=complaint):
        parse(spec)


def test_a_log_is_refined_into_a_schedule_and_a_plot(log, tmp_path):
    schedule, plot = tmp_path / "schedule.json", tmp_path / "plot.html"
    said = halflife("refine", str(log), "-o", str(schedule), "--plot", str(plot))
    assert "400 l2 gradient norms over 400 updates" in said
    table = Schedule.from_json(schedule.read_text()).table(400)
    assert table.max() == 1
    assert 0 < table[0] < 0.2  # large gradients at first: a warm-up
    assert table[-1] == 0
    assert "plotly" in plot.read_text()
    assert "over 100 updates" in halflife("schedule", "explain", str(schedule), "--total", "100")


def test_refining_adams_log_of_the_wrong_norm_says_so(log):
    said = halflife("refine", str(log), "--kind", "adam")
    assert "l2" in said
    assert "adam" in said


def test_what_a_column_does_not_tell_can_be_said(log):
    said = halflife("refine", str(log), "--kind", "adam", "--norm", "l1", "--total", "500")
    assert "400 l1 gradient norms over 500 updates" in said
    assert "wants ℓ1 norms" not in said
    with pytest.raises(HalflifeError, match='norm must be "l1" or "l2"'):
        halflife("refine", str(log), "--norm", "l3")
    with pytest.raises(HalflifeError, match="has a row for step 399, but total is 300"):
        halflife("refine", str(log), "--total", "300")


def test_a_log_that_cannot_be_refined_is_one_sentence(tmp_path):
    with pytest.raises(HalflifeError, match="There is no file"):
        halflife("refine", str(tmp_path / "none.jsonl"))
    (tmp_path / "wrong.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(HalflifeError):
        halflife("refine", str(tmp_path / "wrong.jsonl"))
