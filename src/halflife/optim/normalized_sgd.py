"""Normalised SGD with momentum."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.optim.optimizer import ParamsT

from halflife.optim.kappa import L2
from halflife.optim.lion_k import LionK


class NormalizedSGD(LionK):
    """Normalised SGD with momentum: `LionK` with K = ‖x‖₂, so steps of length η.

    With weight decay λ it minimises f in the balls ‖x‖₂ ≤ 1/λ, one for each block.

    Args:
        params: As for `LionK`.
        lr: η.
        momentum: β, in [0, 1).
        weight_decay: λ, decoupled.
        block: What is normalised: each whole "tensor", "row", "column", or a number of groups.
        options: As for `LionK`.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        block: str | int = "tensor",
        **options: Any,
    ) -> None:
        super().__init__(params, lr, (momentum, momentum), weight_decay, L2(block=block), **options)
