"""Refinement: the schedule that suits the gradient norms of a run.

Knows nothing of file formats or of how norms are measured.
"""

from __future__ import annotations

import dataclasses
import math
import os
import warnings
from typing import TYPE_CHECKING, Literal, SupportsIndex, get_args

import numpy as np

from halflife.arguments import number
from halflife.schedules.arguments import run_length
from halflife.schedules.refinement.log import GradNormLog, Norm
from halflife.schedules.refinement.readers import read_log
from halflife.schedules.refinement.smoothing import running_median, window
from halflife.schedules.refinement.weights import Last, rates
from halflife.schedules.schedule import Schedule
from halflife.schedules.table import from_table

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Kind = Literal["sgd", "adam", "normalised"]

NORMS: dict[str, Norm] = {"sgd": "l2", "adam": "l1", "normalised": "l2"}
"""The norm that each kind of base optimizer calls for."""

FLOOR = 1e-3
"""Smoothed norms below this part of their median count as this part."""
SUSPICIOUS = 1e-2
"""min/median below which the refined curve is doubtful."""
COLLAPSED = 1e-4
"""min/median below which it says nothing."""

KNOTS = 1000
TOLERANCE = 0.02
"""Mean distance of the compressed from the exact curve (its peak is 1) that passes in silence."""


@dataclasses.dataclass(frozen=True, eq=False)
class Refinement:
    """A refined schedule and how it came about; `str` gives it in words, `figure` draws it.

    Attributes:
        schedule: The result.
        kind: "sgd", "adam" or "normalised".
        norm: "l1" or "l2": what was logged.
        tau: Part of the run that the running median spans.
        last: "zero" or "skip".
        source: Where the norms come from.
        norms: The norm of each update as logged, gaps bridged, shape (T,).
        smoothed: Their running median, shape (T,).
        multipliers: The exact curve, before it was compressed, shape (T,), peak 1.
        rows: Rows of the log that count.
        dropped: Rows that were not finite.
        repeated: Rows that a later row of the same step superseded.
        deviation: Mean distance of the schedule's table from `multipliers`.
        cautions: What was warned of, in sentences.
    """

    schedule: Schedule
    kind: Kind
    norm: Norm
    tau: float
    last: Last
    source: str
    norms: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    multipliers: NDArray[np.float64]
    rows: int
    dropped: int
    repeated: int
    deviation: float
    cautions: tuple[str, ...]

    @property
    def total(self) -> int:
        """T, the number of updates of the run that was logged."""
        return self.norms.size

    @property
    def peak(self) -> float:
        """Where the refined curve is highest, as a part of the run; 0 means no warm-up."""
        return float(np.argmax(self.multipliers)) / self.total

    @property
    def collapse(self) -> float:
        """The smallest smoothed norm over their median; near 0, gradients have vanished."""
        return float(self.smoothed.min() / np.median(self.smoothed))

    def __str__(self) -> str:
        at = {
            f"{part:.0%}": self.multipliers[round(part * (self.total - 1))]
            for part in (0, 0.01, 0.5, 0.9)
        }
        power = "-2" if (self.norm, self.kind) in {("l2", "sgd"), ("l2", "normalised")} else "-1"
        lines = [
            f"{self.source}: {self.rows} {self.norm} gradient norms over {self.total} updates, "
            f"{self.dropped} dropped, {self.repeated} superseded",
            f"median over {window(self.tau, self.total)} updates, smallest norm "
            f"{self.collapse:.3g} of the median; weights norm^{power} ({self.kind})",
            f"peak at {self.peak:.1%} of the run; "
            + ", ".join(f"{value:.3g} at {part}" for part, value in at.items()),
            *self.cautions,
        ]
        return "\n".join(lines)


def refine(
    norms: ArrayLike | GradNormLog,
    kind: Kind = "sgd",
    tau: float = 0.1,
    last: Last = "zero",
    steps: ArrayLike | None = None,
    force: bool = False,
    *,
    norm: Norm | None = None,
    total: SupportsIndex | None = None,
    knots: int = KNOTS,
) -> Schedule:
    """Return the schedule that suits the gradient norms of an earlier run.

        Ĝ = running median of G over about τT updates (`running_median`)
        w = Ĝ^{-2} (SGD, ℓ2 norms)   or   Ĝ^{-1} (Adam, ℓ1 norms)
        η_s = w_s Σ_{q>s} w_q,   m = η / max η

    (2310.07831: weights that minimise the bound of weighted SGD, turned into rates of a last
    iterate; for Adam the norm is the one that goes with √v ≈ |g|.) Equal norms give linear decay,
    norms that fall early a warm-up, norms that rise late an early anneal. The official code
    divides by another constant, which the maximum undoes.

    The best base rate is another one than before: sweep it again. Add no warm-up.

    Everything is float64. Norms are scaled by their median first, and Ĝ counts as at least a
    thousandth of it, since weights explode where gradients vanish. T > `knots` values are
    compressed to that many at equal distances, scaled to peak 1 again: each then lies between
    values that the exact curve (so scaled) takes within T/(knots − 1) updates of it.

    Args:
        norms: The gradient norm of each update, before clipping, in order, shape (n,); or a log.
        kind: The optimizer of the run: "sgd" (also with momentum), "adam" (also AdamW), or
            "normalised": the SGD schedule times Ĝ, for updates divided by their norm.
        tau: Part of the run that the median spans, in [0, 1]; 0 does not smooth.
        last: "zero" ends at 0 as the paper does, so that the last update does nothing; "skip"
            leaves that update out, and equal norms give 1 − s/T.
        steps: For a sparse or repeated record, the update of each norm, counted from 0, shape
            (n,). By default all updates in order.
        force: Go on although the gradients have collapsed.
        norm: "l1" or "l2", if it is not the one that `kind` calls for. With "l2", "adam" falls
            back to w = Ĝ^{-1} of that, with a warning.
        total: Updates of the run, if it went on after the last row.
        knots: How many values the schedule may keep, ≥ 2.

    Returns:
        A schedule over relative progress, ≥ 0 and with peak 1, for a run of any length. A run of
        one update gives 1.

    Raises:
        ValueError: No finite norm; negative norms; a smallest smoothed norm below 10⁻⁴ of the
            median (unless `force`), or a median of 0; ℓ1 norms for SGD; arguments out of range.

    Warns:
        RuntimeWarning: Norms dropped, a smallest smoothed norm below 10⁻² of the median, ℓ2 norms
            for Adam, or a compressed curve further than 0.02 on average from the exact one.

    >>> refine([4, 2, 1, 1, 2]).table(5)
    array([0.125, 0.45 , 1.   , 0.2  , 0.   ])
    >>> refine([3, 3, 3, 3], last="skip").table(4)
    array([1.  , 0.75, 0.5 , 0.25])
    """
    if isinstance(norms, GradNormLog):
        if steps is not None or norm is not None:
            raise ValueError("A GradNormLog has its own steps and norm; leave them out.")
        log = norms
    else:
        values = np.asarray(norms)
        log = GradNormLog(
            np.arange(values.size) if steps is None else steps,  # type: ignore[arg-type]
            values,
            norm if norm is not None else NORMS.get(kind, "l2"),
        )
    return _work_out(log, kind, tau, last, force, total, knots).schedule


def refine_log(
    path: str | os.PathLike[str],
    kind: Kind = "sgd",
    tau: float = 0.1,
    last: Last = "zero",
    column: str | None = None,
    *,
    force: bool = False,
    norm: Norm | None = None,
    total: SupportsIndex | None = None,
    knots: int = KNOTS,
) -> tuple[Schedule, Refinement]:
    """Return the refined schedule of a log file, and the report of how it came about.

    Args:
        path: A log of any format that `read_log` reads.
        kind: As for `refine`.
        tau: As for `refine`.
        last: As for `refine`.
        column: Column or tag of the norms, if the log has several.
        force: As for `refine`.
        norm: "l1" or "l2", if the column's name does not tell. Without it, and where there are
            both, the one that `kind` calls for is read.
        total: As for `refine`.
        knots: As for `refine`.

    Raises:
        ValueError: As for `read_log` and `refine`.
        OSError: The file cannot be read.
    """
    log = read_log(path, column, norm=norm, prefer=NORMS.get(kind, "l2"))
    report = _work_out(log, kind, tau, last, force, total, knots)
    return report.schedule, report


def _work_out(
    log: GradNormLog,
    kind: Kind,
    tau: float,
    last: Last,
    force: bool,
    total: SupportsIndex | None,
    knots: int,
) -> Refinement:
    if kind not in get_args(Kind):
        raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, got {kind!r}.")
    if last not in get_args(Last):
        raise ValueError(f'last must be "zero" or "skip", got {last!r}.')
    tau = number("tau", tau, "[0, 1]")
    if isinstance(knots, bool) or not isinstance(knots, int) or knots < 2:
        raise ValueError(f"knots must be an integer of at least 2, got {knots!r}.")
    if log.norm == "l1" and kind != "adam":
        raise ValueError(
            f'kind="{kind}" needs ℓ2 norms, and {log.source} holds ℓ1 norms; '
            'log ℓ2 norms, or use kind="adam".'
        )
    every = log.every_update(None if total is None else run_length(total))
    cautions = list(every.cautions)
    if kind == "adam" and log.norm == "l2":
        cautions.append(
            "Refinement for Adam wants ℓ1 norms; these are ℓ2 norms, and w = 1/‖g‖₂ takes their "
            "place. GradNormRecorder logs both."
        )
    smoothed = running_median(every.norms, tau)
    if smoothed.size == 1:
        multipliers = np.ones(1)
    else:
        scaled, caution = _scaled(smoothed, force)
        cautions += caution
        multipliers = rates(scaled ** (-1 if kind == "adam" else -2), last)
        if kind == "normalised":
            multipliers = multipliers * scaled
        multipliers /= multipliers.max()
    values, deviation = _compressed(multipliers, knots)
    if deviation > TOLERANCE:
        cautions.append(
            f"{knots} knots miss the refined curve by {deviation:.2g} on average; smooth it with a "
            f"larger tau, or keep more knots (all: knots={multipliers.size})."
        )
    for caution_text in cautions:
        warnings.warn(caution_text, RuntimeWarning, stacklevel=3)
    return Refinement(
        schedule=from_table(tuple(values.tolist())),
        kind=kind,
        norm=log.norm,
        tau=tau,
        last=last,
        source=log.source,
        norms=every.norms,
        smoothed=smoothed,
        multipliers=multipliers,
        rows=every.rows,
        dropped=every.dropped,
        repeated=every.repeated,
        deviation=deviation,
        cautions=tuple(cautions),
    )


def _scaled(smoothed: NDArray[np.float64], force: bool) -> tuple[NDArray[np.float64], list[str]]:
    """Return the norms over their median, floored, and what to warn of."""
    median = float(np.median(smoothed))
    if median == 0 or not math.isfinite(median):
        raise ValueError(
            f"The median of the smoothed gradient norms is {median}: nothing can be scaled by it. "
            "Use a part of the run in which gradients are alive."
        )
    scaled = smoothed / median
    smallest = float(scaled.min())
    if smallest >= SUSPICIOUS:
        return scaled, []
    fall = f"Gradient norms fall to {smallest:.2g} of their median"
    if smallest < COLLAPSED and not force:
        raise ValueError(
            f"{fall}: the model fits its data without error, and refinement would put the whole "
            "schedule where gradients have vanished. Use a run with regularisation or fewer "
            "updates, or pass force=True."
        )
    return np.maximum(scaled, FLOOR), [
        f"{fall}: gradients vanish towards an exact fit, where refinement gives too much weight to "
        f"few updates. Norms below {FLOOR:g} of the median count as that."
    ]


def _compressed(multipliers: NDArray[np.float64], knots: int) -> tuple[NDArray[np.float64], float]:
    """Return at most `knots` values at equal distances, and their mean distance from the curve."""
    if multipliers.size <= knots:
        return multipliers, 0.0
    steps = np.arange(multipliers.size, dtype=np.float64)
    at = np.linspace(0, multipliers.size - 1, knots)
    values = np.interp(at, steps, multipliers)
    values /= values.max()
    return values, float(np.mean(np.abs(np.interp(steps, at, values) - multipliers)))
