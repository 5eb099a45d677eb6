"""A run that becomes longer: what was done stays, what follows is the policy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from halflife.schedules import (
    Schedule,
    TorchScheduler,
    constant,
    cosine,
    extend,
    linear,
    polynomial,
    rewarm,
    rex,
)

from . import strategies as some

POLICIES = ["hold", "cooldown", "rewarm", rewarm(0.1, 3, rex())]


@st.composite
def runs(draw: Any) -> tuple[int, int, int]:
    total = draw(st.integers(1, 60))
    return total, draw(st.integers(total + 3, 120)), draw(st.integers(0, total))


@example(polynomial(0.125), (54, 57, 53), "hold")
@given(some.schedules, runs(), st.sampled_from(POLICIES))
def test_steps_already_made_keep_their_values_bit_for_bit(
    schedule: Schedule, run: tuple[int, int, int], policy: Any
) -> None:
    total, new_total, at = run
    longer = extend(schedule, total, new_total, at=at, policy=policy)
    before = schedule.table(total)
    table = longer.table(new_total)
    np.testing.assert_array_equal(table[:at], before[:at])
    np.testing.assert_array_equal([longer(s, new_total) for s in range(at)], before[:at])
    assert (table >= 0).all()
    assert (table <= 1).all()
    assert Schedule.from_json(longer.to_json()) == longer
    if policy in ("hold", "cooldown"):  # both go on from the rate that would have been next
        assert table[at] == before[min(at, total - 1)]
    if policy == "hold":
        assert len(set(table[at:])) == 1
    if policy == "cooldown":
        assert (np.diff(table[at:]) <= 0).all()


def test_each_policy_does_what_it_says() -> None:
    old, at = cosine(), 60
    v = old(at, 100)
    tables = {
        policy: extend(old, 100, 200, at=at, policy=policy).table(200)
        for policy in ("stretch", "hold", "cooldown", "rewarm")
    }
    np.testing.assert_array_equal(tables["stretch"], cosine().table(200))
    np.testing.assert_array_equal(tables["hold"][at:], v)
    np.testing.assert_allclose(tables["cooldown"][at:], v * linear().table(140), rtol=1e-15)
    np.testing.assert_array_equal(tables["rewarm"][at:], rewarm(v).table(140))
    own = extend(old, 100, 200, at=at, policy=rex()).table(200)
    np.testing.assert_array_equal(own[at:], rex().table(140))


def test_a_finished_run_goes_on_from_its_last_value_in_silence() -> None:
    table = extend(linear(), 10, 12, at=10, policy="hold").table(12)
    done = linear().table(10)
    np.testing.assert_array_equal(table, [*done, done[-1], done[-1]])


def test_an_extended_run_can_be_extended_again() -> None:
    once = extend(linear(), 10, 20, at=5, policy="hold")
    twice = extend(once, 20, 30, at=15, policy="cooldown")
    np.testing.assert_array_equal(twice.table(30)[:15], once.table(20)[:15])
    assert twice(15, 30) == 0.5


def test_a_checkpoint_goes_on_with_the_longer_schedule() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = TorchScheduler(optimizer, linear(), 10)
    for _ in range(8):
        optimizer.step()
        scheduler.step()
    longer = extend(linear(), 10, 20, at=8, policy=constant())
    resumed = TorchScheduler(optimizer, longer, 20, on_mismatch="new")
    resumed.load_state_dict(scheduler.state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert resumed.last_epoch == 8


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: extend(rex(), 10, 5, at=3, policy="hold"), "new_total must not be less than tot"),
        (lambda: extend(rex(), 10, 20, at=11, policy="hold"), "updates made from 0 to 10, got 11"),
        (lambda: extend(rex(), 10, 20, at=-1, policy="hold"), "from 0 to 10, got -1"),
        (lambda: extend(rex(), 10, 20, at=2.5, policy="hold"), "from 0 to 10, got 2.5"),
        (lambda: extend(rex(), 10, 20, at=1, policy="grow"), "policy must be one of stretch, hold"),
        (lambda: extend(rex(), 0, 20, at=0, policy="hold"), "total must be an integer"),
        (
            lambda: extend(rex(), 10, 20, at=5, policy=rewarm(0.1, warmup=50)),
            "warm-up length of 50 steps is longer than the run .total = 15.",
        ),
        (
            lambda: extend(rex(), 10, 20, at=5, policy="hold").table(4),
            "extended at step 5 and cannot be used for a run of 4",
        ),
    ],
)
def test_mistakes_are_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
