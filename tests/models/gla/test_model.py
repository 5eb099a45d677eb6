import subprocess
import sys

import pytest
import torch

transformers = pytest.importorskip("transformers")

from transformers import AutoConfig, AutoModelForCausalLM  # noqa: E402

from halflife.models import GLACache, GLAConfig, GLAForCausalLM, GLAModel  # noqa: E402
from halflife.models.gla.gates import GATES  # noqa: E402

SIZES = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "intermediate_size": 48,
    "num_heads": 2,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": None,
}


def model(seed=0, **fields):
    torch.manual_seed(seed)
    made = GLAForCausalLM(GLAConfig(**{**SIZES, **fields})).eval()
    for parameter in made.parameters():  # far from its start, so that every part matters
        torch.nn.init.normal_(parameter, std=0.3)
    return made


def tokens(rows=2, time=12, seed=1):
    return torch.randint(1, 50, (rows, time), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("variant", ["fla", "paper"])
def test_the_papers_sizes_have_the_papers_parameters(variant):
    def millions(name):
        with torch.device("meta"):
            made = GLAForCausalLM(GLAConfig.preset(name, variant=variant))
        return sum(p.numel() for p in made.parameters()) / 1e6

    assert round(millions("340M"), 1) == 341.7
    assert round(millions("1.3B"), -1) == 1370  # 1.365 billion in the authors' count, too


def test_initial_weights_are_those_of_the_variant():
    with torch.no_grad():
        fla, paper = (GLAForCausalLM(GLAConfig(**SIZES, variant=v)) for v in ("fla", "paper"))
    keys = [m.model.layers[1].attn.k_proj.weight for m in (fla, paper)]
    assert keys[0].std().item() == pytest.approx(0.02, rel=0.1)
    assert keys[1].abs().max() <= 2**-2.5 * (6 / 48) ** 0.5
    assert keys[1].std() > 0.03
    assert (fla.model.norm.weight == 1).all()
    assert (fla.model.layers[0].attn.half_life == 16).all()


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("variant", ["fla", "paper"])
def test_a_text_read_in_pieces_is_the_whole_text(variant, gate):
    made, ids = model(variant=variant, gate=gate), tokens()
    whole = made(ids, use_cache=False)
    assert whole.past_key_values is None
    cache = GLACache(made.config)
    with torch.no_grad():
        parts = [made(part, past_key_values=cache).logits for part in ids.split([5, 1, 1, 5], 1)]
    torch.testing.assert_close(torch.cat(parts, 1), whole.logits, rtol=1e-4, atol=1e-4)
    assert cache.get_seq_length() == 12


@pytest.mark.parametrize("how", [{}, {"num_beams": 3}, {"inputs_embeds": True}])
def test_generation_with_a_cache_is_generation_without(how):
    made, ids = model(), tokens()
    inputs = {"inputs": ids}
    if "inputs_embeds" in how:
        inputs = {"inputs_embeds": made.get_input_embeddings()(ids)}
    options = {"max_new_tokens": 9, "do_sample": False, "num_beams": how.get("num_beams", 1)}
    cached = made.generate(**inputs, **options)
    bare = made.generate(**inputs, **options, use_cache=False)
    assert cached.tolist() == bare.tolist()


def test_left_padding_changes_nothing():
    made, ids = model(), tokens(rows=1, time=7)
    other = tokens(rows=1, time=12, seed=2)
    padded = torch.cat([torch.cat([torch.zeros(1, 5, dtype=torch.long), ids], 1), other])
    together = made.generate(
        padded, attention_mask=(padded > 0).long(), max_new_tokens=6, do_sample=False
    )
    for row, alone in zip(together, (ids, other), strict=True):
        assert (
            row[12:].tolist()
            == made.generate(alone, max_new_tokens=6, do_sample=False)[0, alone.shape[1] :].tolist()
        )


def test_a_conversation_goes_on_from_its_cache():
    made, ids = model(), tokens(rows=1)
    cache = GLACache(made.config)
    first = made.generate(ids, past_key_values=cache, max_new_tokens=4, do_sample=False)
    again = torch.cat([first, tokens(rows=1, time=3, seed=5)], 1)
    options = {"max_new_tokens": 4, "do_sample": False}
    gone_on = made.generate(again, past_key_values=cache, **options)
    assert gone_on.tolist() == made.generate(again, **options).tolist()
    cache.reset()
    assert cache.get_seq_length() == 0
    anew = made.generate(ids, past_key_values=cache, **options)
    assert anew.tolist() == first.tolist()


def test_transformers_own_cache_serves_too():
    made, ids = model(), tokens()
    cache = transformers.DynamicCache(config=made.config)
    with torch.no_grad():
        parts = [made(part, past_key_values=cache).logits for part in ids.split([7, 5], 1)]
    whole = made(ids, use_cache=False).logits
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=1e-4, atol=1e-4)


def test_the_state_does_not_grow():
    made = model()
    with torch.no_grad():
        sizes = {
            sum(layer.recurrent_states[0].numel() for layer in made(ids).past_key_values.layers)
            for ids in (tokens(time=3), tokens(time=300))
        }
    assert sizes == {2 * 2 * 32 * 16 // 2}


@pytest.mark.parametrize("variant", ["fla", "paper"])
def test_a_model_comes_back_from_disk(variant, tmp_path):
    made, ids = model(variant=variant), tokens()
    made.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").exists()
    back = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert isinstance(back, GLAForCausalLM)
    assert {name: getattr(back.config, name) for name in SIZES} == SIZES
    assert back.config.variant == variant
    torch.testing.assert_close(back(ids).logits, made(ids).logits, rtol=0, atol=0)


def test_tied_embeddings_are_one_tensor_before_and_after(tmp_path):
    made = model(tie_word_embeddings=True)
    made.save_pretrained(tmp_path)
    back = GLAForCausalLM.from_pretrained(tmp_path)
    for one in (made, back):
        assert one.lm_head.weight.data_ptr() == one.model.embeddings.weight.data_ptr()


def test_a_configuration_of_flash_linear_attention_is_read_as_it_is():
    theirs = {
        "model_type": "gla", "attn": None, "attn_mode": "chunk", "bos_token_id": 1,
        "clamp_min": None, "conv_size": 4, "elementwise_affine": True, "eos_token_id": 2,
        "expand_k": 0.5, "expand_v": 1, "feature_map": None, "fuse_cross_entropy": True,
        "fuse_norm": True, "hidden_act": "swish", "hidden_ratio": 4, "hidden_size": 1024,
        "initializer_range": 0.02, "intermediate_size": None, "max_position_embeddings": 2048,
        "norm_eps": 1e-06, "num_heads": 4, "num_hidden_layers": 24, "num_kv_heads": None,
        "tie_word_embeddings": False, "use_cache": True, "use_gk": True, "use_gv": False,
        "use_output_gate": True, "use_short_conv": False, "vocab_size": 32000,
    }  # fmt: skip
    read = AutoConfig.for_model(**theirs)
    assert isinstance(read, GLAConfig)
    assert (read.variant, read.intermediate_size) == ("fla", 2816)
    for field, value in (("use_short_conv", True), ("num_kv_heads", 1), ("feature_map", "relu")):
        with pytest.raises(ValueError, match=field):
            GLAConfig(**{**theirs, field: value})


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointed_gradients_are_the_gradients(reentrant):
    ids, gradients = tokens(), []
    for checkpointing in (False, True):
        made = model().train()
        if checkpointing:
            made.activation_checkpointing_enable({"use_reentrant": reentrant})
            assert made.is_activation_checkpointing
        made(ids, labels=ids).loss.backward()
        gradients.append([p.grad for p in made.parameters()])
    for plain, again in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, again)


def test_the_loss_is_that_of_the_next_token():
    made, ids = model(), tokens()
    output = made(ids, labels=ids)
    expected = torch.nn.functional.cross_entropy(
        output.logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()
    )
    torch.testing.assert_close(output.loss, expected)
    torch.testing.assert_close(made(ids, logits_to_keep=2).logits, output.logits[:, -2:])
    as_tuple = made(ids, labels=ids, return_dict=False)
    torch.testing.assert_close(as_tuple[0], expected)


def test_hidden_states_begin_with_the_embeddings_and_end_with_the_norm():
    made, ids = model(), tokens()
    output = made.model(ids, output_hidden_states=True)
    assert len(output.hidden_states) == 3
    torch.testing.assert_close(output.hidden_states[0], made.model.embeddings(ids))
    torch.testing.assert_close(output.hidden_states[-1], output.last_hidden_state)


def test_packed_sequences_do_not_see_each_other():
    made, ids = model(), tokens(rows=1)
    packed = made(ids, cu_seqlens=torch.tensor([0, 4, 12])).logits
    apart = torch.cat([made(ids[:, :4]).logits, made(ids[:, 4:]).logits], 1)
    torch.testing.assert_close(packed, apart, rtol=1e-4, atol=1e-4)


def test_half_lives_of_a_text_are_those_of_its_mean_decay():
    made, ids = model(), tokens()
    mask = torch.ones_like(ids)
    mask[0, :4] = 0
    lives = made.model.half_lives(ids, mask)
    assert [tuple(life.shape) for life in lives] == [(2, 8)] * 2
    block = made.model.layers[0]
    gates = block.attn.gk_proj(block.attn_norm(made.model.embeddings(ids)))
    left = gates[mask.bool()].sum(0).exp()  # of a memory that is shown the whole text
    torch.testing.assert_close(2 ** (-mask.sum() / lives[0]), left)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({}, "either input_ids or inputs_embeds"),
        ({"attention_mask": torch.ones(2, 1, 12, 12)}, r"shape \[2, 1, 12, 12\]"),
        ({"cu_seqlens": torch.tensor([0, 24]), "use_cache": True}, "use_cache=False"),
    ],
)
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        model()(**({"input_ids": tokens(), **call} if call else {}))
    with pytest.raises(ValueError, match=r"preset must be one of 340M, 1.3B; got '7B'"):
        GLAConfig.preset("7B")


def test_the_bare_model_loads_from_the_language_model(tmp_path):
    made = model()
    made.save_pretrained(tmp_path)
    bare = GLAModel.from_pretrained(tmp_path)
    ids = tokens()
    torch.testing.assert_close(
        bare(ids).last_hidden_state, made.model(ids).last_hidden_state, rtol=0, atol=0
    )


ABSENT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "transformers":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
import torch
from halflife.models import GatedLinearAttention
assert GatedLinearAttention(8, 2)(torch.zeros(1, 3, 8)).shape == (1, 3, 8)
try:
    from halflife.models import GLAForCausalLM
except ImportError as error:
    print(error)
"""


def test_without_transformers_the_layer_works_and_the_model_says_what_is_missing():
    done = subprocess.run(
        [sys.executable, "-c", ABSENT], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "GLAForCausalLM is made for Hugging Face Transformers, which is not installed here: "
        "pip install 'halflife[llm]'."
    ]
