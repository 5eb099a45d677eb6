"""Superconducting strings: a global string, its fermion zero modes, and whether a loop lasts.

The model is ours: the paper's abstract gives the claims, not the equations. Units: v = λ = 1,
lengths in 1/(√λ v); couplings appear as ratios, but for `vorton(lam, y, N)`.

- the straight string: `profile` (`profile.py`)
- thin loops: energy, vorton radius, breathing and its damping, many at once (`thin_loop.py`, with
  its integrators in `thin_loop_compiled.py` and, differentiable, `thin_loop_torch.py`)
- fermions: zero modes and the tower of bound states (`zero_modes.py`), the filled sea that carries
  the current (`sea.py`), escape from a curved string (`escape.py`), decay on any world sheet
  (`worldsheet/`), on a loop that breathes (`breathing.py`), curved strings' exact levels
  (`resonances/`), scattering by light charges (`scattering.py`)
- loops on the lattice, from rest to wherever they go: `Loop` (`loop/`), over the engine of
  `lattice/`; loops of local string, whose symmetry is gauged: `LocalLoop` (`local/`)
- the whole question at once: `vorton(lam, y, N)` (`vorton.py`); pictures (`figures.py`)

Knows nothing of papers, experiments or pages. Names are loaded when first asked for, but for
those that are called as their module is.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from halflife.strings.profile import profile
from halflife.strings.vorton import vorton

if TYPE_CHECKING:
    from halflife.strings.breathing import BreathingRate, breathing_rate
    from halflife.strings.escape import (
        classical_limit,
        largest_energy,
        log_escape_rate,
        profile_exponent,
        thin_core_exponent,
    )
    from halflife.strings.figures import bound_states_figure, lifetime_figure
    from halflife.strings.loop.evolve import Loop
    from halflife.strings.profile import Profile
    from halflife.strings.resonances import Levels, Resonance, kink_ring, string_ring
    from halflife.strings.scattering import scattering_rate
    from halflife.strings.sea import FermiSea
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
    from halflife.strings.vorton import Lifetime, Vorton
    from halflife.strings.worldsheet import (
        PhaseSpace,
        exact_log_rate,
        heaviest_final_state,
        log_cascade_rate,
        log_invariant_rate,
        log_rate,
        log_rate_into,
        normal_acceleration,
        two_body,
    )
    from halflife.strings.zero_modes import (
        BoundStates,
        ZeroMode,
        bound_states,
        cloud_form_factor,
        rydberg,
        thick_core,
    )

_HOME = {
    "BoundStates": "zero_modes",
    "BreathingRate": "breathing",
    "FermiSea": "sea",
    "GLOBAL": "thin_loop",
    "Levels": "resonances",
    "Lifetime": "vorton",
    "Loop": "loop.evolve",
    "PhaseSpace": "worldsheet",
    "Profile": "profile",
    "RING_CONSTANT": "thin_loop",
    "Resonance": "resonances",
    "Tension": "thin_loop",
    "ThinLoop": "thin_loop",
    "Trace": "thin_loop",
    "Vorton": "vorton",
    "ZeroMode": "zero_modes",
    "angular_momentum": "thin_loop",
    "bound_states": "zero_modes",
    "bound_states_figure": "figures",
    "breathing_frequency": "thin_loop",
    "breathing_rate": "breathing",
    "chiral_loop": "thin_loop",
    "classical_limit": "escape",
    "cloud_form_factor": "zero_modes",
    "exact_log_rate": "worldsheet",
    "heaviest_final_state": "worldsheet",
    "kink_ring": "resonances",
    "largest_energy": "escape",
    "lifetime_figure": "figures",
    "log_cascade_rate": "worldsheet",
    "log_escape_rate": "escape",
    "log_invariant_rate": "worldsheet",
    "log_rate": "worldsheet",
    "log_rate_into": "worldsheet",
    "loop_energy": "thin_loop",
    "loop_force": "thin_loop",
    "normal_acceleration": "worldsheet",
    "profile_exponent": "escape",
    "quality_factor": "thin_loop",
    "radiation_efficiency": "thin_loop",
    "rydberg": "zero_modes",
    "scattering_rate": "scattering",
    "string_ring": "resonances",
    "tension_log": "thin_loop",
    "thick_core": "zero_modes",
    "thin_core_exponent": "escape",
    "two_body": "worldsheet",
    "vorton_radius": "thin_loop",
}

__all__ = [
    "GLOBAL",
    "RING_CONSTANT",
    "BoundStates",
    "BreathingRate",
    "FermiSea",
    "Levels",
    "Lifetime",
    "Loop",
    "PhaseSpace",
    "Profile",
    "Resonance",
    "Tension",
    "ThinLoop",
    "Trace",
    "Vorton",
    "ZeroMode",
    "angular_momentum",
    "bound_states",
    "bound_states_figure",
    "breathing_frequency",
    "breathing_rate",
    "chiral_loop",
    "classical_limit",
    "cloud_form_factor",
    "exact_log_rate",
    "heaviest_final_state",
    "kink_ring",
    "largest_energy",
    "lifetime_figure",
    "log_cascade_rate",
    "log_escape_rate",
    "log_invariant_rate",
    "log_rate",
    "log_rate_into",
    "loop_energy",
    "loop_force",
    "normal_acceleration",
    "profile",
    "profile_exponent",
    "quality_factor",
    "radiation_efficiency",
    "rydberg",
    "scattering_rate",
    "string_ring",
    "tension_log",
    "thick_core",
    "thin_core_exponent",
    "two_body",
    "vorton",
    "vorton_radius",
]


def __getattr__(name: str) -> Any:
    try:
        module = _HOME[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(f"{__name__}.{module}"), name)
