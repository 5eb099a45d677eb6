"""The one command for all that wants a card."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]


def on_a_card(*families):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", *families],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card here")
def test_without_a_card_it_says_so_in_a_sentence_and_runs_nothing():
    done = on_a_card()
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("There is no card that PyTorch ")
    assert len(done.stderr.splitlines()) == 1


def test_a_family_that_is_not_there_gets_the_nearest():
    done = on_a_card("schedule")
    assert done.returncode == 2
    assert done.stderr == "There is no family 'schedule'; did you mean 'schedules'?\n"


def test_every_familys_benchmark_is_there(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    gpu = importlib.import_module("benchmarks.gpu")
    for place in gpu.FAMILIES.values():
        module, _, function = place.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
