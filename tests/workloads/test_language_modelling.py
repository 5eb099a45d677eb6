"""Windows, split and figures, on texts that are easy to count."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import pytest
import torch

from halflife.workloads import LanguageModelling, get, train

TEXTS = tuple(bytes([65 + k]) * (100 + 7 * k) for k in range(20))


class Constant(torch.nn.Module):
    """The same logits at every position, learned."""

    def __init__(self, vocabulary, context):
        super().__init__()
        self.logits = torch.nn.Parameter(torch.zeros(vocabulary))

    def forward(self, tokens):
        return self.logits.expand(*tokens.shape, -1)


def texts():
    return TEXTS


MODEL = LanguageModelling(
    name="counting",
    summary="",
    updates=10,
    batch_size=4,
    lr={"sgd": 1.0},
    texts=texts,
    network=Constant,
    context=8,
)


@pytest.mark.parametrize("seed", range(5))
def test_no_text_is_on_both_sides(seed):
    problem = MODEL.problem(seed)
    kept, held = (
        set(split.targets.flatten().tolist()) - {0} for split in (problem.train, problem.held_out)
    )
    assert kept.isdisjoint(held)
    assert kept | held == {text[0] for text in TEXTS}
    assert len(held) == 2


def test_every_byte_is_a_target_once_and_follows_its_input():
    problem = MODEL.problem(3)
    for split in (problem.train, problem.held_out):
        inputs, targets = split
        assert inputs.shape == targets.shape
        assert inputs.shape[1] == 8
        assert torch.equal(inputs.flatten()[1:], targets.flatten()[:-1])
    present = Counter(problem.train.targets.flatten().tolist())
    whole = Counter(b"\0".join(text for text in TEXTS if text[0] in present))
    lost = whole - present
    assert sum(lost.values()) <= 8  # the first byte, and what is left over at the end
    assert not present - whole


def test_splits_and_weights_follow_the_seed():
    first, again, other = (get("stdlib-gpt-tiny").problem(seed) for seed in (0, 0, 1))
    assert torch.equal(first.train.inputs, again.train.inputs)
    assert first.train.inputs.shape != other.train.inputs.shape or not torch.equal(
        first.train.inputs, other.train.inputs
    )
    weights = [p.model.tokens.weight for p in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_figures_are_those_of_counting():
    problem = MODEL.problem(1)
    counts = torch.bincount(problem.train.targets.flatten().long(), minlength=256).double()
    frequencies = counts / counts.sum()
    with torch.no_grad():
        problem.model.logits.copy_((frequencies + 1e-9).log())
    seen = problem.evaluate()
    entropy = -sum(f * math.log(f) for f in frequencies.tolist() if f)
    assert seen["train_loss"] == pytest.approx(entropy, rel=1e-4)
    most = int(counts.argmax())
    wrong = (problem.held_out.targets != most).double().mean().item()
    assert seen["error"] == pytest.approx(wrong)


@pytest.mark.parametrize("rows", [1, 3, 64])
def test_an_evaluation_in_passes_is_that_of_the_whole(rows):
    problem = get("stdlib-gpt-tiny").problem(2)
    whole = replace(problem, rows_at_once=None).evaluate()
    parts = replace(
        problem,
        rows_at_once=rows,
        train=type(problem.train)(*(t[:100] for t in problem.train)),
    ).evaluate()
    assert parts["loss"] == pytest.approx(whole["loss"], rel=1e-5)
    assert parts["error"] == pytest.approx(whole["error"])


def test_an_untrained_gpt_knows_nothing():
    figures = get("stdlib-gpt-tiny").problem(0).evaluate()
    assert figures["loss"] == pytest.approx(math.log(256), abs=0.1)


def test_a_few_updates_of_the_tiny_one_learn():
    tiny = get("stdlib-gpt-tiny")
    before = tiny.problem(4).evaluate()
    after = train(tiny, optimizer="adam", lr=tiny.lr["adam"], updates=40, seed=4)
    assert after["loss"] < 0.75 * before["loss"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"context": 0}, "context must be at least 1, got 0"),
        ({"held_out": 1.0}, r"held_out is a part of the texts, in \(0, 1\), got 1.0"),
    ],
)
def test_arguments_out_of_range_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(MODEL, **changes)


def test_texts_that_are_too_few_or_too_short_are_said_so():
    with pytest.raises(ValueError, match="counting has 1 texts to split"):
        replace(MODEL, texts=lambda: (b"one",)).problem(0)
    with pytest.raises(ValueError, match=r"4 bytes .* shorter than a window of 8 \+ 1"):
        replace(MODEL, texts=lambda: (b"four", b"four")).problem(0)
