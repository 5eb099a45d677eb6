"""The Abelian Higgs model around an axis, with a ring marker, as plainly as it can be written.

The model is ours: the paper's abstract gives the claims, not the equations. Temporal gauge. φ and
its velocity stand on points r_i = (i + ½)h, z_j = j h, j ≥ 0; A_r and A_z, with electric fields E =
dA/dt, on the links that leave a point outwards and upwards. Arrays [i, j]; the last link along its
own axis is not there and stays 0. The mirror image of a loop in the plane z = 0 is φ*, so φ is
real on row 0 and A_r is 0 there. With Dφ = (e^{−ieh A} φ′ − φ)/h along a link and B the sum of A
around a face over h,

    H = Σ 4π r h² [½|φ̇|² + ¼(|φ|² − 1)²  +  ½E² + ½|Dφ|²  +  ½B²]  + E_p,

r that of the point, the link or the face, and half as much for points and links of row 0.

    E_p = √(q² + J²/x² + m̂² φ̄²),   φ̄ = Σ W(r − x, z) Re φ̃,

where φ̃ is φ carried down to the plane along the links of A_z: there A_r = 0, and φ̄ is invariant
under the gauge transformations that are left, those which are 0 on the plane.

Everything here is a whole-grid NumPy expression, for the tests; `lattice.py` is the fast twin.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from halflife.strings.local.profile import CHARGE
from halflife.strings.loop.markers import CUTOFF, SWEEPS

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass
class State:
    """φ, A_r, A_z, their velocities, and the marker's place and momentum."""

    phi: Complex
    a_r: Array
    a_z: Array
    pi: Complex
    e_r: Array
    e_z: Array
    x: float = 0.0
    q: float = 0.0

    def copy(self) -> State:
        """A copy that shares nothing."""
        return deepcopy(self)


@dataclass(frozen=True)
class Marker:
    """What of the marker stays: J, m̂ and w; J = 0 is none."""

    J: float = 0.0
    mh: float = 0.0
    w: float = 1.0


def weights(shape: tuple[int, int], h: float) -> tuple[Array, Array, Array, Array]:
    """Of points, links along r, links along z, and faces; 0 where there is none."""
    r = (np.arange(shape[0]) + 0.5)[:, None] * h
    point = np.broadcast_to(4 * np.pi * r * h**2, shape).copy()
    out = np.broadcast_to(4 * np.pi * (r + h / 2) * h**2, shape).copy()
    up, face = point.copy(), out.copy()
    point[:, 0] /= 2
    out[:, 0] /= 2
    out[-1] = 0
    up[:, -1] = 0
    face[-1] = 0
    face[:, -1] = 0
    return point, out, up, face


def _hops(s: State, h: float) -> tuple[Complex, Complex]:
    """φ of the next point, carried back along the link; 0 where there is no link."""
    out, up = np.zeros_like(s.phi), np.zeros_like(s.phi)
    out[:-1] = np.exp(-1j * CHARGE * h * s.a_r[:-1]) * s.phi[1:]
    up[:, :-1] = np.exp(-1j * CHARGE * h * s.a_z[:, :-1]) * s.phi[:, 1:]
    return out, up


def magnetic(s: State, h: float) -> Array:
    """B of each face; 0 where there is none."""
    b = np.zeros_like(s.a_r)
    b[:-1, :-1] = s.a_r[:-1, :-1] + s.a_z[1:, :-1] - s.a_r[:-1, 1:] - s.a_z[:-1, :-1]
    return b / h


def field_energy(s: State, h: float) -> tuple[float, float, float]:
    """Kinetic (with E²), gradient (with B²) and potential energy in all space."""
    point, out, up, face = weights(s.phi.shape, h)
    hop_r, hop_z = _hops(s, h)
    kinetic = (point * abs(s.pi) ** 2 + out * s.e_r**2 + up * s.e_z**2).sum() / 2
    gradient = (out * abs(hop_r - s.phi) ** 2 + up * abs(hop_z - s.phi) ** 2).sum() / (2 * h**2)
    gradient += (face * magnetic(s, h) ** 2).sum() / 2
    potential = (point * (abs(s.phi) ** 2 - 1) ** 2).sum() / 4
    return float(kinetic), float(gradient), float(potential)


def force(s: State, h: float) -> tuple[Complex, Array, Array]:
    """Accelerations of φ, A_r and A_z."""
    point, out, up, face = weights(s.phi.shape, h)
    hop_r, hop_z = _hops(s, h)
    pull = -point * s.phi * (abs(s.phi) ** 2 - 1)
    for hop, weight, a, axis in ((hop_r, out, s.a_r, 0), (hop_z, up, s.a_z, 1)):
        pull = pull + weight * (hop - s.phi) / h**2
        back = weight * (np.exp(1j * CHARGE * h * a) * s.phi) / h**2
        here = np.moveaxis(pull, axis, 0)
        here[1:] += np.moveaxis(back, axis, 0)[:-1]
        here[1:] -= np.moveaxis(weight, axis, 0)[:-1] * np.moveaxis(s.phi, axis, 0)[1:] / h**2
    pull /= point
    pull[:, 0] = pull[:, 0].real
    b = face * magnetic(s, h) / h
    pull_r = CHARGE / h * out * (s.phi.conj() * hop_r).imag - b
    pull_r[:, 1:] += b[:, :-1]
    pull_z = CHARGE / h * up * (s.phi.conj() * hop_z).imag + b
    pull_z[1:] -= b[:-1]
    pull_r = np.divide(pull_r, out, out=np.zeros_like(b), where=out > 0)
    pull_r[:, 0] = 0
    return pull, pull_r, np.divide(pull_z, up, out=np.zeros_like(b), where=up > 0)


def gauss(s: State, h: float) -> Array:
    """The charge that generates gauge transformations, per point; 0 by Gauss's law.

    Row 0 has none: gauge transformations leave it alone.
    """
    point, out, up, _ = weights(s.phi.shape, h)
    flow_r, flow_z = out * s.e_r / (CHARGE * h), up * s.e_z / (CHARGE * h)
    total = point * (s.phi.conj() * s.pi).imag - flow_r - flow_z
    total[1:] += flow_r[:-1]
    total[:, 1:] += flow_z[:, :-1]
    total[:, 0] = 0
    return np.asarray(total)


def kernel(x: float, w: float, h: float, shape: tuple[int, int]) -> tuple[Array, Array]:
    """W on the upper half, both halves counted, Σ W = 1; and its derivative by x."""
    d = (np.arange(shape[0]) + 0.5) * h - x
    z = np.arange(shape[1]) * h
    across = np.where(np.abs(d) < CUTOFF * w, np.exp(-(d**2) / (2 * w**2)), 0.0)
    along = np.where(z < CUTOFF * w, np.exp(-(z**2) / (2 * w**2)), 0.0) * np.where(z > 0, 2, 1)
    along /= along.sum()
    slope, total = across * d / w**2, across.sum()
    change = slope / total - across * slope.sum() / total**2
    return np.outer(across / total, along), np.outer(change, along)


def carried(s: State, h: float) -> Complex:
    """φ̃: φ carried down to the plane."""
    angle = np.zeros_like(s.a_z)
    angle[:, 1:] = CHARGE * h * np.cumsum(s.a_z[:, :-1], axis=1)
    return np.asarray(np.exp(-1j * angle) * s.phi)


def smeared(s: State, m: Marker, h: float, x: float) -> tuple[float, float]:
    """φ̄ at x, and its derivative by x."""
    W, change = kernel(x, m.w, h, s.phi.shape)
    real = carried(s, h).real
    return float((W * real).sum()), float((change * real).sum())


def marker_energy(s: State, m: Marker, h: float, x: float | None = None) -> float:
    """E_p, at the state's own x if none is given; 0 without a current."""
    if m.J == 0:
        return 0.0
    x = s.x if x is None else x
    bar, _ = smeared(s, m, h, x)
    return float(np.sqrt(s.q**2 + (m.J / x) ** 2 + (m.mh * bar) ** 2))


def marker_force(s: State, m: Marker, h: float) -> tuple[float, Complex, Array]:
    """Force on the marker, and the accelerations of φ and A_z that it causes."""
    bar, slope = smeared(s, m, h, s.x)
    E = marker_energy(s, m, h)
    W, _ = kernel(s.x, m.w, h, s.phi.shape)
    point, _, up, _ = weights(s.phi.shape, h)
    strength = m.mh**2 * bar / E
    tilde = carried(s, h)
    turn = np.divide(tilde, s.phi, out=np.ones_like(tilde), where=s.phi != 0).conj()
    above = np.zeros_like(s.a_z)  # Σ over the points above a link
    above[:, :-1] = np.cumsum((W * tilde.imag)[:, ::-1], axis=1)[:, ::-1][:, 1:]
    back = -strength * CHARGE * h * np.divide(above, up, out=np.zeros_like(above), where=up > 0)
    pull = np.asarray(-strength * W / point * turn, dtype=np.complex128)
    return (m.J**2 / s.x**3 - m.mh**2 * bar * slope) / E, pull, back


def step(s: State, m: Marker, h: float, dt: float) -> None:
    """One step of the generalised Störmer-Verlet scheme, in place, as `loop/reference.py`'s."""

    def kick() -> None:
        pull, pull_r, pull_z = force(s, h)
        if m.J:
            _, more, more_z = marker_force(s, m, h)
            pull, pull_z = pull + more, pull_z + more_z
        s.pi += dt / 2 * pull
        s.e_r += dt / 2 * pull_r
        s.e_z += dt / 2 * pull_z

    if m.J:
        q = s.q
        for _ in range(SWEEPS):
            s.q = q + dt / 2 * marker_force(s, m, h)[0]
    kick()
    before = marker_energy(s, m, h)
    s.phi += dt * s.pi
    s.a_r += dt * s.e_r
    s.a_z += dt * s.e_z
    if m.J:
        start, x = s.x, s.x + dt * s.q / before
        for _ in range(SWEEPS):
            x = start + dt / 2 * s.q * (1 / before + 1 / marker_energy(s, m, h, x))
        s.x = x
    kick()
    if m.J:
        s.q += dt / 2 * marker_force(s, m, h)[0]
