"""The same weights under the names of other codes.

`GLAForCausalLM` calls its parameters as flash-linear-attention does; the authors' first code
(berlino/gated_linear_attention) has other names, and one other scale. A state dict is a plain
mapping from name to tensor; none of these functions changes one in place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

AUTHORS = (
    # pattern of the authors' name, ours, pattern of ours, the authors'
    (r"transformer\.wte\.", "model.embeddings."),
    (r"transformer\.ln_f\.", "model.norm."),
    (r"transformer\.h\.(\d+)\.ln_1\.", r"model.layers.\1.attn_norm."),
    (r"transformer\.h\.(\d+)\.ln_2\.", r"model.layers.\1.mlp_norm."),
    (r"transformer\.h\.(\d+)\.w1\.", r"model.layers.\1.mlp.gate_proj."),
    (r"transformer\.h\.(\d+)\.w2\.", r"model.layers.\1.mlp.down_proj."),
    (r"transformer\.h\.(\d+)\.w3\.", r"model.layers.\1.mlp.up_proj."),
    (r"transformer\.h\.(\d+)\.attn\.out_proj\.", r"model.layers.\1.attn.o_proj."),
    (r"transformer\.h\.(\d+)\.attn\.k_gate\.", r"model.layers.\1.attn.gk_proj."),
    (r"transformer\.h\.(\d+)\.attn\.([qkvg])_proj\.", r"model.layers.\1.attn.\2_proj."),
    (r"lm_head\.", "lm_head."),
)
KEYS = re.compile(r"\.attn\.k_proj\.weight$")


def from_authors(weights: Mapping[str, Tensor], num_heads: int) -> dict[str, Tensor]:
    """The authors' state dict as ours, for a model with `variant="paper"` and `norm_eps=1e-5`.

    The authors multiply keys by (d / heads)^(−1/2) before the operator applies its own factor;
    here that goes into W_K, so that the model is the same function, the norm's eps included.

    Raises:
        ValueError: A name is none of theirs.
    """
    return {
        _renamed(name, AUTHORS, "the authors' code"): tensor * _key_scale(tensor, num_heads)
        if KEYS.search(name)
        else tensor
        for name, tensor in weights.items()
    }


def to_authors(weights: Mapping[str, Tensor], num_heads: int) -> dict[str, Tensor]:
    """Our state dict, of a model with `variant="paper"`, as the authors'; undoes `from_authors`.

    Raises:
        ValueError: A name that their code has no place for, such as the weight of a head's norm.
    """
    table = [(_pattern(ours), _template(theirs)) for theirs, ours in AUTHORS]
    return {
        _renamed(name, table, "halflife.models.gla with variant='paper'"): tensor
        / _key_scale(tensor, num_heads)
        if KEYS.search(name)
        else tensor
        for name, tensor in weights.items()
    }


FLA = ((r"(.*)\.attn\.g_norm\.", r"\1.attn.g_norm_swish_gate."), (r"(.*)", r"\1"))


def from_fla(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of flash-linear-attention as ours, for a model with `variant="fla"`.

    Names are the same but where its layer was built without the fused norm.
    """
    return {_renamed(name, FLA, "flash-linear-attention"): w for name, w in weights.items()}


def to_fla(weights: Mapping[str, Tensor], *, fuse_norm: bool = True) -> dict[str, Tensor]:
    """Our state dict as flash-linear-attention's, with or without its fused norm.

    Raises:
        ValueError: The weights are of `variant="paper"`, which that library has no place for.
    """
    if bias := [name for name in weights if name.endswith(".attn.g_proj.bias")]:
        raise ValueError(
            f"{bias[0]} has no place in flash-linear-attention; only variant='fla' can go there."
        )
    new = "g_norm_swish_gate" if fuse_norm else "g_norm"
    return {name.replace("g_norm_swish_gate", new): w for name, w in weights.items()}


def _key_scale(keys: Tensor, num_heads: int) -> float:
    """(d / heads)^(−1/2) for W_K, [d / 2, d]."""
    return float((keys.shape[1] / num_heads) ** -0.5)


def _renamed(name: str, table: Iterable[tuple[str, str]], whose: str) -> str:
    for pattern, template in table:
        if found := re.match(pattern, name):
            return found.expand(template) + name[found.end() :]
    raise ValueError(f"{name!r} is no parameter of {whose}.")


def _pattern(template: str) -> str:
    """A replacement as the pattern that it answers to."""
    escaped = template.replace(".", r"\.")
    return escaped.replace(r"\1", r"(\d+)").replace(r"\2", "([qkvg])")


def _template(pattern: str) -> str:
    """A pattern as the replacement that gives what it matches."""
    numbered = pattern.replace(r"(\d+)", r"\1").replace("([qkvg])", r"\2")
    return numbered.replace(r"\.", ".")
