"""Superconducting strings: a global string, its fermion zero modes, and whether a loop lasts.

The model is ours: the paper's abstract gives the claims, not the equations. Units: v = λ = 1,
lengths in 1/(√λ v); couplings appear as ratios, but for `vorton(lam, y, N)`.

- the straight string: `profile` (`profile.py`)

Knows nothing of papers, experiments or pages. Names are loaded when first asked for, but for
those that are called as their module is.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from halflife.strings.profile import profile

if TYPE_CHECKING:
    from halflife.strings.profile import Profile

_HOME = {
    "Profile": "profile",
}

__all__ = [
    "Profile",
    "profile",
]


def __getattr__(name: str) -> Any:
    try:
        module = _HOME[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(f"{__name__}.{module}"), name)
