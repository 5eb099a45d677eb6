"""The networks of the paper `lion_k`, and the workloads that train them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def wide_start() -> Any:
    """The digits by a network 64-128-64-10 whose initial weights are four times the usual."""
    from dataclasses import replace

    from halflife.workloads import get

    workload: Any = get("digits-mlp")
    return replace(workload, network=_wide_network, batch_size=64)


def _wide_network(columns: int, classes: int) -> torch.nn.Module:
    import torch
    from torch import nn

    model = nn.Sequential(
        nn.Linear(columns, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, classes)
    )
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(4)
    return model


def network_of(workload: str) -> Any:
    """The workload, with a norm after each hidden layer if its name says so."""
    from dataclasses import replace

    from halflife.workloads import get

    name, _, norm = workload.partition(", ")
    found: Any = get(name)
    networks = {"layer norm": _layer_normed, "batch norm": _batch_normed}
    return replace(found, network=networks[norm]) if norm else found


def _layer_normed(columns: int, classes: int) -> torch.nn.Module:
    from torch import nn

    return nn.Sequential(
        nn.Linear(columns, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, classes)
    )


def _batch_normed(pixels: int, classes: int) -> torch.nn.Module:
    from torch import nn

    side = math.isqrt(pixels)
    return nn.Sequential(
        nn.Unflatten(1, (1, side, side)),
        nn.Conv2d(1, 8, 3, stride=2, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * (side // 4) ** 2, classes),
    )
