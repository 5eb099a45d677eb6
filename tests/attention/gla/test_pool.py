"""Memory that comes back: never while somebody may read it, and no more of it than agreed."""

import threading
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from halflife.attention import gla
from halflife.attention.gla import pool

from .instances import make

SIDE = 1024  # of a float32 matrix of 4 MiB


@pytest.fixture(autouse=True)
def _nothing_waits():
    pool._idle.clear()


def waiting() -> int:
    return sum(piece.nbytes for pieces in pool._idle.values() for piece in pieces)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.uint8])
def test_a_tensor_like_any_other(dtype):
    x = pool.empty((3, SIDE, SIDE), dtype)
    assert (x.shape, x.dtype, x.is_contiguous()) == ((3, SIDE, SIDE), dtype, True)
    assert not x._is_view()  # autograd may change it in place
    assert x.data_ptr() % 64 == 0
    assert torch.equal(x.fill_(2), torch.full_like(x, 2))


def test_memory_comes_back_when_the_last_tensor_on_it_is_gone():
    x = pool.empty((SIDE, SIDE), torch.float32)
    where, part = x.data_ptr(), x[5:]
    del x
    assert waiting() == 0  # `part` still reads it
    assert pool.empty((SIDE, SIDE), torch.float32).data_ptr() != where
    del part
    again = [pool.empty((SIDE // 2, SIDE), torch.float64) for _ in range(2)]  # as many bytes
    assert where in [x.data_ptr() for x in again]
    assert waiting() == 0


def test_small_ones_are_not_kept():
    x = pool.empty((64,), torch.float32)
    del x
    assert waiting() == 0


def test_no_more_waits_than_agreed(monkeypatch):
    monkeypatch.setattr(pool, "MOST", 10 << 20)
    held = [pool.empty((SIDE, SIDE), torch.float32) for _ in range(5)]
    places = [x.data_ptr() for x in held]
    while held:
        del held[0]
    assert waiting() == 8 << 20  # the two that came last
    assert {pool.empty((SIDE, SIDE), torch.float32).data_ptr()} < set(places[-2:])


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(1, 4)), max_size=40))
def test_no_two_living_tensors_share_memory(steps):
    held = []
    for take, number in steps:
        if take or not held:
            x = pool.empty((number, 1 << 20), torch.uint8).fill_(len(held))
            held.append((x, len(held)))
        else:
            held.pop(number % len(held))
    assert all(bool((x == value).all()) for x, value in held)
    spans = sorted((x.data_ptr(), x.data_ptr() + x.nbytes) for x, _ in held)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_threads_take_and_give_back_at_once():
    wrong = []

    def work(value: int) -> None:
        for _ in range(200):
            x = pool.empty((1 << 20,), torch.uint8).fill_(value)
            if int(x[0]) != value or int(x[-1]) != value:
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert waiting() <= 8 << 20  # each holds its last one while it takes the next


@pytest.mark.parametrize("backend", ["torch", "cpu"])
def test_a_result_is_not_overwritten_by_the_next_call(backend):
    problem = make(0, T=1100, H=4, K=64, V=64).to(torch.float32)  # 1.1 MiB each
    first, _ = problem.run(backend)
    kept = first.clone()
    problem.with_(v=problem.v + 1).run(backend)
    assert torch.equal(first, kept)


@pytest.mark.parametrize("backend", ["torch", "cpu"])
def test_results_may_be_changed_in_place_under_autograd(backend):
    problem = make(0, T=1100, H=4, K=64, V=64, state=False).to(torch.float32)
    q = problem.q.clone().requires_grad_()
    o = gla(q, problem.k, problem.v, problem.g, backend=backend)
    o.mul_(2)
    o.sum().backward()
    assert q.grad is not None
    q.grad.zero_()
