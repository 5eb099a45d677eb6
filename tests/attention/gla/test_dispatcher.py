"""The operator among PyTorch's own: dispatch, compilation, threads."""

import shutil
import subprocess
import sys
import warnings

import pytest
import torch

from halflife.attention import gla, gla_step
from halflife.attention.gla import backends, custom_op

from .instances import DEVICE, FAST, cotangents, distance, make


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # PyTorch 2.14's own
@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("packed", [False, True])
def test_opcheck(backend, packed):
    problem = make(0, B=2, T=9, H=2, K=4, V=3, lengths=(4, 0, 5) if packed else None)
    problem = problem.to(torch.float32)
    given = [x.to(DEVICE).requires_grad_() for x in problem.inputs]
    torch.library.opcheck(custom_op.forward, (*given, problem.cu_seqlens, 0.5, backend))
    without_state = (*given[:4], None, problem.cu_seqlens, 0.5, backend)
    torch.library.opcheck(custom_op.forward, without_state)


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("tau", [16.0, 0.05])
def test_autocast_changes_no_bit(backend, tau):
    problem = make(5, B=2, T=90, H=2, K=8, V=8, tau=tau).to(torch.float32)
    do, dstate = (x.to(DEVICE).float() for x in cotangents(problem))
    given = [x.to(DEVICE).requires_grad_() for x in problem.inputs]

    def results():
        q, k, v, g, state = given
        outputs = gla(q, k, v, g, initial_state=state, return_state=True, backend=backend)
        return [*outputs, *torch.autograd.grad(outputs, given, (do, dstate))]

    plain = results()
    with torch.autocast(DEVICE, torch.bfloat16):
        cast = results()
    assert all(torch.equal(x, y) for x, y in zip(plain, cast, strict=True))


def test_autocast_changes_no_bit_of_a_step():
    problem = make(5, B=2, T=1, H=2, K=8, V=8).to(torch.float32)
    q, k, v, g = (x[:, 0].to(DEVICE) for x in problem.inputs[:4])
    plain = gla_step(q, k, v, g)
    with torch.autocast(DEVICE, torch.bfloat16):
        cast = gla_step(q, k, v, g)
    assert all(torch.equal(x, y) for x, y in zip(plain, cast, strict=True))


INDUCTOR = pytest.param(
    "inductor",
    marks=[
        pytest.mark.slow,
        pytest.mark.skipif(
            DEVICE == "cpu" and shutil.which("g++") is None, reason="no C++ compiler: no g++"
        ),
    ],
)


@pytest.mark.filterwarnings("ignore:.torch.jit.script_method:DeprecationWarning")  # PyTorch's own
@pytest.mark.parametrize("compiler", ["aot_eager", INDUCTOR])
@pytest.mark.parametrize("backend", [*FAST, "auto"])
def test_compiled_is_eager(backend, compiler):
    problem = make(1, B=2, T=20, H=2, K=8, V=8).to(torch.float32)
    do, dstate = (x.to(DEVICE) for x in cotangents(problem))

    def function(q, k, v, g, state):
        o, last = gla(
            torch.tanh(q), k, v, g, initial_state=state, return_state=True, backend=backend
        )
        return (o * do).sum() + (last * dstate).sum()

    compiled = torch.compile(function, fullgraph=True, backend=compiler)
    given = [x.to(DEVICE).requires_grad_() for x in problem.inputs]
    eager = torch.autograd.grad(function(*given), given)
    ours = torch.autograd.grad(compiled(*given), given)
    for x, y in zip(ours, eager, strict=True):
        assert distance(x, y) < 1e-6


def test_each_device_has_its_backend():
    assert backends.choose("auto", "cpu", torch.float32) == "cpu"
    assert backends.choose("auto", "mps", torch.float32) == "torch"
    assert backends.choose("auto", "cuda", torch.float64) == "torch"
    assert backends.choose("reference", "cuda", torch.float32) == "reference"
    with pytest.raises(ValueError, match="'cpu' but q is on cuda"):
        backends.choose("cpu", "cuda", torch.float32)
    with pytest.raises(ValueError, match="has no float64"):
        backends.choose("triton", "cuda", torch.float64)


def test_triton_without_a_card_says_what_to_do(monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(ValueError, match="TRITON_INTERPRET=1"):
        backends.choose("triton", "cpu", torch.float32)


def test_without_numba_torch_computes_and_says_so_once():
    code = """
import sys, warnings
sys.modules["numba"] = None
import torch
from halflife.attention import gla
x = torch.randn(1, 5, 1, 4)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    gla(x, x, x, -x.abs())
    gla(x, x, x, -x.abs())
(warning,) = caught
assert "'torch' computes instead" in str(warning.message)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("backend", FAST)
def test_any_number_of_threads_gives_the_same_bits(backend):
    if backend == "torch":
        pytest.skip("PyTorch's own products may depend on the number of threads")
    problem = make(2, B=2, T=300, H=3, K=64, V=64, tau=1.0).to(torch.float32)
    do, dstate = cotangents(problem)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = problem.gradients(backend, do, dstate)
        torch.set_num_threads(3)
        together = problem.gradients(backend, do, dstate)
    finally:
        torch.set_num_threads(before)
    for x, y in zip(together, alone, strict=True):
        assert torch.equal(x, y)


def test_nothing_warns_in_everyday_use():
    problem = make(3).to(torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem.run("auto")
