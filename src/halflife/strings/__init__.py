"""Superconducting strings: a global string, its fermion zero modes, and whether a loop lasts.

The model is ours: the paper's abstract gives the claims, not the equations. Units: v = λ = 1,
lengths in 1/(√λ v); couplings appear as ratios, but for `vorton(lam, y, N)`.

- the straight string: `profile` (`profile.py`)
- thin loops: energy, vorton radius, breathing and its damping, many at once (`thin_loop.py`, with
  its integrators in `thin_loop_compiled.py` and, differentiable, `thin_loop_torch.py`)

Knows nothing of papers, experiments or pages. Names are loaded when first asked for, but for
those that are called as their module is.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from halflife.strings.profile import profile

if TYPE_CHECKING:
    from halflife.strings.profile import Profile
    from halflife.strings.thin_loop import (
        GLOBAL,
        RING_CONSTANT,
        Tension,
        ThinLoop,
        Trace,
        angular_momentum,
        breathing_frequency,
        chiral_loop,
        loop_energy,
        loop_force,
        quality_factor,
        radiation_efficiency,
        tension_log,
        vorton_radius,
    )

_HOME = {
    "GLOBAL": "thin_loop",
    "Profile": "profile",
    "RING_CONSTANT": "thin_loop",
    "Tension": "thin_loop",
    "ThinLoop": "thin_loop",
    "Trace": "thin_loop",
    "angular_momentum": "thin_loop",
    "breathing_frequency": "thin_loop",
    "chiral_loop": "thin_loop",
    "loop_energy": "thin_loop",
    "loop_force": "thin_loop",
    "quality_factor": "thin_loop",
    "radiation_efficiency": "thin_loop",
    "tension_log": "thin_loop",
    "vorton_radius": "thin_loop",
}

__all__ = [
    "GLOBAL",
    "RING_CONSTANT",
    "Profile",
    "Tension",
    "ThinLoop",
    "Trace",
    "angular_momentum",
    "breathing_frequency",
    "chiral_loop",
    "loop_energy",
    "loop_force",
    "profile",
    "quality_factor",
    "radiation_efficiency",
    "tension_log",
    "vorton_radius",
]


def __getattr__(name: str) -> Any:
    try:
        module = _HOME[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(f"{__name__}.{module}"), name)
