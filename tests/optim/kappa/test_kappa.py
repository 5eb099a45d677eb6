"""Laws that every K keeps, and oracles that know nothing of how it is computed."""

import itertools
import math
import pickle

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from tests.optim.strategies import (
    ALL,
    BOUNDED,
    ELEMENTWISE,
    NORMS,
    SHAPE,
    SMOOTH,
    SPECS,
    tensors,
)

from halflife.optim import kappa
from halflife.optim.kappa import get

every = pytest.mark.parametrize("K", ALL, ids=str)
bounded = pytest.mark.parametrize("K", BOUNDED, ids=str)
few = settings(max_examples=20)
"""Examples for each of three dozen K."""


def dot(a, b):
    return float((a * b).sum())


def test_every_k_has_a_sample_here():
    assert {K.kind for K in ALL} == set(kappa.names())


@every
@few
@given(z=tensors(), w=tensors())
def test_fenchel_and_young(K, z, w):
    u = K.grad(z)
    tight = K.value(z) + K.conjugate(u) - dot(z, u)
    assert abs(float(tight)) < 1e-9
    y = K.project(w) * (1 - 1e-12) if K.even else K.project(w)
    assert float(K.value(z) + K.conjugate(y)) - dot(z, y) > -1e-9


@every
@few
@given(z=tensors(), w=tensors())
def test_the_gradient_is_a_subgradient(K, z, w):
    assert float(K.value(w) - K.value(z)) - dot(K.grad(z), w - z) > -1e-9


@every
@few
@given(a=tensors(), b=tensors())
def test_the_gradient_is_monotone(K, a, b):
    assert dot(K.grad(a) - K.grad(b), a - b) > -1e-9


@every
def test_the_gradient_is_that_of_finite_differences(K):
    chance = torch.Generator().manual_seed(0)
    z, way = torch.randn(2, *SHAPE, dtype=torch.float64, generator=chance)
    step = 1e-6
    slope = (K.value(z + step * way) - K.value(z - step * way)) / (2 * step)
    assert float(slope) == pytest.approx(dot(K.grad(z), way), abs=1e-7)


@pytest.mark.parametrize(
    "K",
    [K for K in SMOOTH if K.kind != "spectral-huber"],  # it cuts off singular values
    ids=str,
)
def test_autograd_knows_the_same_gradient(K):
    z = torch.randn(*SHAPE, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(K.value(z), z)
    torch.testing.assert_close(slope, K.grad(z.detach()))
    assert torch.autograd.gradcheck(K.grad, z)


@every
def test_zero_has_the_least_value_and_no_gradient(K):
    zero = torch.zeros(SHAPE, dtype=torch.float64)
    if K.even:
        assert float(K.value(zero)) == 0
        assert torch.count_nonzero(K.grad(zero)) == 0
    else:
        assert torch.allclose(K.grad(zero).sum(), K.grad(zero + 1).sum())


@every
@few
@given(z=tensors())
def test_evenness_is_what_it_says(K, z):
    if K.even:
        assert float(K.value(-z)) == pytest.approx(float(K.value(z)))
    else:
        assert float(K.value(z + 1)) != pytest.approx(float(K.value(-z - 1)))


@every
@few
@given(z=tensors(), y=tensors())
def test_the_conjugates_gradient_inverts_the_gradient(K, z, y):
    if K.smooth and K.kind != "log-sum-exp":
        u = K.grad(z)
        torch.testing.assert_close(K.grad(K.grad_conjugate(u)), u, atol=1e-9, rtol=1e-9)
    inside = K.project(y) * 0.9 if K.even else K.project(y) * 0.5 + K.grad(z * 0) * 0.5
    v = K.grad_conjugate(inside)  # a subgradient: K*(y') ≥ K*(y) + ⟨v, y' − y⟩ for y' = ∇K(z)
    other = K.grad(z)
    gap = float(K.conjugate(other) - K.conjugate(inside)) - dot(v, other - inside)
    assert gap > -1e-8


@bounded
@few
@given(y=tensors(-5, 5), z=tensors())
def test_the_projection_is_the_nearest_point(K, y, z):
    nearest = K.project(y)
    torch.testing.assert_close(K.project(nearest), nearest, atol=1e-9, rtol=0)
    assert dot(y - nearest, K.grad(z) - nearest) < 1e-8  # obtuse to every point of the domain
    assert float(K.distance(nearest)) < 1e-9
    inwards = nearest * (1 - 1e-9) if K.even else nearest
    assert math.isfinite(K.conjugate(inwards))


@bounded
@few
@given(z=tensors(), y=tensors(-5, 5))
def test_the_oracle_finds_the_furthest_point(K, z, y):
    best = K.lmo(z)
    assert float(K.distance(best)) < 1e-9
    assert dot(z, best) >= dot(z, K.project(y)) - 1e-8


@bounded
@few
@given(y=tensors(-5, 5))
def test_outside_the_domain_the_conjugate_is_infinite(K, y):
    assume(float(K.distance(y)) > 1e-6)
    assert float(K.conjugate(y)) == math.inf


@pytest.mark.parametrize("K", [K for K in ALL if not K.bounded], ids=str)
def test_without_a_constraint_there_is_no_projection_and_no_oracle(K):
    y = 100 * torch.randn(SHAPE, dtype=torch.float64)
    assert torch.equal(K.project(y), y)
    assert float(K.distance(y)) == 0
    with pytest.raises(ValueError, match=f"conjugate of {K.kind} is finite everywhere"):
        K.lmo(y)


@pytest.mark.parametrize("K", NORMS, ids=str)
@few
@given(z=tensors(), s=st.sampled_from([2.0**-20, 0.5, 4.0, 2.0**20]))
def test_a_norm_ignores_the_size_of_its_argument(K, z, s):
    z = torch.where(z.abs() < 1e-3, 0, z)  # 2^-20 times a denormal is another number
    torch.testing.assert_close(K.grad(s * z), K.grad(z), atol=1e-6, rtol=0)
    assert float(K.value(s * z)) == pytest.approx(s * float(K.value(z)))
    if K.kind in ("l1", "top-k", "linf"):
        assert torch.equal(K.grad(s * z), K.grad(z))


@pytest.mark.parametrize("K", ELEMENTWISE, ids=str)
def test_the_conjugate_is_the_supremum_over_a_grid(K):
    z = torch.linspace(-60, 60, 24_001, dtype=torch.float64)
    values = K.scale * K._value(z)
    for part in (-0.9, -0.4, 0.0, 0.3, 0.8):
        y = part * torch.tensor(K.scale, dtype=torch.float64)
        assert float(K.conjugate(y)) == pytest.approx(float((y * z - values).max()), abs=1e-4)


@pytest.mark.parametrize(
    "spec", ["l2", "lp:p=1.5", "lp:p=4", "linf", "top-k:k=1", "huber-norm:e=0.5", "log-sum-exp"]
)
def test_the_conjugate_is_the_supremum_over_a_plane(spec):
    K, axis = get(spec), np.linspace(-12, 12, 241)
    grid = torch.tensor(list(itertools.product(axis, axis)))
    values = torch.vmap(K.value)(grid)
    for y in ([0.3, 0.5], [-0.6, 0.1], [0.25, 0.75]):
        brute = float((grid @ torch.tensor(y, dtype=torch.float64) - values).max())
        ours = float(K.conjugate(torch.tensor(y, dtype=torch.float64)))
        if math.isinf(ours):
            assert brute > 1  # grows with the grid
        else:
            assert ours == pytest.approx(brute, abs=0.01)


@pytest.mark.parametrize("spec", ["lp:p=1.3", "lp:p=3", "top-k:k=2", "linf", "l2"])
def test_the_projection_agrees_with_a_solver(spec):
    K = get(spec)
    y = torch.tensor([1.4, -0.8, 0.3, 2.0], dtype=torch.float64)
    found = minimize(
        lambda x: float(((torch.from_numpy(x) - y) ** 2).sum()),
        np.zeros(4),
        constraints={
            "type": "ineq",
            "fun": lambda x: 1 - float(K._dual_norm(torch.from_numpy(x)[None])),
        },
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    ours = float(((K.project(y) - y) ** 2).sum())
    assert ours == pytest.approx(found.fun, rel=1e-4)
    assert ours <= found.fun + 1e-6


# Symmetries, limits and identities between the functions.


@given(z=tensors(), signs=st.lists(st.sampled_from([-1.0, 1.0]), min_size=12, max_size=12))
@pytest.mark.parametrize("spec", ["l1", "dead-zone:e=0.3", "top-k:k=3", "huber:e=0.5", "lp:p=1.5"])
def test_signs_and_order_of_the_entries_do_not_matter(spec, z, signs):
    K, flip = get(spec), torch.tensor(signs, dtype=torch.float64).reshape(SHAPE)
    assert torch.equal(K.grad(flip * z), flip * K.grad(z))
    if spec != "top-k:k=3":  # which breaks ties by their order
        turned = K.grad(z.flip(0, 1)).flip(0, 1)
        torch.testing.assert_close(turned, K.grad(z), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("spec", ["nuclear", "schatten:p=1.5", "operator", "spectral-huber:e=0.7"])
def test_rotations_of_a_matrix_go_through(spec):
    K, chance = get(spec), torch.Generator().manual_seed(1)
    z = torch.randn(5, 3, dtype=torch.float64, generator=chance)
    u = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64, generator=chance)).Q
    v = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=chance)).Q
    torch.testing.assert_close(K.grad(u @ z @ v), u @ K.grad(z) @ v)


@pytest.mark.parametrize(
    ("near", "limit"),
    [
        ("lp:p=1.0000001", "l1"),
        ("dead-zone:e=1e-12", "l1"),
        ("huber:e=1e-12", "l1"),
        ("relativistic:e=1e-12", "l1"),
        ("log-cosh:b=1e12", "l1"),
        ("softsign:e=1e-12", "l1"),
        ("arctan:e=1e-12", "l1"),
        ("elastic:e1=1e-12,e2=1e-12", "l1"),
        ("elastic:e1=1e-12,e2=0.5", "huber:e=0.5"),
        ("elastic:e1=0.3,e2=1e-12", "dead-zone:e=0.3"),
        ("top-k:k=12", "l1"),
        ("top-k:k=99", "l1"),
        ("top-k:k=1", "linf"),
        ("lp:p=2", "l2"),
        ("lp:p=2,scale=rms", "l2:scale=rms"),
        ("lp:p=2000", "linf"),
        ("power:p=2", "quadratic"),
        ("huber-norm:e=1e-12", "l2"),
        ("max-l2:groups=1", "l2"),
        ("l2:block=12", "l1"),
        ("schatten:p=2", "l2"),
        ("schatten:p=1.0000001", "nuclear"),
        ("schatten:p=5000", "operator"),
        ("spectral-huber:e=1e-12", "nuclear"),
    ],
)
def test_limits(near, limit):
    z = torch.randn(SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    z = z.reshape(12, 1) if "block=12" in near else z
    torch.testing.assert_close(get(near).grad(z), get(limit).grad(z), atol=1e-4, rtol=0)


@given(z=tensors())
def test_the_norm_of_a_vector_is_that_of_a_matrix_of_one_row(z):
    row = z.reshape(-1)
    for spec in ("nuclear", "operator", "schatten:p=1.5"):
        torch.testing.assert_close(get(spec).grad(row), get("l2").grad(row))


def test_blocks_are_what_they_say():
    z = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    assert get("l2:block=row").grad(z).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0, 1],
    ]
    assert get("l2:block=column").grad(z)[:, 0].tolist() == [1, 0]
    assert float(get("l2:block=2").value(z)) == 7
    assert get("linf:block=row").grad(z).tolist() == [[0, 1], [0, 1]]
    assert get("max-l2").grad(z)[1].tolist() == [0, 0]
    kernel = torch.randn(8, 3, 2, 2)
    assert get("l2:block=row").grad(kernel).flatten(1).norm(dim=1).allclose(torch.ones(8))
    heads = get("nuclear:block=2").grad(kernel).reshape(2, 4, 12)
    torch.testing.assert_close(heads @ heads.mT, torch.eye(4).expand(2, 4, 4))


def test_scales_that_follow_the_shape():
    z = torch.full((2, 8), 0.1)
    torch.testing.assert_close(get("lp:p=1.5,scale=rms").grad(z), torch.ones(2, 8))
    torch.testing.assert_close(get("l2:scale=rms").grad(z), torch.ones(2, 8))
    tall = torch.randn(9, 4)
    top = torch.linalg.matrix_norm(get("nuclear:scale=aspect").grad(tall), 2)
    assert float(top) == pytest.approx(1.5)
    top = torch.linalg.matrix_norm(get("nuclear:scale=adamw").grad(tall), 2)
    assert float(top) == pytest.approx(0.6)
    assert get("nuclear:scale=adamw").block_scale(tall) == pytest.approx(0.6)


def test_ties_are_broken_by_the_order():
    z = torch.tensor([1.0, -1.0, 1.0, 0.0])
    assert get("top-k:k=2").grad(z).tolist() == [1, -1, 0, 0]
    assert get("linf").grad(z).tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("K", [K for K in ELEMENTWISE if K.kind != "quadratic"], ids=str)
def test_nan_stays_nan_and_infinity_is_a_number(K):
    z = torch.tensor([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-310], dtype=torch.float64)
    u = K.grad(z)
    assert u[0].isnan()
    assert u[3] == u[4] == 0
    if K.bounded and K.kind not in ("relativistic", "softsign"):
        assert u[1] == -u[2] == float(K.scale)


@every
def test_a_nan_shows_in_the_step(K):
    z = torch.randn(SHAPE, dtype=torch.float64)
    z[1, 1] = math.nan
    if isinstance(K, kappa.Spectral):
        with pytest.raises(torch.linalg.LinAlgError):  # LAPACK's word for it
            K.grad(z)
    else:
        assert K.grad(z).isnan().any()


@pytest.mark.parametrize("spec", ["l2", "lp:p=1.5", "lp:p=20", "schatten:p=1.5", "nuclear"])
@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_neither_tiny_nor_huge_arguments_are_lost(spec, size):
    K = get(spec)
    z = torch.randn(SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(K.grad(size * z), K.grad(z))


# Newton–Schulz.


def test_newton_schulz_reaches_what_it_says_and_not_more():
    from halflife.optim.kappa.newton_schulz import OVERSHOOT, newton_schulz

    values = torch.logspace(-6, 0, 100_001, dtype=torch.float64)
    a, b, c = 3.4445, -4.7750, 2.0315
    x = values
    for _ in range(5):
        x = a * x + b * x**3 + c * x**5
    assert float(x.max()) < OVERSHOOT
    assert float(x.max()) > OVERSHOOT - 1e-3
    assert float(x[values >= 0.01].min()) > 0.68
    z = torch.randn(40, 25, dtype=torch.float64)
    singular = torch.linalg.svdvals(newton_schulz(z))
    expected = torch.linalg.svdvals(z) / torch.linalg.matrix_norm(z)
    for _ in range(5):
        expected = a * expected + b * expected**3 + c * expected**5
    torch.testing.assert_close(singular, expected.sort(descending=True).values)
    assert torch.count_nonzero(newton_schulz(torch.zeros(3, 2))) == 0


def test_newton_schulz_agrees_with_that_of_torch():
    from torch.optim._muon import _zeropower_via_newtonschulz

    K = get("nuclear:method=newton-schulz,precision=bfloat16")
    for shape in ((32, 64), (64, 32)):
        z = torch.randn(shape)
        theirs = _zeropower_via_newtonschulz(z, (3.4445, -4.7750, 2.0315), 5, 1e-7)
        torch.testing.assert_close(K.grad(z), theirs.float(), atol=0.03, rtol=0)


# Names.


@pytest.mark.parametrize("spec", SPECS)
def test_a_name_comes_back(spec):
    K = get(spec)
    assert str(K) == str(get(str(K)))
    assert get(str(K)) == K == pickle.loads(pickle.dumps(K))
    assert hash(get(str(K))) == hash(K)
    assert get(K) is K


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("hubert:e=1", "no K 'hubert'; did you mean 'huber'"),
        ("zzz", "there are: arctan, asinh"),
        ("huber", "huber needs e: 'huber:e=…'"),
        ("elastic", "needs e1 and e2"),
        ("huber:f=1", "huber has no 'f'; it has: scale, block, e"),
        ("huber:0.1", "has no name; write field=value"),
        ("huber:e=(1", "cannot be read"),
        ("huber:e=-1", "e must be a finite number above 0, got -1"),
        ("huber:e=big", "e must be a number, got 'big'"),
        ("l1:scale=0", "scale must be a finite number above 0"),
        ("l1:scale=rms", "l1 has no scale 'rms'; give a number above 0"),
        ("l2:scale=root", "give a number above 0 or 'rms'"),
        ("l2:block=col", "no block 'col'"),
        ("l2:block=0", "at least 1, got 0"),
        ("lp:p=1", "p = 1 has a name of its own: 'l1'"),
        ("lp:p=0.5", "p must be a finite number above 1, got 0.5"),
        ("schatten:p=1", "p must be a finite number above 1, got 1"),
        ("schatten:p=inf", "p must be a number, got 'inf'"),
        ("power:p=1", "p must be a finite number above 1"),
        ("top-k:k=0", "k must be a whole number from 1"),
        ("nuclear:block=row", "leaves no matrices"),
        ("nuclear:method=qr", "method must be one of svd, newton-schulz"),
        ("max-l2:block=row", "name the groups inside it by groups"),
        ("max-l2:groups=tensor", "K is 'l2'"),
        ("quadratic-form:P=((1,2),(3,4))", "P must be symmetric"),
        ("quadratic-form:P=((1,2),)", "P must be a square matrix"),
    ],
)
def test_a_bad_name_says_what_to_write(spec, message):
    with pytest.raises(ValueError) as caught:
        get(spec)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "spec", ["l2:block=3", "nuclear:block=3", "quadratic-form:P=((1,0),(0,1))"]
)
def test_a_block_that_does_not_fit_says_so(spec):
    with pytest.raises(ValueError, match="choose"):
        get(spec).grad(torch.zeros(4, 5))
