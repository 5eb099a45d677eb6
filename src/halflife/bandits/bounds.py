"""The theory in numbers: confidence radius, upper and lower bounds on regret, all constants kept.

The paper states orders. The constants here follow from its arguments, written out in each
docstring, so that the bounds can be held against runs.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from halflife.arguments import number, whole
from halflife.bandits.blocks import block_lengths
from halflife.bandits.constants import Constants


def confidence_radius(t: int, d: int, constants: Constants, lam: float, delta: float) -> float:
    """β_t, the radius that DynLin-UCB uses (theorem 3.1, det V bounded by its trace).

    c₁/√λ · log(e(t+1)) + c₂ √λ + √(2 σ̄² (log(1/δ) + d/2 · log(1 + t U²/(d λ)))), with c₁
    `constants.transient`, c₂ `constants.largest_h` and σ̄² `constants.block_variance`.

    Its first term bounds Σ_m ρ^{H_m} by log(e(t+1)). With the paper's rounding down that fails
    for small ρ (at ρ = 0.2 the sum is 28.8 and the logarithm 14.8 after 10⁶ rounds); the radius
    "exact" of `DynLinUCB` takes the sum itself.
    """
    whole("t", t, 0)
    return (
        constants.transient / math.sqrt(lam) * math.log(math.e * (t + 1))
        + constants.largest_h * math.sqrt(lam)
        + _noise(t, d, constants, lam, delta)
    )


def _noise(t: int, d: int, constants: Constants, lam: float, delta: float) -> float:
    growth = d / 2 * math.log1p(t * constants.u**2 / (d * number("lam", lam, "(0, inf)")))
    return math.sqrt(
        2 * constants.block_variance * (math.log(1 / number("delta", delta, "(0, 1)")) + growth)
    )


def upper_bound(
    horizon: int, d: int, constants: Constants, *, lam: float | None = None, radius: str = "paper"
) -> float:
    """A number that DynLin-UCB's pseudo-regret stays below with probability 1 − 1/T.

    Optimism gives ⟨h, u* − u_m⟩ ≤ 2 β ‖u_m‖_{V⁻¹} in block m, which costs its length L_m times.
    By Cauchy–Schwarz and the elliptical potential (Abbasi-Yadkori et al. 2011, lemma 11), with M
    blocks,

        R ≤ 2 β_T √(Σ L_m²) √(2 max(1, U²/λ) d log(1 + M U²/(d λ))).

    With the radius "paper" it holds if Σ_m ρ^{H_m} ≤ log(e(T+1)); see `confidence_radius`. The
    order is the paper's theorem 3.2, O~(d √T / (1 − ρ)^{3/2}).

    Args:
        horizon: T.
        d: Dimension of the actions.
        constants: What the agent is told.
        lam: λ; log T if left out.
        radius: "paper" or "exact", as for `DynLinUCB`.
    """
    whole("horizon", horizon, 2)
    lam = math.log(horizon) if lam is None else lam
    exact = radius == "exact"
    rounding = "ceil" if exact else "floor"
    lengths = block_lengths(horizon, constants.rho, rounding, constants.memory).astype(float)
    if exact:
        beta = (
            constants.transient / math.sqrt(lam) * transients(lengths, constants)
            + constants.largest_h * math.sqrt(lam)
            + _noise(len(lengths), d, constants, lam, 1 / horizon)
        )
    else:
        beta = confidence_radius(horizon, d, constants, lam, 1 / horizon)
    potential = (
        2
        * max(1.0, constants.u**2 / lam)
        * d
        * math.log1p(len(lengths) * constants.u**2 / (d * lam))
    )
    return float(2 * beta * np.sqrt(np.sum(lengths**2)) * math.sqrt(potential))


def transients(lengths: NDArray[np.float64], constants: Constants) -> float:
    """Σ_m ρ^{H_m} over blocks of these lengths; 0 where a finite memory was waited for."""
    if constants.memory is not None:
        return 0.0
    if constants.rho == 0:
        return float(len(lengths))
    return float(np.sum(constants.rho ** (lengths - 1.0)))


def lower_bound(horizon: int, d: int, *, rho: float, sigma: float, omega: float) -> float:
    """A number that no policy's worst expected pseudo-regret stays below on {−1, 1}^d.

    Take a scalar state, x' = ρ x + ⟨b, u⟩ + ε, y = Ω x + η, and b in {−σ/√T, σ/√T}^d. To show a
    policy the state as well can only help it, and then it sees ⟨b, u⟩ + ε: a linear bandit with
    noise σ, where some b costs it (e⁻²/8) d σ √T (Lattimore and Szepesvári 2020, theorem 24.1).
    In the long run b pays Ω/(1 − ρ) times, and so does the regret. Without a state (Ω = 0) the
    same holds for θ. Hence (e⁻²/8) d σ √T · max(1, Ω/(1 − ρ)).

    The paper's theorem 2.2 has the order d √T / (1 − ρ)^{1/2}: that of Ω = √(1 − ρ), where
    |J| ≤ 1 needs T ≥ d² σ²/(1 − ρ).

    Args:
        horizon: T.
        d: Dimension of the actions.
        rho: ρ of the worst system.
        sigma: Standard deviation of the noise.
        omega: Ω, how much a unit of state pays.
    """
    gain = max(1.0, number("omega", omega, "[0, inf)") / (1 - number("rho", rho, "[0, 1)")))
    return (
        math.exp(-2)
        / 8
        * whole("d", d, 1)
        * number("sigma", sigma, "[0, inf)")
        * math.sqrt(whole("horizon", horizon, 1))
        * gain
    )
