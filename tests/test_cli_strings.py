"""`halflife strings`, in this process."""

import json
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from halflife.cli import app
from halflife.errors import HalflifeError


def halflife(*arguments):
    done = CliRunner().invoke(app, ["strings", *map(str, arguments)])
    if isinstance(done.exception, HalflifeError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return re.sub(r"\s+", " ", done.output)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--carriers", 1e4], "✗ It falls apart: no barrier holds the last carriers"),
        (["--carriers", 1e6], "✗ It decays: its carriers tunnel away in 10^27.6 to 10^29.5/(√λ v)"),
        (["--carriers", 1e9], "✓ It lasts: its carriers stay for"),
        (["--carriers", 1e9, "--into", 0.01], "✗ It decays: its carriers go into the particle"),
        (["--carriers", 1e9, "--into", 0.5], "✓ It lasts"),
        (["--carriers", 1e9, "--into", 50], "ever (heavier than k_F)"),
        (["--carriers", 1e6, "--scale", 1e12], "exponent 60.43 (thin core: 63.25); 10^-8"),
        (["--yukawa", 0.1], "thinner than 1/m: no limit"),
    ],
)
def test_is_it_stable(options, said):
    assert said in halflife("vorton", *options)


def test_what_would_last():
    said = halflife("vorton", "--carriers", 1e4)
    assert "a vorton lasts from 2.5e+06 carriers on" in said
    assert "1.6 times the energy up to which" in said
    assert "It lasts" in halflife("vorton", "--carriers", 2.5e6)
    assert "take a larger y" in halflife("vorton", "--yukawa", 1e-10)


def test_as_json():
    options = ["--carriers", 1e9, "--into", 0.2, "--into", 50, "--json", "--scale", 1e9]
    found = json.loads(halflife("vorton", *options))
    assert found["verdict"] == "lasts"
    assert found["R"] == pytest.approx(3.663e7, rel=1e-3)
    assert [channel["mass"] for channel in found["decays"]] == [0.2, 50]
    assert found["decays"][1]["shortest"] is None  # never
    assert found["carriers_to_last"] < 1e7
    states = json.loads(halflife("modes", "--json", "--levels", 2, "--momenta", 0))["states"]
    assert states[0]["M/m"][0] == 0.0


def test_modes():
    said = halflife("modes", "--mass", 0.02)
    assert "One zero mode runs along the string" in said
    assert "0 attracted 0.000000 0.942809 0.979796 0.989743" in said
    assert "3 zero modes, l = 0 … 2, run" in halflife("modes", "--winding", 3, "--momenta", 1)


def test_plots():
    assert "The plot is in sub/modes.html" in halflife("modes", "--plot", "sub/modes.html")
    assert "angular momentum l" in Path("sub/modes.html").read_text()
    halflife("modes", "--winding", 2, "--plot", "two.html", "--levels", 2, "--momenta", 0)
    halflife("vorton", "--plot", "life.html", "--scale", 1e10)
    assert "age of the Universe" in Path("life.html").read_text()
    only = CliRunner().invoke(app, ["strings", "modes", "--json", "--plot", "again.html"])
    assert json.loads(only.stdout)["winding"] == 1  # a program reads nothing else


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["vorton", "--carriers", 100], r"below 20 its core is no thin string. Take N ≥ 266"),
        (["vorton", "--lam", 20], "lam must be a number in .* perturbative"),
        (["vorton", "--yukawa", 0], "y must be a number in"),
        (["vorton", "--scale", 1e20], "none is above Planck's"),
        (["vorton", "--into", -1], "mass must be a number in"),
        (["vorton", "--into", 1, "--mixing", 0], "mixing must be a number in"),
        (["modes", "--mass", 0], "mass must be a number in"),
        (["modes", "--winding", 0], "n must be a whole number from 1 to 10"),
        (["modes", "--levels", 0], "count must be a whole number from 1"),
        (["modes", "--plot", "/proc/none/modes.html"], "cannot be written"),
        (["modes", "--plot", "modes.png"], "modes.png must end in .html"),
        (["vorton", "--plot", "life.png"], "life.png must end in .html"),
        (["vorton", "--mixing", 1e-3], "--mixing is how carriers mix with --into MASS"),
        (["vorton", "--yukawa", -1], "^--yukawa: y must be a number in"),
        (["modes", "--levels", 99], "^--levels: count must be a whole number from 1 to 20"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, said):
    with pytest.raises(HalflifeError, match=said):
        halflife(*arguments)


def test_a_loop_is_followed_and_filmed(tmp_path):
    said = halflife(
        "evolve", "--radius", 24, "--vorton-radius", 20, "--time", 70, "--film", "out.gif",
        "--strip", "out.png", "--pictures", 4, "--checkpoint", "run.npz",
    )  # fmt: skip
    assert "A loop of radius 24 with a current that would hold it at 20" in said
    assert "It turned at 17.2" in said
    assert "were Goldstone bosons. The carriers stayed within 0." in said
    assert "φ₁ changed sign 1 time in its plane." in said
    assert "box 59, nothing could be back before t = 70, ran to 70." in said
    assert "The pictures are in out.gif" in said
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {"out.gif", "out.png", "run.npz"}


def test_a_loop_without_a_current_is_gone():
    said = halflife("evolve", "--radius", 12, "--vorton-radius", 0, "--time", 40)
    assert "without a current" in said
    assert "It was gone at t = " in said


def test_a_followed_loop_as_json_and_its_cautions():
    plain = CliRunner().invoke(
        app, ["strings", "evolve", "--radius", "22", "--vorton-radius", "20", "--time", "30",
              "--box", "35", "--json"],
    )  # fmt: skip
    said = json.loads(plain.stdout)
    assert said["closure"] < 1e-3
    assert said["vanished"] is None
    assert "is longer than 2 (box − R0)" in re.sub(r"\s+", " ", plain.stderr)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--vorton-radius", 12], "vorton_radius must be a number in \\[20"),
        (["--spacing", 0.8], "h must be a number in"),
        (["--film", "out.mp4"], "must end in .gif"),
        (["--box", 50], "leaves the loop no room"),
        (["--spacing", 0.8], "^--spacing: h must be"),
        (["--radius", 1e5], r"GiB, and this machine has .* Take box of at most"),
        (["--device", "tpu"], "device must be 'cpu', 'cuda' or 'cuda:1' and so on, got 'tpu'"),
        (["--film", "/proc/none/out.gif"], "/proc/none/out.gif cannot be written"),
        (["--strip", "folder.png"], "folder.png cannot be written: it is a folder"),
        (["--checkpoint", "/proc/none/run.npz"], "/proc/none/run.npz cannot be written"),
        (["--sponge", -1], "width=-1"),
    ],
)
def test_a_loop_that_cannot_be_followed(options, says):
    Path("folder.png").mkdir()
    with pytest.raises(HalflifeError, match=says):
        halflife("evolve", *options)


def test_a_stopped_run_goes_on_where_it_was():
    run = ["evolve", "--radius", 24, "--vorton-radius", 20, "--box", 40]
    run += ["--time", 4000, "--checkpoint", "run.npz"]
    before, ended = signal.getsignal(signal.SIGINT), threading.Event()

    def press() -> None:
        while signal.getsignal(signal.SIGINT) is before and not ended.is_set():
            time.sleep(0.01)
        if not ended.is_set():
            os.kill(os.getpid(), signal.SIGINT)

    keyboard = threading.Thread(target=press)
    keyboard.start()
    try:
        done = CliRunner().invoke(app, ["strings", *map(str, run)])
    finally:
        ended.set()
        keyboard.join()
    assert done.exit_code == 130
    said = re.sub(r"\s+", " ", done.stderr)
    assert re.search(r"Stopped at t = \S+ of 4000; the same command goes on from there", said)
    assert Path("run.npz").exists()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_current_that_leaves_is_told_with_the_time_that_was_reached():
    said = halflife(
        "evolve", "--radius", 22, "--vorton-radius", 20, "--time", 30, "--mass", 100
    )  # fmt: skip
    assert "Its current left the string at t = 6, so it is no vorton" in said
    assert "before t = 30, ran to 19." in said
    assert "The carriers stayed within" not in said


def test_what_lasts_against_escape_is_not_said_to_last_against_all():
    said = halflife("vorton", "--carriers", 1e6, "--into", 0.1)
    assert "Against escape alone, with these couplings a vorton lasts from 2.5e+06" in said
