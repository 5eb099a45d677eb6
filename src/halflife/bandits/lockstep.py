"""DynLin-UCB and LinUCB over many seeds at once, in plain NumPy.

The schedule of blocks depends on ρ̄ alone, so that all runs begin and end their blocks together.
While an action is held nothing is decided, and the state can jump: after j rounds of u it is
A^j x + Σ_{i<j} A^i B u plus Gaussian noise of covariance σ² Σ_{i<j} A^i (A^i)ᵀ.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from halflife.arguments import Array
from halflife.bandits.agent import Agent
from halflife.bandits.dynlin_ucb import DynLinUCB
from halflife.bandits.environment import DynamicalLinearBandit
from halflife.bandits.lin_ucb import LinUCB


def play_lockstep(
    bandit: DynamicalLinearBandit,
    agent: Agent,
    horizon: int,
    seeds: NDArray[np.int64],
    checkpoints: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pulls at the checkpoints, shape (S, C, K), and changes of action, shape (S,).

    Raises:
        ValueError: the agent is neither a DynLinUCB nor a LinUCB, or one with `compat`.
    """
    if not isinstance(agent, DynLinUCB | LinUCB) or agent.arguments["compat"]:
        raise ValueError(
            f"backend='lockstep' plays DynLinUCB and LinUCB without compat, not this "
            f"{type(agent).__name__}; take 'compiled' or 'agents'."
        )
    if isinstance(agent, DynLinUCB):
        from halflife.bandits.blocks import holds

        known = agent.constants
        waits = holds(known.rho, agent._rounding, known.memory)
        rho = 0.0 if known.memory is not None else known.rho
        rest = 0.0 if known.memory is not None else 1.0
    else:
        waits, rho, rest = iter(lambda: 0, 1), 0.0, 0.0
    rng = np.random.default_rng([3, *seeds.tolist()])
    arms, s, (k, d) = agent.actions.arms, len(seeds), agent.actions.arms.shape
    jump = _jumps(bandit, arms)
    x: Array = np.zeros((s, bandit.n))
    inverse = np.broadcast_to(np.eye(d) / agent.lam, (s, d, d)).copy()
    widths = np.broadcast_to(np.sum(arms**2, axis=1) / agent.lam, (s, k)).copy()
    b, h, logdet = np.zeros((s, d)), np.zeros((s, d)), np.zeros(s)
    pulls, seen = np.zeros((s, k), np.int64), np.zeros((s, len(checkpoints), k), np.int64)
    changes, last, runs = np.zeros(s, np.int64), np.full(s, -1), np.arange(s)
    t, at, waited = 0, 0, 0.0
    radius = agent.radius
    while t < horizon:
        hold = next(waits)
        if radius.by_determinant:
            beta: Any = np.array([radius(t, waited, value) for value in logdet])[:, None]
        else:
            beta = radius(t, waited)
        chosen = np.argmax(h @ arms.T + beta * np.sqrt(np.maximum(widths, 0)), axis=1)
        changes += chosen != last
        last = chosen
        length = min(1 + hold, horizon - t)
        while at < len(checkpoints) and checkpoints[at] <= t + length:
            seen[:, at] = pulls
            seen[runs, at, chosen] += checkpoints[at] - t
            at += 1
        pulls[runs, chosen] += length
        t += length
        if length < 1 + hold:
            break
        if hold:
            power, drift, root = jump(hold)
            x = x @ power.T + drift[chosen] + rng.standard_normal(x.shape) @ root.T
        y = x @ bandit.omega + (arms @ bandit.theta)[chosen]
        y = y + bandit.reward_noise * rng.standard_normal(s)
        power, drift, root = jump(1)
        x = x @ power.T + drift[chosen] + rng.standard_normal(x.shape) @ root.T

        u, grown = arms[chosen], widths[runs, chosen]
        logdet += np.log1p(grown)
        w = (inverse @ u[:, :, None])[:, :, 0]
        scaled = w / (1 + grown)[:, None]
        inverse -= w[:, :, None] * scaled[:, None, :]
        widths -= (w @ arms.T) * (scaled @ arms.T)
        b += u * y[:, None]
        h = (inverse @ b[:, :, None])[:, :, 0]
        waited += rho**hold if rho else rest
    return seen, changes


def _jumps(bandit: DynamicalLinearBandit, arms: Array) -> Any:
    """Function from a number of rounds to A^j, Σ A^i B u_k (K, n), and a root of the noise."""

    @cache
    def jump(rounds: int) -> tuple[Array, Array, Array]:
        power, reach = np.eye(bandit.n), np.zeros((bandit.n, bandit.n))
        cov = np.zeros((bandit.n, bandit.n))
        for _ in range(rounds):
            reach += power
            cov += power @ power.T
            power = power @ bandit.A
        values, vectors = np.linalg.eigh(cov)
        root = vectors * np.sqrt(np.maximum(values, 0)) * bandit.state_noise
        return power, arms @ (reach @ bandit.B).T, root

    return jump
