"""The contract of docs/attention.md: how far from exact, and never NaN."""

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from .instances import BACKENDS, EXACT, FAST, FEW, TEMPERATURES, WHERE, cotangents, distance, make

LENGTH = 100 if WHERE == "interpreter" else 1024
NAMES = ("o", "state", "dq", "dk", "dv", "dg", "dinitial_state")


@cache
def rounded(seed, tau, dtype):
    """A long problem in a dtype, what its outputs are weighed by, and what is exact of it."""
    problem = make(seed, T=LENGTH, H=2, K=32, V=32, tau=tau).to(dtype)
    do, dstate = (x.to(dtype) for x in cotangents(problem))
    return problem, do, dstate, problem.to(torch.float64).gradients("reference", do, dstate)


@pytest.mark.parametrize("tau", TEMPERATURES)
@pytest.mark.parametrize("backend", FAST)
def test_errors_in_float32(backend, tau):
    problem, do, dstate, exact = rounded(0, tau, torch.float32)
    ours = problem.gradients(backend, do, dstate)
    for name, x, y in zip(NAMES, ours, exact, strict=True):
        if name == "dg":
            assert distance(x, y) < (1e-5 if tau >= 1 else 1e-2)
        elif y.abs().max() > 1e-30:  # below, a decayed state is nothing
            assert distance(x, y) < 2e-6, name


@pytest.mark.parametrize("total", [-19.9, -20.1, -79.9, -80.1])
@pytest.mark.parametrize("backend", FAST)
def test_errors_where_the_way_changes(backend, total):
    """By the sum of a chunk's gates `torch` takes one way or another; all are as close."""
    problem = make(3, T=128, H=1, K=32, V=32, tau=1.0)
    problem = problem.with_(g=torch.full_like(problem.g, total / 64)).to(torch.float32)
    do, dstate = (x.float() for x in cotangents(problem))
    ours = problem.gradients(backend, do, dstate)
    exact = problem.to(torch.float64).gradients("reference", do, dstate)
    for name, x, y in zip(NAMES, ours, exact, strict=True):
        assert distance(x, y) < (1e-5 if name == "dg" else 2e-6), name


@pytest.mark.parametrize("backend", FAST)
def test_errors_in_bfloat16_are_those_of_its_rounding(backend):
    problem, do, dstate, exact = rounded(1, 1.0, torch.bfloat16)
    ours = problem.gradients(backend, do, dstate)
    for name, x, y in zip(NAMES, ours, exact, strict=True):
        assert distance(x, y) < (2e-2 if name == "dg" and backend == "triton" else 5e-3), name


def test_the_sum_over_a_chunk_is_closer_than_that_over_all_tokens():
    """Why the gate's gradient is summed in chunks: formed from rounded dq and dk, it is useless."""
    if WHERE != "cpu":
        pytest.skip("about the formula, whatever computes it")
    problem = make(2, T=4096, H=1, K=16, V=16, tau=1.0, state=False).to(torch.float32)
    do, dstate = cotangents(problem)
    _, _, dq, dk, _, dg = problem.gradients("cpu", do, 0 * dstate)
    exact = problem.to(torch.float64).gradients("torch", do, 0 * dstate)[5]

    def whole(dq, dk):
        change = problem.q * dq - problem.k * dk
        return change.flip(1).cumsum(1).flip(1)

    ours = distance(dg, exact)
    assert distance(whole(dq, dk), exact) > 3 * ours
    rounded = (x.to(torch.bfloat16).float() for x in (dq, dk))
    assert distance(whole(*rounded), exact) > 1e-2


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=FEW)
@given(
    seed=st.integers(0, 2**16),
    T=st.integers(1, 90),
    gates=st.lists(
        st.sampled_from(
            (0.0, -1e-30, -0.04, -1.0, -4.9, -5.1, -20.0, -80.0, -104.0, -1e4, -np.inf)
        ),
        min_size=1,
        max_size=12,
    ),
)
def test_no_gate_makes_nan(backend, seed, T, gates):
    problem = make(seed, T=T, K=8, V=4)
    rng = np.random.default_rng(seed)
    g = torch.from_numpy(rng.choice(gates, size=problem.g.shape))
    problem = problem.with_(g=g).to(torch.float32)
    do, dstate = cotangents(problem)
    results = problem.gradients(backend, do.float(), dstate.float())
    assert all(x.isfinite().all() for x in results)


@pytest.mark.parametrize("backend", EXACT)
def test_nan_is_not_hidden(backend):
    problem = make(3, T=80, K=8, V=8)
    for name in ("q", "k", "v", "g"):
        bad = getattr(problem, name).clone()
        bad[0, 40, 0, 3] = torch.nan
        o, _ = problem.with_(**{name: bad}).run(backend)
        assert o[0, 40].isnan().any()
        if backend != "torch":  # whose products take the tokens of a chunk together
            assert o[:, :40].isfinite().all()
