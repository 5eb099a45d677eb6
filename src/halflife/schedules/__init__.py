"""Learning-rate schedules as values: `schedule(step, total)` is the multiplier of the base rate.

Profiles, one file each: `constant`, `linear`, `cosine`, `exponential`, `polynomial`, `step`,
`rex`, `inverse_sqrt`, `infinite`, `one_cycle` with `cycle_momentum`, `delayed`, and `from_table`
for values of your own. Every schedule has the methods `.warmup(length)`, `.cooldown(length)`,
`.delayed(hold)`, `.floor(ratio)`, `.scaled(factor)` and `.sampled(every=…)`, which return a new
one; `a.lasting(length) >> b`, also written `piecewise`, puts one after another; `wsd` and `rewarm`
are made of these. `tokens` and `epochs` are lengths. `extend` is for a run that turns out longer.

`Schedule` states the rules that all of them keep: which step is which update, what happens after
the end, how lengths are given. `compat` has other libraries' schedules, off-by-ones included.
`explain` and `figure` show one. `TorchScheduler` drives a PyTorch optimizer, the adapters `as_*`
and `trainer_with` serve other libraries; each loads its library when it is first used. `reference`
holds the same formulas as plain loops, for the tests. `refinement` is a family of its own within
this one: schedules made from the gradient norms of a run.

Knows nothing of papers, experiments or training loops.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from halflife.schedules import compat
from halflife.schedules.constant import constant
from halflife.schedules.cooldown import wsd
from halflife.schedules.cosine import cosine
from halflife.schedules.cycle_momentum import cycle_momentum
from halflife.schedules.delayed import delayed
from halflife.schedules.explain import Explanation, explain
from halflife.schedules.exponential import exponential
from halflife.schedules.extend import extend, extended
from halflife.schedules.figure import figure
from halflife.schedules.floor import Floor as _Floor  # noqa: F401  (enters the register of kinds)
from halflife.schedules.infinite import infinite
from halflife.schedules.inverse_sqrt import inverse_sqrt
from halflife.schedules.lengths import epochs, tokens
from halflife.schedules.linear import linear
from halflife.schedules.one_cycle import one_cycle
from halflife.schedules.piecewise import piecewise
from halflife.schedules.polynomial import polynomial
from halflife.schedules.rewarm import rewarm
from halflife.schedules.rex import rex
from halflife.schedules.sampled import Sampled as _Sampled  # noqa: F401
from halflife.schedules.scaled import Scaled as _Scaled  # noqa: F401
from halflife.schedules.schedule import Schedule
from halflife.schedules.step import step
from halflife.schedules.table import from_table
from halflife.schedules.warmup import Warmup as _Warmup  # noqa: F401

if TYPE_CHECKING:
    from halflife.schedules.adapters.accelerate import as_accelerate
    from halflife.schedules.adapters.hugging_face import trainer_with
    from halflife.schedules.adapters.keras import as_keras
    from halflife.schedules.adapters.lightning import as_lightning
    from halflife.schedules.adapters.optax import as_optax
    from halflife.schedules.torch_scheduler import TorchScheduler

__all__ = [
    "Explanation",
    "Schedule",
    "TorchScheduler",
    "as_accelerate",
    "as_keras",
    "as_lightning",
    "as_optax",
    "compat",
    "constant",
    "cosine",
    "cycle_momentum",
    "delayed",
    "epochs",
    "explain",
    "exponential",
    "extend",
    "extended",
    "figure",
    "from_table",
    "infinite",
    "inverse_sqrt",
    "linear",
    "one_cycle",
    "piecewise",
    "polynomial",
    "rewarm",
    "rex",
    "step",
    "tokens",
    "trainer_with",
    "wsd",
]

_LAZY = {  # these libraries take seconds to import, and a schedule does not need them
    "TorchScheduler": "torch_scheduler",
    "as_accelerate": "adapters.accelerate",
    "as_keras": "adapters.keras",
    "as_lightning": "adapters.lightning",
    "as_optax": "adapters.optax",
    "trainer_with": "adapters.hugging_face",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
