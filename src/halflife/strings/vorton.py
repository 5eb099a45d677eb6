"""Is the vorton of my model stable, and against what? From (λ, y, N) to a lifetime.

The model is ours: the paper's abstract gives the claims, not the equations. A global string of the
potential (λ/4)(φ² − v²)² carries N zero modes of a fermion with the Yukawa coupling y. The loop
rests where M(R) is least (`thin_loop.py`); its sea is filled up to k_F = N/R, far above the
fermion's mass m = y v. It can lose carriers by escape (`escape.py`) and by decay into lighter
particles (`worldsheet/`). Each carrier that is lost makes the loop smaller and the next loss
easier: k_F stays, and exponents fall with R. So the lifetime is that of the first few,

    τ = ∫ dN/Ṅ,    Ṅ = Σ_j Γ(j/R),    j = 1/2, …, N − 1/2.

Not looked at: loops that are not circles, encounters, scattering, the string's own gravity.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from halflife.arguments import Array, number
from halflife.strings.escape import (
    classical_limit,
    log_escape_rate,
    profile_exponent,
    thin_core_exponent,
)
from halflife.strings.profile import profile
from halflife.strings.thin_loop import (
    angular_momentum,
    breathing_frequency,
    loop_energy,
    quality_factor,
    tension_log,
    vorton_radius,
)
from halflife.strings.worldsheet import heaviest_final_state, log_rate
from halflife.strings.zero_modes import ZeroMode

SMALLEST = 20.0
"""Radius in 1/(√λ v) below which no thin loop is left: the sides feel each other's cores."""
PERTURBATIVE = (4 * math.pi, math.sqrt(4 * math.pi))
"""Largest λ and y: beyond, quantum corrections are as large as what is computed."""
HELD = 0.6
"""Exponent below which tunnelling formulas mean nothing: the fermion simply leaves."""
AGE = 4.35e17
"""Of the Universe, in seconds."""
HBAR = 6.582e-25
"""In GeV s."""
PLANCK = 1.22e19
"""In GeV; no v is larger."""
PREFACTOR = 2.0
"""To which the factor of Γ before the exponential is known, from the resonances of kink rings."""

Verdict = Literal["lasts", "decays", "falls apart"]


@dataclass(frozen=True)
class Lifetime:
    """A lifetime between two bounds.

    Attributes:
        shortest, longest: log₁₀ of the time in 1/(√λ v).
        seconds: The same two in seconds, log₁₀, if v is known.
    """

    shortest: float
    longest: float
    seconds: tuple[float, float] | None = None


@dataclass(frozen=True)
class Vorton:
    """What `vorton` found. Energies are in v, lengths and times in 1/(√λ v).

    Attributes:
        lam, y, carriers: What was asked.
        scale: v in GeV, or None.
        R: Radius at rest; up to terms of order (ln R/R)² it is exact in this model.
        L: The logarithm of the tension there, μ = π L v².
        fermi_momentum: k_F, the energy of the last carrier.
        energy_per_carrier: M(R)/N; that of a free fermion is y, so no vorton is the ground state.
        Q: Quality of its breathing by Goldstone bosons, to terms of order 1/L².
        breathing_period: Of small breathing.
        exponent: B of the last carrier for a thin core.
        profile_exponent: B with the string's profile, which is below it; 0 without a barrier.
        classical_limit: The energy up to which the string holds a fermion classically; means
            something where the core is as wide as 1/m, y ≥ √λ.
        heaviest_final_state: M*: decay into M is suppressed as exp(−(M/M*)³) for M ≪ k_F.
        escape: How long the carriers stay; the bounds are the two exponents, with the factor
            before the exponential twice and half of what is known.
        cautions: What to think of when reading the numbers.
    """

    lam: float
    y: float
    carriers: float
    scale: float | None
    R: float
    L: float
    fermi_momentum: float
    energy_per_carrier: float
    Q: float
    breathing_period: float
    exponent: float
    profile_exponent: float
    classical_limit: float
    heaviest_final_state: float
    escape: Lifetime
    cautions: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """Whether it outlives the Universe ("lasts"), not quite ("decays"), or never forms.

        Against escape alone; without `scale` for any v up to Planck's mass.
        """
        if self.profile_exponent < HELD:
            return "falls apart"
        return "lasts" if self.escape.shortest > self.target else "decays"

    @property
    def target(self) -> float:
        """log₁₀ of the Universe's age in 1/(√λ v), for the scale that was given or Planck's."""
        return math.log10(AGE) - _unit(self.lam, self.scale or PLANCK)

    def decay(self, mass: float, mixing: float) -> Lifetime:
        """How long the carriers stay if they mix with a particle of the bulk.

        The bounds are those of a scalar vertex and of one that flips chirality; the spinors' own
        factors are not in it. W̃(0) = ∫ψ d²x of the zero mode is; where the momentum M* that is
        taken up across the string is above m, it takes up less, and the lifetime is longer.

        Args:
            mass: M of the particle, in v; 0 or above.
            mixing: ε, from H = ε² ∫ (ψ†χ + h.c.), in v; above 0.

        Raises:
            ValueError: arguments out of bounds.
        """
        mass = number("mass", mass, "[0, inf)") / math.sqrt(self.lam)
        mixing = number("mixing", mixing, "(0, inf)") / math.sqrt(self.lam)
        strength = 4 * math.log(mixing) + 2 * math.log(_overlap(self.y / math.sqrt(self.lam)))

        def scalar(R: Array, E: Array) -> Array:
            return log_rate(R, E, mass) + strength

        def chiral(R: Array, E: Array) -> Array:
            return log_rate(R, E, mass, vertex="chiral") + strength

        shortest, longest = (
            _log_lifetime(self.carriers, self.lam, mass, rate) for rate in (scalar, chiral)
        )
        return _lifetime(shortest, longest, self.lam, self.scale)

    def suppression(self, mass: ArrayLike) -> Array:
        """The exponent of decay into a particle of `mass`, in v; (M/M*)³ if M ≪ k_F, ∞ above."""
        root = math.sqrt(self.lam)
        light = np.asarray(mass) == 0
        M = np.where(light, 1.0, mass) / root
        exponent = thin_core_exponent(self.R, M, self.fermi_momentum / root)
        return np.asarray(np.where(light, 0.0, exponent))[()]

    def smallest_radius(self, R0: float) -> float:
        """The radius to which a loop swings that starts at rest at `R0`, without any damping.

        Where M(R) is what it is at R0. R²/R0 if the tension did not run. Damped, it stays above.

        Raises:
            ValueError: R0 below the vorton's radius.
        """
        R0 = number("R0", R0, f"[{self.R}, inf)")
        J = angular_momentum(self.R)

        def mass(R: float) -> float:
            return float(loop_energy(R) + J / R)

        low, high = self.R**2 / R0 / 4, self.R
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if mass(middle) > mass(R0) else (low, middle)
        return high

    def carriers_to_last(self) -> float | None:
        """The least N, to two digits, at which a vorton of these couplings outlives the Universe.

        None if not even 10³⁰ carriers do.
        """
        low, high = math.log(math.ceil(_least_carriers(self.lam))), math.log(1e30)

        def lasts(log_n: float) -> bool:
            N, m = math.exp(log_n), self.y / math.sqrt(self.lam)
            found = _log_lifetime(N, self.lam, m, _escape(m, profile_exponent), fine=1)
            return found - math.log10(PREFACTOR) > self.target

        if not lasts(high):
            return None
        if lasts(low):
            return _two_digits(math.exp(low))
        while high - low > 1e-3:
            middle = (low + high) / 2
            low, high = (low, middle) if lasts(middle) else (middle, high)
        return _two_digits(math.exp(high))

    def to_dict(self) -> dict[str, Any]:
        """All of it, and the verdict, as plain values for JSON."""
        found = asdict(self)
        return {**found, "verdict": self.verdict, "cautions": list(self.cautions)}


def vorton(lam: float, y: float, N: float, *, scale: float | None = None) -> Vorton:
    """Predict the vorton of N zero modes on a global string of winding 1.

    Args:
        lam: λ of (λ/4)(φ² − v²)², up to 4π.
        y: Yukawa coupling, m = y v, up to √4π.
        N: Carriers, a whole number; 10⁶ may be written 1e6.
        scale: v in GeV, for times in seconds; only ratios matter else.

    Raises:
        ValueError: couplings that are not positive or not perturbative; a loop below 20 core
            units, with the N that would be right; a scale above Planck's mass.

    >>> found = vorton(1.0, 1.0, 1e6)
    >>> round(found.R), round(found.fermi_momentum, 1), round(found.exponent, 1), found.verdict
    (45589, 21.9, 63.2, 'decays')
    """
    lam = number(
        "lam", lam, f"(0, {PERTURBATIVE[0]}]", "Beyond 4π the potential is not perturbative."
    )
    y = number("y", y, f"(0, {PERTURBATIVE[1]}]", "Beyond √4π the coupling is not perturbative.")
    N = number("N", N, "[1, 1e60]")
    if int(N) != N:
        raise ValueError(f"N must be a whole number of carriers, got {N!r}.")
    if scale is not None:
        scale = number("scale", scale, f"(0, {PLANCK}]", "It is v in GeV; none is above Planck's.")
    least = _least_carriers(lam)
    if least > N:
        raise ValueError(
            f"N = {N:g} carriers hold a loop of radius {vorton_radius(lam * N**2 / 2):.3g}/(√λ v); "
            f"below {SMALLEST:g} its core is no thin string. Take N ≥ {math.ceil(least)}."
        )
    root = math.sqrt(lam)
    R = float(vorton_radius(lam * N**2 / 2))
    k, m = N / R, y / root
    thin = float(thin_core_exponent(R, m, k))
    true = float(profile_exponent(R, m, k))
    limit = float(classical_limit(R, m))
    longest = _log_lifetime(N, lam, m, _escape(m, thin_core_exponent)) + math.log10(PREFACTOR)
    shortest = _log_lifetime(N, lam, m, _escape(m, profile_exponent)) - math.log10(PREFACTOR)
    return Vorton(
        lam=lam,
        y=y,
        carriers=N,
        scale=scale,
        R=R,
        L=float(tension_log(R)),
        fermi_momentum=k * root,
        energy_per_carrier=float(loop_energy(R) / lam + N**2 / (2 * R)) / N * root,
        Q=float(quality_factor(R)),
        breathing_period=float(2 * math.pi / breathing_frequency(R)),
        exponent=thin,
        profile_exponent=true,
        classical_limit=limit * root,
        heaviest_final_state=float(heaviest_final_state(R, k)) * root,
        escape=_lifetime(shortest, longest, lam, scale),
        cautions=tuple(_cautions(R, m, k, thin, true, limit)),
    )


def _least_carriers(lam: float) -> float:
    """N that holds a loop of `SMALLEST` radius."""
    return math.sqrt(2 * float(angular_momentum(SMALLEST)) / lam)


Rate = Callable[[Array, Array], Array]
"""ln Γ of a level of energy E on a loop of radius R."""


def _escape(m: float, exponent: Callable[[Array, float, Array], Array]) -> Rate:
    def rate(R: Array, E: Array) -> Array:
        return log_escape_rate(E, m, exponent(R, m, E))

    return rate


def _log_lifetime(N: float, lam: float, mass: float, rate: Rate, fine: int = 2) -> float:
    """log₁₀ of ∫ dN/Ṅ from N/10 to N, where `rate` has the exponent of a particle of `mass`.

    Both integrands fall as exponentials, whose rates are known from B of the last carrier.
    """
    R = float(vorton_radius(lam * N**2 / 2))
    B = float(thin_core_exponent(R, mass, N / R)) if mass > 0 else 0.0
    if math.isinf(B):
        return math.inf
    lost, of_lost = _nodes(8 * fine, min(0.9, 40 / B if B else 1.0))
    fall = math.log(2 * N)  # from j = N down to 1/2, j = N e^{−x}
    depth, of_depth = _nodes(16 * fine, min(fall, 20 / B if B else fall))
    left = N * (1 - lost)
    radii = vorton_radius(lam * left**2 / 2)
    levels = left[:, None] * np.exp(-depth)
    logs = rate(radii[:, None], levels / radii[:, None])
    loss = logsumexp(logs - depth, b=of_depth, axis=1) + np.log(left)
    return float(logsumexp(-loss, b=of_lost) + math.log(N)) / math.log(10)


def _nodes(count: int, upto: float) -> tuple[Array, Array]:
    node, weight = np.polynomial.legendre.leggauss(count)
    return upto * (1 + node) / 2, upto * weight / 2


def _unit(lam: float, scale: float) -> float:
    """log₁₀ of 1/(√λ v) in seconds."""
    return math.log10(HBAR / (math.sqrt(lam) * scale))


def _lifetime(shortest: float, longest: float, lam: float, scale: float | None) -> Lifetime:
    low, high = min(shortest, longest), max(shortest, longest)
    if scale is None:
        return Lifetime(low, high)
    unit = _unit(lam, scale)
    return Lifetime(low, high, (low + unit, high + unit))


def _overlap(m: float) -> float:
    """∫ψ d²x of the zero mode, and of its limits beyond what is solved."""
    if m < 0.001:
        return math.sqrt(8 * math.pi) / m  # e^{−mr}
    if m > 1000:
        return 2 * math.sqrt(math.pi / (m * profile(1).slope))  # a Gaussian
    return ZeroMode(m).overlap


def _two_digits(x: float) -> float:
    """Round up to two significant digits."""
    unit = 10.0 ** (math.floor(math.log10(x)) - 1)
    return math.ceil(x / unit * (1 - 1e-12)) * unit


def _cautions(R: float, m: float, k: float, B: float, true: float, limit: float) -> list[str]:
    said = []
    if m >= 1 and k > limit:
        said.append(
            f"The last carriers have {k / limit:.1f} times the energy up to which the string can "
            "turn them around classically."
        )
    if m < 1:
        said.append(
            "The zero mode is wider than the core (y < √λ): the classical limit does not apply, "
            "the exponents do."
        )
    if 0 < true < 0.8 * B:
        said.append(
            f"The barrier is hardly wider than the core: the profile lowers the exponent from "
            f"{B:.3g} to {true:.3g}."
        )
    if R < 100:
        said.append("The loop is small: numbers of a thin ring are right to some per cent.")
    if not 1e-3 <= m <= 1e3:
        said.append("y/√λ is so far from 1 that the zero mode is taken from its limit.")
    return said
