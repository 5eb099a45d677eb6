"""The lattice: two real components on cells of one spacing, stepped as one fused sweep.

The model is ours: the paper's abstract gives the claims, not the equations. φ̈ = ∇²φ − φ (φ² − 1),
in units v = λ = 1, so that a string's core is about 1 wide and light has speed 1.

- `Grid` (`grid.py`): shape, spacing, "cartesian" (one to three axes) or "axisymmetric" (r, z), and
  what surrounds it (`edges.py`): "periodic", "fixed", "reflecting", "outgoing".
- `Field` (`field.py`): φ with a halo of one cell as one tensor [2, N + 2, …], its velocity
  [2, N, …]; `force()`, `kick(a)`, `drift(b)`, `kick_drift(a, b, damping)`, `energy()`, `charge()`.
  To add a source S: `field.velocity += a * S` before `kick(a)` or `kick_drift(a, b)`.
- engines (`engines.py`): PyTorch compiled (`stencil.py`, one source for processor and card), Numba
  (`compiled.py`, in place). `reference.py` is the equation in plain float64 NumPy.
- time: `advance(field, dt, steps, method)` (`integrators.py`), and `evolve(…)` (`evolution.py`),
  which also shows progress and keeps checkpoints (`checkpoint.py`).
- `roundoff` (`precision.py`): float32 and float64 side by side.
- `slabs.py`: one box cut over processes, started by torchrun.

A leapfrog by hand, with a source and a damping:

    factors = field.damping([eta_r, eta_z], dt)    # exp(−η dt/2), one an axis; or None
    field.velocity += dt / 2 * source(0)
    field.kick(dt / 2); field.damp(factors); field.drift(dt)
    for n in range(1, steps):
        field.velocity += dt * source(n) / d       # d: product of the factors; 1 outside the sponge
        field.kick_drift(dt, dt, factors)          # v ← d (d v + dt F), φ ← φ + dt v
        taken += field.absorbed(factors)
    field.damp(factors); field.kick(dt / 2)

Names are loaded when first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from halflife.strings.lattice.checkpoint import Checkpoint, CheckpointError, load, restore, save
    from halflife.strings.lattice.edges import Edge, Fixed, Outgoing, Periodic, Reflecting
    from halflife.strings.lattice.energy import Energy
    from halflife.strings.lattice.evolution import Progress, evolve
    from halflife.strings.lattice.field import Field
    from halflife.strings.lattice.grid import Grid
    from halflife.strings.lattice.integrators import (
        INTEGRATORS,
        Integrator,
        advance,
        stable_step,
        synchronise,
    )
    from halflife.strings.lattice.precision import RoundOff, roundoff
    from halflife.strings.lattice.slabs import Slabs

_HOME = {
    "Checkpoint": "checkpoint",
    "CheckpointError": "checkpoint",
    "Edge": "edges",
    "Energy": "energy",
    "Field": "field",
    "Fixed": "edges",
    "Grid": "grid",
    "INTEGRATORS": "integrators",
    "Integrator": "integrators",
    "Outgoing": "edges",
    "Periodic": "edges",
    "Progress": "evolution",
    "Reflecting": "edges",
    "RoundOff": "precision",
    "Slabs": "slabs",
    "advance": "integrators",
    "evolve": "evolution",
    "load": "checkpoint",
    "restore": "checkpoint",
    "roundoff": "precision",
    "save": "checkpoint",
    "stable_step": "integrators",
    "synchronise": "integrators",
}

__all__ = [
    "INTEGRATORS",
    "Checkpoint",
    "CheckpointError",
    "Edge",
    "Energy",
    "Field",
    "Fixed",
    "Grid",
    "Integrator",
    "Outgoing",
    "Periodic",
    "Progress",
    "Reflecting",
    "RoundOff",
    "Slabs",
    "advance",
    "evolve",
    "load",
    "restore",
    "roundoff",
    "save",
    "stable_step",
    "synchronise",
]


def __getattr__(name: str) -> Any:
    try:
        module = _HOME[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(f"{__name__}.{module}"), name)
