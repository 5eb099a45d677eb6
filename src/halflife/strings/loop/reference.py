"""The coupled system of field and ring markers, as plainly as it can be written.

The model is ours: the paper's abstract gives the claims, not the equations. Half plane
r_i = (i + ½)h, z_j = (j + ½)h, arrays [i, j]; φ₁ is even in z and φ₂ odd, so the half plane z > 0
stands for both. One value of the field weighs 4π r h² in the energy, both halves counted.

    H = Σ 4π r h² [½ v² + ½ (∇φ)² + ¼ (φ² − 1)²] + Σ_g E_g,
    E_g = √(q² + J²/x² + m̂² φ̄²),   φ̄ = Σ W(r − x, z) φ₁,   Σ W = 1.

Everything here is a whole-grid NumPy expression in float64, for the tests; `evolve.py` is the fast
twin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from halflife.strings.loop.markers import CUTOFF, SWEEPS

Array = NDArray[np.float64]


def laplacian(phi: Array, h: float) -> Array:
    """Flux-form Laplacian of phi (2, Nr, Nz); nothing flows through the outer edges."""
    out = np.zeros_like(phi)
    faces = np.arange(1, phi.shape[1]) * h  # r at i + ½
    r = (np.arange(phi.shape[1]) + 0.5) * h
    flux = faces[:, None] * (phi[:, 1:] - phi[:, :-1])
    out[:, :-1] += flux / r[:-1, None]
    out[:, 1:] -= flux / r[1:, None]
    rise = phi[:, :, 1:] - phi[:, :, :-1]
    out[:, :, :-1] += rise
    out[:, :, 1:] -= rise
    out[1, :, 0] -= 2 * phi[1, :, 0]  # φ₂ is odd: its mirror image lies at −φ₂
    return out / h**2


def force(phi: Array, h: float) -> Array:
    """Acceleration of the free field."""
    return np.asarray(laplacian(phi, h) - phi * ((phi**2).sum(axis=0) - 1))


def field_energy(phi: Array, v: Array, h: float) -> float:
    """Energy of the field in all space; its gradient is −4π r h² `force`."""
    r = (np.arange(phi.shape[1]) + 0.5) * h
    faces = np.arange(1, phi.shape[1]) * h
    cells = 0.5 * (v**2).sum(axis=0) + 0.25 * ((phi**2).sum(axis=0) - 1) ** 2
    total = np.sum(r[:, None] * cells)
    total += np.sum(faces[:, None] * (phi[:, 1:] - phi[:, :-1]) ** 2) / (2 * h**2)
    total += np.sum(r[:, None] * (phi[:, :, 1:] - phi[:, :, :-1]) ** 2) / (2 * h**2)
    total += np.sum(r * (2 * phi[1, :, 0]) ** 2) / (4 * h**2)  # half of this link is ours
    return float(4 * np.pi * h**2 * total)


def kernel(x: float, w: float, h: float, shape: tuple[int, int]) -> tuple[Array, Array]:
    """W on the grid, Σ W = 1, and its derivative by x, that of its normalisation included."""
    r = (np.arange(shape[0]) + 0.5)[:, None] * h
    z = (np.arange(shape[1]) + 0.5)[None, :] * h
    inside = (np.abs(r - x) < CUTOFF * w) & (z < CUTOFF * w)
    g = np.where(inside, np.exp(-((r - x) ** 2 + z**2) / (2 * w**2)), 0.0)
    slope = g * (r - x) / w**2
    total = g.sum()
    return g / total, slope / total - g * slope.sum() / total**2


@dataclass
class Ring:
    """One marker: radius x, radial momentum q, angular momentum J, mass m̂, width w."""

    x: float
    q: float
    J: float
    mh: float
    w: float

    def smeared(self, phi: Array, h: float, x: float) -> tuple[float, float]:
        """The smeared φ̄ at x, and its derivative by x."""
        W, slope = kernel(x, self.w, h, phi.shape[1:])
        return float(np.sum(W * phi[0])), float(np.sum(slope * phi[0]))

    def energy(self, phi: Array, h: float, x: float, q: float) -> float:
        """E_g."""
        bar, _ = self.smeared(phi, h, x)
        return float(np.sqrt(q**2 + (self.J / x) ** 2 + (self.mh * bar) ** 2))

    def pull(self, phi: Array, h: float, x: float, q: float) -> float:
        """−∂E_g/∂x."""
        bar, slope = self.smeared(phi, h, x)
        return (self.J**2 / x**3 - self.mh**2 * bar * slope) / self.energy(phi, h, x, q)

    def source(self, phi: Array, h: float, x: float, q: float) -> Array:
        """What the marker adds to the field's acceleration: −(∂E_g/∂φ₁)/(4π r h²)."""
        W, _ = kernel(x, self.w, h, phi.shape[1:])
        bar = float(np.sum(W * phi[0]))
        r = (np.arange(phi.shape[1]) + 0.5)[:, None] * h
        out = np.zeros_like(phi)
        strength = self.mh**2 * bar / self.energy(phi, h, x, q)
        out[0] = -strength * W / (4 * np.pi * r * h**2)
        return out


class SquareThenSmear(Ring):
    """The coupling that does not work, Σ W φ² for φ̄²: see docs/strings-traps.md.

    Such a marker costs energy in the middle of the core too, and pushes φ to 0 around itself,
    winding or none.
    """

    def _square(self, phi: Array, h: float, x: float) -> tuple[float, float]:
        W, slope = kernel(x, self.w, h, phi.shape[1:])
        square = (phi**2).sum(axis=0)
        return float(np.sum(W * square)), float(np.sum(slope * square))

    def energy(self, phi: Array, h: float, x: float, q: float) -> float:
        """E_g with Σ W φ²."""
        square, _ = self._square(phi, h, x)
        return float(np.sqrt(q**2 + (self.J / x) ** 2 + self.mh**2 * square))

    def pull(self, phi: Array, h: float, x: float, q: float) -> float:
        """−∂E_g/∂x."""
        _, slope = self._square(phi, h, x)
        return (self.J**2 / x**3 - self.mh**2 * slope / 2) / self.energy(phi, h, x, q)

    def source(self, phi: Array, h: float, x: float, q: float) -> Array:
        """−(∂E_g/∂φₐ)/(4π r h²), of both components."""
        W, _ = kernel(x, self.w, h, phi.shape[1:])
        r = (np.arange(phi.shape[1]) + 0.5)[:, None] * h
        return -(self.mh**2) / self.energy(phi, h, x, q) * phi * W / (4 * np.pi * r * h**2)


def step(phi: Array, v: Array, rings: list[Ring], eta: Array, h: float, dt: float) -> float:
    """One step of the generalised Störmer-Verlet scheme, in place; the energy that was absorbed.

    Half-kick implicit in q, kick of the field with that energy, drift of the field and (implicit)
    of the markers, explicit second half-kick. Second order, symplectic where eta is 0. `eta`
    (Nr, Nz) is the damping rate.
    """
    r = (np.arange(phi.shape[1]) + 0.5)[:, None] * h
    acceleration = force(phi, h)
    for ring in rings:
        q = ring.q
        for _ in range(SWEEPS):
            q = ring.q + dt / 2 * ring.pull(phi, h, ring.x, q)
        ring.q = q
        acceleration += ring.source(phi, h, ring.x, q)
    v += dt / 2 * acceleration
    kinetic = np.sum(2 * np.pi * r * h**2 * v**2)
    v *= np.exp(-eta * dt / 2)
    old = phi.copy()
    phi += dt * v
    v *= np.exp(-eta * dt / 2)
    absorbed = kinetic - np.sum(2 * np.pi * r * h**2 * v**2)
    acceleration = force(phi, h)
    for ring in rings:
        start, before = ring.x, ring.energy(old, h, ring.x, ring.q)
        x = start + dt * ring.q / before
        for _ in range(SWEEPS):
            after = ring.energy(phi, h, x, ring.q)
            x = start + dt / 2 * ring.q * (1 / before + 1 / after)
        ring.x = x
        acceleration += ring.source(phi, h, x, ring.q)
        ring.q += dt / 2 * ring.pull(phi, h, x, ring.q)
    v += dt / 2 * acceleration
    return float(absorbed)
