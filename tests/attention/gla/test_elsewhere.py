"""The same tests where Triton computes, under its interpreter or on a card; and its compiler."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton", reason="the kernels need Triton: the extra 'dev' has it")
HERE = Path(__file__).parent
OTHERS = [str(path) for path in sorted(HERE.glob("test_*.py")) if path.name != "test_elsewhere.py"]

pytestmark = pytest.mark.skipif("HALFLIFE_GLA_TESTS" in os.environ, reason="runs the others")


def run(where: str, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *OTHERS],
        env=os.environ | {"HALFLIFE_GLA_TESTS": where} | environment,
        cwd=HERE.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout


@pytest.mark.slow
def test_the_interpreter():
    run("interpreter", TRITON_INTERPRET="1")


@pytest.mark.gpu
def test_a_card():
    run("cuda")


COMPILED = """
import sys
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from halflife.attention.gla.gpu import kernels

name, dtype, architecture = sys.argv[1:]
kernel = getattr(kernels, name)
states = {"h_in", "h_last", "dh_out", "first", "last", "dq", "dk"}
tables = {"table", "bounds", "chunk0"}
chosen = dict(
    C=64, R=16, BK=64, BV=64, HAS_FIRST=True, BACKWARD=False,
    PRECISION="ieee" if dtype == "fp32" else "tf32",
    KIND=tl.float32 if dtype == "fp32" else tl.bfloat16,
)
chosen = {n: x for n, x in chosen.items() if n in kernel.arg_names}
given = {}
for n in kernel.arg_names:
    if n in chosen:
        given[n] = "constexpr"
    elif n in ("H", "K", "V"):
        given[n] = "i32"
    elif n == "scale":
        given[n] = "fp32"
    else:
        given[n] = "*" + ("i64" if n in tables else "fp32" if n in states else dtype)
source = ASTSource(kernel, given, chosen)
compiled = triton.compile(source, target=GPUTarget("cuda", int(architecture), 32))
print(len(compiled.asm["cubin"]))
"""


@pytest.mark.parametrize(
    ("kernel", "dtype", "architecture"),
    [
        pytest.param("states", "bf16", 90, marks=pytest.mark.slow),
        ("outputs", "bf16", 90),
        pytest.param("queries", "bf16", 80, marks=pytest.mark.slow),
        pytest.param("keys", "bf16", 90, marks=pytest.mark.slow),
        pytest.param("values", "bf16", 100, marks=pytest.mark.slow),
        pytest.param("gates", "bf16", 90, marks=pytest.mark.slow),
        pytest.param("outputs", "fp32", 90, marks=pytest.mark.slow),
        pytest.param("values", "fp32", 90, marks=pytest.mark.slow),
    ],
)
def test_it_compiles_for_cards_that_are_not_here(kernel, dtype, architecture, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", COMPILED, kernel, dtype, str(architecture)],
        env={name: x for name, x in os.environ.items() if name != "TRITON_INTERPRET"}
        | {"TRITON_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 0
