"""Muon: momentum with its singular values set to one."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.optim.optimizer import ParamsT

from halflife.optim.kappa import Nuclear
from halflife.optim.lion_k import LionK


class Muon(LionK):
    """Muon (Keller Jordan 2024; as a Lion-K, arXiv 2506.15054): K = ρ times the nuclear norm.

    With weight decay λ it minimises f where the largest singular value of each matrix is at most
    ρ/λ. Nesterov momentum μ is β₁ = μ², β₂ = μ. For matrices: give biases, gains, embeddings and
    the last layer to another optimizer, or put them into a group with K="l1". A tensor of more
    dimensions is the matrix of its first one.

    Args:
        params: As for `LionK`, of at least two dimensions.
        lr: η.
        momentum: μ, in [0, 1).
        weight_decay: λ, decoupled.
        nesterov: Whether the step looks ahead; without, β₁ = β₂ = μ.
        scale: ρ: "aspect", √max(1, rows/columns), "adamw", 0.2 √max(rows, columns), or a number.
        method: "newton-schulz", five steps of the usual iteration, which passes the bound by up to
            20 %, or "svd", exact.
        precision: Of Newton–Schulz: "bfloat16" as in `torch.optim.Muon`, or "input".
        options: As for `LionK`.

    Raises:
        ValueError: A parameter has fewer than two dimensions, or as for `LionK`.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        momentum: float = 0.95,
        weight_decay: float = 0.1,
        *,
        nesterov: bool = True,
        scale: float | str = "aspect",
        method: str = "newton-schulz",
        precision: str = "bfloat16",
        **options: Any,
    ) -> None:
        K = Nuclear(scale=scale, method=method, precision=precision)
        betas = (momentum**2 if nesterov else momentum, momentum)
        super().__init__(params, lr, betas, weight_decay, K, **options)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As for `LionK`, but of matrices only, unless the group has a K of its own."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        if isinstance(group["K"], Nuclear):
            for p in group["params"]:
                if p.ndim < 2:
                    self.param_groups.pop()
                    raise ValueError(
                        f"Muon is for matrices, got a parameter of shape {tuple(p.shape)}; put "
                        "vectors into a group with K='l1' or give them to another optimizer."
                    )
