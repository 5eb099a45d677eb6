"""The scheduler against the pure function, through checkpoints, and past the end."""

from __future__ import annotations

import copy
import io
import json
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import ChainedScheduler, LambdaLR, LRScheduler, SequentialLR

from halflife.schedules import (
    Schedule,
    TorchScheduler,
    constant,
    cosine,
    cycle_momentum,
    epochs,
    linear,
    one_cycle,
    rex,
    wsd,
)
from halflife.schedules.torch_scheduler import BLOCK

T = 8
SCHEDULE = rex().warmup(2).floor(0.05)


def weights(n: int = 1) -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.zeros(2)) for _ in range(n)]


def sgd(lr: Any = 0.1, groups: int = 1) -> torch.optim.SGD:
    return torch.optim.SGD(
        [{"params": [w], "lr": lr / 2**k} for k, w in enumerate(weights(groups))], momentum=0.9
    )


def advance(optimizer: torch.optim.Optimizer, scheduler: LRScheduler, updates: int = 1) -> None:
    for _ in range(updates):
        optimizer.step()
        scheduler.step()


def test_it_is_a_pytorch_scheduler() -> None:
    assert isinstance(TorchScheduler(sgd(), SCHEDULE, T), LRScheduler)


def test_every_update_runs_at_base_rate_times_schedule_in_every_group() -> None:
    optimizer = sgd(0.3, groups=3)
    scheduler = TorchScheduler(optimizer, SCHEDULE, T)
    for s in range(T):
        expected = [0.3 / 2**k * SCHEDULE(s, T) for k in range(3)]
        assert [group["lr"] for group in optimizer.param_groups] == expected
        assert scheduler.get_last_lr() == scheduler.get_lr() == expected
        advance(optimizer, scheduler)


def test_blocks_join_without_a_seam() -> None:
    total = 2 * BLOCK + 7
    optimizer = sgd(1.0)
    scheduler = TorchScheduler(optimizer, cosine().warmup(0.1), total)
    seen = []
    for _ in range(total):
        seen.append(optimizer.param_groups[0]["lr"])
        advance(optimizer, scheduler)
    assert seen == [cosine().warmup(0.1)(s, total) for s in range(total)]


def test_it_equals_lambda_lr() -> None:
    ours, peer = sgd(), sgd()
    mine = TorchScheduler(ours, SCHEDULE, T)
    lambda_lr = LambdaLR(peer, lambda s: SCHEDULE(s, T))
    for _ in range(T - 1):
        assert ours.param_groups[0]["lr"] == peer.param_groups[0]["lr"]
        advance(ours, mine)
        advance(peer, lambda_lr)


def test_a_tensor_rate_is_filled_in_place() -> None:
    rate = torch.tensor(0.1)
    optimizer = torch.optim.SGD(weights(), lr=rate)
    scheduler = TorchScheduler(optimizer, SCHEDULE, T)
    base = float(torch.tensor(0.1))
    for s in range(T):
        held = optimizer.param_groups[0]["lr"]
        assert held is rate
        assert float(held) == float(torch.tensor(base * SCHEDULE(s, T)))
        assert scheduler.get_last_lr() == [base * SCHEDULE(s, T)]
        advance(optimizer, scheduler)


def test_a_tensor_rate_is_left_alone_while_it_does_not_change() -> None:
    rate = torch.tensor(0.5)
    optimizer = torch.optim.SGD(weights(), lr=rate)
    scheduler = TorchScheduler(optimizer, wsd(cooldown=4, warmup=2), 40)
    versions = [rate._version]
    for s in range(40):
        assert float(rate) == 0.5 * wsd(cooldown=4, warmup=2)(s, 40)
        advance(optimizer, scheduler)
        versions.append(rate._version)
    writes = np.diff(versions)
    assert writes[3:35].sum() == 0  # the plateau
    assert writes[[0, 36, 37, 38]].tolist() == [1, 1, 1, 1]
    assert all(isinstance(value, float) for _, _, value in scheduler._left.values())


@pytest.mark.parametrize("copied", [False, True])
def test_a_rate_that_somebody_else_has_written_is_set_right(copied: bool) -> None:
    optimizer = torch.optim.SGD(weights(2), lr=torch.tensor(0.5))
    scheduler = TorchScheduler(optimizer, constant(), 40)
    advance(optimizer, scheduler, 5)
    if copied:
        scheduler = copy.deepcopy(scheduler)
        optimizer = scheduler.optimizer
    (group,) = optimizer.param_groups
    group["lr"].fill_(7)
    advance(optimizer, scheduler)
    assert float(group["lr"]) == 0.5
    group["lr"] = torch.tensor(7.0)
    advance(optimizer, scheduler)
    assert float(group["lr"]) == 0.5
    other = torch.optim.SGD(weights(2), lr=torch.tensor(3.0))
    optimizer.load_state_dict(other.state_dict())
    advance(optimizer, scheduler)
    assert float(optimizer.param_groups[0]["lr"]) == 0.5


def test_momentum_follows_its_own_schedule() -> None:
    optimizer = sgd()
    scheduler = TorchScheduler(optimizer, one_cycle(), T, momentum=cycle_momentum())
    adam = torch.optim.AdamW(weights(), lr=0.1, betas=(0.9, 0.99))
    other = TorchScheduler(adam, one_cycle(), T, momentum=cycle_momentum())
    for s in range(T):
        assert optimizer.param_groups[0]["momentum"] == cycle_momentum()(s, T)
        assert adam.param_groups[0]["betas"] == (cycle_momentum()(s, T), 0.99)
        advance(optimizer, scheduler)
        advance(adam, other)


def test_momentum_given_as_a_tensor_is_filled_in_place() -> None:
    beta = torch.tensor(0.9)
    adam = torch.optim.Adam(
        weights(), lr=torch.tensor(0.1), betas=(beta, torch.tensor(0.99)), capturable=True
    )
    scheduler = TorchScheduler(adam, one_cycle(), T, momentum=cycle_momentum(0.8, 0.5))
    assert adam.param_groups[0]["betas"][0] is beta
    assert float(beta) == pytest.approx(0.8)
    assert scheduler.momentum == cycle_momentum(0.8, 0.5)


def test_an_ordinary_loop_ends_in_silence_and_going_on_warns_once() -> None:
    schedule = linear().floor(0.0321)
    optimizer = sgd()
    scheduler = TorchScheduler(optimizer, schedule, T)
    advance(optimizer, scheduler, T)
    last = 0.1 * schedule(T - 1, T)
    assert optimizer.param_groups[0]["lr"] == last
    with pytest.warns(RuntimeWarning, match="past the end of its run of 8 updates") as caught:
        advance(optimizer, scheduler, 2 * BLOCK)
    assert len(caught) == 1
    assert optimizer.param_groups[0]["lr"] == last


@pytest.mark.parametrize("updates", [0, 1, 4])
def test_a_group_added_later_joins_at_its_own_rate(updates: int) -> None:
    optimizer = sgd(0.1)
    scheduler = TorchScheduler(optimizer, linear(), T)
    advance(optimizer, scheduler, updates)
    optimizer.add_param_group({"params": weights(), "lr": 0.8})
    advance(optimizer, scheduler)
    rates = [group["lr"] for group in optimizer.param_groups]
    assert rates == [base * linear()(updates + 1, T) for base in (0.1, 0.8)]
    twin = TorchScheduler(sgd(0.1), linear(), T)
    twin.optimizer.add_param_group({"params": weights(), "lr": 0.8})
    twin.load_state_dict(scheduler.state_dict())
    assert [group["lr"] for group in twin.optimizer.param_groups] == rates


def test_a_step_can_be_jumped_to() -> None:
    scheduler = TorchScheduler(sgd(), linear(), T)
    scheduler.optimizer.step()
    with pytest.warns(UserWarning, match="epoch parameter"):
        scheduler.step(5)
    assert scheduler.get_last_lr() == [0.1 * linear()(5, T)]


def test_last_epoch_means_what_it_means_in_pytorch() -> None:
    optimizer = sgd()
    TorchScheduler(optimizer, linear(), T)
    resumed = TorchScheduler(optimizer, linear(), T, last_epoch=3)
    assert resumed.last_epoch == 4
    assert optimizer.param_groups[0]["lr"] == 0.1 * linear()(4, T)


# --- inside PyTorch's own combinators ------------------------------------------------------------


def two_parts(optimizer: torch.optim.Optimizer) -> SequentialLR:
    warm = constant().warmup(4)
    parts = [TorchScheduler(optimizer, warm, 4), TorchScheduler(optimizer, rex(), T)]
    return SequentialLR(optimizer, parts, milestones=[4])


def test_in_sequential_lr_it_does_what_the_joined_schedule_does() -> None:
    joined = constant().warmup(4).lasting(4) >> rex()
    optimizer = sgd(0.3, groups=2)
    scheduler = two_parts(optimizer)
    for s in range(4 + T):
        expected = [0.3 / 2**k * joined(s, 4 + T) for k in range(2)]
        assert [group["lr"] for group in optimizer.param_groups] == expected
        assert scheduler.get_last_lr() == expected
        advance(optimizer, scheduler)


@pytest.mark.parametrize("optimizer_first", [True, False])
@pytest.mark.parametrize("updates", range(4 + T))
def test_a_sequential_lr_can_be_resumed_at_any_step(updates: int, optimizer_first: bool) -> None:
    first = sgd(0.3)
    whole = two_parts(first)
    advance(first, whole, updates)
    saved = copy.deepcopy((first.state_dict(), whole.state_dict()))
    second = sgd(0.3)
    resumed = two_parts(second)
    if optimizer_first:
        second.load_state_dict(saved[0])
        resumed.load_state_dict(saved[1])
    else:
        resumed.load_state_dict(saved[1])
        second.load_state_dict(saved[0])
    for _ in range(updates, 4 + T):
        assert second.param_groups[0]["lr"] == first.param_groups[0]["lr"]
        advance(first, whole)
        advance(second, resumed)


def test_in_a_chained_scheduler_it_sets_the_rate_whatever_came_before() -> None:
    optimizer = sgd(0.1)
    before = LambdaLR(optimizer, lambda s: 0.5)
    chained = ChainedScheduler([before, TorchScheduler(optimizer, rex(), T)], optimizer)
    for s in range(T):
        assert optimizer.param_groups[0]["lr"] == 0.1 * rex()(s, T)
        advance(optimizer, chained)
        assert chained.get_last_lr() == [0.1 * rex()(min(s + 1, T - 1), T)]


# --- checkpoints ---------------------------------------------------------------------------------


class Run:
    """A small noisy training run."""

    def __init__(self, tensor_rate: bool = False, saved: dict[str, Any] | None = None) -> None:
        torch.manual_seed(0)
        self.model = torch.nn.Linear(3, 1)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), lr=torch.tensor(0.1) if tensor_rate else 0.1, momentum=0.9
        )
        if saved is not None:
            self.model.load_state_dict(saved["model"])

    def schedule(self) -> None:
        self.scheduler = TorchScheduler(self.optimizer, SCHEDULE, T, momentum=cycle_momentum())

    def train(self, first: int, last: int) -> None:
        for s in range(first, last):
            x = torch.randn(4, 3, generator=torch.Generator().manual_seed(s))
            self.optimizer.zero_grad()
            self.model(x).square().mean().backward()
            self.optimizer.step()
            self.scheduler.step()

    def save(self) -> dict[str, Any]:
        buffer = io.BytesIO()
        parts = ("model", "optimizer", "scheduler")
        torch.save({part: getattr(self, part).state_dict() for part in parts}, buffer)
        buffer.seek(0)
        loaded: dict[str, Any] = torch.load(buffer, weights_only=True)
        return loaded


@pytest.mark.parametrize("order", ["built before", "built after", "scheduler loaded first"])
@pytest.mark.parametrize("tensor_rate", [False, True])
def test_a_run_resumed_at_any_step_is_the_uninterrupted_run_bit_for_bit(
    order: str, tensor_rate: bool
) -> None:
    whole = Run(tensor_rate)
    whole.schedule()
    checkpoints = [whole.save()]
    for s in range(T):
        whole.train(s, s + 1)
        checkpoints.append(whole.save())
    for s, saved in enumerate(checkpoints):
        run = Run(tensor_rate, saved)
        if order == "built after":
            run.optimizer.load_state_dict(saved["optimizer"])
            run.schedule()
            run.scheduler.load_state_dict(saved["scheduler"])
        elif order == "built before":
            run.schedule()
            run.optimizer.load_state_dict(saved["optimizer"])
            run.scheduler.load_state_dict(saved["scheduler"])
        else:
            run.schedule()
            run.scheduler.load_state_dict(saved["scheduler"])
            run.optimizer.load_state_dict(saved["optimizer"])
        assert run.scheduler.get_last_lr() == [
            run.scheduler.base_lrs[0] * SCHEDULE(min(s, T - 1), T)
        ]
        run.train(s, T)
        assert run.save()["scheduler"] == checkpoints[-1]["scheduler"]
        for mine, other in zip(run.model.parameters(), whole.model.parameters(), strict=True):
            assert torch.equal(mine, other)


def test_the_state_is_plain_json_with_the_schedule_in_it() -> None:
    scheduler = TorchScheduler(sgd(), SCHEDULE, T, momentum=cycle_momentum())
    state = json.loads(json.dumps(scheduler.state_dict()))
    assert Schedule.from_json(state["schedule"]) == SCHEDULE
    assert Schedule.from_json(state["momentum"]) == cycle_momentum()
    assert (state["total"], state["last_epoch"], state["base_lrs"]) == (T, 0, [0.1])


def test_it_can_be_pickled_and_copied() -> None:
    optimizer = sgd()
    scheduler = TorchScheduler(optimizer, SCHEDULE, T)
    advance(optimizer, scheduler, 3)
    for twin in (pickle.loads(pickle.dumps(scheduler)), copy.deepcopy(scheduler)):
        assert twin.state_dict() == scheduler.state_dict()
        twin.optimizer.step()
        twin.step()
        assert twin.get_last_lr() == [0.1 * SCHEDULE(4, T)]
    assert scheduler.last_epoch == 3


def checkpoint_at(step: int) -> dict[str, Any]:
    optimizer = sgd()
    scheduler = TorchScheduler(optimizer, SCHEDULE, T)
    advance(optimizer, scheduler, step)
    return scheduler.state_dict()


@pytest.mark.parametrize(
    ("lr", "arguments", "differing"),
    [
        (0.1, (SCHEDULE, 20), "total 8 there, 20 here"),
        (0.1, (linear(), T), 'schedule .*"kind": "floor".* there, {"kind": "linear"} here'),
        (0.2, (SCHEDULE, T), r"base_lrs \[0.1\] there, \[0.2\] here"),
    ],
)
def test_other_arguments_than_the_checkpoints_are_an_error_unless_decided(
    lr: float, arguments: tuple[Schedule, int], differing: str
) -> None:
    saved = checkpoint_at(3)
    schedule, total = arguments
    strict = TorchScheduler(sgd(lr), schedule, total)
    with pytest.raises(ValueError, match=differing + r'.*on_mismatch="checkpoint"'):
        strict.load_state_dict(saved)
    assert strict.last_epoch == 0

    follows = TorchScheduler(sgd(lr), schedule, total, on_mismatch="checkpoint")
    follows.load_state_dict(saved)
    assert follows.state_dict() == saved
    assert follows.optimizer.param_groups[0]["lr"] == 0.1 * SCHEDULE(3, T)

    renews = TorchScheduler(sgd(lr), schedule, total, on_mismatch="new")
    renews.optimizer.load_state_dict(follows.optimizer.state_dict())
    assert renews.optimizer.param_groups[0]["initial_lr"] == 0.1
    renews.load_state_dict(saved)
    assert (renews.schedule, renews.total, renews.last_epoch) == (schedule, total, 3)
    assert renews.optimizer.param_groups[0]["lr"] == lr * schedule(3, total)
    assert renews.optimizer.param_groups[0]["initial_lr"] == lr


def test_a_momentum_schedule_is_part_of_the_arguments() -> None:
    with_momentum = TorchScheduler(sgd(), SCHEDULE, T, momentum=cycle_momentum())
    with pytest.raises(ValueError, match=r"momentum None there, .*cycle_momentum.* here"):
        with_momentum.load_state_dict(checkpoint_at(3))
    without = TorchScheduler(sgd(), SCHEDULE, T, on_mismatch="checkpoint")
    without.load_state_dict(with_momentum.state_dict())
    assert without.momentum == cycle_momentum()


def test_a_formula_that_has_changed_since_the_checkpoint_is_noticed() -> None:
    saved = checkpoint_at(3)
    saved["fingerprint"] = [value * 0.9 for value in saved["fingerprint"]]
    for policy in ("error", "checkpoint"):
        scheduler = TorchScheduler(sgd(), SCHEDULE, T, on_mismatch=policy)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="its formula has changed"):
            scheduler.load_state_dict(saved)
    renews = TorchScheduler(sgd(), SCHEDULE, T, on_mismatch="new")
    renews.load_state_dict(saved)
    assert renews.get_last_lr() == [0.1 * SCHEDULE(3, T)]


def test_a_checkpoint_of_another_processor_may_differ_in_the_last_digits() -> None:
    saved = checkpoint_at(3)
    saved["fingerprint"] = [value * (1 + 1e-12) for value in saved["fingerprint"]]
    scheduler = TorchScheduler(sgd(), SCHEDULE, T)
    scheduler.load_state_dict(saved)
    assert scheduler.last_epoch == 3


def test_states_that_do_not_fit_are_refused() -> None:
    foreign = LambdaLR(sgd(), lambda s: 1.0).state_dict()
    with pytest.raises(
        ValueError, match="not the state of a TorchScheduler: no schedule, momentum"
    ):
        TorchScheduler(sgd(), SCHEDULE, T).load_state_dict(foreign)
    two_groups = TorchScheduler(sgd(groups=2), SCHEDULE, T, on_mismatch="checkpoint")
    with pytest.raises(ValueError, match="checkpoint has 1 parameter groups and the optimizer 2"):
        two_groups.load_state_dict(checkpoint_at(1))


# --- mistakes ------------------------------------------------------------------------------------


def test_what_can_be_checked_is_checked_when_it_is_built() -> None:
    with pytest.raises(ValueError, match="warm-up length of 20 steps is longer than the run"):
        TorchScheduler(sgd(), rex().warmup(20), T)
    with pytest.raises(ValueError, match="total must be an integer of at least 1"):
        TorchScheduler(sgd(), rex(), 0)
    with pytest.raises(TypeError, match="schedule must be a Schedule such as"):
        TorchScheduler(sgd(), lambda s: 1.0, T)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="momentum must be a Schedule such as"):
        TorchScheduler(sgd(), rex(), T, momentum=0.9)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="on_mismatch must be one of error, checkpoint, new"):
        TorchScheduler(sgd(), rex(), T, on_mismatch="ask")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="is not an Optimizer"):
        TorchScheduler(weights(), rex(), T)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Adagrad has neither momentum nor betas"):
        TorchScheduler(torch.optim.Adagrad(weights()), rex(), T, momentum=cycle_momentum())


def test_lengths_that_are_not_known_in_steps_are_refused_when_it_is_built() -> None:
    with pytest.raises(ValueError, match=r"call .resolve\(steps_per_epoch=…\) on the schedule"):
        TorchScheduler(sgd(), rex().warmup(epochs(1)), T)


def test_a_group_that_is_gone_is_named() -> None:
    optimizer = sgd(groups=2)
    scheduler = TorchScheduler(optimizer, rex(), T)
    del optimizer.param_groups[1]
    with pytest.raises(ValueError, match="has 1 parameter groups and had 2; build a new"):
        advance(optimizer, scheduler)


def test_the_arguments_cannot_be_changed_behind_its_back() -> None:
    scheduler = TorchScheduler(sgd(), SCHEDULE, T)
    for name in ("schedule", "total", "momentum"):
        with pytest.raises(AttributeError):
            setattr(scheduler, name, 1)


def test_pytorch_still_warns_of_calls_in_the_wrong_order() -> None:
    scheduler = TorchScheduler(sgd(), SCHEDULE, T)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        scheduler.step()


def test_schedules_longer_than_memory_are_never_tabulated_whole() -> None:
    optimizer = sgd()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler = TorchScheduler(optimizer, rex().warmup(0.01), 10**12)
        advance(optimizer, scheduler)
    assert np.isfinite(scheduler.get_last_lr()[0])
