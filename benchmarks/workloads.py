"""How long a full run of each workload takes on one core, beside a plain DataLoader loop.

    python benchmarks/workloads.py [repetitions]

Both loops train the same model on the same split for the same number of updates with the same
optimizer and a linear schedule (ours set in the parameter groups, the peer's by LambdaLR), and
both are timed whole: set-up, training, measurement. They take turns, the best of each counts;
seconds are those of the processor, which neighbours on the machine disturb least.
"""

import sys
import time

import torch
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

from halflife.workloads import OPTIMIZERS, Workload, get, train, workloads


def linear(step, total):
    return 1 - step / total


def ours(workload: Workload, optimizer: str) -> None:
    train(workload, optimizer=optimizer, lr=workload.lr[optimizer], schedule=linear)


def peer(workload: Workload, optimizer: str) -> None:
    problem = workload.problem(0)
    stepper = OPTIMIZERS[optimizer](problem.model.parameters(), workload.lr[optimizer])
    schedule = LambdaLR(stepper, lambda step: linear(step, workload.updates))
    loader = DataLoader(
        TensorDataset(*problem.train), workload.batch_size, shuffle=True, drop_last=True
    )
    noise = torch.Generator().manual_seed(0)
    made = 0
    while made < workload.updates:
        for inputs, targets in loader:
            stepper.zero_grad()
            problem.loss(problem.model, inputs, targets, noise).backward()
            stepper.step()
            schedule.step()
            made += 1
            if made == workload.updates:
                break
    problem.evaluate()


def seconds(run, *arguments) -> float:
    start = time.process_time()
    run(*arguments)
    return time.process_time() - start


def main(repetitions: int) -> None:
    torch.set_num_threads(1)
    print(f"PyTorch {torch.__version__}, one thread, best of {repetitions}")
    print(
        f"{'workload':24} {'':5} {'updates':>7} {'seconds':>8} {'updates/s':>10} {'peer/ours':>10}"
    )
    for name in workloads():
        workload = get(name)
        if workload.device != "cpu":
            continue  # `python -m benchmarks.gpu` measures it
        workload.problem(0)  # loads what is kept between runs
        for optimizer in OPTIMIZERS:
            pairs = [
                (seconds(ours, workload, optimizer), seconds(peer, workload, optimizer))
                for _ in range(repetitions)
            ]
            own, other = (min(times) for times in zip(*pairs, strict=True))
            print(
                f"{name:24} {optimizer:5} {workload.updates:7} {own:8.2f} "
                f"{workload.updates / own:10.0f} {other / own:10.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
