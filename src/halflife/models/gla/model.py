"""GLA as a language model for Transformers.

Blocks of gated linear attention and SwiGLU, each after an RMSNorm, without positions: decay is
the sense of order. A block is a function of its input and its state, so that gradient
checkpointing may run it twice; the model alone reads and writes the cache.
"""

from __future__ import annotations

from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoModelForCausalLM, GenerationMixin, PreTrainedModel
from transformers.cache_utils import Cache, LinearAttentionLayer
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast

from halflife.models.gla.config import GLAConfig
from halflife.models.gla.gates import tokens_per_halving
from halflife.models.gla.layer import GatedLinearAttention, XavierLinear
from halflife.models.swiglu import SwiGLU


class GLACache(Cache):
    """The states of all layers: of one size, however long the past.

    `generate` goes on from one, and `GLAModel` makes one where `use_cache` is set and none is
    given. Any other of Transformers' caches whose layers are of linear attention serves too; this
    one also knows how many tokens it has seen.
    """

    def __init__(self, config: GLAConfig) -> None:
        layers = [LinearAttentionLayer() for _ in range(config.num_hidden_layers)]
        super().__init__(layers=layers)
        self.tokens_seen = 0

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """How many tokens the states are of."""
        del layer_idx  # the same for all
        return self.tokens_seen

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self.tokens_seen = 0


def read_state(cache: Cache, layer: int) -> Tensor | None:
    """The state of a layer, or None before the first token."""
    state: Tensor | None = cache.get_recurrent_state(layer)
    if state is not None and torch.is_grad_enabled():
        return state.clone()  # the cache is written in place, and autograd keeps this one
    return state


def write_state(cache: Cache, layer: int, state: Tensor) -> None:
    """Keep the state of a layer, without the graph that it came from."""
    slot = cast("LinearAttentionLayer", cache.layers[layer])
    slot.update_recurrent_state(state.detach())
    slot.has_previous_state[0] = True  # Transformers sets it with a convolution's state only
    slot.device = state.device  # type: ignore[assignment]


class GLABlock(GradientCheckpointingLayer):
    """x + mixer(norm(x)), then x + perceptron(norm(x)); [batch, time, width]."""

    def __init__(self, config: GLAConfig) -> None:
        super().__init__()
        width = config.hidden_size
        assert config.intermediate_size is not None  # worked out by the configuration
        self.attn_norm = nn.RMSNorm(width, eps=config.norm_eps)
        self.attn = GatedLinearAttention(
            width,
            config.num_heads,
            variant=config.variant,
            gate=config.gate,
            expand_k=config.expand_k,
            expand_v=config.expand_v,
            half_life=config.gate_logit_normalizer,
            gate_rank=config.gate_low_rank_dim,
            norm_eps=config.norm_eps,
            clamp_min=config.clamp_min,
            backend=config.backend,
        )
        self.mlp_norm = nn.RMSNorm(width, eps=config.norm_eps)
        self.mlp = SwiGLU(width, config.intermediate_size)

    def forward(
        self,
        x: Tensor,
        state: Tensor | None = None,
        mask: Tensor | None = None,
        cu_seqlens: Tensor | None = None,
        return_state: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Output and, if asked for, the mixer's state after the last token."""
        before, after = self.attn_norm(x), None
        if return_state and x.shape[1] == 1 and mask is None and cu_seqlens is None:
            mixed, after = self.attn.step(before.squeeze(1), state)
            mixed = mixed.unsqueeze(1)
        elif return_state:
            mixed, after = self.attn(
                before, state, mask=mask, cu_seqlens=cu_seqlens, return_state=True
            )
        else:
            mixed = self.attn(before, state, mask=mask, cu_seqlens=cu_seqlens)
        x = x + mixed
        return x + self.mlp(self.mlp_norm(x)), after


class GLAPreTrainedModel(PreTrainedModel):
    """What Transformers asks of every model: initial weights, and what may be done with it."""

    config: GLAConfig
    config_class = GLAConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules: ClassVar[list[str]] = ["GLABlock"]
    _is_stateful = True

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, XavierLinear):
            module.reset_parameters()
        else:
            super()._init_weights(module)


class GLAModel(GLAPreTrainedModel):
    """Token ids int64 [batch, time] -> hidden states [batch, time, hidden_size]."""

    def __init__(self, config: GLAConfig) -> None:
        super().__init__(config)
        self.embeddings = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.layers = nn.ModuleList(GLABlock(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.RMSNorm(config.hidden_size, eps=config.norm_eps)
        self.gradient_checkpointing = False
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The tokens' embeddings."""
        return self.embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Exchange the tokens' embeddings."""
        self.embeddings = value

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        cu_seqlens: Tensor | None = None,
        **_: Any,
    ) -> tuple[Any, ...] | BaseModelOutputWithPast:
        """Hidden states after the last norm.

        Args:
            input_ids: [batch, time]; or `inputs_embeds`, [batch, time, hidden_size].
            attention_mask: [batch, all tokens so far], 0 at padding, wherever that stands.
            inputs_embeds: Instead of `input_ids`.
            past_key_values: States to go on from. They are updated in place, and gradients stop
                there: so the next call's backward is truncated.
            use_cache: Whether states are returned; by default not in training, unless some are
                given.
            output_hidden_states: Whether the input of each block, and the result, are returned.
            return_dict: Whether the result is an object rather than a tuple.
            cu_seqlens: Several sequences in one row, see `GatedLinearAttention`; without a cache.

        Raises:
            ValueError: Both or neither of the inputs, a mask that is not of two dimensions, or
                `cu_seqlens` with a cache.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("Give either input_ids or inputs_embeds.")
        if use_cache is None:
            use_cache = past_key_values is not None or (
                self.config.use_cache and not self.training and cu_seqlens is None
            )
        x = self.embeddings(input_ids) if inputs_embeds is None else inputs_embeds
        time = x.shape[1]
        if attention_mask is not None:
            if attention_mask.ndim != 2:
                raise ValueError(
                    "attention_mask must be [batch, time] with 0 at padding; a recurrence cannot "
                    f"take one of shape {list(attention_mask.shape)}."
                )
            attention_mask = attention_mask[:, -time:]
        if cu_seqlens is not None and use_cache:
            raise ValueError("cu_seqlens goes with use_cache=False: the states are of many rows.")
        cache = past_key_values
        if use_cache and cache is None:
            cache = GLACache(self.config)
        states = list[Tensor]()
        seen = [x]
        for at, layer in enumerate(self.layers):
            before = None if cache is None else read_state(cache, at)
            x, after = layer(x, before, attention_mask, cu_seqlens, bool(use_cache))
            seen.append(x)
            if after is not None:
                states.append(after)
        x = self.norm(x)
        if use_cache and cache is not None:
            for at, state in enumerate(states):
                write_state(cache, at, state)
            if isinstance(cache, GLACache):
                cache.tokens_seen += time
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        output = BaseModelOutputWithPast(
            last_hidden_state=x,
            past_key_values=cache if use_cache else None,
            hidden_states=(*seen[:-1], x) if output_hidden_states else None,
        )
        if return_dict is None:
            return_dict = self.config.return_dict
        return output if return_dict else output.to_tuple()

    @torch.no_grad()
    def half_lives(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> list[Tensor]:
        """In how many tokens of this text each memory halves.

        By the mean of ln α over the text: what is left after T tokens is 2^(−T / half-life).

        Returns:
            For each layer a tensor [heads, key width], ∞ where nothing is forgotten.
        """
        found = list[Tensor]()
        kept = torch.ones_like(input_ids) if attention_mask is None else attention_mask

        def note(gate: nn.Module, inputs: Any, log_gates: Tensor) -> None:
            del gate, inputs
            found.append(tokens_per_halving(log_gates[kept.bool()].mean(0)))

        gates = [cast("GLABlock", layer).attn.gk_proj for layer in self.layers]
        hooks = [gate.register_forward_hook(note) for gate in gates]
        try:
            self(input_ids, attention_mask=attention_mask, use_cache=False)
        finally:
            for hook in hooks:
                hook.remove()
        return found


class GLAForCausalLM(GLAPreTrainedModel, GenerationMixin):
    """`GLAModel` with a head that predicts the next token."""

    _tied_weights_keys: ClassVar[dict[str, str]] = {"lm_head.weight": "model.embeddings.weight"}

    def __init__(self, config: GLAConfig) -> None:
        super().__init__(config)
        self.model = GLAModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The tokens' embeddings."""
        return self.model.embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Exchange the tokens' embeddings."""
        self.model.embeddings = value

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False  # it cannot tell its length without a layer of attention; ours can

    @staticmethod
    def create_masks_for_generate(
        config: GLAConfig, inputs_embeds: Tensor, attention_mask: Tensor | None, **_: Any
    ) -> Tensor | None:
        """What `generate` passes as a mask: the plain one, as a recurrence has no square."""
        del config, inputs_embeds
        return attention_mask

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, inputs_embeds: Tensor | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """What `forward` gets: after the prompt, tokens without padding, so without a mask."""
        inputs: dict[str, Any] = super().prepare_inputs_for_generation(
            input_ids, inputs_embeds=inputs_embeds, **kwargs
        )
        if kwargs.get("use_cache") and not kwargs.get("is_first_iteration"):
            inputs["attention_mask"] = None
        return inputs

    def forward(  # noqa: D417 - the other arguments are told of in one line
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        past_key_values: Cache | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        cu_seqlens: Tensor | None = None,
        **kwargs: Any,
    ) -> tuple[Any, ...] | CausalLMOutputWithPast:
        """Logits [batch, time, vocab_size] and, with `labels`, the mean loss in nats.

        Args:
            input_ids, attention_mask: See `GLAModel.forward`, and so the other names from there.
            labels: int64 [batch, time], −100 where nothing is to be predicted; shifted in here, so
                that `labels=input_ids` is next-token prediction. Or pass them shifted, as
                `shift_labels`.
            logits_to_keep: Only of so many last tokens, or of those at these places; 0 is all.
            **kwargs: What Transformers' loss takes, such as `shift_labels`, `num_items_in_batch`.
        """
        output = self.model(
            input_ids,
            attention_mask=attention_mask,
            inputs_embeds=inputs_embeds,
            past_key_values=past_key_values,
            use_cache=use_cache,
            output_hidden_states=output_hidden_states,
            return_dict=True,
            cu_seqlens=cu_seqlens,
        )
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(output.last_hidden_state[:, kept])
        loss = None
        if labels is not None or kwargs.get("shift_labels") is not None:
            loss = self.loss_function(logits, labels, vocab_size=self.config.vocab_size, **kwargs)
        result = CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=output.past_key_values,
            hidden_states=output.hidden_states,
        )
        if return_dict is None:
            return_dict = self.config.return_dict
        return result if return_dict else result.to_tuple()


AutoModel.register(GLAConfig, GLAModel, exist_ok=True)
AutoModelForCausalLM.register(GLAConfig, GLAForCausalLM, exist_ok=True)
