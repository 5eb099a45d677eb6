"""The command line as a person meets it: what works, in a process of its own; mistakes, here."""

import json
import os
import re
import subprocess
import sys

import pytest
import torch
from sqlalchemy import create_engine, text

from halflife.cli import main

PAPER = '''
from datetime import date
from halflife.lab import Paper, Study, holds

paper = Paper("mine", "Mine", ("Me",), "0000.00000", date(2020, 1, 1), "My paper.")

def measure(*, x, seed):
    if x == BAD:
        raise RuntimeError("x is bad")
    return {"violation": 0.0}

@paper.claim(where="Section 1", scales=("smoke",))
def zero(scale):
    """Nothing is violated."""
    return Study(trial=measure, rule=holds("violation", 0.0), grid={"x": (1, 2)}, seeds=range(2))

@paper.claim(where="Section 2", scales=("smoke",))
def zero_too(scale):
    """Nothing is violated here either."""
    return Study(trial=measure, rule=holds("violation", 0.0), grid={"x": (1,)}, seeds=range(2))
'''


def halflife(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "halflife", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )


@pytest.fixture
def here(monkeypatch, capsys):
    """A function that calls the command in this process; its exit status, and what it says."""

    def call(*arguments, **environment):
        capsys.readouterr()
        with monkeypatch.context() as changed:
            changed.setattr(sys, "argv", ["halflife", *arguments])
            for name, value in environment.items():
                changed.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main()
        return ended.value.code, *capsys.readouterr()

    return call


@pytest.fixture
def complaint(here):
    """What is said of a mistake: one line, exit status 2, nothing else."""

    def call(*arguments, **environment):
        status, _, said = here(*arguments, **environment)
        assert status == 2, said
        assert said.count("\n") == 1, said
        assert "Traceback" not in said
        return said.strip()

    return call


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The paper in a file, where the command finds what it ran, and how that run ended."""
    folder = tmp_path_factory.mktemp("ran")
    path = folder / "mine.py"
    path.write_text(PAPER.replace("BAD", "None"))
    where = {"HALFLIFE_HOME": str(folder), "HALFLIFE_DB": f"sqlite:///{folder / 'ran.db'}"}
    done = halflife("run", str(path), "--scale", "smoke", "--workers", "1", **where)
    assert done.returncode == 0, done
    return str(path), where, done


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PAPER.replace("BAD", "None"))
    return str(path)


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text(PAPER.replace("BAD", "2"))
    return str(path)


def loaded_by(code):
    script = f"import sys; {code}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {"torch", "numpy", "scipy", "pandas", "sqlalchemy", "plotly", "sklearn"}


def test_importing_halflife_loads_nothing_heavy():
    assert not HEAVY & loaded_by("import halflife")


def test_help_loads_nothing_heavy():
    assert not HEAVY & loaded_by(
        "from typer.testing import CliRunner; from halflife.cli import app;"
        "assert 'Papers you can run' in CliRunner().invoke(app, ['--help']).output"
    )


def test_listing_the_papers_does_not_load_torch():
    assert "torch" not in loaded_by("from halflife.papers import papers; papers()")


def test_the_lab_loads_statistics_when_it_judges():
    assert not {"torch", "scipy.stats", "plotly"} & loaded_by("import halflife.lab")


def test_papers_are_listed():
    done = halflife("papers")
    assert done.returncode == 0
    assert "REX: Revisiting Budgeted Training" in done.stdout


def test_show_tells_what_a_paper_claims_and_what_came_of_it(ran):
    path, where, _ = ran
    said = halflife("show", path, **where).stdout
    for part in ("Mine", "My paper.", "Section 1", "Nothing is violated.", "✓ supported at smoke"):
        assert part in said


def test_run_ends_with_a_table_of_verdicts(ran):
    *_, done = ran
    assert "mine/zero " in done.stdout
    assert "mine/zero-too" in done.stdout
    assert "supported" in done.stdout


def test_run_can_be_told_one_claim(mine):
    done = halflife("run", mine, "--scale", "smoke", "--claim", "zero-too")
    assert done.returncode == 0
    assert "mine/zero-too" in done.stdout
    assert "mine/zero " not in done.stdout


def test_a_trial_that_raises_is_shown_and_the_command_ends_with_status_1(broken):
    done = halflife("run", broken, "--scale", "smoke")
    assert done.returncode == 1
    assert "inconclusive" in done.stdout
    assert "mine/zero-too" in done.stdout
    assert "RuntimeError: x is bad" in done.stderr
    assert "2 trials of mine/zero failed" in done.stderr
    assert re.search(r"The last one, x=2, seed=[01]:", done.stderr)


def test_verdicts_are_there_for_programs(ran):
    _, where, _ = ran
    assert json.loads(halflife("verdicts", "--json").stdout)["findings"] == []
    found = json.loads(halflife("verdicts", "--json", **where).stdout)["findings"]
    assert {f["claim"] for f in found} == {"zero", "zero-too"}
    assert {f["verdict"]["outcome"] for f in found} == {"supported"}
    assert "There are no verdicts yet" not in halflife("verdicts", **where).stdout


def test_no_verdicts_yet_says_how_to_make_some():
    assert "halflife run --scale smoke" in halflife("verdicts").stdout


@pytest.mark.parametrize("suffix", ["html", "md", "json"])
def test_a_report_is_written(ran, tmp_path, suffix):
    mine, where, _ = ran
    path = tmp_path / "out" / f"report.{suffix}"
    assert halflife("report", mine, "-o", str(path), **where).returncode == 0
    assert "Nothing is violated here either." in path.read_text() or suffix == "json"
    assert halflife("report", "-o", str(path), **where).returncode == 0
    assert "REX: Revisiting" in path.read_text() or suffix == "json"
    assert "zero-too" in path.read_text()  # what the store holds is shown, whoever's paper it is


def test_the_doctor_names_what_is_missing_and_what_it_would_unlock(here):
    said = halflife("doctor").stdout
    for part in ("cores", "GiB", "torch", "GPU", "extra llm", "pip install 'halflife[video]'"):
        assert part in said
    _, said, _ = here("doctor", HALFLIFE_DB="postgresql://me@127.0.0.1:1/x")
    assert "cannot be opened" in said


def test_a_mistake_ends_a_process_with_one_sentence_and_status_2():
    done = halflife("run", "rx")
    assert done.returncode == 2
    assert done.stderr == "There is no paper 'rx'; did you mean 'rex'?\n"


def test_unknown_names_suggest_the_nearest(mine, complaint):
    assert complaint("run", "rx") == "There is no paper 'rx'; did you mean 'rex'?"
    assert complaint("show", "rexx") == "There is no paper 'rexx'; did you mean 'rex'?"
    assert complaint("run", mine, "--claim", "zeor", "--scale", "smoke").endswith("'zero'?")
    assert complaint("run", mine, "--scale", "smok").endswith("did you mean 'smoke'?")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card here")
@pytest.mark.parametrize("paper", ["refinement", "rewarm"])
def test_the_gpu_scale_without_a_card_is_one_sentence_and_nothing_runs(paper, here, complaint):
    said = complaint("run", paper, "--scale", "gpu")
    assert said.startswith("The gpu scale needs a card, and PyTorch ")
    assert said.endswith("or take --scale laptop.")
    assert json.loads(here("verdicts", "--json")[1])["findings"] == []


def test_a_scale_that_a_claim_has_not_is_one_sentence(mine, complaint):
    said = complaint("run", mine, "--claim", "zero", "--scale", "gpu")
    assert said == "The claim mine/zero has no gpu scale; it has: smoke."
    said = complaint("run", mine, "--scale", "gpu")
    assert said == f"No claim of {mine} has a gpu scale; there is: smoke."


def test_a_claim_without_its_paper_is_one_sentence(complaint):
    assert "Say which paper" in complaint("run", "--claim", "zero")


def test_a_store_that_cannot_be_used_is_one_sentence(tmp_path, complaint):
    said = complaint("verdicts", HALFLIFE_DB="postgresql://me:secret@127.0.0.1:1/x")
    assert "cannot be opened" in said
    assert "secret" not in said
    (tmp_path / "file").touch()
    assert "set HALFLIFE_HOME" in complaint("verdicts", HALFLIFE_HOME=str(tmp_path / "file"))


def test_a_store_of_a_newer_version_is_one_sentence(home, here, complaint):
    assert here("verdicts")[0] == 0
    engine = create_engine(f"sqlite:///{home / 'halflife.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    assert "newer Halflife" in complaint("verdicts")


def test_files_that_hold_no_paper_are_one_sentence(tmp_path, complaint):
    assert complaint("run", str(tmp_path / "none.py")).startswith("There is no file")
    empty, wrong = tmp_path / "empty.py", tmp_path / "wrong.py"
    empty.write_text("")
    wrong.write_text("1 / 0")
    assert "holds no paper" in complaint("run", str(empty))
    assert "cannot be imported: ZeroDivisionError" in complaint("run", str(wrong))


def test_a_report_of_an_unknown_kind_is_one_sentence(tmp_path, complaint):
    assert ".html" in complaint("report", "-o", str(tmp_path / "report.pdf"))
