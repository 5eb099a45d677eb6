"""A log to try things on, of which the truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halflife.bandits.environment import DynamicalLinearBandit
from halflife.bandits.excitation import excitation_plan
from halflife.bandits.systems import adstock

if TYPE_CHECKING:
    import pandas as pd

BASELINE = 300.0


def example_system() -> DynamicalLinearBandit:
    """Three channels: television fades slowly, radio faster, search nearly at once.

    Long-run outcome per unit spent: 0.8, 0.833 and 0.667; at once: 0.2, 0.5 and 0.6.
    """
    return adstock(decay=[0.75, 0.4, 0.1], effect=[0.2, 0.5, 0.6], reward_noise=8.0)


def example_log(weeks: int = 156, seed: int = 1) -> pd.DataFrame:
    """Spends and outcomes of `example_system`, 300 a week without any spend.

    Args:
        weeks: Length of the log.
        seed: Of its noise.

    Returns:
        Columns date, tv, radio, search, outcome; one row a week.
    """
    import pandas as pd

    levels = {"tv": 400.0, "radio": 150.0, "search": 120.0}
    log = excitation_plan(levels, periods=weeks, hold=3, swing=0.4)
    run = example_system().simulation(seed)
    run.state = run.bandit.steady_state(list(levels.values()))
    outcome = [round(BASELINE + run.step(spends), 1) for spends in log.to_numpy()]
    log.insert(0, "date", pd.date_range("2023-01-01", periods=weeks, freq="W").strftime("%Y-%m-%d"))
    return log.assign(outcome=outcome)
