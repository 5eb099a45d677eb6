from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from halflife.workloads import GPT, MultiQueryRecall, train
from halflife.workloads.recall import UNASKED


def task(**fields):
    return MultiQueryRecall(
        **{
            "name": "recall",
            "summary": "",
            "network": partial(GPT, layers=2, width=32, heads=2),
            "vocabulary": 32,
            "length": 16,
            "pairs": 2,
            "examples": 256,
            "held_out": 64,
            "updates": 10,
            "batch_size": 32,
            "lr": {},
            **fields,
        }
    )


@given(
    pairs=st.integers(1, 6),
    spare=st.integers(0, 10),
    keys=st.integers(0, 9),
    seed=st.integers(0, 9),
)
def test_every_question_has_its_answer_earlier_in_the_row(pairs, spare, keys, seed):
    half = pairs + 1 + keys
    made = task(vocabulary=2 * half, length=4 * pairs + 2 * spare, pairs=pairs)
    inputs, targets = made.rows(5, torch.Generator().manual_seed(seed))
    for row, wanted in zip(inputs.tolist(), targets.tolist(), strict=True):
        shown = dict(zip(row[0 : 2 * pairs : 2], row[1 : 2 * pairs : 2], strict=True))
        assert len(shown) == pairs
        assert all(0 < key < half <= value < 2 * half for key, value in shown.items())
        asked = {row[at]: target for at, target in enumerate(wanted) if target != UNASKED}
        assert asked == shown
        rest = zip(row[2 * pairs :], wanted[2 * pairs :], strict=True)
        assert all(token == 0 for token, target in rest if target == UNASKED)
        places = [at for at, target in enumerate(wanted) if target != UNASKED]
        assert all(at >= 2 * pairs and at % 2 == 0 for at in places)


def test_questions_mostly_follow_the_pairs_closely_unless_spread_evenly():
    def middle(skew):
        _, targets = task(length=64, skew=skew).rows(500, torch.Generator().manual_seed(0))
        return (targets != UNASKED).nonzero()[:, 1].double().median()

    assert middle(0.01) < 14
    assert middle(1.0) == pytest.approx(34, abs=3)


class Perfect(nn.Module):
    """Looks the key up, as nothing that learns could do better."""

    def __init__(self, vocabulary, length):
        super().__init__()
        del length
        self.vocabulary = vocabulary
        self.unused = nn.Parameter(torch.zeros(()))

    def forward(self, ids):
        logits = torch.zeros(*ids.shape, self.vocabulary)
        for row, keys in enumerate(ids.tolist()):
            values = {key: keys[at + 1] for at, key in enumerate(keys[:-1]) if keys[at + 1] >= 16}
            for at, key in enumerate(keys):
                logits[row, at, values.get(key, 0)] = 50.0
        return logits + self.unused


def test_who_looks_the_key_up_makes_no_error():
    problem = task(network=Perfect).problem(3)
    figures = problem.evaluate()
    assert figures["error"] == 0
    assert figures["loss"] < 1e-12


def test_equal_seeds_give_equal_figures():
    assert train(task(), optimizer="adam", lr=0.01, seed=1) == train(
        task(), optimizer="adam", lr=0.01, seed=1
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"vocabulary": 5}, "must be even and have a key for each of 2 pairs"),
        ({"vocabulary": 4}, "must be even and have a key for each of 2 pairs"),
        ({"length": 6}, "hold 2 pairs and as many questions, 8 tokens, got 6"),
    ],
)
def test_errors_say_what_to_do(fields, message):
    with pytest.raises(ValueError, match=message):
        task(**fields)
