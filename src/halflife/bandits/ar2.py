"""AR2 (Chen, Golrezaei and Bouneffouf 2023): alternate and restart, for rewards that revert."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from halflife.arguments import Array, number, whole
from halflife.bandits.actions import Actions
from halflife.bandits.agent import Agent, filled
from halflife.bandits.dynlin_ucb import compatible
from halflife.bandits.official import OfficialAR2


class AR2(Agent):
    """For arms whose rewards are AR(1) processes of their own.

    Each epoch pulls every arm once. Then the better of the last two arms is *superior*; an arm
    whose reward, discounted by α for each of the s rounds since it was pulled, comes within
    c₁ σ √((α² − α^{2(s+1)})/(1 − α²)) of the superior's is *triggered*, and odd rounds go to the
    arm that waits longest, which takes it off the list; all others go to the superior one.
    c₀ = √(4 log(1/(α σ)) + 4 log Δ + 2 log 4K), c₁ = 24 c₀, and an epoch has Δ = ⌈K α⁻³ σ⁻³⌉
    rounds.

    Args:
        actions: What may be played.
        alpha: α, the correlation of rewards from round to round; the paper's experiments take ρ.
        sigma: σ of the noise, with α σ < 1.
        epoch: Δ, if it is not to follow from α and σ.
        compat: "official" for the authors' code to the last action: arms stay on the list, so that
            exploration keeps returning to the one triggered first.
        seed: Of ties, for "official" only.
    """

    def __init__(
        self,
        actions: Actions,
        *,
        alpha: float,
        sigma: float,
        epoch: int | None = None,
        compat: str | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__(actions, alpha=alpha, sigma=sigma, epoch=epoch, compat=compat, seed=seed)
        self.alpha = number("alpha", alpha, "(0, 1)")
        self.sigma = number("sigma", sigma, "(0, inf)")
        if alpha * sigma >= 1:
            raise ValueError(f"alpha · sigma = {alpha * sigma:g}; it must be smaller than 1.")
        k = len(actions)
        if k < 2:
            raise ValueError("AR2 compares arms; give it two or more.")
        self.epoch = (
            math.ceil(k * alpha**-3 * sigma**-3) if epoch is None else whole("epoch", epoch, k + 1)
        )
        c0 = math.sqrt(
            4 * math.log(1 / (alpha * sigma)) + 4 * math.log(self.epoch) + 2 * math.log(4 * k)
        )
        self._width = 24 * c0 * sigma
        self._official: OfficialAR2 | None = None
        if compatible(compat):
            self._official = OfficialAR2(k, alpha, self.epoch, c0, sigma, seed)
        from halflife.bandits import kernels

        self._kernels: Any = kernels
        self._pulled: NDArray[np.int64] = np.zeros(k, np.int64)
        self._reward: Array = np.zeros(k)
        self._waiting: NDArray[np.int64] = np.zeros(k, np.int64)
        self._first, self._last, self._before = 1, 0, 0

    def _next(self) -> int:
        if self._official:
            return self._official.next()
        t = self.t + 1
        if t - self._first == self.epoch:
            self._first = t
            self._waiting[:] = 0
        seen = (self._pulled, self._reward, self._waiting, self._last, self._before)
        arm, _ = self._kernels.choose_ar2(
            t, self._first, *seen, self.alpha, self._width, t % 2 == 1
        )
        return int(arm)

    def _learn(self, k: int, y: float) -> None:
        if self._official:
            self._official.learn(k, y)
            return
        self._pulled[k], self._reward[k] = self.t + 1, y
        self._before, self._last = self._last, k

    def _state(self) -> dict[str, Any]:
        if self._official:
            return self._official.state()
        return {
            "pulled": self._pulled,
            "reward": self._reward,
            "waiting": self._waiting,
            "first": self._first,
            "last": self._last,
            "before": self._before,
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        if self._official:
            self._official.load(state)
            return
        self._pulled[:], self._waiting[:] = state["pulled"], state["waiting"]
        filled(self._reward, state["reward"])
        self._first, self._last = int(state["first"]), int(state["last"])
        self._before = int(state["before"])

    def _compiled(self, run: Any) -> Any:
        if self._official:
            return None
        return self._kernels.play_ar2(
            run.noise,
            run.system,
            len(self.actions),
            self.alpha,
            self.epoch,
            self._width,
            run.horizon,
            run.checkpoints,
        )
