import math

import pytest
import torch

pytest.importorskip("transformers")

from halflife.models import (
    GLAConfig,
    GLAForCausalLM,
    from_authors,
    from_fla,
    to_authors,
    to_fla,
)

VOCABULARY, WIDTH, HEADS, LAYERS, HIDDEN = 40, 32, 2, 2, 256


def authors_weights(seed=0):
    """Random weights under the names and in the shapes of the authors' code."""
    shapes = {"transformer.wte.weight": (VOCABULARY, WIDTH), "transformer.ln_f.weight": (WIDTH,)}
    for n in range(LAYERS):
        h = f"transformer.h.{n}"
        shapes |= {
            f"{h}.ln_1.weight": (WIDTH,),
            f"{h}.attn.q_proj.weight": (WIDTH // 2, WIDTH),
            f"{h}.attn.k_proj.weight": (WIDTH // 2, WIDTH),
            f"{h}.attn.k_gate.0.weight": (16, WIDTH),
            f"{h}.attn.k_gate.1.weight": (WIDTH // 2, 16),
            f"{h}.attn.k_gate.1.bias": (WIDTH // 2,),
            f"{h}.attn.v_proj.weight": (WIDTH, WIDTH),
            f"{h}.attn.g_proj.weight": (WIDTH, WIDTH),
            f"{h}.attn.g_proj.bias": (WIDTH,),
            f"{h}.attn.out_proj.weight": (WIDTH, WIDTH),
            f"{h}.ln_2.weight": (WIDTH,),
            f"{h}.w1.weight": (HIDDEN, WIDTH),
            f"{h}.w2.weight": (WIDTH, HIDDEN),
            f"{h}.w3.weight": (HIDDEN, WIDTH),
        }
    shapes["lm_head.weight"] = (VOCABULARY, WIDTH)
    chance = torch.Generator().manual_seed(seed)
    return {name: 0.2 * torch.randn(s, generator=chance) for name, s in shapes.items()}


def the_authors_model(w, ids):
    """Their network in float64 for ids [time], written from its description, token by token."""
    w = {name: tensor.double() for name, tensor in w.items()}

    def rms(x, weight):
        return x / torch.sqrt((x**2).mean(-1, keepdim=True) + 1e-5) * weight

    def swish(x):
        return x * torch.sigmoid(x)

    x = w["transformer.wte.weight"][ids]
    dk, dv = WIDTH // 2 // HEADS, WIDTH // HEADS
    for n in range(LAYERS):
        h = f"transformer.h.{n}"
        y = rms(x, w[f"{h}.ln_1.weight"])
        q, k, v, r = (y @ w[f"{h}.attn.{name}_proj.weight"].T for name in "qkvg")
        k = k * (WIDTH / HEADS) ** -0.5
        logits = y @ w[f"{h}.attn.k_gate.0.weight"].T @ w[f"{h}.attn.k_gate.1.weight"].T
        alpha = torch.sigmoid(logits + w[f"{h}.attn.k_gate.1.bias"]) ** (1 / 16)
        heads = []
        for a in range(HEADS):
            keys, values = slice(a * dk, a * dk + dk), slice(a * dv, a * dv + dv)
            state, rows = torch.zeros(dk, dv, dtype=torch.float64), []
            for t in range(len(ids)):
                state = alpha[t, keys, None] * state + torch.outer(k[t, keys], v[t, values])
                rows.append(q[t, keys] @ state / math.sqrt(dk))
            o = torch.stack(rows)
            heads.append(
                (o - o.mean(1, keepdim=True)) / torch.sqrt(o.var(1, False, keepdim=True) + 1e-5)
            )
        mixed = swish(r + w[f"{h}.attn.g_proj.bias"]) * torch.cat(heads, 1)
        x = x + mixed @ w[f"{h}.attn.out_proj.weight"].T
        y = rms(x, w[f"{h}.ln_2.weight"])
        x = (
            x
            + (swish(y @ w[f"{h}.w1.weight"].T) * (y @ w[f"{h}.w3.weight"].T))
            @ w[f"{h}.w2.weight"].T
        )
    return rms(x, w["transformer.ln_f.weight"]) @ w["lm_head.weight"].T


def ours(variant, **fields):
    return GLAForCausalLM(
        GLAConfig(
            vocab_size=VOCABULARY,
            hidden_size=WIDTH,
            num_hidden_layers=LAYERS,
            num_heads=HEADS,
            variant=variant,
            **fields,
        )
    ).eval()


def test_the_authors_weights_make_the_authors_function():
    weights = authors_weights()
    made = ours("paper", norm_eps=1e-5)
    made.load_state_dict(from_authors(weights, HEADS))
    ids = torch.randint(0, VOCABULARY, (25,), generator=torch.Generator().manual_seed(3))
    expected = the_authors_model(weights, ids)
    torch.testing.assert_close(made(ids[None]).logits[0].double(), expected, rtol=1e-4, atol=1e-4)


def test_there_and_back_to_the_authors_names_is_the_same():
    weights = authors_weights()
    back = to_authors(from_authors(weights, HEADS), HEADS)
    assert set(back) == set(weights)
    for name, tensor in weights.items():
        torch.testing.assert_close(back[name], tensor)


def test_there_and_back_to_flash_linear_attention_is_the_same():
    weights = ours("fla").state_dict()
    assert to_fla(weights).keys() == weights.keys()
    unfused = to_fla(weights, fuse_norm=False)
    assert "model.layers.1.attn.g_norm.weight" in unfused
    for theirs in (to_fla(weights), unfused):
        back = from_fla(theirs)
        assert back.keys() == weights.keys()
        assert all((back[name] is tensor) for name, tensor in weights.items())


def test_the_names_are_those_of_flash_linear_attention():
    parts = ("attn_norm", "mlp_norm", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
    inner = ("q_proj", "k_proj", "v_proj", "g_proj", "o_proj", "gk_proj.0", "gk_proj.1")
    inner = (*(f"attn.{name}" for name in inner), "attn.g_norm_swish_gate")
    layer = {f"model.layers.0.{name}.weight" for name in (*parts, *inner)}
    layer |= {"model.layers.0.attn.gk_proj.1.bias"}
    names = {"model.embeddings.weight", "model.norm.weight", "lm_head.weight", *layer}
    names |= {name.replace("layers.0", "layers.1") for name in layer}
    assert set(ours("fla").state_dict()) == names


def test_weights_without_a_place_are_named():
    with pytest.raises(ValueError, match=r"'transformer.h.0.attn.v_gate.0.weight' is no parameter"):
        from_authors({"transformer.h.0.attn.v_gate.0.weight": torch.zeros(1)}, 4)
    with pytest.raises(ValueError, match=r"g_norm_swish_gate.weight' is no parameter of"):
        to_authors(ours("fla").state_dict(), HEADS)
    with pytest.raises(ValueError, match=r"g_proj.bias has no place in flash-linear-attention"):
        to_fla(ours("paper").state_dict())
