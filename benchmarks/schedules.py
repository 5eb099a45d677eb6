"""What one `step()` of TorchScheduler costs beside PyTorch's own schedulers.

    python -m benchmarks.schedules [repetitions]

All schedulers drive optimizers of the same size in one process and take turns, a batch of steps
each; what is printed is the median over the repetitions of ours / theirs in processor time. Below 1
ours is faster; the target is a third of LambdaLR. `bare` is a loop that does nothing but read a
rate from a list and put it into every group: nothing that sets rates can be faster.

A second table has rates that are tensors, which are filled in place: in a phase in which the rate
moves, and in one in which it does not.
"""

import math
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch.optim import lr_scheduler as theirs

from halflife.schedules import TorchScheduler, constant, cosine, rex

TARGET = 1 / 3
"""Of LambdaLR's time."""
STEPS = {1: 4000, 200: 200}
"""Number of parameter groups → steps in a batch."""


class Bare:
    """A table and an assignment."""

    def __init__(self, optimizer: torch.optim.Optimizer, total: int) -> None:
        self.groups = optimizer.param_groups
        self.bases = [group["lr"] for group in self.groups]
        self.table = cosine().table(total).tolist()
        self.at = 0

    def step(self) -> None:
        """Set the next rate."""
        self.at += 1
        multiplier = self.table[self.at]
        for group, base in zip(self.groups, self.bases):  # noqa: B905
            group["lr"] = base * multiplier


def sequential(optimizer: torch.optim.Optimizer, total: int) -> Any:
    warm = theirs.LinearLR(optimizer, 0.1, total_iters=total // 10)
    down = theirs.CosineAnnealingLR(optimizer, total - total // 10)
    return theirs.SequentialLR(optimizer, [warm, down], [total // 10])


# The first two are ours: a plain profile, and a composition.
MAKE: dict[str, Callable[[torch.optim.Optimizer, int], Any]] = {
    "TorchScheduler(cosine)": lambda o, t: TorchScheduler(o, cosine(), t),
    "TorchScheduler(joined)": lambda o, t: TorchScheduler(
        o, (rex().lasting(0.8) >> constant().scaled(0.1)).warmup(0.1), t
    ),
    "bare": Bare,
    "LambdaLR": lambda o, t: theirs.LambdaLR(o, lambda s: (1 + math.cos(math.pi * s / t)) / 2),
    "CosineAnnealingLR": lambda o, t: theirs.CosineAnnealingLR(o, t),
    "OneCycleLR": lambda o, t: theirs.OneCycleLR(o, 0.1, t, cycle_momentum=False),
    "SequentialLR": sequential,
}


def optimizer(groups: int, device: str | None = None) -> torch.optim.Optimizer:
    """Return an optimizer; with a device, its rates are tensors there, one for each group."""
    return torch.optim.SGD(
        [
            {
                "params": [torch.nn.Parameter(torch.zeros(1, device=device))],
                "lr": 0.1 if device is None else torch.tensor(0.1, device=device),
            }
            for _ in range(groups)
        ]
    )


def cost(scheduler: Any, steps: int) -> float:
    """Return the processor seconds of one step."""
    start = time.process_time()
    for _ in range(steps):
        scheduler.step()
    return (time.process_time() - start) / steps


def stepping(repetitions: int) -> None:
    for groups, steps in STEPS.items():
        total = steps * (repetitions + 3)
        schedulers = {}
        for name, make in MAKE.items():
            target = optimizer(groups)
            schedulers[name] = make(target, total)
            target.step()
        for scheduler in schedulers.values():
            cost(scheduler, steps)  # the first batch warms up
        rounds = [
            {name: cost(scheduler, steps) for name, scheduler in schedulers.items()}
            for _ in range(repetitions)
        ]
        print(f"\n{groups} parameter group{'s' * (groups > 1)}")
        print(f"  {'peer':40} {'cosine/peer':>12} {'joined/peer':>12}")
        ours, joined = list(MAKE)[:2]
        for name in list(MAKE)[2:]:
            ratios = [median(one[mine] / one[name] for one in rounds) for mine in (ours, joined)]
            print(f"  {name:40} {ratios[0]:12.2f} {ratios[1]:12.2f}", flush=True)
            if name == "LambdaLR":
                verdict = "met" if max(ratios) <= TARGET else "missed"
                print(f"  {'target: a third of LambdaLR':40} {verdict:>12}")


def tensor_rates(repetitions: int, device: str = "cpu") -> None:
    groups, steps = 200, 20
    total = steps * (repetitions + 3)
    print(f"\n{groups} parameter groups, rates are tensors on {device}")
    medians = {}
    for name, make in {
        "TorchScheduler, rate moves": lambda o: TorchScheduler(o, cosine(), total),
        "TorchScheduler, rate stays": lambda o: TorchScheduler(o, constant(), total),
        "LambdaLR": lambda o: theirs.LambdaLR(o, lambda s: 1 - s / total),
    }.items():
        target = optimizer(groups, device)
        scheduler = make(target)
        target.step()
        cost(scheduler, steps)
        medians[name] = median(cost(scheduler, steps) for _ in range(repetitions))
    for name in list(medians)[:2]:
        print(f"  {name + ' / LambdaLR':40} {medians[name] / medians['LambdaLR']:12.3f}")


def on_a_card() -> None:
    """Print what setting rates costs the processor when they live on a card."""
    tensor_rates(15, "cuda")


def main(repetitions: int) -> None:
    torch.set_num_threads(1)
    print(f"PyTorch {torch.__version__}, one thread, median of {repetitions}")
    stepping(repetitions)
    tensor_rates(repetitions)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
