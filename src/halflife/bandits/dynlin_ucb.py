"""DynLin-UCB (arXiv 2211.08997, algorithm 1): hold an action until its transient has faded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import islice
from typing import Any

from halflife.arguments import number, whole
from halflife.bandits import radius as radii
from halflife.bandits.actions import Actions
from halflife.bandits.agent import Agent, checked_constants
from halflife.bandits.blocks import holds, official_blocks
from halflife.bandits.constants import Constants
from halflife.bandits.official import OfficialRidge
from halflife.bandits.ridge import Ridge

RADII = {"paper": radii.paper, "exact": radii.exact}


class DynLinUCB(Agent):
    """In block m, play argmax ⟨ĥ, u⟩ + β ‖u‖_{V⁻¹} for 1 + H_m rounds and learn from the last one.

    H_m = ⌊log m / log(1/ρ̄)⌋ leaves 1/m of the transient that the change began; ĥ is a ridge
    regression of the last rewards on the actions, so an estimate of what an action pays in the
    long run. Not to be confused with a batched LinUCB, which learns from all rewards.

    Args:
        actions: What may be played.
        constants: Upper bounds on the system; `constants.memory` replaces H_m if it is given.
        horizon: T. It enters only through λ and δ: the schedule knows no end.
        lam: λ; log T, which the paper recommends, if left out.
        delta: δ; 1/T if left out.
        radius: "paper", or "exact": a theorem without the paper's two estimates (H_m rounded up,
            the sum of what was left of transients, and det V itself).
        scale: Factor of the radius. The theory's is wide by hundreds of times; 0.1 and below
            learns far faster and may never leave its first action.
        compat: "official" for the authors' code to the last action (see `official`); it wants
            `Constants.of(…, compat="official")` for its constants.
        seed: Of the first action, for "official" only (theirs is 1).

    Example:
        >>> from halflife.bandits import Constants, DynLinUCB, paper_actions, synthetic
        >>> system, actions = synthetic(), paper_actions()
        >>> agent = DynLinUCB(actions, Constants.of(system, actions), horizon=1000)
        >>> run = system.simulation(seed=0)
        >>> for _ in range(1000):
        ...     agent.observe(run.step(agent.act()))
        >>> agent.h.shape
        (3,)
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
            scale=scale,
            compat=compat,
            seed=seed,
        )
        checked_constants(constants, actions)
        self.constants, self.lam, self.delta = constants, *regularised(horizon, lam, delta)
        if radius not in RADII:
            raise ValueError(f"radius={radius!r}; choose 'paper' or 'exact'.")
        self.radius = RADII[radius](constants, actions.d, self.lam, self.delta).scaled(scale)
        self._rounding = "ceil" if radius == "exact" else "floor"
        self._official: OfficialRidge | None = None
        if compatible(compat):
            booked = official_blocks(horizon, constants.rho)
            self._official = OfficialRidge(actions, self.lam, self.radius, booked, seed=seed)
        self._ridge = Ridge(actions, self.lam)
        self._holds = holds(constants.rho, self._rounding, constants.memory)
        self.block = 0
        self._hold = self._left = self._arm = 0
        self._waited = 0.0

    @property
    def h(self) -> Any:
        """ĥ, the estimated long-run pay of each coordinate, shape (d,)."""
        return self._official.h.ravel() if self._official else self._ridge.h.copy()

    @property
    def beta(self) -> float:
        """The radius of the confidence ellipsoid {h : ‖h − ĥ‖_V ≤ β} by now."""
        return self.radius(self.t, self._waited, self._ridge.logdet)

    @property
    def precision(self) -> Any:
        """V, shape (d, d)."""
        return self._official.v if self._official else self._ridge.precision

    def _next(self) -> int:
        if self._official:
            return self._official.next(self.t)
        if self._left == 0:
            self.block += 1
            self._hold = next(self._holds)
            self._left = 1 + self._hold
            self._arm = self._ridge.choose(self.beta)
        return self._arm

    def _learn(self, k: int, y: float) -> None:
        if self._official:
            self._official.learn(self.t, k, y)
            return
        self._left -= 1
        if self._left == 0:
            self._ridge.book(k, y)
            if self.constants.memory is None:
                # ρ^H as the compiled loop has it; at ρ = 0 nothing is waited for, and all is left.
                rho = self.constants.rho
                self._waited += math.exp(self._hold * math.log(rho)) if rho else 1.0

    def _state(self) -> dict[str, Any]:
        if self._official:
            return self._official.state()
        return {
            **self._ridge.state(),
            "block": self.block,
            "hold": self._hold,
            "left": self._left,
            "arm": self._arm,
            "waited": self._waited,
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        if self._official:
            self._official.load(state)
            return
        self._ridge.load(state)
        self.block, self._hold = int(state["block"]), int(state["hold"])
        self._left, self._arm = int(state["left"]), int(state["arm"])
        self._waited = float(state["waited"])
        again = holds(self.constants.rho, self._rounding, self.constants.memory)
        self._holds = islice(again, self.block, None)

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
            *waiting(self.constants),
            self._rounding == "ceil",
            *memory_of(self.constants),
            run.horizon,
            run.checkpoints,
        )


def regularised(horizon: int, lam: float | None, delta: float | None) -> tuple[float, float]:
    """λ and δ, by default log T and 1/T."""
    whole("horizon", horizon, 2)
    lam = math.log(horizon) if lam is None else number("lam", lam, "(0, inf)")
    return lam, 1 / horizon if delta is None else number("delta", delta, "(0, 1)")


def compatible(compat: str | None, *more: str) -> bool:
    """Whether the authors' code is wanted."""
    if compat not in (None, "official", *more):
        said = ", ".join(map(repr, ("official", *more)))
        raise ValueError(f"compat={compat!r}; choose None or {said}.")
    return compat is not None


def waiting(constants: Constants) -> tuple[float]:
    """log(1/ρ) for the compiled loops; anything where it is not used."""
    return (-math.log(constants.rho) if constants.rho > 0 else 1.0,)


def memory_of(constants: Constants) -> tuple[int, float]:
    """For the compiled loops: a fixed H and the part of a transient that it leaves.

    −1 for the H that follows from ρ. If ρ is 0 and no memory is known, nothing is waited for, and
    all of a transient is left.
    """
    if constants.memory is not None:
        return constants.memory, 0.0
    return (0, 1.0) if constants.rho == 0 else (-1, 0.0)
