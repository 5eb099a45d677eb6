"""HoldUCB: switch rarely, then learn from everything."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from halflife.arguments import number, whole
from halflife.bandits import radius as radii
from halflife.bandits.actions import Actions
from halflife.bandits.agent import Agent, checked_constants
from halflife.bandits.constants import Constants
from halflife.bandits.dynlin_ucb import memory_of, regularised, waiting
from halflife.bandits.ridge import Ridge


class HoldUCB(Agent):
    """DynLin-UCB's idea with rare switches: our own variant, not in the paper.

    An action is kept until det V has grown by the factor 1 + `growth`; after a change, the first
    ⌈log t / log(1/ρ̄)⌉ rewards are dropped, and *all* later ones are booked, where DynLin-UCB books
    one a block. Actions change O(d log T) times (Abbasi-Yadkori et al. 2011, section 5.1).

    The radius: rewards that are j ≥ burn rounds old carry a bias of at most Ω Φ ρ^j (U B/(1−ρ) + X)
    each, which sums to c₁/√λ · ρ^burn/(1−ρ) per change; and in the sum of a block's rewards each ε
    counts at most Ω Φ/(1−ρ) times, so that the noise per reward is
    σ² (1 + Ω² Φ²/(1−ρ)²). When a block ends depends on the actions only, so blocks are martingale
    differences. Left out is the state noise of the dropped rounds, at most 1/(1 − ρ²) rounds' worth
    a block: the radius is no theorem to the last constant.

    Args:
        actions: What may be played.
        constants: Upper bounds on the system; `constants.memory` replaces the burn-in if given.
        horizon: T, for λ and δ.
        lam: λ; 1 if left out.
        delta: δ; 1/T if left out.
        growth: C, by which det V grows before a change.
        spanning: Whether to begin with actions that span all of them.
        scale: Factor of the radius.
    """

    EARLY = 20
    """A change before this round drops as many rewards as one in it: at first t says little."""

    def __init__(
        self,
        actions: Actions,
        constants: Constants,
        *,
        horizon: int,
        lam: float | None = 1.0,
        delta: float | None = None,
        growth: float = 1.0,
        spanning: bool = True,
        scale: float = 1.0,
    ) -> None:
        super().__init__(
            actions,
            constants=constants,
            horizon=horizon,
            lam=lam,
            delta=delta,
            growth=growth,
            spanning=spanning,
            scale=scale,
        )
        checked_constants(constants, actions)
        self.constants, self.lam, self.delta = constants, *regularised(horizon, lam, delta)
        self.radius = radii.hold(constants, actions.d, self.lam, self.delta).scaled(scale)
        self._log_growth = math.log1p(number("growth", growth, "(0, inf)"))
        self._start = actions.spanning() if spanning else ()
        self._early = self.EARLY if spanning else 1
        self._ridge = Ridge(actions, self.lam)
        self._since = -math.inf
        self._arm = -1
        self._choices = self._left = 0
        self._waited = 0.0
        self.changes = 0

    @property
    def h(self) -> Any:
        """ĥ, shape (d,)."""
        return self._ridge.h.copy()

    @property
    def beta(self) -> float:
        """The radius of the confidence ellipsoid by now."""
        return self.radius(self.t, self._waited, self._ridge.logdet)

    @property
    def precision(self) -> Any:
        """V, shape (d, d)."""
        return self._ridge.precision

    def _next(self) -> int:
        if self._ridge.logdet > self._since + self._log_growth:
            if self._choices < len(self._start):
                new = self._start[self._choices]
            else:
                new = self._ridge.choose(self.beta)
            self._choices += 1
            self._since = self._ridge.logdet
            if new != self._arm:
                self._change(new)
        return self._arm

    def _change(self, new: int) -> None:
        from halflife.bandits.kernels import burn_in

        (memory, rest), (log_rho,) = memory_of(self.constants), waiting(self.constants)
        self._left = burn_in(max(self.t + 1, self._early), log_rho, memory)
        self._waited += math.exp(-self._left * log_rho) if memory < 0 else rest
        self._arm = new
        self.changes += 1

    def _learn(self, k: int, y: float) -> None:
        if self._left > 0:
            self._left -= 1
        else:
            self._ridge.book(k, y)

    def _state(self) -> dict[str, Any]:
        return {
            **self._ridge.state(),
            "since": self._since if math.isfinite(self._since) else None,
            "arm": self._arm,
            "choices": self._choices,
            "left": self._left,
            "waited": self._waited,
            "changes": self.changes,
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        self._ridge.load(state)
        self._since = -math.inf if state["since"] is None else float(state["since"])
        self._arm, self._choices = int(state["arm"]), int(state["choices"])
        self._left, self.changes = int(state["left"]), int(state["changes"])
        self._waited = float(state["waited"])

    def _compiled(self, run: Any) -> Any:
        from halflife.bandits.kernels import play_hold

        return play_hold(
            run.noise,
            run.system,
            self.actions.arms,
            self.lam,
            self.radius.packed(),
            *waiting(self.constants),
            *memory_of(self.constants),
            np.array(self._start, dtype=np.int64),
            whole("early", self._early, 1),
            self._log_growth,
            run.horizon,
            run.checkpoints,
        )
