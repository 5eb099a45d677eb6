"""What a trainer's own scheduler can tell of the run in advance."""

import pytest
import torch

from halflife.optim import LionK
from halflife.optim.diagnostics.trainers import schedule_of
from halflife.schedules import TorchScheduler, rex


def test_the_run_of_a_scheduler_is_known_in_advance_if_it_can_tell():
    accelerate = pytest.importorskip("accelerate")
    optimizer = LionK([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    rates = torch.optim.lr_scheduler
    wrapped = accelerate.scheduler.AcceleratedScheduler(
        rates.LambdaLR(optimizer, lambda step: 1 / (1 + step)), [optimizer]
    )
    assert [schedule_of(wrapped)(s, 9) for s in (0, 3)] == [1, 1 / 4]
    ours = TorchScheduler(optimizer, rex().warmup(2), 9)
    assert [schedule_of(ours)(s, 9) for s in range(9)] == [rex().warmup(2)(s, 9) for s in range(9)]
    assert schedule_of(ours)(9, 9) == schedule_of(ours)(8, 9)
    assert schedule_of(rates.ReduceLROnPlateau(optimizer)) is None
    assert schedule_of(None) is None
