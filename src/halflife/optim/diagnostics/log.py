"""The file of a `DiagnosticsRecorder`, read again."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from halflife.optim.diagnostics.measure import totals

Series = NDArray[np.float64]


@dataclass(frozen=True)
class DiagnosticsLog:
    """The diagnostics of a run: one entry of each array for each row, in the order of steps.

    nan stands for what was not measured, inf for an objective outside the constraint.

    Attributes:
        steps: Number of updates made, int64.
        loss: f.
        objective: F.
        lyapunov: H.
        kkt_gap: S, of all groups together.
        kkt_bound: S/λ, likewise: the bound on F − min F for convex f and full gradients.
        infeasibility: The largest of the groups' distances.
        largest: The largest weight in radii (or block, or singular value), over all groups.
        saturated_fraction: Share of all weights that lie on the border.
        groups: For each row, what was written of each group: `name`, `K`, `radius`, `histogram`
            over `bins` and the numbers, of that group alone.
    """

    steps: NDArray[np.int64]
    loss: Series
    objective: Series
    lyapunov: Series
    kkt_gap: Series
    kkt_bound: Series
    infeasibility: Series
    largest: Series
    saturated_fraction: Series
    groups: tuple[tuple[dict[str, Any], ...], ...]


def read_diagnostics(path: str | os.PathLike[str]) -> DiagnosticsLog:
    """Read what a `DiagnosticsRecorder` or a callback wrote.

    Of a step that stands there twice, in a run that was resumed, the last counts. A last line that
    was cut short by a kill is left out.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is none of a recorder, or there are none.
    """
    rows: dict[int, dict[str, Any]] = {}
    *lines, _ = Path(path).read_text().split("\n")
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            step = int(row["step"])
            if "groups" in row:
                rows[step] = row
            else:
                rows[step] = rows[step] | row
        except (ValueError, KeyError, TypeError):
            raise ValueError(
                f"Line {number} of {path} is none of a DiagnosticsRecorder: {line[:80]!r}."
            ) from None
    if not rows:
        raise ValueError(f"{path} holds no rows; record() writes one.")
    steps = sorted(rows)
    table = [totals(rows[step]) for step in steps]
    return DiagnosticsLog(
        steps=np.array(steps, dtype=np.int64),
        **{name: np.array([row[name] for row in table], dtype=float) for name in table[0]},
        groups=tuple(tuple(rows[step]["groups"]) for step in steps),
    )
