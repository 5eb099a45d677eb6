"""How Numba compiles the code of this folder, and keeps what it compiled."""

from __future__ import annotations

import hashlib
import inspect
from types import ModuleType
from typing import Any

from numba import njit

OPTIONS: Any = {"error_model": "numpy"}  # division by 0 as in IEEE 754, which a vector can do
INLINED: Any = {"forceinline": True, **OPTIONS}

inner = njit(**INLINED)


def kept(function: Any) -> Any:
    """A function that runs without the interpreter's lock, kept on disk where there is a place."""
    try:
        return njit(function, nogil=True, cache=True, **OPTIONS)
    except RuntimeError:  # no directory to keep it in
        return njit(function, nogil=True, **OPTIONS)


def digest(*modules: ModuleType) -> str:
    """Of the source of modules.

    Numba compiles a kept function again if its own file changes, and looks at no other.
    """
    try:
        text = "".join(map(inspect.getsource, modules))
    except OSError:  # no source here, and then Numba keeps nothing
        return ""
    return hashlib.sha256(text.encode()).hexdigest()
