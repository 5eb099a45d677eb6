"""Pieces of work for several threads, PyTorch's or ours."""

import os
import subprocess
import sys
import threading

import pytest

from halflife import threads
from halflife.threads import together


@pytest.fixture(params=["PyTorch's", "ours"])
def kind(request, monkeypatch):
    if request.param == "ours":
        monkeypatch.setattr(threads, "_openmp", lambda: None)
    elif threads._openmp() is None:
        pytest.skip("this PyTorch does not compute with GNU OpenMP")
    return request.param


@pytest.mark.parametrize("count", [1, 2, 5])
def test_all_pieces_are_taken_once(kind, count):
    pieces, taken = iter(range(1000)), []

    def work():
        taken.extend(pieces)

    for _ in range(3):
        together(work, count)
    assert sorted(taken) == list(range(1000))


def test_several_threads_work_at_once(kind):
    meeting, seen = threading.Barrier(2), set()

    def work():
        meeting.wait(timeout=30)  # nobody comes here alone
        seen.add(threading.get_ident())

    together(work, 2)
    assert len(seen) == 2
    assert threading.get_ident() in seen


def test_an_error_in_any_thread_is_raised(kind):
    here = threading.get_ident()

    def work():
        if threading.get_ident() != here:
            raise ValueError("elsewhere")

    with pytest.raises(ValueError, match="elsewhere"):
        together(work, 2)


def test_an_interrupt_ends_the_work(kind):
    def work():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        together(work, 1)
    with pytest.raises(KeyboardInterrupt):
        together(work, 2)


FORK = """
import os, sys, torch
from halflife import threads

if sys.argv[1] == "ours":
    threads._openmp = lambda: None
threads.together(lambda: None, 2)
torch.ones(100_000).sum()
child = os.fork()
pieces, taken = iter(range(100)), []
threads.together(lambda: taken.extend(pieces), 2)
right = sorted(taken) == list(range(100))
if child == 0:
    os._exit(not right)
sys.exit(not right or os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_has_threads_of_its_own(kind):
    subprocess.run([sys.executable, "-c", FORK, kind], check=True, timeout=60)


def test_pytorch_is_not_imported_for_its_threads():
    code = """
import sys
from halflife.threads import together
together(lambda: None, 2)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
