"""The straight string: its profile f, and what it costs per length.

The model is ours: the paper's abstract gives the claims, not the equations. It is the textbook's
global string, φ₁ + iφ₂ = f(x) e^{inθ}, with

    f″ + f′/x − n² f/x² + f (1 − f²) = 0,    f(0) = 0,  f(∞) = 1,

x in units of 1/(√λ v). Near the axis f = c_n xⁿ (1 − x²/(4(n + 1)) + …), far from it
f = 1 − n²/(2x²) − n²(8 + n²)/(8x⁴) + …: a global string has no exponential tail.

Both ends are power series in x², so the solver works on u = x²/(x² + n²), which maps the whole
half line onto [0, 1], and on η, with f = u^{n/2} e^η: η is smooth up to and including both ends,
where the equation itself is the boundary condition. Chebyshev collocation and Newton's method
then give thirteen digits in some hundredths of a second, for any winding. Knows nothing of
fermions and loops.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike
from scipy.interpolate import BPoly, PPoly
from scipy.optimize import minimize_scalar

from halflife.arguments import Array, whole

DEGREE = 160
"""Degree of the Chebyshev polynomial: its last coefficients are at round-off for n ≤ 30."""
PIECES = 512
"""Quintic pieces of the table that it is evaluated from."""
LARGEST_WINDING = 50
"""At n = 50 eleven digits are left; strings of |n| > 1 fall apart into strings of 1 anyhow."""


@dataclass(frozen=True, eq=False)
class Profile:
    """The profile of a straight global string. Made by `profile`.

    Lengths are in 1/(√λ v), energies per length in v².

    Attributes:
        n: The winding.
        slope: c_n, with f → c_n xⁿ at the axis. For n = 1 it is 0.583189495860.
        energy_constant: c₀, with energy per length → π (n² ln X + c₀) inside a large radius X.
        steepest: Largest f f′, and the x where it is; it bounds the centripetal force that the
            string can give a heavy fermion.
    """

    n: int
    slope: float
    energy_constant: float
    steepest: tuple[float, float]
    _h: PPoly
    _slope_of_h: PPoly
    _energy: PPoly
    _virial: PPoly

    def f(self, x: ArrayLike) -> Array:
        """The modulus at distance `x` from the axis, shape of `x`, float64.

        Any x from 0 to infinity; a negative one is taken across the axis, f(−x) = (−1)ⁿ f(x).
        """
        r, u, _ = self._map(x)
        return np.asarray(r**self.n * self._h(u))[()]

    def df(self, x: ArrayLike) -> Array:
        """The derivative df/dx at `x`, shape of `x`, float64."""
        r, u, v = self._map(x)
        inner = 2 * u * self._slope_of_h(u) + self.n * self._h(u)
        return np.asarray(r ** (self.n - 1) * v**1.5 / self.n * inner)[()]

    def energy_per_length(self, X: ArrayLike) -> Array:
        """Energy per length within radius `X`, in v²; grows as π n² ln X for ever."""
        _, u, _ = self._map(X)
        logarithm = self.n**2 * np.log(np.hypot(X, self.n) / self.n)
        return np.asarray(np.pi * (logarithm + self._energy(u)))[()]

    def virial(self, X: ArrayLike) -> Array:
        """∫₀^X x (1 − f²)² dx, which tends to n² by Derrick's scaling argument."""
        _, u, _ = self._map(X)
        return np.asarray(self._virial(u))[()]

    def _map(self, x: ArrayLike) -> tuple[Array, Array, Array]:
        """Return x/√(x² + n²), its square u, and 1 − u without cancellation."""
        x = np.asarray(x, dtype=np.float64)
        with np.errstate(divide="ignore", over="ignore"):  # x = 0 and infinity have limits
            t = self.n / x
            s = 1 + t * t
            v = 1 / (1 + 1 / (t * t))
        return np.copysign(1 / np.sqrt(s), x), 1 / s, v

    def __repr__(self) -> str:
        return f"Profile(n={self.n}, slope={self.slope:.12g})"


@cache
def profile(n: int = 1) -> Profile:
    """Solve for the profile of a straight string of winding `n`; the same object each time.

    Source: the static field equation of a complex scalar with a quartic potential; ours, and the
    textbooks'.

    Raises:
        ValueError: `n` is no whole number from 1 to 50.

    >>> one = profile(1)
    >>> round(one.slope, 9), round(float(one.f(1.0)), 6)
    (0.583189496, 0.520052)
    >>> round(float(one.virial(1e6)), 9)  # n²
    1.0
    """
    n = whole("n", n, 1, LARGEST_WINDING, "An antistring has the same profile as a string.")
    node, D = _collocation(DEGREE)
    u = (1 + node) / 2
    v = 1 - u
    D = 2 * D
    eta = _solve(n, u, D)
    slope_of_eta = D @ eta
    f2 = u**n * np.exp(2 * eta)

    # (1 − f²)/(1 − u), and (f² − u)/(u (1 − u)) by whichever form does not cancel.
    deficit = np.ones_like(u)  # its limit at infinity
    deficit[1:] = (1 - f2[1:]) / v[1:]
    near = u < 0.5
    excess = np.empty_like(u)
    excess[~near] = (1 - deficit[~near]) / u[~near]
    excess[near] = (u[near] ** (n - 1) * np.exp(2 * eta[near]) - 1) / v[near]
    radial = u ** (n - 1) * np.exp(2 * eta) * v * (2 * u * slope_of_eta + n) ** 2
    potential = n**2 * deficit**2 / 2
    energy = _coefficients(node, (radial + n**2 * excess + potential) / 2)

    h = _table(_coefficients(node, np.exp(eta)))
    rest = _table(_integral(energy))
    found = Profile(
        n=n,
        slope=float(np.exp(eta[-1] - n * np.log(n))),
        energy_constant=float(rest(1.0)) - n**2 * float(np.log(n)),
        steepest=(0.0, 0.0),
        _h=h,
        _slope_of_h=h.derivative(),
        _energy=rest,
        _virial=_table(_integral(_coefficients(node, potential))),
    )
    steep = minimize_scalar(
        lambda x: -float(found.f(x) * found.df(x)),
        bounds=(0.5 * n, 2.0 * n),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return replace(found, steepest=(-float(steep.fun), float(steep.x)))


def _solve(n: int, u: Array, D: Array) -> Array:
    """Newton's method for η at the Chebyshev points `u`; `D` differentiates by u there.

    With f = u^{n/2} e^η and x² = n² u/(1 − u) the field equation, times 1 − u over u, is
    4u v³ (η″ + η′²) + (4v² (1 − 2u) + 4n v³) η′ − v (n² (2 − u) + 2n v) + n² − n² f² = 0 with
    v = 1 − u. No boundary condition is missing: at u = 0 and 1 it holds the regular solution.
    """
    v = 1 - u
    second = 4 * u * v**3
    first = 4 * v**2 * (1 - 2 * u) + 4 * n * v**3
    zeroth = n**2 - v * (n**2 * (2 - u) + 2 * n * v)
    linear = second[:, None] * (D @ D) + first[:, None] * D
    eta = np.zeros_like(u)
    for _ in range(100):
        slope = D @ eta
        mass = n**2 * u**n * np.exp(2 * eta)
        residual = linear @ eta + second * slope**2 + zeroth - mass
        jacobian = linear + (2 * second * slope)[:, None] * D - np.diag(2 * mass)
        step = np.linalg.solve(jacobian, residual)
        largest = float(np.abs(step).max())
        eta -= step * min(1.0, 1.0 / largest if largest else 1.0)
        if largest < 1e-10:  # quadratic convergence: what is left is round-off
            return eta
    raise ArithmeticError(f"Newton's method did not converge for winding {n}.")


def _collocation(degree: int) -> tuple[Array, Array]:
    """Return Chebyshev points from 1 down to −1, and the matrix that differentiates there."""
    k = np.arange(degree + 1)
    node = np.cos(np.pi * k / degree)
    weight = (-1.0) ** k
    weight[[0, -1]] *= 2
    gap = node[:, None] - node + np.eye(degree + 1)
    D = np.outer(weight, 1 / weight) / gap
    return node, D - np.diag(D.sum(axis=1))


def _coefficients(node: Array, values: Array) -> Array:
    """Chebyshev coefficients of the polynomial through `values` at the points `node`."""
    vander = chebyshev.chebvander(node, len(node) - 1)
    return np.asarray(np.linalg.solve(vander, values), dtype=np.float64)


def _integral(coefficients: Array) -> Array:
    """The integral over u from 0 of a Chebyshev series in 2u − 1."""
    return np.asarray(chebyshev.chebint(coefficients, scl=0.5, lbnd=-1), dtype=np.float64)


def _table(coefficients: Array) -> PPoly:
    """The polynomial of u in [0, 1] as pieces, which are quicker to evaluate."""
    u = np.linspace(0, 1, PIECES + 1)
    parts = (chebyshev.chebder(coefficients, m, scl=2) for m in range(3))
    values = np.stack([chebyshev.chebval(2 * u - 1, part) for part in parts], axis=1)
    return PPoly.from_bernstein_basis(BPoly.from_derivatives(u, values))
