"""PyTorch's and Hugging Face's schedules, update by update, after the stated index shifts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler as theirs

from halflife.schedules import (
    Schedule,
    constant,
    cosine,
    cycle_momentum,
    exponential,
    linear,
    one_cycle,
    polynomial,
    step,
)

T = 12


def sgd(lr: float = 1.0) -> torch.optim.SGD:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9)


def rates(make: Callable[[torch.optim.SGD], Any], updates: int = T, key: str = "lr") -> list[float]:
    """Return what the group holds at each update."""
    optimizer = sgd()
    scheduler = make(optimizer)
    seen = []
    for _ in range(updates):
        seen.append(optimizer.param_groups[0][key])
        optimizer.step()
        scheduler.step()
    return seen


@pytest.mark.parametrize(
    ("ours", "make"),
    [
        (constant(), lambda o: theirs.ConstantLR(o, factor=1.0)),
        (linear(), lambda o: theirs.LinearLR(o, 1.0, 0.0, total_iters=T)),
        (linear().floor(0.2), lambda o: theirs.LinearLR(o, 1.0, 0.2, total_iters=T)),
        (cosine(), lambda o: theirs.CosineAnnealingLR(o, T_max=T)),
        (cosine().floor(0.1), lambda o: theirs.CosineAnnealingLR(o, T_max=T, eta_min=0.1)),
        (polynomial(2), lambda o: theirs.PolynomialLR(o, total_iters=T, power=2)),
        (exponential(-3), lambda o: theirs.ExponentialLR(o, gamma=math.exp(-3 / T))),
        (step(), lambda o: theirs.MultiStepLR(o, milestones=[T // 2, 3 * T // 4])),
        (step((2, 5, 7), 0.5), lambda o: theirs.MultiStepLR(o, [2, 5, 7], gamma=0.5)),
        # LinearLR counts from its start factor, so W updates take W − 1 of its iterations.
        (constant().warmup(4), lambda o: theirs.LinearLR(o, 1 / 4, 1.0, total_iters=3)),
        (
            cosine().warmup(4),
            lambda o: theirs.SequentialLR(
                o,
                [theirs.LinearLR(o, 1 / 4, total_iters=3), theirs.CosineAnnealingLR(o, T - 4)],
                milestones=[4],
            ),
        ),
        (
            cosine().lasting(6) >> cosine(),
            lambda o: theirs.CosineAnnealingWarmRestarts(o, T_0=6),
        ),
    ],
    ids=lambda value: repr(value) if isinstance(value, Schedule) else "",
)
def test_pytorch_has_the_same_rates(ours: Schedule, make: Callable[[Any], Any]) -> None:
    np.testing.assert_allclose(ours.table(T), rates(make), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("ours", "make"),
    [
        (exponential(T * math.log(0.5) / 4), lambda o: o.exponential_decay(1.0, 4, 0.5)),
        (step((0.5, 0.75), 0.1), lambda o: o.piecewise_constant_schedule(1.0, {6: 0.1, 9: 0.1})),
        (
            constant().lasting(4) >> linear(),
            lambda o: o.join_schedules(
                [o.constant_schedule(1.0), o.linear_schedule(1.0, 0.0, T - 4)], [4]
            ),
        ),
    ],
    ids=["exponential_decay", "piecewise_constant_schedule", "join_schedules"],
)
def test_optax_has_the_same_rates(ours: Schedule, make: Callable[[Any], Any]) -> None:
    schedule = make(pytest.importorskip("optax"))
    np.testing.assert_allclose(ours.table(T), [float(schedule(s)) for s in range(T)], atol=1e-6)


def test_pytorch_one_cycle_is_ours_with_one_more_step() -> None:
    # OneCycleLR comes all the way back at its last step: its T + 1 steps span our T.
    def make(optimizer: torch.optim.SGD) -> Any:
        return theirs.OneCycleLR(
            optimizer,
            max_lr=1.0,
            total_steps=T + 1,
            pct_start=(T / 2 + 1) / (T + 1),
            anneal_strategy="linear",
            div_factor=10,
            final_div_factor=1,
        )

    np.testing.assert_allclose(one_cycle().table(T), rates(make), rtol=1e-12)
    np.testing.assert_allclose(cycle_momentum().table(T), rates(make, key="momentum"), rtol=1e-12)


HUGGING_FACE = {
    "constant": (constant(), "get_constant_schedule_with_warmup", {}),
    "linear": (linear(), "get_linear_schedule_with_warmup", {}),
    "cosine": (cosine(), "get_cosine_schedule_with_warmup", {}),
    "polynomial": (
        polynomial(2),
        "get_polynomial_decay_schedule_with_warmup",
        {"power": 2.0, "lr_end": 0.0},
    ),
    "cosine with a floor": (
        cosine().floor(0.1),
        "get_cosine_with_min_lr_schedule_with_warmup",
        {"min_lr_rate": 0.1},
    ),
}


@pytest.mark.parametrize("name", HUGGING_FACE)
@pytest.mark.parametrize(("warmup", "total"), [(0, 1), (0, 2), (1, 2), (0, 10), (1, 10), (3, 10)])
def test_hugging_face_has_the_same_multipliers(name: str, warmup: int, total: int) -> None:
    # Theirs warms up with s/W from 0, ours with (s + 1)/W: one step ahead during the warm-up only.
    optimization = pytest.importorskip("transformers.optimization")
    inner, function, options = HUGGING_FACE[name]
    if "constant" not in function:
        options = options | {"num_training_steps": total}
    scheduler = getattr(optimization, function)(sgd(), num_warmup_steps=warmup, **options)
    multiplier = scheduler.lr_lambdas[0]
    ours = inner.warmup(warmup)
    expected = [multiplier(s + 1 if s < warmup else s) for s in range(total)]
    np.testing.assert_allclose(ours.table(total), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("total", [1, 2, 10])
def test_hugging_face_cosine_climbs_after_the_end_and_ours_does_not(total: int) -> None:
    optimization = pytest.importorskip("transformers.optimization")
    scheduler = optimization.get_cosine_schedule_with_warmup(sgd(), 0, total)
    assert scheduler.lr_lambdas[0](2 * total) == 1
    ours = cosine().floor(1e-9)  # not used by another test: the warning comes once for each
    with pytest.warns(RuntimeWarning, match="past the end"):
        assert ours(2 * total, total) == ours(total - 1, total)
