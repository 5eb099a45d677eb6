"""The steps of `reference.py` as compiled loops, with velocities half a step behind.

The model is ours: the paper's abstract gives the claims, not the equations. The second half of one
step's kick and the first of the next are one sweep. The rotations of a row's links are worked out
once and serve both of their ends.
"""

from __future__ import annotations

import numpy as np

from halflife.compiled import kept
from halflife.strings.local import profile
from halflife.strings.local.reference import Marker, State
from halflife.strings.loop import markers
from halflife.strings.loop.markers import CUTOFF, SWEEPS, smear

CHARGE = profile.CHARGE

_compiled = kept(markers, profile, error_model="numpy")


class Stepper:
    """A state and its marker on a grid of spacing h, moved on by dt at a time.

    Args:
        state: At rest or with velocities of its own time; it is changed in place.
        marker: J = 0 is none.
    """

    def __init__(self, state: State, marker: Marker, h: float, dt: float) -> None:
        self.state, self.marker, self.h, self.dt = state, marker, h, dt
        self.steps = 0

    @property
    def time(self) -> float:
        """The present time."""
        return self.steps * self.dt

    @property
    def leaves(self) -> bool:
        """Whether the marker's kernel will reach beyond the grid in a step."""
        reach = CUTOFF * self.marker.w + 4 * self.h
        return bool(self.marker.J and self.state.x + reach > len(self.state.phi) * self.h)

    def step(self) -> None:
        """Move on by dt; the velocities stay half a step behind from then on."""
        s, m, h, dt = self.state, self.marker, self.h, self.dt
        _kick(s.phi, s.a_r, s.a_z, s.pi, s.e_r, s.e_z, dt if self.steps else dt / 2, h)
        bar = 0.0
        if m.J:
            s.q, bar = _open(s.phi, s.a_z, s.pi, s.e_z, s.x, s.q, m.J, m.mh, m.w, h, dt)
        _drift(s.phi, s.a_r, s.a_z, s.pi, s.e_r, s.e_z, dt)
        if m.J:
            s.x, s.q = _close(s.phi, s.a_z, s.pi, s.e_z, s.x, s.q, bar, m.J, m.mh, m.w, h, dt)
        self.steps += 1

    def whole(self) -> State:
        """A copy with all velocities of the present time."""
        now = self.state.copy()
        if self.steps:
            _kick(now.phi, now.a_r, now.a_z, now.pi, now.e_r, now.e_z, self.dt / 2, self.h)
        return now


@_compiled
def _turn(angle):  # type: ignore[no-untyped-def]
    return complex(np.cos(angle), np.sin(angle))


@_compiled
def _kick(phi, a_r, a_z, pi, e_r, e_z, dt, h):  # type: ignore[no-untyped-def]
    rows, columns = phi.shape
    angle, current, c = CHARGE * h, CHARGE / h * dt, dt / h**2
    inward = np.zeros(columns, np.complex128)  # U of the links from the row before
    outward = np.zeros(columns, np.complex128)
    up = np.zeros(columns, np.complex128)
    for i in range(rows):
        r = i + 0.5
        out, back = (i + 1) / r, i / r
        last = i == rows - 1
        for j in range(columns):
            up[j] = _turn(-angle * a_z[i, j])
            outward[j] = _turn(-angle * a_r[i, j])
        for j in range(columns):
            here = phi[i, j]
            pull = -dt * here * (here.real**2 + here.imag**2 - 1) + 0j
            if not last:
                hop = outward[j] * phi[i + 1, j]
                pull += c * out * (hop - here)
                if j > 0:
                    field = a_r[i, j - 1] + a_z[i + 1, j - 1] - a_r[i, j] - a_z[i, j - 1]
                    rise = -field
                    if j < columns - 1:
                        rise += a_r[i, j] + a_z[i + 1, j] - a_r[i, j + 1] - a_z[i, j]
                    e_r[i, j] += current * (np.conj(here) * hop).imag - c * rise
            if i > 0:
                pull += c * back * (np.conj(inward[j]) * phi[i - 1, j] - here)
            if j < columns - 1:
                hop = up[j] * phi[i, j + 1]
                rise = 0.0
                if not last:
                    rise += out * (a_r[i, j] + a_z[i + 1, j] - a_r[i, j + 1] - a_z[i, j])
                if i > 0:
                    rise -= back * (a_r[i - 1, j] + a_z[i, j] - a_r[i - 1, j + 1] - a_z[i - 1, j])
                e_z[i, j] += current * (np.conj(here) * hop).imag + c * rise
                pull += c * (hop - here) * (1 if j else 2)
            if j > 0:
                pull += c * (np.conj(up[j - 1]) * phi[i, j - 1] - here)
                pi[i, j] += pull
            else:
                pi[i, j] += pull.real
        for j in range(columns):
            inward[j] = outward[j]


@_compiled
def _drift(phi, a_r, a_z, pi, e_r, e_z, dt):  # type: ignore[no-untyped-def]
    for i in range(phi.shape[0]):
        for j in range(phi.shape[1]):
            phi[i, j] += dt * pi[i, j]
            a_r[i, j] += dt * e_r[i, j]
            a_z[i, j] += dt * e_z[i, j]


@_compiled
def _along(columns, w, h):  # type: ignore[no-untyped-def]
    """The kernel along z, both halves counted."""
    weights = np.zeros(columns)
    for j in range(columns):
        if j * h < CUTOFF * w:
            weights[j] = np.exp(-((j * h) ** 2) / (2 * w**2)) * (2 if j else 1)
    return weights / weights.sum()


@_compiled
def _column(phi, a_z, first, last, along, h):  # type: ignore[no-untyped-def]
    """Re φ̃ smeared over z, of rows from `first` to `last`."""
    out = np.zeros(last - first)
    for i in range(first, last):
        angle = 0.0
        for j in range(along.shape[0]):
            out[i - first] += along[j] * (_turn(-angle) * phi[i, j]).real
            angle += CHARGE * h * a_z[i, j]
    return out


@_compiled
def _push(phi, a_z, pi, e_z, x, w, h, along, strength):  # type: ignore[no-untyped-def]
    """Add to the velocities what a marker gives them, `strength` being m̂² φ̄/E times the time."""
    rows = phi.shape[0]
    across = np.zeros(rows)
    for i in range(rows):
        d = (i + 0.5) * h - x
        if abs(d) < CUTOFF * w:
            across[i] = np.exp(-(d**2) / (2 * w**2))
    total = across.sum()
    count = along.shape[0]
    for i in range(rows):
        if across[i] > 0:
            unit = strength * across[i] / total / (4 * np.pi * (i + 0.5) * h**3)
            angle = 0.0
            above = 0.0
            for j in range(count):
                turn = _turn(angle)
                pi[i, j] -= unit * along[j] * turn * (1 if j else 2)
                above += along[j] * (np.conj(turn) * phi[i, j]).imag
                angle += CHARGE * h * a_z[i, j]
            angle = 0.0
            for j in range(count - 1):
                above -= along[j] * (_turn(-angle) * phi[i, j]).imag
                e_z[i, j] -= unit * CHARGE * h * above
                angle += CHARGE * h * a_z[i, j]


@_compiled
def _patch(phi, x, w, h):  # type: ignore[no-untyped-def]
    reach = CUTOFF * w + 4 * h
    first = max(0, int((x - reach) / h))
    last = min(phi.shape[0], int((x + reach) / h) + 1)
    return first, last, _along(min(phi.shape[1], int(np.ceil(CUTOFF * w / h)) + 1), w, h)


@_compiled
def _open(phi, a_z, pi, e_z, x, q, J, mh, w, h, dt):  # type: ignore[no-untyped-def]
    first, last, along = _patch(phi, x, w, h)
    bar, slope = smear(_column(phi, a_z, first, last, along, h), first, x, w, h)
    rest = (J / x) ** 2 + (mh * bar) ** 2
    push = dt / 2 * (J**2 / x**3 - mh**2 * bar * slope)
    momentum = q
    for _ in range(SWEEPS):
        momentum = q + push / np.sqrt(momentum**2 + rest)
    _push(phi, a_z, pi, e_z, x, w, h, along, dt / 2 * mh**2 * bar / np.sqrt(momentum**2 + rest))
    return momentum, bar


@_compiled
def _close(phi, a_z, pi, e_z, x, q, bar, J, mh, w, h, dt):  # type: ignore[no-untyped-def]
    first, last, along = _patch(phi, x, w, h)
    column = _column(phi, a_z, first, last, along, h)
    before = np.sqrt(q**2 + (J / x) ** 2 + (mh * bar) ** 2)
    place = x + dt * q / before
    for _ in range(SWEEPS):
        now, _slope = smear(column, first, place, w, h)
        after = np.sqrt(q**2 + (J / place) ** 2 + (mh * now) ** 2)
        place = x + dt / 2 * q * (1 / before + 1 / after)
    now, slope = smear(column, first, place, w, h)
    after = np.sqrt(q**2 + (J / place) ** 2 + (mh * now) ** 2)
    _push(phi, a_z, pi, e_z, place, w, h, along, dt / 2 * mh**2 * now / after)
    return place, q + dt / 2 * (J**2 / place**3 - mh**2 * now * slope) / after
