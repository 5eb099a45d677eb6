"""Decay rates a second, beside quadrature and beside the same formula in NumPy and SciPy.

    python -m benchmarks.strings_rates [--repetitions 7]

All take turns in one process. Printed are million rates a second in processor time of one thread
and in wall time with all threads, and how many of theirs one of ours costs. Target: 10 million a
second with all threads. NumPy's twin takes ∫Ai from SciPy's `itairy`, which cancels: it is right
to 1e-15 of 1/3 and no better, so it has nothing to say of rates below that.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import numpy as np
from joblib import cpu_count
from scipy import integrate, special

from halflife.strings.worldsheet import exact_log_rate, log_rate

RATES = 2_000_000


def with_numpy(R, E, M):
    y = M / E
    c = 3 * (np.arctanh(y) - y) / y**3
    zeta = y**2 * np.cbrt(R * E * c) ** 2
    ai1 = 1 / 3 - special.itairy(zeta)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(np.sqrt(c * (1 - y**2)) * ai1 / (4 * E))


def with_quad(R, E, M):
    k = np.sqrt(E**2 - M**2)
    found, _ = integrate.quad(lambda p: special.jv(R * E, R * np.sqrt(k * k - p * p)) ** 2, 0, k)
    return np.log(R / (2 * E) * found)


def main(repetitions: int) -> None:
    M = np.random.default_rng(0).uniform(0.01, 0.9, RATES)
    few = M[:200]
    contestants = {
        "log_rate, 1 thread": (lambda: log_rate(1000.0, 1.0, M, threads=1), RATES),
        "log_rate, chiral, 1 thread": (
            lambda: log_rate(1000.0, 1.0, M, vertex="chiral", threads=1),
            RATES,
        ),
        f"log_rate, {cpu_count()} threads": (lambda: log_rate(1000.0, 1.0, M), RATES),
        "NumPy and SciPy's itairy": (lambda: with_numpy(1000.0, 1.0, M), RATES),
        "exact_log_rate": (lambda: exact_log_rate(100.0, 1.0, few), len(few)),
        "SciPy's quad": (lambda: [with_quad(100.0, 1.0, m) for m in few[:20]], 20),
    }
    for run, _ in contestants.values():
        run()
    wall, cpu = ({name: [] for name in contestants} for _ in range(2))
    for _ in range(repetitions):
        for name, (run, count) in contestants.items():
            start, begin = time.perf_counter(), time.process_time()
            run()
            wall[name].append((time.perf_counter() - start) / count)
            cpu[name].append((time.process_time() - begin) / count)
    first = next(iter(contestants))
    print(f"medians of {repetitions} turns, {RATES} rates each; theirs / {first} in processor time")
    for name in contestants:
        ratio = median(t / o for t, o in zip(cpu[name], cpu[first], strict=True))
        print(
            f"  {name:28} {1e-6 / median(wall[name]):9.3g} M/s wall "
            f"{1e-6 / median(cpu[name]):9.3g} M/s processor   {ratio:9.3g}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=7)
    main(parser.parse_args().repetitions)
