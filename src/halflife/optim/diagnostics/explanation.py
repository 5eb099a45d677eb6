"""Which problem an optimizer is solving, and how far it is, in a few lines.

Knows how to say it; the numbers come from `diagnostics`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from halflife.optim.diagnostics.forecast import Forecast
from halflife.optim.diagnostics.weights import INSIDE


@dataclass(frozen=True)
class GroupExplanation:
    """What one parameter group is solving.

    Attributes:
        name: The group's.
        K: As `str`.
        weights: Number of entries.
        problem: In words, with r for the radius.
        radius: ρ/λ, the smallest and the largest over the tensors; inf without decay.
        reach: Factor by which updates may overstep the radius: 1, or 1.2024 for Newton–Schulz.
        e_folding: Updates at the base rate in which decay shrinks a weight by e; inf without decay.
        largest: The largest `Kappa.gauge`, 1 on the border; 0 without one.
        infeasibility: Distance of λx to the domain of K*.
        saturated: Share of weights on the border.
        run: What the run's decay does, if the run is known.
        reachable: The largest gauge that a weight can have after the run; None likewise.
    """

    name: str
    K: str
    weights: int
    problem: str
    radius: tuple[float, float]
    reach: float
    e_folding: float
    largest: float
    infeasibility: float
    saturated: float
    run: Forecast | None
    reachable: float | None

    @property
    def outside(self) -> bool:
        """Whether some weights lie outside by more than a thousandth of the bound."""
        return self.infeasibility > 0 and self.largest > self.reach + INSIDE

    def lines(self) -> list[str]:
        """As text, without indent."""
        lines = [f"{self.name}: K = {self.K}, {self.weights:,} weights", f"  {self._problem()}"]
        if math.isfinite(self.e_folding):
            lines.append(
                f"  decay takes a weight to 1/e in {self.e_folding:,.0f} updates at the base rate"
            )
        if self.reachable is not None or self.largest:
            lines.append(f"  {self._place()}")
        if self.run is not None and math.isfinite(self.e_folding):
            lines.append(f"  {self._outlook(self.run)}")
        return lines

    def _problem(self) -> str:
        low, high = self.radius
        if math.isinf(high):
            return f"{self.problem}, without decay"
        values = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g} by tensor"
        over = f" (updates may overstep r by a factor {self.reach:g})" if self.reach > 1 else ""
        return f"{self.problem}, with r = {values}{over}"

    def _place(self) -> str:
        if self.outside:
            return (
                f"weights are outside: the largest is {self.largest:.3g} times the bound, "
                f"the distance of λx {self.infeasibility:.3g}"
            )
        return (
            f"weights are inside: the largest is {self.largest:.1%} of the bound, "
            f"{self.saturated:.1%} are on it"
        )

    def _outlook(self, run: Forecast) -> str:
        text = f"over the run Σηλ is about {run.e_foldings:.3g}"
        if self.outside:
            if run.steps is None:
                return f"{text}: {run.left:.1%} of the distance may be left at its end"
            return f"{text}: all weights are inside after at most {run.steps:,} updates"
        if self.reachable is not None:
            return f"{text}: weights can come to {self.reachable:.1%} of the bound"
        return text


@dataclass(frozen=True)
class Explanation:
    """Which problem an optimizer is solving; `str` of it is for a person.

    Attributes:
        groups: One for each parameter group.
        warnings: What is likely not what was meant.
    """

    groups: tuple[GroupExplanation, ...]
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        lines = [line for group in self.groups for line in group.lines()]
        return "\n".join([*lines, *(f"warning: {warning}" for warning in self.warnings)])
