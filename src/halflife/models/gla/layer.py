"""Gated linear attention as a layer: projections, gate, memory, norm, output gate.

Yang et al., "Gated Linear Attention Transformers with Hardware-Efficient Training" (arXiv
2312.06635), section 4.4. Knows nothing of language models or of Transformers.
"""

from __future__ import annotations

from typing import Literal, overload

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from halflife.attention import gla, gla_step
from halflife.attention.gla.arguments import Backend
from halflife.models.gla.gates import GATES, tokens_per_halving

VARIANTS = ("fla", "paper")
PAPER_GAIN = 2**-2.5
"""Gain of the authors' Xavier initialisation of W_Q, W_K and the gate's two matrices."""
DEVIATION = 0.02
"""Standard deviation of all other initial weights."""


class XavierLinear(nn.Linear):
    """A linear layer that starts as the authors draw W_Q, W_K and the gate's two matrices."""

    def reset_parameters(self) -> None:
        """Uniform weights of variance gain² · 2 / (inputs + outputs), a bias of 0."""
        nn.init.xavier_uniform_(self.weight, gain=PAPER_GAIN)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class GatedLinearAttention(nn.Module):
    """A memory that is read, written and forgotten at every token.

        q, k, v = x W_Q, x W_K, x W_V        in heads
        S_t = Diag(α_t) S_{t−1} + k_tᵀ v_t   with α_t = σ(x_t W₁ W₂ + b)^(1/τ)
        y_t = (swish(x_t W_R) ⊙ norm(q_t S_t / √d_k)) W_O

    The two variants differ in three places:

    | | "paper" | "fla" |
    |---|---|---|
    | norm of each head | LayerNorm without weights | RMSNorm with one weight a channel |
    | bias of W_R | yes | no |
    | W_Q, W_K, W₁, W₂ start as | Xavier, gain 2^(−5/2) | normal, deviation 0.02 |

    "paper" is the paper's text and the authors' first code; "fla" is flash-linear-attention, where
    the authors went on. Parameters are called as there, so that its checkpoints load. The factor
    1/√d_k, which the paper leaves out and both codes have, matters only beside the norm's eps.

    Args:
        hidden_size: Width d of input and output.
        num_heads: Heads H; the memory of a layer has d² · expand_k · expand_v / H numbers.
        variant: See above.
        gate: What is forgotten: "vector" (the paper's), "scalar", "fixed" or "none", see `gates`.
        expand_k: Width of all queries, and of all keys, as a part of d.
        expand_v: Width of all values, as a part of d.
        half_life: τ, in tokens: in so many tokens memory halves at initialisation, where the
            gate's logits are about 0.
        gate_rank: Columns of W₁.
        norm_eps: Added to the variance in the norm.
        clamp_min: Least ln α; None sets no limit.
        backend: Of the operator, see `halflife.attention.gla`.

    Raises:
        ValueError: An unknown variant or gate, widths that the heads do not divide, or a
            half-life that is not positive.
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int = 4,
        *,
        variant: Literal["fla", "paper"] = "fla",
        gate: str = "vector",
        expand_k: float = 0.5,
        expand_v: float = 1.0,
        half_life: float = 16.0,
        gate_rank: int = 16,
        norm_eps: float = 1e-5,
        clamp_min: float | None = None,
        backend: Backend = "auto",
    ) -> None:
        super().__init__()
        keys, values = int(hidden_size * expand_k), int(hidden_size * expand_v)
        for name, width, ratio in (("expand_k", keys, expand_k), ("expand_v", values, expand_v)):
            if width < num_heads or width % num_heads:
                raise ValueError(
                    f"hidden_size {hidden_size} × {name} {ratio:g} = {width} must be a positive "
                    f"multiple of num_heads = {num_heads}."
                )
        if variant not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}; got {variant!r}.")
        if gate not in GATES:
            raise ValueError(f"gate must be one of {', '.join(GATES)}; got {gate!r}.")
        if not half_life > 0:
            raise ValueError(f"half_life is in tokens and must be positive, got {half_life}.")
        self.num_heads, self.variant, self.backend = num_heads, variant, backend
        self.head_k_dim, self.head_v_dim = keys // num_heads, values // num_heads
        linear = XavierLinear if variant == "paper" else nn.Linear
        self.q_proj = linear(hidden_size, keys, bias=False)
        self.k_proj = linear(hidden_size, keys, bias=False)
        self.v_proj = nn.Linear(hidden_size, values, bias=False)
        self.g_proj = nn.Linear(hidden_size, values, bias=variant == "paper")
        self.gk_proj = GATES[gate](
            hidden_size, num_heads, self.head_k_dim, half_life, gate_rank, clamp_min, linear
        )
        self.g_norm_swish_gate: nn.Module = (
            nn.LayerNorm(self.head_v_dim, eps=norm_eps, elementwise_affine=False)
            if variant == "paper"
            else nn.RMSNorm(self.head_v_dim, eps=norm_eps)
        )
        self.o_proj = nn.Linear(values, hidden_size, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial weights of this variant."""
        for module in self.modules():
            if isinstance(module, XavierLinear):
                module.reset_parameters()
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=DEVIATION)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    @overload
    def forward(
        self,
        x: Tensor,
        state: Tensor | None = ...,
        *,
        mask: Tensor | None = ...,
        cu_seqlens: Tensor | None = ...,
        return_state: Literal[False] = ...,
    ) -> Tensor: ...
    @overload
    def forward(
        self,
        x: Tensor,
        state: Tensor | None = ...,
        *,
        mask: Tensor | None = ...,
        cu_seqlens: Tensor | None = ...,
        return_state: Literal[True],
    ) -> tuple[Tensor, Tensor]: ...
    def forward(
        self,
        x: Tensor,
        state: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        cu_seqlens: Tensor | None = None,
        return_state: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """All tokens at once.

        Args:
            x: [batch, time, hidden_size].
            state: Memory to begin with, [batch, heads, key width, value width]; None is empty.
            mask: [batch, time], 0 or False at padding. Padding neither writes nor forgets, so it
                may stand anywhere; what comes out there means nothing.
            cu_seqlens: Several sequences in one row: int [n + 1], where each begins, and the end.
                The batch is then 1, and states have n in its place.
            return_state: Whether the memory after the last token is returned, too.

        Returns:
            y like x, or (y, state).
        """
        q, k, v, g = self._read(x)
        if mask is not None:
            # Not multiplied: a gate of −inf times 0 would be NaN.
            padding = ~mask.bool()[..., None, None]
            k, g = k.masked_fill(padding, 0.0), g.masked_fill(padding, 0.0)
        o, after = gla(
            q,
            k,
            v,
            g,
            initial_state=state,
            return_state=True,
            cu_seqlens=cu_seqlens,
            backend=self.backend,
        )
        y = self._write(x, o)
        return (y, after) if return_state else y

    def step(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One token: in O(d_k · d_v) time and memory, however long the past.

        Args:
            x: [batch, hidden_size].
            state: Memory so far, float32 [batch, heads, key width, value width]; None is empty.

        Returns:
            y like x, and the memory after it.
        """
        q, k, v, g = self._read(x)
        o, after = gla_step(q, k, v, g, state)
        return self._write(x, o), after

    @property
    @torch.no_grad()
    def half_life(self) -> Tensor:
        """In how many tokens each channel's memory halves if the input says nothing.

        [heads, key width]; from the gate's bias alone, so it is `half_life` of the constructor
        before training. `half_lives` tells what an input makes of it.
        """
        return tokens_per_halving(self.gk_proj.at_rest())

    @torch.no_grad()
    def half_lives(self, x: Tensor) -> Tensor:
        """In how many tokens like this one each channel's memory halves.

        Args:
            x: The layer's input, [..., hidden_size].

        Returns:
            [..., heads, key width], ∞ where nothing is forgotten.
        """
        return tokens_per_halving(self.gk_proj(x))

    def extra_repr(self) -> str:
        """What `print` adds."""
        return f"num_heads={self.num_heads}, variant={self.variant!r}"

    def _read(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """q, k, v and ln α, each [..., heads, its width]."""
        heads = (self.num_heads, -1)
        q, k, v = (p(x).unflatten(-1, heads) for p in (self.q_proj, self.k_proj, self.v_proj))
        return q, k, v, self.gk_proj(x)

    def _write(self, x: Tensor, o: Tensor) -> Tensor:
        """Norm, output gate and projection of the heads' readings, [..., heads, value width]."""
        mixed = self.g_norm_swish_gate(o).flatten(-2)
        y: Tensor = self.o_proj(F.silu(self.g_proj(x)) * mixed)
        return y
