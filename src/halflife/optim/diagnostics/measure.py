"""All diagnostics of an optimizer at once: a row of the recorder's file.

Knows what a row is; not where it goes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from halflife.optim.diagnostics.diagnostics import Diagnostics
from halflife.optim.diagnostics.weights import (
    INSIDE,
    Weights,
    constrained,
    shape_of,
    weights_of,
)

WIDTH = 0.025
"""Of a bin of the histograms, in radii. One has 0 in its middle, and one 1."""
BEYOND = 49.5 * WIDTH
"""Where they end; the last bin counts what lies beyond."""


@torch.no_grad()
def measure(optimizer: Diagnostics) -> list[dict[str, Any]]:
    """Name, options, numbers and histogram of each group; reads every parameter once.

    The histogram is of the weights in radii (with their sign, for a K that is a sum over entries)
    or else of `Kappa.gauge`.
    """
    return [_group(at, group, optimizer.state) for at, group in enumerate(optimizer.param_groups)]


def totals(row: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of all groups together, nan where something was not measured.

    `kkt_gap` is Σ S, `kkt_bound` Σ S/λ; the objective and the energy need the loss.
    """
    groups = row["groups"]
    f = _sign(row) * _float(row.get("loss"), math.nan)
    weights = sum(group["weights"] for group in groups) or 1
    return {
        "loss": _float(row.get("loss"), math.nan),
        "objective": f + sum(_float(group["penalty"]) for group in groups),
        "lyapunov": f + sum(_float(group["energy"]) for group in groups),
        "kkt_gap": sum(_gap(group) for group in groups),
        "kkt_bound": sum(_bound(group) for group in groups),
        "infeasibility": max(_float(group["infeasibility"]) for group in groups),
        "largest": max(_float(group["largest"]) for group in groups),
        "saturated_fraction": sum(g["saturated_fraction"] * g["weights"] for g in groups) / weights,
    }


def _sign(row: Mapping[str, Any]) -> float:
    return -1.0 if row.get("maximize") else 1.0


def _float(value: float | None, otherwise: float = math.inf) -> float:
    """A number of a file, where what is not finite is None."""
    return otherwise if value is None else float(value)


def _gap(group: Mapping[str, Any]) -> float:
    return _float(group["kkt_gap"]) if group["gradient"] else math.nan


def _bound(group: Mapping[str, Any]) -> float:
    gap, decay = _gap(group), group["weight_decay"]
    if decay == 0:
        return math.inf if gap > 0 else gap
    return gap / decay


def _group(at: int, group: Mapping[str, Any], state: Mapping[Any, Any]) -> dict[str, Any]:
    K, bounded = group["K"], constrained(group)
    low = -BEYOND if K.elementwise else -WIDTH / 2
    bins = round((BEYOND - low) / WIDTH) if bounded else 0
    parts = [_of_one(w, state.get(w.p, {}), low, bins) for w in weights_of(group, INSIDE)]
    values = [0.0] * (6 + bins)
    if parts:
        table = torch.stack([part.to(parts[0].device) for part in parts])
        values = torch.cat([table.sum(0), table[:, 1].amax(0, keepdim=True)]).tolist()
        values[1] = values.pop()
    squares, largest, saturated, penalty, energy, gap = values[:6]
    size = sum(p.numel() for p in group["params"])
    return {
        "name": str(group.get("name", f"group {at}")),
        "K": str(K),
        "weights": size,
        "lr": float(group["lr"]),
        "weight_decay": float(group["weight_decay"]),
        "radius": _largest_radius(group),
        "infeasibility": math.sqrt(squares) if squares >= 0 else math.nan,
        "largest": largest,
        "saturated_fraction": saturated / (size or 1),
        "penalty": penalty,
        "energy": energy,
        "gradient": any(p.grad is not None for p in group["params"]),
        "kkt_gap": gap,
        "bins": [low, BEYOND],
        "histogram": [int(count) for count in values[6:]],
    }


def _of_one(w: Weights, state: Mapping[str, Any], low: float, bins: int) -> Tensor:
    """Six numbers and the histogram of a parameter, as one vector."""
    nothing = w.y.new_zeros(())
    numbers = [
        w.distance().square(),
        w.largest(),
        w.saturated() if bins else nothing,
        w.penalty(),
        w.energy(w.momentum(state)),
        nothing if w.p.grad is None else w.certificate(w.gradient()),
    ]
    shown = w.y / w.K.block_scale(w.y) if w.K.elementwise else w.gauge
    counts = [torch.histc(shown.clamp(low, BEYOND), bins, low, BEYOND)] if bins else []
    return torch.cat([torch.stack(numbers), *counts])


def _largest_radius(group: Mapping[str, Any]) -> float:
    if not constrained(group):
        return math.inf
    scales = [group["K"].block_scale(shape_of(p)) for p in group["params"] if p.numel()]
    return max(scales, default=1.0) / float(group["weight_decay"])
