"""Training on texts that are longer than what fits: truncated back-propagation through time.

A text is cut into segments; the state goes from one to the next, the gradient does not (section
5.3.2 of arXiv 2312.06635, where 24,000 tokens are twelve segments of 2,000).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from transformers import Trainer
from transformers.cache_utils import Cache

from halflife.models.gla.model import GLACache, GLAForCausalLM

IGNORED = -100
"""A label that is not to be predicted."""


def truncated_backward(
    model: GLAForCausalLM,
    input_ids: Tensor,
    segment: int,
    *,
    attention_mask: Tensor | None = None,
    labels: Tensor | None = None,
    state: Cache | None = None,
    count: Tensor | float | None = None,
    backward: Callable[[Tensor], object] = torch.Tensor.backward,
) -> tuple[Tensor, Cache]:
    """Forward and backward over `input_ids`, segment by segment, adding to `.grad`.

    The loss is that of the whole text, each token once, the first of a segment included; it does
    not depend on `segment`. Memory is that of one segment.

    Args:
        model: A GLA language model.
        input_ids: int64 [batch, time].
        segment: Tokens in a segment; the last one may be shorter. The whole time, or more, is
            plain back-propagation.
        attention_mask: [batch, time], 0 at padding; needs `labels`, with −100 there.
        labels: int64 [batch, time], −100 where nothing is to be predicted; None is `input_ids`.
        state: States to begin with, such as those that an earlier call returned; they are
            updated in place. None is empty.
        count: What the sum of losses is divided by; None is the number of tokens to predict.
        backward: Called with each segment's share of the loss, such as `accelerator.backward`.

    Returns:
        The mean loss in nats, or the sum over `count`, without a graph; and the states after the
        last token.

    Raises:
        ValueError: `segment` is below 1, or there is nothing to predict.
    """
    if segment < 1:
        raise ValueError(f"segment is in tokens and must be at least 1, got {segment}.")
    targets = F.pad(input_ids if labels is None else labels, (0, 1), value=IGNORED)[:, 1:]
    if count is None:
        count = (targets != IGNORED).sum()
        if not count:
            raise ValueError("labels has nothing to predict: past each row's first all are −100.")
    cache = GLACache(model.config) if state is None else state
    total = torch.zeros((), device=input_ids.device)
    for start in range(0, input_ids.shape[1], segment):
        part = slice(start, start + segment)
        loss = model(
            input_ids[:, part],
            attention_mask=None if attention_mask is None else attention_mask[:, part],
            past_key_values=cache,
            shift_labels=targets[:, part].contiguous(),
            num_items_in_batch=count,
        ).loss
        backward(loss)
        total += loss.detach()
    return total, cache


class TruncatedTrainer(Trainer):
    """Transformers' Trainer, which back-propagates through `segment` tokens at a time.

    Every batch begins with empty states. All else is the Trainer's: its arguments, checkpoints,
    mixed precision, accumulation and processes.
    """

    def __init__(self, *args: Any, segment: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.segment = segment

    def training_step(
        self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> Tensor:
        """One batch: as many backward passes as it has segments."""
        model.train()
        inputs = self._prepare_inputs(inputs)
        count, parts = num_items_in_batch, 1  # of the whole update, over all processes
        if count is None:
            parts = self.current_gradient_accumulation_steps
        elif self.args.average_tokens_across_devices:
            count = count / self.args.world_size  # as gradients are averaged over them
        loss, _ = truncated_backward(
            model,
            inputs["input_ids"],
            self.segment,
            attention_mask=inputs.get("attention_mask"),
            labels=inputs.get("labels"),
            state=GLACache(self.accelerator.unwrap_model(model).config),
            count=count,
            backward=lambda share: self.accelerator.backward(share / parts),
        )
        return loss / parts
