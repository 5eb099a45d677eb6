"""A schedule under Hugging Face accelerate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.optim import Optimizer

from halflife.schedules.schedule import Schedule
from halflife.schedules.torch_scheduler import TorchScheduler

if TYPE_CHECKING:
    from accelerate import Accelerator  # type: ignore[import-untyped]


class PerUpdateScheduler(TorchScheduler):
    """A `TorchScheduler` of which every `calls`-th step counts; made by `as_accelerate`."""

    _calls = 1
    _made = 0

    def step(self, epoch: int | None = None) -> None:
        """Move on to the next update if this call is the last one of its update."""
        self._made += 1
        if self._made % self._calls == 0:
            super().step(epoch)


def as_accelerate(
    schedule: Schedule, optimizer: Optimizer, accelerator: Accelerator, total: int, **options: Any
) -> TorchScheduler:
    """Return a scheduler to prepare, which moves on once per update however many processes run.

    A prepared scheduler steps where the optimizer did, so gradient accumulation and skipped updates
    need no care, but accelerate then calls it once for each process. Other schedulers have to be
    told N times their total, and lengths in steps become N times too short. This one asks the
    accelerator how often it will be called and takes these calls for one; so it has to go through
    `prepare`, and the total, as everywhere here, is the number of updates.

        scheduler = as_accelerate(rex().warmup(100), optimizer, accelerator, total=updates)
        model, optimizer, data, scheduler = accelerator.prepare(model, optimizer, data, scheduler)

    Args:
        schedule: Gives the multiplier.
        optimizer: The optimizer whose groups are set, prepared or not.
        accelerator: The accelerator that will prepare the scheduler.
        total: Number of updates of the run.
        options: Further arguments of `TorchScheduler`: momentum, on_mismatch.

    Raises:
        ValueError: As for `TorchScheduler`.
        TypeError: As for `TorchScheduler`.

    >>> from types import SimpleNamespace
    >>> import torch
    >>> from halflife.schedules import linear
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    >>> accelerator = SimpleNamespace(  # stands for a real one
    ...     num_processes=2, split_batches=False, step_scheduler_with_optimizer=True
    ... )
    >>> scheduler = as_accelerate(linear(), optimizer, accelerator, total=4)
    >>> optimizer.step()
    >>> scheduler.step(), scheduler.get_last_lr()
    (None, [0.5])
    >>> scheduler.step(), scheduler.get_last_lr()
    (None, [0.375])
    """
    inner = getattr(optimizer, "optimizer", optimizer)  # of accelerate's own wrapper
    scheduler = PerUpdateScheduler(inner, schedule, total, **options)
    if accelerator.step_scheduler_with_optimizer and not accelerator.split_batches:
        scheduler._calls, scheduler._made = accelerator.num_processes, 0
    return scheduler
