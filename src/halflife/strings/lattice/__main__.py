"""A box of random long waves that rolls down to strings, on one process or under torchrun.

    python -m halflife.strings.lattice --shape 128 128 128 --steps 400 --checkpoint run.field
    torchrun --nproc-per-node 2 -m halflife.strings.lattice --shape 256 256 256

The first process shows the progress in light-crossings of the box, and at the end energy, charge
and site updates a second. With a checkpoint, the same command goes on where it was stopped, on as
many processes as you like, to the same bits.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from rich.console import Console

from halflife.strings.lattice.checkpoint import CheckpointError
from halflife.strings.lattice.evolution import evolve
from halflife.strings.lattice.field import Field
from halflife.strings.lattice.grid import Grid
from halflife.strings.lattice.integrators import stable_step
from halflife.strings.lattice.slabs import Slabs

Array = NDArray[np.float64]


def waves(grid: Grid, seed: int, modes: int = 12) -> Any:
    """φ as a sum of long plane waves of random phases, periodic in the box, of rms |φ| about 1/2.

    Args:
        grid: The whole grid.
        seed: Of the phases.
        modes: How many waves.

    Returns:
        A function of the coordinates for `Field`.
    """
    rng = np.random.default_rng(seed)
    numbers = rng.integers(-3, 4, size=(modes, grid.axes))
    phases = rng.uniform(0, 2 * np.pi, size=(modes, 2))
    sides = np.array(grid.shape) * grid.spacing

    def phi(*mesh: Array) -> list[Array]:
        parts: list[Any] = [0.0, 0.0]
        for number, phase in zip(numbers, phases, strict=True):
            k = 2 * np.pi * number / sides
            along = sum(component * x for component, x in zip(k, mesh, strict=True))
            for a in range(2):
                parts[a] = parts[a] + np.cos(along + phase[a]) / np.sqrt(4 * modes)
        return parts

    return phi


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one box; the status, 0 or 2 with a sentence on what was wrong."""
    given = _parser().parse_args(arguments)
    many = int(os.environ.get("WORLD_SIZE", "1")) > 1
    device = given.device
    if many:
        dist.init_process_group("nccl" if device == "cuda" else "gloo")
        if device == "cuda":
            device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
            torch.cuda.set_device(device)
    try:
        _run(given, device, many)
    except (ValueError, CheckpointError) as error:
        Console(stderr=True, soft_wrap=True).print(error, markup=False, highlight=False)
        return 2
    finally:
        if many:
            dist.destroy_process_group()
    return 0


def _run(given: argparse.Namespace, device: str, many: bool) -> None:
    grid = Grid(tuple(given.shape), given.spacing)
    slabs = Slabs(grid) if many else None
    field = Field(
        slabs.grid if slabs else grid,
        waves(grid, given.seed),
        dtype=getattr(torch, given.dtype),
        device=device,
        engine=given.engine,
        slabs=slabs,
    )
    dt = given.dt if given.dt is not None else round(0.6 * stable_step(field), 3)
    run = evolve(
        field,
        dt,
        given.steps,
        integrator=given.integrator,
        every=given.every,
        checkpoint=given.checkpoint,
    )
    say = partial(Console(soft_wrap=True).print, markup=False, highlight=False)
    speaks = slabs is None or slabs.rank == 0
    began, first, last = time.perf_counter(), None, 0.0
    for at in run:
        now = time.perf_counter()
        if first is None:  # compiling and loading are over
            first = (at.step, now)
        if speaks and (now - last > given.quiet or at.step == at.steps):
            last = now
            say(
                f"step {at.step} of {at.steps}, t = {at.time:g}, {at.crossings:.3f} light-crossings"
                f", {now - began:.0f} s"
            )
    energy, charge = field.energy(), field.charge()
    if speaks:
        say(f"energy {energy.total:.9g}, charge {charge:.3g}, engine {field.engine.name}")
        if first is not None and first[0] < given.steps:
            rate = (given.steps - first[0]) * grid.sites / (time.perf_counter() - first[1])
            say(f"{rate / 1e6:.0f} million site updates a second")
    if slabs is not None:
        # Gloo's threads let go of the last sums here: at Python's end they would be killed in it,
        # and with them the process.
        slabs.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m halflife.strings.lattice",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--shape", type=int, nargs="+", default=[96, 96, 96])
    parser.add_argument("--spacing", type=float, default=0.5, help="h, in core widths")
    parser.add_argument("--dt", type=float, help="by default 0.6 of the largest stable step")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--integrator", default="leapfrog")
    parser.add_argument("--every", type=int, help="steps between checkpoints and words")
    parser.add_argument("--checkpoint", help="a file to go on from, and to write")
    parser.add_argument("--engine", default="auto", choices=("auto", "torch", "numba", "eager"))
    parser.add_argument("--dtype", default="float32", choices=("float32", "float64"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quiet", type=float, default=2.0, help="seconds between two words")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
