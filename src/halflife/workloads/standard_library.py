"""The source text of the Python that runs, file by file, as something to learn.

It is what the running Python has installed, so figures compare only within one Python version.
`characters.py` reads the beginnings of some of these files.
"""

from __future__ import annotations

import sysconfig
from functools import cache
from pathlib import Path

from halflife.errors import HalflifeError

LEFT_OUT = frozenset(
    ("test", "tests", "encodings", "idlelib", "pydoc_data", "site-packages", "dist-packages")
)
"""Folders that are not the library, are tables, or are missing from many installations."""
FEWEST_FILES = 10


def standard_library(files: int | None = None, most: int | None = None) -> tuple[bytes, ...]:
    """The .py files of the standard library, in the order of their paths, each loaded once.

    Args:
        files: Only the first so many; None takes all, about 550 files and 9 MB.
        most: Only the first so many bytes of each; shorter files are then left out.

    Raises:
        HalflifeError: This Python has too little of its library's source on disk.
    """
    return _texts(Path(sysconfig.get_path("stdlib")), files, most)


@cache
def _texts(folder: Path, files: int | None, most: int | None) -> tuple[bytes, ...]:
    paths = sorted(
        path
        for path in folder.rglob("*.py")
        if not LEFT_OUT.intersection(path.relative_to(folder).parts[:-1])
    )
    texts = (path.read_bytes()[:most] for path in paths)
    found = [text for text in texts if len(text) >= (most or 1)][:files]
    if len(found) < FEWEST_FILES:
        raise HalflifeError(
            f"The workload reads the standard library's source, and {folder} holds {len(found)} "
            f".py files where {FEWEST_FILES} are needed; use a Python that is installed with its "
            "source, not zipped or frozen."
        )
    return tuple(found)
