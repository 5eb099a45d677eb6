"""Functions that Numba compiles once, and that later processes find on disk."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from numba import njit


def kept(*sources: ModuleType, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function and keep the code on disk, where there is a place for it.

    It runs without the interpreter's lock.

    Args:
        sources: The modules, other than the function's own, whose code ends up in it. Numba looks
            at the function's own file alone, and would serve old code when one of these changes.
        options: For `numba.njit`.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        function.__qualname__ += _digest(sources)  # names the file
        try:
            return njit(nogil=True, cache=True, **options)(function)
        except RuntimeError:  # no directory can be written to
            return njit(nogil=True, **options)(function)

    return decorate


def _digest(modules: tuple[ModuleType, ...]) -> str:
    """Eight characters that change with the text of the modules; none of no modules."""
    if not modules:
        return ""
    try:
        text = "".join(map(inspect.getsource, modules))
    except OSError:  # no source here, and then Numba keeps nothing
        return ""
    return "_" + hashlib.sha256(text.encode()).hexdigest()[:8]
