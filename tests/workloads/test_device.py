"""Where a run computes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from halflife.errors import HalflifeError
from halflife.workloads import get, train, workloads
from halflife.workloads.device import a_device, repeatable

needs_no_card = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card here")
HOW = {"optimizer": "adam", "lr": 2**-8, "updates": 5, "seed": 3}


def test_only_the_large_model_asks_for_a_card():
    assert [name for name in workloads() if get(name).device != "cpu"] == ["stdlib-gpt"]


def test_the_cpu_is_where_everything_else_runs():
    wine = get("wine-mlp")
    assert train(wine, **HOW) == train(wine, device="cpu", **HOW)
    assert train(wine, **HOW) == train(wine, device=torch.device("cpu"), **HOW)


@needs_no_card
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_card_that_is_not_there_is_an_error_before_anything_is_drawn(device):
    class Untouched(type(get("wine-mlp"))):
        def problem(self, seed):
            raise AssertionError

    wine = Untouched(**vars(get("wine-mlp")))
    with pytest.raises(HalflifeError, match=rf"device='{device}' asks for a card, .* none here"):
        train(wine, device=device, **HOW)
    with pytest.raises(HalflifeError, match="asks for a card"):
        train(replace(wine, device=device), **HOW)


@needs_no_card
def test_the_large_model_says_what_it_wants():
    with pytest.raises(HalflifeError, match=r"asks for a card.* pass device='cpu'"):
        train(get("stdlib-gpt"), **HOW)


def test_a_device_that_pytorch_does_not_know_is_named():
    with pytest.raises(ValueError, match=r"device must be 'cpu', 'cuda' .*, got 'gpu'"):
        a_device("gpu")


@pytest.mark.parametrize("name", ["digits-vae", "stdlib-gpt-tiny"])
def test_a_problem_moves_whole(name):
    problem = get(name).problem(0).to("meta")  # a device that every machine has
    assert problem.device.type == "meta"
    assert {p.device.type for p in problem.model.parameters()} == {"meta"}
    assert {t.device.type for t in (*problem.train, *problem.held_out)} == {"meta"}


def test_autocast_is_for_cards():
    problem = replace(get("stdlib-gpt-tiny").problem(0), autocast=torch.bfloat16)
    assert problem.evaluate() == replace(problem, autocast=None).evaluate()


def test_repeatable_gives_back_what_it_takes():
    torch.set_num_threads(2)
    with repeatable(torch.device("cpu")):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    assert not torch.are_deterministic_algorithms_enabled()
