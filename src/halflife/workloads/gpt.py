"""A GPT-2 over the bytes of Python's standard library.

The network is that of Radford et al. (2019): learned positions, layers with the norm before each
branch, GELU by tanh, embedding and head tied. What mixes positions can be exchanged, so that other
kinds of attention are tried in the same place.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from halflife.workloads.language_modelling import LanguageModelling
from halflife.workloads.standard_library import standard_library

DEVIATION = 0.02
"""Standard deviation of the initial weights."""


class GPT(nn.Module):
    """Int64 [batch, time] -> logits [batch, time, vocabulary], each from the past alone.

    With vocabulary 50,257, context 1,024, 12 layers, width 768 and 12 heads it is GPT-2 small, of
    124 M parameters.

    Args:
        vocabulary: Number of different tokens.
        context: The longest time.
        layers: Blocks of a mixer and a perceptron.
        width: Features at each position.
        heads: Heads of each mixer; they divide the width.
        mixer: (width, heads) -> a causal module from [batch, time, width] to the same. If its last
            layer is called `out`, it starts smaller, by 1/√(2 layers), as every branch of GPT-2.

    Raises:
        ValueError: The heads do not divide the width.
    """

    def __init__(
        self,
        vocabulary: int,
        context: int,
        *,
        layers: int,
        width: int,
        heads: int,
        mixer: Callable[[int, int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(
            Block(width, (mixer or SelfAttention)(width, heads)) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        for embedding in (self.tokens, self.positions):
            nn.init.normal_(embedding.weight, std=DEVIATION)
        branches = (b for block in self.blocks for b in (block.mixer, block.perceptron))
        for branch in branches:
            if isinstance(out := getattr(branch, "out", None), nn.Linear):
                nn.init.normal_(out.weight, std=DEVIATION / math.sqrt(2 * layers))

    def forward(self, tokens: Tensor) -> Tensor:
        """See the class."""
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.tokens.weight)


class Block(nn.Module):
    """x + mixer(norm(x)), then x + perceptron(norm(x)); [batch, time, width]."""

    def __init__(self, width: int, mixer: nn.Module) -> None:
        super().__init__()
        self.before_mixer = nn.LayerNorm(width)
        self.mixer = mixer
        self.before_perceptron = nn.LayerNorm(width)
        self.perceptron = Perceptron(width)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = x + self.mixer(self.before_mixer(x))
        y: Tensor = x + self.perceptron(self.before_perceptron(x))
        return y


class SelfAttention(nn.Module):
    """Causal softmax attention; [batch, time, width]."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"heads must divide the width, got {heads} heads and width {width}.")
        self.heads = heads
        self.queries_keys_values = _linear(width, 3 * width)
        self.out = _linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        batch, time, width = x.shape
        split = self.queries_keys_values(x).view(batch, time, 3, self.heads, width // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        y: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, time, width))
        return y


class Perceptron(nn.Module):
    """One hidden layer of four times the width; [batch, time, width]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = _linear(width, 4 * width)
        self.out = _linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y: Tensor = self.out(F.gelu(self.hidden(x), approximate="tanh"))
        return y


def _linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=DEVIATION)
    nn.init.zeros_(layer.bias)
    return layer


def small_gpt(vocabulary: int, context: int) -> GPT:
    """Six layers of width 384: 10.8 M parameters for bytes."""
    return GPT(vocabulary, context, layers=6, width=384, heads=6)


def tiny_gpt(vocabulary: int, context: int) -> GPT:
    """Two layers of width 32: 35,000 parameters for bytes."""
    return GPT(vocabulary, context, layers=2, width=32, heads=2)


def a_little() -> tuple[bytes, ...]:
    """The first 4 KiB of 32 files."""
    return standard_library(files=32, most=4096)


STDLIB_GPT = LanguageModelling(
    name="stdlib-gpt",
    summary="Next byte of the standard library's source, GPT of 10.8 M parameters; wants a card",
    updates=1000,
    batch_size=64,
    lr={"sgd": 2**-4, "adam": 2**-10},  # by rule of thumb: not measured yet
    device="cuda",
    texts=standard_library,
    network=small_gpt,
    context=256,
    autocast=torch.bfloat16,
)
STDLIB_GPT_TINY = LanguageModelling(
    name="stdlib-gpt-tiny",
    summary="Next byte of a little of the standard library's source, GPT of 35,000 parameters",
    updates=500,
    batch_size=16,
    lr={"sgd": 2**-2, "adam": 2**-8},
    texts=a_little,
    network=tiny_gpt,
    context=32,
)
