"""The strings beside their peers, in one process: the lattice, thin loops, decay rates.

    python -m benchmarks.strings [lattice] [loops] [rates] [--repetitions 9] [--size 192]
    python -m benchmarks.strings --device cuda

Without a part named, all three. All of a part take turns.

**lattice**: site updates a second beside what the memory allows and beside plain ways, first with
one thread, then with all that PyTorch takes. Printed are million site updates a second (from the
median time), and as medians over the turns the fraction of the roof and our rate over theirs, in
wall time; with one thread also in processor time, the one to look at when others use the machine.

The roof is STREAM's triad a = b + s·c of the same process, compiled by Numba. Bytes are what has to
cross the memory's bus, write-allocates counted on both sides: the triad 4 words a number (two read,
one fetched to be overwritten, one written); our step in place reads and writes φ and v, two
components each: 8 words a site; the compiled PyTorch step, which has a second φ: 10 words a site.
`update` is v += a·q; q += b·v: as many words as our step in place, and next to no arithmetic.

Peers: PyTorch compiled; the same written with one slice assignment over both components; the same
step into a second field as one writes it in Numba, one fused loop; NumPy with `roll` and arrays of
temporaries, as one writes it first; and a plain loop, compiled by Numba, over complex numbers with
the neighbours' indices wrapped, kick and drift each a sweep.

**loops**: thin loops that start at 1.1 to 2.5 times their vorton's radius and are followed for 30
of these, nearly five breathings, with 100 samples; R_v from 30 to 3,000. Beside our own in torch
and SciPy's integrator, with the largest relative error beside SciPy at a tolerance of 1e-13.

**rates**: decay rates on the world sheet (uniform Airy) beside quadrature, and beside the same
formula in NumPy, whose ∫Ai from SciPy's `itairy` cancels: it is right to 1e-15 of 1/3 and no
better, so it has nothing to say of rates below that.

Of loops and rates a second, medians in wall and in processor time are printed, and theirs over ours
in processor time for as many, which is what they cost more.

Targets: 0.85 of the roof, 20 times NumPy per core, PyTorch compiled at 0.8 of Numba (of the fused
loop into a second field it is there; of our step in place it is not); 10⁴ loops and 10⁷ rates a
second. On a card: 70 % of the speed of a copy, with PyTorch compiled.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
from joblib import cpu_count
from numba import njit
from scipy import integrate, special

from halflife.strings import ThinLoop, angular_momentum, loop_energy, loop_force, tension_log
from halflife.strings.lattice import Field, Grid, advance
from halflife.strings.lattice.engines import has_compiler
from halflife.strings.lattice.stencil import inside
from halflife.strings.worldsheet import exact_log_rate, log_rate
from halflife.threads import shared

H, DT = 0.5, 0.1


@dataclass
class Contestant:
    """What is timed: `run` makes `steps` steps over `items`, and moves `bytes` for each."""

    run: Callable[[], Any]
    items: int
    bytes: float = math.nan
    steps: int = 1


def parts(n: int) -> tuple[Any, int]:
    """Equal parts of n numbers, one a thread of PyTorch's, and how many these are."""
    threads = torch.get_num_threads()
    return n * np.arange(threads + 1) // threads, threads


def triad(n: int, dtype: Any) -> Contestant:
    a, b, c = (np.ones(n, dtype) for _ in range(3))
    s = a.dtype.type(0.5)
    return Contestant(lambda: _triad(*parts(n), a, b, c, s), n, 4 * a.itemsize)


def update(n: int, dtype: Any) -> Contestant:
    q, v = (np.ones(n, dtype) for _ in range(2))
    s = q.dtype.type(1e-9)
    return Contestant(lambda: _update(*parts(n), q, v, s, s), n, 4 * q.itemsize)


@shared()
def _triad(worker: int, low: int, high: int, a: Any, b: Any, c: Any, s: Any) -> None:
    _triad_part(a[low:high], b[low:high], c[low:high], s)


@njit
def _triad_part(a, b, c, s):
    for i in range(a.size):
        a[i] = b[i] + s * c[i]


@shared()
def _update(worker: int, low: int, high: int, q: Any, v: Any, a: Any, b: Any) -> None:
    _update_part(q[low:high], v[low:high], a, b)


@njit
def _update_part(q, v, a, b):
    for i in range(q.size):
        v[i] += a * q[i]
        q[i] += b * v[i]


def start(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    phi = rng.normal(size=(2, *shape)).astype(np.float32)
    phi *= 0.3
    return phi


def ours(grid: Grid, engine: str, dtype: torch.dtype, device: str = "cpu") -> Contestant:
    phi = torch.from_numpy(start(grid.shape))
    field = Field(grid, phi, dtype=dtype, device=device, engine=engine)  # type: ignore[arg-type]
    words = 8 if engine == "numba" or device != "cpu" else 10
    advance(field, DT, 2)
    steps = 2

    def run() -> None:
        for _ in range(steps):
            field.kick_drift(DT, DT)

    return Contestant(run, grid.sites, words * field.padded.element_size(), steps)


def one_slice(grid: Grid) -> Contestant:
    """The compiled step with one slice assignment over both components."""
    field = Field(grid, torch.from_numpy(start(grid.shape)))
    pair = [field.padded, field.padded.clone()]
    v = field.velocity

    def step(phi: Any, v: Any, target: Any) -> None:
        new = v + DT * acceleration_of_both(phi)
        v.copy_(new)
        inside(target).copy_(inside(phi) + DT * new)

    compiled = torch.compile(step, fullgraph=True, dynamic=False)

    def run() -> None:
        for _ in range(2):
            compiled(pair[0], v, pair[1])
            pair.reverse()
            field.padded = pair[0]
            field.fill_halo()

    return Contestant(run, grid.sites, 40, 2)


def acceleration_of_both(padded: Any) -> Any:
    total: Any = None
    for axis in (1, 2, 3):
        for place in (slice(0, -2), slice(2, None)):
            cut = [slice(None), *(slice(1, -1),) * 3]
            cut[axis] = place
            total = padded[tuple(cut)] if total is None else total + padded[tuple(cut)]
    phi = inside(padded)
    square = phi[0] * phi[0] + phi[1] * phi[1]
    return (total - 6 * phi) * H**-2 - phi * (square - 1)


@njit(error_model="numpy")
def _fused(one, two, v_one, v_two, new_one, new_two, a, c):
    X, Y, Z = v_one.shape
    for x in range(X):
        for y in range(Y):
            for z in range(Z):
                p, q = one[x + 1, y + 1, z + 1], two[x + 1, y + 1, z + 1]
                excess = p * p + q * q - np.float32(1)
                s = one[x, y + 1, z + 1] + one[x + 2, y + 1, z + 1]
                s += one[x + 1, y, z + 1] + one[x + 1, y + 2, z + 1]
                s += one[x + 1, y + 1, z] + one[x + 1, y + 1, z + 2]
                v_one[x, y, z] += a * ((s - np.float32(6) * p) * c - p * excess)
                new_one[x + 1, y + 1, z + 1] = p + a * v_one[x, y, z]
                s = two[x, y + 1, z + 1] + two[x + 2, y + 1, z + 1]
                s += two[x + 1, y, z + 1] + two[x + 1, y + 2, z + 1]
                s += two[x + 1, y + 1, z] + two[x + 1, y + 1, z + 2]
                v_two[x, y, z] += a * ((s - np.float32(6) * q) * c - q * excess)
                new_two[x + 1, y + 1, z + 1] = q + a * v_two[x, y, z]


def fused_loop(grid: Grid) -> Contestant:
    """One loop of Numba's own into a second field."""
    field = Field(grid, torch.from_numpy(start(grid.shape)), engine="eager")
    pair = [field.padded, field.padded.clone()]
    v = field.velocity.numpy()

    def run() -> None:
        for _ in range(2):
            now, new = (tensor.numpy() for tensor in pair)
            _fused(*now, *v, *new, np.float32(DT), np.float32(H**-2))
            pair.reverse()
            field.padded = pair[0]
            field.fill_halo()

    return Contestant(run, grid.sites, 40, 2)


def numpy_roll(grid: Grid) -> Contestant:
    phi = start(grid.shape)
    v = np.zeros_like(phi)
    h, dt = np.float32(H), np.float32(DT)

    def run() -> None:
        nonlocal phi, v
        laplacian = sum(np.roll(phi, s, axis) for axis in (1, 2, 3) for s in (1, -1)) - 6 * phi
        v = v + dt * (laplacian / h**2 - phi * ((phi**2).sum(0) - 1))
        phi = phi + dt * v

    return Contestant(run, grid.sites)


@njit
def _plain(phi, v, c, dt):
    X, Y, Z = phi.shape
    for x in range(X):
        for y in range(Y):
            for z in range(Z):
                p = phi[x, y, z]
                s = phi[(x + 1) % X, y, z] + phi[(x - 1) % X, y, z]
                s += phi[x, (y + 1) % Y, z] + phi[x, (y - 1) % Y, z]
                s += phi[x, y, (z + 1) % Z] + phi[x, y, (z - 1) % Z]
                f = (s - 6 * p) * c - p * (p.real * p.real + p.imag * p.imag - 1)
                v[x, y, z] += dt * f
    for x in range(X):
        for y in range(Y):
            for z in range(Z):
                phi[x, y, z] += dt * v[x, y, z]


def plain_loop(grid: Grid) -> Contestant:
    both = start(grid.shape)
    phi = (both[0] + 1j * both[1]).astype(np.complex64)
    v = np.zeros_like(phi)
    return Contestant(lambda: _plain(phi, v, np.float32(H**-2), np.float32(DT)), grid.sites)


Times = dict[str, list[tuple[float, float]]]


def turns(contestants: dict[str, Contestant], repetitions: int) -> Times:
    """Wall and processor seconds a step of each contestant in each turn; one before to warm up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for contestant in contestants.values():
            contestant.run()
    times: Times = {name: [] for name in contestants}
    for _ in range(repetitions):
        for name, contestant in contestants.items():
            begin = time.perf_counter(), time.process_time()
            contestant.run()
            end = time.perf_counter(), time.process_time()
            wall, processor = (e - b for e, b in zip(end, begin, strict=True))
            times[name].append((wall / contestant.steps, processor / contestant.steps))
    return times


def table(title: str, contestants: dict[str, Contestant], times: Times, against: str) -> None:
    """Print rates, fractions of the triad's bandwidth, and `against`'s rate over each."""
    kinds = (0, 1) if torch.get_num_threads() == 1 else (0,)
    print(f"\n{title}")
    print(f"  {'':34} {'M site/s':>9} {'GB/s':>6} {'of the roof':>15} {f'{against} / it':>20}")
    for name, it in contestants.items():
        seconds = median(wall for wall, _ in times[name])
        roof, ratio = [], []
        for kind in kinds:
            roof.append(
                median(
                    (it.bytes * it.items / mine[kind])
                    / (contestants["triad"].bytes * contestants["triad"].items / best[kind])
                    for mine, best in zip(times[name], times["triad"], strict=True)
                )
            )
            ratio.append(
                median(
                    (mine[kind] / it.items) / (first[kind] / contestants[against].items)
                    for mine, first in zip(times[name], times[against], strict=True)
                )
            )
        cells = [" ".join(f"{x:7.2f}" if x == x else "      –" for x in roof)]
        cells += [" ".join(f"{x:9.2f}" for x in ratio)]
        moved = it.bytes * it.items / seconds / 1e9
        speed = f"{moved:6.1f}" if moved == moved else "     –"
        print(f"  {name:34} {it.items / seconds / 1e6:9.0f} {speed} {cells[0]:>15} {cells[1]:>20}")


def lattice(repetitions: int, size: int) -> None:
    threads = torch.get_num_threads()
    print(f"PyTorch {torch.__version__}, medians of {repetitions} turns")
    for count in dict.fromkeys((1, threads)):
        torch.set_num_threads(count)
        for n in (size, 256) if count > 1 else (size,):
            grid = Grid((n, n, n), H)
            both = 2 * grid.sites
            contestants = {
                "triad": triad(both, np.float32),
                "update": update(both, np.float32),
                "Numba, in place": ours(grid, "numba", torch.float32),
            }
            if has_compiler():
                contestants["PyTorch compiled"] = ours(grid, "torch", torch.float32)
                if n == size:
                    contestants["  with one slice assignment"] = one_slice(grid)
            if n == size:
                contestants["PyTorch as it stands"] = ours(grid, "eager", torch.float32)
            if count == 1:
                contestants["Numba, fused, a second field"] = fused_loop(grid)
                contestants["NumPy with roll"] = numpy_roll(grid)
                contestants["plain loop over complex numbers"] = plain_loop(grid)
            kind = "wall and processor time" if count == 1 else "wall time"
            title = f"float32, {n}³, {count} thread{'s' * (count > 1)}; ratios in {kind}"
            table(title, contestants, turns(contestants, repetitions), "Numba, in place")
    torch.set_num_threads(1)
    grid = Grid((size, size, size), H)
    contestants = {
        "triad": triad(2 * grid.sites, np.float64),
        "Numba, in place": ours(grid, "numba", torch.float64),
    }
    title = f"float64, {size}³, 1 thread; ratios in wall and processor time"
    table(title, contestants, turns(contestants, repetitions), "Numba, in place")
    torch.set_num_threads(threads)


def loops(repetitions: int) -> None:
    rng = np.random.default_rng(0)
    count, some, few = 4096, slice(0, 512), slice(0, 8)
    R_v = np.exp(rng.uniform(np.log(30), np.log(3000), count))
    J, R0 = angular_momentum(R_v), R_v * rng.uniform(1.1, 2.5, count)
    t = R_v[:, None] * np.linspace(0, 30, 100)
    in_torch = ThinLoop(torch.tensor(J[some]))

    def scipy(tolerance: float) -> Any:
        return np.array(
            [one_loop(*it, tolerance) for it in zip(J[few], R0[few], t[few], strict=True)]
        )

    contestants = {
        "ours, compiled": Contestant(lambda: ThinLoop(J).evolve(R0, t).R, count),
        "ours, torch": Contestant(lambda: in_torch.evolve(R0[some], t[some]).R.numpy(), 512),
        "SciPy, DOP853": Contestant(lambda: scipy(1e-9), few.stop),
    }
    beside("thin loops", contestants, min(repetitions, 3))
    exact = scipy(1e-13)
    for name, it in contestants.items():
        print(f"  {name:34} error {np.abs(it.run()[few] / exact - 1).max():.0e}")


def one_loop(J: float, R0: float, t: Any, tolerance: float) -> Any:
    """One loop, as one writes it first."""

    def equations(_: float, y: Any) -> list[float]:
        R, p = y
        M = loop_energy(R) + J / R
        E = math.hypot(p, M)
        rho = E / (2 * math.pi**2 * tension_log(R))
        drag = 16 * math.pi**3 / 3 * R**2 * (p / E) / rho**2
        return [p / E, -M * (loop_force(R) - J / R**2) / E - drag]

    found = integrate.solve_ivp(
        equations, (0, t[-1]), [R0, 0.0], "DOP853", t, rtol=tolerance, atol=tolerance * R0
    )
    return found.y[0]


def rates(repetitions: int) -> None:
    count = 2_000_000
    M = np.random.default_rng(0).uniform(0.01, 0.9, count)
    few, fewer = M[:200], M[:20]
    contestants = {
        "log_rate, 1 thread": Contestant(lambda: log_rate(1000.0, 1.0, M, threads=1), count),
        "  chiral": Contestant(lambda: log_rate(1000.0, 1.0, M, vertex="chiral", threads=1), count),
        f"  {cpu_count()} threads": Contestant(lambda: log_rate(1000.0, 1.0, M), count),
        "NumPy and SciPy's itairy": Contestant(lambda: with_numpy(1000.0, 1.0, M), count),
        "exact_log_rate": Contestant(lambda: exact_log_rate(100.0, 1.0, few), few.size),
        "SciPy's quad": Contestant(lambda: [with_quad(100.0, 1.0, m) for m in fewer], fewer.size),
    }
    beside("decay rates", contestants, repetitions)


def with_numpy(R: float, E: float, M: Any) -> Any:
    y = M / E
    c = 3 * (np.arctanh(y) - y) / y**3
    zeta = y**2 * np.cbrt(R * E * c) ** 2
    ai1 = 1 / 3 - special.itairy(zeta)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(np.sqrt(c * (1 - y**2)) * ai1 / (4 * E))


def with_quad(R: float, E: float, M: float) -> Any:
    k = np.sqrt(E**2 - M**2)
    found, _ = integrate.quad(lambda p: special.jv(R * E, R * np.sqrt(k * k - p * p)) ** 2, 0, k)
    return np.log(R / (2 * E) * found)


def beside(title: str, contestants: dict[str, Contestant], repetitions: int) -> None:
    """Print how many a second each does, and its processor time over that of the first."""
    times = turns(contestants, repetitions)
    first = next(iter(contestants))
    print(f"\n{title}, medians of {repetitions} turns")
    print(f"  {'':34} {'a second':>12} {'of processor':>12} {f'it / {first}':>26}")
    for name, it in contestants.items():
        wall, processor = (it.items / median(pair[kind] for pair in times[name]) for kind in (0, 1))
        ratio = median(
            (mine[1] / it.items) / (ours[1] / contestants[first].items)
            for mine, ours in zip(times[name], times[first], strict=True)
        )
        print(f"  {name:34} {wall:12.3g} {processor:12.3g} {ratio:26.3g}")


def on_gpu(repetitions: int, size: int) -> None:
    """One card: bytes a second of the compiled step beside those of a copy."""
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    for dtype in (torch.float32, torch.float64):
        for grid in (
            Grid((size, size, size), H),
            Grid((4096, 8192), H, "axisymmetric", edges="outgoing"),
        ):
            one, two = (torch.empty(1 << 28, dtype=dtype, device="cuda") for _ in range(2))
            copy = 2 * one.nbytes / on_device(lambda a=one, b=two: b.copy_(a), repetitions)
            del one, two
            it = ours(grid, "torch", dtype, "cuda")
            seconds = on_device(it.run, repetitions) / it.steps
            speed = it.bytes * it.items / seconds
            print(
                f"  {str(dtype)[6:]}, {'×'.join(map(str, grid.shape))} {grid.geometry}: "
                f"{it.items / seconds / 1e9:.2f} G site/s, {speed / copy:.0%} of a copy's "
                f"{copy / 1e12:.2f} TB/s"
            )
            del it
            torch.cuda.empty_cache()


def on_device(step: Callable[[], Any], repetitions: int) -> float:
    """Median seconds between two events around a call, after three to warm up."""
    for _ in range(3):
        step()
    times = []
    for _ in range(repetitions):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        step()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / 1e3)
    return median(times)


def on_a_card() -> None:
    """What `benchmarks.gpu` runs."""
    on_gpu(20, 512)


PARTS: dict[str, Callable[..., None]] = {"lattice": lattice, "loops": loops, "rates": rates}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--size", type=int, help="cells a side; 192, on a card 512")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"part must be of {', '.join(PARTS)}; got {', '.join(sorted(unknown))}.")
    if given.device == "cuda":
        on_gpu(max(20, given.repetitions), given.size or 512)
        return
    for name in given.parts or PARTS:
        size = {"size": given.size or 192} if name == "lattice" else {}
        PARTS[name](given.repetitions, **size)


if __name__ == "__main__":
    main()
