"""What a GLA language model is made of, in Transformers' terms.

The fields are called as in flash-linear-attention's configuration of the same model type, so that
its config.json files are read as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from transformers import AutoConfig, PreTrainedConfig

from halflife.models.swiglu import swiglu_width

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "340M": {"hidden_size": 1024, "num_hidden_layers": 24, "tie_word_embeddings": True},
    "1.3B": {"hidden_size": 2048, "num_hidden_layers": 24, "tie_word_embeddings": False},
}
"""The paper's two sizes (section 5.1), with four heads and Mistral's 32,000 tokens."""

ABSENT = {
    "num_kv_heads": None,
    "feature_map": None,
    "use_short_conv": False,
    "use_output_gate": True,
    "elementwise_affine": True,
    "use_gk": True,
    "use_gv": False,
    "attn": None,
}
"""Fields of flash-linear-attention that this model has at one value only."""


class GLAConfig(PreTrainedConfig):
    """Configuration of `GLAModel` and `GLAForCausalLM`.

    Args:
        vocab_size: Number of tokens.
        hidden_size: Width d.
        num_hidden_layers: Blocks of a mixer and a perceptron.
        num_heads: Heads of each mixer.
        expand_k, expand_v: Width of keys and of values as parts of d.
        hidden_ratio: Perceptrons have the size of a plain one of so many times d.
        intermediate_size: Their hidden width, if it does not follow from `hidden_ratio`.
        variant: "fla" or "paper", see `GatedLinearAttention`.
        gate: "vector" (the paper's), "scalar", "fixed" or "none".
        gate_logit_normalizer: τ, the half-life at initialisation in tokens.
        gate_low_rank_dim: Rank of the gate's projection.
        clamp_min: Least ln α; None sets no limit.
        norm_eps: Added to the variance in every norm; the authors' first code has 1e-5.
        initializer_range: Standard deviation of initial weights.
        backend: Of the operator, see `halflife.attention.gla`.

    The rest is Transformers' own. `GLAConfig.preset("340M")` is a size of the paper's.

    Raises:
        ValueError: A field of flash-linear-attention has a value that this model lacks.
    """

    model_type = "gla"
    keys_to_ignore_at_inference: ClassVar[list[str]] = ["past_key_values"]

    vocab_size: int = 32000
    hidden_size: int = 2048
    num_hidden_layers: int = 24
    num_heads: int = 4
    expand_k: float = 0.5
    expand_v: float = 1.0
    hidden_ratio: float | None = 4
    intermediate_size: int | None = None
    variant: str = "fla"
    gate: str = "vector"
    gate_logit_normalizer: float = 16
    gate_low_rank_dim: int = 16
    clamp_min: float | None = None
    norm_eps: float = 1e-6
    initializer_range: float = 0.02
    max_position_embeddings: int = 2048
    hidden_act: str = "swish"
    backend: str = "auto"
    use_cache: bool = True
    pad_token_id: int | None = None
    bos_token_id: int | None = 1
    eos_token_id: int | list[int] | None = 2
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        """Check what cannot be, and work out the perceptrons' width."""
        for name, only in ABSENT.items():
            if name in kwargs and kwargs[name] != only and not (only is None and not kwargs[name]):
                same = name == "num_kv_heads" and kwargs[name] == self.num_heads
                if not same:
                    raise ValueError(
                        f"{name}={kwargs[name]!r}: halflife's GLA has {name}={only!r} only; "
                        "take flash-linear-attention for this checkpoint."
                    )
        if self.hidden_act not in ("swish", "silu"):
            raise ValueError(f"hidden_act must be 'swish', got {self.hidden_act!r}.")
        if self.intermediate_size is None:
            self.intermediate_size = swiglu_width(self.hidden_size, self.hidden_ratio or 4)
        super().__post_init__(**kwargs)

    @classmethod
    def preset(cls, name: str, **fields: Any) -> Self:
        """A size of the paper's by name, "340M" or "1.3B", with other `fields` on top.

        Raises:
            ValueError: There is no such size.
        """
        if name not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(PRESETS)}; got {name!r}.")
        return cls(**{**PRESETS[name], **fields})

    @property
    def layer_types(self) -> list[str]:
        """What Transformers' caches go by: each layer keeps one state, whatever the length."""
        return ["linear_attention"] * self.num_hidden_layers


AutoConfig.register(GLAConfig.model_type, GLAConfig, exist_ok=True)
