"""Gated linear attention beside softmax attention and beside what others offer.

    python -m benchmarks.attention [--quick] [--plot FILE.html] [--device cuda]

On a CPU, with all of PyTorch's threads: ours, ours in plain torch (what computes without Numba),
`F.scaled_dot_product_attention(is_causal=True)`, and at short lengths two recurrences in Python,
one that writes into a tensor as flash-linear-attention's naive form does, one that makes a list.
All take turns in one process; a ratio is the median of the ratios of neighbours in time. Then the
length from which on we are faster, the exponent of our time in the length (1 is linear), and the
memory at several lengths.

On a card: the published shapes and harness of flash-linear-attention (github.com/fla-org) in
bfloat16: ours, its `chunk_gla` where it is installed, and PyTorch's attention; median milliseconds.
"""

import argparse
import itertools
import math
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import torch
import torch.nn.functional as F  # noqa: N812  everybody's name for it

from halflife.attention import gla

LENGTHS = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
LOOPS_UP_TO = {False: 1024, True: 512}
"""The longest sequence that the loops in Python are given, forward and with the gradient."""
SHAPES = (  # batch, tokens, heads, channels
    (1, 8192, 96, 128),
    (2, 16384, 16, 128),
    (4, 2048, 16, 128),
    (4, 4096, 64, 128),
    (8, 2048, 32, 256),
    (8, 1024, 8, 64),
)
Run = Callable[[], object]


def in_place(q, k, v, g):
    """The recurrence as a loop that writes its outputs into a tensor, heads before tokens."""
    q, k, v, g = (x.transpose(1, 2).float() for x in (q, k, v, g))
    o, S = torch.zeros_like(v), q.new_zeros(*q.shape[:2], q.shape[-1], v.shape[-1])
    for t in range(q.shape[2]):
        S = S * g[:, :, t].exp()[..., None] + k[:, :, t, :, None] * v[:, :, t, None, :]
        o[:, :, t] = (q[:, :, t, :, None] * q.shape[-1] ** -0.5 * S).sum(-2)
    return o.transpose(1, 2)


def listed(q, k, v, g):
    """The recurrence as a loop that makes a list."""
    o, S = [], q.new_zeros(q.shape[0], *q.shape[2:], v.shape[-1], dtype=torch.float32)
    for t in range(q.shape[1]):
        S = S * g[:, t].float().exp()[..., None] + k[:, t, :, :, None] * v[:, t, :, None, :]
        o.append((q[:, t, :, None].float() @ S).squeeze(-2) * q.shape[-1] ** -0.5)
    return torch.stack(o, 1)


def softmax(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def inputs(L: int, H: int, d: int, dtype: torch.dtype, B: int = 1, device: str = "cpu"):
    torch.manual_seed(0)
    q, k, v = torch.randn(3, B, L, H, d, device=device, dtype=dtype).unbind()
    g = F.logsigmoid(torch.randn(B, L, H, d, device=device)) / 16
    return q, k, v, g.to(dtype)


def job(function, tensors, *, gradient: bool) -> Run:
    """What is timed: the function alone, or with the gradient of all inputs."""
    if not gradient:

        def run():
            with torch.no_grad():
                return function(*tensors)

        return run
    free = [x.detach().clone().requires_grad_() for x in tensors]
    with torch.no_grad():
        do = torch.randn_like(function(*tensors))
    return lambda: torch.autograd.grad(function(*free), free, do)


TURN = 0.05
"""Seconds of calls that a turn lasts at least: the first finds caches and threads cold."""


def seconds(run: Run, calls: int = 1) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def compare(runs: dict[str, Run], budget: float) -> dict[str, list[float]]:
    """Times of a call of each, taking turns, at least five rounds or three if they are long."""
    for run in runs.values():
        run()  # compiles
    calls = {name: math.ceil(TURN / seconds(run)) for name, run in runs.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    begun = time.perf_counter()
    for name, run in itertools.chain.from_iterable(itertools.repeat(list(runs.items()), 25)):
        if len(times[name]) >= (3 if len(runs) * TURN > budget / 5 else 5) and (
            time.perf_counter() - begun > budget
        ):
            break
        times[name].append(seconds(run, calls[name]))
    shortest = min(map(len, times.values()))
    return {name: found[:shortest] for name, found in times.items()}


def ratio(times: dict[str, list[float]], name: str) -> float:
    pairs = zip(times[name], times["ours"], strict=True)
    return statistics.median(theirs / ours for theirs, ours in pairs)


def table(d: int, H: int, dtype: torch.dtype, lengths, budget: float, *, gradient: bool):
    """Print one table; return its lengths, our times and the ratios to softmax attention."""
    what = "forward and gradient" if gradient else "forward"
    print(f"\n{what}, d = {d}, heads {H}, {str(dtype)[6:]}; ratios: their time / ours")
    print(f"{'L':>6} {'ours, ms':>9} {'softmax':>8} {'torch':>7} {'in place':>9} {'listed':>7}")
    ours, ratios = [], []
    for L in lengths:
        tensors = inputs(L, H, d, dtype)
        heads_first = [x.transpose(1, 2).contiguous() for x in tensors[:3]]
        runs = {
            "ours": job(gla, tensors, gradient=gradient),
            "softmax": job(softmax, heads_first, gradient=gradient),
            "torch": job(partial(gla, backend="torch"), tensors, gradient=gradient),
        }
        times = compare(runs, budget)
        slow: dict[str, list[float]] = {}
        if LOOPS_UP_TO[gradient] >= L:
            loops = {"in place": in_place, "listed": listed}
            slow = compare(
                {"ours": runs["ours"]}
                | {name: job(f, tensors, gradient=gradient) for name, f in loops.items()},
                budget / 2,
            )
        ours.append(statistics.median(times["ours"]))
        ratios.append(ratio(times, "softmax"))
        beside = [ratio(slow, name) if slow else math.nan for name in ("in place", "listed")]
        print(
            f"{L:6} {1e3 * ours[-1]:9.2f} {ratios[-1]:8.2f} {ratio(times, 'torch'):7.2f} "
            f"{beside[0]:9.0f} {beside[1]:7.0f}",
            flush=True,
        )
    faster = [all(r >= 1 for r in ratios[n:]) for n in range(len(ratios))]
    cross = next((str(L) for L, yes in zip(lengths, faster, strict=True) if yes), "none")
    print(f"faster than softmax attention from L = {cross} on", end="")
    long = [(math.log(L), math.log(t)) for L, t in zip(lengths, ours, strict=True) if L >= 1024]
    if len(long) > 2:
        print(
            f"; time ∝ L^{statistics.linear_regression(*zip(*long, strict=True)).slope:.3f}", end=""
        )
    print()
    return lengths, ours, ratios


def peak(L: int) -> None:
    """Print by how many MiB a forward and gradient at length L raise this process's memory."""
    tensors = inputs(L, 4, 64, torch.float32)
    job(gla, inputs(64, 4, 64, torch.float32), gradient=True)()
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far, of imports, counts no more
    before = psutil.Process().memory_info().rss / 2**20
    job(gla, tensors, gradient=True)()
    print(
        int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024 - before
    )


def memory() -> None:
    if sys.platform != "linux":
        return
    print("\nmemory of forward and gradient, d = 64, 4 heads, float32")
    for L in (8192, 16384, 32768, 65536):
        code = f"from benchmarks.attention import peak; peak({L})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        mib = float(done.stdout)
        print(f"{L:6} {mib:7.0f} MiB {1024 * mib / L:7.2f} KiB a token", flush=True)


def plot(path: str, results) -> None:
    import plotly.graph_objects as go

    figure = go.Figure()
    for name, (lengths, _, ratios) in results.items():
        figure.add_scatter(x=lengths, y=ratios, name=name, mode="lines+markers")
    figure.add_hline(y=1, line_dash="dot")
    figure.update_xaxes(type="log", title="tokens")
    figure.update_yaxes(type="log", title="time of softmax attention / ours")
    figure.write_html(path)


def on_a_cpu(*, quick: bool = False, to: str | None = None) -> None:
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
    lengths = (64, 256, 1024, 4096) if quick else LENGTHS
    results = {}
    for dtype in (torch.float32, torch.bfloat16):
        for H in (4,) if quick else (4, 1):
            for d in (64, 128):
                for gradient in (False, True):
                    name = f"{str(dtype)[6:]} d={d} H={H} {'f+b' if gradient else 'f'}"
                    budget = 0.3 if quick else 1.5
                    results[name] = table(d, H, dtype, lengths, budget, gradient=gradient)
    memory()
    if to:
        plot(to, results)


def on_a_card() -> None:
    """Time the published shapes on the card."""
    from triton.testing import do_bench

    try:
        from fla.ops.gla import chunk_gla
    except ImportError:
        chunk_gla = None
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, bfloat16, median ms")
    print(f"{'B,T,H,D':>16} {'':>6} {'ours':>9} {'fla':>9} {'softmax':>9} {'fla/ours':>9}")
    for B, T, H, D in SHAPES:
        for gradient in (False, True):
            q, k, v, g = inputs(T, H, D, torch.bfloat16, B, "cuda")
            g = F.logsigmoid(torch.randn_like(g)).clamp_min(-5)
            heads_first = [x.transpose(1, 2).contiguous() for x in (q, k, v)]
            runs = [job(gla, (q, k, v, g), gradient=gradient)]
            if chunk_gla is not None:
                runs.append(job(lambda *x: chunk_gla(*x)[0], (q, k, v, g), gradient=gradient))
            runs.append(job(softmax, heads_first, gradient=gradient))
            for run in runs:
                for _ in range(5):
                    run()
            medians = [do_bench(run, warmup=25, rep=100, quantiles=[0.5]) for run in runs]
            ours, *others = medians
            fla = others[0] if chunk_gla is not None else math.nan
            what = "f+b" if gradient else "f"
            print(
                f"{f'{B},{T},{H},{D}':>16} {what:>6} {ours:9.3f} {fla:9.3f} {others[-1]:9.3f} "
                f"{fla / ours:9.2f}",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few lengths, four heads, short times")
    parser.add_argument("--plot", metavar="FILE.html", help="draw the ratios")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    given = parser.parse_args()
    if given.device == "cuda":
        on_a_card()
    else:
        on_a_cpu(quick=given.quick, to=given.plot)
