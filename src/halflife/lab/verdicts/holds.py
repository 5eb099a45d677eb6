"""An exact statement: true of every trial, or refuted by one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from halflife.lab.verdicts.rule import Rule, Undecidable
from halflife.lab.verdicts.runs import Scope
from halflife.lab.verdicts.verdict import Outcome, Verdict

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Holds(Rule):
    """See `holds`."""

    metric: str
    tolerance: float
    scope: Scope

    @property
    def sentence(self) -> str:
        """See `Rule`."""
        said = (
            f"Supported if {self.metric} is at most {self.tolerance:g} in every trial, "
            "contradicted by a single one where it is not.",
            self.scope.restriction,
        )
        return " ".join(filter(None, said))

    @property
    def metrics(self) -> frozenset[str]:
        """See `Rule`."""
        return frozenset({self.metric})

    @property
    def intervals(self) -> int:
        """None: the largest violation is what it is."""
        return 0

    def at(self, confidence: float) -> Self:
        """The same: no interval decides."""
        del confidence
        return self

    def judge(self, runs: pd.DataFrame) -> Verdict:
        """See `Rule.judge`."""
        statistic = f"largest {self.metric}"
        try:
            trials = self.scope.select(runs, self.metric)
        except Undecidable as why:
            return Verdict(
                Outcome.INCONCLUSIVE, statistic, str(why), threshold=self.tolerance, problems=0
            )
        worst = max(trials, key=lambda run: math.inf if math.isnan(run.value) else run.value)
        bad = sum(not run.value <= self.tolerance for run in trials)
        if bad:
            reason = (
                f"{self.metric} is {worst.value:.3g} with {worst}, above {self.tolerance:g}: "
                f"the worst of {bad} violations in {len(trials)} trials."
            )
        else:
            reason = (
                f"{self.metric} is at most {worst.value:.3g} in all {len(trials)} trials, "
                f"within {self.tolerance:g}."
            )
        from scipy import stats

        bound = stats.binomtest(bad, len(trials), alternative="less").proportion_ci(0.95, "exact")
        estimate = worst.value if math.isfinite(worst.value) else None
        return Verdict(
            Outcome.of(supported=not bad, contradicted=bad > 0),
            statistic,
            reason,
            estimate=estimate,
            low=estimate,
            high=estimate,
            threshold=self.tolerance,
            seeds=len({run.seed for run in trials}),
            problems=len({tuple(run.parameters.values()) for run in trials}),
            notes=(
                f"If the trials are a random sample of their kind, at most {bound.high:.2%} of "
                "such cases violate it (Clopper–Pearson, 95 %).".replace("%", " %", 1),
            ),
        )


def holds(metric: str, tolerance: float, *, where: Mapping[str, Any] | None = None) -> Holds:
    """`metric`, a violation of an exact statement, is at most `tolerance` in every trial.

    Supported if so, contradicted by a single trial above, which the reason names; NaN is a
    violation. No number of trials is too small for it. The estimate and both ends of the interval
    are the largest violation, None if that is not finite. A note adds the exact (Clopper and
    Pearson 1934) one-sided 95 % bound on the share of violations among cases like these:
    1 − 0.05^(1/n) after n trials without any.

    Args:
        metric: Column with the violation, e.g. the largest absolute error of a trial.
        tolerance: The largest violation that is allowed.
        where: As for `better`.

    Raises:
        ValueError: `tolerance` is not finite; on judging, as `better`.
    """
    if not math.isfinite(tolerance):
        raise ValueError(f"tolerance={tolerance}; pass a finite number, fixed before the run")
    return Holds(metric=metric, tolerance=tolerance, scope=Scope.of(where=where))
