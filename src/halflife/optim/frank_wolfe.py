"""The Frank–Wolfe method as a Lion-K."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.optim.optimizer import ParamsT

from halflife.optim.kappa import Kappa
from halflife.optim.lion_k import LionK


class FrankWolfe(LionK):
    """Frank and Wolfe (1956), or conditional gradient: min f where K*(x/r) is finite.

        x ← (1 − γ) x + γ r s,   s = argmin ⟨g, s⟩ over that set for r = 1,   γ = 2/(t + 2)

    It is `LionK` without momentum, with λ = 1/r and η = γ r, step for step. The first step jumps
    to a corner of the set. With `momentum` the gradients are averaged first, as stochastic ones
    need. For a K that is not a norm it is the regularised method, which minimises f + r K*(x/r).

    Args:
        params: As for `LionK`.
        radius: r > 0, the size of the set; with the default K the largest |xᵢ|.
        K: Whose conjugate's domain is the set; one with a bounded set.
        momentum: β, in [0, 1).
        options: As for `LionK`.

    Raises:
        ValueError: K has no bounded set, or as for `LionK`.
    """

    def __init__(
        self,
        params: ParamsT,
        radius: float = 1.0,
        K: str | Kappa = "l1",
        momentum: float = 0.0,
        **options: Any,
    ) -> None:
        if not radius > 0:
            raise ValueError(f"radius must be above 0, got {radius!r}.")
        super().__init__(params, radius, (momentum, momentum), 1 / radius, K, **options)
        for group in self.param_groups:
            if not group["K"].bounded:
                raise ValueError(f"{group['K']} has no bounded set; take one like 'l1' or 'l2'.")

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Make one update; the rate of each group is 2/(λ(t + 2)), t its updates before."""
        for group in self.param_groups:
            done = group.setdefault("updates", 0)
            group["lr"] = 2 / (group["weight_decay"] * (done + 2))
            group["updates"] = done + 1
        return super().step(closure)
