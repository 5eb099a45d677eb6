"""Loops on the lattice, with a conserved current, from rest to wherever they go.

The model is ours: the paper's abstract gives the claims, not the equations.

- `Loop(R0, J).evolve(T, h)` (`evolve.py`) and the `Trace` that it leaves (`trace.py`); in three
  dimensions `evolve_in_space` (`space.py`), with a `Ripple`
- how a loop begins, `loop_field` (`initial.py`) and `loop_phase` (`solid_angle.py`); what carries
  the current: rings (`markers.py`), beads in three dimensions (`beads.py`), and how firmly a
  string holds them (`hold.py`)
- what a run asks for (`limits.py`); the step and its books (`coupled.py`, `energy.py`, `flux.py`,
  `radius.py`), what takes radiation out (`Absorber`, `reflectivity`; `absorber.py`), a run on disk
  (`checkpoint.py`)
- pictures (`film.py`); all of it as plain NumPy (`reference.py`)

Knows nothing of zero modes beyond their angular momentum. Names are loaded when first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from halflife.strings.loop.absorber import Absorber, reflectivity
    from halflife.strings.loop.evolve import Loop
    from halflife.strings.loop.initial import loop_field
    from halflife.strings.loop.solid_angle import loop_phase
    from halflife.strings.loop.space import Ripple, SpaceTrace, evolve_in_space
    from halflife.strings.loop.trace import Trace

_HOME = {
    "Absorber": "absorber",
    "Loop": "evolve",
    "Ripple": "space",
    "SpaceTrace": "space",
    "Trace": "trace",
    "evolve_in_space": "space",
    "loop_field": "initial",
    "loop_phase": "solid_angle",
    "reflectivity": "absorber",
}

__all__ = [
    "Absorber",
    "Loop",
    "Ripple",
    "SpaceTrace",
    "Trace",
    "evolve_in_space",
    "loop_field",
    "loop_phase",
    "reflectivity",
]


def __getattr__(name: str) -> Any:
    try:
        module = _HOME[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(f"{__name__}.{module}"), name)
