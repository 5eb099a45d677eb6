"""Checkpoints: whole at any moment, the same bits afterwards, on any engine."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from halflife.strings.lattice import CheckpointError, Field, Grid, evolve, load, restore, save
from halflife.strings.lattice.__main__ import main

GRID = Grid((12, 10), 0.5, edges=("outgoing", "fixed"))


def made(grid=GRID, engine="eager", dtype=torch.float32):
    rng = np.random.default_rng(0)
    return Field(grid, rng.normal(size=(2, *grid.shape)) * 0.5, engine=engine, dtype=dtype)


def test_a_field_that_runs_away_is_never_kept(tmp_path):
    path = tmp_path / "run.field"
    field = made()
    run = evolve(field, 0.1, 200, checkpoint=path)
    assert next(run).step == 2
    field.padded[0, 5, 5] = torch.nan
    with pytest.raises(ValueError, match="go back to a checkpoint"):
        next(run)
    again = made()
    assert restore(path, again) == 2
    assert again.padded.isfinite().all()


@pytest.mark.parametrize("rates", [None, [np.linspace(0, 1, 12), None]], ids=["free", "damped"])
def test_a_field_that_runs_away_is_noticed_soon(rates):
    field = made()
    run = evolve(field, 0.1, 200, rates=rates)
    assert next(run).step == 2
    field.padded[0, 5, 5] = torch.nan
    reached = []
    with pytest.raises(ValueError, match="φ is not finite"):
        reached.extend(at.step for at in run)
    assert max(reached, default=2) < 2 + 16


def assert_same_bits(one, two):
    assert torch.equal(one.padded, two.padded)
    assert torch.equal(one.velocity, two.velocity)
    assert one.lag == two.lag


@pytest.mark.parametrize("rates", [None, [np.linspace(0, 1, 12), None]], ids=["free", "damped"])
@pytest.mark.parametrize("engines", [("eager", "eager"), ("numba", "eager"), ("eager", "numba")])
def test_a_run_that_stopped_goes_on_to_the_same_bits(engines, rates, tmp_path):
    path = tmp_path / "deep" / "run.field"
    whole = made(engine=engines[0])
    *_, last = evolve(whole, 0.1, 40, rates=rates, every=10)
    stopped = made(engine=engines[0])
    for at in evolve(stopped, 0.1, 40, rates=rates, every=10, checkpoint=path):
        if at.step == 20:
            break
    assert load(path).step == 20
    again = made(engine=engines[1])
    words = list(evolve(again, 0.1, 40, rates=rates, every=10, checkpoint=path))
    assert [word.step for word in words] == [30, 40]
    assert_same_bits(whole, again)
    assert words[-1].absorbed == pytest.approx(last.absorbed, rel=1e-14)


@pytest.mark.parametrize("integrator", ["yoshida4", "stoermer"])
def test_other_integrators_go_on_too(integrator, tmp_path):
    path = tmp_path / "run.field"
    grid = Grid((12, 10), 0.5, edges=("periodic", "fixed"))
    options = {"integrator": integrator, "every": 7}
    whole, stopped, again = (made(grid, dtype=torch.float64) for _ in range(3))
    list(evolve(whole, 0.1, 30, **options))
    next(evolve(stopped, 0.1, 30, checkpoint=path, **options))
    list(evolve(again, 0.1, 30, checkpoint=path, **options))
    assert_same_bits(whole, again)


def test_a_finished_run_may_be_asked_again_and_made_longer(tmp_path):
    path = tmp_path / "run.field"
    first, second, longer, whole = (made() for _ in range(4))
    list(evolve(first, 0.1, 20, checkpoint=path))
    assert list(evolve(second, 0.1, 20, checkpoint=path)) == []
    assert_same_bits(first, second)
    list(evolve(longer, 0.1, 30, checkpoint=path))
    list(evolve(whole, 0.1, 30))
    assert_same_bits(longer, whole)


def test_a_process_that_is_killed_loses_nothing_it_had_written(tmp_path):
    """SIGKILL again and again while it writes all the time; the last run ends as one in one go."""
    path, clean = tmp_path / "run.field", tmp_path / "clean.field"
    options = ["--shape", "40", "40", "40", "--steps", "100", "--every", "1", "--engine", "eager"]
    command = [sys.executable, "-m", "halflife.strings.lattice", *options, "--checkpoint"]
    for wanted in (1, 40):
        with subprocess.Popen([*command, str(path)], stdout=subprocess.DEVNULL) as run:
            while not path.exists() or load(path).step < wanted:
                assert run.poll() is None, "the run ended before it could be killed"
                time.sleep(0.002)
            run.send_signal(signal.SIGKILL)
            assert run.wait() == -signal.SIGKILL
        assert wanted <= load(path).step < 100  # what is there is whole
    for target in (path, clean):
        assert main([*options, "--checkpoint", str(target)]) == 0
    assert path.read_bytes() == clean.read_bytes()


def test_another_run_is_refused_by_what_differs(tmp_path):
    path = tmp_path / "run.field"
    list(evolve(made(), 0.1, 10, checkpoint=path))
    with pytest.raises(CheckpointError, match=r"dt was 0\.1 and is 0\.05"):
        list(evolve(made(), 0.05, 20, checkpoint=path))
    with pytest.raises(CheckpointError, match=r"dtype was 'torch\.float32'"):
        restore(path, made(dtype=torch.float64))
    with pytest.raises(CheckpointError, match=r"shape was \[12, 10\] and is \[12, 12\]"):
        restore(path, made(Grid((12, 12), 0.5, edges=("outgoing", "fixed"))))
    with pytest.raises(CheckpointError, match="edges was"):
        restore(path, made(Grid((12, 10), 0.5)))


def test_what_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.field"
    for content in (b"", b"hello, this is some other file", b"\x05\0\0\0\0\0\0\0[1,2]"):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="is no checkpoint of a field"):
            load(path)
    save(path, made(), 3)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(CheckpointError, match="cut short"):
        load(path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing")


def test_others_can_read_it(tmp_path):
    safetensors = pytest.importorskip("safetensors")
    path, field = tmp_path / "run.field", made()
    save(path, field, 7, {"note": "ours"})
    with safetensors.safe_open(path, "pt") as file:
        assert torch.equal(file.get_tensor("padded"), field.padded)
        assert torch.equal(file.get_tensor("velocity"), field.velocity)
        assert json.loads(file.metadata()["halflife"])["step"] == 7
    assert load(path).facts == {"note": "ours"}


def test_a_run_does_not_go_on_with_another_damping(tmp_path):
    path = tmp_path / "run.field"
    weak, strong = ([np.full(12, rate), None] for rate in (0.1, 5.0))
    list(evolve(made(), 0.1, 10, rates=weak, every=10, checkpoint=path))
    for other in (strong, [None, np.full(10, 0.1)], None):
        with pytest.raises(CheckpointError, match=r"is of another run: (rates|damped) was"):
            next(evolve(made(), 0.1, 20, rates=other, checkpoint=path))
    assert next(evolve(made(), 0.1, 20, rates=weak, every=20, checkpoint=path)).step == 20
