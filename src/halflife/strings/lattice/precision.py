"""How much float32 loses: the same run in float32 and float64, side by side.

Both start from the same numbers, those of the float32 field, so that all that differs is round-off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from halflife.strings.lattice.field import Field
from halflife.strings.lattice.integrators import advance, check_step


@dataclass(frozen=True)
class RoundOff:
    """What two runs tell of round-off.

    Attributes:
        time: When they were compared, [K].
        rms: Root mean square of φ(float32) − φ(float64) over cells and components, [K].
        largest: The largest such difference, [K].
        growth: The power p of rms ∝ tᵖ over the second half of the times: 1/2 for a walk at
            random, 1 for a drift; more if the field itself amplifies what separates two runs.
        energy_32: Relative change of the float32 run's energy from start to end.
        energy_64: The same of float64, which is the integrator's own.
    """

    time: NDArray[np.float64]
    rms: NDArray[np.float64]
    largest: NDArray[np.float64]
    growth: float
    energy_32: float
    energy_64: float

    def __str__(self) -> str:
        return (
            f"round-off after t = {self.time[-1]:g}: rms {self.rms[-1]:.1e}, largest "
            f"{self.largest[-1]:.1e}, growing as t^{self.growth:.2f}; energy changed by "
            f"{self.energy_32:+.1e} in float32, {self.energy_64:+.1e} in float64"
        )


def roundoff(
    field: Field, dt: float, steps: int, *, integrator: str = "leapfrog", looks: int = 20
) -> RoundOff:
    """Run a copy of a field in float32 beside one in float64; the field itself stays.

    Args:
        field: Where both start, rounded to float32.
        dt: Δt.
        steps: How many; at least 2.
        integrator: Its name; not "stoermer", which is refused in float32.
        looks: How often to compare, at even distances.

    Raises:
        ValueError: as of `check_step`, or fewer than two steps or looks.
    """
    if steps < 2 or looks < 2:
        raise ValueError(f"steps and looks must be at least 2, got {steps} and {looks}.")
    single = field.copy(dtype=torch.float32)
    check_step(single, dt, integrator)
    double = single.copy(dtype=torch.float64)
    start = [it.energy().total for it in (single, double)]
    time, rms, largest, step = [], [], [], 0
    for goal in sorted({max(1, steps * look // looks) for look in range(1, looks + 1)}):
        for it in (single, double):
            advance(it, dt, goal - step, integrator)
        step = goal
        difference = single.phi.double() - double.phi
        time.append(step * dt)
        rms.append(float(difference.square().mean().sqrt()))
        largest.append(float(difference.abs().max()))
    late = slice(len(time) // 2 - (len(time) < 4), None)
    floor = np.finfo(np.float64).tiny
    growth = np.polyfit(np.log(np.abs(time[late])), np.log(np.maximum(rms[late], floor)), 1)[0]
    change = [
        (it.energy().total - before) / abs(before) if before else 0.0
        for it, before in zip((single, double), start, strict=True)
    ]
    return RoundOff(np.array(time), np.array(rms), np.array(largest), float(growth), *change)
