import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import mse_loss

from halflife.models import GatedLinearAttention
from halflife.models.gla.gates import GATES

VARIANTS = ("fla", "paper")


def layer(variant="fla", gate="vector", seed=0, **options):
    torch.manual_seed(seed)
    made = GatedLinearAttention(24, 3, variant=variant, gate=gate, **options)
    for parameter in made.parameters():  # far from its start, where gates are all alike
        torch.nn.init.normal_(parameter, std=0.5)
    return made


def written_out(made, x):
    """The paper's section 4.4 for [time, width] in float64, token by token and head by head."""
    w = {name: tensor.double() for name, tensor in made.state_dict().items()}
    x = x.double()
    q, k, v = (x @ w[f"{name}_proj.weight"].T for name in "qkv")
    logits = x @ w["gk_proj.0.weight"].T @ w["gk_proj.1.weight"].T + w["gk_proj.1.bias"]
    alpha = (1 / (1 + torch.exp(-logits))) ** (1 / 16)
    dk, dv = made.head_k_dim, made.head_v_dim
    rows = []
    for h in range(made.num_heads):
        keys, values = slice(h * dk, (h + 1) * dk), slice(h * dv, (h + 1) * dv)
        state, read = torch.zeros(dk, dv, dtype=torch.float64), []
        for t in range(len(x)):
            state = alpha[t, keys, None] * state + torch.outer(k[t, keys], v[t, values])
            read.append(q[t, keys] @ state / math.sqrt(dk))
        o = torch.stack(read)
        if made.variant == "paper":
            o = (o - o.mean(1, keepdim=True)) / torch.sqrt(o.var(1, False, keepdim=True) + 1e-5)
        else:
            o = o / torch.sqrt((o**2).mean(1, keepdim=True) + 1e-5) * w["g_norm_swish_gate.weight"]
        rows.append(o)
    r = x @ w["g_proj.weight"].T + w.get("g_proj.bias", 0)
    return (r / (1 + torch.exp(-r)) * torch.cat(rows, 1)) @ w["o_proj.weight"].T


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_layer_is_the_papers_equations(variant):
    made = layer(variant)
    x = torch.randn(1, 37, 24)
    torch.testing.assert_close(made(x)[0].double(), written_out(made, x[0]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("gate", GATES)
def test_steps_are_the_whole(variant, gate):
    made = layer(variant, gate)
    x, state, rows = torch.randn(2, 13, 24), None, []
    for t in range(13):
        y, state = made.step(x[:, t], state)
        rows.append(y)
    whole, after = made(x, return_state=True)
    torch.testing.assert_close(torch.stack(rows, 1), whole, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(state, after, rtol=1e-4, atol=1e-5)


@given(cut=st.integers(0, 17), seed=st.integers(0, 5))
def test_a_text_cut_in_two_is_the_whole_text(cut, seed):
    made = layer(seed=seed)
    x = torch.randn(1, 17, 24, generator=torch.Generator().manual_seed(seed))
    state, parts = None, []
    for part in (x[:, :cut], x[:, cut:]):
        if part.shape[1]:
            y, state = made(part, state, return_state=True)
            parts.append(y)
    torch.testing.assert_close(torch.cat(parts, 1), made(x), rtol=1e-4, atol=1e-5)


@given(pattern=st.lists(st.booleans(), min_size=2, max_size=20).filter(any))
def test_padding_anywhere_is_as_if_it_were_not_there(pattern):
    made = layer()
    mask = torch.tensor([pattern])
    x = torch.randn(1, len(pattern), 24, generator=torch.Generator().manual_seed(1))
    padded, state = made(x, mask=mask, return_state=True)
    bare, bare_state = made(x[mask].unsqueeze(0), return_state=True)
    torch.testing.assert_close(padded[mask], bare[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(state, bare_state, rtol=1e-4, atol=1e-5)


def test_several_sequences_in_a_row_do_not_see_each_other():
    made = layer()
    x = torch.randn(1, 15, 24)
    packed, states = made(x, cu_seqlens=torch.tensor([0, 4, 4, 15]), return_state=True)
    first, a = made(x[:, :4], return_state=True)
    last, b = made(x[:, 4:], return_state=True)
    torch.testing.assert_close(packed, torch.cat([first, last], 1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(states, torch.cat([a, torch.zeros_like(a), b]), rtol=1e-4, atol=1e-5)


def test_the_future_does_not_matter():
    made = layer()
    x = torch.randn(1, 12, 24)
    other = x.clone()
    other[:, 7:] = torch.randn(1, 5, 24)
    torch.testing.assert_close(made(x)[:, :7], made(other)[:, :7])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("tokens", [16.0, 100.0])
def test_memory_halves_in_as_many_tokens_as_asked_at_first(variant, tokens):
    fresh = GatedLinearAttention(24, 3, variant=variant, half_life=tokens)
    torch.testing.assert_close(fresh.half_life, torch.full((3, 4), tokens))
    lives = fresh.half_lives(torch.zeros(2, 5, 24))
    torch.testing.assert_close(lives, torch.full((2, 5, 3, 4), tokens))


def test_half_lives_tell_what_the_memory_does():
    """Write once, then show it tokens that write nothing: the state falls by 2^(−t/half-life)."""
    made = layer()
    torch.nn.init.zeros_(made.gk_proj[0].weight)  # so that every token forgets alike
    x = torch.randn(1, 24)
    _, state = made.step(x)
    torch.nn.init.zeros_(made.k_proj.weight)
    for _ in range(9):
        _, state = made.step(x, state)
    kept = 2 ** (-9 / made.half_life)
    fresh = layer()
    torch.nn.init.zeros_(fresh.gk_proj[0].weight)
    _, first = fresh.step(x)
    torch.testing.assert_close(state[0], kept[..., None] * first[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(made.half_lives(x)[0], made.half_life)


def test_the_other_gates_are_what_they_are_called():
    x = torch.randn(2, 5, 24)
    scalar = layer(gate="scalar").gk_proj(x)
    assert (scalar == scalar[..., :1]).all()
    assert scalar.std() > 0
    fixed = layer(gate="fixed").gk_proj(x)
    torch.testing.assert_close(fixed.exp()[0, 0, :, 0], 1 - 2.0 ** -torch.tensor([5.0, 6.0, 7.0]))
    assert (fixed == fixed[:1, :1]).all()
    assert not layer(gate="none").gk_proj(x).any()
    assert layer(gate="none").half_life.isinf().all()


def test_a_gate_is_never_below_its_limit():
    made = layer(clamp_min=-0.01)
    assert made.gk_proj(100 * torch.randn(3, 24)).min() == -0.01


def test_initial_weights_are_those_of_the_variant():
    torch.manual_seed(0)
    paper, fla = (GatedLinearAttention(256, 4, variant=variant) for variant in ("paper", "fla"))
    limit = 2**-2.5 * math.sqrt(6 / (256 + 128))
    for weight in (paper.q_proj.weight, paper.k_proj.weight):
        assert 0.99 * limit < weight.abs().max() <= limit
    assert paper.gk_proj[0].weight.abs().max() <= 2**-2.5 * math.sqrt(6 / (256 + 16))
    for weight in (paper.v_proj.weight, paper.o_proj.weight, fla.q_proj.weight):
        assert weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert not paper.g_proj.bias.any()
    assert fla.g_proj.bias is None


@pytest.mark.parametrize("width", [1024, 2048])
def test_the_number_of_parameters_is_the_papers(width):
    with torch.device("meta"):
        paper, fla = (GatedLinearAttention(width, 4, variant=v) for v in ("paper", "fla"))
    count = 4 * width**2 + 49 * width // 2
    assert sum(p.numel() for p in fla.parameters()) == count + width // 4
    assert sum(p.numel() for p in paper.parameters()) == count + width


def test_gradients_reach_every_weight():
    made = layer()
    mse_loss(made(torch.randn(2, 9, 24)), torch.randn(2, 9, 24)).backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_bfloat16_is_near_float32():
    made, x = layer(), torch.randn(2, 33, 24)
    near = made.bfloat16()(x.bfloat16()).float()
    exact = made.float()(x.bfloat16().float())
    assert (near - exact).norm() / exact.norm() < 0.03


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_heads": 5}, "positive multiple of num_heads = 5"),
        ({"variant": "mine"}, "variant must be one of fla, paper; got 'mine'"),
        ({"gate": "mine"}, "gate must be one of vector, scalar, fixed, none; got 'mine'"),
        ({"half_life": 0.0}, "must be positive, got 0.0"),
    ],
)
def test_errors_say_what_to_do(options, message):
    with pytest.raises(ValueError, match=message):
        GatedLinearAttention(24, **{"num_heads": 3, **options})
