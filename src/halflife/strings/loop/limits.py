"""What a run of a loop asks for, checked at its start: room, time before an echo, and a step.

The model is ours: the paper's abstract gives the claims, not the equations. Shared by loops of
global string around an axis and in space, and by loops of local string. Knows nothing of fields.
"""

from __future__ import annotations

import math

import psutil

from halflife.arguments import number

MARGIN = 1.5
"""How much heavier than needed at the inner turning point carriers are by default."""
CAREFUL = 0.7
"""Largest share of the stability limit that a default step takes."""
CELL = 110
"""Bytes that a cell takes at most: at the start, where φ is computed in double precision."""


def room(box: float | None, *, least: float, causal: float) -> float:
    """Length of the box: `box` itself, or `causal`, from which nothing comes back, if it is None.

    Raises:
        ValueError: less than `least`.
    """
    length = max(causal, least) if box is None else number("box", box, "(0, inf)")
    if length < least:
        raise ValueError(
            f"box={length:g} leaves the loop no room; take at least {least:.4g}, or {causal:g} so "
            "that nothing comes back."
        )
    return length


def fits_memory(length: float, h: float) -> None:
    """Refuse a half plane that the memory has no room for.

    Raises:
        ValueError: it takes more than the machine has.
    """
    have = psutil.virtual_memory().total
    need = CELL * (length / h) ** 2
    if need > have:
        fits = math.sqrt(have / CELL) * h
        raise ValueError(
            f"box={length:g} at h={h:g} takes {need / 2**30:.3g} GiB, and this machine has "
            f"{have / 2**30:.3g}. Take box of at most {fits:.3g}, thus a smaller R0 or a shorter T."
        )


def echo(T: float, length: float, R0: float, sponge: float) -> str | None:
    """A sentence if what the box's edge reflects is back at a loop of radius R0 before T."""
    back = 2 * (length - sponge - R0)
    if back * (1 + 1e-9) >= T:
        return None
    return (
        f"T={T:g} is longer than 2 (box − R0) = {back:g}, the sponge left out: what the "
        f"edge reflects is back by then. Take box={R0 + T / 2 + sponge:g}, or look at "
        "`reflectivity`."
    )


def stiffness(J: float, mass: float, w: float, R: float, slope: float) -> float:
    """Square of the highest frequency of carriers and the field around them; 0 without carriers.

    A carrier of energy J/R in the core is drawn back to it with the frequency m̂ f′ R/J. It draws
    φ̄ to 0 in turn, with m̂ (Σ W²/(4π R h²) · R/J)^½ = m̂/√(8π² w² J), whatever R is. Both pull on
    the one φ̄, so the squares add; and to them that of the waves in a kernel, 2 + k² ≲ 2 + 2/w².

    Args:
        J: Angular momentum of all carriers.
        mass: m̂ of all of them.
        w: Width of their kernel.
        R: Largest radius of the loop.
        slope: f′ at the axis of a straight string.
    """
    if J == 0:
        return 0.0
    back = (slope * mass * R / J) ** 2
    return back + mass**2 / (8 * math.pi**2 * w**2 * J) + 2 + 2 / w**2


def time_step(
    dt: float | None, h: float, *, axes: int, stiffness: float = 0.0, usual: float = 0.4
) -> float:
    """The step: `dt` itself, or `usual` h, less where carriers are stiff, if it is None.

    A leapfrog is stable while ω dt < 2. The field alone has ω² up to 4 axes/h² + 2, in waves too
    short for the carriers to feel.

    Raises:
        ValueError: an unstable one.
    """
    limit = 2 / math.sqrt(max(4 * axes / h**2 + 2, stiffness))
    if dt is None:
        return min(usual * h, CAREFUL * limit)
    step = number("dt", dt, "(0, inf)")
    if step > limit:
        better = min(0.4 * h, CAREFUL * limit)
        raise ValueError(
            f"dt={step:g} is unstable; take less than {limit:.4g}, better {better:.3g}."
        )
    return step
