"""Dynamical linear bandits: decisions whose effect comes late, and stays a while.

- the problem: `DynamicalLinearBandit` (`environment.py`), named systems (`systems.py`), what may be
  played (`actions.py`), what an agent is told (`Constants`), the theory in numbers (`bounds.py`)
- agents, one file each: `DynLinUCB`, `HoldUCB`, `LinUCB`, `DLinUCB`, `AR2`, `Exp3`, `Exp3K`; all
  have `act()`, `observe(reward)` and `state_dict()` (`agent.py`); `official.py` holds the quirks of
  the authors' code
- whole runs: `simulate`, round by round, compiled (`kernels.py`) or all seeds at once
  (`lockstep.py`); `reference.py` has the same as plain loops, for the tests
- from a spend log to the next budget: `read_log`, `fit` (`identification.py`), `excitation_plan`,
  and `Planner`, which keeps its state in a file; `example_log` is a log to try them on
- `figures.py`: what one would rather look at

Knows nothing of papers, experiments or pages. Names are loaded when first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from halflife.bandits.actions import (
        Actions,
        box,
        budget,
        finite,
        full_spends,
        simplex,
    )
    from halflife.bandits.agent import Agent
    from halflife.bandits.ar2 import AR2
    from halflife.bandits.blocks import block_lengths
    from halflife.bandits.bounds import confidence_radius, lower_bound, upper_bound
    from halflife.bandits.constants import Constants
    from halflife.bandits.d_lin_ucb import DLinUCB
    from halflife.bandits.dynlin_ucb import DynLinUCB
    from halflife.bandits.environment import DynamicalLinearBandit, Simulation
    from halflife.bandits.example import example_log, example_system
    from halflife.bandits.excitation import excitation_plan
    from halflife.bandits.exp3 import Exp3, Exp3K
    from halflife.bandits.figures import regret_figure, response_figure
    from halflife.bandits.hold_ucb import HoldUCB
    from halflife.bandits.identification import Fit, fit
    from halflife.bandits.lin_ucb import LinUCB
    from halflife.bandits.log import Log, LogError, read_log
    from halflife.bandits.planner import Planner, PlannerError, Recommendation
    from halflife.bandits.simulation import Runs, simulate
    from halflife.bandits.systems import (
        adstock,
        advertising,
        paper_actions,
        random_system,
        synthetic,
    )

_HOME = {
    "AR2": "ar2",
    "Actions": "actions",
    "Agent": "agent",
    "Constants": "constants",
    "DLinUCB": "d_lin_ucb",
    "DynLinUCB": "dynlin_ucb",
    "DynamicalLinearBandit": "environment",
    "Exp3": "exp3",
    "Exp3K": "exp3",
    "Fit": "identification",
    "HoldUCB": "hold_ucb",
    "LinUCB": "lin_ucb",
    "Log": "log",
    "LogError": "log",
    "Planner": "planner",
    "PlannerError": "planner",
    "Recommendation": "planner",
    "Runs": "simulation",
    "Simulation": "environment",
    "adstock": "systems",
    "advertising": "systems",
    "block_lengths": "blocks",
    "box": "actions",
    "budget": "actions",
    "confidence_radius": "bounds",
    "example_log": "example",
    "example_system": "example",
    "excitation_plan": "excitation",
    "finite": "actions",
    "fit": "identification",
    "full_spends": "actions",
    "lower_bound": "bounds",
    "paper_actions": "systems",
    "random_system": "systems",
    "read_log": "log",
    "regret_figure": "figures",
    "response_figure": "figures",
    "simplex": "actions",
    "simulate": "simulation",
    "synthetic": "systems",
    "upper_bound": "bounds",
}

__all__ = [
    "AR2",
    "Actions",
    "Agent",
    "Constants",
    "DLinUCB",
    "DynLinUCB",
    "DynamicalLinearBandit",
    "Exp3",
    "Exp3K",
    "Fit",
    "HoldUCB",
    "LinUCB",
    "Log",
    "LogError",
    "Planner",
    "PlannerError",
    "Recommendation",
    "Runs",
    "Simulation",
    "adstock",
    "advertising",
    "block_lengths",
    "box",
    "budget",
    "confidence_radius",
    "example_log",
    "example_system",
    "excitation_plan",
    "finite",
    "fit",
    "full_spends",
    "lower_bound",
    "paper_actions",
    "random_system",
    "read_log",
    "regret_figure",
    "response_figure",
    "simplex",
    "simulate",
    "synthetic",
    "upper_bound",
]


def __getattr__(name: str) -> Any:
    try:
        module = _HOME[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(f"{__name__}.{module}"), name)
