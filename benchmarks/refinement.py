"""Refinement beside plain Python loops, and what recording gradient norms costs.

    python -m benchmarks.refinement [repetitions]

All on one thread and interleaved in one process; seconds are those of the processor, which
neighbours on the machine disturb least, and the best of each side counts.

1. `refine` against the straightforward loop, the recipe read literally: a window sorted anew for
   each update, then the sums; the target is 25 times its speed at 10^4 to 10^6 updates. It is run
   whole at 10^4. Sorting windows would take minutes at 10^5 and most of a day at 10^6: there it is
   timed on some windows, evenly spread, and multiplied (marked ≈); how far that is from the whole
   is shown at 10^4. Then against a clever loop in plain Python (one sorted list, bisect), run once
   at 10^6.
2. The weights and sums alone against their loop; the running median by SciPy against pandas.
3. A training step of a small transformer with `GradNormRecorder` against one without: the median of
   the ratios of neighbouring pairs, and the recorder's own time as a part of the step's; the
   target is one per cent. On a card (`python -m benchmarks.gpu`) it is the language model's step.
"""

import bisect
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from halflife.schedules.refinement import GradNormRecorder, rates, reference, refine, running_median

TARGET = 25
"""How many times as fast as the literal recipe `refine` has to be."""
WINDOWS = {10**4: 500, 10**5: 100, 10**6: 10}
"""How many of the literal recipe's windows are timed, by the number of updates."""
RECORDING = 0.01
"""What part of a step recording may take."""


def seconds(run, *arguments, **keywords) -> float:
    start = time.process_time()
    run(*arguments, **keywords)
    return time.process_time() - start


def norms(total: int) -> np.ndarray:
    s = np.arange(total)
    noise = np.random.default_rng(0).lognormal(sigma=0.3, size=total)
    return (1 + 3 * np.exp(-s / (total / 20))) * noise


def plain(values: list[float], tau: float = 0.1) -> list[float]:
    half = int(tau * len(values)) // 2
    padded = [values[0]] * half + values + values[-2 : -2 - half : -1]
    window = sorted(padded[: 2 * half + 1])
    smoothed = [window[half]]
    for left, right in zip(padded, padded[2 * half + 1 :], strict=False):
        del window[bisect.bisect_left(window, left)]
        bisect.insort(window, right)
        smoothed.append(window[half])
    return reference.multipliers(smoothed, -2)


def literal(values: list[float]) -> list[float]:
    return reference.multipliers(reference.running_median(values, Fraction(1, 10)), -2)


def literal_from_a_part(values: list[float], windows: int) -> float:
    """Return the seconds of `literal`, from some of its windows and all of its sums."""
    total, half = len(values), len(values) // 10 // 2
    updates = range(0, total, total // windows)

    def some() -> None:  # as reference.running_median has it
        for s in updates:
            near = [values[min(max(i, 0), total - 1)] for i in range(s - half, s + half + 1)]
            sorted(near)[half]

    return seconds(some) * total / len(updates) + seconds(reference.multipliers, values, -2)


def weights(g: np.ndarray) -> np.ndarray:
    eta = rates(g**-2)
    return eta / eta.max()


def compare(repetitions: int, ours, theirs) -> tuple[float, float]:
    """The best times of both, taking turns."""
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(repetitions)]
    own, other = (min(times) for times in zip(*pairs, strict=True))
    return own, other


def against_loops(repetitions: int) -> None:
    print(f"{'':26} {'updates':>8} {'ours, s':>9} {'theirs, s':>10} {'theirs/ours':>12}")

    def row(name: str, total: int, ours, theirs, times: int = repetitions) -> None:
        own, other = compare(times, ours, theirs)
        print(f"{name:26} {total:8} {own:9.4f} {other:10.4f} {other / own:12.1f}", flush=True)

    met = []
    for total in (10**4, 10**5, 10**6):
        g = norms(total)
        listed = g.tolist()
        few = 1 if total == 10**6 else repetitions
        own = min(seconds(refine, g) for _ in range(repetitions))
        estimate = literal_from_a_part(listed, WINDOWS[total])
        met.append(estimate / own >= TARGET)
        print(
            f"{'refine / literal':26} {total:8} {own:9.4f} {'≈' + format(estimate, '.1f'):>10} "
            f"{estimate / own:12.1f}",
            flush=True,
        )
        if total == 10**4:
            row("refine / literal, whole", total, lambda g=g: refine(g),
                lambda v=listed: literal(v), 1)  # fmt: skip
        row("refine / bisect loop", total, lambda g=g: refine(g), lambda v=listed: plain(v), few)
        row(
            "weights / loop",
            total,
            lambda g=g: weights(g),
            lambda v=listed: reference.multipliers(v, -2),
        )
        row(
            "median: scipy / pandas",
            total,
            lambda g=g: running_median(g, backend="scipy"),
            lambda g=g: running_median(g, backend="pandas"),
        )
    print(f"target, {TARGET} times the literal recipe at each: {'met' if all(met) else 'missed'}")


class Transformer(torch.nn.Module):
    """Four layers of width 128 over bytes, about 0.9 million parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(256, 128)
        layer = torch.nn.TransformerEncoderLayer(
            128, 4, 512, dropout=0.0, batch_first=True, norm_first=True
        )
        self.body = torch.nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
        self.head = torch.nn.Linear(128, 256)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits of the next byte."""
        return self.head(self.body(self.embedding(tokens)))


def recorder(repetitions: int) -> None:
    """Print what recording costs in a step of the small transformer here."""
    torch.manual_seed(0)
    model = Transformer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    tokens = torch.randint(256, (16, 129))

    def step(record: Callable[[], None] | None = None) -> None:
        optimizer.zero_grad()
        logits = model(tokens[:, :-1])
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
        if record is not None:
            record()
        optimizer.step()

    print("\nA step of a transformer, 16 × 128 tokens")
    recording(step, model.parameters(), repetitions, seconds)


def recording(
    step: Callable[..., None],
    parameters: Iterable[torch.Tensor],
    repetitions: int,
    clock: Callable[..., float],
) -> None:
    """Print the ratio of `step(record)` to `step()` by `clock`, in pairs that take turns."""
    parameters = list(parameters)
    with (
        tempfile.TemporaryDirectory() as folder,
        GradNormRecorder(parameters, Path(folder) / "norms.jsonl") as recorder,
    ):
        for _ in range(3):
            step(recorder.record)
        pairs, own = [], []
        for at in range(10 * repetitions):
            if at % 2:
                bare, recorded = clock(step), clock(step, recorder.record)
            else:
                recorded, bare = clock(step, recorder.record), clock(step)
            pairs.append((recorded, bare))
            own.append(clock(recorder.record))
    bare = statistics.median(bare for _, bare in pairs)
    print(f"{sum(p.numel() for p in parameters) / 1e6:.1f} M parameters: {bare * 1e3:.0f} ms")
    ratio = statistics.median(recorded / bare for recorded, bare in pairs)
    print(f"recorded/bare: {ratio:.4f} (median of {len(pairs)} pairs)")
    alone = statistics.median(own) / bare
    print(f"record() alone/bare: {alone:.4f}, target {RECORDING}: "
          f"{'met' if alone <= RECORDING else 'missed'}")  # fmt: skip


def on_a_card() -> None:
    """Print what recording costs in a step of the language model on a card."""
    from benchmarks.language_model import on_the_clock, training

    from halflife.workloads import get

    step, parameters = training(get("stdlib-gpt"), "cuda")
    recording(step, parameters, 10, on_the_clock)


def main(repetitions: int) -> None:
    torch.set_num_threads(1)
    against_loops(repetitions)
    recorder(repetitions)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
