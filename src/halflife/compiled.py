"""Functions that Numba compiles once, and that later processes find on disk."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from filelock import FileLock
from numba import njit
from numba.core.caching import FunctionCache


def kept(*sources: ModuleType, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function and keep the code on disk, where there is a place for it.

    It runs without the interpreter's lock.

    Args:
        sources: The modules, other than the function's own, whose code ends up in it. Numba looks
            at the function's own file alone, and would serve old code when one of these changes.
        options: For `numba.njit`.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        named_by(function, *sources)
        compiled = njit(nogil=True, **options)(function)
        keep(compiled, function)
        return compiled

    return decorate


def named_by(function: Callable[..., Any], *sources: ModuleType) -> None:
    """Name a function's files after what these modules say."""
    function.__qualname__ += _digest(sources)


def keep(compiled: Any, function: Callable[..., Any]) -> None:
    """Keep compiled code on disk, under the name of a function, where there is a place for it."""
    with suppress(RuntimeError):  # no directory can be written to
        compiled._cache = _Cache(function)  # type: ignore[no-untyped-call]


class _Cache(FunctionCache):
    """Numba's, with one writer at a time.

    Of two that compile for other arguments at once, each would take the next free number for its
    file, and one's code would be found under the arguments of the other.
    """

    def save_overload(self, sig: Any, data: Any) -> None:
        with FileLock(Path(self.cache_path) / f"{self._impl.filename_base}.lock"):
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]


def _digest(modules: tuple[ModuleType, ...]) -> str:
    """Eight characters that change with the text of the modules; none of no modules."""
    if not modules:
        return ""
    try:
        text = "".join(map(inspect.getsource, modules))
    except OSError:  # no source here, and then Numba keeps nothing
        return ""
    return "_" + hashlib.sha256(text.encode()).hexdigest()[:8]
