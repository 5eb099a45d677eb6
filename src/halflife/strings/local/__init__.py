"""Loops of local string: the symmetry gauged, at critical coupling, so that nothing is massless.

The model is ours: the paper's abstract gives the claims, not the equations. It is the textbook's
Abelian Higgs model, with e² = 2λ, where scalar and gauge boson weigh the same, √2 in units of √λ v,
and a straight string costs π v² per length exactly. Without Goldstone bosons there is no logarithm,
and a loop that breathes has nearly nothing to radiate: the control of what `loop/` finds.

- the straight string: `local_profile` (`profile.py`)
- `LocalLoop(R0, J).evolve(T, h)` (`loop.py`), on links and cells around an axis (`lattice.py`); all
  of it as plain NumPy (`reference.py`)

Names are loaded when first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from halflife.strings.local.loop import LocalLoop
    from halflife.strings.local.profile import LocalProfile, local_profile

_HOME = {"LocalLoop": "loop", "LocalProfile": "profile", "local_profile": "profile"}

__all__ = ["LocalLoop", "LocalProfile", "local_profile"]


def __getattr__(name: str) -> Any:
    try:
        module = _HOME[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(f"{__name__}.{module}"), name)
