"""A real Accelerator: gradient accumulation, processes, checkpoints."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from halflife.schedules import TorchScheduler, as_accelerate, rex

accelerate = pytest.importorskip("accelerate")

UPDATES, ACCUMULATION = 6, 3
SCHEDULE = rex().warmup(2)
EXPECTED = [0.1 * SCHEDULE(s, UPDATES) for s in range(UPDATES)]


def prepare(make: Any = None, **options: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Return an accelerator, and a model, optimizer, data and scheduler prepared by it."""
    accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
    accelerate.state.GradientState._reset_state()
    accelerator = accelerate.Accelerator(cpu=True, **options)
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = torch.utils.data.DataLoader(torch.ones(UPDATES * ACCUMULATION, 1), batch_size=1)
    if make is None:
        scheduler = TorchScheduler(optimizer, SCHEDULE, UPDATES)
    else:
        scheduler = make(SCHEDULE, optimizer, accelerator, UPDATES)
    return (accelerator, *accelerator.prepare(model, optimizer, data, scheduler))


def train(
    accelerator: Any, model: Any, optimizer: Any, data: Any, scheduler: Any, every: bool = True
) -> list[float]:
    """Return the rate of every update; step the scheduler every batch or every update."""
    seen = []
    for x in data:
        with accelerator.accumulate(model):
            accelerator.backward(model(x).square().mean())
            if accelerator.sync_gradients:
                seen.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if every or accelerator.sync_gradients:
                scheduler.step()
            optimizer.zero_grad()
    return seen


def pretend(monkeypatch: pytest.MonkeyPatch, processes: int) -> None:
    for state in (accelerate.state.PartialState, accelerate.state.AcceleratorState):
        monkeypatch.setitem(state._shared_state, "num_processes", processes)


def test_a_prepared_scheduler_steps_once_per_update_not_per_batch() -> None:
    parts = prepare(gradient_accumulation_steps=ACCUMULATION)
    assert train(*parts) == EXPECTED
    assert parts[-1].scheduler.last_epoch == UPDATES


@pytest.mark.parametrize("processes", [1, 2])
def test_every_call_is_one_step_when_accelerate_is_told_so(
    processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = prepare(gradient_accumulation_steps=ACCUMULATION, step_scheduler_with_optimizer=False)
    pretend(monkeypatch, processes)
    assert train(*parts, every=False) == EXPECTED
    assert parts[-1].scheduler.last_epoch == UPDATES


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("options", [{}, {"step_scheduler_with_optimizer": False}])
def test_as_accelerate_moves_on_once_per_update(
    processes: int, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(schedule: Any, optimizer: Any, accelerator: Any, total: int) -> TorchScheduler:
        pretend(monkeypatch, processes)
        made = as_accelerate(schedule, optimizer, accelerator, total)
        pretend(monkeypatch, 1)  # there is nobody to share the data with
        return made

    parts = prepare(make, gradient_accumulation_steps=ACCUMULATION, **options)
    pretend(monkeypatch, processes)
    assert train(*parts, every=not options) == EXPECTED
    assert parts[-1].scheduler.last_epoch == UPDATES


def test_a_plain_scheduler_runs_ahead_with_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = prepare(gradient_accumulation_steps=ACCUMULATION)
    pretend(monkeypatch, 2)
    with pytest.warns(RuntimeWarning, match="past the end of its run of 6 updates"):
        seen = train(*parts)
    assert seen[:3] == [0.1 * SCHEDULE(s, UPDATES) for s in (0, 2, 4)]
    assert seen != EXPECTED


def test_as_accelerate_takes_a_prepared_optimizer_too() -> None:
    accelerator, _, optimizer, _, _ = prepare()
    assert as_accelerate(SCHEDULE, optimizer, accelerator, UPDATES).optimizer is optimizer.optimizer


REAL = """
import sys
import accelerate, torch
from halflife.schedules import as_accelerate, rex

def run(folder):
    accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=3)
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = torch.utils.data.DataLoader(torch.ones(2 * 6 * 3, 1), batch_size=1)
    scheduler = as_accelerate(rex().warmup(2), optimizer, accelerator, total=6)
    model, optimizer, data, scheduler = accelerator.prepare(model, optimizer, data, scheduler)
    seen = []
    for x in data:
        with accelerator.accumulate(model):
            accelerator.backward(model(x).square().mean())
            if accelerator.sync_gradients:
                seen.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
    with open(f"{folder}/{accelerator.process_index}", "w") as file:
        file.write(repr((accelerator.num_processes, seen)))

accelerate.debug_launcher(run, (sys.argv[1],), num_processes=2)
"""


@pytest.mark.slow
def test_two_real_processes_follow_the_schedule(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REAL, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = [ast.literal_eval((tmp_path / rank).read_text()) for rank in ("0", "1")]
    assert seen == [(2, EXPECTED)] * 2


def test_save_state_and_load_state_carry_it(tmp_path: Path) -> None:
    accelerator, _, optimizer, _, scheduler = prepare()
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    accelerator.save_state(str(tmp_path))
    accelerator, _, optimizer, _, scheduler = prepare()
    accelerator.load_state(str(tmp_path))
    assert scheduler.scheduler.last_epoch == 3
    assert optimizer.param_groups[0]["lr"] == EXPECTED[3]
