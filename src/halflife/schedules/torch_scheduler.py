"""A schedule at work on a PyTorch optimizer.

Knows nothing of particular schedules, nor of how training is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from halflife.schedules.arguments import run_length
from halflife.schedules.schedule import Schedule, a_schedule

Policy = Literal["error", "checkpoint", "new"]

BLOCK = 1024
"""Steps evaluated at once: the cost of an array call then disappears beside PyTorch's own."""


class TorchScheduler(LRScheduler):
    """Set learning rate = base rate × `schedule(step, total)` before every update.

    A real `LRScheduler` in closed form: the rate depends on the step alone, not on the previous
    rate. Call `step()` once after every `optimizer.step()`. Each parameter group keeps its own
    base rate: its `initial_lr` if an earlier scheduler or a checkpoint left one there, else its
    `lr`. Rates that are tensors are filled in place, without waiting for the device. A group that
    is added later joins with the rate that it has then.

    After update `total` the last value holds. One more `step()` is the end of an ordinary loop and
    passes in silence; going on from there warns once.

    To resume, restore the optimizer and this scheduler, in any order, with `load_state_dict`. The
    run then goes on bit for bit as if it had not stopped. If the scheduler was built with other
    arguments than the checkpoint's, `on_mismatch` decides; restore the optimizer first then, as
    its checkpoint holds the old rate.

    Inside `SequentialLR` it behaves like PyTorch's own; `>>` does the same with less. In a
    `ChainedScheduler` it sets the rate whatever those before it did, as `LambdaLR` does.

    Under Hugging Face accelerate, take `as_accelerate`: there, a prepared scheduler is called once
    for each process.

    Args:
        optimizer: The optimizer whose groups are set.
        schedule: Gives the multiplier.
        total: Number of updates (not epochs) of the run, warm-up included.
        momentum: If given, a schedule whose value is the momentum itself, set as `momentum`
            (SGD) or `betas[0]` (Adam) of every group; see `cycle_momentum`.
        last_epoch: As in PyTorch: index of the last update made, −1 for a new run.
        on_mismatch: What `load_state_dict` does where the checkpoint has another schedule,
            momentum, total or base rate: raise ("error"), follow the checkpoint ("checkpoint"), or
            keep the arguments given here and go on from the checkpoint's step ("new").

    Raises:
        ValueError: total < 1, a schedule that does not fit into it, a momentum schedule for an
            optimizer without momentum, an unknown policy.
        TypeError: `schedule` or `momentum` is no Schedule, or `optimizer` no Optimizer.

    >>> import torch
    >>> from halflife.schedules import rex
    >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    >>> scheduler = TorchScheduler(optimizer, rex().warmup(2), total=10)
    >>> for _ in range(3):
    ...     print(scheduler.get_last_lr())
    ...     optimizer.step()
    ...     scheduler.step()
    [0.15]
    [0.3]
    [0.3]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedule: Schedule,
        total: int,
        *,
        momentum: Schedule | None = None,
        last_epoch: int = -1,
        on_mismatch: Policy = "error",
    ) -> None:
        if on_mismatch not in get_args(Policy):
            raise ValueError(
                f"on_mismatch must be one of {', '.join(get_args(Policy))}, got {on_mismatch!r}."
            )
        self.on_mismatch = on_mismatch
        self._rate = _Blocks("schedule", schedule, total)
        self._left: dict[int, tuple[Tensor, int, float]] = {}
        self._momentum = None if momentum is None else _Blocks("momentum", momentum, total)
        if momentum is not None and isinstance(optimizer, Optimizer):
            for group in optimizer.param_groups:
                if "momentum" not in group and "betas" not in group:
                    raise ValueError(
                        f"{type(optimizer).__name__} has neither momentum nor betas to set; "
                        "leave momentum=None."
                    )
        super().__init__(optimizer, last_epoch)
        # Plain floats from here on: reading a rate that lives on a GPU waits for that GPU, and a
        # product of float32 tensors is rounded otherwise than one of floats.
        self.base_lrs = [float(base) for base in self.base_lrs]
        self._write()

    @property
    def schedule(self) -> Schedule:
        """The schedule of the learning rate."""
        return self._rate.schedule

    @property
    def momentum(self) -> Schedule | None:
        """The schedule of the momentum, if there is one."""
        return None if self._momentum is None else self._momentum.schedule

    @property
    def total(self) -> int:
        """Number of updates of the run."""
        return self._rate.total

    def get_lr(self) -> list[float | Tensor]:
        """Return the learning rate of every group at the present step."""
        multiplier = self._rate[max(self.last_epoch, 0)]  # −1: SequentialLR has not begun it yet
        return [base * multiplier for base in self.base_lrs]

    def get_last_lr(self) -> list[float | Tensor]:
        """Return the learning rate of every group at the present step, as plain floats."""
        return self.get_lr()

    @property
    def _last_lr(self) -> list[float | Tensor]:  # type: ignore[override]
        """What PyTorch keeps after every step; here it is worked out when somebody asks."""
        return self.get_lr()

    def step(self, epoch: int | None = None) -> None:
        """Move on to the next update; call after `optimizer.step()`.

        Args:
            epoch: Deprecated by PyTorch: a step to jump to.
        """
        if epoch is not None or self._step_count <= 1:
            super().step(epoch)  # with PyTorch's checks of the order of the calls
        else:
            self._step_count += 1
            self.last_epoch += 1
            self._write()

    def _update_lr(self, epoch: int | None = None) -> None:
        """Move to a step; PyTorch's `step` and its SequentialLR come in here."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._write()

    def state_dict(self) -> dict[str, Any]:
        """Return the step, the arguments and some values of the schedule, as plain JSON types."""
        return self._arguments() | {
            "last_epoch": self.last_epoch,
            "fingerprint": self._rate.fingerprint(),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a checkpoint, and set the optimizer's rates to what they are at its step.

        Raises:
            ValueError: The state is not of a TorchScheduler; it differs in its arguments and
                `on_mismatch` is "error", or "checkpoint" with another number of groups; or the
                checkpoint's schedule gives other values here than where it was saved, and
                `on_mismatch` is not "new".
        """
        self._adopt_new_groups()
        mine = self._arguments()
        missing = [name for name in (*mine, "last_epoch") if name not in state_dict]
        if missing:
            raise ValueError(f"This is not the state of a TorchScheduler: no {', '.join(missing)}.")
        differing = [name for name in mine if state_dict[name] != mine[name]]
        if differing and self.on_mismatch == "error":
            raise ValueError(
                "The checkpoint and this scheduler differ: "
                + "; ".join(
                    f"{name} {state_dict[name]} there, {mine[name]} here" for name in differing
                )
                + '. Build the scheduler with the same arguments, or with on_mismatch="checkpoint"'
                ' to follow the checkpoint or on_mismatch="new" to follow the new arguments.'
            )
        rate = self._rate
        if self.on_mismatch != "new":
            rate = _Blocks(
                "schedule", Schedule.from_json(state_dict["schedule"]), state_dict["total"]
            )
            there = state_dict.get("fingerprint", rate.fingerprint())
            if not np.allclose(there, rate.fingerprint(), rtol=1e-6, atol=1e-9):
                raise ValueError(
                    f"{rate.schedule!r} has other values here than where the checkpoint was saved: "
                    "its formula has changed. Use the version of the code that wrote the "
                    'checkpoint, or on_mismatch="new" to go on with the new formula.'
                )
        if differing and self.on_mismatch == "checkpoint":
            bases = list(state_dict["base_lrs"])
            if len(bases) != len(self.base_lrs):
                raise ValueError(
                    f"The checkpoint has {len(bases)} parameter groups and the optimizer "
                    f"{len(self.base_lrs)}; build the same groups before loading."
                )
            momentum = state_dict["momentum"]
            self._rate = rate
            self._momentum = momentum and _Blocks(
                "momentum", Schedule.from_json(momentum), rate.total
            )
            self.base_lrs = bases
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            _assign(group, "initial_lr", base)
        self.last_epoch = state_dict["last_epoch"]
        self._step_count = self.last_epoch + 1
        if self.last_epoch >= 0:  # a later part of a SequentialLR has not begun yet
            self._write()

    def _arguments(self) -> dict[str, Any]:
        momentum = self.momentum
        return {
            "schedule": self.schedule.to_json(),
            "momentum": None if momentum is None else momentum.to_json(),
            "total": self.total,
            "base_lrs": list(self.base_lrs),
        }

    def _adopt_new_groups(self) -> None:
        if len(self.optimizer.param_groups) < len(self.base_lrs):
            raise ValueError(
                f"The optimizer has {len(self.optimizer.param_groups)} parameter groups and had "
                f"{len(self.base_lrs)}; build a new TorchScheduler after removing groups."
            )
        for group in self.optimizer.param_groups[len(self.base_lrs) :]:
            self.base_lrs.append(float(group.setdefault("initial_lr", group["lr"])))

    def _write(self) -> None:
        """Put rate and momentum of the present step into the optimizer."""
        groups = self.optimizer.param_groups
        if len(groups) != len(self.base_lrs):
            self._adopt_new_groups()
        multiplier = self._rate[self.last_epoch]
        # The lengths are equal by now, and strict=True takes as long as all the rest of this loop.
        for group, base in zip(groups, self.base_lrs):  # noqa: B905
            if type(group["lr"]) is float:
                group["lr"] = base * multiplier
            else:
                self._fill(group, base * multiplier)
        if self._momentum is not None:
            momentum = self._momentum[self.last_epoch]
            for group in groups:
                if "momentum" in group:
                    group["momentum"] = momentum
                elif isinstance(group["betas"][0], Tensor):
                    group["betas"][0].fill_(momentum)
                else:
                    group["betas"] = (momentum, *group["betas"][1:])

    def _fill(self, group: dict[str, Any], rate: float | Tensor) -> None:
        """Write the rate, unless it is a tensor that has it already and is as this left it.

        On a card each write is a kernel, and a constant phase may be long. A tensor's version
        counts the writes of everybody.
        """
        held = group["lr"]
        if not isinstance(held, Tensor):
            group["lr"] = rate
            return
        tensor, version, value = self._left.get(id(group), (None, 0, 0.0))
        if tensor is not held or version != held._version or value != rate:
            held.fill_(rate)
            if not isinstance(rate, Tensor):  # as in PyTorch's own first step; comparing would wait
                self._left[id(group)] = held, held._version, rate

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_left": {}}  # a copy has tensors and versions of its own


class _Blocks:
    """The values of one schedule as Python floats, a block of steps at a time."""

    def __init__(self, name: str, schedule: Schedule, total: int) -> None:
        self.schedule = a_schedule(name, schedule)
        self.total = run_length(total)
        self._first = 0
        self._values: list[float] = []
        self[0]  # a schedule that does not fit into the run fails here and not in mid-training

    def __getitem__(self, step: int) -> float:
        offset = step - self._first
        if not 0 <= offset < len(self._values):
            self._load(step)
            offset = step - self._first
        return self._values[offset]

    def fingerprint(self) -> list[float]:
        """Return the values at nine places of the run."""
        steps = np.floor(np.linspace(0, self.total - 1, 9))
        return [float(value) for value in self.schedule(steps, self.total)]

    def _load(self, step: int) -> None:
        if step < self.total:
            # Blocks lie on a fixed grid, so a resumed run computes the very same ones.
            self._first = step - step % BLOCK
            steps = np.arange(self._first, min(self._first + BLOCK, self.total))
        elif step == self.total:  # the step() after the last update, at the end of every loop
            self._first = step
            steps = np.array([self.total - 1])
        else:
            self._first = step
            steps = np.arange(step, step + BLOCK)
        self._values = self.schedule(steps, self.total).tolist()


def _assign(group: dict[str, Any], key: str, value: float | Tensor) -> None:
    if isinstance(group.get(key), Tensor):
        group[key].fill_(value)
    else:
        group[key] = value
