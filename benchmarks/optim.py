"""What one step of Lion costs beside a pass over the same memory, PyTorch's AdamW and other Lions.

    python -m benchmarks.optim [repetitions]
    python -m benchmarks.optim --device cuda [repetitions]

On the CPU all take turns in one process, and what is printed is the median over the turns of
theirs / ours, in wall time and in processor time (of all threads; the one to look at when others
use the machine): 4 means that ours takes a quarter of theirs. Two loads: one tensor of
8.4 million weights, and 169 tensors of 2.6 million (the shapes of a small transformer); one thread
and two.

`floor` reads weights, gradient and average and writes weights and average, as every Lion must,
with two additions an entry; Numba compiles it as ours, and one call does all tensors. `SGD fused`
is PyTorch's, with momentum: the same memory, and the better floor where `floor` comes out above 1,
as on an AMD EPYC (1.3 to 2.4). AdamW has to move 1.4 times as much.

Peers that are not installed are left out; the extra `bench` has them. timm wants a torchvision of
the same build as PyTorch, but its optimizer does not: `pip install --no-deps timm` is enough here.
Targets on two cores: at most 1.10 times the floor on the large tensor, 4 times faster than the
peers on it and twice on the small ones, 1.15 times faster than AdamW.

On a GPU, times are those of the device, and ours is put beside the memory's speed in a copy and
PyTorch's fused AdamW. Targets: 90 % of the copy's, and 1.3 times faster than AdamW.
"""

import argparse
import importlib
import importlib.util
import sys
import time
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn

from halflife.optim import LionK

LARGE = [(8_400_000,)]
SMALL = [(2000, 128), (64, 128)] + 12 * [
    (384, 128), (384,), (128, 128), (128,), (512, 128), (512,), (128, 512), (128,),
    (128,), (128,), (128,), (128,), (64,), (64,),
]  # fmt: skip
SMALL = SMALL[:169]
OPTIONS: dict[str, Any] = {"lr": 1e-4, "weight_decay": 0.1}
KS = (
    "huber:e=0.01", "dead-zone:e=0.01", "elastic:e1=0.01,e2=0.01", "relativistic:e=0.01",
    "log-cosh:b=100.0", "softsign:e=0.01", "arctan:e=0.01", "quadratic", "power:p=1.5", "asinh",
    "symlog",
)  # fmt: skip

Step = Callable[[], Any]


def weights(shapes: list[tuple[int, ...]], dtype: torch.dtype, device: str) -> list[nn.Parameter]:
    made = [nn.Parameter(torch.randn(shape, device=device).to(dtype)) for shape in shapes]
    for p in made:
        p.grad = torch.randn(p.shape, device=device).to(dtype)
    return made


def google(params: list[nn.Parameter]) -> Step:
    """The loop of Lion's authors, from the formula."""
    averages = [torch.zeros_like(p) for p in params]

    @torch.no_grad()
    def step() -> None:
        for p, m in zip(params, averages, strict=True):
            assert p.grad is not None
            p.mul_(1 - 1e-4 * 0.1)
            u = m * 0.9 + p.grad * (1 - 0.9)
            p.add_(u.sign(), alpha=-1e-4)
            m.mul_(0.99).add_(p.grad, alpha=1 - 0.99)

    return step


def floor(params: list[nn.Parameter]) -> Step:
    """The same memory with two additions an entry, in our kernel's threads."""
    from halflife.optim.cpu import kernel, memory
    from halflife.optim.cpu.kernel import _read as load
    from halflife.optim.cpu.kernel import _size as size
    from halflife.optim.cpu.kernel import _write as store
    from halflife.threads import shared

    fetch, ahead = memory.fetch, kernel.AHEAD

    @shared(kernel, memory)
    def run(
        worker: int, low: int, high: int, p: Any, g: Any, m: Any, counts: Any, parts: int
    ) -> None:
        one = np.float32(1)
        for part in range(low, high):
            for row in range(len(counts)):
                start, stop = counts[row] * part // parts, counts[row] * (part + 1) // parts
                for tile in range(start, stop, 64):  # few fetches at once: more would wait
                    for line in range(tile * size(p), (tile + 64) * size(p), 64):
                        fetch(p.at[row], line + ahead)
                        fetch(g.at[row], line + ahead)
                        fetch(m.at[row], line + ahead)
                    for i in range(tile, min(tile + 64, stop)):
                        a = load(m, m.at[row], i, one)
                        store(m, m.at[row], i, a + load(g, g.at[row], i, one), 0)
                        store(p, p.at[row], i, a + load(p, p.at[row], i, one), 0)

    averages = [torch.zeros_like(p) for p in params]
    grads = [p.grad for p in params if p.grad is not None]
    stored = {
        torch.float32: kernel.Float32,
        torch.float64: kernel.Float64,
        torch.bfloat16: kernel.Bfloat16,
    }[params[0].dtype]
    table = [stored(np.array([t.data_ptr() for t in x])) for x in (params, grads, averages)]
    counts = np.array([p.numel() for p in params])
    keep = (params, grads, averages)

    def step() -> Any:
        threads = torch.get_num_threads()
        run(np.arange(threads + 1), threads, *table, counts, threads)
        return keep

    return step


def timm_lion() -> Any:
    """Its module alone: the package wants torchvision, the optimizer does not."""
    found = importlib.util.find_spec("timm")
    if found is None or found.origin is None:
        raise ImportError("no timm")
    package = types.ModuleType("timm_optim")
    package.__path__ = [str(Path(found.origin).parent / "optim")]
    sys.modules["timm_optim"] = package
    return importlib.import_module("timm_optim.lion").Lion


def of(module: str) -> Callable[[], Any]:
    return lambda: importlib.import_module(module).Lion


PEERS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "lion-pytorch, loop": (of("lion_pytorch"), {"use_triton": False}),
    "lion-pytorch, foreach": (of("lion_pytorch.foreach"), {}),
    "timm, loop": (timm_lion, {"foreach": False}),
    "timm, foreach": (timm_lion, {"foreach": True}),
    "pytorch_optimizer, loop": (of("pytorch_optimizer"), {"foreach": False}),
    "pytorch_optimizer, foreach": (of("pytorch_optimizer"), {"foreach": True}),
    "optimi, loop": (of("optimi"), {"triton": False, "foreach": False}),
    "optimi, foreach": (of("optimi"), {"triton": False, "foreach": True}),
}


def contestants(shapes: list[tuple[int, ...]], dtype: torch.dtype) -> dict[str, Step]:
    """Ours first; each with weights of its own."""

    def made() -> list[nn.Parameter]:
        return weights(shapes, dtype, "cpu")

    steps: dict[str, Step] = {
        "ours": LionK(made(), **OPTIONS, fused=True).step,
        "floor": floor(made()),
        "SGD fused": torch.optim.SGD(made(), lr=1e-4, momentum=0.9, fused=True).step,
        "AdamW fused": torch.optim.AdamW(made(), **OPTIONS, fused=True).step,
        "ours, plain": LionK(made(), **OPTIONS, fused=False).step,
        "google's loop": google(made()),
    }
    for name, (find, options) in PEERS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                steps[name] = find()(made(), **OPTIONS, **options).step
            except (ImportError, TypeError) as error:
                print(f"  without {name}: {error}")
    return steps


Seconds = dict[str, list[tuple[float, float]]]


def turns(steps: dict[str, Step], repetitions: int) -> Seconds:
    """Wall and processor seconds of each contestant in each turn; a first step warms up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for step in steps.values():
            step()
    seconds: Seconds = {name: [] for name in steps}
    for _ in range(repetitions):
        for name, step in steps.items():
            step()  # into the state that steps of its own leave
            start = time.perf_counter(), time.process_time()
            step()
            end = time.perf_counter(), time.process_time()
            seconds[name].append((end[0] - start[0], end[1] - start[1]))
    return seconds


def table(title: str, seconds: Seconds) -> None:
    ours, *others = seconds
    print(f"\n{title}\n  {'theirs/ours':30} {'wall':>8} {'processor':>10}")
    for name in others:
        pairs = list(zip(seconds[name], seconds[ours], strict=True))
        wall, cpu = (median(them[k] / us[k] for them, us in pairs) for k in (0, 1))
        print(f"  {name:30} {wall:8.2f} {cpu:10.2f}", flush=True)


def on_cpu(repetitions: int) -> None:
    print(f"PyTorch {torch.__version__}, medians of {repetitions} turns")
    for threads in (2, 1):
        torch.set_num_threads(threads)
        for name, shapes in (("one tensor", LARGE), (f"{len(SMALL)} tensors", SMALL)):
            steps = contestants(shapes, torch.float32)
            title = f"float32, {name}, {threads} thread{'s' * (threads > 1)}"
            table(title, turns(steps, repetitions))
    torch.set_num_threads(2)
    for dtype in (torch.bfloat16, torch.float64):
        steps = contestants([(2_000_000,)], dtype)
        table(f"{str(dtype)[6:]}, one tensor of 2 million, 2 threads", turns(steps, repetitions))

    def load() -> list[nn.Parameter]:
        return weights([(2_000_000,)], torch.float32, "cpu")

    steps = {"ours": LionK(load(), **OPTIONS, fused=True).step}
    for K in KS:
        steps[K] = LionK(load(), **OPTIONS, K=K, fused=True).step
        steps[f"{K}, plain"] = LionK(load(), **OPTIONS, K=K, fused=False).step
    table("Other K beside our ℓ1, one tensor of 2 million, 2 threads", turns(steps, repetitions))


def on_gpu(repetitions: int) -> None:
    """One card: bytes a second beside those of a copy, and time beside PyTorch's AdamW."""
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    cases: list[tuple[str, torch.dtype, dict[str, Any], float]] = [
        ("float32", torch.float32, {}, 20),
        ("bfloat16, average float32", torch.bfloat16, {}, 14),
        ("all bfloat16", torch.bfloat16, {"state_dtype": torch.bfloat16}, 10),
        ("all bfloat16, stochastic", torch.bfloat16,
         {"state_dtype": torch.bfloat16, "rounding": "stochastic"}, 10),
        ("bfloat16, average 8 bits", torch.bfloat16,
         {"state_dtype": torch.int8, "rounding": "stochastic"}, 8.03),
    ]  # fmt: skip
    for load, shapes in (
        ("one tensor of 256 million", [(1 << 28,)]),
        (f"{len(SMALL)} tensors of 2.6 million", SMALL),
    ):
        count = sum(torch.Size(shape).numel() for shape in shapes)
        one, two = (torch.empty(count, device="cuda") for _ in range(2))
        copy = 8 * count / on_device(lambda one=one, two=two: two.copy_(one), repetitions)
        del one, two
        print(f"\n{load}; a copy moves {copy / 1e12:.2f} TB/s")
        print(f"  {'ours':30} {'of the copy':>12} {'AdamW/ours':>12}")
        for name, dtype, options, size in cases:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ours = LionK(weights(shapes, dtype, "cuda"), **OPTIONS, **options, fused=True)
                seconds = on_device(ours.step, repetitions)
            del ours
            adamw = torch.optim.AdamW(weights(shapes, dtype, "cuda"), **OPTIONS, fused=True)
            theirs = on_device(adamw.step, repetitions)
            del adamw
            print(f"  {name:30} {size * count / seconds / copy:12.1%} {theirs / seconds:12.2f}")


def on_device(step: Step, repetitions: int) -> float:
    """Median seconds between two events around a call, after three to warm up."""
    for _ in range(3):
        step()
    times = []
    for _ in range(repetitions):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        step()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / 1e3)
    return median(times)


def main(device: str = "cpu", repetitions: int = 15) -> None:
    """Run what there is for a device, "cpu" or "cuda"."""
    on_gpu(repetitions) if device == "cuda" else on_cpu(repetitions)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repetitions", type=int, nargs="?", default=15)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    arguments = parser.parse_args()
    main(arguments.device, arguments.repetitions)
