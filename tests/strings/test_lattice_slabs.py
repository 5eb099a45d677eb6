"""Slabs over real processes, started by torchrun."""

import os
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest

from halflife.strings.lattice import CheckpointError, Field, Grid, Slabs, evolve
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


DAMPED = """
import os, sys
import numpy as np
import torch.distributed as dist
from halflife.strings.lattice import Field, Grid, Slabs, evolve
dist.init_process_group("gloo")
slabs = Slabs(Grid((9, 8, 6), 0.5, edges="reflecting"))
x = np.linspace(0, 1, 9)
field = Field(slabs.grid, lambda x, y, z: (np.cos(x + y + z), 0 * x * y * z), slabs=slabs)
rates = [x[slabs.planes], None, np.full(6, 0.1)]
list(evolve(field, 0.1, 10, rates=rates, every=10, checkpoint=sys.argv[1]))
dist.barrier()
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_a_damped_run_of_two_processes_is_known_by_one(tmp_path):
    """By the rates of the whole box, of which each process has its own."""
    script, path = tmp_path / "damped.py", tmp_path / "run.field"
    script.write_text(DAMPED)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(script), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    grid, x = Grid((9, 8, 6), 0.5, edges="reflecting"), np.linspace(0, 1, 9)
    for first, known in ((x, True), (x[::-1], False)):
        field = Field(grid, np.zeros((2, 9, 8, 6)))
        run = evolve(field, 0.1, 20, rates=[first, None, np.full(6, 0.1)], checkpoint=path)
        with nullcontext() if known else pytest.raises(CheckpointError, match="rates was"):
            assert next(run).step == 11


def test_slabs_without_processes_are_refused():
    with pytest.raises(RuntimeError, match="start by torchrun"):
        Slabs(Grid((8, 8), 0.5))


def test_a_run_that_cannot_be_ends_with_a_sentence(tmp_path, capsys):
    assert main([*OPTIONS, "--dt", "1"]) == 2
    assert "dt=1 is unstable" in capsys.readouterr().err
    alone(tmp_path / "run", "--steps", "2")
    assert main(["--shape", "8", "8", "--checkpoint", str(tmp_path / "run")]) == 2
    assert "is of another run: shape was [22, 18, 14]" in capsys.readouterr().err
