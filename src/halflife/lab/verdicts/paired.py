"""Paired differences between two arms that shared the seed and every other parameter.

The shared part of the rules that compare: which numbers are subtracted, and how a difference is
put into words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from halflife.lab.verdicts.interval import Array
from halflife.lab.verdicts.mean_rule import MeanRule
from halflife.lab.verdicts.rule import Undecidable
from halflife.lab.verdicts.runs import Arms
from halflife.lab.verdicts.verdict import Verdict

if TYPE_CHECKING:
    import pandas as pd

PAIRS = "Pairs share the seed and every other parameter."


@dataclass(frozen=True, kw_only=True)
class Paired(MeanRule):
    """Judges by the mean difference ours − theirs.

    Attributes:
        arms: What is compared.
        lower_is_better: Whether small values of the metric are good.
        relative: Whether a difference is divided by the mean |theirs| of its problem. That
            mean is taken as known: the interval has no part for its own uncertainty, which is
            of second order where the difference is a small part of it.
    """

    arms: Arms
    lower_is_better: bool = True
    relative: bool = True

    @property
    def statistic(self) -> str:
        """See `MeanRule`."""
        kind = "mean relative difference" if self.relative else "mean difference"
        return f"{kind} of {self.metric} ({self.arms})"

    @property
    def unit(self) -> str:
        """See `MeanRule`."""
        return "%" if self.relative else ""

    def _read(self, runs: pd.DataFrame) -> tuple[Array, tuple[str, ...]]:
        trials = self.scope.select(runs, self.metric, self.arms)
        crossed = self.scope.cross(trials, self.metric, self.arms.factor, self.arms.levels)
        ours, theirs = crossed.values
        differences = crossed.by_problem(ours - theirs)
        if not self.relative:
            return differences, crossed.notes
        size = crossed.by_problem(np.abs(theirs)).mean(axis=1, keepdims=True)
        if not size.all():
            where = crossed.names[int(np.argmin(size))]
            raise Undecidable(
                f"{self.metric} of {self.arms.name(self.arms.theirs)} is 0 throughout"
                f"{' with ' * bool(where)}{where}, so no difference is relative to it; "
                "relative=False compares as is."
            )
        return differences / size, crossed.notes

    def _finding(self, verdict: Verdict) -> str:
        assert verdict.estimate is not None
        ours, theirs = map(self.arms.name, (self.arms.ours, self.arms.theirs))
        if verdict.estimate == 0:
            return f"{self.metric} is the same on average with {ours} and with {theirs}"
        size = verdict.show(abs(verdict.estimate)).removeprefix("+")
        side = "lower" if verdict.estimate < 0 else "higher"
        return f"{self.metric} is {size} {side} with {ours} than with {theirs}"

    def _notes(self, values: Array) -> tuple[str, ...]:
        return (wins(values, self.arms.name(self.arms.ours), -1 if self.lower_is_better else 1),)


def wins(differences: Array, ours: str, better: int) -> str:
    """On how many problems, or with how many seeds of a single one, ours is better.

    The p-value is that of the two-sided sign test, ties left out.

    Args:
        differences: Shape (problems, seeds).
        ours: Our arm's name.
        better: The sign of a difference that is good for ours.
    """
    several = len(differences) > 1
    signs = better * np.sign(differences.mean(axis=1) if several else differences[0])
    won, lost = int((signs > 0).sum()), int((signs < 0).sum())
    from scipy import stats

    test = f"sign test p = {stats.binomtest(won, won + lost).pvalue:.2g}" if won + lost else "ties"
    units = "problems" if several else "seeds"
    return f"{ours} is better on {won} of {signs.size} {units} ({test})."
