"""Whole runs: the fast path against the reference, the book, kill and resume, the guard rails."""

import copy
import json
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from halflife.cli_strings import _told
from halflife.strings.lattice import Field, Grid
from halflife.strings.lattice.edges import Reflecting
from halflife.strings.loop import reference
from halflife.strings.loop.absorber import Absorber
from halflife.strings.loop.evolve import Loop
from halflife.strings.loop.hold import grip, holding_mass
from halflife.strings.loop.initial import loop_field, phase_noise
from halflife.strings.loop.radius import crossing_of_line
from halflife.strings.loop.space import SpaceTrace
from halflife.strings.loop.trace import COLUMNS, Trace
from halflife.strings.profile import profile
from halflife.strings.thin_loop import tension_log

SMALL = Loop.around(20.0, 22.0)


def test_agrees_with_the_plain_reference():
    loop = Loop.around(20.0, 22.0, groups=2)
    h, dt, cells, steps = 0.5, 0.2, 90, 60
    absorber = Absorber.sponge(8.0)
    trace = loop.evolve(
        steps * dt, h, dt=dt, box=cells * h, absorber=absorber, noise=1e-2, seed=3, every=4
    )

    centres = (np.arange(cells) + 0.5) * h
    r, z = np.meshgrid(centres, centres, indexing="ij")
    phi = loop_field(r, z, 22.0, phase_noise(r, z, 22.0, seed=3))
    v = np.zeros_like(phi)
    rings = [
        reference.Ring(x=22.0, q=0.0, J=loop.J * share, mh=loop.mass / 2, w=1.0)
        for share in (0.25, 0.75)
    ]
    rates = absorber.rates(cells, h, axis=True)[:, None] + absorber.rates(cells, h)
    for _ in range(steps):
        reference.step(phi, v, rings, rates, h, dt)
    assert trace.x[-1] == pytest.approx([ring.x for ring in rings], rel=1e-12)
    assert trace.q[-1] == pytest.approx([ring.q for ring in rings], rel=1e-9)
    assert trace.field_energy[-1] == pytest.approx(reference.field_energy(phi, v, h), rel=1e-12)
    energies = [ring.energy(phi, h, ring.x, ring.q) for ring in rings]
    assert trace.carriers[-1] == pytest.approx(sum(energies), rel=1e-12)


@pytest.mark.parametrize(
    "absorber", [Absorber(open_edge=False), Absorber(), Absorber.sponge(20.0)], ids=str
)
@pytest.mark.filterwarnings("ignore:T=")
def test_the_book_closes_whatever_the_absorber(absorber):
    trace = Loop.around(20.0, 30.0).evolve(120.0, box=70.0, absorber=absorber, every=2)
    assert trace.closure < 3e-4
    assert (trace.absorbed[-1] > 10) == (absorber.open_edge or absorber.width > 0)


@pytest.mark.filterwarnings("ignore:T=")
def test_the_book_closes_at_second_order_with_an_open_edge():
    """The first-order rest of an open edge, η dt = 0.4, is booked too."""
    errors = [
        Loop.around(20.0, 30.0).evolve(60.0, dt=dt, box=48.0, every=2).closure
        for dt in (0.2, 0.1, 0.05)
    ]
    assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx(2, abs=0.5)


def test_a_loop_turns_where_a_thin_one_does():
    """Turning radii within 4 %, the first turning time within 12 %, without a fitted constant."""
    loop = Loop.around(20.0, 25.0)
    trace = loop.evolve(130.0)
    times, radii = trace.turning_points()
    thin_times, thin_radii = loop.thin().turning_points(25.0, len(radii))
    assert len(radii) == 2
    assert radii == pytest.approx(thin_radii, rel=0.04)
    assert times == pytest.approx(thin_times, rel=0.12)
    assert trace.most_crossings == 1
    assert trace.closure < 1e-4


def test_a_loop_without_a_current_vanishes():
    trace = Loop(20.0).evolve(60.0, dt=0.1)
    assert 20 < trace.vanished < 40  # a Nambu-Goto loop would be a point at 31.4
    assert trace.R[-1] != trace.R[-1]
    assert trace.closure < 5e-3  # the collapse is not resolved in time


def test_the_flux_through_a_surface_is_what_the_inside_loses():
    """With the near field at rest again, what has left is Goldstone bosons for the most part."""
    trace = Loop(20.0).evolve(75.0, dt=0.1, box=100.0, every=0.5)
    through = np.trapezoid(trace.goldstone + trace.radial, trace.t)
    assert np.trapezoid(trace.goldstone, trace.t) / through > 0.9
    assert 0.7 < through / trace.total[0] < 1.0


def arrays(trace):
    return [trace.samples, trace.x, trace.q, trace.frames.modulus, trace.frames.energy_density]


SCRIPT = """
import sys
from halflife.strings.loop.evolve import Loop
trace = Loop.around(20.0, 22.0).evolve(
    60.0, noise=1e-2, every=1.0, frames=5, checkpoint=sys.argv[1], save_every=0.0
)
"""


@pytest.mark.slow  # `test_lattice_checkpoint` kills too
def test_a_killed_run_ends_with_the_same_bits(tmp_path):
    path = tmp_path / "loop.npz"
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)])
    while not path.exists():
        assert process.poll() is None, "it ended before its first checkpoint"
        time.sleep(0.005)
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with np.load(path) as kept:
        assert 0 < int(kept["steps"]) < 300, "it was not killed in the middle"
    options = {"noise": 1e-2, "every": 1.0, "frames": 5}
    resumed = SMALL.evolve(60.0, checkpoint=path, **options)
    straight = SMALL.evolve(60.0, **options)
    for ours, theirs in zip(arrays(resumed), arrays(straight), strict=True):
        assert np.array_equal(ours, theirs)
    again = SMALL.evolve(60.0, checkpoint=path, **options)  # all from the file
    assert np.array_equal(again.samples, straight.samples)
    assert [file.name for file in tmp_path.iterdir()] == ["loop.npz"]

    with pytest.raises(ValueError, match=r"another run: seed 0 not 1\. Name another file"):
        SMALL.evolve(60.0, checkpoint=path, seed=1, **options)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="no checkpoint"):
        SMALL.evolve(60.0, checkpoint=path, **options)


def test_the_plane_of_the_loop_is_kept_and_so_is_no_momentum_along_the_axis():
    """The same loop in a half plane and in a whole one, which knows nothing of the mirror.

    In the whole one φ₁ stays even and φ₂ odd, to the last bit, so P_z = 0; and the half plane's
    sign at z = 0 is the same thing.
    """
    h, dt, cells, steps, R = 0.5, 0.2, 70, 150, 16.0
    grid = Grid(
        (cells, cells),
        h,
        "axisymmetric",
        edges=("reflecting", (Reflecting((1, -1)), Reflecting())),
        origin=(0.0, 0.0),
    )
    r, z = grid.coordinates
    start = loop_field(r, z, R, phase_noise(r, z, R, seed=3))
    half = Field(grid, start, dtype=torch.float64)
    grid = Grid((cells, 2 * cells), h, "axisymmetric", edges="reflecting")
    r, z = grid.coordinates
    upper = loop_field(r, np.abs(z), R, phase_noise(r, np.abs(z), R, seed=3))
    start = np.stack([upper[0], np.sign(z) * upper[1]])
    whole = Field(grid, start, dtype=torch.float64)
    for field in (half, whole):
        for n in range(steps):
            field.kick_drift(dt if n else dt / 2, dt)
    phi, v = whole.phi.numpy(), whole.velocity.numpy()
    for values in (phi, v):
        assert np.array_equal(values[0], values[0][:, ::-1])
        assert np.array_equal(values[1], -values[1][:, ::-1])
    assert phi[:, :, cells:] == pytest.approx(half.phi.numpy(), abs=1e-12)
    density = r * (v[:, :, 1:-1] * (phi[:, :, 2:] - phi[:, :, :-2])).sum(axis=0)
    assert np.abs(density).sum() > 10  # something moves, up above the plane and down below
    assert abs(density.sum()) < 1e-12 * np.abs(density).sum()


def test_a_loop_that_is_not_mirrored_is_told_apart():
    """The same test of momentum on waves that are not symmetric finds some."""
    grid = Grid((40, 80), 0.5, "axisymmetric", edges="reflecting")
    r, z = grid.coordinates
    field = Field(grid, loop_field(r, z, 10.0, 0.1 * np.exp(-((z - 3) ** 2) - (r - 8) ** 2)))
    for n in range(20):
        field.kick_drift(0.2 if n else 0.1, 0.2)
    phi, v = field.phi.double().numpy(), field.velocity.double().numpy()
    assert np.abs(phi[0] - phi[0][:, ::-1]).max() > 1e-3
    density = r * (v[:, :, 1:-1] * (phi[:, :, 2:] - phi[:, :, :-2])).sum(axis=0)
    assert abs(density.sum()) > 1e-6 * np.abs(density).sum()


def test_engines_agree():
    runs = [
        SMALL.evolve(10.0, engine=engine, dtype=dtype)
        for engine, dtype in (("numba", "float64"), ("eager", "float64"), ("numba", "float32"))
    ]
    assert pytest.approx(runs[0].R, abs=1e-10) == runs[1].R
    assert runs[1].total == pytest.approx(runs[0].total, rel=1e-11)
    assert pytest.approx(runs[0].R, abs=1e-4) == runs[2].R


@pytest.mark.parametrize(
    ("loop", "run", "says"),
    [
        ({"R0": 1.0}, {}, "R0 must be a number in"),
        ({"R0": 20.0, "J": -1.0}, {}, "J must be"),
        ({"R0": 20.0, "J": 9000.0}, {}, r"J=9000 rests at .* at least 35"),
        ({"R0": 20.0, "w": 0.0}, {}, "w must be"),
        ({"R0": 20.0, "mh": -1.0}, {}, "mh must be"),
        ({"R0": 20.0, "groups": 0}, {}, "groups must be"),
        ({}, {"T": -1.0}, "T must be"),
        ({}, {"h": 0.7}, r"h must be a number in \(0, 0.6\], got 0.7"),
        ({}, {"dt": 0.4}, r"dt=0.4 is unstable; take less than 0.343"),
        ({}, {"box": 25.0}, r"box=25 leaves the loop no room.* at least 32"),
        ({}, {"dtype": "float16"}, "dtype must be"),
        ({}, {"noise": 2.0}, "noise must be"),
        ({}, {"frames": -1}, "frames must be"),
        ({}, {"seed": 1.5}, "seed must be"),
        ({}, {"every": 0.0}, "every must be"),
    ],
)
def test_refuses_what_cannot_work_with_what_would(loop, run, says):
    with pytest.raises(ValueError, match=says):
        Loop(**{"R0": 20.0} | loop).evolve(**{"T": 5.0} | run)


def test_refuses_a_vorton_too_small_for_its_carriers():
    with pytest.raises(ValueError, match=r"vorton_radius must be a number in \[20, inf\), got 12"):
        Loop.around(12.0, 16.0)


def test_warns_of_a_run_that_outlasts_its_box():
    with pytest.warns(UserWarning, match=r"T=30 is longer than 2 \(box − R0\) = 25.*box=37"):
        Loop(22.0).evolve(30.0, box=34.5)


def test_warns_of_narrow_and_of_light_carriers():
    with pytest.warns(UserWarning, match="w=0.5 is narrower than 0.7"):
        Loop.around(20.0, 22.0, w=0.5).evolve(1.0)
    with pytest.warns(UserWarning, match="mh=300 is too light.*Take mh of at least 979.9"):
        Loop.around(20.0, 22.0, mh=300.0).evolve(1.0)


@pytest.mark.filterwarnings("ignore:mh=200 is too light", "ignore:the carriers were about")
def test_warns_when_the_current_has_left_the_string():
    light = Loop.around(20.0, 22.0, mh=200.0)
    with pytest.warns(UserWarning, match="the current has left the string"):
        trace = light.evolve(40.0, every=0.5)
    assert trace.separation > 10
    assert 5 < trace.parted < 30
    held = Loop.around(20.0, 22.0).evolve(30.0)
    assert np.isnan(held.parted)
    assert held.separation < 0.5


@pytest.mark.filterwarnings("ignore:mh=200 is too light", "ignore:the current has left")
def test_a_run_whose_carriers_leave_the_box_ends_there():
    with pytest.warns(UserWarning, match=r"about to leave the box at t = .*; T was 60"):
        trace = Loop.around(20.0, 20.0, mh=200.0).evolve(60.0)
    assert 20 < trace.t[-1] < 60
    assert np.isfinite(trace.total).all()
    assert trace.x[-1, 0] > trace.about["box"] - 9


def test_the_grip_of_a_narrow_kernel_is_the_steepest_of_the_profile():
    assert grip(0.02) == pytest.approx(profile(1).steepest[0], rel=1e-3)
    assert grip(1.0) < grip(0.7) < grip(0.3)
    # E_max^cl = 0.463 m √R
    assert 30.0 / 10.0 / holding_mass(30.0, 10.0, 0.02) == pytest.approx(
        0.4634 * np.sqrt(10), rel=2e-3
    )
    with pytest.raises(ValueError, match="w="):
        grip(0.0)


def test_crossings_are_counted_and_the_outermost_is_found():
    r = np.arange(400) * 0.25
    assert crossing_of_line(np.tanh(r - 31.37), r) == (pytest.approx(31.37, abs=2e-3), 1)
    assert crossing_of_line(np.cos(r / 10), r).changes == 3
    assert np.isnan(crossing_of_line(np.ones(9), r[:9]).radius)


def damped(t, radius, swing, rate, frequency):
    R = radius * np.exp(swing * np.exp(-rate * t) * np.cos(frequency * t))
    samples = np.zeros((len(t), len(COLUMNS)))
    samples[:, 0], samples[:, 1], samples[:, 2] = t, R, 1
    return Trace(samples, np.zeros((len(t), 1)), np.zeros((len(t), 1)), {})


def test_a_damped_swing_is_read_off_a_trace():
    t = np.arange(0, 500, 1.0)
    trace = damped(t, 30.0, 0.4, 0.004, 0.035)
    found = trace.settled()
    assert found.radius == pytest.approx(30.0, rel=1e-6)
    assert found.rate == pytest.approx(0.004, rel=1e-4)
    assert trace.settled(after=50.0).radius == pytest.approx(30.0, rel=1e-6)
    assert found.frequency == pytest.approx(0.035, rel=1e-4)
    times, radii = trace.turning_points()
    assert np.diff(times) == pytest.approx(np.pi / 0.035, rel=1e-2)
    assert radii[0] == pytest.approx(30 * np.exp(-0.4 * np.exp(-0.004 * times[0])), rel=1e-2)
    with pytest.raises(ValueError, match="turns 0 times"):
        damped(t[:40], 30.0, 0.4, 0.004, 0.035).settled()
    assert tension_log(30.0) == pytest.approx(np.log(240) - 1.619, abs=1e-3)


@pytest.mark.parametrize("kind", [Trace, SpaceTrace])
def test_a_trace_can_be_copied_and_sent_to_another_process(kind):
    parts = (np.ones((3, len(COLUMNS))), np.ones((3, 9)), np.ones((3, 9)))
    trace = kind(*parts, {"T": 2.0}) if kind is Trace else kind(*parts, np.ones((3, 4, 3)), {})
    for twin in (pickle.loads(pickle.dumps(trace)), copy.copy(trace), copy.deepcopy(trace)):
        assert np.array_equal(twin.kinetic, trace.kinetic)
    with pytest.raises(AttributeError, match="a trace has no 'speed'; it has t, "):
        _ = trace.speed


def test_a_summary_has_none_for_what_a_thin_loop_never_reaches():
    """A loop without a current that turns all the same, once: as JSON, without NaN."""
    t = np.arange(0, 60, 1.0)
    samples = np.zeros((len(t), len(COLUMNS)))
    samples[:, 0], samples[:, 1], samples[:, 2] = t, 20 + 5 * np.cos(t / 15), 1
    samples[:, COLUMNS.index("kinetic")] = 1.0
    about = dict.fromkeys(("R_v", "L", "mh", "w", "groups", "T", "h", "dt"), 0.0)
    trace = Trace(samples, np.zeros((60, 0)), np.zeros((60, 0)),
                  about | {"R0": 25.0, "J": 0.0, "box": 60.0})  # fmt: skip
    said = trace.summary()
    assert len(said["turn_R"]) == 1
    assert said["turn_R_thin"] == [None]
    assert said["goldstone_share"] is None  # nothing has passed the surface
    json.dumps(said, allow_nan=False)
    assert "(thin loop: gone)" in _told(said)


def test_heavy_carriers_take_smaller_steps_and_the_book_still_closes():
    """The string answers their pull on the field, too; at 0.4 h it would run away."""
    heavy = Loop.around(20.0, 21.0, mh=20_000.0)
    trace = heavy.evolve(10.0, 0.5)
    assert trace.about["dt"] < 0.12
    assert trace.closure < 0.03  # it was off by 4.5 with a step of 0.2
    with pytest.raises(ValueError, match=r"dt=0.2 is unstable; take less than 0.14"):
        heavy.evolve(1.0, 0.5, dt=0.2)
    assert Loop.around(30.0, 75.0).evolve(0.5, 0.5).about["dt"] == 0.2  # the default ones do not


def test_what_watch_raises_ends_the_run_and_the_state_is_kept(tmp_path):
    path, loop = tmp_path / "run.npz", Loop.around(20.0, 24.0)

    def stop(now: float, of: float) -> None:
        assert of == 8.0
        if now > 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.evolve(8.0, checkpoint=path, watch=stop)
    times: list[float] = []
    trace = loop.evolve(8.0, checkpoint=path, watch=lambda now, of: times.append(now))
    assert min(times) > 3
    assert np.array_equal(trace.samples, loop.evolve(8.0).samples)


def test_a_grid_that_the_memory_has_no_room_for_is_refused():
    with pytest.raises(ValueError, match=r"box=1e\+06 .* GiB, and this machine has"):
        Loop.around(20.0, 24.0).evolve(8.0, box=1e6)


def test_a_file_that_is_no_checkpoint_is_refused_without_talk_of_pickles(tmp_path):
    path = tmp_path / "picture.npz"
    path.write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"is no checkpoint of a loop\. Name another file\.$"):
        Loop.around(20.0, 24.0).evolve(8.0, checkpoint=path)
