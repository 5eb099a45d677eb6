"""Ridge regression of rewards on actions, which the UCB agents share.

Holds V⁻¹, b, ĥ and the squared widths ‖u_k‖²_{V⁻¹} of all arms, updated by rank one with each
booked reward in O(d² + K d).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from halflife.arguments import Array
from halflife.bandits.actions import Actions
from halflife.bandits.agent import filled


class Ridge:
    """The regression's state.

    Attributes:
        arms: Shape (K, d).
        lam: λ.
        counts: Rewards booked for each arm, shape (K,).
        sums: Their sums, shape (K,).
        inverse: V⁻¹, shape (d, d).
        b: Σ u y, shape (d,).
        h: ĥ = V⁻¹ b, shape (d,).
        widths: ‖u_k‖²_{V⁻¹}, shape (K,).
        logdet: log(det V / λ^d).
    """

    def __init__(self, actions: Actions, lam: float) -> None:
        from halflife.bandits import kernels

        self._kernels: Any = kernels
        self.arms, self.lam = actions.arms, lam
        k, d = self.arms.shape
        self.counts: NDArray[np.int64] = np.zeros(k, np.int64)
        self.sums: Array = np.zeros(k)
        self.inverse: Array = np.empty((d, d))
        self.b: Array = np.empty(d)
        self.h: Array = np.empty(d)
        self.widths: Array = np.empty(k)
        self.logdet = 0.0
        # Filled in place for ever: gathered once, as they go to every call of a compiled function.
        self._arrays: tuple[Any, ...] = (
            self.arms,
            self.lam,
            self.counts,
            self.sums,
            self.inverse,
            self.b,
            self.h,
            self.widths,
        )
        self._work = np.empty(d)
        kernels.refresh(*self._arrays)

    def book(self, k: int, y: float) -> None:
        """Enter a reward of arm k."""
        self.logdet += self._kernels.book(*self._arrays, self._work, k, y)

    def choose(self, beta: float) -> int:
        """The first arm with the largest ⟨ĥ, u⟩ + β ‖u‖_{V⁻¹}."""
        return int(self._kernels.choose(self.arms, self.h, self.widths, beta))

    @property
    def precision(self) -> Array:
        """V = λ I + Σ u uᵀ, from the counts, shape (d, d)."""
        return self.lam * np.eye(self.arms.shape[1]) + (self.arms.T * self.counts) @ self.arms

    def state(self) -> dict[str, Any]:
        """By name, what changes."""
        return {
            "counts": self.counts,
            "sums": self.sums,
            "inverse": self.inverse,
            "b": self.b,
            "h": self.h,
            "widths": self.widths,
            "logdet": self.logdet,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave, after JSON."""
        self.counts[:] = state["counts"]
        for name in ("sums", "inverse", "b", "h", "widths"):
            filled(getattr(self, name), state[name])
        self.logdet = float(state["logdet"])
