"""What a user of PyTorch expects of an optimizer, and what Lion-K promises besides."""

import copy
import math
import pickle
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.optim.strategies import ALL, SMOOTH, tensors
from torch import nn

from halflife.optim import FrankWolfe, Lion, LionK, Muon, NormalizedSGD, Signum, kappa

SHAPE = (4, 3)


def parameter(seed=0, shape=SHAPE, dtype=torch.float64):
    chance = torch.Generator().manual_seed(seed)
    return nn.Parameter(torch.randn(shape, generator=chance, dtype=torch.float64).to(dtype))


def gradient(step, shape=SHAPE, dtype=torch.float64):
    chance = torch.Generator().manual_seed(1000 + step)
    return torch.randn(shape, generator=chance, dtype=torch.float64).to(dtype)


def train(optimizer, *parameters, steps=range(5)):
    for step in steps:
        for p in parameters:
            p.grad = gradient(step, p.shape, p.dtype)
        optimizer.step()


def trained(make, dtype=torch.float64, shape=SHAPE, steps=range(5)):
    p = parameter(dtype=dtype, shape=shape)
    train(make([p]), p, steps=steps)
    return p.detach()


# The update.


def google(p, g, m, lr, wd, b1, b2):
    """The update as the authors of Lion publish it."""
    p.data.mul_(1 - lr * wd)
    update = m * b1 + g * (1 - b1)
    p.data.add_(torch.sign(update), alpha=-lr)
    m.mul_(b2).add_(g, alpha=1 - b2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("way", [{}, {"foreach": True}, {"foreach": False, "fused": False}])
def test_the_authors_lion_bit_for_bit(dtype, way):
    ours, theirs = parameter(dtype=dtype), parameter(dtype=dtype)
    optimizer, m = Lion([ours], lr=3e-3, weight_decay=0.3, **way), torch.zeros_like(theirs)
    for step in range(50):
        train(optimizer, ours, steps=[step])
        google(theirs, gradient(step, dtype=dtype), m, 3e-3, 0.3, 0.9, 0.99)
    assert torch.equal(ours, theirs)
    assert torch.equal(optimizer.state[ours]["exp_avg"], m)


def lion_pytorch(params, **options):
    return pytest.importorskip("lion_pytorch").Lion(params, **options)


def pytorch_optimizer(params, **options):
    return pytest.importorskip("pytorch_optimizer").Lion(params, **options)


def optimi(params, **options):
    return pytest.importorskip("optimi").Lion(params, triton=False, **options)


@pytest.mark.parametrize("peer", [lion_pytorch, pytorch_optimizer, optimi])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_other_lions_bit_for_bit(peer, dtype):
    options = {"lr": 3e-3, "weight_decay": 0.3, "betas": (0.9, 0.99)}
    ours = trained(lambda p: Lion(p, **options), dtype, steps=range(50))
    theirs = trained(lambda p: peer(p, **options), dtype, steps=range(50))
    assert torch.equal(ours, theirs)


def test_keras_golden_values():
    p = nn.Parameter(torch.ones(10))
    optimizer = Lion([p], lr=1e-3)
    for step in range(1, 11):
        p.grad = torch.full((10,), 0.01) if step == 1 else torch.arange(0.1, 1.05, 0.1)
        optimizer.step()
        torch.testing.assert_close(p.detach(), torch.full((10,), 1 - 1e-3 * step))


@pytest.mark.parametrize("nesterov", [True, False])
def test_muon_is_that_of_torch(nesterov):
    how = {"dtype": torch.float32, "shape": (32, 16), "steps": range(20)}
    options = {"lr": 0.02, "weight_decay": 0.1, "nesterov": nesterov}
    ours = trained(lambda p: Muon(p, **options), **how)
    theirs = trained(lambda p: torch.optim.Muon(p, **options), **how)
    torch.testing.assert_close(ours, theirs, atol=5e-4, rtol=0)


def test_half_the_square_is_sgd_once_its_buffer_is_seeded_alike():
    sgd = trained(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.9))

    def ours(p):
        optimizer = LionK(p, lr=0.1, betas=(0.9, 0.9), K="quadratic")
        # torch starts its buffer with the gradient itself where an average has a tenth of it
        optimizer.state[p[0]]["exp_avg"] = gradient(0)
        return optimizer

    torch.testing.assert_close(trained(ours), sgd)


def test_signum_and_normalised_sgd_are_what_they_say():
    by_name = trained(lambda p: Signum(p, lr=0.1, momentum=0.8, weight_decay=0.2))
    assert torch.equal(
        by_name, trained(lambda p: LionK(p, lr=0.1, betas=(0.8, 0.8), weight_decay=0.2))
    )
    start = parameter().detach()
    after = trained(lambda p: NormalizedSGD(p, lr=0.1), steps=[0])
    assert float((after - start).norm()) == pytest.approx(0.1)
    after = trained(lambda p: NormalizedSGD(p, lr=0.1, block="row"), steps=[0])
    torch.testing.assert_close((after - start).norm(dim=1), torch.full((4,), 0.1).double())


@pytest.mark.parametrize("K", [K for K in ALL if K.bounded and K.even], ids=str)
def test_frank_wolfe_is_the_textbooks(K):
    p = parameter()
    x, radius = p.detach().clone(), 0.7
    optimizer = FrankWolfe([p], radius=radius, K=K)
    for step in range(60):
        train(optimizer, p, steps=[step])
        s = radius * K.grad(-gradient(step))
        x = x + 2 / (step + 2) * (s - x)
    torch.testing.assert_close(p.detach(), x)


@pytest.mark.parametrize("K", ALL, ids=str)
@settings(max_examples=10)
@given(g=tensors(), lr=st.floats(1e-4, 0.5), decay=st.floats(0, 1.5))
def test_implicit_decay_is_explicit_with_another_rate(K, g, lr, decay):
    explicit, implicit = parameter(), parameter()
    step = lr / (1 + lr * decay)
    pairs = [
        (LionK([explicit], lr=step, weight_decay=decay, K=K), explicit),
        (LionK([implicit], lr=lr, weight_decay=decay, K=K, decay="implicit"), implicit),
    ]
    for optimizer, p in pairs:
        p.grad = g
        optimizer.step()
    torch.testing.assert_close(explicit, implicit)


def test_a_k_that_is_not_even_steps_against_the_gradient():
    p = nn.Parameter(torch.zeros(3))
    p.grad = torch.tensor([1.0, 0.0, -1.0])
    LionK([p], lr=1.0, betas=(0.0, 0.0), K="log-sum-exp").step()
    torch.testing.assert_close(p.detach(), torch.tensor([-1.0, 0.0, 1.0]).softmax(0))


@pytest.mark.parametrize("K", [K for K in ALL if K.even], ids=str)
def test_without_gradients_nothing_moves(K):
    p = parameter()
    before = p.detach().clone()
    optimizer = LionK([p], lr=0.1, K=K)
    p.grad = torch.zeros_like(p)
    p.grad[0, 0] = -0.0
    optimizer.step()
    optimizer.step()
    assert torch.equal(p, before)


@pytest.mark.parametrize("spec", ["l1", "huber:e=0.1", "l2", "linf", "top-k:k=2"])
def test_a_broken_gradient_shows(spec):
    p = parameter()
    optimizer = LionK([p], lr=0.1, K=spec)
    p.grad = gradient(0)
    p.grad[1, 2] = math.nan
    optimizer.step()
    assert p[1, 2].isnan()


# What PyTorch's optimizers do.


@pytest.mark.parametrize("K", ALL, ids=str)
def test_all_ways_make_the_same_update(K):
    def after(**way):
        return trained(lambda p: LionK(p, lr=0.1, weight_decay=0.3, K=K, **way))

    plain = after(foreach=False, fused=False)
    torch.testing.assert_close(after(), plain)
    torch.testing.assert_close(after(foreach=True), plain)
    torch.testing.assert_close(after(capturable=True), plain)


@pytest.mark.parametrize("way", [{}, {"foreach": True}, {"foreach": False, "fused": False}])
@pytest.mark.parametrize("capturable", [False, True])
def test_the_rate_may_be_a_tensor(way, capturable):
    def after(lr):
        return trained(lambda p: LionK(p, lr=lr, weight_decay=0.3, capturable=capturable, **way))

    torch.testing.assert_close(after(torch.tensor(0.1, dtype=torch.float64)), after(0.1))
    torch.testing.assert_close(after(torch.tensor([0.1], dtype=torch.float64)), after(0.1))


@pytest.mark.parametrize("way", [{}, {"foreach": True}, {"foreach": False, "fused": False}])
@pytest.mark.parametrize("K", ["l1", "l2", "log-sum-exp"])
def test_maximize_climbs_and_leaves_gradients_alone(way, K):
    up, down = parameter(), parameter()
    climbs = LionK([up], lr=0.1, weight_decay=0.1, K=K, maximize=True, **way)
    falls = LionK([down], lr=0.1, weight_decay=0.1, K=K, **way)
    up.grad, down.grad = gradient(0), -gradient(0)
    for _ in range(3):  # the same gradient tensor each time
        climbs.step()
        falls.step()
        assert torch.equal(up.grad, gradient(0))
        assert torch.equal(down.grad, -gradient(0))
    assert torch.equal(up, down)


def test_groups_have_options_of_their_own():
    a, b, c = parameter(0), parameter(1), parameter(2)
    optimizer = LionK(
        [
            {"params": [a], "K": "huber:e=0.5", "lr": 0.2},
            {"params": [b], "K": kappa.L2(block="row"), "decay": "implicit"},
        ],
        lr=0.1,
        weight_decay=0.5,
    )
    optimizer.add_param_group({"params": [c], "betas": (0.5, 0.5)})
    train(optimizer, a, b, c)
    assert torch.equal(a, nn.Parameter(a))
    for p, seed, options in (
        (a, 0, {"K": "huber:e=0.5", "lr": 0.2}),
        (b, 1, {"K": "l2:block=row", "decay": "implicit"}),
        (c, 2, {"betas": (0.5, 0.5)}),
    ):
        alone = parameter(seed)
        train(LionK([alone], **{"lr": 0.1, "weight_decay": 0.5, **options}), alone)
        assert torch.equal(alone, p)


def test_a_bad_group_is_not_added():
    optimizer = LionK([parameter()])
    with pytest.raises(ValueError, match="no K 'hubert'"):
        optimizer.add_param_group({"params": [parameter()], "K": "hubert"})
    assert len(optimizer.param_groups) == 1


def test_named_parameters_keep_their_names():
    model = nn.Linear(3, 2)
    optimizer = LionK(model.named_parameters(), lr=0.1)
    written = optimizer.state_dict()
    assert written["param_groups"][0]["param_names"] == ["weight", "bias"]
    LionK(model.named_parameters()).load_state_dict(written)


def test_parameters_without_gradients_are_left_alone():
    a, b = parameter(0), parameter(1)
    before = b.detach().clone()
    optimizer = LionK([a, b], lr=0.1, weight_decay=0.5)
    train(optimizer, a)
    assert torch.equal(b, before)
    assert b not in optimizer.state


def test_a_closure_is_called_once_with_gradients_on():
    p = parameter()
    optimizer, calls = LionK([p], lr=0.1), []

    def closure():
        optimizer.zero_grad()
        loss = p.square().sum()
        loss.backward()
        calls.append(loss.item())
        return loss

    assert optimizer.step(closure).item() == calls[0]
    assert len(calls) == 1


def test_hooks_run():
    p = parameter()
    optimizer, seen = LionK([p]), []
    optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    optimizer.register_step_post_hook(lambda *_: seen.append("after"))
    train(optimizer, p, steps=[0])
    assert seen == ["before", "after"]


def test_schedulers_of_torch_drive_it():
    p = parameter()
    optimizer = LionK([p], lr=0.1)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 4)
    for step in range(4):
        train(optimizer, p, steps=[step])
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0)


@pytest.mark.filterwarnings("ignore:.*grad_scale.*")
def test_a_loss_scale_does_not_show():
    plain, scaled = parameter(dtype=torch.float32), parameter(dtype=torch.float32)
    one, two = LionK([plain], lr=0.1, K="huber:e=0.1"), LionK([scaled], lr=0.1, K="huber:e=0.1")
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=2)
    for step in range(6):
        plain.grad = gradient(step, dtype=torch.float32)
        two.zero_grad()
        loss = (scaled * gradient(step, dtype=torch.float32)).sum()
        scaler.scale(loss * (math.inf if step == 3 else 1)).backward()
        scaler.step(two)
        scaler.update()
        if step != 3:  # skipped, as its gradients are not finite
            one.step()
    torch.testing.assert_close(plain, scaled)


def test_sparse_gradients_are_refused():
    layer = nn.Embedding(5, 2, sparse=True)
    layer(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="sparse=False"):
        LionK(layer.parameters()).step()


@pytest.mark.parametrize("K", ["l1", "huber:e=0.3", "l2"])
@pytest.mark.parametrize("way", [{}, {"foreach": True}, {"foreach": False, "fused": False}])
def test_complex_numbers_are_pairs_of_real_ones(K, way):
    z = nn.Parameter(torch.view_as_complex(torch.randn(5, 2, dtype=torch.float64)))
    x = nn.Parameter(torch.view_as_real(z.detach()).clone())
    complex_one = LionK([z], lr=0.1, K=K, weight_decay=0.2, **way)
    real_one = LionK([x], lr=0.1, K=K, weight_decay=0.2, **way)
    for step in range(3):
        x.grad = gradient(step, (5, 2))
        z.grad = torch.view_as_complex(x.grad)
        complex_one.step()
        real_one.step()
    torch.testing.assert_close(torch.view_as_real(z.detach()), x.detach())


@pytest.mark.parametrize("K", SMOOTH, ids=str)
def test_gradients_flow_through_a_step(K):
    start = parameter().detach()

    def stepped(g, x, lr, m):
        p = nn.Parameter(x.detach())
        p = x.clone()
        optimizer = LionK(
            [nn.Parameter(p.detach())], lr=lr, K=K, weight_decay=0.3, differentiable=True
        )
        optimizer.param_groups[0]["params"] = [p]
        optimizer.state[p]["exp_avg"] = m.clone()
        p.grad = g
        optimizer.step()
        return p, optimizer.state[p]["exp_avg"]

    inputs = [gradient(0), start, torch.tensor(0.1, dtype=torch.float64), gradient(1)]
    assert torch.autograd.gradcheck(stepped, [t.requires_grad_() for t in inputs])


@pytest.mark.parametrize("K", ["l1", "huber:e=0.3", "l2", "nuclear"])
@pytest.mark.parametrize("lr", [0.1, torch.tensor(0.1)])
def test_a_compiled_step_makes_the_same_update(K, lr):
    def after(compiled):
        p = parameter(dtype=torch.float32)
        optimizer = LionK([p], lr=lr, weight_decay=0.3, K=K)
        step = torch.compile(optimizer.step, backend="aot_eager") if compiled else optimizer.step
        for at in range(3):
            p.grad = gradient(at, dtype=torch.float32)
            step()
        return p.detach()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the compiler
        torch.testing.assert_close(after(compiled=True), after(compiled=False))


@pytest.mark.slow
def test_inductor_compiles_a_step():
    def after(compiled):
        p = parameter(dtype=torch.float32)
        optimizer = LionK([p], lr=0.1, weight_decay=0.3)
        step = torch.compile(optimizer.step) if compiled else optimizer.step
        for at in range(3):
            p.grad = gradient(at, dtype=torch.float32)
            step()
        return p.detach()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.testing.assert_close(after(compiled=True), after(compiled=False))


def test_shapes_at_the_edge():
    shapes = [(), (1,), (0,), (3, 0), (1, 1, 1)]
    ps = [parameter(at, shape) for at, shape in enumerate(shapes)]
    train(LionK(ps, lr=0.1, weight_decay=0.1), *ps)
    assert ps[0].item() == pytest.approx(
        float(trained(lambda p: Lion(p, 0.1, weight_decay=0.1), shape=()))
    )


@pytest.mark.parametrize("way", [{}, {"foreach": True}, {"foreach": False, "fused": False}])
def test_memory_formats_are_kept_and_do_not_matter(way):
    images = parameter(shape=(2, 3, 4, 4), dtype=torch.float32)
    last = nn.Parameter(images.detach().clone(memory_format=torch.channels_last))
    turned = nn.Parameter(images.detach().clone().transpose(0, 1))
    ours, theirs = LionK([images], lr=0.1, **way), LionK([last, turned], lr=0.1, **way)
    for step in range(3):
        images.grad = gradient(step, images.shape, torch.float32)
        last.grad = images.grad.clone(memory_format=torch.channels_last)
        turned.grad = images.grad.transpose(0, 1)
        ours.step()
        theirs.step()
    assert torch.equal(images, last)
    assert torch.equal(images, turned.transpose(0, 1))
    assert last.is_contiguous(memory_format=torch.channels_last)


def test_views_of_one_storage_are_updated_each_for_itself():
    whole = torch.zeros(6)
    a, b = nn.Parameter(whole[:4]), nn.Parameter(whole[4:])
    a.grad, b.grad = torch.ones(4), -torch.ones(2)
    LionK([a, b], lr=0.5).step()
    assert whole.tolist() == [-0.5] * 4 + [0.5] * 2


# State.


OPTIONS = [
    {"K": "l1"},
    {"K": "huber:e=0.1", "decay": "implicit"},
    {"K": "nuclear:method=newton-schulz"},
    {"K": "l1", "dtype": torch.bfloat16, "rounding": "stochastic", "seed": 3},
    {"K": "l2", "dtype": torch.bfloat16, "rounding": "stochastic"},
    {"K": "l1", "dtype": torch.bfloat16, "rounding": "kahan"},
    {"K": "l1", "dtype": torch.bfloat16, "state_dtype": torch.bfloat16},
    {"K": "l1", "dtype": torch.float32, "state_dtype": torch.int8},
    {
        "K": "log-cosh:b=3.0",
        "dtype": torch.bfloat16,
        "state_dtype": torch.int8,
        "rounding": "kahan",
    },
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_run_that_was_stopped_goes_on_bit_for_bit(options, tmp_path):
    options = dict(options)
    dtype = options.pop("dtype", torch.float64)
    options |= {"lr": 0.05, "weight_decay": 0.4}
    whole = [parameter(seed, (20, 30), dtype) for seed in (0, 1)]
    one = LionK(whole, **options)
    train(one, *whole, steps=range(4))
    torch.save({"p": whole, "optimizer": one.state_dict()}, tmp_path / "checkpoint")
    train(one, *whole, steps=range(4, 8))

    kept = torch.load(tmp_path / "checkpoint", weights_only=True)
    parts = kept["p"]
    two = LionK(parts)  # all options come from the checkpoint
    two.load_state_dict(kept["optimizer"])
    train(two, *parts, steps=range(4, 8))
    for ours, theirs in zip(parts, whole, strict=True):
        assert torch.equal(ours, theirs)
        for name, value in one.state[theirs].items():
            assert torch.equal(two.state[ours][name], value)
            assert two.state[ours][name].dtype == value.dtype


def test_a_state_dict_is_a_snapshot_with_names():
    p = parameter()
    optimizer = LionK([p], K=kappa.Lp(1.5, scale="rms"))
    train(optimizer, p)
    written = optimizer.state_dict()
    assert written["param_groups"][0]["K"] == "lp:scale=rms,p=1.5"
    assert isinstance(optimizer.param_groups[0]["K"], kappa.Lp)  # ours is not touched


def test_copies_and_pickles_go_on_alike():
    p = parameter()
    optimizer = LionK([p], lr=0.1, K="huber:e=0.2")
    train(optimizer, p)
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        (q,) = other.param_groups[0]["params"]
        train(other, q, steps=[5])
        r = nn.Parameter(p.detach().clone())
        third = LionK([r])
        third.load_state_dict(optimizer.state_dict())
        train(third, r, steps=[5])
        assert torch.equal(q, r)


def test_checkpoints_of_lion_pytorch_load():
    p = parameter(dtype=torch.float32)
    theirs = lion_pytorch([p], lr=0.05, weight_decay=0.2)
    train(theirs, p)
    q = nn.Parameter(p.detach().clone())
    ours = LionK([q], K="l1")
    ours.load_state_dict(theirs.state_dict())
    train(theirs, p, steps=range(5, 9))
    train(ours, q, steps=range(5, 9))
    assert torch.equal(p, q)


@pytest.mark.parametrize("before", [torch.float32, torch.bfloat16, torch.int8])
@pytest.mark.parametrize("after", [torch.float32, torch.bfloat16, torch.int8])
def test_a_state_is_converted_to_what_the_checkpoints_group_wants(before, after):
    p = parameter(dtype=torch.float32, shape=(30, 20))
    one = LionK([p], state_dtype=before)
    train(one, p)
    written = one.state_dict()
    written["param_groups"][0]["state_dtype"] = after
    two = LionK([p])
    two.load_state_dict(written)
    state = two.state[p]
    assert state["exp_avg"].dtype == after
    assert ("exp_avg_scales" in state) == (after == torch.int8)
    train(two, p)


def test_a_checkpoint_of_another_optimizer_is_refused():
    p = parameter()
    sgd = torch.optim.SGD([p], lr=0.1, momentum=0.9)
    train(sgd, p)
    with pytest.raises(ValueError, match="no 'exp_avg' for a parameter"):
        LionK([p]).load_state_dict(sgd.state_dict())


def test_state_follows_the_parameters_dtype_only_where_it_should():
    p = parameter(dtype=torch.bfloat16)
    optimizer = LionK([p])
    train(optimizer, p)
    assert optimizer.state[p]["exp_avg"].dtype == torch.float32


# Sixteen bits and eight.


def test_decay_is_lost_in_bfloat16_unless_rounding_is_cared_for():
    def size(**options):
        p = nn.Parameter(torch.ones(4096, dtype=torch.bfloat16))
        optimizer = LionK([p], lr=1e-3, weight_decay=1.0, **options)
        p.grad = torch.zeros_like(p)
        for _ in range(1000):
            optimizer.step()
        return float(p.detach().double().mean())

    with pytest.warns(UserWarning, match="decay is lost"):
        assert size() == 1.0
    exact = 0.999**1000
    assert size(rounding="kahan") == pytest.approx(exact, rel=0.01)
    assert size(rounding="stochastic") == pytest.approx(exact, rel=0.01)


def test_stochastic_rounding_is_right_in_the_mean():
    count, steps = 20_000, 12
    start = torch.linspace(0.1, 3, 7)
    exact = nn.Parameter(start.clone())
    rounded = nn.Parameter(start.repeat(count, 1).bfloat16())
    exact.data = rounded[0].detach().float()
    pairs = [
        (LionK([exact], lr=1e-3, weight_decay=0.7), exact),
        (LionK([rounded], lr=1e-3, weight_decay=0.7, rounding="stochastic", seed=5), rounded),
    ]
    for step in range(steps):
        for optimizer, p in pairs:
            p.grad = gradient(step, (7,), torch.float32).expand(p.shape).to(p.dtype)
            optimizer.step()
    trajectories = rounded.detach().double()
    error = trajectories.mean(0) - exact.detach().double()
    z = error / (trajectories.std(0) / count**0.5)
    assert float(z.abs().max()) < 4  # seven normal deviates


def test_stochastic_rounding_depends_on_seed_and_step_and_tensor_alone():
    def run(seed, threads=1, padding=0):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            ps = [parameter(at, (50, 41), torch.bfloat16) for at in range(3)]
            frozen = [parameter(9, (5,), torch.bfloat16)] * bool(padding)
            train(LionK([*ps, *frozen], lr=1e-3, rounding="stochastic", seed=seed), *ps)
            return torch.stack([p.detach() for p in ps])
        finally:
            torch.set_num_threads(before)

    assert torch.equal(run(0), run(0, threads=2))
    assert torch.equal(run(0), run(0, padding=1))
    assert not torch.equal(run(0), run(1))


def test_philox_agrees_with_numpys_and_the_published_vectors():
    from halflife.optim.philox import philox

    def words(counter, key):
        ours = philox(tuple(torch.tensor([c]) for c in counter), key)
        return [int(word) for word in ours]

    ones = 0xFFFFFFFF  # Random123's kat_vectors for philox4x32-10
    assert words((0, 0, 0, 0), (0, 0)) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert words((ones,) * 4, (ones,) * 2) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
    pi = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
    assert words(pi, (0xA4093822, 0x299F31D0)) == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 1000))
def test_eight_bits_keep_what_they_promise(seed, count):
    from halflife.optim.eight_bit import BLOCK, decode, encode

    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(count, generator=chance) * torch.logspace(-6, 2, count)
    code, scales = encode(x)
    largest = scales.repeat_interleave(BLOCK)[:count]
    back = decode(code, scales)
    bound = largest * ((x.abs() / largest).sqrt() / 127 + 1 / (4 * 127**2))
    assert ((back - x).abs() <= bound * (1 + 1e-5) + 1e-12).all()
    assert ((back == 0) | (back.sign() == x.sign())).all()
    again, same = encode(back)
    assert torch.equal(again, code)  # a value that came from the code comes back to it
    torch.testing.assert_close(same, scales)


def test_steps_of_eight_bits_agree_in_sign():
    wide, narrow = (parameter(dtype=torch.float32, shape=(64, 256)) for _ in range(2))
    pairs = [
        (Lion([wide], lr=1e-3), wide),
        (Lion([narrow], lr=1e-3, state_dtype=torch.int8), narrow),
    ]
    signs = []
    for step in range(30):
        before = [p.detach().clone() for _, p in pairs]
        for optimizer, p in pairs:
            p.grad = gradient(step, p.shape, torch.float32) * torch.logspace(-3, 0, 64).unsqueeze(1)
            optimizer.step()
        moved = [(p.detach() - b).sign() for (_, p), b in zip(pairs, before, strict=True)]
        signs.append(float((moved[0] == moved[1]).double().mean()))
    assert sum(signs) / len(signs) > 0.99


# What a person gets wrong.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1}, "lr must be a finite number from 0, got -1"),
        ({"lr": math.nan}, "lr must be a finite number"),
        ({"lr": torch.ones(2)}, "A tensor lr has one entry"),
        ({"betas": (0.9, 1.0)}, "β₂ must lie in [0, 1), got 1.0"),
        ({"betas": (-0.1, 0.9)}, "β₁ must lie in [0, 1)"),
        ({"weight_decay": -0.1}, "weight_decay must be a finite number from 0"),
        ({"lr": 0.5, "weight_decay": 3}, "lr · weight_decay is 1.5"),
        ({"decay": "both"}, "decay must be 'explicit' or 'implicit'"),
        ({"rounding": "up"}, "rounding must be one of nearest, stochastic, kahan"),
        ({"state_dtype": torch.int32}, "state_dtype must be floating or torch.int8"),
        ({"K": "l1.5"}, "no K 'l1.5'"),
        ({"fused": True, "foreach": True}, "exclude each other"),
        ({"fused": True, "K": "l2"}, "fused needs a K that is a sum over entries"),
        ({"differentiable": True}, "The step of l1 has no derivative"),
        ({"differentiable": True, "K": "huber:e=1", "foreach": True}, "differentiable excludes"),
    ],
)
def test_bad_options_say_what_to_do(options, message):
    with pytest.raises(ValueError) as caught:
        LionK([parameter()], **options)
    assert message in str(caught.value)


def test_stochastic_rounding_is_for_bfloat16():
    with pytest.raises(ValueError, match="take rounding='kahan' for float16"):
        LionK([parameter(dtype=torch.float16)], rounding="stochastic")


def test_a_wrong_order_of_betas_is_said_aloud():
    with pytest.warns(UserWarning, match="β₁ > β₂"):
        LionK([parameter()], betas=(0.99, 0.9))


def test_muon_refuses_vectors_and_frank_wolfe_wants_a_bound():
    with pytest.raises(ValueError, match=r"Muon is for matrices, got a parameter of shape \(3,\)"):
        Muon(nn.Linear(2, 3).parameters())
    layer = nn.Linear(2, 3)
    mixed = Muon([{"params": [layer.weight]}, {"params": [layer.bias], "K": "l1"}])
    assert isinstance(mixed.param_groups[0]["K"], kappa.Nuclear)
    with pytest.raises(ValueError, match="has no bounded set"):
        FrankWolfe([parameter()], K="quadratic")
    with pytest.raises(ValueError, match="radius must be above 0"):
        FrankWolfe([parameter()], radius=0)
