"""How many rounds a bandit plays in a second, ours beside the paper's authors', MABWiser and NumPy.

    python -m benchmarks.bandits [rounds] [path of a clone of github.com/marcomussi/DLB]

Everything runs in this process, on one thread, in turns; printed are medians over the turns of
ratios of processor time, theirs / ours: above 1 ours is faster. Targets: 10 for an agent beside the
authors', 100 for 50 runs in a batch.

Three tables: an agent alone, fed with rewards round by round; a whole run with its system; and 50
runs. `plain` is the loop that one would write: matrices inverted in NumPy when something was
learned, the best arm by a product over all arms. The authors' agents are loaded from the clone if
its path is given; on NumPy from 2.4 on they need one assignment altered in memory (an array of one
element into a scalar's place). MABWiser (`pip install halflife[bench]`) has LinUCB with one
regression for each arm, which is less than the others do: it plays without a system.
"""

from __future__ import annotations

import math
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from halflife.bandits import (
    AR2,
    Constants,
    DLinUCB,
    DynLinUCB,
    Exp3,
    Exp3K,
    HoldUCB,
    LinUCB,
    advertising,
    paper_actions,
    simulate,
    synthetic,
)

ACTIONS = paper_actions()
SYSTEMS = {"synthetic": synthetic(), "advertising": advertising()}
TURNS = 3
EMPTY = " " * 9


class Plain:
    """DynLin-UCB, or LinUCB where `rho` is 0, as one would write it first."""

    def __init__(self, radius: Callable[[int], float], lam: float, rho: float) -> None:
        self.arms, self.radius, self.rho = ACTIONS.arms, radius, rho
        self.v, self.b, self.h = lam * np.eye(3), np.zeros(3), np.zeros(3)
        self.t = self.m = self.left = self.k = 0

    def act(self) -> Any:
        """The next action."""
        if self.left == 0:
            self.m += 1
            self.left = 1 + (int(math.log(self.m) / math.log(1 / self.rho)) if self.rho else 0)
            wide = np.sqrt(np.sum(self.arms @ np.linalg.inv(self.v) * self.arms, axis=1))
            self.k = int(np.argmax(self.arms @ self.h + self.radius(self.t) * wide))
        return self.arms[self.k]

    def observe(self, reward: float) -> None:
        """Take a reward."""
        self.left -= 1
        self.t += 1
        if self.left == 0:
            u = self.arms[self.k]
            self.v += np.outer(u, u)
            self.b += reward * u
            self.h = np.linalg.solve(self.v, self.b)


class Theirs:
    """One of the authors' agents under our names of the methods."""

    def __init__(self, agent: Any) -> None:
        self.agent = agent
        self.observe = agent.update

    def act(self) -> Any:
        """The next action."""
        found = self.agent.pull_arm()
        return found.ravel() if isinstance(found, np.ndarray) else ACTIONS.arms[found]


class MABWiser:
    """LinUCB of that library: predict, then learn from one reward."""

    def __init__(self) -> None:
        from mabwiser.mab import MAB, LearningPolicy

        self.mab = MAB(list(range(6)), LearningPolicy.LinUCB(alpha=1.0, l2_lambda=1.0))
        self.context = [[1.0, 0.5, 0.2]]
        self.mab.fit(list(range(6)), [0.5] * 6, self.context * 6)

    def act(self) -> Any:
        """The next action."""
        self.arm = self.mab.predict(self.context)
        return ACTIONS.arms[self.arm]

    def observe(self, reward: float) -> None:
        """Take a reward."""
        self.mab.partial_fit([self.arm], [reward], self.context)


def ours(rounds: int, known: Constants) -> dict[str, Callable[[], Any]]:
    return {
        "DynLinUCB": lambda: DynLinUCB(ACTIONS, known, horizon=rounds),
        "HoldUCB": lambda: HoldUCB(ACTIONS, known, horizon=rounds),
        "LinUCB": lambda: LinUCB(ACTIONS, known, horizon=rounds),
        "DLinUCB": lambda: DLinUCB(ACTIONS, known, horizon=rounds),
        "AR2": lambda: AR2(ACTIONS, alpha=known.rho, sigma=0.01),
        "Exp3": lambda: Exp3(ACTIONS, known, horizon=rounds),
        "Exp3K": lambda: Exp3K(ACTIONS, known, horizon=rounds),
    }


def plain(rounds: int, known: Constants) -> dict[str, Callable[[], Any]]:
    def make(kind: Any, rho: float) -> Callable[[], Any]:
        pattern = kind(ACTIONS, known, horizon=rounds)
        return lambda: Plain(pattern.radius, pattern.lam, rho)

    return {"DynLinUCB": make(DynLinUCB, known.rho), "LinUCB": make(LinUCB, 0.0)}


def theirs(folder: Path, rounds: int, known: Constants) -> dict[str, Callable[[], Any]]:
    """The authors' agents, in the versions with λ = log T where there are two."""
    source = (folder / "dynlinucb" / "experimental" / "agents.py").read_text()
    module = types.ModuleType("agents")
    exec(compile(source.replace("obj_vals[i] =", "obj_vals[i:i + 1] ="), "agents.py", "exec"),
         module.__dict__)  # fmt: skip
    m: Any = module
    k, c, sigma = len(ACTIONS), known, 0.01
    batch = Exp3K(ACTIONS, known, horizon=rounds).batch
    bound = (c.theta + c.omega * c.b / (1 - c.rho)) * c.u
    epoch = math.ceil(k * c.rho**-3 * sigma**-3)
    c0 = math.sqrt(4 * math.log(1 / (c.rho * sigma)) + 4 * math.log(epoch) + 2 * math.log(4 * k))
    gamma = Exp3(ACTIONS, known, horizon=rounds).gamma

    def linear(**which: Any) -> Callable[[], Any]:
        return lambda: Theirs(
            m.LinearAgent(k, 3, ACTIONS.arms, rounds, math.log(rounds), c.rho, c.omega, c.theta,
                          c.u, c.b, c.phi, sigma**2, 1 / rounds, **which)
        )  # fmt: skip

    scaled = {"max_reward": 4 * bound, "add_factor": 2 * bound}
    return {
        "DynLinUCB": linear(dynlinucb=True),
        "LinUCB": linear(linucb=True),
        "DLinUCB": lambda: Theirs(
            m.DLinUCBAgent(k, 3, ACTIONS.arms, rounds, 1, c.theta, 1.5, 0.999999999, sigma)
        ),
        "AR2": lambda: Theirs(m.AR2Agent(k, c.rho, epoch, c0, sigma)),
        "Exp3": lambda: Theirs(m.Exp3Agent(k, gamma, gamma / k, **scaled)),
        "Exp3K": lambda: Theirs(
            m.BatchExp3Agent(k, gamma, gamma / k, **scaled, batch_size=batch, horizon=rounds)
        ),
    }


def alone(agent: Any, rewards: list[float]) -> None:
    for reward in rewards:
        agent.act()
        agent.observe(reward)


def whole(agent: Any, system: Any, rounds: int, seed: int = 0) -> None:
    """A run with its system, whose noise is drawn before."""
    rng = np.random.default_rng(seed)
    a, b, omega, theta = system.A, system.B, system.omega, system.theta
    x, noise = np.zeros(3), 0.01 * rng.standard_normal((rounds, 4))
    for t in range(rounds):
        u = agent.act()
        agent.observe(float(omega @ x + theta @ u + noise[t, 0]))
        x = a @ x + b @ u + noise[t, 1:]


def fed(make: Callable[[], Any], rewards: list[float]) -> Callable[[], Any]:
    return lambda: alone(make(), rewards)


def played(make: Callable[[], Any], system: Any, rounds: int) -> Callable[[], Any]:
    return lambda: whole(make(), system, rounds)


def simulated(
    make: Callable[[], Any], system: Any, rounds: int, runs: int, how: Any
) -> Callable[[], Any]:
    return lambda: simulate(system, make(), horizon=rounds, seeds=range(runs), backend=how)


def cost(function: Callable[[], Any]) -> float:
    """Processor seconds."""
    start = time.process_time()
    function()
    return time.process_time() - start


def ratio(mine: Callable[[], Any], other: Callable[[], Any], share: float) -> str:
    """Median of theirs / ours, where ours did 1/share as much."""
    pairs = []
    for turn in range(TURNS):
        first, second = (mine, other) if turn % 2 else (other, mine)
        one, two = cost(first), cost(second)
        fast, slow = (one, two) if turn % 2 else (two, one)
        pairs.append(slow * share / max(fast, 1e-9))
    return f"{median(pairs):9.1f}"


def table(name: str, system: Any, rounds: int, folder: Path | None) -> None:
    known = Constants.of(system, ACTIONS, compat="official")
    mine, loop = ours(rounds, known), plain(rounds, known)
    peer = theirs(folder, rounds, known) if folder else {}
    rewards = np.random.default_rng(1).normal(0.5, 0.1, rounds).tolist()
    few = rewards[: max(200, rounds // 50)]
    for make in mine.values():  # compile
        simulate(system, make(), horizon=10, seeds=[0])
    print(f"\n{name}, {rounds} rounds, d = 3, six arms: theirs / ours in processor time")
    print(f"{'':24} {'plain':>9} {'authors':>9} {'MABWiser':>9}")

    def row(label: str, cells: list[str]) -> None:
        print(f"{label:24} {' '.join(cells)}", flush=True)

    for agent, make in mine.items():
        if agent not in loop and agent not in peer:
            continue
        others = [
            ratio(fed(make, rewards), fed(peers[agent], rewards), 1.0) if agent in peers else EMPTY
            for peers in (loop, peer)
        ]
        if agent == "LinUCB":
            others.append(ratio(fed(make, rewards), fed(MABWiser, few), rounds / len(few)))
        row(f"{agent}, by round", others)
    for agent, make in mine.items():
        if agent not in loop and agent not in peer:
            continue
        for label, runs, how in (
            ("a run", 1, "compiled"),
            ("50 runs", 50, "compiled"),
            ("50 in lockstep", 50, "lockstep"),
        ):
            if how == "lockstep" and agent not in ("DynLinUCB", "LinUCB"):
                continue
            others = [
                ratio(
                    simulated(make, system, rounds, runs, how),
                    played(peers[agent], system, rounds),
                    float(runs),
                )
                if agent in peers
                else EMPTY
                for peers in (loop, peer)
            ]
            row(f"{agent}, {label}", others)


def main(rounds: int, folder: Path | None) -> None:
    with threadpool_limits(1):
        for name, system in SYSTEMS.items():
            table(name, system, rounds, folder)


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 20_000,
        Path(sys.argv[2]) if len(sys.argv) > 2 else None,
    )
