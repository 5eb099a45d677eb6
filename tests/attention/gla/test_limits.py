"""Gates for which the answer is known."""

import math

import pytest
import torch

from halflife.attention import gla

from .instances import BACKENDS, DEVICE, cotangents, distance, make

f32 = torch.float32


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_decay_is_cumulative_linear_attention(backend):
    problem = make(0, B=2, T=70, H=2, K=8, V=5)
    problem = problem.with_(g=torch.zeros_like(problem.g))
    S = torch.einsum("bthk,bthv->bthkv", problem.k, problem.v).cumsum(1)
    S = S + problem.initial_state.unsqueeze(1)
    exact = torch.einsum("bthk,bthkv->bthv", problem.q, S) * 8**-0.5
    o, state = problem.to(f32).run(backend)
    assert distance(o, exact) < 2e-6
    assert distance(state, S[:, -1]) < 2e-6


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("gate", [-math.inf, -1e30, -1e4])
def test_complete_decay_leaves_each_token_alone(backend, gate):
    problem = make(1, T=70, K=8, V=5)
    problem = problem.with_(g=torch.full_like(problem.g, gate)).to(f32)
    do, dstate = (x.to(f32) for x in cotangents(problem))
    o, state, *gradients = problem.gradients(backend, do, dstate)
    exact = (problem.q * problem.k).sum(-1, keepdim=True) * problem.v * 8**-0.5
    assert distance(o, exact) < 1e-6
    assert distance(state, problem.k[:, -1].unsqueeze(-1) * problem.v[:, -1].unsqueeze(-2)) < 1e-6
    assert all(x.isfinite().all() for x in gradients)
    assert gradients[3].abs().max() < 1e-4  # nothing depends on how complete the decay is
    assert gradients[4].abs().max() == 0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("at", [0, 1, 15, 16, 31, 63, 64, 69])
def test_a_reset_forgets_all_before_it_and_nothing_after(backend, at):
    problem = make(2, T=70, K=8, V=5, tau=16.0)
    reset = problem.g.clone()
    reset[:, at] = -math.inf
    problem = problem.with_(g=reset)
    o, state = problem.to(f32).run(backend)
    fresh = {name: getattr(problem, name)[:, at:] for name in ("q", "k", "v", "g")}
    exact, exact_state = problem.with_(**fresh, initial_state=None).run("reference")
    assert distance(o[:, at:], exact) < 2e-6
    assert distance(state, exact_state) < 2e-6


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_constant_input_fills_the_memory_geometrically(backend):
    T, alpha = 100, 0.9
    ones = torch.ones(1, T, 1, 1, device=DEVICE)
    o = gla(ones, ones, ones, ones * math.log(alpha), scale=1.0, backend=backend)
    exact = (1 - alpha ** torch.arange(1, T + 1, dtype=torch.float64)) / (1 - alpha)
    assert distance(o.flatten(), exact) < 1e-6


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_impulse_halves_after_a_half_life(backend):
    """At initialisation the layer's gate is σ(0)^{1/16}, whose half-life is 16 tokens."""
    T = 70
    ones = torch.ones(1, T, 1, 1, device=DEVICE)
    impulse = torch.zeros_like(ones)
    impulse[:, 0] = 1
    g = torch.full_like(ones, math.log(0.5) / 16)
    o = gla(ones, ones, impulse, g, scale=1.0, backend=backend).flatten()
    assert o[[0, 16, 32, 64]].tolist() == pytest.approx([1, 0.5, 0.25, 0.0625], rel=3e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_keys_only_the_initial_state_is_read(backend):
    problem = make(3, T=70, K=8, V=5, tau=1.0)
    problem = problem.with_(k=torch.zeros_like(problem.k))
    o, state = problem.to(f32).run(backend)
    decay = problem.g.cumsum(1).exp()
    exact = torch.einsum("bthk,bhkv->bthv", problem.q * decay, problem.initial_state) * 8**-0.5
    assert distance(o, exact) < 2e-6
    assert (state - decay[:, -1].unsqueeze(-1) * problem.initial_state).abs().max() < 1e-6
