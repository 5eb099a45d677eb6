"""The networks that the claims of `gla` train. Not a paper: `papers()` passes it over.

Language models are those that a person imports: `GLAForCausalLM`, and Transformers' own LLaMA for
the paper's Transformer++ (rotary positions, SwiGLU, RMSNorm). For recall there are mixers alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from halflife.models.gla import (
    GatedLinearAttention,
    GLACache,
    GLAConfig,
    GLAForCausalLM,
)
from halflife.schedules import cosine
from halflife.workloads import LanguageModelling, MultiQueryRecall
from halflife.workloads.standard_library import standard_library

EPS = 1e-5
SCHEDULE = cosine().floor(0.1).warmup(0.1)
"""Down to a tenth of the peak, as in the paper."""


@dataclass(frozen=True)
class Size:
    """How large a language-model trial is.

    Attributes:
        width, heads, layers, hidden: Of the model.
        context, batch, updates: Of its training, in bytes, windows and steps.
        lr: The peak of the learning rate.
        files, most: So many files of the standard library, and so many bytes of each.
        device: Where it runs.
    """

    width: int
    heads: int
    layers: int
    hidden: int
    context: int
    batch: int
    updates: int
    lr: float
    files: int | None
    most: int | None
    device: str = "cpu"


SIZES = {
    "smoke": Size(32, 2, 1, 64, 32, 8, 60, 1e-2, 16, 2048),
    "laptop": Size(64, 2, 2, 192, 128, 8, 300, 3e-3, 80, 4096),
    "gpu": Size(512, 4, 8, 1536, 1024, 32, 4000, 1e-3, None, None, "cuda"),
}


class Logits(nn.Module):
    """A language model of Transformers as a function from ids to logits.

    Args:
        model: The model.
        segment: GLA only: read so many tokens at a time, the state carried, the gradient cut.
            None reads all at once.
    """

    def __init__(self, model: PreTrainedModel, segment: int | None = None) -> None:
        super().__init__()
        self.model = model
        self.segment = segment

    def forward(self, ids: Tensor) -> Tensor:
        """Int64 [batch, time] -> [batch, time, vocabulary]."""
        if self.segment is None:
            logits: Tensor = self.model(ids, use_cache=False).logits
            return logits
        cache = GLACache(cast("GLAConfig", self.model.config))
        segments = torch.split(ids, self.segment, 1)
        return torch.cat([self.model(part, past_key_values=cache).logits for part in segments], 1)


def language_model(
    vocabulary: int, context: int, *, size: Size, mixer: str, segment: int | None = None
) -> Logits:
    """A model with one of GLA's gates, or "softmax" for LLaMA; tied embeddings, no dropout."""
    shared: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": size.width,
        "num_hidden_layers": size.layers,
        "intermediate_size": size.hidden,
        "max_position_embeddings": context,
        "tie_word_embeddings": True,
        "pad_token_id": None,
        "bos_token_id": None,
        "eos_token_id": None,
    }
    if mixer == "softmax":
        shared |= {"num_attention_heads": size.heads, "num_key_value_heads": size.heads}
        return Logits(LlamaForCausalLM(LlamaConfig(**shared, rms_norm_eps=EPS)))
    config = GLAConfig(**shared, num_heads=size.heads, variant="paper", gate=mixer, norm_eps=EPS)
    return Logits(GLAForCausalLM(config), segment)


def texts_of(size: Size) -> tuple[bytes, ...]:
    """What such a trial reads."""
    return standard_library(files=size.files, most=size.most)


def language(
    size: Size,
    network: Callable[[int, int], nn.Module],
    context: int | None = None,
) -> LanguageModelling:
    """Bytes of the standard library as a workload, in windows of `context`, as many in all."""
    window = context or size.context
    return LanguageModelling(
        name="stdlib-gla",
        summary="Next byte of the standard library's source, gated linear attention",
        updates=size.updates,
        batch_size=size.batch * size.context // window,
        lr={},
        device=size.device,
        texts=partial(texts_of, size),
        network=network,
        context=window,
        autocast=torch.bfloat16,
    )


class Mixers(nn.Module):
    """Embedding, two layers of x + mixer(norm(x)), norm, head: nothing but mixers can recall."""

    def __init__(self, vocabulary: int, length: int, *, width: int, heads: int, gate: str) -> None:
        super().__init__()
        del length  # there are no positions
        self.tokens = nn.Embedding(vocabulary, width)
        self.norms = nn.ModuleList(nn.RMSNorm(width, eps=EPS) for _ in range(2))
        self.mixers = nn.ModuleList(
            GatedLinearAttention(width, heads, variant="paper", gate=gate) for _ in range(2)
        )
        self.last = nn.RMSNorm(width, eps=EPS)
        self.head = nn.Linear(width, vocabulary, bias=False)
        nn.init.normal_(self.tokens.weight, std=0.02)
        nn.init.normal_(self.head.weight, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        """Int64 [batch, length] -> [batch, length, vocabulary]."""
        x = self.tokens(ids)
        for norm, mixer in zip(self.norms, self.mixers, strict=True):
            x = x + mixer(norm(x))
        y: Tensor = self.head(self.last(x))
        return y


def recall(
    network: Callable[[int, int], nn.Module],
    *,
    vocabulary: int,
    length: int,
    pairs: int,
    updates: int,
) -> MultiQueryRecall:
    """Multi-query recall as a workload, fresh rows at every update as far as they go."""
    return MultiQueryRecall(
        name="recall",
        summary="Values of keys that were shown before, mixers alone",
        updates=updates,
        batch_size=64,
        lr={},
        network=network,
        vocabulary=vocabulary,
        length=length,
        pairs=pairs,
        examples=max(64, min(20_000, 64 * updates)),
        held_out=500,
    )
