"""The diagnostics under Lightning's Trainer.

Knows the Trainer's events; what is measured stands in `recorder`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from halflife.optim.diagnostics.diagnostics import Diagnostics
from halflife.optim.diagnostics.recorder import DiagnosticsRecorder
from halflife.optim.diagnostics.trainers import lion_of, schedule_of, shown, warn_at_start

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError:
    raise ImportError("LightningDiagnostics needs Lightning: pip install lightning.") from None


class LightningDiagnostics(Callback):
    """Record the diagnostics of a `LionK` in a Trainer: `Trainer(…, callbacks=[…])`.

    Every `every` updates a row goes to the file, and its numbers under `lion/…` to the module's
    log. Loss and gradients are those of the update's batch (of all its micro-batches, if they
    accumulate), before clipping. At its begin, training warns if the constraint can never become
    active under the run's schedule and length.

    Args:
        path: As for `DiagnosticsRecorder`. A Trainer that resumes from a checkpoint goes on with
            it.
        every: Updates from row to row; by default the Trainer's `log_every_n_steps`.

    Raises:
        TypeError: When training begins and the optimizer is no `LionK`.
        ValueError: When training begins and there are several optimizers.
        FileExistsError: When training begins at step 0 and `path` holds rows.
    """

    def __init__(self, path: str | os.PathLike[str], *, every: int | None = None) -> None:
        if every is not None and every < 1:
            raise ValueError(f"every must be at least 1, got {every}.")
        self.path = path
        self.every = every
        self.recorder: DiagnosticsRecorder | None = None
        self._loss: Tensor | None = None
        self._recorded: int | None = None
        self._updated = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the file, and warn of what will not do what it seems to."""
        if len(trainer.optimizers) != 1:
            raise ValueError(
                f"LightningDiagnostics records one optimizer, there are {len(trainer.optimizers)}; "
                "use a DiagnosticsRecorder for each in training_step."
            )
        lion: Diagnostics = lion_of(trainer.optimizers[0])
        self.recorder = DiagnosticsRecorder(lion, self.path, step=trainer.global_step)
        self._loss, self._recorded, self._updated = None, None, False
        by_step = [c for c in trainer.lr_scheduler_configs if c.interval == "step"]
        schedule = schedule_of(by_step[0].scheduler) if len(by_step) == 1 else None
        total = trainer.estimated_stepping_batches
        warn_at_start(lion, schedule, total, trainer.global_step)

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Any
    ) -> None:
        """Record every so many updates."""
        self._updated = True
        step = trainer.global_step
        every = self.every or max(1, getattr(trainer, "log_every_n_steps", 1))
        if self.recorder is not None and (step + 1) % every == 0:
            self.recorder.record(step)
            self._recorded = step

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Add the loss, which is known only now, and log."""
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if loss is not None:  # Lightning has divided it by the number of micro-batches
            self._loss = loss.detach() if self._loss is None else self._loss + loss.detach()
        if self.recorder is not None and self._recorded is not None and self._loss is not None:
            numbers = self.recorder.add_loss(self._recorded, self._loss)
            pl_module.log_dict(shown(numbers), on_step=True, on_epoch=False)
        if self._updated:
            self._loss, self._recorded, self._updated = None, None, False

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the file."""
        self._close()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Close the file."""
        self._close()

    def _close(self) -> None:
        if self.recorder is not None:
            self.recorder.close()
            self.recorder = None
