"""LinUCB, also called OFUL (Abbasi-Yadkori et al. 2011): optimism for rewards without a memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from halflife.bandits import radius as radii
from halflife.bandits.actions import Actions
from halflife.bandits.agent import Agent, checked_constants
from halflife.bandits.constants import Constants
from halflife.bandits.dynlin_ucb import compatible, regularised
from halflife.bandits.official import OfficialRidge
from halflife.bandits.ridge import Ridge


class LinUCB(Agent):
    """Every round, play argmax ⟨ĥ, u⟩ + β ‖u‖_{V⁻¹} and learn from its reward.

    Where actions echo, a reward is booked on the wrong action: this baseline may settle on what
    pays at once.

    Args:
        actions: What may be played.
        constants: Upper bounds on the system.
        horizon: T; enters through λ and δ, and through the radius "horizon".
        lam: λ; log T if left out.
        delta: δ; 1/T if left out.
        radius: "paper": DynLin-UCB's without its part for transients, as the paper's experiments
            have it for λ = log T. "horizon": Θ √λ + √(2 log T + d log((d λ + T b²)/(d λ))) with
            b = `largest`, as they have it for λ = 1.
        largest: b, for the radius "horizon": there the total budget; U if left out.
        scale: Factor of the radius.
        compat: "official" for the authors' code to the last action.
        seed: Of the first action, for "official" only.
    """

    def __init__(
        self,
        actions: Actions,
        constants: Constants,
        *,
        horizon: int,
        lam: float | None = None,
        delta: float | None = None,
        radius: str = "paper",
        largest: float | None = None,
        scale: float = 1.0,
        compat: str | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__(
            actions,
            constants=constants,
            horizon=horizon,
            lam=lam,
            delta=delta,
            radius=radius,
            largest=largest,
            scale=scale,
            compat=compat,
            seed=seed,
        )
        checked_constants(constants, actions)
        self.lam, self.delta = regularised(horizon, lam, delta)
        if radius == "paper":
            made = radii.without_transients(constants, actions.d, self.lam, self.delta)
        elif radius == "horizon":
            b = constants.u if largest is None else largest
            made = radii.whole_horizon(constants, actions.d, self.lam, horizon, b)
        else:
            raise ValueError(f"radius={radius!r}; choose 'paper' or 'horizon'.")
        self.radius = made.scaled(scale)
        self._official: OfficialRidge | None = None
        if compatible(compat):
            self._official = OfficialRidge(actions, self.lam, self.radius, None, seed=seed)
        self._ridge = Ridge(actions, self.lam)

    @property
    def h(self) -> Any:
        """ĥ, shape (d,)."""
        return self._official.h.ravel() if self._official else self._ridge.h.copy()

    def _next(self) -> int:
        if self._official:
            return self._official.next(self.t)
        return self._ridge.choose(self.radius(self.t))

    def _learn(self, k: int, y: float) -> None:
        if self._official:
            self._official.learn(self.t, k, y)
        else:
            self._ridge.book(k, y)

    def _state(self) -> dict[str, Any]:
        return self._official.state() if self._official else self._ridge.state()

    def _load(self, state: Mapping[str, Any]) -> None:
        (self._official or self._ridge).load(state)

    def _compiled(self, run: Any) -> Any:
        if self._official:
            return None
        from halflife.bandits.kernels import play_ucb

        return play_ucb(
            run.noise,
            run.system,
            self.actions.arms,
            self.lam,
            self.radius.packed(),
            1.0,
            False,
            0,
            0.0,
            run.horizon,
            run.checkpoints,
        )
