"""The papers: one module each, found by its `paper` attribute.

A file of your own that holds a `paper` works too: `halflife run ./my_paper.py`. Only what is in
here knows both a method and the lab. Import torch and other heavy things inside a trial function,
not at the top, so that `halflife papers` answers at once. A module whose name begins with an
underscore is no paper, but what several of them share.
"""

from __future__ import annotations

import importlib.util
import pkgutil
import sys
import traceback
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import cloudpickle

from halflife.errors import HalflifeError, UnknownNameError

if TYPE_CHECKING:
    from halflife.lab import Paper


def papers() -> dict[str, Paper]:
    """All papers of this package by slug."""
    modules = (m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    found = (_paper(import_module(f"{__name__}.{name}")) for name in modules)
    return {paper.slug: paper for paper in found}


def get(name: str) -> Paper:
    """The paper with this slug, or the one in the Python file of this path.

    Raises:
        HalflifeError: there is none; the message suggests the nearest slug.
    """
    if name.endswith(".py"):
        return _paper(_load(Path(name)))
    known = papers()
    try:
        return known[name]
    except KeyError:
        raise UnknownNameError("paper", name, known) from None


def _paper(module: ModuleType) -> Paper:
    from halflife.lab import Paper

    paper = getattr(module, "paper", None)
    if not isinstance(paper, Paper):
        raise HalflifeError(
            f"{module.__file__} holds no paper; assign a halflife.lab.Paper to the name `paper`."
        )
    return paper


def _load(path: Path) -> ModuleType:
    if not path.is_file():
        raise HalflifeError(f"There is no file {path}.")
    name = f"_paper_{path.stem}"  # a file may be called like a module of someone else
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and pickles look themselves up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        lines = [
            f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)
        ]
        at = f", line {lines[-1]}" if lines else ""
        raise HalflifeError(f"{path}{at} cannot be imported: {error!r}.") from error
    cloudpickle.register_pickle_by_value(module)  # workers cannot import a stray file
    return module
