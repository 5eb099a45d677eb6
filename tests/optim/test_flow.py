"""The flow, its energy, and the steps that follow it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm
from tests.optim.problems import SMOOTH_SPECS, Wave, drawn, inside, seeds

from halflife.optim.descent import descend
from halflife.optim.flow import Flow
from halflife.optim.kappa import get
from halflife.optim.lyapunov import lyapunov

smooth = pytest.mark.parametrize("spec", SMOOTH_SPECS)


@st.composite
def flows(draw, spec):
    gamma = draw(st.floats(0.1, 3))
    return Flow(
        get(spec),
        draw(st.floats(0.1, 3)),
        alpha=draw(st.floats(0.1, 3)),
        gamma=gamma,
        epsilon=draw(st.sampled_from([0.0, 1e-3, 0.5, 1.0])) / gamma,
    )


@smooth
@settings(max_examples=20)
@given(data=st.data(), seed=seeds)
def test_the_energy_falls_at_the_rate_of_the_theorem(spec, data, seed):
    """Against PyTorch's derivative of the energy along the velocity."""
    flow, f = data.draw(flows(spec)), Wave(seed)
    x, m = 0.9 * inside(flow.K, seed + 1, flow.weight_decay), drawn(seed + 2)
    rate, velocity = (g(x, m, f.gradient(x)) for g in (flow.dissipation, flow.velocity))
    x.requires_grad_()
    m.requires_grad_()
    slopes = torch.autograd.grad(flow.lyapunov(f(x), x, m), (x, m))
    change = sum((a * b).sum() for a, b in zip(slopes, velocity, strict=True))
    torch.testing.assert_close(-change, rate, rtol=1e-7, atol=1e-7)
    assert rate >= -1e-9


@smooth
@settings(max_examples=20)
@given(seed=seeds, gamma=st.floats(0.1, 3), decay=st.floats(0.1, 3))
def test_looking_ahead_by_nothing_is_the_limit_of_looking_ahead(spec, seed, gamma, decay):
    f, K = Wave(seed), get(spec)
    x, m = 0.9 * inside(K, seed + 1, decay), drawn(seed + 2)
    now, soon = (
        Flow(K, decay, gamma=gamma, epsilon=e).dissipation(x, m, f.gradient(x)) for e in (0, 1e-9)
    )
    torch.testing.assert_close(now, soon, rtol=1e-5, atol=1e-5)


@given(
    lr=st.floats(1e-4, 0.5),
    betas=st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)).map(sorted).map(tuple),
    weight_decay=st.floats(0, 2),
    seed=seeds,
)
def test_a_step_of_the_optimizer_is_eulers(lr, betas, weight_decay, seed):
    f, x = Wave(seed), drawn(seed + 1)
    flow = Flow.of_steps(get("huber:e=0.5"), weight_decay, lr, betas)
    assert flow.betas(lr) == pytest.approx(betas)
    run = descend(f, x, lr=lr, updates=3, betas=betas, weight_decay=weight_decay, K=flow.K)
    at, m = x, torch.zeros_like(x)
    for expected in run.x[1:]:
        dx, dm = flow.velocity(at, m, f.gradient(at))
        at, m = at + lr * dx, m + lr * dm
        torch.testing.assert_close(at, expected)


@given(lr=st.floats(1e-4, 0.1), weight_decay=st.floats(0.1, 2), seed=seeds)
def test_the_two_energies_are_one(lr, weight_decay, seed):
    """The discrete one, at an implicit step, is that of its flow over γ."""
    f, K, betas = Wave(seed), get("relativistic:e=0.5"), (0.9, 0.99)
    x, m = inside(K, seed, weight_decay), drawn(seed + 1)
    flow = Flow.of_steps(K, weight_decay, lr, betas)
    discrete = lyapunov(K, f(x), x, m, weight_decay, lr=lr, betas=betas, implicit=True)
    torch.testing.assert_close(flow.lyapunov(f(x), x, m) / flow.gamma, discrete)


def test_with_a_quadratic_k_the_flow_is_that_of_a_linear_equation():
    flow = Flow(get("quadratic"), 0.7, alpha=1.3, gamma=0.8, epsilon=0.5)
    h, times = 2.0, [0.0, 0.5, 3.0]
    x, m = torch.tensor([1.0], dtype=torch.float64), torch.tensor([-0.4], dtype=torch.float64)
    xs, ms = flow.solve(lambda at: h * at, x, m, times)
    dm = np.array([-flow.alpha * h, -flow.gamma])
    matrix = np.stack([[-flow.weight_decay, 1.0] + flow.epsilon * dm, dm])
    exact = np.stack([expm(matrix * t) @ [1.0, -0.4] for t in times])
    np.testing.assert_allclose(np.column_stack([xs, ms]), exact, atol=1e-8)


@smooth
def test_the_energy_falls_along_the_whole_flow_to_the_optimum(spec):
    f, flow = Wave(3, convex=True), Flow(get(spec), 0.8, gamma=2.0, epsilon=0.3)
    x = inside(flow.K, 1, flow.weight_decay)
    xs, ms = flow.solve(f.gradient, x, drawn(5), np.linspace(0, 60, 200).tolist())
    energy = torch.stack(
        [flow.lyapunov(f(a), a, b) for a, b in zip(xs, ms, strict=True) if _inside(flow, a)]
    )
    assert len(energy) == 200
    assert (energy.diff() <= 1e-7).all()
    assert energy[0] - energy[-1] > 0.1
    x, m = xs[-1], ms[-1]
    torch.testing.assert_close(m, -f.gradient(x) / flow.gamma, rtol=0, atol=2e-2)
    torch.testing.assert_close(flow.weight_decay * x, flow.K.grad(m), rtol=0, atol=2e-2)


def _inside(flow, x):
    return torch.isfinite(flow.K.conjugate(flow.weight_decay * x))


def test_a_solver_wants_a_smooth_k_and_says_which():
    x = torch.zeros(2, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"l1 jumps.*huber:e"):
        Flow(get("l1"), 1.0).solve(lambda at: at, x, x, [0.0, 1.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight_decay": -1.0}, "weight_decay must be"),
        ({"alpha": 0.0}, "alpha must be"),
        ({"gamma": float("inf")}, "gamma must be"),
        ({"epsilon": 3.0}, r"epsilon · gamma must lie in \[0, 1\], got 3"),
    ],
)
def test_constants_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Flow(**{"K": get("l1"), "weight_decay": 1.0} | change)


def test_a_step_longer_than_the_momentum_remembers_is_refused():
    with pytest.raises(ValueError, match=r"lower lr to 0\.5"):
        Flow(get("l1"), 1.0, gamma=2.0).betas(0.6)
