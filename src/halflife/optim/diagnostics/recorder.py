"""The diagnostics of a run, written to a file as it goes.

Knows nothing of the training loop that it stands in.
"""

from __future__ import annotations

import json
import math
import operator
import os
import weakref
from pathlib import Path
from types import TracebackType
from typing import Any, Self, SupportsIndex

import torch.distributed
from torch import Tensor

from halflife.optim.diagnostics.diagnostics import Diagnostics
from halflife.optim.diagnostics.measure import measure, totals
from halflife.optim.diagnostics.weights import whole


class DiagnosticsRecorder:
    """Write the diagnostics of an optimizer to a file, for `read_diagnostics` and `figure`.

    Call `record(step)` between `backward()` and `optimizer.step()`, every some updates: it reads
    weights, averages and gradients once, in float64, waits for the device, and appends a JSON line
    to `path` in a single write. A process that is killed loses nothing that was recorded.

    Weights that are outside the constraint by less than a thousandth of it count as inside: those
    that began outside never quite arrive, and the energy would be inf.

    Where parameters are DTensors, call it on all ranks; rank 0 writes.

    **Resuming.** Pass the number of updates made as `step`, and the file goes on; of steps that are
    recorded twice the reader keeps the last. A file with rows is never begun again.

    Args:
        optimizer: A `LionK`.
        path: File to write; its folder is made.
        step: Number of updates made before this run.

    Raises:
        TypeError: The optimizer is no `LionK`.
        ValueError: `step` is below 0.
        FileExistsError: There are rows in `path` and `step` is 0.

    >>> import tempfile, torch
    >>> from halflife.optim import LionK
    >>> from halflife.optim.diagnostics import DiagnosticsRecorder, read_diagnostics
    >>> weights = torch.nn.Parameter(torch.tensor([2.0, -0.5]))
    >>> optimizer = LionK([weights], lr=0.1, weight_decay=1.0)
    >>> path = Path(tempfile.mkdtemp()) / "lion.jsonl"
    >>> with DiagnosticsRecorder(optimizer, path) as recorder:
    ...     for step in range(10):
    ...         weights.grad = 2 * weights.detach()
    ...         _ = recorder.record(step, loss=weights.detach().square().sum())
    ...         optimizer.step()
    >>> read_diagnostics(path).infeasibility[:2].round(3).tolist()
    [1.0, 0.7]
    """

    def __init__(
        self, optimizer: Diagnostics, path: str | os.PathLike[str], *, step: SupportsIndex = 0
    ) -> None:
        if not isinstance(optimizer, Diagnostics):
            raise TypeError(
                f"optimizer must be a LionK, got {type(optimizer).__name__}; other optimizers "
                "have no such constraint."
            )
        if (made := operator.index(step)) < 0:
            raise ValueError(f"step must be from 0, got {step}.")
        self.optimizer = optimizer
        self.path = Path(path)
        self._file = _opened(self.path, fresh=made == 0) if _rank() == 0 else -1
        close = os.close if self._file >= 0 else lambda _: None
        self._finalizer = weakref.finalize(self, close, self._file)

    def record(self, step: SupportsIndex, loss: float | Tensor | None = None) -> dict[str, float]:
        """Measure, and write a row.

        Args:
            step: Number of updates made.
            loss: f at the weights as they are, if it is known by now; else see `add_loss`.

        Returns:
            The numbers of all groups together, by name: `kkt_gap`, `infeasibility` and so on.

        Raises:
            RuntimeError: The recorder is closed.
        """
        row: dict[str, Any] = {"step": operator.index(step)}
        if any(group["maximize"] for group in self.optimizer.param_groups):
            row["maximize"] = True
        if loss is not None:
            row["loss"] = _number(loss)
        row["groups"] = measure(self.optimizer)
        self._write(row)
        self._last = row
        return totals(_finite(row))

    def add_loss(self, step: SupportsIndex, loss: float | Tensor) -> dict[str, float]:
        """Add the loss to the row recorded last, as some trainers know it only later.

        Returns:
            As `record`, now with the objective and the energy.
        """
        later = {"step": operator.index(step), "loss": _number(loss)}
        self._write(later)
        return totals(_finite(self._last | later))

    def close(self) -> None:
        """Close the file. A second time does nothing."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, row: dict[str, Any]) -> None:
        if not self._finalizer.alive:
            raise RuntimeError(f"This recorder of {self.path} is closed; make one with step=….")
        if self._file >= 0:
            data = (json.dumps(_finite(row), allow_nan=False) + "\n").encode()
            while data:  # all of it at once, unless the disk is slow to take it
                data = data[os.write(self._file, data) :]


def _opened(path: Path, *, fresh: bool) -> int:
    """A file to append to, behind its last complete line: a kill may have cut one short."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    end = path.read_bytes().rfind(b"\n") + 1
    if fresh and end:
        os.close(file)
        raise FileExistsError(
            f"{path} holds the diagnostics of a run; name another file, or pass the number of "
            "updates made as step= to go on with it."
        )
    os.ftruncate(file, end)
    return file


def _number(loss: float | Tensor) -> float:
    return float(whole(loss.detach()) if isinstance(loss, Tensor) else loss)


def _finite(value: Any) -> Any:
    """JSON has no inf and no nan: None stands for them."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _rank() -> int:
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_rank() if distributed else 0
