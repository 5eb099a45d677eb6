"""The operators that are thin calls of `gla`, each against its own formula."""

import pytest
import torch

from halflife.attention import gla, gla_step, gla_two_gates, retention, simple_gla, ssd

from .instances import BACKENDS, DEVICE, distance, make

f32 = torch.float32


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_steps_are_the_operator(dtype):
    problem = make(0, B=2, T=20, H=2, K=8, V=5).to(dtype)
    exact, last = problem.run("reference")
    state = problem.initial_state
    for t in range(20):
        o, state = gla_step(*(x[:, t] for x in problem.inputs[:4]), state)
        assert o.dtype == dtype
        assert distance(o, exact[:, t]) < (1e-2 if dtype == torch.bfloat16 else 1e-6)
    assert distance(state, last) < 1e-6


def test_the_first_step_needs_no_state():
    problem = make(1, T=1, state=False)
    o, state = gla_step(*(x[:, 0] for x in problem.inputs))
    exact, last = problem.run("reference")
    assert distance(o, exact[:, 0]) < 1e-15
    assert distance(state, last) < 1e-15


@pytest.mark.parametrize("backend", BACKENDS)
def test_simple_gla_is_attention_with_a_decay_matrix(backend):
    problem = make(2, B=2, T=70, H=2, K=8, V=5, tau=1.0, state=False)
    g = problem.g[..., 0]
    b = g.transpose(1, 2).cumsum(-1)
    decay = (b.unsqueeze(-1) - b.unsqueeze(-2)).tril().exp().tril()
    P = torch.einsum("bihk,bjhk->bhij", problem.q, problem.k) * decay * 8**-0.5
    exact = torch.einsum("bhij,bjhv->bihv", P, problem.v)
    q, k, v = (x.to(DEVICE, f32) for x in problem.inputs[:3])
    assert distance(simple_gla(q, k, v, g.to(DEVICE, f32), backend=backend), exact) < 2e-6
    turned = simple_gla(
        *(x.transpose(1, 2) for x in (q, k, v, g.to(DEVICE, f32))), backend=backend, layout="bhtd"
    )
    assert distance(turned.transpose(1, 2), exact) < 2e-6


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("layout", ["bthd", "bhtd"])
def test_retention(backend, layout):
    problem = make(3, B=2, T=40, H=3, K=8, V=5, state=False)
    gamma = 1 - 2.0 ** (-5 - torch.arange(3, dtype=torch.float64))
    n = torch.arange(40)
    D = (gamma.view(3, 1, 1) ** (n.view(-1, 1) - n).clamp(min=0)).tril()
    P = torch.einsum("bihk,bjhk->bhij", problem.q, problem.k) * D * 8**-0.5
    exact = torch.einsum("bhij,bjhv->bihv", P, problem.v)
    given = [x.to(DEVICE, f32) for x in problem.inputs[:3]]
    if layout == "bhtd":
        given = [x.transpose(1, 2) for x in given]
    o = retention(*given, layout=layout, backend=backend)
    assert distance(o if layout == "bthd" else o.transpose(1, 2), exact) < 2e-6
    ours = retention(*given, decay=gamma, layout=layout, backend=backend)
    assert distance(ours, o) < 1e-6


@pytest.mark.parametrize("backend", BACKENDS)
def test_ssd_is_mamba_2s_scan(backend):
    rng = torch.Generator().manual_seed(4)
    B, T, H, P, G, N = 2, 30, 4, 5, 2, 6
    x = torch.randn(B, T, H, P, generator=rng, dtype=torch.float64)
    dt = torch.rand(B, T, H, generator=rng, dtype=torch.float64)
    A = -torch.rand(H, generator=rng, dtype=torch.float64)
    Bs, Cs = torch.randn(2, B, T, G, N, generator=rng, dtype=torch.float64)
    h, exact = torch.zeros(B, H, P, N, dtype=torch.float64), []
    for t in range(T):
        b, c = (y[:, t].repeat_interleave(H // G, 1) for y in (Bs, Cs))
        decay = (A * dt[:, t]).exp()[..., None, None]
        h = decay * h + (dt[:, t, :, None] * x[:, t])[..., None] * b[:, :, None]
        exact.append((h * c[:, :, None]).sum(-1))
    o, state = ssd(
        *(y.to(DEVICE, f32) for y in (x, dt, A, Bs, Cs)), backend=backend, return_state=True
    )
    assert distance(o, torch.stack(exact, 1)) < 2e-6
    assert distance(state, h.transpose(2, 3)) < 2e-6


def two_gates(problem, gv):
    S, o = problem.initial_state, []
    for t in range(problem.q.shape[1]):
        S = problem.g[:, t, :, :, None].exp() * S * gv[:, t, :, None].exp()
        S = S + problem.k[:, t, :, :, None] * problem.v[:, t, :, None]
        o.append((problem.q[:, t, :, :, None] * S).sum(-2) * problem.q.shape[-1] ** -0.5)
    return torch.stack(o, 1), S


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("tau", [16.0, 1.0, 0.05, 0.01])
def test_gates_on_both_sides(backend, tau):
    problem = make(5, B=2, T=90, H=2, K=8, V=6, tau=tau)
    gv = make(6, B=2, T=90, H=2, K=6, V=6, tau=tau).g
    gv[:, 30] = -torch.inf
    leaves = [x.clone().requires_grad_() for x in (*problem.inputs, gv)]
    exact = two_gates(
        problem.with_(q=leaves[0], k=leaves[1], v=leaves[2], g=leaves[3], initial_state=leaves[4]),
        leaves[5],
    )
    wanted = torch.autograd.grad(exact[0].sum() + exact[1].sum(), leaves)
    ours = [x.detach().to(DEVICE, f32).requires_grad_() for x in leaves]
    o, state = gla_two_gates(
        *ours[:4], ours[5], initial_state=ours[4], return_state=True, backend=backend
    )
    assert distance(o, exact[0]) < 3e-6
    assert distance(state, exact[1]) < 3e-6
    got = torch.autograd.grad(o.sum() + state.sum(), ours)
    for x, y in zip(got, wanted, strict=True):
        assert (x - y).abs().max() < 3e-5 * max(1.0, float(y.abs().max()))


def test_gates_of_one_on_the_values_change_nothing():
    problem = make(7, T=30)
    o = gla_two_gates(*problem.inputs[:4], torch.zeros_like(problem.v))
    assert distance(o, gla(*problem.inputs[:4])) < 1e-6
    with pytest.raises(TypeError, match="no option 'reverse'"):
        gla_two_gates(*problem.inputs[:4], problem.v, reverse=True)
    with pytest.raises(ValueError, match="gv has shape"):
        gla_two_gates(*problem.inputs[:4], problem.q)
