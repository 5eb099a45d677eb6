"""Signum: the sign of a momentum."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.optim.optimizer import ParamsT

from halflife.optim.lion_k import LionK


class Signum(LionK):
    """Signum (arXiv 1802.04434): `LionK` with K = ‖x‖₁ and one coefficient, β₁ = β₂.

    The step uses the average with the new gradient in it. With momentum 0 it is signSGD.

    Args:
        params: As for `LionK`.
        lr: η.
        momentum: β, in [0, 1).
        weight_decay: λ, decoupled.
        options: As for `LionK`.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-4,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, (momentum, momentum), weight_decay, "l1", **options)
