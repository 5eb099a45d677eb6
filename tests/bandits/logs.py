"""Logs whose truth is known."""

import numpy as np
import pandas as pd


def spends(kind, periods, channels, rng):
    """Independent spends, spends that hold for a week, or slow ones."""
    if kind == "independent":
        return rng.uniform(0, 1, (periods, channels))
    if kind == "weekly":
        return np.repeat(rng.uniform(0, 1, (periods // 7 + 1, channels)), 7, axis=0)[:periods]
    level, rows = rng.normal(size=channels), []
    for _ in range(periods):
        level = 0.95 * level + np.sqrt(1 - 0.95**2) * rng.normal(size=channels)
        rows.append(0.5 + 0.25 * level)
    return np.clip(rows, 0, None)


def logged(system, spent, seed, baseline=0.0, unit=1.0, names=None):
    """A data frame: the outcomes of a system that had settled at the first spends."""
    run = system.simulation(seed)
    run.state = system.steady_state(spent[0])
    outcome = [baseline + run.step(u) for u in spent]
    names = names or [f"channel {j}" for j in range(spent.shape[1])]
    frame = pd.DataFrame(spent * unit, columns=names)
    frame.insert(0, "date", pd.date_range("2024-01-01", periods=len(spent), freq="D"))
    frame["outcome"] = outcome
    return frame
