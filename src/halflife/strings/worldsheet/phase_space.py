"""Decay into several particles of the bulk, or into a lower zero mode and one of them.

The model is ours: the paper's abstract gives the claims, not the equations. A final state of
several particles is one of mass √s, weighed by the density ρ(s) of the bulk operator that makes
it: Γ = ∫ ds ρ(s) Γ(M² = s). A zero mode that stays on the string at a lower level and emits a
particle does what a mode of the energy and the angular momentum that it loses would do; levels
that are filled are blocked (Pauli). The exponent is that of the lightest final state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy import special

from halflife.arguments import Array, number
from halflife.strings.worldsheet.circle import Vertex, check_vertex, log_rate

DECADES = 40.0
"""Exponent, beyond that at the threshold, at which the integral over s ends."""
NODES = 200


@dataclass(frozen=True)
class PhaseSpace:
    """What a final state of several particles weighs.

    Attributes:
        threshold: Least invariant mass, the sum of the masses.
        density: Function from s = (invariant mass)² to ρ(s), of the same shape; ρ ds has no unit
            if the coupling has that of the two-particle decay.

    Raises:
        ValueError: a threshold that is negative or not finite.
    """

    threshold: float
    density: Callable[[Array], Array]

    def __post_init__(self) -> None:
        number("threshold", self.threshold, "[0, inf)")


def two_body(M1: float, M2: float) -> PhaseSpace:
    """Two scalars: ρ = √((s − (M1 + M2)²)(s − (M1 − M2)²))/(8π s), with a constant vertex.

    Raises:
        ValueError: a mass is negative or not finite.
    """
    low = number("M1", M1, "[0, inf)") + number("M2", M2, "[0, inf)")
    high = M1 - M2

    def density(s: Array) -> Array:
        s = np.asarray(s, dtype=np.float64)
        kallen = np.maximum(s - low**2, 0) * np.maximum(s - high**2, 0)
        with np.errstate(invalid="ignore"):
            return np.where(s > 0, np.sqrt(kallen) / (8 * np.pi * s), 1 / (8 * np.pi))

    return PhaseSpace(low, density)


def log_rate_into(R: float, E: float, final: PhaseSpace, *, vertex: Vertex = "scalar") -> float:
    """Logarithm of ∫ ds ρ(s) Γ(M² = s), with the coupling 1 and Γ by `log_rate`.

    s = threshold² + t², Gauss and Legendre in t up to where the exponent has grown by 40.

    Args:
        R: Radius of the loop, > 0.
        E: Energy of the zero mode, > 0.
        final: The final state; `two_body` makes one.
        vertex: As for `log_rate`.

    Returns:
        −∞ if the threshold is E or more.
    """
    R, E = number("R", R, "(0, inf)"), number("E", E, "(0, inf)")
    check_vertex(vertex)  # even where nothing is open, and no rate is asked for
    lowest = final.threshold**2
    if lowest >= E**2:
        return -math.inf
    unit = (E**2 / R) ** (2 / 3)
    last = ((lowest / unit) ** 1.5 + 1.5 * DECADES) ** (2 / 3) * unit
    node, weight = special.roots_legendre(NODES)
    reach = math.sqrt(min(last, E**2) - lowest)
    t = reach * (1 + node) / 2
    s = lowest + t**2
    logs = log_rate(R, E, np.sqrt(s), vertex=vertex)
    with np.errstate(divide="ignore"):
        terms = logs + np.log(final.density(s) * 2 * t * weight * reach / 2)
    return float(special.logsumexp(terms))


def log_cascade_rate(
    R: float, j: float, M: float, *, filled: Iterable[float] = (), vertex: Vertex = "scalar"
) -> float:
    """Logarithm of the rate at which a zero mode falls to lower levels, emitting a mass M.

    The sum over j' < j, not in `filled`, of the rate with E → (j − j')/R and l → j − j'.

    Args:
        R: Radius of the loop, > 0.
        j: Its angular momentum, 1/2, 3/2, ….
        M: Mass of what is emitted, ≥ 0.
        filled: Levels that are occupied: a filled sea blocks everything.
        vertex: As for `log_rate`.

    Returns:
        −∞ if no level is open.

    Raises:
        ValueError: j is no positive half-integer, or R or M are out of range.
    """
    R = number("R", R, "(0, inf)")
    j = number("j", j, "(0, inf)")
    M = number("M", M, "[0, inf)")
    check_vertex(vertex)  # even where nothing is open, and no rate is asked for
    if not (j - 0.5).is_integer():
        raise ValueError(f"j={j}; the levels of a loop are 1/2, 3/2, 5/2, …")
    free = sorted(set(np.arange(0.5, j).tolist()) - {float(level) for level in filled})
    if not free:
        return -math.inf
    return float(special.logsumexp(log_rate(R, (j - np.array(free)) / R, M, vertex=vertex)))


def blocked(carriers: int) -> Array:
    """The levels that a sea of `carriers` zero modes fills: 1/2, 3/2, …, carriers − 1/2."""
    return np.arange(carriers, dtype=np.float64) + 0.5
