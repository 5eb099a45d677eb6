"""What an agent is told of a system that it does not know: upper bounds of its norms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from halflife.arguments import number
from halflife.bandits.actions import Actions
from halflife.bandits.environment import DynamicalLinearBandit


@dataclass(frozen=True, kw_only=True)
class Constants:
    """Upper bounds on a system (assumptions 2.1 and 2.2) and its noise.

    Attributes:
        rho: ρ̄ ≥ ρ(A), in [0, 1).
        theta: Θ ≥ ‖θ‖₂.
        omega: Ω ≥ ‖ω‖₂.
        b: B ≥ ‖B‖₂.
        u: U ≥ ‖u‖₂ of every action.
        x: X ≥ ‖x‖₂ of every state.
        phi: Φ̄ ≥ Φ(A), at least 1.
        sigma: Subgaussian scale of the noise, at least that of η and of each ε.
        memory: Rounds after which an action has no effect at all, for systems whose A is
            nilpotent (ρ = 0); None if effects fade geometrically.
    """

    rho: float
    theta: float
    omega: float
    b: float
    u: float
    x: float
    phi: float = 1.0
    sigma: float = 1.0
    memory: int | None = None

    def __post_init__(self) -> None:
        number("rho", self.rho, "[0, 1)")
        number("phi", self.phi, "[1, inf)")
        for name in ("theta", "omega", "b", "x", "sigma"):
            number(name, getattr(self, name), "[0, inf)")
        number("u", self.u, "(0, inf)")

    @classmethod
    def of(
        cls, bandit: DynamicalLinearBandit, actions: Actions, *, compat: str | None = None
    ) -> Constants:
        """The exact norms of a system that is known, as in the paper's experiments.

        X is the largest norm of a state without noise, Φ ‖B‖ U / (1 − ρ).

        Args:
            bandit: The system.
            actions: What may be played.
            compat: "official" for the choices of the authors' code: X = U / (1 − ρ), ρ the
                absolute value of the eigenvalue with the largest real part, Φ over the first 999
                powers.

        Raises:
            ValueError: ρ = 0 although A is not 0, for "official" (Φ is not defined there).
        """
        norms: dict[str, Any] = {
            "theta": float(np.linalg.norm(bandit.theta)),
            "omega": float(np.linalg.norm(bandit.omega)),
            "b": float(np.linalg.norm(bandit.B, 2)),
            "u": actions.largest_norm,
            "sigma": max(bandit.reward_noise, bandit.state_noise),
        }
        if compat == "official":
            values = np.linalg.eigvals(bandit.A)
            rho = float(abs(max(values, key=lambda v: (v.real, v.imag))))
            radius = bandit.spectral_radius
            if radius == 0:
                raise ValueError("compat='official' needs a spectral radius above 0 for Φ.")
            sizes = [
                float(np.linalg.norm(np.linalg.matrix_power(bandit.A, tau), ord=2)) / radius**tau
                for tau in range(1, 1000)
                if radius**tau > 0
            ]
            phi = max(1.0, *sizes)
            return cls(rho=rho, phi=phi, x=norms["u"] / (1 - rho), **norms)
        if compat is not None:
            raise ValueError(f"compat={compat!r}; choose None or 'official'.")
        rho, phi = bandit.spectral_radius, bandit.transient_growth
        memory = bandit.forgets_after if rho < 1e-12 or not math.isfinite(phi) else None
        if memory is not None:  # ‖Σ_{s<L} A^s‖ stands in for Φ / (1 − ρ)
            sizes = [
                float(np.linalg.norm(np.linalg.matrix_power(bandit.A, s), 2))
                for s in range(max(1, memory))
            ]
            rho, phi = 0.0, max(1.0, math.fsum(sizes))
        return cls(
            rho=rho,
            phi=phi,
            x=phi * norms["b"] * norms["u"] / (1 - rho),
            memory=memory,
            **norms,
        )

    @property
    def largest_h(self) -> float:
        """c₂ = Θ + Ω B Φ / (1 − ρ), an upper bound of ‖h‖₂."""
        return self.theta + self.omega * self.b * self.phi / (1 - self.rho)

    @property
    def transient(self) -> float:
        """c₁ = U Ω Φ (U B / (1 − ρ) + X), what a transient may bias a reward, times U."""
        return self.u * self.omega * self.phi * (self.u * self.b / (1 - self.rho) + self.x)

    @property
    def block_variance(self) -> float:
        """σ² (1 + Ω² Φ² / (1 − ρ²)): a reward's noise and the state noise of its block."""
        return self.sigma**2 * (1 + self.omega**2 * self.phi**2 / (1 - self.rho**2))

    @property
    def sum_variance(self) -> float:
        """σ² (1 + Ω² Φ² / (1 − ρ)²): noise per reward when all rewards of a block are summed."""
        return self.sigma**2 * (1 + self.omega**2 * self.phi**2 / (1 - self.rho) ** 2)
