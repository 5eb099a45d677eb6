"""A run: steps in order, word of it now and then, and a checkpoint to go on from.

Knows nothing of what is measured on the way: whoever draws on `evolve` looks at the field.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halflife.arguments import whole
from halflife.strings.lattice import checkpoint as checkpoints
from halflife.strings.lattice.engines import Damping
from halflife.strings.lattice.field import Field
from halflife.strings.lattice.integrators import (
    Integrator,
    check_step,
    move,
    synchronise,
)

_LOOK = 16
"""Steps after which the next word looks again whether Δt is stable, which costs about one."""


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes:
        step: Steps made.
        steps: Steps to make.
        time: step · Δt.
        crossings: The time in light-crossings of the box's longest side.
        absorbed: Energy that damping has taken so far; 0 without.
    """

    step: int
    steps: int
    time: float
    crossings: float
    absorbed: float


def evolve(
    field: Field,
    dt: float,
    steps: int,
    *,
    integrator: str | Integrator = "leapfrog",
    rates: Sequence[Any] | None = None,
    every: int | None = None,
    checkpoint: str | Path | None = None,
) -> Iterator[Progress]:
    """Move a field, and hand over after each `every` steps.

    Between two words the velocity may lag (`field.lag`), for which `field.energy()` makes up; at
    the end it does not. With a checkpoint the state is written before each word, and a run that
    finds its own goes on from there, to the same bits as a run that never stopped.

    Args:
        field: Changed in place.
        dt: Δt.
        steps: In all, those before a restart included.
        integrator: Its name: "leapfrog", "yoshida4", "yoshida6" or "stoermer".
        rates: Damping η ≥ 0, one an axis, None or [N]; they add up. Leapfrog only.
        every: Steps between two words; by default a hundredth of the run.
        checkpoint: A file to go on from if it is there, and to write.

    Raises:
        ValueError: a step or an integrator that cannot be, with what could.
        CheckpointError: the file is of another run.
    """
    steps = whole("steps", steps, 1)
    every = max(1, steps // 100) if every is None else whole("every", every, 1)
    damping = None if rates is None else field.damping(rates, dt)
    method = check_step(field, dt, integrator, damping)
    dt = float(dt)  # a checkpoint keeps it as JSON
    return _run(field, dt, steps, method, damping, every, checkpoint)


def _fingerprint(field: Field, damping: Damping) -> str:
    """The same for the same factors of the whole box, on any device and number of processes."""
    first, *others = (factor.cpu().numpy().tobytes() for factor in damping)
    whole = first if field.slabs is None else field.slabs.joined(first)
    return hashlib.sha256(b"".join([whole, *others])).hexdigest()[:12]


def _run(
    field: Field,
    dt: float,
    steps: int,
    method: Integrator,
    damping: Damping | None,
    every: int,
    path: str | Path | None,
) -> Iterator[Progress]:
    rates = None if damping is None else _fingerprint(field, damping)
    facts: dict[str, Any] = {"dt": dt, "integrator": method.name, "rates": rates}
    step, looked, taken = 0, 0, 0.0
    if path is not None and Path(path).exists():
        kept = checkpoints.load(path)
        if kept.step > steps:
            raise checkpoints.CheckpointError(
                f"{path} is at step {kept.step} already, past steps={steps}: ask for more of them, "
                "or give this run another file."
            )
        step = checkpoints.restore(path, field, facts)
        taken = kept.facts["absorbed"]
        field.due = damping
    size = field.slabs.whole.size if field.slabs else field.grid.size
    while step < steps:
        stride = min(every - step % every, steps - step)
        if damping is None:
            move(field, dt, stride, method, damping)
        else:
            for _ in range(stride):
                move(field, dt, 1, method, damping)
                taken += field.absorbed(damping)
        step += stride
        if path is not None or step == steps or step - looked >= _LOOK:
            check_step(field, dt, method, damping)  # a field that has run away is not kept
            looked = step
        if path is not None:
            checkpoints.save(path, field, step, {**facts, "absorbed": taken})
        if step == steps:
            synchronise(field)
        yield Progress(step, steps, step * dt, abs(step * dt) / size, taken)
    synchronise(field)
