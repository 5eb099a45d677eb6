"""Decay of a zero mode on a loop that breathes: what changing too fast adds to the static rate.

The model is ours: the paper's abstract gives the claims, not the equations. The loop's radius is
R(t) = R₀ (1 + a cos Ωt); the zero mode keeps its angular momentum l, so its energy l/R(t) goes up
and down. In a period it emits a bulk particle of energy ω_n = ⟨l/R⟩ + nΩ, for every whole n, with
the amplitude

    A_n(p_z) = ⟨ √(R/E) J_l(p_⊥ R) exp(i n Ωt − i ∫(l/R − ⟨l/R⟩) dt) ⟩,   E = l/R,
    p_⊥² = ω_n² − M² − p_z²,

the average over a period, and Γ = ε⁴/4 Σ_n ∫ dp_z |A_n|². (The factor γ of a moving piece of
string is left out: it is 1 to second order in aΩR₀.) At rest this is the static rate. Were the
loop to change slowly, Γ would be the average over a period of the static rates at R(t) and E(t):
the locally constant approximation, `static`. What the quotient exceeds 1 by is not adiabatic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from halflife.arguments import number
from halflife.strings.worldsheet.circle import exact_log_rate

TIMES = 256
"""Points in a period for the locally constant average: a periodic integrand, so right to 1e-12."""

HARMONICS = 1000
"""Most of them; what is summed takes minutes then."""


@dataclass(frozen=True)
class BreathingRate:
    """Rates with ε = 1.

    Attributes:
        full: All of it.
        local: The average of static rates over a period.
        resting: The static rate at R₀.
        error: Relative change of `full` on a coarser discretisation.
        harmonics: Smallest and largest n that were summed.
    """

    full: float
    local: float
    resting: float
    error: float
    harmonics: tuple[int, int]

    @property
    def enhancement(self) -> float:
        """`full` over `local`: 1 if the loop changes slowly enough."""
        return self.full / self.local


def breathing_rate(
    l: float,  # noqa: E741
    M: float,
    amplitude: float,
    frequency: float,
    *,
    tolerance: float = 1e-6,
) -> BreathingRate:
    """Decay rate of a zero mode of angular momentum l on a breathing loop of mean radius R₀ = 1.

    Args:
        l: Angular momentum E R, > 0, thus also the energy at R₀ = 1.
        M: Mass of the bulk particle over the energy E = l at R₀, from 0 to below 1.
        amplitude: a, from 0 to below 1.
        frequency: Ω R₀, > 0; 1 is a vorton's own breathing.
        tolerance: Relative error that is asked for.

    Returns:
        Rates in units of 1/R₀, with ε = 1: divide by R₀ for another radius, with M R₀, ΩR₀ fixed.

    Raises:
        ValueError: an argument is out of range; a·Ω R₀ ≥ 1: the loop would outrun light; or so slow
            a loop that more than 1000 harmonics would have to be summed, where `local` is right.
        ArithmeticError: the tolerance is not reached.
    """
    l = number("l", l, "(0, inf)")  # noqa: E741
    M = number("M", M, "[0, 1)") * l
    a = number("amplitude", amplitude, "[0, 1)")
    omega = number("frequency", frequency, "(0, inf)")
    if a * omega >= 1:
        raise ValueError(
            f"amplitude·frequency is {a * omega:g}, the loop's top speed; it must be below 1."
        )
    sweep = l * a / (1 - a) / omega  # harmonics that the energy's own going up and down takes
    if sweep > HARMONICS:
        raise ValueError(
            f"frequency={omega:g} is so low that {sweep:.0f} harmonics count, more than "
            f"{HARMONICS}: the loop changes slowly. Average exact_log_rate over a period."
        )
    t = np.arange(TIMES) / TIMES
    radius = 1 + a * np.cos(2 * np.pi * t)
    local = float(np.exp(exact_log_rate(radius, l / radius, M)).mean())
    resting = float(np.exp(exact_log_rate(1.0, l, M)))
    times, nodes = 1 << math.ceil(math.log2(32 + 3 * sweep)), 32
    last, reached, harmonics = math.nan, math.inf, (0, 0)
    for _ in range(6):
        full, harmonics = _sum(l, M, a, omega, times, nodes, 0.01 * tolerance, sweep)
        reached = abs(full - last) / full if full else math.inf
        if reached < tolerance:
            return BreathingRate(full, local, resting, reached, harmonics)
        last, times, nodes = full, times * 2, nodes * 3 // 2
    raise ArithmeticError(
        f"The sum over harmonics changes by {reached:.1e} with {times // 2} times a period, more "
        f"than tolerance={tolerance:g}; the loop moves too fast or M is too heavy for it."
    )


def _sum(
    l: float,  # noqa: E741
    M: float,
    a: float,
    omega: float,
    times: int,
    nodes: int,
    cut: float,
    sweep: float,
) -> tuple[float, tuple[int, int]]:
    """The sum, from the harmonic of the static loop outward until terms are below `cut`."""
    angle = 2 * np.pi * np.arange(times) / times
    radius = 1 + a * np.cos(angle)
    mean = l / math.sqrt(1 - a**2)  # ⟨1/(1 + a cos)⟩
    # ∫ (l/R − ⟨l/R⟩) dt by its Fourier series: 1/(1 + a cos θ) = (1 + 2 Σ q^k cos kθ)/√(1 − a²)
    q = (math.sqrt(1 - a**2) - 1) / a if a else 0.0
    k = np.arange(1, 200)
    phase = 2 * mean / omega * ((q**k / k) @ np.sin(np.outer(k, angle)))
    front = radius / math.sqrt(l) * np.exp(-1j * phase)
    node, weight = special.roots_legendre(nodes)

    def term(n: int) -> float:
        energy = mean + n * omega
        if energy <= M:
            return 0.0
        k2 = energy**2 - M**2
        # p_z = √k2 sin θ; even in θ
        reach = min(math.pi / 2, 12 * l ** (-1 / 3))
        theta = reach * (1 + node) / 2
        p = math.sqrt(k2) * np.cos(theta)
        bessel = special.jv(l, np.outer(p, radius))
        amplitude = (bessel * front * np.exp(1j * n * angle)).mean(axis=1)
        return float(math.sqrt(k2) * reach * (np.abs(amplitude) ** 2 * np.cos(theta)) @ weight)

    total, ends = term(0), []
    for direction in (1, -1):
        n, small = 0, 0
        while small < 4 and abs(n) < times // 2:  # n and n + times are the same to the average
            n += direction
            if mean + n * omega <= M:
                break
            here = term(n)
            total += here
            small = small + 1 if here < cut * total and abs(n) > sweep else 0
        ends.append(n)
    return total / 4, (ends[1], ends[0])
