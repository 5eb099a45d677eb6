"""Thin loops a second: ours beside SciPy's integrator and beside our own in torch.

    python -m benchmarks.strings_loops [--loops 4096]

Each loop starts at 1.1 to 2.5 times its vorton's radius and is followed for 30 of these, nearly
five breathings, with 100 samples; R_v is spread over 30 … 3000. All take turns in one process.
Printed are loops a second, the median over turns of their time over ours for as many loops, and the
largest relative error beside SciPy at a tolerance of 1e-13. Target: 10⁴ loops a second on two
cores.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch
from scipy.integrate import solve_ivp

from halflife.strings import ThinLoop, angular_momentum, loop_energy, loop_force, tension_log

TURNS = 3


def plain(J: float, R0: float, t: np.ndarray[Any, Any], tolerance: float) -> np.ndarray[Any, Any]:
    """One loop, as one writes it first."""

    def equations(_: float, y: np.ndarray[Any, Any]) -> list[float]:
        R, p = y
        M = loop_energy(R) + J / R
        E = math.hypot(p, M)
        rho = E / (2 * math.pi**2 * tension_log(R))
        drag = 16 * math.pi**3 / 3 * R**2 * (p / E) / rho**2
        return [p / E, -M * (loop_force(R) - J / R**2) / E - drag]

    found = solve_ivp(
        equations, (0, t[-1]), [R0, 0.0], "DOP853", t, rtol=tolerance, atol=tolerance * R0
    )
    return np.asarray(found.y[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loops", type=int, default=4096)
    count = parser.parse_args().loops
    rng = np.random.default_rng(0)
    R_v = np.exp(rng.uniform(np.log(30), np.log(3000), count))
    J, R0 = angular_momentum(R_v), R_v * rng.uniform(1.1, 2.5, count)
    t = R_v[:, None] * np.linspace(0, 30, 100)
    few = 8

    def scipy() -> Any:
        return np.array([plain(*one, 1e-9) for one in zip(J[:few], R0[:few], t[:few], strict=True)])

    some = slice(0, 512)
    contestants: dict[str, tuple[Callable[[], Any], int]] = {
        "ours, compiled": (lambda: ThinLoop(J).evolve(R0, t).R, count),
        "ours, torch": (
            lambda: ThinLoop(torch.tensor(J[some])).evolve(R0[some], t[some]).R.numpy(),
            512,
        ),
        "SciPy, DOP853": (scipy, few),
    }
    exact = np.array([plain(*one, 1e-13) for one in zip(J[:few], R0[:few], t[:few], strict=True)])
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for run, _ in contestants.values():
        run()  # compile
    for _ in range(TURNS):
        for name, (run, many) in contestants.items():
            start = time.perf_counter()
            found = run()
            times[name].append((time.perf_counter() - start) / many)
            error = np.abs(found[:few] / exact - 1).max()
            if len(times[name]) == TURNS:
                ratio = median(np.divide(times[name], times["ours, compiled"]))
                rate = 1 / median(times[name])
                print(f"{name:16} {rate:9,.0f} loops/s   {ratio:7.1f}   error {error:.0e}")


if __name__ == "__main__":
    main()
