"""The network against GPT-2 itself, and against what any causal network owes."""

from __future__ import annotations

import math

import pytest
import torch

from halflife.workloads import GPT, get

SMALL = {"layers": 2, "width": 32, "heads": 4}


def small(**changes):
    torch.manual_seed(0)
    return GPT(50, 16, **(SMALL | changes))


def test_it_is_gpt_2():
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        vocab_size=50, n_positions=16, n_embd=32, n_layer=2, n_head=4, attn_implementation="eager"
    )
    theirs = transformers.GPT2LMHeadModel(config).eval()
    ours = small()
    state = {
        "tokens": theirs.transformer.wte,
        "positions": theirs.transformer.wpe,
        "norm": theirs.transformer.ln_f,
    }
    for at, block in enumerate(theirs.transformer.h):
        state |= {
            f"blocks.{at}.before_mixer": block.ln_1,
            f"blocks.{at}.mixer.queries_keys_values": block.attn.c_attn,
            f"blocks.{at}.mixer.out": block.attn.c_proj,
            f"blocks.{at}.before_perceptron": block.ln_2,
            f"blocks.{at}.perceptron.hidden": block.mlp.c_fc,
            f"blocks.{at}.perceptron.out": block.mlp.c_proj,
        }
    with torch.no_grad():
        for name, module in state.items():
            mine = ours.get_submodule(name)
            turned = type(module).__name__ == "Conv1D"  # keeps its weight as [inputs, outputs]
            mine.weight.copy_(module.weight.T if turned else module.weight)
            if getattr(module, "bias", None) is not None:
                mine.bias.copy_(torch.randn(module.bias.shape) / 10)
                module.bias.copy_(mine.bias)
        tokens = torch.randint(50, (3, 11), generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(ours(tokens), theirs(tokens).logits, atol=1e-5, rtol=1e-5)
    assert sum(p.numel() for p in ours.parameters()) == theirs.num_parameters()


def test_at_the_size_of_gpt_2_small_it_has_its_124_439_808_parameters():
    with torch.device("meta"):
        model = GPT(50_257, 1024, layers=12, width=768, heads=12)
    assert sum(p.numel() for p in model.parameters()) == 124_439_808
    assert model(torch.zeros(2, 1024, dtype=torch.long, device="meta")).shape == (2, 1024, 50_257)


@pytest.mark.parametrize(
    ("name", "parameters"), [("stdlib-gpt", 10_844_160), ("stdlib-gpt-tiny", 34_688)]
)
def test_the_workloads_have_the_size_that_they_say(name, parameters):
    workload = get(name)
    with torch.device("meta"):
        model = workload.network(256, workload.context)
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize("changed", range(16))
def test_the_future_has_no_say(changed):
    model = small()
    tokens = torch.arange(16).view(1, 16)
    other = tokens.clone()
    other[0, changed] += 20
    same = (model(tokens) == model(other)).all(dim=-1)[0]
    assert same[:changed].all()
    assert not same[changed:].any()


def test_a_shorter_text_is_the_beginning_of_a_longer_one():
    model = small()
    tokens = torch.arange(16).view(1, 16)
    torch.testing.assert_close(model(tokens[:, :5]), model(tokens)[:, :5])


def test_weights_start_as_gpt_2s_do():
    model = GPT(256, 64, layers=8, width=128, heads=4)
    for name, weight in model.named_parameters():
        if "norm" in name or "before" in name:
            assert (weight == (1 if name.endswith("weight") else 0)).all()
        elif name.endswith("bias"):
            assert (weight == 0).all()
        else:
            expected = 0.02 / math.sqrt(16) if ".out." in name else 0.02
            assert weight.std().item() == pytest.approx(expected, rel=0.05)
            assert weight.mean().item() == pytest.approx(0, abs=expected / 20)


def test_another_mixer_takes_the_place_of_attention():
    class Past(torch.nn.Module):
        """The mean of all positions so far."""

        def __init__(self, width, heads):
            super().__init__()
            self.out = torch.nn.Linear(width, width)

        def forward(self, x):
            counts = torch.arange(1, x.shape[1] + 1).view(1, -1, 1)
            return self.out(x.cumsum(dim=1) / counts)

    model = small(mixer=Past)
    assert [type(block.mixer) for block in model.blocks] == [Past, Past]
    assert model.blocks[0].mixer.out.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert model(torch.zeros(2, 16, dtype=torch.long)).shape == (2, 16, 50)


def test_heads_divide_the_width():
    with pytest.raises(ValueError, match="heads must divide the width, got 5 heads and width 32"):
        small(heads=5)
