"""The compiled update on the CPU, held to the plain one: bit for bit wherever that can be."""

import copy
import importlib.util
import os
import subprocess
import sys
import types
import warnings
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.optim.kernels import (
    BF16,
    CURVED,
    F32,
    F64,
    I8,
    K_KINDS,
    KINDS,
    assert_same,
    bits,
    by_kernel,
    how,
    plain,
    slot,
    unsuited,
)
from tests.optim.strategies import ELEMENTWISE
from torch import nn

from halflife.optim import Lion, LionK, cpu
from halflife.optim.kappa import Elementwise, Huber
from halflife.optim.slot import Slot

KS = [str(K) for K in ELEMENTWISE]


def check(slots, update, *, exact=True):
    theirs = plain(slots, update)
    assert [unsuited(cpu, each, update) for each in slots] == [""] * len(slots)
    by_kernel(cpu, slots, update)
    assert_same(slots, theirs, exact=exact)


@pytest.mark.parametrize(("p", "g", "m", "rounding"), KINDS)
def test_every_kind_of_numbers(p, g, m, rounding):
    check([slot(1000, p, g, m, rounding)], how(rounding=rounding))


@pytest.mark.parametrize("K", KS)
@pytest.mark.parametrize(("p", "m", "rounding"), K_KINDS)
def test_every_k(K, p, m, rounding):
    check(
        [slot(1000, p, p, m, rounding)], how(K, rounding), exact=K.partition(":")[0] not in CURVED
    )


SPECIAL = [0.0, -0.0, 1.0, -1.0, 1e-45, -1e-40, 3e38, float("inf"), -float("inf"), float("nan")]
NUMBERS = st.one_of(st.sampled_from(SPECIAL), st.floats(-10, 10, width=32))


@given(
    values=st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), max_size=40),
    copies=st.integers(1, 30),
    K=st.sampled_from([K for K in KS if K.partition(":")[0] not in CURVED]),
    p=st.sampled_from([F32, F64, BF16]),
    maximize=st.booleans(),
)
@settings(max_examples=150)
def test_any_values_of_any_length(values, copies, K, p, maximize):
    rows = torch.tensor(values * copies, dtype=F64).reshape(-1, 3)
    each = slot(len(rows), p, p, F64 if p == F64 else F32)
    for column, name in enumerate(("p", "g", "m")):
        getattr(each, name).copy_(rows[:, column])
    check([each], how(K, gradient=-0.5 if maximize else 1.0))


@given(
    values=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=40),
    rounding=st.sampled_from(["nearest", "stochastic", "kahan"]),
)
def test_any_values_in_few_bits(values, rounding):
    each = slot(len(values), BF16, BF16, I8, rounding)
    for column, name in enumerate(("p", "g")):
        getattr(each, name).copy_(torch.tensor(values)[:, column])
    theirs = plain([each], how(rounding=rounding))[0]
    by_kernel(cpu, [each], how(rounding=rounding))
    if each.m_scales.isfinite().all():  # else no code means anything
        assert torch.equal(each.m, theirs.m)
    for name in ("p", "m_scales"):
        assert torch.equal(bits(getattr(each, name)), bits(getattr(theirs, name)))


@given(values=st.lists(NUMBERS, min_size=1, max_size=30), K=st.sampled_from(KS))
def test_curved_steps_of_any_values(values, K):
    """Far out too: to 16 last places of the step, or of the weight if that is more."""
    each = slot(len(values))
    each.g.copy_(torch.tensor(values))
    each.m.copy_(torch.tensor(values))
    each.p.zero_()
    theirs = plain([each], how(K))[0]
    by_kernel(cpu, [each], how(K))
    torch.testing.assert_close(each.p, theirs.p, rtol=2e-6, atol=1e-40, equal_nan=True)


@pytest.mark.parametrize(("p", "m", "rounding"), [(F32, F32, "nearest"), (BF16, I8, "stochastic")])
def test_threads_change_no_bit(p, m, rounding):
    shapes = [(300_001,), (17,), (400, 500), (70_000,)]
    start = [slot(s, p, p, m, rounding, number=n) for n, s in enumerate(shapes)]
    results, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            results.append(copy.deepcopy(start))
            by_kernel(cpu, results[-1], how(rounding=rounding))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert_same(other, results[0])


def test_many_tensors_of_all_sizes():
    shapes = [(n,) for n in range(300)] + [(), (0, 3), (5, 0), (3, 4, 5), (256,), (257,), (2, 256)]
    slots = [slot(s, number=n) for n, s in enumerate(shapes)]
    slots += [slot(s, BF16, BF16, I8, "stochastic", number=n) for n, s in enumerate(shapes)]
    check(slots, how(rounding="stochastic"))


def test_nothing_to_do():
    by_kernel(cpu, [slot(0)], how())
    by_kernel(cpu, [], how())


def test_dense_tensors_in_any_order_of_dimensions():
    each = slot((4, 3, 5, 6))
    for name in ("p", "g", "m"):
        setattr(each, name, getattr(each, name).to(memory_format=torch.channels_last))
    turned = slot((7, 9), number=1)
    for name in ("p", "g", "m"):
        setattr(turned, name, getattr(turned, name).t())
    check([each, turned], how("huber:e=0.1"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: setattr(s, "g", s.g.t().contiguous().t()), "different strides"),
        (lambda s: [setattr(s, n, torch.randn(6, 12)[:, ::2]) for n in "pgm"], "not dense"),
        (lambda s: [setattr(s, n, getattr(s, n).half()) for n in "pgm"], "torch.float16"),
        (lambda s: setattr(s, "m", s.m.half()), "average of torch.float16"),
        (lambda s: setattr(s, "g", s.g.to("meta")), "meta"),
        (lambda s: setattr(s, "m", s.m[:3]), "different shapes"),
    ],
)
def test_what_the_kernel_cannot_do_has_a_reason(change, reason):
    each = slot((6, 6))
    change(each)
    assert reason in unsuited(cpu, each, how())


def test_bits_by_entry_need_contiguous_tensors():
    each = slot((6, 7), BF16, BF16, F32, "stochastic")
    for name in ("p", "g", "m"):
        setattr(each, name, getattr(each, name).t())
    assert "contiguous" in unsuited(cpu, each, how(rounding="stochastic"))
    assert unsuited(cpu, each, how()) == ""


def test_views_of_one_memory():
    base, updates = slot(1000), how()
    parts = [(0, 300), (300, 301), (301, 1000)]
    views = [
        Slot(base.p[a:b], base.g[a:b], base.m[a:b], None, None, n) for n, (a, b) in enumerate(parts)
    ]
    theirs = plain([base], updates)
    by_kernel(cpu, views, updates)
    assert_same([base], theirs)


def test_weights_that_share_memory_are_updated_one_after_the_other():
    ours, theirs = ([slot(300_000, number=n) for n in range(2)] for _ in range(2))
    for first, second in (ours, theirs):
        second.p = first.p
    by_kernel(cpu, ours, how())
    for each in theirs:  # deepcopy would keep them together too, but say it plainly
        by_kernel(cpu, [each], how())
    assert_same(ours, theirs)


# Through the optimizer.


def trained(seed=0, dtype=F32, steps=3, shapes=((5, 7), (300,), ()), **options):
    chance = torch.Generator().manual_seed(seed)
    weights = [nn.Parameter(torch.randn(shape, generator=chance).to(dtype)) for shape in shapes]
    optimizer = LionK(weights, lr=1e-2, weight_decay=0.3, **options)
    for step in range(steps):
        noise = torch.Generator().manual_seed(step)
        for p in weights:
            p.grad = torch.randn(p.shape, generator=noise).to(dtype)
        optimizer.step()
    return weights, optimizer


@pytest.mark.parametrize("decay", ["explicit", "implicit"])
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("dtype", [F32, F64, torch.complex64])
def test_fused_or_not_is_the_same_run(decay, maximize, dtype):
    options = {"decay": decay, "maximize": maximize, "dtype": dtype}
    for fused in (None, True):
        ours, _ = trained(fused=fused, **options)
        theirs, _ = trained(fused=False, **options)
        assert all(map(torch.equal, ours, theirs))


@pytest.mark.parametrize("state", [None, BF16, I8])
def test_a_resumed_run_rounds_as_one_in_one_piece(state):
    options = {
        "dtype": BF16,
        "rounding": "stochastic",
        "state_dtype": state,
        "fused": True,
        "shapes": ((40, 7), (300,)),
    }
    whole, _ = trained(steps=6, **options)
    half, first = trained(steps=3, **options)
    second = LionK(half, lr=1.0, rounding="stochastic", fused=True, state_dtype=state)
    second.load_state_dict(first.state_dict())
    for step in range(3, 6):
        noise = torch.Generator().manual_seed(step)
        for p in half:
            p.grad = torch.randn(p.shape, generator=noise).to(p.dtype)
        second.step()
    assert all(map(torch.equal, whole, half))


def test_fused_true_insists():
    with pytest.raises(RuntimeError, match=r"fused=True, but .*float16.*Leave fused out"):
        trained(dtype=torch.float16, fused=True)
    trained(dtype=torch.float16)


def test_fused_true_changes_all_or_nothing():
    weights = [nn.Parameter(torch.ones(3, dtype=dtype)) for dtype in (F32, torch.float16, F32)]
    for p in weights:
        p.grad = torch.ones_like(p)
    with pytest.raises(RuntimeError, match=r"float16"):
        Lion(weights, lr=0.25, fused=True).step()
    assert all(p.eq(1).all() for p in weights)


CHANGES = {
    "elsewhere": lambda t: t.clone(),
    "turned": lambda t: t.t().contiguous().t(),
    "in float64": lambda t: t.double(),
    "in bfloat16": lambda t: t.to(BF16),
    "a part of more": lambda t: torch.stack([t, t], -1)[..., 0],
    "gone": None,
    "as before": lambda t: t.float().contiguous(),
}


@given(
    st.lists(
        st.tuples(st.sampled_from([*CHANGES]), st.integers(0, 2), st.sampled_from("pgm")),
        max_size=12,
    )
)
@settings(max_examples=50)
def test_tensors_may_change_between_steps(changes):
    """Weights and averages may be exchanged through `.data`, gradients come and go."""
    runs = []
    for fused in (None, False):
        chance = torch.Generator().manual_seed(0)
        weights = [nn.Parameter(torch.randn(4, 4, generator=chance)) for _ in range(3)]
        optimizer = LionK(weights, lr=0.1, weight_decay=0.3, fused=fused)
        for change, which, of in [("as before", 0, "p"), *changes]:
            for p in weights:
                p.grad = torch.randn(4, 4, generator=chance).to(p)
            p = weights[which]
            tensor = {"p": p, "g": p.grad, "m": optimizer.state[p].get("exp_avg", p)}[of]
            if change == "gone":
                p.grad = None
            elif of == "g":
                p.grad = None
                p.grad = torch.empty_like(tensor)
                p.grad.data = CHANGES[change](tensor)
            else:
                tensor.data = CHANGES[change](tensor.data)
            optimizer.step()
        runs.append([*weights, *(optimizer.state[p]["exp_avg"] for p in weights)])
    for ours, theirs in zip(*runs, strict=True):
        assert ours.dtype == theirs.dtype
        assert torch.equal(ours, theirs)


def test_weights_of_another_size_are_an_error_and_no_accident():
    weights = nn.Parameter(torch.ones(8))
    optimizer = Lion([weights], lr=0.25)
    weights.grad = torch.ones(8)
    optimizer.step()
    weights.data = torch.ones(80_000)
    weights.grad = torch.ones(80_000)
    with pytest.raises(RuntimeError, match="size"):
        optimizer.step()


def test_an_elementwise_k_of_ones_own_takes_plain_operations():
    class Steep(Huber, kind="steep-for-the-kernel-test"):
        """A step that the kernels do not know."""

        def _grad(self, z):
            return z

    try:
        assert issubclass(Steep, Elementwise)
        ours, _ = trained(K=Steep(0.1))
        theirs, _ = trained(K="quadratic")
        assert all(map(torch.equal, ours, theirs))
        with pytest.raises(RuntimeError, match="there is no kernel for steep"):
            trained(K=Steep(0.1), fused=True)
    finally:
        del Steep._kinds["steep-for-the-kernel-test"]


def test_autograd_notices_the_change():
    weight = nn.Parameter(torch.ones(3))
    loss = (weight**2).sum()
    weight.grad = torch.ones(3)
    Lion([weight], fused=True).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_grad_scaler_hands_over_its_scale():
    """Gradients stay scaled, the step is that of unscaled ones, and one with an inf is left out."""
    weight, expected = nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(4))
    optimizer = LionK([weight], lr=0.1, K="huber:e=1", fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    x = torch.tensor([1.0, -2.0, 3.0, 0.5])
    scaler.scale((weight * x).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert torch.equal(weight.grad, 1024 * x)
    expected.grad = x
    LionK([expected], lr=0.1, K="huber:e=1").step()
    assert torch.equal(weight, expected)
    weight.grad = torch.tensor([1.0, float("inf"), 0.0, 0.0])
    scaler.scale(torch.ones(()))
    scaler.step(optimizer)
    scaler.update()
    assert torch.equal(weight, expected)
    assert scaler.get_scale() == 512.0


@pytest.mark.parametrize("found", [0.0, 1.0])
def test_found_inf_can_stay_on_the_device(found):
    weight = nn.Parameter(torch.ones(4))
    optimizer = LionK([weight], lr=0.1, fused=True, capturable=True)
    optimizer.found_inf, optimizer.grad_scale = torch.tensor(found), torch.tensor(4.0)
    weight.grad = torch.ones(4)
    optimizer.step()
    assert torch.equal(weight.detach(), torch.full((4,), 1.0 if found else 0.9))


PEERS = {
    "lion_pytorch": lambda m: lambda p, **o: m.Lion(p, **o, use_triton=False),
    "timm": lambda m: lambda p, **o: m.Lion(p, **o),
    "pytorch_optimizer": lambda m: lambda p, **o: m.Lion(p, **o),
    "optimi": lambda m: lambda p, **o: m.Lion(p, **o, triton=False),
}


def timm_lion():
    """Its module alone: the package wants torchvision, the optimizer does not."""
    found = importlib.util.find_spec("timm")
    if found is None:
        raise ImportError("no timm")
    package = types.ModuleType("timm_optim")
    package.__path__ = [str(Path(found.origin).parent / "optim")]
    sys.modules["timm_optim"] = package
    return importlib.import_module("timm_optim.lion")


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("dtype", [F32, F64])
def test_other_lions_bit_for_bit(name, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs are not ours to mend
        try:
            module = timm_lion() if name == "timm" else importlib.import_module(name)
        except ImportError as error:
            pytest.skip(f"{name} is not here ({error}); the extra 'bench' has it")
    chance = torch.Generator().manual_seed(0)
    start = torch.randn(1003, generator=chance).to(dtype)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    options = {"lr": 3e-3, "betas": (0.9, 0.99), "weight_decay": 0.3}
    pair = Lion([ours], **options, fused=True), PEERS[name](module)([theirs], **options)
    for _ in range(50):
        ours.grad = torch.randn(1003, generator=chance).to(dtype)
        theirs.grad = ours.grad.clone()
        for optimizer in pair:
            optimizer.step()
    assert torch.equal(ours, theirs)


# Where something is missing.


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout.split()


WITHOUT_NUMBA = """
import sys, warnings
sys.modules["numba"] = None  # as if it were not installed
import torch
from halflife.optim import Lion
weight = torch.nn.Parameter(torch.ones(3))
weight.grad = torch.ones(3)
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    for fused in (None, None, False):
        Lion([weight], lr=0.25, fused=fused).step()
print(weight.tolist()[0], len(seen), "Numba" in str(seen[0].message))
try:
    Lion([weight], fused=True).step()
except RuntimeError as error:
    print("Numba" in str(error))
"""


@pytest.mark.slow
def test_without_numba_there_is_one_warning_and_the_same_step():
    assert run(WITHOUT_NUMBA) == ["0.25", "1", "True", "True"]


FORKED = """
import os, torch
from halflife.optim import Lion
torch.set_num_threads(2)
weight = torch.nn.Parameter(torch.ones(300_000))
weight.grad = torch.ones(300_000)
optimizer = Lion([weight], lr=0.25, fused=True)
optimizer.step()
child = os.fork()  # PyTorch's own threads do not outlive this: no operation of its in the child
if child == 0:
    optimizer.step()
    os._exit(0 if weight[0].item() == weight[-1].item() == 0.5 else 1)
print(os.waitpid(child, 0)[1], weight[-1].item())
"""


@pytest.mark.slow  # `test_threads` forks too
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_has_threads_of_its_own():
    assert run(FORKED) == ["0", "0.75"]


CROWDED = """
import threading, torch
from halflife.optim import cpu, eight_bit, kappa
from halflife.optim.slot import Slots, Update

torch.set_num_threads(1)  # each caller is the only thread of its own updates

def made(number):
    chance = torch.Generator().manual_seed(number)
    p, g, m = (torch.randn(5000, generator=chance) for _ in range(3))
    m, scales = eight_bit.encode(m)
    return Slots([p.bfloat16()], [g.bfloat16()], [m], [scales], [None], [number])

def updated(slots):
    how = Update(kappa.L1(), 0.9, 0.99, keep=0.999, length=0.01, rounding="stochastic")
    for _ in range(300):
        cpu.update_fused(slots, how)

alone, together = ([made(number) for number in range(64)] for _ in range(2))
for slots in alone:
    updated(slots)
threads = [threading.Thread(target=updated, args=[slots]) for slots in together]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(all(torch.equal(x[0], y[0]) for a, b in zip(alone, together) for x, y in zip(a[:4], b[:4])))
"""


@pytest.mark.slow
def test_threads_have_scratch_memory_of_their_own():
    """In a process of its own, as memory that is shared by mistake ends it sooner or later."""
    assert run(CROWDED) == ["True"]
