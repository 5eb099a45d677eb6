"""The update on a GPU, held to the plain one.

On a card the kernel runs as it is. Elsewhere Triton's interpreter runs it on the CPU, in a process
of its own, because Triton decides at its import whether it interprets; and it is compiled for cards
that are not here.
"""

import json
import os
import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from hypothesis import example, given, settings
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
    by_kernel,
    how,
    plain,
    slot,
    unsuited,
)
from tests.optim.strategies import ELEMENTWISE

triton = pytest.importorskip("triton", reason="the kernel needs Triton: the extra 'dev' has it")

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of inf and NaN
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
CARD = torch.cuda.is_available() and not INTERPRETED
DEVICE = "cuda" if CARD else "cpu"
KS = [str(K) for K in ELEMENTWISE]
NAMES = [K.partition(":")[0] for K in KS]

runs = pytest.mark.skipif(
    not (CARD or INTERPRETED), reason="run by test_the_interpreter in a process of its own"
)
if CARD or INTERPRETED:
    from halflife.optim import gpu
if INTERPRETED:
    import tests.triton_interpreter  # noqa: F401


def check(slots, update, *, exact=True):
    theirs = plain(slots, update)
    assert [unsuited(gpu, each, update) for each in slots] == [""] * len(slots)
    by_kernel(gpu, slots, update)
    assert_same(slots, theirs, exact=exact)


@pytest.mark.skipif(CARD or INTERPRETED, reason="the tests below run here")
def test_the_interpreter(pytestconfig):
    """Every test below, under the interpreter."""
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-m", pytestconfig.option.markexpr]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, __file__],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout


CARDS = [
    ("l1", "float32", "float32", "nearest", 80),
    ("arctan", "float64", "float64", "nearest", 90),
    ("power", "bfloat16", "int8", "stochastic", 90),
    ("asinh", "bfloat16", "float32", "kahan", 100),
]
COMPILED = """
import json, sys
from triton import compile
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from halflife.optim.gpu import kernel as ours

given = dict(table="*i64", row_of="*i32", numbers="*fp64", key="*i64", found_inf="*fp32")
codes = []
for K, P, M, rounding, architecture in json.loads(sys.argv[1]):
    chosen = dict(K=K, P=P, G=P, M=M, ROUNDING=rounding, FOUND=True, ALIGNED=True, SIZE=ours.TILE)
    types = given | {"rows": "i32"} | dict.fromkeys(chosen, "constexpr")
    source = ASTSource(ours.kernel, types, chosen)
    options = dict(num_warps=ours.WARPS, enable_fp_fusion=False)
    code = compile(source, target=GPUTarget("cuda", architecture, 32), options=options).asm
    codes.append((len(code["cubin"]), code["ptx"]))
print(json.dumps(codes))
"""


@pytest.mark.skipif(INTERPRETED, reason="what is interpreted is not compiled")
def test_it_compiles_for_cards_that_are_not_here(tmp_path):
    """To machine code; and memory is read and written in words of 16 bytes."""
    done = subprocess.run(
        [sys.executable, "-c", COMPILED, json.dumps(CARDS)],
        env={k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
        | {"TRITON_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for kind, (size, code) in zip(CARDS, json.loads(done.stdout), strict=True):
        assert size > 0, kind
        wide = "v2.b64" if kind[1] == "float64" else "v4.b32"
        assert f"ld.global.{wide}" in code, kind
        assert f"st.global.{wide}" in code, kind


@runs
@pytest.mark.parametrize(("p", "g", "m", "rounding"), KINDS)
def test_every_kind_of_numbers(p, g, m, rounding):
    check([slot(3000, p, g, m, rounding, device=DEVICE)], how(rounding=rounding))


@runs
@pytest.mark.parametrize("K", KS)
@pytest.mark.parametrize(("p", "m", "rounding"), K_KINDS)
def test_every_k(K, p, m, rounding):
    check(
        [slot(3000, p, p, m, rounding, device=DEVICE)],
        how(K, rounding),
        exact=K.partition(":")[0] not in CURVED and not CARD,
    )


SPECIAL = [0.0, -0.0, 1.0, -1.0, 1e-45, -1e-40, 3e38, float("inf"), -float("inf"), float("nan")]
NUMBERS = st.one_of(st.sampled_from(SPECIAL), st.floats(-10, 10, width=32))


@runs
@pytest.mark.skipif(CARD, reason="a card divides to two last places")
@given(
    values=st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), max_size=40),
    K=st.sampled_from(["l1", "dead-zone:e=0.3", "huber:e=0.5", "quadratic"]),
    p=st.sampled_from([F32, BF16]),
)
@example(values=[(-0.0, -1.0, 0.0)], K="dead-zone:e=0.3", p=F32)  # the step is −0
@settings(max_examples=60, deadline=None)
def test_any_values_of_any_length(values, K, p):
    each = slot(len(values), p, p, F32)
    for column, name in enumerate(("p", "g", "m")):
        getattr(each, name).copy_(torch.tensor(values, dtype=F64).reshape(-1, 3)[:, column])
    theirs = plain([each], how(K))[0]
    by_kernel(gpu, [each], how(K))
    assert_same([each], [theirs])


@runs
@pytest.mark.parametrize("K", KS)
def test_steps_far_out(K):
    each = slot(8, device=DEVICE)
    values = [1e-30, -1e-6, 1e-3, -0.4, 3.0, -1e3, 1e20, float("nan")]
    each.g.copy_(torch.tensor(values))
    each.m.copy_(torch.tensor(values))
    each.p.zero_()
    theirs = plain([each], how(K))[0]
    by_kernel(gpu, [each], how(K))
    torch.testing.assert_close(each.p, theirs.p, rtol=1e-5, atol=1e-40, equal_nan=True)


@runs
def test_many_tensors_in_one_launch():
    shapes = [(), (0, 3), (1,), (255,), (257,), (2048,), (2049,), (3, 4, 5), (64, 100)]
    slots = [slot(s, number=n, device=DEVICE) for n, s in enumerate(shapes)]
    slots += [
        slot(s, BF16, BF16, I8, "stochastic", number=n, device=DEVICE) for n, s in enumerate(shapes)
    ]
    check(slots, how(rounding="stochastic"))


@runs
def test_views_that_are_not_aligned():
    base = slot(5000, device=DEVICE)
    cut = [1, 1002, 1003, 4000]
    views = [
        type(base)(base.p[a:b], base.g[a:b], base.m[a:b], None, None, n)
        for n, (a, b) in enumerate(pairwise(cut))
    ]
    check(views, how())


@runs
def test_numbers_that_stay_on_the_device():
    """A learning rate, a loss scale, a step in tensors: read by the kernel."""
    ours, theirs = (slot(3000, BF16, BF16, F32, "stochastic", device=DEVICE) for _ in range(2))
    tensors = {
        "length": torch.tensor(0.01, dtype=F64, device=DEVICE),
        "keep": torch.tensor(0.75, device=DEVICE),
        "gradient": torch.tensor([0.5], device=DEVICE),
        "step": torch.tensor(7, device=DEVICE),
    }
    numbers = {name: value.item() for name, value in tensors.items()}
    by_kernel(gpu, [ours], how(rounding="stochastic", **tensors))
    by_kernel(gpu, [theirs], how(rounding="stochastic", **numbers))
    assert_same([ours], [theirs])


@runs
@pytest.mark.parametrize("found", [0.0, 1.0])
@pytest.mark.parametrize("m", [F32, I8])
def test_found_inf_leaves_all_as_it_was(found, m):
    each = slot(3000, m=m, device=DEVICE)
    update = how(found_inf=torch.tensor(found, device=DEVICE))
    theirs = [slot(3000, m=m, device=DEVICE)] if found else plain([each], update)
    by_kernel(gpu, [each], update)
    assert_same([each], theirs)


@runs
def test_weights_that_share_memory_are_updated_one_after_the_other():
    ours, theirs = ([slot(3000, number=n, device=DEVICE) for n in range(2)] for _ in range(2))
    for first, second in (ours, theirs):
        second.p = first.p
    by_kernel(gpu, ours, how())
    for each in theirs:
        by_kernel(gpu, [each], how())
    assert_same(ours, theirs)


@pytest.mark.skipif(not CARD, reason="no GPU here")
def test_a_graph_holds_a_step():
    from halflife.optim import Lion

    weights = [torch.nn.Parameter(torch.ones(n, device="cuda", dtype=BF16)) for n in (5000, 3)]
    rate = torch.tensor(0.01, device="cuda")
    optimizer = Lion(weights, lr=rate, fused=True, capturable=True, rounding="stochastic")
    for p in weights:
        p.grad = torch.ones_like(p)
    optimizer.step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        optimizer.step()
    before = weights[0].mean().item()
    rate.fill_(0.5)
    graph.replay()
    assert before - weights[0].mean().item() == pytest.approx(0.5, abs=0.01)
