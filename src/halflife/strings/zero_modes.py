"""Fermions on a straight string: zero modes, and the tower of massive states bound to it.

The model is ours: the paper's abstract gives the claims, not the equations. A fermion of mass m
outside the string, whose mass term turns with the string's phase, has across the string

    H = [[0, D†], [D, 0]],    D†D = (−∇² + m² f²) 1 − m (f′ + n f/r) σ₁

on pairs (U e^{ilθ}, V e^{i(l+1−n)θ}): levels come as ±M, with M² the eigenvalues of D†D. There
are n zero modes, l = 0 … n − 1, that run along the string in one direction at the speed of light;
for n = 1 it is ψ₀ ∝ exp(−m ∫₀^r f). For n = 1 the pair comes apart into U = V, which is attracted
by the Coulomb potential −m/r of the tail, and U = −V, which is repelled. So a global string binds
infinitely many states, for m ≪ √λ v those of hydrogen, M = m √(1 − 1/(2N + 1)²).

Masses are in √λ v, lengths in 1/(√λ v). Knows nothing of loops.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.typing import ArrayLike
from scipy.linalg import eigh
from scipy.special import j0

from halflife.arguments import Array, nonnegative, number, whole
from halflife.strings.profile import profile

ORDER = 10
"""Polynomial order of the elements."""
MASSES = "[0.001, 1000]"
"""Of what is solved here; beyond, `rydberg` and `thick_core` are right to a thousandth."""


@dataclass(frozen=True)
class ZeroMode:
    """The zero mode of a string of winding 1, for a fermion of this mass outside the string.

    Attributes:
        mass: m/(√λ v), the ratio of Yukawa coupling and √λ; from 0.001 to 1000.

    >>> round(ZeroMode(0.01).width * 0.01, 3), round(math.sqrt(3 / 2), 3)  # thin core: e^{−2mr}
    (1.225, 1.225)
    """

    mass: float

    def __post_init__(self) -> None:
        number("mass", self.mass, MASSES)

    def psi(self, r: ArrayLike) -> Array:
        """The profile of the mode at distance `r`, with 2π ∫ r ψ² dr = 1; shape of `r`."""
        decay = np.exp(-self.mass * _integral_of_f(np.asarray(r, dtype=np.float64)))
        return np.asarray(self._height * decay)[()]

    @cached_property
    def width(self) -> float:
        """Root mean square distance from the axis."""
        r, weight = self._cloud
        return float(np.sqrt(weight @ r**2))

    @cached_property
    def overlap(self) -> float:
        """∫ψ d²x, a length: the amplitude to turn into a particle that is at rest across."""
        r, weight = self._panels
        return float(weight @ self.psi(r))

    def form_factor(self, q: ArrayLike) -> Array:
        """F(q) = 2π ∫ r ψ² J₀(qr) dr by quadrature, shape of `q`; 1 at q = 0.

        The amplitude that the mode as a whole takes up a momentum q across the string.

        Args:
            q: In √λ v, up to 100 (m + √m) of them. The error is below 1e-12 of F(0): what is far
                smaller is round-off.

        Raises:
            ValueError: a q beyond that, or one that is not finite.
        """
        q = np.asarray(q, dtype=np.float64)
        most = self._largest_q
        if not (np.abs(q) <= most).all():
            raise ValueError(
                f"q must be finite and at most {most:g} for mass = {self.mass:g}, got "
                f"{np.abs(q).max():g}. For m ≪ 1 cloud_form_factor goes further."
            )
        r, weight = self._cloud
        return np.reshape([j0(one * r) @ weight for one in q.reshape(-1)], q.shape)[()]

    @property
    def _largest_q(self) -> float:
        return 100 * (self.mass + math.sqrt(self.mass))

    @cached_property
    def _height(self) -> float:
        r, weight = self._panels
        return float(1 / np.sqrt(weight @ np.exp(-2 * self.mass * _integral_of_f(r))))

    @cached_property
    def _cloud(self) -> tuple[Array, Array]:
        """Nodes, and the share of the mode at each."""
        r, weight = self._panels
        return r, weight * self.psi(r) ** 2

    @cached_property
    def _panels(self) -> tuple[Array, Array]:
        """Nodes in r, and weights of 2πr dr; panels that no J₀(qr) within the limits outruns."""
        m = self.mass
        reach = 20 / m + 8 / math.sqrt(m)  # the tail, and the core where it is Gaussian
        edges = np.linspace(0, reach, 2 + int(reach * self._largest_q / 40))
        node, weight = np.polynomial.legendre.leggauss(40)
        half = np.diff(edges)[:, None] / 2
        r = (edges[:-1, None] + half * (1 + node)).reshape(-1)
        return r, 2 * math.pi * r * (half * weight).reshape(-1)


def cloud_form_factor(q: ArrayLike, mass: float) -> Array:
    """F(q) = (1 + q²/4m²)^{−3/2} of the cloud e^{−2mr}: a zero mode that is wide against the core.

    Args:
        q: Momentum across the string, any shape, in the units of `mass`.
        mass: m.

    >>> float(cloud_form_factor(2.0, 1.0)) == 2**-1.5
    True
    """
    mass = number("mass", mass, "(0, inf)")
    return np.asarray((1 + (np.asarray(q) / (2 * mass)) ** 2) ** -1.5)[()]


def rydberg(N: ArrayLike) -> Array:
    """M/m = √(1 − 1/(2N + 1)²) of the states bound by the tail, N = n_r + |l|; for m ≪ √λ v.

    Raises:
        ValueError: an N below 0.
    """
    return np.asarray(np.sqrt(1 - 1 / (2 * nonnegative("N", N) + 1) ** 2))[()]


def thick_core(N: ArrayLike, mass: float) -> Array:
    """M/m = √(2N c₁/m) of an oscillator, N = 2 n_r + |l| (+ 2 if repelled); for m ≫ √λ v.

    Raises:
        ValueError: an N below 0.
    """
    mass = number("mass", mass, "(0, inf)")
    return np.asarray(np.sqrt(2 * nonnegative("N", N) * profile(1).slope / mass))[()]


@dataclass(frozen=True, eq=False)
class BoundStates:
    """States of one angular momentum below the continuum, lightest first.

    Attributes:
        l: Angular momentum of U; for n = 1 the same for V.
        pair: "attracted" (U = V), "repelled" (U = −V), or "coupled" for n > 1.
        squared: (M/m)², between 0 and 1, shape (found,).
        error: How far each may be off: what changes with the order and the extent of the elements,
            and round-off.
    """

    l: int  # noqa: E741
    pair: Literal["attracted", "repelled", "coupled"]
    squared: Array
    error: Array

    @property
    def ratio(self) -> Array:
        """M/m; 0 for a zero mode."""
        return np.sqrt(np.where(self.squared > self.error, self.squared, 0.0))


def bound_states(
    mass: float,
    l: int = 0,  # noqa: E741
    *,
    n: int = 1,
    pair: Literal["attracted", "repelled"] = "attracted",
    count: int = 4,
) -> BoundStates:
    """Solve for the lightest states of one angular momentum that are bound to a straight string.

    Finite elements of order 10 in r, whose eigenvalues lie above the exact ones, and once more
    with order 12 and a quarter further out for the error.

    Args:
        mass: m/(√λ v), from 0.001 to 1000.
        l: Angular momentum; any sign.
        n: Winding. For n > 1 both pairs are coupled, and `pair` is not asked.
        pair: For n = 1 which of the two.
        count: How many at most. The attracted pair has infinitely many, the repelled few or none.

    Raises:
        ValueError: arguments out of bounds.

    >>> bound_states(0.02).ratio.round(4).tolist(), rydberg(range(4)).round(4).tolist()
    ([0.0, 0.9428, 0.9798, 0.9897], [0.0, 0.9428, 0.9798, 0.9897])
    """
    mass = number("mass", mass, MASSES, "See rydberg and thick_core for the limits.")
    l = whole("l", l, -20, 20)  # noqa: E741
    n = whole("n", n, 1, 10)
    count = whole("count", count, 1, 20)
    if pair not in ("attracted", "repelled"):
        raise ValueError(f"pair must be 'attracted' or 'repelled', got {pair!r}.")
    kind: Literal["attracted", "repelled", "coupled"] = pair if n == 1 else "coupled"
    nodes = count + abs(l) + n
    reach = (2 * nodes + 1) * (2 * nodes + 31) / mass + 5 * n
    coarse = _solve(mass, l, n, kind, count, ORDER, reach)
    fine = _solve(mass, l, n, kind, count, ORDER + 2, 1.25 * reach)
    error = np.abs(coarse - fine) + 1e-12 * (1 + 1 / mass**2)
    bound = fine + error < 1
    return BoundStates(l, kind, fine[bound], error[bound])


def _solve(
    mass: float,
    l: int,  # noqa: E741
    n: int,
    kind: str,
    count: int,
    order: int,
    reach: float,
) -> Array:
    """The lowest eigenvalues of D†D/m² in one channel."""
    p = profile(n)
    edges = _edges(mass, n, reach)
    # One element's basis: Lagrange polynomials through Lobatto's points, at Gauss's points.
    lobatto = np.cos(np.pi * np.arange(order, -1, -1) / order)
    gauss, weight = np.polynomial.legendre.leggauss(order + 4)
    vander = np.polynomial.chebyshev.chebvander
    inverse = np.linalg.inv(vander(lobatto, order))
    value = vander(gauss, order) @ inverse
    derivative = np.polynomial.chebyshev.chebder(inverse)
    slope = vander(gauss, order - 1) @ derivative
    half = np.diff(edges)[:, None] / 2
    r = edges[:-1, None] + half * (1 + gauss)
    dr = half * weight * r  # of r dr
    f, df = p.f(r), p.df(r)

    def assembled(on_values: Array, on_slopes: Array | None = None) -> Array:
        """The matrix of ∫ r dr (on_values · ψφ + on_slopes · ψ′φ′)."""
        size = order * (len(edges) - 1) + 1
        matrix = np.zeros((size, size))
        blocks = np.einsum("eg,gi,gj->eij", dr * on_values, value, value)
        if on_slopes is not None:
            blocks += np.einsum("eg,gi,gj->eij", dr * on_slopes / half**2, slope, slope)
        for e, block in enumerate(blocks):
            at = slice(order * e, order * (e + 1) + 1)
            matrix[at, at] += block
        return matrix

    one = np.ones_like(r)
    attraction = mass * (df + n * f / r)
    if kind == "coupled":
        momenta, sign = [l, l + 1 - n], 0.0
    else:
        momenta, sign = [l], 1.0 if kind == "attracted" else -1.0
    norm = assembled(one)
    parts, norms, inside = [], [], []
    for k in momenta:
        parts.append(assembled(k**2 / r**2 + (mass * f) ** 2 - sign * attraction, one))
        norms.append(norm)
        inside.append(np.arange(len(norm)) >= (k != 0))  # regular at the axis
        inside[-1][-1] = False  # and nothing at the far end
    if kind == "coupled":
        across = -assembled(attraction)
        A = np.block([[parts[0], across], [across, parts[1]]])
        B = np.block([[norm, np.zeros_like(norm)], [np.zeros_like(norm), norm]])
    else:
        A, B = parts[0], norms[0]
    keep = np.concatenate(inside)
    kept = np.ix_(keep, keep)
    found = eigh(A[kept], B[kept], eigvals_only=True, subset_by_index=[0, count - 1])
    return np.asarray(found / mass**2)


def _edges(mass: float, n: int, reach: float) -> Array:
    """Ends of the elements: fine enough for the core and the oscillations, growing outwards."""
    core = min(1.0, 1.0 / math.sqrt(mass))
    edges = [0.0]
    while edges[-1] < reach:
        r = edges[-1]
        step = max(core, 0.3 * (r - 3 * core * n) if mass <= 1 else 0.3 * r)
        edges.append(r + min(step, 5 * math.sqrt((r + core) / mass) + core))
    return np.array(edges)


def _integral_of_f(r: Array) -> Array:
    """∫₀^r f for winding 1, any r ≥ 0."""
    w = 1 / np.hypot(1.0, r)
    return np.asarray(np.hypot(1.0, r) - 1 + _excess()(w))


@cache
def _excess() -> Chebyshev:
    """∫ (f − r/√(1 + r²)) dr from the axis, as a series in w = 1/√(1 + r²), smooth at both ends."""
    p = profile(1)

    def slope(w: Array) -> Array:
        r = np.sqrt((1 - w) * (1 + w)) / w
        # dr/dw = −1/(w³ · r w); near the axis f/r is finite
        ratio = np.where(r > 0, p.f(r) / np.where(r > 0, r, 1.0), p.slope)
        return -(ratio / w - 1) / w**2

    series = Chebyshev.interpolate(slope, 100, domain=[0, 1])
    return series.integ(lbnd=1)
