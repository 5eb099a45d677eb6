"""Thin loops stepped all together in torch: the same nodes and samples, and differentiable.

It reads like the equations of `thin_loop.py`, step for step what `thin_loop_compiled.py` does, and
is held to it by the tests. Arguments are float64 tensors of one shape, one element a loop.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from halflife.arguments import Array
from halflife.strings.thin_loop import COLLAPSED, MOST_STEPS, STEP

# The fifth-order method of Dormand and Prince (1980): stages, then weights.
STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
)
WEIGHTS = (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84)


def evolve(
    loops: list[Tensor], times: Array, constants: tuple[float, float, float]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return times, radii, velocities and energies, shape (..., samples).

    `loops` are J, R0 and c_f; `constants` as in `thin_loop_compiled.py`.
    """
    shape = (*loops[0].shape, times.shape[-1])
    batch = _Loops(loops, constants)
    look = torch.as_tensor(times, device=loops[0].device)
    look = look.reshape(-1, look.shape[-1])
    last = look[:, -1]
    kept = []
    for t, R, p in batch.nodes():
        kept.append((t, R, p))
        if bool(((t >= last) | (R.detach() <= COLLAPSED)).all()):
            break
    t, R, p = (torch.stack(x, dim=1) for x in zip(*kept, strict=True))
    # A sample is one step of its own away from the last node before it.
    node = torch.searchsorted(t, look.contiguous(), right=True) - 1
    t, R, p = (x.gather(1, node) for x in (t, R, p))
    alive = R.detach() > COLLAPSED
    safe = torch.where(alive, R, batch.R0[:, None])
    R, p = batch.step(safe, p, torch.where(alive, look - t, 0.0))
    energy = (p**2 + batch.mass(R) ** 2).sqrt()
    R, velocity, energy = (
        torch.where(alive, x, torch.nan).reshape(shape) for x in (R, p / energy, energy)
    )
    return look.reshape(shape), R, velocity, energy


def turning_points(
    loops: list[Tensor], count: int, constants: tuple[float, float, float]
) -> tuple[Tensor, Tensor]:
    """Return times and radii of the first turning points, shape (..., count)."""
    shape = (*loops[0].shape, count)
    batch = _Loops(loops, constants)
    kept: list[tuple[Tensor, ...]] = []
    turns = torch.zeros_like(batch.R0, dtype=torch.int64)
    for t, R, p in batch.nodes():
        if len(kept) > 1:  # the start is at rest, and no turning point
            turns = turns + (kept[-1][2] * p < 0)
        kept.append((t, R, p))
        lost = R.detach() <= COLLAPSED
        if bool(((turns >= count) | lost).all()) or len(kept) > MOST_STEPS * 10:
            break
    t, R, p = (torch.stack(x, dim=1) for x in zip(*kept, strict=True))
    crossing = p[:, :-1] * p[:, 1:] < 0
    crossing[:, :1] = False
    wanted = torch.arange(1, count + 1, device=loops[0].device).expand(len(t), -1).contiguous()
    node = torch.searchsorted(crossing.cumsum(dim=1), wanted)
    found = node < crossing.shape[1]
    node = node.clamp(max=crossing.shape[1] - 1)
    after = p.gather(1, node + 1).detach()
    t, R, p = (x.gather(1, node) for x in (t, R, p))
    R = torch.where(found, R, batch.R0[:, None])
    dt = torch.where(found, STEP * R.detach() * p.detach() / (p.detach() - after), 0.0)
    for _ in range(4):  # Newton's method for p = 0; the last round carries the gradient
        at = batch.step(R, p, dt)
        dt = dt - torch.where(found, at[1] / batch.rates(*at)[1], 0.0)
    radius, _ = batch.step(R, p, dt)
    t, radius = (torch.where(found, x, torch.nan).reshape(shape) for x in (t + dt, radius))
    return t, radius


class _Loops:
    """A flat batch of loops at rest, and their equations."""

    def __init__(self, loops: list[Tensor], constants: tuple[float, float, float]) -> None:
        self.J, self.R0, self.c = (x.reshape(-1) for x in loops)
        self.mu, self.r, self.known = constants

    def mass(self, R: Tensor) -> Tensor:
        """M(R); a second axis is for several states of each loop."""
        J = self.J.reshape(-1, *[1] * (R.ndim - 1))
        return 2 * math.pi * R * (self.mu + self.r * torch.log(8 * R)) + J / R

    def rates(self, R: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        """Return dR/dt and dp/dt."""
        J, c = (x.reshape(-1, *[1] * (R.ndim - 1)) for x in (self.J, self.c))
        mu, M = self.mu + self.r * torch.log(8 * R), self.mass(R)
        slope = 2 * math.pi * (mu + self.r) - J / R**2
        energy = (p**2 + M**2).sqrt()
        velocity = p / energy
        # (R²)‴/Ṙ of the free motion: −(4/ρ²) 2R where the running is not known of.
        third = 4 * math.pi**2 * R * (4 * mu**2 + 6 * mu * self.known + self.known**2)
        third = -2 * (third + 4 * math.pi * J * self.known / R) / energy**2
        return velocity, -M * slope / energy + (2 * math.pi**3 / 3) * c * R * third * velocity

    def step(self, R: Tensor, p: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
        """One step of length `dt`."""
        rates = [self.rates(R, p)]
        for stage in STAGES:
            dR, dp = _combined(stage, rates)
            rates.append(self.rates(R + dt * dR, p + dt * dp))
        dR, dp = _combined(WEIGHTS, rates)
        return R + dt * dR, p + dt * dp

    def nodes(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield t, R, p before each step of `STEP` times R; a collapsed loop stays as it is."""
        R, p, t = self.R0, torch.zeros_like(self.R0), torch.zeros_like(self.R0)
        while True:
            yield t, R, p
            alive = R.detach() > COLLAPSED
            # A collapsed loop goes through the motions where they do no harm: a NaN there would
            # spoil its neighbours' gradients.
            safe = torch.where(alive, R, self.R0)
            dt = STEP * safe.detach()
            moved = self.step(safe, torch.where(alive, p, 0.0), dt)
            R, p = torch.where(alive, moved[0], R), torch.where(alive, moved[1], p)
            t = torch.where(alive, t + dt, t)


def _combined(weights: tuple[float, ...], rates: list[tuple[Tensor, Tensor]]) -> Any:
    """The weighted sums of the rates of R and of p."""
    return (sum(w * rate[i] for w, rate in zip(weights, rates, strict=True) if w) for i in (0, 1))
