"""Documentation is code: its examples run, and it speaks of everything that is public."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import typer

from halflife import schedules
from halflife.cli import app
from halflife.cli_schedules import _makes_a_schedule
from halflife.lab.plan import Plan
from halflife.papers import get, papers

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text() for page in PAGES)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    pytest.param(code, id=f"{page.name}-{at}")
    for page in PAGES
    for at, (kind, code) in enumerate(BLOCK.findall(page.read_text()))
    if kind == "python"
]


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_examples_run(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "example", "exec"), {"__name__": "example"})


@pytest.fixture
def contributed(tmp_path):
    """The paper of CONTRIBUTING in a file of its own."""
    (code,) = [
        code
        for kind, code in BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text())
        if kind == "python"
    ]
    path = tmp_path / "my_paper.py"
    path.write_text(code)
    return path


def test_the_claim_of_contributing_takes_thirty_lines_and_its_trials_run(contributed):
    code = contributed.read_text()
    assert len(code[code.index("def fit") :].splitlines()) <= 30
    claim = get(str(contributed))["linear-beats-constant"]
    for scale in claim.scales:
        plan = Plan(claim, scale, claim.study(scale))
        plan.rehearse()
        trial = plan.next_trials()[0]
        metrics = plan.study.trial(**trial.parameters, seed=trial.seed)
        assert set(plan.study.rule.metrics) <= set(metrics)


@pytest.mark.slow
def test_the_claim_of_contributing_runs_to_a_verdict(contributed):
    done = subprocess.run(
        [sys.executable, "-m", "halflife", "run", str(contributed), "--scale", "smoke"],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "linear-decay/linear-beats-constant" in done.stdout


@pytest.mark.parametrize(
    "family",
    [
        *("schedules", "optim", "optim.diagnostics", "attention", "bandits"),
        *(
            "models",
            "strings",
            "strings.lattice",
            "strings.loop",
            "strings.local",
            "workloads",
            "lab",
        ),
    ],
)
def test_every_public_name_is_in_the_docs(family):
    names = import_module(f"halflife.{family}").__all__
    assert [name for name in names if not re.search(rf"\b{name}\b", TEXT)] == []


def test_every_paper_and_command_is_in_the_docs():
    commands = typer.main.get_command(app).commands
    words = [f"halflife {name}" for name in commands] + [f"`{slug}`" for slug in papers()]
    assert [word for word in words if word not in TEXT] == []


def test_every_claim_is_in_the_notebook():
    notebook = (ROOT / "docs" / "notebook.md").read_text()
    claims = [name for paper in papers().values() for name in paper.claims]
    assert [name for name in claims if name not in notebook] == []


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_schedule_is_in_the_picture_as_it_is_now(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    drawing = import_module("draw_schedules")
    now, then = drawing.draw(), drawing.PICTURE.read_text()
    number = re.compile(r"\d+(?:\.\d+)?")
    assert number.sub("", now) == number.sub("", then)
    np.testing.assert_allclose(
        *(np.array(number.findall(picture), float) for picture in (now, then)), atol=0.11
    )  # another processor may round another digit
    drawn = " ".join(drawing.SCHEDULES)
    public = {name: getattr(schedules, name) for name in schedules.__all__}
    names = [name for name, value in public.items() if _makes_a_schedule(value)]
    assert len(names) > 10
    assert [name for name in names if f"{name}(" not in drawn] == []
