"""The dynamical linear bandit: a hidden linear system that is paid for by its own echo.

In each round, in this order: an action u is chosen from what was seen before; the reward is
y = ⟨ω, x⟩ + ⟨θ, u⟩ + η; the state moves on to A x + B u + ε. Knows nothing of agents.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from halflife.arguments import Array, array, number, whole

if TYPE_CHECKING:
    from halflife.bandits.actions import Actions


@dataclass(frozen=True, eq=False)
class DynamicalLinearBandit:
    """A stable dynamical linear bandit (arXiv 2211.08997, section 2).

    Attributes:
        A: State to state, shape (n, n), spectral radius below 1.
        B: Action to state, shape (n, d).
        omega: State to reward, shape (n,).
        theta: Action to reward at once, shape (d,).
        reward_noise: Standard deviation of η.
        state_noise: Standard deviation of each coordinate of ε.

    The noise is Gaussian and independent. ω = 0 is the ordinary linear bandit.

    Raises:
        ValueError: shapes that do not fit, numbers that are not finite, negative noise, or a
            spectral radius of 1 or more.
    """

    A: Array
    B: Array
    omega: Array
    theta: Array
    reward_noise: float = 0.0
    state_noise: float = 0.0

    def __post_init__(self) -> None:
        a = array("A", self.A, (None, None))
        n = len(a)
        object.__setattr__(self, "A", array("A", a, (n, n)))
        object.__setattr__(self, "B", array("B", self.B, (n, None)))
        object.__setattr__(self, "omega", array("omega", self.omega, (n,)))
        object.__setattr__(self, "theta", array("theta", self.theta, (self.B.shape[1],)))
        for name in ("reward_noise", "state_noise"):
            object.__setattr__(self, name, number(name, getattr(self, name), "[0, inf)"))
        if self.spectral_radius >= 1:
            raise ValueError(
                f"A has the spectral radius {self.spectral_radius:.4g}; a dynamical linear bandit "
                "is stable, so make it smaller than 1 (its effects must fade)."
            )

    @property
    def n(self) -> int:
        """Number of state coordinates."""
        return len(self.omega)

    @property
    def d(self) -> int:
        """Number of action coordinates."""
        return len(self.theta)

    @cached_property
    def spectral_radius(self) -> float:
        """ρ(A), the largest absolute eigenvalue."""
        return float(np.abs(np.linalg.eigvals(self.A)).max())

    @cached_property
    def transient_growth(self) -> float:
        """Φ(A) = sup over τ ≥ 0 of ‖A^τ‖₂ / ρ(A)^τ.

        The supremum over the first 10,000 powers of A/ρ, which is where it lies unless A has a
        Jordan block at its radius; then it is infinite in truth. Infinite if A is nilpotent and
        not 0: such a system forgets all after n rounds, and agents take `memory=` for it.
        """
        rho = self.spectral_radius
        if rho == 0:
            return 1.0 if not self.A.any() else math.inf
        unit, powers = self.A / rho, np.empty((10_000, self.n, self.n))
        powers[0] = np.eye(self.n)
        for tau in range(1, len(powers)):
            np.matmul(powers[tau - 1], unit, out=powers[tau])
        return float(np.linalg.norm(powers, 2, axis=(1, 2)).max())

    @cached_property
    def forgets_after(self) -> int | None:
        """The smallest k with A^k = 0, None if there is none."""
        power = np.eye(self.n)
        for k in range(self.n + 1):
            if not np.abs(power).max() > 1e-14 * max(1.0, float(np.abs(self.A).max())):
                return k
            power = power @ self.A
        return None

    def markov(self, count: int) -> Array:
        """h^{0} = θ and h^{s} = Bᵀ (A^{s−1})ᵀ ω: what one unit of action pays s rounds later.

        Returns:
            The first `count` of them, shape (count, d).
        """
        rows, row = [np.array(self.theta)], self.omega
        for _ in range(1, whole("count", count, 1)):
            rows.append(row @ self.B)
            row = row @ self.A
        return np.array(rows, dtype=np.float64)

    @cached_property
    def cumulative(self) -> Array:
        """H = θ + Bᵀ (I − A)^{−T} ω, what a unit of action pays in the long run, shape (d,)."""
        return self.theta + self.tail(0)

    def tail(self, k: int) -> Array:
        """h^{[k+1, ∞)} = Bᵀ (A^k)ᵀ (I − A)^{−T} ω, the part of h that is still to come, shape (d,).

        After an action has been dropped, it is what one of its units still pays from the
        (k+1)-th round on.
        """
        echo = np.linalg.matrix_power(self.A, whole("k", k, 0)).T @ self._lasting
        return np.asarray(self.B.T @ echo, dtype=np.float64)

    @cached_property
    def _lasting(self) -> Array:
        """(I − A)^{−T} ω: what a unit of state pays for ever."""
        lasting = np.linalg.solve(np.eye(self.n) - self.A.T, self.omega)
        return np.asarray(lasting, dtype=np.float64)

    def value(self, action: ArrayLike) -> float:
        """J(u) = ⟨h, u⟩, the long-run reward per round of playing one action for ever."""
        return float(self.cumulative @ array("action", action, (self.d,)))

    def optimal(self, actions: Actions) -> tuple[Array, float]:
        """The best constant action and its long-run reward: no policy does better (theorem 2.1)."""
        best = actions.best(self.cumulative)
        return best, self.value(best)

    def steady_state(self, action: ArrayLike) -> Array:
        """(I − A)⁻¹ B u, where the state settles, shape (n,)."""
        u = array("action", action, (self.d,))
        settled = np.linalg.solve(np.eye(self.n) - self.A, self.B @ u)
        return np.asarray(settled, dtype=np.float64)

    def to_come(self, state: ArrayLike) -> float:
        """⟨ω, (I − A)⁻¹ x⟩: what a state still pays if nothing more is done."""
        return float(self._lasting @ array("state", state, (self.n,)))

    def expected_rewards(self, played: ArrayLike, start: ArrayLike | None = None) -> Array:
        """Rewards without noise of actions shaped (T, d), shape (T,); the state starts at 0."""
        u = array("played", played, (None, self.d))
        x = np.zeros(self.n) if start is None else np.array(array("start", start, (self.n,)))
        rewards = np.empty(len(u))
        for t, action in enumerate(u):
            rewards[t] = self.omega @ x + self.theta @ action
            x = self.A @ x + self.B @ action
        return rewards

    def pseudo_regret(self, played: ArrayLike, actions: Actions) -> Array:
        """Σ_{s ≤ t} ⟨h, u* − u_s⟩ for every t, shape (T,), of actions shaped (T, d).

        It never falls, and differs from T J* − Σ E y by what the last state still pays
        (`to_come`): bounded, however long the run and however often actions change.
        """
        u = array("played", played, (None, self.d))
        return np.cumsum(self.optimal(actions)[1] - u @ self.cumulative)

    @cached_property
    def reward_deviation(self) -> float:
        """Standard deviation of a reward in the long run under a constant action.

        √(σ_η² + ωᵀ S ω), where S = A S Aᵀ + σ_ε² I is the state's stationary covariance.
        """
        from scipy.linalg import solve_discrete_lyapunov

        cov = solve_discrete_lyapunov(self.A, self.state_noise**2 * np.eye(self.n))
        return math.sqrt(self.reward_noise**2 + max(0.0, float(self.omega @ cov @ self.omega)))

    def similar(self, basis: ArrayLike) -> DynamicalLinearBandit:
        """The same bandit in other coordinates of the state: (S A S⁻¹, S B, S^{−T} ω, θ).

        Every h^{s} is the same; the constants Φ, ‖B‖ and ‖ω‖ are not, nor is isotropic state
        noise, so that it is only for systems without.
        """
        if self.state_noise:
            raise ValueError("state_noise would not stay isotropic; leave it out of the system.")
        s = array("basis", basis, (self.n, self.n))
        back = np.linalg.inv(s)
        return DynamicalLinearBandit(
            s @ self.A @ back, s @ self.B, back.T @ self.omega, self.theta, self.reward_noise
        )

    def scaled(self, factor: float) -> DynamicalLinearBandit:
        """The same system with rewards `factor` times as large, noise included."""
        by = number("factor", factor, "(0, inf)")
        return DynamicalLinearBandit(
            self.A,
            self.B,
            by * self.omega,
            by * self.theta,
            by * self.reward_noise,
            self.state_noise,
        )

    def simulation(self, seed: int | np.random.Generator = 0) -> Simulation:
        """A run of this bandit from the state 0, reproducible by its seed."""
        return Simulation(self, seed)


class Simulation:
    """A bandit at play: `step(action)` returns the reward.

    Noise is drawn as η, ε₁, …, ε_n in each round, so that runs with one seed share it.

    Attributes:
        bandit: The system.
        state: x, shape (n,).
        round: Rounds played.
    """

    def __init__(self, bandit: DynamicalLinearBandit, seed: int | np.random.Generator = 0) -> None:
        self.bandit = bandit
        self.state: Array = np.zeros(bandit.n)
        self.round = 0
        self._rng = environment_stream(seed) if isinstance(seed, int) else seed

    def step(self, action: ArrayLike) -> float:
        """Play an action, shape (d,), and return the reward."""
        it = self.bandit
        u = array("action", action, (it.d,))
        noise = self._rng.standard_normal(it.n + 1)
        reward = it.omega @ self.state + it.theta @ u + it.reward_noise * noise[0]
        self.state = it.A @ self.state + it.B @ u + it.state_noise * noise[1:]
        self.round += 1
        return float(reward)

    def play(self, action: ArrayLike, rounds: int) -> Iterator[float]:
        """Hold an action for some rounds; yields the rewards."""
        for _ in range(rounds):
            yield self.step(action)


def environment_stream(seed: int) -> np.random.Generator:
    """The noise of a run: one stream for each seed, apart from the agent's."""
    return np.random.default_rng([whole("seed", seed, 0), 0])


def agent_stream(seed: int) -> np.random.Generator:
    """The chance in an agent's choices: one stream for each seed, apart from the noise."""
    return np.random.default_rng([whole("seed", seed, 0), 1])
