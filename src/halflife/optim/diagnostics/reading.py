"""What a diagnostic says: a number for each parameter group, and one for all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """Numbers by parameter group.

    Attributes:
        groups: One for each of the optimizer's groups, in their order.
        overall: Of all groups together; each diagnostic says how. `float()` of a reading is this.
    """

    groups: tuple[float, ...]
    overall: float

    def __float__(self) -> float:
        return self.overall


@dataclass(frozen=True)
class Certificate(Reading):
    """The certificate S, and the bound that it gives where f is convex.

    Attributes:
        groups: S of each group.
        overall: Their sum.
        bounds: S/λ of each group; inf if λ is 0 and S is not.
        bound: Their sum, ≥ F(x) − min F for convex f.
    """

    bounds: tuple[float, ...]
    bound: float
