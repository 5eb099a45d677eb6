"""The energy of discrete steps and the certificate, on random problems and every K."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from tests.optim.problems import EVERY, SHAPE, Wave, drawn, inside, seeds

from halflife.optim.certificate import certificate, objective
from halflife.optim.kappa import get
from halflife.optim.lyapunov import (
    descent_bound,
    explicit_lr,
    fenchel_young_gap,
    gap_weight,
    implicit_lr,
    lyapunov,
)

every = pytest.mark.parametrize("K", EVERY, ids=str)
betas = st.tuples(st.floats(0, 0.999), st.floats(0, 0.999))
decays = st.floats(0.05, 5)


def steps(K, f, x, m, *, lr, betas, weight_decay, count):
    """The implicit steps of the theorem: (x, m, x', m', m̃), count times."""
    beta1, beta2 = betas
    for _ in range(count):
        g = f.gradient(x)
        read_out = beta1 * m - (1 - beta1) * g
        after = (x + lr * K.grad(read_out)) / (1 + lr * weight_decay)
        new = beta2 * m - (1 - beta2) * g
        yield x, m, after, new, read_out
        x, m = after, new


@every
@settings(max_examples=20)
@given(seed=seeds, betas=betas, weight_decay=decays, lr=st.floats(1e-4, 0.3))
def test_the_energy_rises_by_no_more_than_the_theorem_allows(K, seed, betas, weight_decay, lr):
    f = Wave(seed)
    start = inside(K, seed + 1, weight_decay), drawn(seed + 2)
    options = {"weight_decay": weight_decay, "lr": lr, "betas": betas, "implicit": True}
    run = {"lr": lr, "betas": betas, "weight_decay": weight_decay, "count": 10}
    for x, m, after, new, read_out in steps(K, f, *start, **run):
        change = lyapunov(K, f(after), after, new, **options) - lyapunov(K, f(x), x, m, **options)
        bound = descent_bound(K, after, new, read_out, smoothness=f.smoothness, **options)
        terms = [  # whose rounding is all that may break the bound
            *(f(at) for at in (x, after)),
            *(K.conjugate(weight_decay * at) / weight_decay for at in (x, after)),
            *(gap_weight(lr, betas, weight_decay) * K.value(at) for at in (m, new)),
            bound,
        ]
        if not (size := 1 + sum(abs(float(term)) for term in terms)) < 1e12:
            break  # an unbounded step and a large rate: it diverges
        assert change <= bound + 1e-10 * size


@every
@settings(max_examples=20)
@given(seed=seeds, weight_decay=decays)
def test_the_energy_is_the_objective_where_momentum_and_weights_agree(K, seed, weight_decay):
    f, m = Wave(seed), drawn(seed)
    x = K.grad(m) / weight_decay
    options = {"lr": 0.01, "betas": (0.9, 0.99)}
    energy = lyapunov(K, f(x), x, m, weight_decay, **options, implicit=True)
    torch.testing.assert_close(energy, objective(K, f(x), x, weight_decay))


@every
@settings(max_examples=20)
@given(seed=seeds, weight_decay=decays)
def test_energy_objective_gap_and_certificate_have_their_order(K, seed, weight_decay):
    f, x, m = Wave(seed), inside(K, seed + 1, weight_decay), drawn(seed)
    options = {"lr": 0.01, "betas": (0.9, 0.99)}
    assert fenchel_young_gap(K, x, m, weight_decay) >= -1e-12
    assert certificate(K, x, f.gradient(x), weight_decay) >= -1e-12
    energy = lyapunov(K, f(x), x, m, weight_decay, **options, implicit=True)
    assert energy >= objective(K, f(x), x, weight_decay) - 1e-12


@every
@settings(max_examples=20)
@given(seed=seeds, weight_decay=decays)
def test_the_certificate_is_zero_at_a_stationary_point(K, seed, weight_decay):
    """One is made: x first, and then a loss whose negative gradient is in ∂K*(λx)."""
    m = drawn(seed)
    x = K.grad(m) / weight_decay
    assert abs(certificate(K, x, -m, weight_decay)) < 1e-9


@pytest.mark.parametrize("spec", ["l1", "huber:e=0.5", "dead-zone:e=0.3", "relativistic:e=0.5"])
@settings(max_examples=10)
@given(seed=seeds, weight_decay=decays)
def test_the_certificate_bounds_the_distance_from_the_best_objective(spec, seed, weight_decay):
    """The best value by SciPy, coordinate by coordinate, in the box."""
    K, f = get(spec), Wave(seed, convex=True)
    x = inside(K, seed + 1, weight_decay)
    radius, best = 1 / weight_decay, 0.0
    for a, c in zip(f.weights.flatten().tolist(), f.centre.flatten().tolist(), strict=True):

        def one(v, a=a, c=c):
            at = torch.tensor([float(v[0])], dtype=torch.float64).clamp(-radius, radius)
            return float(objective(K, a * (at - c).square().sum() / 2, at, weight_decay))

        found = [minimize(one, [s], bounds=[(-radius, radius)]).fun for s in (-radius / 2, radius)]
        best += min(found)
    excess = objective(K, f(x), x, weight_decay) - best
    assert excess >= -1e-9
    assert excess <= certificate(K, x, f.gradient(x), weight_decay) / weight_decay + 1e-6


def test_lions_certificate_by_hand():
    x = torch.tensor([0.5, -0.25], dtype=torch.float64)
    g = torch.tensor([-3.0, 2.0], dtype=torch.float64)
    assert certificate(get("l1"), x, g, 2.0) == 5 + 2 * (-1.5 - 0.5)
    assert certificate(get("l1"), 3 * x, g, 2.0) == math.inf


def test_without_decay_there_is_no_constraint_and_the_energy_has_kinetic_energy():
    K, x, m = get("l1"), torch.tensor([7.0]), torch.tensor([2.0])
    assert objective(K, torch.tensor(3.0), x, 0.0) == 3
    energy = lyapunov(K, torch.tensor(3.0), x, m, 0.0, lr=0.1, betas=(0.5, 0.75))
    assert energy == 3 + 0.1 * 0.5 / 0.25 * 2  # Signum's friction: ηβ₁/(1 − β₂) K(m)


@given(lr=st.floats(1e-6, 0.9), weight_decay=st.floats(0, 1), seed=seeds)
def test_the_two_decays_are_one_another_with_another_step(lr, weight_decay, seed):
    x, u = drawn(seed), drawn(seed + 1)
    step = implicit_lr(lr, weight_decay)
    assert explicit_lr(step, weight_decay) == pytest.approx(lr)
    torch.testing.assert_close(
        x + lr * (u - weight_decay * x), (x + step * u) / (1 + step * weight_decay)
    )
    K, m = get("quadratic"), drawn(seed + 2)
    options = {"betas": (0.9, 0.99)}
    explicit = lyapunov(K, x.sum(), x, m, weight_decay, lr=lr, **options)
    implicit = lyapunov(K, x.sum(), x, m, weight_decay, lr=step, **options, implicit=True)
    torch.testing.assert_close(explicit, implicit)


def test_a_step_that_decays_all_has_no_implicit_one():
    with pytest.raises(ValueError, match="below 1; lower one"):
        implicit_lr(0.5, 2.0)


def test_shapes():
    assert tuple(inside(get("l1"), 0, 1.0).shape) == SHAPE
