"""The diagnostics under Hugging Face's Trainer.

Knows the Trainer's events; what is measured stands in `recorder`.
"""

from __future__ import annotations

import os
from typing import Any

from halflife.optim.diagnostics.recorder import DiagnosticsRecorder
from halflife.optim.diagnostics.trainers import lion_of, schedule_of, shown, warn_at_start

try:
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
except ImportError:
    raise ImportError(
        "TransformersDiagnostics needs transformers: pip install 'halflife[llm]'."
    ) from None


class TransformersDiagnostics(TrainerCallback):
    """Record the diagnostics of a `LionK` in a Trainer: `Trainer(…, callbacks=[…])`.

    Every `every` updates a row goes to the file, and its numbers into the Trainer's next log
    under `lion/…`: the console, `trainer_state.json`, and reporters that stand behind this
    callback. Those of `report_to` stand before it; to reach them put it first, by
    `trainer.callback_handler.callbacks.insert(0, callback)`.

    The loss is the mean that the Trainer logs, over the updates since its last log; the gradients
    are those of the batch, after clipping (pass `max_grad_norm=0` for a `kkt_gap` of the gradient
    itself). At its begin, training warns if the constraint can never become active under the run's
    schedule and length.

    Args:
        path: As for `DiagnosticsRecorder`. A Trainer that resumes from a checkpoint goes on with
            it.
        every: Updates from row to row; by default the Trainer's `logging_steps`.

    Raises:
        TypeError: When training begins and the optimizer is no `LionK`.
        FileExistsError: When training begins at step 0 and `path` holds rows.
    """

    def __init__(self, path: str | os.PathLike[str], *, every: int | None = None) -> None:
        if every is not None and every < 1:
            raise ValueError(f"every must be at least 1, got {every}.")
        self.path = path
        self.every = every
        self.recorder: DiagnosticsRecorder | None = None
        self._unlogged: tuple[int, dict[str, float]] | None = None

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Open the file, and warn of what will not do what it seems to."""
        lion = lion_of(kwargs["optimizer"])
        self.recorder = DiagnosticsRecorder(lion, self.path, step=state.global_step)
        self._unlogged = None
        schedule = schedule_of(kwargs.get("lr_scheduler"))
        warn_at_start(lion, schedule, state.max_steps, state.global_step)

    def on_pre_optimizer_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Record before an update after which the Trainer logs."""
        step = state.global_step
        every = self.every or max(1, int(state.logging_steps))
        if self.recorder is not None and (
            (step + 1) % every == 0 or (step == 0 and args.logging_first_step)
        ):
            self._unlogged = step, self.recorder.record(step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Add the numbers of the last row to what is logged, and the loss to the row."""
        if self.recorder is None or self._unlogged is None or logs is None:
            return
        (step, numbers), self._unlogged = self._unlogged, None
        if "loss" in logs and step + 1 == state.global_step:
            numbers = self.recorder.add_loss(step, float(logs["loss"]))
        logs.update(shown(numbers))
        if state.log_history:
            state.log_history[-1].update(shown(numbers))

    def on_train_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Close the file."""
        if self.recorder is not None:
            self.recorder.close()
            self.recorder = None
