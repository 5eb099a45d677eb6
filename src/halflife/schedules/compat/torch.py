"""PyTorch's closed-form schedulers (`torch.optim.lr_scheduler`, as of 2.13).

`SequentialLR([a, b], [W])` is `a.lasting(W) >> b`. Where T_max or total_iters is the run's length,
PyTorch's cosine, linear and polynomial are ours. Momentum, which OneCycleLR sets too, is a schedule
of its own: `TorchScheduler(..., momentum=...)`.
"""

from __future__ import annotations

import math
from typing import Literal

from halflife.arguments import number
from halflife.schedules.compat.peer import Peer
from halflife.schedules.cosine import cosine
from halflife.schedules.polynomial import polynomial
from halflife.schedules.schedule import Array, Namespace, Schedule
from halflife.schedules.step import step


class LinearLR(Peer, kind="torch_linear"):
    """A line from one factor to another over a number of steps, then the second.

        m(s) = start + (end − start) min(s, N)/N

    As a warm-up, N iterations make N + 1 updates from `start` to `end`.

    Raises:
        ValueError: start outside (0, 1], end outside [0, 1], or steps below 1.
    """

    start: float = 1 / 3
    end: float = 1.0
    steps: int = 5

    def __post_init__(self) -> None:
        self._keep(
            start=number("start", self.start, "(0, 1]"),
            end=number("end", self.end, "[0, 1]"),
            steps=_count("steps", self.steps),
        )

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        x = xp.clip(step / self.steps, 0, 1)
        return self.start * (1 - x) + self.end * x


class ConstantLR(Peer, kind="torch_constant"):
    """A factor for the first steps, then 1.

        m(s) = factor for s < N, 1 after that

    Raises:
        ValueError: A factor outside [0, 1], or steps below 1.
    """

    factor: float = 1 / 3
    steps: int = 5

    def __post_init__(self) -> None:
        self._keep(
            factor=number("factor", self.factor, "[0, 1]"), steps=_count("steps", self.steps)
        )

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        one = xp.ones_like(step)
        return xp.where(step < self.steps, one * self.factor, one)


class ExponentialLR(Peer, kind="torch_exponential"):
    """A factor at every `every`-th step: ExponentialLR for every = 1, StepLR above.

        m(s) = γ^⌊s/every⌋

    Raises:
        ValueError: γ outside [0, 1], or every below 1.
    """

    gamma: float
    every: int = 1

    def __post_init__(self) -> None:
        self._keep(gamma=number("gamma", self.gamma, "[0, 1]"), every=_count("every", self.every))

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        return self.gamma ** xp.floor(step / self.every)


class OneCycleLR(Peer, kind="torch_one_cycle"):
    """OneCycleLR with two phases, as a part of max_lr.

        up:   from 1/div at s = 0 to 1 at s = pct T − 1
        down: from there to 1/(div · final_div) at s = T − 1

    each a half cosine or a line.

    Raises:
        ValueError: pct outside (0, 1), a divisor below 1, another shape.
    """

    pct: float = 0.3
    shape: Literal["cos", "linear"] = "cos"
    div: float = 25.0
    final_div: float = 1e4

    def __post_init__(self) -> None:
        if self.shape not in ("cos", "linear"):
            raise ValueError(f"shape must be one of cos, linear, got {self.shape!r}.")
        self._keep(
            pct=number("pct", self.pct, "(0, 1)"),
            div=number("div", self.div, "[1, inf)"),
            final_div=number("final_div", self.final_div, "[1, inf)"),
        )

    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """See the class."""
        peak = self.pct * total - 1
        if peak <= 0:
            raise ValueError(
                f"OneCycleLR needs pct · total > 1, got {self.pct} · {total}: its first phase has "
                "no length."
            )

        def between(first: float, last: float, x: Array) -> Array:
            height = 1 - x if self.shape == "linear" else xp.cos(x * (math.pi / 2)) ** 2
            return last + (first - last) * height

        low = 1 / self.div
        up = between(low, 1, xp.clip(step / peak, 0, 1))
        down = between(1, low / self.final_div, xp.clip((step - peak) / (total - 1 - peak), 0, 1))
        return xp.where(step <= peak, up, down)


def constant(factor: float = 1 / 3, steps: int = 5) -> Schedule:
    """`ConstantLR`: a factor for the first steps, then 1; `steps` is its total_iters."""
    return ConstantLR(factor, steps)


def linear(start: float = 1 / 3, end: float = 1.0, steps: int = 5) -> Schedule:
    """`LinearLR`; `steps` is its total_iters."""
    return LinearLR(start, end, steps)


def cosine_annealing(floor: float = 0.0) -> Schedule:
    """`CosineAnnealingLR` with T_max = total; `floor` is eta_min / lr."""
    return cosine().floor(floor)


def exponential(gamma: float) -> Schedule:
    """`ExponentialLR`: γ^s."""
    return ExponentialLR(gamma)


def step_lr(size: int, gamma: float = 0.1) -> Schedule:
    """`StepLR`."""
    return ExponentialLR(gamma, size)


def multi_step(milestones: tuple[int, ...], gamma: float = 0.1) -> Schedule:
    """`MultiStepLR`."""
    return step(milestones, gamma)


def polynomial_lr(power: float = 1.0) -> Schedule:
    """`PolynomialLR` with total_iters = total."""
    return polynomial(power)


def one_cycle(
    pct: float = 0.3,
    shape: Literal["cos", "linear"] = "cos",
    div: float = 25.0,
    final_div: float = 1e4,
) -> Schedule:
    """`OneCycleLR` with total_steps = total, as a part of max_lr; it reaches its end exactly."""
    return OneCycleLR(pct, shape, div, final_div)


def _count(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be an integer of at least 1, got {value!r}.")
    return value
