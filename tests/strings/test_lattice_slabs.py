"""Slabs over real processes, started by torchrun."""

import os
import subprocess
import sys

import pytest

from halflife.strings.lattice import Grid, Slabs
from halflife.strings.lattice.__main__ import main

OPTIONS = ["--shape", "22", "18", "14"]


def alone(path, *more):
    assert main([*OPTIONS, "--checkpoint", str(path), *more]) == 0


def together(ranks, path, *more):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", str(ranks), "-m", "halflife.strings.lattice", *OPTIONS]
    done = subprocess.run(
        [*command, "--checkpoint", str(path), *more],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def energy(text):
    (line,) = [line for line in text.splitlines() if line.startswith("energy")]
    return line.split(",")[0]


@pytest.mark.parametrize("engine", ["numba", pytest.param("eager", marks=pytest.mark.slow)])
def test_two_processes_give_the_bits_of_one_and_one_goes_on_from_them(engine, tmp_path, capsys):
    one, two = tmp_path / "one", tmp_path / "two"
    said = together(2, two, "--steps", "20", "--engine", engine)
    alone(one, "--steps", "20")
    assert energy(said) == energy(capsys.readouterr().out)
    assert one.read_bytes() == two.read_bytes()
    for path in (one, two):
        alone(path, "--steps", "30", "--engine", "eager")
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.slow
def test_three_processes_go_on_from_one_with_an_integrator_of_many_sweeps(tmp_path):
    options = ("--dtype", "float64", "--integrator", "yoshida6", "--dt", "0.1")
    one, three = tmp_path / "one", tmp_path / "three"
    alone(one, *options, "--steps", "40")
    alone(three, *options, "--steps", "20")
    together(3, three, *options, "--steps", "40")
    assert one.read_bytes() == three.read_bytes()


def test_slabs_without_processes_are_refused():
    with pytest.raises(RuntimeError, match="start by torchrun"):
        Slabs(Grid((8, 8), 0.5))


def test_a_run_that_cannot_be_ends_with_a_sentence(tmp_path, capsys):
    assert main([*OPTIONS, "--dt", "1"]) == 2
    assert "dt=1 is unstable" in capsys.readouterr().err
    alone(tmp_path / "run", "--steps", "2")
    assert main(["--shape", "8", "8", "--checkpoint", str(tmp_path / "run")]) == 2
    assert "is of another run: shape was [22, 18, 14]" in capsys.readouterr().err
