"""A field on disk: one file for all processes, replaced in one stroke, read back bit for bit.

The format is that of safetensors (eight bytes of length, a JSON header, the raw tensors), which
many tools read: `padded` and `velocity` of the whole box. A file is written beside its place,
brought to disk and then renamed, so that a process that dies leaves the last one whole. It may be
read by another number of processes, with another engine or on another device.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from halflife.strings.lattice.field import Field
from halflife.strings.lattice.grid import Grid

VERSION = 1
_KINDS: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
_TYPES = {"F32": torch.float32, "F64": torch.float64}


class CheckpointError(Exception):
    """A file that is no checkpoint, or one of another run; the message says how they differ."""


@dataclass(frozen=True)
class Checkpoint:
    """What stands beside the numbers.

    Attributes:
        step: Steps made.
        facts: What the run wrote about itself: dt, integrator and so on.
        lag: Of the velocity, as in `Field`.
    """

    step: int
    facts: dict[str, Any]
    lag: float


def describe(grid: Grid) -> dict[str, Any]:
    """A grid as JSON, by which a checkpoint knows its own."""
    return {
        "shape": list(grid.shape),
        "spacing": grid.spacing,
        "geometry": grid.geometry,
        "edges": [[repr(edge) for edge in pair] for pair in grid.faces],
        "origin": list(grid.origin or ()),
    }


def save(path: str | Path, field: Field, step: int, facts: dict[str, Any] | None = None) -> None:
    """Write a field; every process of its slabs has to call this.

    Args:
        path: The file; what it held before stays until all is written.
        field: As it is, its velocity's lag included.
        step: Steps made so far.
        facts: JSON to keep beside it; `load` gives it back, `restore` compares it.
    """
    path = Path(path)
    slabs = field.slabs
    whole = slabs.whole if slabs else field.grid
    kind = next(kind for kind, dtype in _TYPES.items() if dtype == field.dtype)
    about = {
        "version": VERSION,
        "grid": describe(whole),
        "step": step,
        "lag": field.lag,
        "facts": facts or {},
    }
    header, layout = _lay_out(whole, kind, about)
    temporary = path.with_name(f".{path.name}.new")
    if not slabs or slabs.rank == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(header)
            file.truncate(layout.size)
    if slabs:
        slabs.wait()
    for name, (planes, mine) in _parts(field).items():
        on_disk = layout.array(temporary, name, "r+")
        on_disk[:, planes] = mine.cpu().numpy()
        on_disk.flush()
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    if slabs:
        slabs.wait()
    if not slabs or slabs.rank == 0:
        temporary.replace(path)
        _sync(path.parent)
    if slabs:
        slabs.wait()


def load(path: str | Path) -> Checkpoint:
    """What a checkpoint says of itself, without its numbers.

    Raises:
        CheckpointError: the file is none, or was cut short.
        FileNotFoundError: there is no file.
    """
    about, _ = _read(Path(path))
    return Checkpoint(about["step"], about["facts"], about["lag"])


def restore(path: str | Path, field: Field, facts: dict[str, Any] | None = None) -> int:
    """Put a checkpoint's numbers into a field, and return its step.

    Args:
        path: The file.
        field: Of the same grid and type; its engine, device and slabs may be others.
        facts: What the run that goes on says of itself; each has to be as it was.

    Raises:
        CheckpointError: the file is none, or of another grid, type or run.
        FileNotFoundError: there is no file.
    """
    path = Path(path)
    about, layout = _read(path)
    whole = field.slabs.whole if field.slabs else field.grid
    wanted: dict[str, Any] = {**describe(whole), "dtype": str(field.dtype), **(facts or {})}
    was = {**about["grid"], "dtype": str(_TYPES[layout.kind]), **about["facts"]}
    for key, value in wanted.items():
        if was.get(key) != value:
            raise CheckpointError(
                f"{path} is of another run: {key} was {was.get(key)!r} and is {value!r}. Go on as "
                "it was, or give this run another file."
            )
    for name, (planes, mine) in _parts(field).items():
        mine.copy_(torch.from_numpy(np.array(layout.array(path, name, "r")[:, planes])))
    field.lag, field.due = about["lag"], None
    if field.slabs:
        field.slabs.exchange(field.padded)
    return int(about["step"])


def _parts(field: Field) -> dict[str, tuple[slice, Tensor]]:
    """For both tensors: planes of the whole one, and this process's view of them.

    Of the padded one, a process has its own cells and what it holds of the box's halo.
    """
    slabs, planes = field.slabs, field.grid.shape[0]
    first = slabs is None or slabs.rank == 0
    last = slabs is None or slabs.rank == slabs.ranks - 1
    start = slabs.planes.start if slabs else 0
    low, high = 0 if first else 1, planes + (2 if last else 1)
    return {
        "padded": (slice(start + low, start + high), field.padded[:, low:high]),
        "velocity": (slice(start, start + planes), field.velocity),
    }


@dataclass(frozen=True)
class _Layout:
    """Where in a file the numbers are."""

    kind: str
    shapes: dict[str, tuple[int, ...]]
    starts: dict[str, int]

    @property
    def size(self) -> int:
        return max(start + self.bytes(name) for name, start in self.starts.items())

    def bytes(self, name: str) -> int:
        return math.prod(self.shapes[name]) * _KINDS[self.kind].itemsize

    def array(self, path: Path, name: str, mode: Literal["r", "r+"]) -> np.memmap[Any, Any]:
        return np.memmap(
            path, _KINDS[self.kind], mode, offset=self.starts[name], shape=self.shapes[name]
        )


def _lay_out(whole: Grid, kind: str, about: dict[str, Any]) -> tuple[bytes, _Layout]:
    """The header, its length before it, and where the numbers will be."""
    shapes = {"padded": (2, *(n + 2 for n in whole.shape)), "velocity": (2, *whole.shape)}
    layout = _Layout(kind, shapes, {})
    tensors: dict[str, Any] = {"__metadata__": {"halflife": json.dumps(about)}}
    at = 0
    for name, shape in shapes.items():
        end = at + layout.bytes(name)
        tensors[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, end]}
        layout.starts[name], at = at, end
    text = json.dumps(tensors).encode()
    text += b" " * (-(len(text) + 8) % 64)  # the numbers start at a multiple of 64
    header = len(text).to_bytes(8, "little") + text
    starts = {name: len(header) + start for name, start in layout.starts.items()}
    return header, _Layout(kind, shapes, starts)


def _read(path: Path) -> tuple[dict[str, Any], _Layout]:
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > size:
                raise ValueError("its header is longer than the file")
            tensors = json.loads(file.read(length))
        about = json.loads(tensors["__metadata__"]["halflife"])
        if about["version"] != VERSION:
            raise ValueError(f"its version is {about['version']}, this library reads {VERSION}")
        names = ("padded", "velocity")
        layout = _Layout(
            tensors["padded"]["dtype"],
            {name: tuple(tensors[name]["shape"]) for name in names},
            {name: 8 + length + tensors[name]["data_offsets"][0] for name in names},
        )
        if size != layout.size:
            raise ValueError("it was cut short")
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} is no checkpoint of a field ({error}); take another file."
        ) from error
    return about, layout


def _sync(folder: Path) -> None:
    """Bring a folder's names to disk, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
