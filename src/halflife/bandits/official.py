"""The agents as the paper's authors coded them, quirks included, for `compat="official"`.

Written from the behaviour of github.com/marcomussi/DLB (2022), so that its action sequences come
out the same to the last one. What differs from the paper: a random first action, a first block of
two rounds, inverses computed anew for every arm (which decides ties), an AR2 that never takes a
triggered arm off its list, and an Exp3-k that books a batch's mean one round after the next arm
was drawn. These play round by round; there is no compiled loop for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from halflife.arguments import Array
from halflife.bandits.actions import Actions


class OfficialRidge:
    """LinearAgent, DynLinUCBAgent, LinUCBAgent and DLinUCBAgent of that code.

    Args:
        actions: The arms.
        lam: λ.
        beta: The radius, a function of the rounds so far.
        booked: Rounds whose reward is booked, from 0; None for all of them.
        discount: γ of the version of D-LinUCB that discounts; λ then grows as γ^{−t}.
        seed: Of the legacy generator that draws the first arm.
    """

    def __init__(
        self,
        actions: Actions,
        lam: float,
        beta: Callable[[int], float],
        booked: list[int] | None,
        discount: float | None = None,
        seed: int = 1,
    ) -> None:
        self._columns = [arm.reshape(-1, 1) for arm in actions.arms]
        d = actions.d
        self._lam, self._beta, self._discount = lam, beta, discount
        self._booked = None if booked is None else frozenset(booked)
        self.v: Array = lam * np.eye(d)
        self.v2: Array = lam * np.eye(d)
        self.b: Array = np.zeros((d, 1))
        self.h: Array = np.zeros((d, 1))
        self.arm = int(np.random.RandomState(seed).uniform(high=len(actions)))
        self._started = False

    def next(self, t: int) -> int:
        """The arm of round t."""
        if not self._started:
            self._started = True
        elif self._booked is None or t - 1 in self._booked:
            self.arm = self._choose(t)
        return self.arm

    def _choose(self, t: int) -> int:
        beta, inverse = self._beta(t), np.linalg.inv(self.v)
        if self._discount is None:
            values = [
                (self.h.T @ u + beta * np.sqrt(u.T @ inverse @ u)).item() for u in self._columns
            ]
        else:
            values = [
                (u.T @ self.h + beta * np.sqrt(u.T @ inverse @ self.v2 @ inverse @ u)).item()
                for u in self._columns
            ]
        return int(np.argmax(values))

    def learn(self, t: int, k: int, y: float) -> None:
        """Take the reward of round t."""
        if self._booked is not None and t not in self._booked:
            return
        u = self._columns[k]
        if self._discount is None:
            self.v = self.v + u @ u.T
            self.b = self.b + u * y
        else:
            g, lam, eye = self._discount, self._discount ** (-t) * self._lam, np.eye(len(u))
            self.v = g * self.v + u @ u.T + (1 - g) * lam * eye
            self.v2 = g**2 * self.v2 + u @ u.T + (1 - g**2) * lam * eye
            self.b = g * self.b + u * y
        self.h = np.linalg.inv(self.v) @ self.b

    def state(self) -> dict[str, Any]:
        """By name, what changes."""
        return {
            "v": self.v,
            "v2": self.v2,
            "b": self.b,
            "h": self.h,
            "arm": self.arm,
            "started": self._started,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave, after JSON."""
        for name in ("v", "v2", "b", "h"):
            setattr(self, name, np.array(state[name], dtype=np.float64))
        self.arm, self._started = int(state["arm"]), bool(state["started"])


class OfficialAR2:
    """AR2Agent of that code."""

    def __init__(
        self, arms: int, alpha: float, epoch: int, c0: float, sigma: float, seed: int = 1
    ) -> None:
        self._arms, self._alpha, self._epoch = arms, np.float64(alpha), epoch
        self._width = 24 * c0 * sigma
        self._rng = np.random.RandomState(seed)
        self.t, self.season = 1, 1
        self.triggered = [math.inf] * arms
        self.pulled = [math.inf] * arms
        self.estimate = [math.inf] * arms
        self.last: int | None = None
        self.before: int | None = None

    def next(self) -> int:
        """The next arm."""
        opening = self._arms + (self.season - 1) * self._epoch
        if self.t <= opening:
            arm = opening - self.t
        else:
            assert self.last is not None
            assert self.before is not None
            better = self.estimate[self.last] >= self.estimate[self.before]
            superior = self.last if better else self.before
            a = self._alpha
            for i in range(self._arms):
                if i == superior or math.isfinite(self.triggered[i]):
                    continue
                gap = self.t - self.pulled[i] + 1
                spread = np.sqrt((a**2 - a ** (2 * gap)) / (1 - a**2))
                if self.estimate[superior] - self.estimate[i] <= self._width * spread:
                    self.triggered[i] = self.t
            earliest = min(self.triggered)
            if math.isfinite(earliest) and self.t % 2 == 1:
                ties = [i for i in range(self._arms) if self.triggered[i] == earliest]
                arm = int(self._rng.choice(ties))
            else:
                arm = superior
        self.before, self.last = self.last, arm
        return arm

    def learn(self, k: int, y: float) -> None:
        """Take a reward."""
        opening = self._arms + (self.season - 1) * self._epoch
        self.pulled[k] = self.t
        if self.t < opening:
            self.estimate[k] = self._alpha ** (self._arms - 1) * y
        else:
            for i in range(self._arms):
                self.estimate[i] *= self._alpha
            self.estimate[k] = self._alpha * y
            if self.t % self._epoch == 0:
                self.season += 1
        self.t += 1

    def state(self) -> dict[str, Any]:
        """By name, what changes."""
        return {
            "round": self.t,
            "season": self.season,
            "triggered": [_finite(value) for value in self.triggered],
            "pulled": [_finite(value) for value in self.pulled],
            "estimate": [_finite(value) for value in self.estimate],
            "last": self.last,
            "before": self.before,
            "rng": legacy_state(self._rng),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave, after JSON."""
        self.t, self.season = int(state["round"]), int(state["season"])
        for name in ("triggered", "pulled", "estimate"):
            setattr(self, name, [math.inf if v is None else float(v) for v in state[name]])
        self.last, self.before = state["last"], state["before"]
        restore_legacy(self._rng, state["rng"])


class OfficialExp3:
    """Exp3Agent (batch None) and BatchExp3Agent of that code."""

    def __init__(
        self,
        arms: int,
        eta: float,
        gamma: float,
        shift: float,
        scale: float,
        batch: int | None = None,
        seed: int = 1,
    ) -> None:
        self._arms, self._eta, self._gamma = arms, eta, gamma
        self._shift, self._scale, self._batch = shift, scale, batch
        self._rng = np.random.RandomState(seed)
        self.gains: Array = np.zeros(arms)
        self.p: Array = np.full(arms, 1 / arms)
        self.p[0] = 1 - sum(self.p[1:])
        self.arm = 0
        self.gathered = 0.0
        self._started = False

    def next(self, t: int) -> int:
        """The arm of round t."""
        if self._batch is None or not self._started or (t > 0 and t % self._batch == 0):
            self.p = self.p / sum(self.p)
            self.arm = int(self._rng.choice(np.arange(self._arms), p=self.p))
            self._started = True
        return self.arm

    def learn(self, t: int, k: int, y: float) -> None:
        """Take the reward of round t."""
        if self._batch is not None:
            if t % self._batch != 1 % self._batch:
                self.gathered += y
                return
            y = (y + self.gathered) / self._batch
            self.gathered = 0.0
        self.gains[k] += (y + self._shift) / self._scale / self.p[k]
        weights = np.array([math.exp(self._eta * gain) for gain in self.gains])
        self.p = (1 - self._gamma) * (weights / np.sum(weights)) + self._gamma / self._arms

    def state(self) -> dict[str, Any]:
        """By name, what changes."""
        return {
            "gains": self.gains,
            "p": self.p,
            "arm": self.arm,
            "gathered": self.gathered,
            "started": self._started,
            "rng": legacy_state(self._rng),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave, after JSON."""
        self.gains, self.p = np.array(state["gains"], float), np.array(state["p"], float)
        self.arm, self.gathered = int(state["arm"]), float(state["gathered"])
        self._started = bool(state["started"])
        restore_legacy(self._rng, state["rng"])


def _finite(value: float) -> float | None:
    """`value` as JSON keeps it: there is no infinity."""
    return float(value) if math.isfinite(value) else None


def legacy_state(rng: np.random.RandomState) -> list[Any]:
    """The legacy generator's state as JSON values."""
    name, keys, at, has_gauss, gauss = rng.get_state(legacy=True)
    return [name, [int(key) for key in keys], int(at), int(has_gauss), float(gauss)]


def restore_legacy(rng: np.random.RandomState, state: Any) -> None:
    """Set it back."""
    name, keys, *rest = state
    rng.set_state((name, np.array(keys, dtype=np.uint32), *rest))
