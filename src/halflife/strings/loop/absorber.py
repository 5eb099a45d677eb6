"""What takes radiation out of the box: a sponge, an edge that lets waves out, and how well.

The model is ours: the paper's abstract gives the claims, not the equations. Both are one damping
rate η of the field's velocity, v → v e^{−η dt}, so that what is taken is known exactly and the
energy book closes. In the sponge η rises as the square of the depth. At the edge η = 1/h in the
last cell of a reflecting boundary is the discrete form of φ̇ + ∂ₙφ = 0: a wave that meets it
head-on leaves; at an angle ϑ to the normal tan²(ϑ/2) of its amplitude comes back.

A thin sponge reflects: radiation of a breathing loop has a wavelength of 2π times the vorton's
radius. `reflectivity` measures it. Knows nothing of loops.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from halflife.arguments import number

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Absorber:
    """Damping near the outer edges.

    Attributes:
        width: Depth D of the sponge in core units; 0 is none.
        strength: η at its far end, η = strength (d/D)².
        open_edge: Whether the last cell lets waves out.

    Raises:
        ValueError: a negative width or strength, or a sponge that is all width and no strength.
    """

    width: float = 0.0
    strength: float = 0.0
    open_edge: bool = True

    def __post_init__(self) -> None:
        for name in ("width", "strength"):
            value = getattr(self, name)
            if not isinstance(value, Real) or not 0 <= float(value) < math.inf:
                raise ValueError(f"{name}={value}; pass a finite number that is not negative")
            object.__setattr__(self, name, float(value))  # a checkpoint keeps it as JSON
        if (self.width > 0) != (self.strength > 0):
            raise ValueError(
                f"width={self.width:g} with strength={self.strength:g}: a sponge wants both; "
                "strength=6/width takes all but e⁻⁴ of a wave there and back"
            )

    @classmethod
    def sponge(cls, width: float, *, open_edge: bool = True) -> Absorber:
        """A sponge that takes all but e⁻⁴ of a short wave's energy there and back: η = 6/width."""
        return cls(width, 6 / width if width > 0 else 0.0, open_edge)

    def rates(self, cells: int, h: float, *, axis: bool = False) -> Array:
        """η of the cells along one axis, the outer end last, float64 of shape (cells,).

        Args:
            cells: How many.
            h: Spacing.
            axis: Whether the cells are distances from an axis of symmetry, which makes the edge
                a little larger than the cell behind it.
        """
        place = (np.arange(cells) + 0.5) * h
        rates = np.zeros(cells)
        if self.width > 0:
            depth = np.clip(place - (cells * h - self.width), 0, None) / self.width
            rates += self.strength * depth**2
        if self.open_edge:
            rates[-1] += (cells * h / place[-1] if axis else 1.0) / h
        return rates


def reflectivity(
    absorber: Absorber, wavelengths: ArrayLike, *, h: float = 0.5, dt: float | None = None
) -> Array:
    """Send a pulse of massless waves into the absorber and see what comes back.

    The field is one-dimensional and small, the equation of the Goldstone mode, the steps those of
    the evolution. One short pulse holds all wavelengths; a probe records it on its way in and on
    its way out, and the ratio of the two spectra is the reflected fraction.

    Args:
        absorber: What stands at the end.
        wavelengths: In core units, each at least 8 h.
        h: Spacing, > 0.
        dt: Step, > 0 and below h; 0.4 h if left out.

    Returns:
        Reflected fraction of the energy at each wavelength, float64 of the shape of `wavelengths`.
        Values below ~1e-12 are round-off.

    Raises:
        ValueError: a wavelength is shorter than 8 h, or a step is not below h: it is unstable.
    """
    h = number("h", h, "(0, inf)")
    dt = 0.4 * h if dt is None else number("dt", dt, f"(0, {h})", "A longer step is unstable.")
    waves = np.asarray(wavelengths, float)
    if waves.size == 0 or not np.all(np.isfinite(waves) & (waves >= 8 * h)):
        raise ValueError(f"wavelengths={waves}; each must be at least 8 h = {8 * h:g}")
    short, long = float(waves.min()), float(waves.max())
    pulse = short / 4  # its spectrum still holds e⁻² of its height at the shortest wave
    room = max(3 * long + 18 * pulse, 2 * absorber.width)
    cells = int(np.ceil((2 * room + absorber.width) / h))
    x = (np.arange(cells) + 0.5) * h
    keep = np.exp(-absorber.rates(cells, h) * dt / 2)
    # d'Alembert: a pulse that moves to the right has u(x, t) = g(x − t); v is half a step early.
    start = 9 * pulse

    def shape(t: float) -> Array:
        return np.asarray(np.exp(-((x - start - t) ** 2) / (2 * pulse**2)))

    u = shape(0.0)
    v = (shape(0.0) - shape(-dt)) / dt
    probe = int(room / h)  # the pulse has passed it wholly before its echo is there
    steps = int(np.ceil((4 * room + 2 * absorber.width - start) / dt))
    record = np.empty(steps)
    lap = np.empty(cells)
    for n in range(steps):
        lap[1:-1] = u[2:] - 2 * u[1:-1] + u[:-2]
        lap[0], lap[-1] = u[1] - u[0], u[-2] - u[-1]
        v *= keep
        v += dt / h**2 * lap
        v *= keep
        u += dt * v
        record[n] = u[probe]
    passed = int((2 * room - start) / dt)  # short waves lag: half-way between pulse and echo
    time = (np.arange(steps) + 1) * dt
    # The wave on the grid that is as long as asked for has this frequency.
    frequency = 2 / dt * np.arcsin(dt / h * np.sin(np.pi * h / waves))
    phases = np.exp(1j * np.multiply.outer(frequency, time))
    going = phases[..., :passed] @ record[:passed]
    coming = phases[..., passed:] @ record[passed:]
    return np.asarray(np.abs(coming / going) ** 2)
