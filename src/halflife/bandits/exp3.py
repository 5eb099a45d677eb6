"""Exp3 (Auer et al. 2002) and Exp3-k, which holds each draw for k rounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from halflife.arguments import Array, number, whole
from halflife.bandits.actions import Actions
from halflife.bandits.agent import Agent, checked_constants, filled
from halflife.bandits.blocks import block_lengths
from halflife.bandits.constants import Constants
from halflife.bandits.dynlin_ucb import compatible
from halflife.bandits.environment import agent_stream
from halflife.bandits.official import OfficialExp3


class Exp3(Agent):
    """Exponential weights, which assume nothing of rewards and of what actions have in common.

    p = (1 − γ) softmax(η G) + γ/K; the gain (y + 2 M)/(4 M p_k) of the arm that was drawn is added
    to G_k. M = c₂ U bounds the size of a reward without noise.

    Args:
        actions: What may be played.
        constants: Upper bounds on the system, for M.
        horizon: T, for γ = min(1, √(K log K / ((e − 1) · 2T/3))) and η = γ/K.
        gamma: γ itself, if it is not to follow from T.
        bound: M itself. The authors' code leaves Φ out of it, (Θ + Ω B / (1 − ρ)) U: smaller, so
            that it learns faster, and no bound where transients grow.
        compat: "official" for the authors' code to the last draw.
        seed: Of the draws.
    """

    def __init__(
        self,
        actions: Actions,
        constants: Constants,
        *,
        horizon: int,
        gamma: float | None = None,
        bound: float | None = None,
        compat: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(
            actions,
            constants=constants,
            horizon=horizon,
            gamma=gamma,
            bound=bound,
            compat=compat,
            seed=seed,
        )
        self._set(actions, constants, horizon, gamma, bound, compat, seed, batch=1)

    def _set(
        self,
        actions: Actions,
        constants: Constants,
        horizon: int,
        gamma: float | None,
        bound: float | None,
        compat: str | None,
        seed: int,
        batch: int,
    ) -> None:
        checked_constants(constants, actions)
        k = len(actions)
        if gamma is None:
            draws = whole("horizon", horizon, 2) / batch
            gamma = min(1.0, math.sqrt(k * math.log(k) / ((math.e - 1) * 2 * draws / 3)))
        self.gamma, self.batch = number("gamma", gamma, "[0, 1]"), batch
        self.eta = self.gamma / k
        if bound is None:
            bound = authors_bound(constants) if compat else constants.largest_h * constants.u
        number("bound", bound, "(0, inf)")
        self._shift, self._scale = 2 * bound, 4 * bound
        self._official: OfficialExp3 | None = None
        if compatible(compat):
            self._official = OfficialExp3(
                k, self.eta, self.gamma, self._shift, self._scale, self._official_batch, seed
            )
        from halflife.bandits import kernels

        self._kernels: Any = kernels
        self._rng = agent_stream(seed)
        self._gains: Array = np.zeros(k)
        self._weights: Array = np.empty(k)
        self._p: Array = np.empty(k)
        self._arm = self._left = 0
        self._sum = 0.0
        self._weigh()

    @property
    def _official_batch(self) -> int | None:
        return None

    def _weigh(self) -> None:
        self._base = self._kernels.weigh(self._gains, self.eta, self.gamma, self._weights, self._p)

    @property
    def probabilities(self) -> Array:
        """Of each arm at the next draw, shape (K,)."""
        return self._official.p if self._official else self._p.copy()

    def _next(self) -> int:
        if self._official:
            return self._official.next(self.t)
        if self._left == 0:
            self._arm = int(self._kernels.draw(self._rng.random(), self._p))
            self._left, self._sum = self.batch, 0.0
        return self._arm

    def _learn(self, k: int, y: float) -> None:
        if self._official:
            self._official.learn(self.t, k, y)
            return
        self._left -= 1
        self._sum += y
        if self._left == 0:
            more = (self._sum / self.batch + self._shift) / self._scale / self._p[k]
            self._base = self._kernels.gain(
                k, more, self._gains, self._base, self.eta, self.gamma, self._weights, self._p
            )

    def _state(self) -> dict[str, Any]:
        if self._official:
            return self._official.state()
        return {
            "gains": self._gains,
            "arm": self._arm,
            "left": self._left,
            "sum": self._sum,
            "rng": self._rng.bit_generator.state,
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        if self._official:
            self._official.load(state)
            return
        filled(self._gains, state["gains"])
        self._arm, self._left = int(state["arm"]), int(state["left"])
        self._sum = float(state["sum"])
        self._rng.bit_generator.state = dict(state["rng"])
        self._weigh()

    def _compiled(self, run: Any) -> Any:
        if self._official:
            return None
        return self._kernels.play_exp3(
            run.noise,
            run.chance,
            run.system,
            len(self.actions),
            self.eta,
            self.gamma,
            self._shift,
            self._scale,
            self.batch,
            run.horizon,
            run.checkpoints,
        )


class Exp3K(Exp3):
    """Exp3 on batches: each draw is held for k rounds, and its mean reward is one gain.

    k = ⌈log M / log(1/ρ̄)⌉, with M the number of DynLin-UCB's blocks in T rounds. The authors' code
    books a batch's mean one round after the *next* arm was drawn, so that k − 2 of its k rewards
    belong to the arm before; here a mean is booked on the arm that earned it, which cuts regret to
    a third on the paper's synthetic system. `compat="official"` keeps their booking.

    Args:
        actions: What may be played.
        constants: Upper bounds on the system.
        horizon: T.
        batch: k itself, if it is not to follow from T and ρ̄.
        gamma: γ; from T/k draws if left out.
        bound: M, as for `Exp3`.
        compat: "official" for the authors' code to the last draw; needs k of 2 or more.
        seed: Of the draws.
    """

    def __init__(
        self,
        actions: Actions,
        constants: Constants,
        *,
        horizon: int,
        batch: int | None = None,
        gamma: float | None = None,
        bound: float | None = None,
        compat: str | None = None,
        seed: int = 0,
    ) -> None:
        Agent.__init__(
            self,
            actions,
            constants=constants,
            horizon=horizon,
            batch=batch,
            gamma=gamma,
            bound=bound,
            compat=compat,
            seed=seed,
        )
        if batch is None:
            batch = batch_length(whole("horizon", horizon, 1), constants)
        if compat is not None and batch < 2:
            raise ValueError(f"batch={batch} with compat='official'; theirs works from 2 on.")
        length = whole("batch", batch, 1)
        self._set(actions, constants, horizon, gamma, bound, compat, seed, length)

    @property
    def _official_batch(self) -> int | None:
        return self.batch


def authors_bound(constants: Constants) -> float:
    """M as the authors' code has it: (Θ + Ω B / (1 − ρ)) U."""
    echo = constants.omega * constants.b / (1 - constants.rho)
    return (constants.theta + echo) * constants.u


@lru_cache
def batch_length(horizon: int, constants: Constants) -> int:
    """K of Exp3-k; kept, for a run over many seeds asks for it again and again."""
    if constants.memory is not None:
        return 1 + constants.memory
    if constants.rho == 0:
        return 1
    count = len(block_lengths(horizon, constants.rho))
    return max(1, math.ceil(math.log(count) / -math.log(constants.rho)))
