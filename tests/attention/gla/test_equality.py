"""Every backend gives the numbers of the reference, and the reference those of other formulas."""

import pytest
import torch
from hypothesis import given, settings

from halflife.attention.gla import chunkwise

from .instances import (
    BACKENDS,
    DEVICE,
    EXACT,
    FAST,
    FEW,
    WHERE,
    cotangents,
    distance,
    instances,
    make,
)

TINY = 1e-30  # float32 ends soon below
NAMES = ("o", "state", "dq", "dk", "dv", "dg", "dinitial_state")


def parallel(problem):
    """Section 4.2's parallel form with its decays taken as differences of logarithms."""
    q, k, v = (x.transpose(1, 2) for x in (problem.q, problem.k, problem.v))
    b = problem.g.transpose(1, 2).cumsum(-2)
    T = q.shape[2]
    decay = b.unsqueeze(-2) - b.unsqueeze(-3)
    decay = decay.masked_fill(~torch.ones(T, T, dtype=torch.bool).tril()[..., None], -torch.inf)
    P = torch.einsum("bhic,bhjc,bhijc->bhij", q, k, decay.exp())
    o = P @ v + (q * b.exp()) @ problem.initial_state
    return (o * q.shape[-1] ** -0.5).transpose(1, 2)


@pytest.mark.parametrize("tau", [16.0, 1.0, 0.05])
def test_the_recurrence_is_the_parallel_form(tau):
    problem = make(0, B=2, T=41, H=2, K=7, V=5, tau=tau)
    o, _ = problem.run("reference")
    assert distance(o, parallel(problem)) < 1e-14


def check(backend, problem, tolerance):
    """Errors are small beside the sizes of the terms whose sums the results are."""
    do, dstate = (x.to(problem.q.dtype) for x in cotangents(problem))
    ours = problem.gradients(backend, do, dstate)
    double = problem.to(torch.float64)
    exact = double.gradients("reference", do.double(), dstate.double())
    absolute = double.with_(
        **{
            name: getattr(double, name).abs()
            for name in ("q", "k", "v", "initial_state")
            if getattr(double, name) is not None
        }
    )
    sizes = absolute.gradients("reference", do.double().abs(), dstate.double().abs())
    for name, x, y, size in zip(NAMES, ours, exact, sizes, strict=False):
        assert x.dtype == problem.q.dtype
        if name == "dg":  # a sum of q dq and k dk over some tokens, and a product of states
            terms = absolute.q * sizes[2] + absolute.k * sizes[3]
            size = terms.sum((0, 1)) + (sizes[1] * dstate.abs()).sum((0, 3))
            assert ((x - y).abs() <= tolerance * size + TINY).all()
        else:
            error = (x - y).square().mean().sqrt()
            assert not x.numel() or error <= tolerance * size.square().mean().sqrt() + TINY, name


@pytest.mark.parametrize("backend", [b for b in EXACT if b != "reference"])
@settings(max_examples=FEW)
@given(problem=instances())
def test_a_backend_is_the_reference_in_float64(backend, problem):
    check(backend, problem, 1e-14)


@pytest.mark.parametrize("backend", FAST)
@settings(max_examples=FEW)
@given(problem=instances())
def test_a_backend_is_the_reference_in_float32(backend, problem):
    check(backend, problem.to(torch.float32), 2e-6)


@pytest.mark.skipif("torch" not in BACKENDS, reason="segments are those of plain torch")
@pytest.mark.parametrize("extremes", ["none", "mixed", "resets"])
@pytest.mark.parametrize("lengths", [None, (100, 0, 230, 64, 101)])
def test_sequences_of_many_segments(monkeypatch, extremes, lengths):
    monkeypatch.setattr(chunkwise, "_SEGMENT", 1)  # a chunk each
    problem = make(7, B=2, T=300, H=2, K=5, V=6, extremes=extremes, lengths=lengths)
    check("torch", problem, 1e-14)
    check("torch", problem.to(torch.float32), 2e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("layout", ["bthd", "bhtd"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_shapes_and_dtypes_of_the_results(backend, layout, reverse, dtype):
    if backend == "triton" and dtype == torch.float64:
        pytest.skip("Triton's kernels compute in float32")
    problem = make(1, B=2, T=5, H=3, K=4, V=6, state=False).to(dtype)
    exact, exact_state = problem.to(torch.float64).run("reference", reverse=reverse)
    if layout == "bhtd":
        problem = problem.with_(
            **{name: getattr(problem, name).transpose(1, 2) for name in ("q", "k", "v", "g")}
        )
        exact = exact.transpose(1, 2)
    o, state = problem.run(backend, layout=layout, reverse=reverse)
    assert (o.shape, o.dtype) == (problem.v.shape, dtype)
    assert state.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    tolerance = {torch.bfloat16: 5e-3, torch.float16: 1e-3}.get(dtype, 1e-6)
    assert distance(o, exact) < tolerance
    assert distance(state, exact_state) < 1e-6


@pytest.mark.parametrize("backend", BACKENDS)
def test_gates_may_be_wider_than_the_rest(backend):
    problem = make(2, T=80, K=16, V=16, state=False).to(torch.bfloat16)
    problem = problem.with_(g=make(2, T=80, K=16, V=16, state=False).g.float())
    o, _ = problem.run(backend)
    exact, _ = problem.to(torch.float64).run("reference")
    assert distance(o, exact) < 5e-3
    do, dstate = cotangents(problem)
    gradients = problem.gradients(backend, do, dstate)
    assert [x.dtype for x in gradients[2:]] == [torch.bfloat16] * 3 + [torch.float32]


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_tokens_give_no_output_and_the_state_back(backend):
    problem = make(3, T=0).to(torch.float32)
    do, dstate = cotangents(problem)
    o, state, *gradients = problem.gradients(backend, do, dstate)
    assert o.shape == problem.v.shape
    assert torch.equal(state, problem.initial_state)
    assert torch.equal(gradients[-1], dstate.float())


@pytest.mark.parametrize("backend", BACKENDS)
def test_strides_do_not_matter(backend):
    problem = make(4, B=2, T=20, H=3, K=8, V=16).to(torch.float32)
    o, state = problem.run(backend)
    wide = {
        name: torch.stack([getattr(problem, name)] * 2, -1)[..., 0]
        for name in ("q", "k", "v", "g", "initial_state")
    }
    strided, strided_state = problem.with_(**wide).run(backend)
    assert torch.equal(o, strided)
    assert torch.equal(state, strided_state)


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("T", "K", "V"), [(5, 3, 2), (33, 5, 9), (70, 33, 40)])
def test_equal_arguments_give_equal_bits_whatever_lay_in_memory(backend, dtype, T, K, V):
    if backend == "triton" and dtype == torch.float64:
        pytest.skip("Triton's kernels compute in float32")
    problem = make(4, B=2, T=T, K=K, V=V).to(dtype)
    do, dstate = cotangents(problem)
    first = problem.gradients(backend, do, dstate)
    sizes = [*range(1, 40), 500, 5_000]
    for junk in (1e3, 1e30, torch.nan):
        for size in sizes[:: 20 if WHERE == "interpreter" else 1]:
            held = [torch.full((size * k,), junk, dtype=dtype, device=DEVICE) for k in range(1, 9)]
            del held  # so that what is computed next gets it
            again = problem.gradients(backend, do, dstate)
            assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
