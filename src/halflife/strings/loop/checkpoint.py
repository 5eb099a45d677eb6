"""A run on disk: what moves and what has been seen of it, in one file that is whole at any moment.

The lattice's own checkpoints hold a field. A loop's must hold its carriers and its history too, of
the same step, so that a run that is killed goes on with the same bits. Knows nothing of loops.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray


def write(path: Path, about: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Put arrays, and what they are of (JSON values), into `path` in one stroke."""
    kept: dict[str, Any] = {**arrays, "about": np.array(json.dumps(about, sort_keys=True))}
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.part")
    with unfinished.open("wb") as file:
        np.savez(file, **kept)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def read(path: Path, about: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """The arrays of a file that is of the same run.

    Raises:
        ValueError: it is no such file, or `about` was something else.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = dict(file)
        was = json.loads(str(arrays.pop("about")))
    except OSError as error:
        raise ValueError(f"checkpoint={path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, EOFError, BadZipFile):
        raise ValueError(
            f"checkpoint={path} is no checkpoint of a loop. Name another file."
        ) from None
    mine = json.loads(json.dumps(about))
    other = sorted(name for name in mine if mine[name] != was.get(name))
    if other:
        said = ", ".join(f"{name} {was.get(name)} not {mine[name]}" for name in other)
        raise ValueError(f"checkpoint={path} is of another run: {said}. Name another file.")
    return arrays
