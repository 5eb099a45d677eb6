"""Laws that hold for every problem, whatever computes it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from .instances import BACKENDS, EXACT, FEW, cotangents, distance, instances, make

seeds = st.integers(0, 2**16)


def dot(x, y) -> float:
    return float((x * y).sum())


@pytest.mark.parametrize("backend", EXACT)
@settings(max_examples=min(20, FEW))
@given(seed=seeds, T=st.integers(1, 80))
def test_gauge_invariance(backend, seed, T):
    """q·e^φ, k·e^−φ and gates less the growth of φ leave the outputs as they are."""
    problem = make(seed, T=T, K=5, V=4, tau=1.0)
    rng = torch.Generator().manual_seed(seed)
    phi = torch.randn(problem.g.shape, generator=rng, dtype=torch.float64) / 4
    before = torch.cat((torch.zeros_like(phi[:, :1]), phi[:, :-1]), 1)
    changed = problem.with_(
        q=problem.q * phi.exp(), k=problem.k * (-phi).exp(), g=problem.g - (phi - before)
    )
    o, state = problem.run(backend)
    o2, state2 = changed.run(backend)
    assert distance(o2, o) < 1e-12
    assert distance(state2 * phi[:, -1].exp().unsqueeze(-1), state) < 1e-12


@pytest.mark.parametrize("backend", EXACT)
@settings(max_examples=30)
@given(problem=instances())
def test_euler_identities(backend, problem):
    """The operator is linear in q and in (v, S₀) and in (k, S₀)."""
    do, dstate = cotangents(problem)
    o, state, dq, dk, dv, _, *rest = problem.gradients(backend, do, dstate)
    of_state = dot(problem.initial_state, rest[0]) if rest else 0.0
    whole = dot(o, do) + dot(state, dstate)
    size = max(1.0, float(o.norm() * do.norm() + state.norm() * dstate.norm()))
    assert abs(dot(problem.q, dq) - dot(o, do)) < 1e-12 * size
    assert abs(dot(problem.v, dv) + of_state - whole) < 1e-12 * size
    assert abs(dot(problem.k, dk) + of_state - whole) < 1e-12 * size


@pytest.mark.parametrize("backend", EXACT)
@settings(max_examples=min(20, FEW))
@given(problem=instances())
def test_gate_gradient_is_the_gauge_gradient(backend, problem):
    """Σ_t (q dq − k dk) = S₀ dS₀ − S_T dS_T for each key channel, summed over values."""
    do, dstate = cotangents(problem)
    _, state, dq, dk, _, _, *rest = problem.gradients(backend, do, dstate)
    left = (problem.q * dq - problem.k * dk).sum((0, 1))
    right = -(state * dstate).sum((0, 3))
    if rest:
        right = right + (problem.initial_state * rest[0]).sum((0, 3))
    assert (left - right).abs().max() < 1e-11 * max(1.0, float(problem.q.shape[1]))


@pytest.mark.parametrize("backend", EXACT)
@settings(max_examples=min(20, FEW))
@given(seed=seeds, T=st.integers(2, 80))
def test_time_reversal(backend, seed, T):
    """dv is the operator run from the end on (k, scale·q, do), with gates one token late."""
    problem = make(seed, T=T, K=5, V=4, tau=1.0, state=False)
    do, dstate = cotangents(problem, seed)
    dv = problem.gradients(backend, do, torch.zeros_like(dstate))[4]
    late = torch.cat((problem.g[:, 1:], torch.zeros_like(problem.g[:, :1])), 1)
    dual = problem.with_(q=problem.k, k=problem.q * 5**-0.5, v=do, g=late)
    o, _ = dual.run(backend, reverse=True, scale=1.0)
    assert distance(o, dv) < 1e-12


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=min(10, FEW))
@given(seed=seeds)
def test_linear_in_the_values(backend, seed):
    one = make(seed, T=40, K=8, V=8, tau=1.0)
    two = make(seed + 1, T=40, K=8, V=8)
    both = one.with_(v=one.v + two.v, initial_state=one.initial_state + two.initial_state)
    parts = [
        one.with_(v=x.v, initial_state=x.initial_state).to(torch.float32).run(backend)
        for x in (one, two)
    ]
    o, state = both.to(torch.float32).run(backend)
    assert distance(o, parts[0][0] + parts[1][0]) < 2e-6
    assert distance(state, parts[0][1] + parts[1][1]) < 2e-6


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=min(15, FEW))
@given(problem=instances())
def test_reverse_is_the_mirror(backend, problem):
    problem = problem.to(torch.float32)
    o, state = problem.run(backend, reverse=True)
    mirrored = problem.with_(
        **{name: getattr(problem, name).flip(1) for name in ("q", "k", "v", "g")}
    )
    if problem.cu_seqlens is not None:
        mirrored = mirrored.with_(
            cu_seqlens=problem.cu_seqlens[-1] - problem.cu_seqlens.flip(0),
            initial_state=None if problem.initial_state is None else problem.initial_state.flip(0),
        )
    o2, state2 = mirrored.run(backend)
    assert torch.equal(o, o2.flip(1))
    assert torch.equal(state, state2 if problem.cu_seqlens is None else state2.flip(0))
