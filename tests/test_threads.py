"""Pieces of compiled work for several threads, PyTorch's or ours."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch  # noqa: F401  whose threads are looked for

from halflife import threads
from halflife.threads import shared

PIECES = 1000
EDGES = np.arange(PIECES + 1) * 3


@shared()
def count(worker, low, high, taken, of_worker, effort):
    """Count what is taken; some work besides, so that others come to take something too."""
    for i in range(low, high):
        for _ in range(effort):
            taken[i] += 1
        of_worker[worker] += 1


@pytest.fixture(params=["PyTorch's", "ours"])
def kind(request, monkeypatch):
    if request.param == "ours":
        monkeypatch.setattr(threads, "_openmp", lambda: 0)
    elif not threads._openmp():
        pytest.skip("this PyTorch does not compute with GNU OpenMP")
    return request.param


@pytest.mark.parametrize("number", [1, 2, 5])
def test_all_pieces_are_taken_once(kind, number):
    for _ in range(3):
        taken, of_worker = np.zeros(3 * PIECES, np.int64), np.zeros(number, np.int64)
        count(EDGES, number, taken, of_worker, 7)
        assert (taken == 7).all()
        assert of_worker.sum() == 3 * PIECES  # so no two had one number


def test_no_pieces_are_no_work(kind):
    taken = np.zeros(1, np.int64)
    count(np.zeros(1, np.int64), 2, taken, taken, 1)
    assert taken[0] == 0


@shared()
def meet(worker, low, high, here):
    """Wait until another thread is here too."""
    here[worker] = 1
    for _ in range(100_000_000):
        threads._take(here, 3)  # so that the others' entries are looked at again
        if here[0] + here[1] == 2:
            here[2] = 1
            break


def test_several_threads_work_at_once(kind):
    here = np.zeros(4, np.int64)
    meet(np.arange(3), 2, here)
    assert here[:3].tolist() == [1, 1, 1]


FORK = """
import os, sys
import numpy as np
import torch
from test_threads import EDGES, count, threads

def right():
    taken = np.zeros(EDGES[-1], np.int64)
    count(EDGES, 2, taken, np.zeros(2, np.int64), 7)
    return bool((taken == 7).all())

if sys.argv[1] == "ours":
    threads._openmp = lambda: 0
before = right()
torch.ones(100_000).sum()
child = os.fork()
after = right()
if child == 0:
    os._exit(not after)
sys.exit(not (before and after) or os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_has_threads_of_its_own(kind):
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    code = [sys.executable, "-c", FORK, kind]
    subprocess.run(code, check=True, timeout=120, env=os.environ | {"PYTHONPATH": path})


WITHOUT_PYTORCH = """
import sys
import numpy as np
from halflife.threads import shared

@shared()
def mark(worker, low, high, taken):
    for i in range(low, high):
        taken[i] += 1

taken = np.zeros(30, np.int64)
mark(np.arange(11) * 3, 2, taken)
assert (taken == 1).all()
assert "torch" not in sys.modules
"""


def test_pytorch_is_not_imported_for_its_threads():
    subprocess.run([sys.executable, "-c", WITHOUT_PYTORCH], check=True, timeout=120)
