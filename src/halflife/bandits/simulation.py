"""Whole runs of an agent on a system, over many seeds, and the regret that came of them.

Three ways that give the same answer: `agents` asks the agent round by round, `compiled` runs the
agent's loop in Numba (the same actions, to the last one), `lockstep` advances all seeds together in
NumPy and jumps over the rounds in which an action is held (the same distribution: it draws the
noise of a block at once).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from halflife.arguments import Array, whole
from halflife.bandits.agent import Agent
from halflife.bandits.environment import (
    DynamicalLinearBandit,
    agent_stream,
    environment_stream,
)

Backend = Literal["auto", "compiled", "agents", "lockstep"]


@dataclass(frozen=True, eq=False)
class Runs:
    """What came of some runs of one agent on one system.

    Attributes:
        agent: Its class's name.
        backend: How it was run.
        seeds: One a run, shape (S,).
        checkpoints: Rounds after which pulls were counted, shape (C,).
        pulls: Pulls of each arm up to each checkpoint, shape (S, C, K).
        regret: Pseudo-regret at each checkpoint, Σ_k pulls_k ⟨h, u* − u_k⟩, shape (S, C).
        rewards: Sum of the rewards of each run, shape (S,); NaN for `lockstep`.
        changes: How many times each run changed its action, shape (S,).
    """

    agent: str
    backend: str
    seeds: NDArray[np.int64]
    checkpoints: NDArray[np.int64]
    pulls: NDArray[np.int64]
    regret: Array
    rewards: Array
    changes: NDArray[np.int64]

    @property
    def final(self) -> Array:
        """Regret at the last checkpoint, shape (S,)."""
        last: Array = self.regret[:, -1]
        return last

    def slope(self) -> Array:
        """Exponent of regret's growth over the last decade of rounds, for each run, shape (S,).

        Least squares of log R(t) on log t over the checkpoints in [T/10, T]; 1 is linear growth. A
        run without regret there has 0.
        """
        t = self.checkpoints
        late = t >= t[-1] / 10
        if late.sum() < 2:
            raise ValueError("slope() needs two checkpoints in the last decade; give more.")
        x = np.log(t[late])
        y = np.log(np.maximum(self.regret[:, late], 1e-12))
        slopes: Array = (
            (y - y.mean(axis=1, keepdims=True)) @ (x - x.mean()) / np.sum((x - x.mean()) ** 2)
        )
        return slopes


@dataclass(frozen=True)
class Run:
    """What a compiled loop needs: see `kernels`."""

    noise: np.random.Generator
    chance: np.random.Generator
    system: tuple[Any, ...]
    horizon: int
    checkpoints: NDArray[np.int64]


def simulate(
    bandit: DynamicalLinearBandit,
    agent: Agent,
    *,
    horizon: int,
    seeds: Iterable[int] = range(30),
    checkpoints: Iterable[int] | None = None,
    backend: Backend = "auto",
    watch: Callable[[int, int], None] | None = None,
) -> Runs:
    """Run fresh copies of `agent` on `bandit`, one for each seed.

    Runs with the same seed share the noise, whatever the agent.

    Args:
        bandit: The system.
        agent: A pattern: its arguments are taken, its state is not touched.
        horizon: Rounds of each run.
        seeds: Whole numbers.
        checkpoints: Rounds in 1..horizon at which to count; 40, geometrically spaced, if left out.
        backend: "compiled", "lockstep", "agents", or "auto": compiled where there is a loop for
            this agent.
        watch: Called with the number of finished runs and of all runs.

    Raises:
        ValueError: the agent's actions have another dimension than the system's, a checkpoint
            lies outside the run, or the backend does not know the agent.
    """
    whole("horizon", horizon, 1)
    if agent.actions.d != bandit.d:
        raise ValueError(
            f"The agent's actions have {agent.actions.d} coordinates, the system's {bandit.d}."
        )
    given = np.geomspace(1, horizon, 40) if checkpoints is None else list(checkpoints)
    marks = np.unique(np.asarray(given).round().astype(np.int64))
    if not len(marks) or marks[0] < 1 or marks[-1] > horizon:
        raise ValueError(f"checkpoints must lie in 1..{horizon}, got {marks.tolist()}.")
    chosen = np.array([whole("seed", seed, 0) for seed in seeds], dtype=np.int64)
    if not len(chosen):
        raise ValueError("seeds is empty; give one for each run.")

    if backend == "lockstep":
        from halflife.bandits.lockstep import play_lockstep

        pulls, changes = play_lockstep(bandit, agent, horizon, chosen, marks)
        rewards = np.full(len(chosen), np.nan)
        how = "lockstep"
    else:
        parts, how = [], "agents" if backend == "agents" else "compiled"
        for done, seed in enumerate(chosen):
            part = None
            if how == "compiled":
                part = _compiled(bandit, agent.fresh(int(seed)), horizon, int(seed), marks)
                if part is None and backend == "compiled":
                    raise ValueError(
                        f"There is no compiled loop for this {type(agent).__name__}; take "
                        "backend='agents', or leave compat out."
                    )
            if part is None:
                how = "agents"
                part = _by_round(bandit, agent.fresh(int(seed)), horizon, int(seed), marks)
            parts.append(part)
            if watch:
                watch(done + 1, len(chosen))
        pulls = np.array([seen for seen, _, _ in parts])
        rewards = np.array([total for _, total, _ in parts])
        changes = np.array([changed for _, _, changed in parts])
    gaps = bandit.optimal(agent.actions)[1] - agent.actions.arms @ bandit.cumulative
    return Runs(
        agent=type(agent).__name__,
        backend=how,
        seeds=chosen,
        checkpoints=marks,
        pulls=pulls,
        regret=pulls @ gaps,
        rewards=rewards,
        changes=changes,
    )


def _compiled(
    bandit: DynamicalLinearBandit,
    agent: Agent,
    horizon: int,
    seed: int,
    marks: NDArray[np.int64],
) -> Any:
    system = (
        np.array(bandit.A),
        agent.actions.arms @ bandit.B.T,
        np.array(bandit.omega),
        agent.actions.arms @ bandit.theta,
        bandit.reward_noise,
        bandit.state_noise,
    )
    run = Run(environment_stream(seed), agent_stream(seed), system, horizon, marks)
    return agent._compiled(run)


def _by_round(
    bandit: DynamicalLinearBandit,
    agent: Agent,
    horizon: int,
    seed: int,
    marks: NDArray[np.int64],
) -> Any:
    run, arms = bandit.simulation(seed), agent.actions.arms
    pulls, seen = np.zeros(len(arms), np.int64), np.zeros((len(marks), len(arms)), np.int64)
    total, changes, last, at = 0.0, 0, -1, 0
    for t in range(1, horizon + 1):
        k = agent.arm()
        y = run.step(arms[k])
        agent.observe(y)
        total += y
        pulls[k] += 1
        changes += k != last
        last = k
        if at < len(marks) and t == marks[at]:
            seen[at] = pulls
            at += 1
    return seen, total, changes
