"""A training step of the language model beside that of transformers' GPT-2 of the same size.

    python -m benchmarks.language_model [cpu | cuda]

Both train the same number of weights on the same windows with the same fused Adam and, on a card,
under the same autocast; they take turns, a batch of steps each, and the median of ours / theirs
counts. Ours is shown twice: with kernels that give equal sums each time, as `train` has it, and
with whatever PyTorch chooses. On a card it is `stdlib-gpt` and the clock waits for the card; on the
CPU it is `stdlib-gpt-tiny` and the clock is the processor's.
"""

import sys
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import replace
from itertools import cycle
from statistics import median

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from halflife.workloads import OPTIMIZERS, Examples, LanguageModelling, get
from halflife.workloads.batches import batches
from halflife.workloads.device import a_device, repeatable

STEPS = 20


class Theirs(torch.nn.Module):
    """GPT-2 as transformers has it, giving logits alone."""

    def __init__(self, vocabulary: int, context: int, layers: int, width: int, heads: int) -> None:
        super().__init__()
        self.inner = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=vocabulary,
                n_positions=context,
                n_embd=width,
                n_layer=layers,
                n_head=heads,
                resid_pdrop=0.0,
                embd_pdrop=0.0,
                attn_pdrop=0.0,
                use_cache=False,
                bos_token_id=None,
                eos_token_id=None,
                attn_implementation="sdpa",
            )
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits of the next byte."""
        return self.inner(tokens).logits


def of_transformers(workload: LanguageModelling) -> LanguageModelling:
    """Return the workload with transformers' network of the same shape."""
    ours = workload.network(256, workload.context)
    shape = len(ours.blocks), ours.tokens.embedding_dim, ours.blocks[0].mixer.heads
    return replace(
        workload, network=lambda vocabulary, context: Theirs(vocabulary, context, *shape)
    )


def training(
    workload: LanguageModelling, device: str
) -> tuple[Callable[..., None], Iterable[torch.Tensor]]:
    """Return a function that makes one update, with a hook before its step, and the weights."""
    place = a_device(device)
    problem = workload.problem(0).to(place)
    weights = list(problem.model.parameters())
    stepper = OPTIMIZERS["adam"](weights, workload.lr["adam"])
    inputs, targets = problem.train
    order = cycle(batches(len(targets), workload.batch_size, 1000, 0).to(place))
    noise = torch.Generator()

    def step(before: Callable[[], None] | None = None) -> None:
        rows = next(order)
        loss = problem.batch_loss(Examples(inputs[rows], targets[rows]), noise)
        stepper.zero_grad()
        loss.backward()
        if before is not None:
            before()
        stepper.step()

    return step, weights


def on_the_clock(run: Callable[..., None], *arguments: object) -> float:
    """Return the seconds of `run`: the wall's, once the card is done, or else the processor's."""
    if not torch.cuda.is_available():
        start = time.process_time()
        run(*arguments)
        return time.process_time() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    run(*arguments)
    torch.cuda.synchronize()
    return time.perf_counter() - start


def compare(workload: LanguageModelling, device: str, repetitions: int) -> None:
    place = a_device(device)
    sides = {
        "ours, repeatable": (workload, lambda: repeatable(place)),
        "ours": (workload, nullcontext),
        "theirs": (of_transformers(workload), nullcontext),
    }
    steps = {name: (training(made, device)[0], within) for name, (made, within) in sides.items()}

    def batch(name: str) -> float:
        step, within = steps[name]
        with within():
            return on_the_clock(lambda: [step() for _ in range(STEPS)]) / STEPS

    for name in steps:
        batch(name)  # the first batch warms up
    rounds = [{name: batch(name) for name in steps} for _ in range(repetitions)]
    bytes_per_step = workload.batch_size * workload.context
    for name in list(steps)[:2]:
        own = median(one[name] for one in rounds)
        ratio = median(one[name] / one["theirs"] for one in rounds)
        print(f"{name:18} {own * 1e3:9.2f} ms a step, {bytes_per_step / own / 1e3:9.0f} kB/s, "
              f"ours/theirs {ratio:.2f}", flush=True)  # fmt: skip


def on_a_card() -> None:
    """Print the comparison for `stdlib-gpt` on a card."""
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    compare(get("stdlib-gpt"), "cuda", 10)


def main(device: str) -> None:
    if device == "cuda":
        a_device(device)
        on_a_card()
    else:
        torch.set_num_threads(1)
        compare(get("stdlib-gpt-tiny"), device, 10)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "cuda" if torch.cuda.is_available() else "cpu")
