"""Lion, by its own name."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.optim.optimizer import ParamsT

from halflife.optim.lion_k import LionK


class Lion(LionK):
    """Lion (arXiv 2302.06675): `LionK` with K = ‖x‖₁, so steps of ±η.

    With weight decay λ it minimises f in the box |xᵢ| ≤ 1/λ.

    Args:
        params: As for `LionK`.
        lr: η, a third to a tenth of what AdamW would have.
        betas: β₁ and β₂; the authors take (0.95, 0.98) for language models.
        weight_decay: λ, three to ten times what AdamW would have.
        options: As for `LionK`.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(params, lr, betas, weight_decay, "l1", **options)
