"""LionK and the table of K held to the plain reference, and to optimizers that they contain."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.optim.problems import EVERY, SHAPE, TABLE, Wave, drawn, inside, seeds

from halflife.optim import LionK, reference
from halflife.optim.descent import descend
from halflife.optim.kappa import get
from halflife.optim.lyapunov import implicit_lr

every_row = pytest.mark.parametrize(("spec", "row"), TABLE.items(), ids=TABLE)
betas = st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)).map(sorted).map(tuple)


@every_row
@settings(max_examples=20)
@given(seed=seeds, size=st.sampled_from([0.1, 1.0, 3.0]))
def test_value_gradient_and_conjugate_are_the_tables(spec, row, seed, size):
    K, z = get(spec), drawn(seed, size)
    assert float(K.value(z)) == pytest.approx(row.value(z.numpy()), rel=1e-9, abs=1e-9)
    np.testing.assert_allclose(K.grad(z), row.grad(z.numpy()), rtol=1e-9, atol=1e-9)
    y = inside(K, seed + 1, 1.0)
    assert float(K.conjugate(y)) == pytest.approx(row.conjugate(y.numpy()), rel=1e-9, abs=1e-9)


@every_row
def test_the_conjugate_is_infinite_in_the_same_places(spec, row):
    K = get(spec)
    for seed in range(50):
        y = drawn(seed, 10 ** (seed / 25 - 1.5))
        finite = bool(torch.isfinite(K.conjugate(y)))
        with np.errstate(invalid="ignore"):  # a barrier's logarithm beyond the border
            assert finite == math.isfinite(row.conjugate(y.numpy()))


@every_row
@settings(max_examples=10)
@given(
    seed=seeds,
    betas=betas,
    lr=st.floats(1e-4, 0.2),
    weight_decay=st.floats(0, 3),
    decay=st.sampled_from(["explicit", "implicit"]),
)
def test_steps_are_the_papers(spec, row, seed, betas, lr, weight_decay, decay):
    """Fresh random gradients: with those of a loss, rounding could grow where ∇K jumps."""
    p = torch.nn.Parameter(drawn(seed))
    optimizer = LionK(
        [p], lr=lr, betas=betas, weight_decay=weight_decay, K=spec, decay=decay, fused=False
    )
    x, m = p.detach().numpy().copy(), np.zeros(SHAPE)
    for t in range(5):
        p.grad = drawn(seed + t + 1)
        g = p.grad.numpy().copy()
        optimizer.step()
        x, m = reference.step(
            x,
            m,
            g,
            row,
            lr=lr,
            betas=betas,
            weight_decay=weight_decay,
            implicit=decay == "implicit",
        )
        np.testing.assert_allclose(p.detach(), x, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(-optimizer.state[p]["exp_avg"], m, rtol=1e-9, atol=1e-9)
        assert (p.grad.numpy() == g).all()


@pytest.mark.parametrize("K", [K for K in EVERY if K.bounded], ids=str)
@settings(max_examples=10)
@given(seed=seeds, betas=betas, weight_decay=st.floats(0.1, 3), rates=st.lists(st.floats(0, 0.3)))
def test_the_distance_from_the_set_falls_by_the_product(K, seed, betas, weight_decay, rates):
    """Phase I, with any schedule and any gradients; distances are those of λx."""
    p = torch.nn.Parameter(drawn(seed, 3.0 / weight_decay))
    optimizer = LionK([p], lr=0.1, betas=betas, weight_decay=weight_decay, K=K)
    bound = float(K.distance(weight_decay * p.detach()))
    for t, lr in enumerate(rates):
        optimizer.param_groups[0]["lr"] = lr
        p.grad = drawn(seed + t + 1, 10.0)
        optimizer.step()
        bound *= 1 - lr * weight_decay
    assert float(K.distance(weight_decay * p.detach())) <= bound + 1e-9


@given(seed=seeds, weight_decay=st.floats(0.1, 3), rates=st.lists(st.floats(0, 0.3), min_size=1))
def test_the_product_is_reached_when_a_weight_is_pushed_outward(seed, weight_decay, rates):
    p = torch.nn.Parameter((1 + drawn(seed).abs()) / weight_decay)
    excess = (weight_decay * p.detach() - 1).numpy()
    optimizer = LionK([p], lr=0.1, weight_decay=weight_decay)
    for lr in rates:
        optimizer.param_groups[0]["lr"] = lr
        p.grad = -torch.ones_like(p)
        optimizer.step()
        excess = excess * (1 - lr * weight_decay)
    np.testing.assert_allclose(weight_decay * p.detach() - 1, excess, atol=1e-12)


@pytest.mark.parametrize("K", [K for K in EVERY if K.bounded], ids=str)
@settings(max_examples=5)
@given(seed=seeds, weight_decay=st.floats(0.1, 3), lr=st.floats(1e-3, 0.3))
def test_weights_in_the_set_stay_there(K, seed, weight_decay, lr):
    run = descend(
        Wave(seed),
        inside(K, seed, weight_decay),
        lr=lr,
        updates=20,
        weight_decay=weight_decay,
        K=K,
    )
    for x in run.x[[1, 10, 20]]:
        assert K.distance(weight_decay * x) <= 1e-12


@pytest.mark.parametrize("spec", ["l1", "l2", "linf", "nuclear", "lp:p=1.25", "top-k:k=3"])
def test_without_memory_and_with_classical_rates_it_is_frank_and_wolfe(spec):
    """β₁ = 0 and η = 2/(λ(t + 2)); the oracle here is the reference's."""
    f, decay, row = Wave(7, convex=True), 1.3, TABLE[spec]
    rates = [2 / (decay * (t + 2)) for t in range(500)]
    x = inside(get(spec), 0, decay)
    run = descend(f, x, lr=rates, betas=(0.0, 0.99), weight_decay=decay, K=spec)
    at = x.numpy()
    for t, found in enumerate(run.x):
        np.testing.assert_allclose(found, at, atol=1e-12)
        vertex = row.grad(-run.gradient[t].numpy()) / decay
        at = found.numpy() + 2 / (t + 2) * (vertex - found.numpy())
    assert run.certificate[-1] / decay < 0.1


@pytest.mark.parametrize("shape", [(32, 4), (4, 32)])
@pytest.mark.parametrize(("nesterov", "beta1"), [(True, 0.95**2), (False, 0.95)])
def test_muon_of_pytorch_is_a_lion_k(shape, nesterov, beta1):
    """β₂ = μ and β₁ = μ², or μ without Nesterov; its factor of the shape spares the decay."""
    assert _distance_from_muon(shape, nesterov, beta1) < 0.01  # bfloat16 inside both
    assert _distance_from_muon(shape, not nesterov, beta1) > 0.03


def _distance_from_muon(shape, nesterov, beta1):
    """After 20 steps, as a part of the way that was gone."""
    rng = np.random.default_rng(0)
    start = torch.tensor(rng.normal(size=shape).astype(np.float32))
    theirs, ours = (torch.nn.Parameter(start.clone()) for _ in range(2))
    options = {"lr": 0.02, "weight_decay": 0.3}
    muon = torch.optim.Muon([theirs], momentum=0.95, nesterov=nesterov, **options)
    kind = "nuclear:method=newton-schulz,precision=bfloat16,scale=aspect"
    lion = LionK([ours], betas=(beta1, 0.95), K=kind, **options)
    for _ in range(20):
        ours.grad = torch.tensor(rng.normal(size=shape).astype(np.float32))
        theirs.grad = ours.grad.clone()
        muon.step()
        lion.step()
    return float((ours - theirs).detach().norm() / (theirs - start).detach().norm())


@given(seed=seeds, beta=st.floats(0, 0.99), lr=st.floats(1e-3, 0.3))
def test_sgd_with_dampened_momentum_is_a_lion_k(seed, beta, lr):
    """But for its first gradient, with which PyTorch's momentum begins whole."""
    theirs, ours = (torch.nn.Parameter(drawn(seed)) for _ in range(2))
    sgd = torch.optim.SGD([theirs], lr=lr, momentum=beta, dampening=beta)
    lion = LionK([ours], lr=lr, betas=(beta, beta), K="quadratic")
    sgd.state[theirs]["momentum_buffer"] = torch.zeros_like(theirs)
    for t in range(10):
        theirs.grad, ours.grad = drawn(seed + t), drawn(seed + t)
        sgd.step()
        lion.step()
    torch.testing.assert_close(ours, theirs)


@settings(max_examples=20)
@given(seed=seeds, lr=st.floats(1e-3, 0.3), weight_decay=st.floats(0, 3))
def test_implicit_decay_is_explicit_decay_with_another_rate(seed, lr, weight_decay):
    options = {"updates": 10, "weight_decay": weight_decay, "K": "huber:e=0.5"}
    start, f = drawn(seed), Wave(seed)
    explicit = descend(f, start, lr=lr, **options)
    implicit = descend(f, start, lr=implicit_lr(lr, weight_decay), decay="implicit", **options)
    torch.testing.assert_close(explicit.x, implicit.x)


@settings(max_examples=50)
@given(
    a=st.floats(0.0, 1.0),
    h=st.floats(0.1, 10),
    betas=st.tuples(st.floats(0, 0.99), st.floats(0.5, 0.99)),
    error=st.floats(-1, 1),
    lr=st.floats(1e-4, 0.1),
)
def test_on_a_parabola_lion_runs_in_an_exact_cycle_of_two(a, h, betas, error, lr):
    """Weights {a, a − η}, and an error of the momentum is forgotten by β₂² in two steps.

    They do if β₁/(1 + β₂) < a/η < 1 − β₁/(1 + β₂). The error is small enough not to turn a sign.
    """
    beta1, beta2 = betas
    low = beta1 / (1 + beta2)
    assume(beta1 <= beta2)
    assume(low < 0.49)
    place = low + (1 - 2 * low) * (0.05 + 0.9 * a)
    room = h * lr * min(place - low, 1 - low - place)
    high = lr * place
    start = high - lr  # the average that is due there, before the gradient at `start`
    due = h * (high - beta2 * lr / (1 + beta2))
    p = torch.nn.Parameter(torch.tensor([start], dtype=torch.float64))
    optimizer = LionK([p], lr=lr, betas=betas)
    optimizer.state[p]["exp_avg"] = torch.tensor([due + 0.9 * room * error], dtype=torch.float64)
    averages = []
    for t in range(40):
        expected = start if t % 2 == 0 else high
        assert p.item() == pytest.approx(expected, abs=1e-12)
        averages.append(optimizer.state[p]["exp_avg"].item())
        p.grad = h * p.detach()
        optimizer.step()
    errors = [average - due for average in averages[::2]]
    for before, after in itertools.pairwise(errors):
        assert after == pytest.approx(beta2**2 * before, abs=1e-12 * (1 + h))
    mean_loss = h * (high**2 + start**2) / 4
    assert mean_loss >= h * lr**2 / 8 * (1 - 1e-12)


@settings(max_examples=30)
@given(seed=seeds)
def test_limits_of_k(seed):
    """Towards sign: p → 1 and e → 0. The largest k is all, and k = 1 the ℓ∞ norm."""
    z = drawn(seed)
    assume(z.abs().min() > 1e-3)
    for spec in (
        "lp:p=1.000001",
        "huber:e=1e-6",
        "dead-zone:e=1e-6",
        "relativistic:e=1e-7",
        "log-cosh:b=1e6",
        "softsign:e=1e-9",
        "arctan:e=1e-9",
        "elastic:e1=1e-6,e2=1e-6",
    ):
        torch.testing.assert_close(get(spec).grad(z), z.sign(), rtol=0, atol=2e-5)
    assert (get("top-k:k=12").grad(z) == z.sign()).all()
    assert (get("top-k:k=1").grad(z) == get("linf").grad(z)).all()


@pytest.mark.parametrize("K", [K for K in EVERY if K.homogeneous], ids=str)
@settings(max_examples=10)
@given(seed=seeds)
def test_the_size_of_gradients_is_nothing_to_a_norm(K, seed):
    runs = []
    for factor in (1.0, 1024.0):
        p = torch.nn.Parameter(drawn(seed))
        optimizer = LionK([p], lr=0.01, weight_decay=0.5, K=K)
        for t in range(5):
            p.grad = factor * drawn(seed + t + 1)
            optimizer.step()
        runs.append(p.detach())
    torch.testing.assert_close(*runs, rtol=1e-9, atol=1e-9)
