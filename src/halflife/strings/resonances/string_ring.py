"""Resonances of a fermion on a circular global string: escape of the zero mode, in four components.

The model is ours: the paper's abstract gives the claims, not the equations. With ψ → ψ/√r and
half-integer j, on the half plane (r, z),

    H = −i α_r ∂_r − i α_z ∂_z + α_φ j/r + β m (φ₁ + i γ₅ φ₂),

and its square has no doublers when it is put on a grid:

    H² = −∂_r² − ∂_z² + (j² − Σ_z j)/r² + m² φ² − i m Σ_k α_k β (∂_k φ₁ + i γ₅ ∂_k φ₂),  k = r, z.

With α_k = ρ₁ σ_k, γ₅ = ρ₁, β = ρ₃, turned about ρ₃ to be real, the last term is
−m Σ_k σ_k (ρ₁ ∂_k φ₁ + ρ₃ ∂_k φ₂). It commutes with z → −z times ρ₃ σ₃, of which the zero mode is
even: half of the half plane is enough. The loop's phase is half the solid angle of its disc, its
modulus the straight string's profile at the core times that at the mirror image of the core.

Waves that get out are absorbed by exterior complex scaling: in layers at the outer edge and at the
top the coordinate x becomes x + iS D t³, t the depth over the thickness D, so that outgoing waves
fall off without reflection. The resonance is the complex eigenvalue (E − iΓ/2)² near (j/R)² that
is localised at the core. Differences of fourth order, sparse LU at a shift, inverse iteration.
Each result is computed on two grids and with two layers, and what they differ by is its error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg
from threadpoolctl import threadpool_limits

from halflife.arguments import Array, number
from halflife.strings.loop.solid_angle import loop_phase
from halflife.strings.profile import profile

Complex = NDArray[Any]

STEP = 1e-3
"""Of the differences that give the field's gradient; their error is below 1e-11."""
CORE = 4.0
"""A state's weight is its share within this many 1/m of the core."""
LEAST_WEIGHT = 0.2
COARSER = 1.25
"""Spacing of the second grid over that of the first."""
SITES = 60_000
"""Most sites of a grid: the LU of four components each then takes a few GB."""


@dataclass(frozen=True)
class Grid:
    """A quarter of the plane through the loop's axis: r from `inner` to `outer`, z from 0.

    Attributes:
        spacing: Of the grid, in both directions.
        inner, outer, height: Where the wave function is set to 0.
        layer: Thickness D of the layers in which waves fall off.
        strength: S; an outgoing wave of number k is down by exp(−k S D) at the edge.
    """

    spacing: float
    inner: float
    outer: float
    height: float
    layer: float
    strength: float

    @property
    def r(self) -> Array:
        """Distances from the axis."""
        return np.arange(self.inner + self.spacing, self.outer - self.spacing / 4, self.spacing)

    @property
    def z(self) -> Array:
        """Heights, half a spacing off the plane of the loop."""
        return np.arange(self.spacing / 2, self.height - self.spacing / 4, self.spacing)


@dataclass(frozen=True)
class Resonance:
    """A zero mode on a loop, as a resonance.

    Attributes:
        energy, rate: Re E and Γ = −2 Im E.
        energy_error, rate_error: How far the coarser grid and the thicker layer are off, summed.
        weight: Share of |ψ|² within 4/m of the core: near 1 if it is bound, less the wider it is.
        density: |ψ|² on the grid, shape [sites in r, sites in z], its sum 1.
        grid: The finer grid.
    """

    energy: float
    rate: float
    energy_error: float
    rate_error: float
    weight: float
    density: Array
    grid: Grid


def string_ring(R: float, m: float, j: float, *, spacing: float | None = None) -> Resonance:
    """Energy and escape rate of a zero mode on a static loop of a global string.

    Args:
        R: Radius of the loop in 1/(√λ v), at least 5.
        m: Mass of the fermion in the bulk in √λ v, > 0.
        j: Its angular momentum 1/2, 3/2, …, above m R: below it nothing can escape.
        spacing: Of the finer grid; the smaller of 0.4/m and 0.6/k, if None, k² = (j/R)² − m².

    Returns:
        The resonance, in the same units, with an error from three solutions.

    Raises:
        ValueError: an argument is out of range, or the grid would be too large.
        ArithmeticError: near j/R nothing is localised, or no state stands out: the mode is no
            longer a resonance.
    """
    R, m = number("R", R, "[5, inf)"), number("m", m, "(0, inf)")
    j = number("j", j, "(0, inf)")
    if j % 1 != 0.5 or j <= m * R:
        raise ValueError(
            f"j={j:g}; pass a half-integer above m R = {m * R:g}: "
            "a mode of less energy than m cannot escape."
        )
    k = math.sqrt((j / R) ** 2 - m**2)
    h = min(0.4 / m, 0.6 / k) if spacing is None else number("spacing", spacing, "(0, inf)")
    if h > 1 / m or h > 1.5 / k:
        raise ValueError(f"spacing={h:g} resolves no wave here; at most {min(1 / m, 1.5 / k):.3g}.")
    grid = _grid(R, m, j, h, thick=1.0)
    with threadpool_limits(1):  # the blocks of the LU are too small for threads
        coarse, _ = _solve(R, m, j, _grid(R, m, j, COARSER * h, thick=1.0))
        thick, _ = _solve(R, m, j, _grid(R, m, j, COARSER * h, thick=1.5))
        energy, density = _solve(R, m, j, grid, near=coarse)
    r, z = np.meshgrid(grid.r, grid.z, indexing="ij")
    weight = float(density[np.hypot(r - R, z) < CORE / m].sum())
    if weight < LEAST_WEIGHT or energy.imag >= 0:
        raise ArithmeticError(
            f"Near E = j/R = {j / R:g} there is no state at the core (weight {weight:.2f}): "
            f"j={j:g} escapes at once at R={R:g}, m={m:g}."
        )
    parts = (energy - coarse, coarse - thick)
    return Resonance(
        energy=energy.real,
        rate=-2 * energy.imag,
        energy_error=sum(abs(p.real) for p in parts),
        rate_error=sum(2 * abs(p.imag) for p in parts),
        weight=weight,
        density=density,
        grid=grid,
    )


def _grid(R: float, m: float, j: float, spacing: float, thick: float) -> Grid:
    """A grid that ends a layer beyond where the centrifugal barrier does."""
    k = math.sqrt((j / R) ** 2 - m**2)
    layer = 9 * thick / k
    grid = Grid(
        spacing=spacing,
        inner=max(0.0, R - 8 / m),
        outer=j / k + 3 * thick / k + layer,
        height=6 * thick / m + layer,
        layer=layer,
        strength=10 / (k * layer),
    )
    sites = len(grid.r) * len(grid.z)
    if sites > SITES:
        raise ValueError(
            f"The grid would have {sites} sites, more than {SITES}; pass a larger spacing than "
            f"{spacing:.3g}, or take j farther above m R = {m * R:g}, where the barrier is thinner."
        )
    return grid


def field(r: Array, z: Array, R: float) -> tuple[Array, Array]:
    """φ₁ and φ₂ of a static loop of radius R, in units of v; the shape of `r` and `z`."""
    f = profile(1).f
    modulus = f(np.hypot(r - R, z)) * f(np.hypot(r + R, z))
    phase = loop_phase(r, z, R)
    return modulus * np.cos(phase), modulus * np.sin(phase)


def operator(R: float, m: float, j: float, grid: Grid) -> sparse.csc_matrix:
    """H² on the grid, on states even under the reflection; complex only in the layers.

    Rows are ordered by r, z and component; components by ρ₃ and σ₃: ++, +−, −+, −−.
    """
    h, r, z = grid.spacing, grid.r, grid.z
    at_r, at_z = np.meshgrid(r, z, indexing="ij")
    (r1, r2), (z1, z2) = (_slopes(at_r, at_z, R, *step) for step in ((STEP, 0.0), (0.0, STEP)))
    phi1, phi2 = field(at_r, at_z, R)
    in_r, in_z = _scaling(r, grid.outer, grid), _scaling(z, grid.height, grid)
    radius = np.broadcast_to(in_r[0][:, None], at_r.shape)
    one, x, y = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
    local = (
        (j**2 / radius**2 + m**2 * (phi1**2 + phi2**2), np.eye(4)),
        (-j / radius**2, np.kron(one, y)),
        (-m * r1, np.kron(x, x)),
        (-m * z1, np.kron(x, y)),
        (-m * r2, np.kron(y, x)),
        (-m * z2, np.kron(y, y)),
    )
    total: Any = sum(
        sparse.kron(sparse.diags_array(c.ravel().astype(complex)), matrix) for c, matrix in local
    )
    total = total - sparse.kron(
        sparse.kron(_second_derivative(h, in_r, 0), sparse.eye_array(len(z))), np.eye(4)
    )
    for parity, components in ((1, [1.0, 0, 0, 1]), (-1, [0.0, 1, 1, 0])):
        along = sparse.kron(sparse.eye_array(len(r)), _second_derivative(h, in_z, parity))
        total = total - sparse.kron(along, np.diag(components))
    return sparse.csc_matrix(total)


def _slopes(r: Array, z: Array, R: float, dr: float, dz: float) -> tuple[Array, Array]:
    """Derivatives of φ₁ and φ₂ along (dr, dz), whose length is `STEP`, of fourth order."""
    at = {s: field(r + s * dr, z + s * dz, R) for s in (1, -1, 2, -2)}
    one, two = ((8 * (at[1][a] - at[-1][a]) - (at[2][a] - at[-2][a])) / (12 * STEP) for a in (0, 1))
    return one, two


def _scaling(x: Array, end: float, grid: Grid) -> tuple[Complex, Complex, Complex]:
    """The complex coordinate, its first and its second derivative by x."""
    t = np.maximum(0, x - (end - grid.layer)) / grid.layer
    s = 1j * grid.strength
    return x + s * grid.layer * t**3, 1 + 3 * s * t**2, 6 * s * t / grid.layer


def _second_derivative(h: float, scaling: tuple[Complex, ...], parity: int) -> Any:
    """∂² by the complex coordinate of `_scaling`; a parity mirrors it before the start."""
    _, first, second = scaling
    n = len(first)
    matrices = []
    for stencil in (
        np.array([1.0, -8, 0, 8, -1]) / (12 * h),
        np.array([-1.0, 16, -30, 16, -1]) / (12 * h**2),
    ):
        diagonals: Any = [np.full(n, value) for value in stencil]
        rows: Any = sparse.diags_array(diagonals, offsets=[-2, -1, 0, 1, 2], shape=(n, n)).tolil()
        if parity:  # the point at −h/2 is the mirror of that at h/2
            rows[0, 0] += parity * stencil[1]
            rows[0, 1] += parity * stencil[0]
            rows[1, 0] += parity * stencil[0]
        matrices.append(rows.tocsr())
    slope, curve = matrices
    return sparse.diags_array(1 / first**2) @ curve - sparse.diags_array(second / first**3) @ slope


def _solve(
    R: float, m: float, j: float, grid: Grid, near: complex | None = None
) -> tuple[complex, Array]:
    """The complex E next to `near`, and |ψ|² on the grid."""
    near = j / R * (0.985 - 0.005j) if near is None else near
    matrix = operator(R, m, j, grid)
    # no pivots off the diagonal: the fill stays that of the symmetric ordering
    splu: Any = linalg.splu
    lu = splu(
        sparse.csc_matrix(matrix - sparse.diags_array(np.full(matrix.shape[0], near**2))),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    r, z = np.meshgrid(grid.r, grid.z, indexing="ij")
    state = np.kron(np.exp(-m * np.hypot(r - R, z)).ravel(), [1, 0, 0, 1]).astype(complex)
    found = 0j
    for _ in range(200):
        image = lu.solve(state)
        last, found = found, near**2 + np.vdot(state, state) / np.vdot(state, image)
        state = image / np.linalg.norm(image)
        if abs(found - last) < 1e-11 * abs(found):
            break
    else:
        if abs(found - last) > 1e-8 * abs(found):
            raise ArithmeticError(
                f"Near E = j/R = {j / R:g} no state stands out from its neighbours: j={j:g} "
                f"escapes at once at R={R:g}, m={m:g}."
            )
    density = (np.abs(state) ** 2).reshape(*r.shape, 4).sum(axis=-1)
    return complex(np.sqrt(found)), density
