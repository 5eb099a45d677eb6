"""D-LinUCB (Russac, Vernade and Cappé 2019): LinUCB that forgets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from halflife.arguments import Array, number
from halflife.bandits import radius as radii
from halflife.bandits.actions import Actions
from halflife.bandits.agent import Agent, checked_constants, filled
from halflife.bandits.constants import Constants
from halflife.bandits.dynlin_ucb import compatible, regularised
from halflife.bandits.official import OfficialRidge


class DLinUCB(Agent):
    """Ridge regression with weights γ^age; play argmax ⟨ĥ, u⟩ + β √(uᵀ V⁻¹ Ṽ V⁻¹ u).

    V ← γ V + u uᵀ + (1 − γ) λ I, Ṽ the same with γ², and
    β = √λ c₂ + σ̄ √(2 log(1/δ) + d log(1 + U² (1 − γ^{2t}) / (d λ (1 − γ²)))). It is made for an h
    that drifts; against echoes it has no remedy.

    Args:
        actions: What may be played.
        constants: Upper bounds on the system.
        horizon: T, for λ and δ.
        gamma: γ, in (0, 1).
        lam: λ; log T if left out.
        delta: δ; 1/T if left out.
        scale: Factor of the radius.
        compat: Two versions of the authors' code, to the last action. "official" is theirs for
            λ = 1, with λ growing as γ^{−t} and √λ Θ in the radius; "official-log" theirs for
            λ = log T, which discounts only the radius, so that it is LinUCB with a wider one.
        largest: The b of "official", there the total budget; U if left out.
        seed: Of the first action, for the official ones only.
    """

    def __init__(
        self,
        actions: Actions,
        constants: Constants,
        *,
        horizon: int,
        gamma: float = 0.999,
        lam: float | None = None,
        delta: float | None = None,
        scale: float = 1.0,
        compat: str | None = None,
        largest: float | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__(
            actions,
            constants=constants,
            horizon=horizon,
            gamma=gamma,
            lam=lam,
            delta=delta,
            scale=scale,
            compat=compat,
            largest=largest,
            seed=seed,
        )
        checked_constants(constants, actions)
        self.gamma = number("gamma", gamma, "(0, 1)")
        self.lam, self.delta = regularised(horizon, lam, delta)
        self.scale = number("scale", scale, "[0, inf)")
        lam, d, g2 = self.lam, actions.d, gamma**2
        self._official: OfficialRidge | None = None
        if compatible(compat, "official-log"):
            b = constants.u if largest is None else largest
            plain = radii.without_transients(constants, d, lam, self.delta)

            def growing(t: int) -> float:
                now = gamma ** (-t) * lam
                mass = b**2 * (1 - gamma ** (2 * t)) / (d * now * (1 - g2))
                spread = math.sqrt(2 * math.log(horizon) + d * math.log(1 + mass))
                return constants.theta * math.sqrt(now) + constants.sigma * spread

            def widened(t: int) -> float:
                mass = t * constants.u**2 / (d * lam) * (1 - gamma ** (2 * t)) / (1 - g2)
                grown = plain.log_inverse_delta + d / 2 * math.log(1 + mass)
                return plain.constant + math.sqrt(2 * plain.variance * grown)

            self._official = (
                OfficialRidge(actions, lam, growing, None, discount=gamma, seed=seed)
                if compat == "official"
                else OfficialRidge(actions, lam, widened, None, seed=seed)
            )
        self._radius = np.array(
            [
                math.sqrt(lam) * constants.largest_h * scale,
                math.sqrt(constants.block_variance) * scale,
                2 * math.log(1 / self.delta),
                d,
                constants.u**2 / (lam * d),
            ]
        )
        from halflife.bandits import kernels

        self._kernels: Any = kernels
        k = len(actions)
        self._v: Array = lam * np.eye(d)
        self._v2: Array = lam * np.eye(d)
        self._b: Array = np.zeros(d)
        self._h: Array = np.zeros(d)
        self._spaces = (np.empty((d, d)), np.empty((d, d)), np.empty(k), np.empty(d))

    @property
    def h(self) -> Any:
        """ĥ, shape (d,)."""
        return self._official.h.ravel() if self._official else np.linalg.solve(self._v, self._b)

    def _next(self) -> int:
        if self._official:
            return self._official.next(self.t)
        beta = self._kernels.discounted_beta(self.t, self.gamma, self._radius)
        state = (self._v, self._v2, self._b, self._h)
        return int(self._kernels.choose_discounted(self.actions.arms, beta, *state, *self._spaces))

    def _learn(self, k: int, y: float) -> None:
        if self._official:
            self._official.learn(self.t, k, y)
            return
        state = (self._v, self._v2, self._b)
        self._kernels.discount(self.actions.arms, k, y, self.gamma, self.lam, *state)

    def _state(self) -> dict[str, Any]:
        if self._official:
            return self._official.state()
        return {"v": self._v, "v2": self._v2, "b": self._b}

    def _load(self, state: Mapping[str, Any]) -> None:
        if self._official:
            self._official.load(state)
            return
        for mine, name in ((self._v, "v"), (self._v2, "v2"), (self._b, "b")):
            filled(mine, state[name])

    def _compiled(self, run: Any) -> Any:
        if self._official:
            return None
        return self._kernels.play_discounted(
            run.noise,
            run.system,
            self.actions.arms,
            self.lam,
            self.gamma,
            self._radius,
            run.horizon,
            run.checkpoints,
        )
