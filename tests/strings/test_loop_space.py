"""Loops in three dimensions: small boxes and short times, against the axisymmetric ones."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from halflife.strings.lattice import Field, Grid
from halflife.strings.loop.beads import Beads
from halflife.strings.loop.evolve import Loop
from halflife.strings.loop.initial import loop_field
from halflife.strings.loop.space import Ripple, evolve_in_space, string_length

LOOP = Loop.around(20.0, 21.0)
BOX = 36.0


@pytest.fixture(scope="module")
def circle():
    return evolve_in_space(LOOP, 6.0, 0.6, box=BOX, dtype="float64")


@pytest.mark.slow
def test_a_circle_moves_as_the_axisymmetric_loop_does(circle):
    flat = LOOP.evolve(6.0, 0.5, box=BOX)
    # A kernel that smears along the curve too sees the core w²/2R = 0.024 farther in.
    assert pytest.approx(np.interp(circle.t, flat.t, flat.x[:, 0]), abs=0.024) == circle.R
    assert circle.closure < 1e-4
    assert (circle.lost == 0).all()
    assert circle.ripple(2).max() < 1e-3
    assert np.abs(circle.beads[..., 2]).max() < 1e-6
    assert circle.length / (2 * np.pi * circle.R) == pytest.approx(0.85, abs=0.02)


def test_beads_on_a_circle_are_the_ring_marker(circle):
    """The same J and m̂, hence the same energy as long as all is round."""
    flat = LOOP.evolve(6.0, 0.5, box=BOX)
    assert circle.carriers[0] == pytest.approx(LOOP.J / 21.0, rel=3e-3)
    assert circle.carriers[-1] == pytest.approx(flat.carriers[-1], rel=3e-3)


def test_a_circle_in_space_keeps_the_squares_symmetry_and_the_planes():
    """Initial data and what becomes of them: turned by 90°, mirrored in x, y and z, all the same.

    φ₁ is even and φ₂ odd in z. Sums of neighbours in another order may round otherwise.
    """
    axis = (np.arange(36) - 17.5) * 0.5
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    start = loop_field(np.hypot(x, y), z, 5.0)
    field = Field(Grid((36,) * 3, 0.5, edges="reflecting"), start, dtype=torch.float64)
    for n in range(20):
        field.kick_drift(0.2 if n else 0.1, 0.2)
    for phi, tolerance in ((start, 1e-14), (field.phi.numpy(), 1e-12)):
        assert phi == pytest.approx(np.rot90(phi, axes=(1, 2)), abs=tolerance)
        assert phi == pytest.approx(phi[:, ::-1], abs=tolerance)
        assert phi == pytest.approx(phi[:, :, ::-1], abs=tolerance)
        assert phi[0] == pytest.approx(phi[0][..., ::-1], abs=tolerance)
        assert phi[1] == pytest.approx(-phi[1][..., ::-1], abs=tolerance)
    assert abs(field.phi.numpy() - start).max() > 0.1


def test_ripples_are_measured_as_given():
    given = Ripple(3, radial=0.04, vertical=0.03)
    trace = evolve_in_space(LOOP, 0.5, 0.6, ripple=given, box=BOX)
    assert trace.ripple(3)[0] == pytest.approx(0.05, rel=1e-2)
    assert trace.ripple(2)[0] < 2e-3
    assert (trace.lost == 0).all()
    spin = np.cross(trace.beads[0], np.roll(trace.beads[0], -1, axis=0))[:, 2]
    assert (spin > 0).all()  # they stand in order around the loop


SCRIPT = """
import sys
from halflife.strings.loop.evolve import Loop
from halflife.strings.loop.space import Ripple, evolve_in_space
evolve_in_space(
    Loop.around(20.0, 21.0), 4.0, 0.6, ripple=Ripple(2, radial=0.02), box=36.0, every=0.5,
    checkpoint=sys.argv[1], save_every=0.0,
)
"""


def steps_kept(path):
    with np.load(path) as kept:
        return int(kept["steps"])


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_bits(tmp_path):
    path = tmp_path / "space.npz"
    with subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)]) as process:
        while not path.exists() or steps_kept(path) < 6:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert 6 <= steps_kept(path) < 17, "it was not killed in the middle"
    options = {"ripple": Ripple(2, radial=0.02), "box": BOX, "every": 0.5}
    straight = tmp_path / "straight.npz"
    resumed, whole = (
        evolve_in_space(LOOP, 4.0, 0.6, checkpoint=file, **options) for file in (path, straight)
    )
    assert np.array_equal(resumed.samples, whole.samples)
    assert np.array_equal(resumed.beads, whole.beads)
    with np.load(path) as ours, np.load(straight) as theirs:  # field, velocity, beads, all of it
        assert ours.files == theirs.files
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours.files)
    assert steps_kept(path) == 17
    with pytest.raises(ValueError, match="another run"):
        evolve_in_space(LOOP, 4.0, 0.6, checkpoint=path, ripple=Ripple(3), box=BOX)
    with pytest.raises(ValueError, match=r"another run: stride 2 not 4\. Name another file"):
        evolve_in_space(LOOP, 4.0, 0.6, checkpoint=path, **options | {"every": 1.0})


def test_host_and_device_code_agree():
    """What a card would compute, computed here by the same PyTorch."""
    axis = (np.arange(30) + 0.5) * 0.5 - 7.5
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    field = Field(
        Grid((30,) * 3, 0.5, edges="reflecting"), loop_field(np.hypot(x, y), z, 3.0),
        dtype=torch.float64, engine="eager",
    )  # fmt: skip
    X = np.array([[3.1, 0.2, 0.1], [-2.0, 2.2, -0.3]])
    beads = Beads(field, X, np.ones((2, 3)), mh=4.0, w=0.6)
    here = beads._window(field, beads.X)(beads.X)
    first = beads._first(beads.X, field.grid.shape)
    cells = beads._cells(first, (32, 32, 32), 1)
    values = field.padded.reshape(2, -1)[:, cells.reshape(-1)]
    side = beads._side
    there = beads._contract(values.reshape(2, 2, side, side, side), first, beads.X)
    for ours, theirs in zip(here, there, strict=True):
        assert ours.numpy() == pytest.approx(theirs.numpy(), rel=1e-10, abs=1e-12)


def test_a_straight_string_has_its_length():
    axis = np.arange(12) - 5.5 + 0.2
    x, y, _ = np.meshgrid(axis, axis, np.arange(20.0), indexing="ij")
    phi = torch.tensor(np.stack([x, y]))
    assert string_length(phi, 0.5) == pytest.approx(20 * 0.5 * 2 / 3)
    assert string_length(torch.ones(2, 5, 5, 5), 0.5) == 0


@pytest.mark.parametrize(
    ("run", "says"),
    [
        ({"h": 0.7}, "h must be"),
        ({"dt": 0.4}, "dt=0.4 is unstable; take less than 0.28"),
        ({"box": 20.0}, "box=20 leaves the loop no room; take at least 35.3"),
        ({"dtype": "int"}, "dtype"),
    ],
)
def test_refuses_what_cannot_work(run, says):
    with pytest.raises(ValueError, match=says):
        evolve_in_space(LOOP, **{"T": 1.0, "h": 0.5} | run)
    with pytest.raises(ValueError, match="mode must be"):
        Ripple(0)
    with pytest.raises(ValueError, match="groups=3"):
        evolve_in_space(Loop.around(20.0, 21.0, groups=3), 1.0)


def test_heavy_beads_take_smaller_steps():
    heavy = Loop.around(20.0, 21.0, mh=20_000.0)
    with pytest.raises(ValueError, match=r"dt=0.24 is unstable; take less than 0.1"):
        evolve_in_space(heavy, 1.0, 0.6, dt=0.24, box=BOX)


def test_a_run_whose_beads_leave_the_box_ends_there():
    light = Loop.around(20.0, 20.0, mh=150.0)
    with (
        pytest.warns(UserWarning, match=r"about to leave the box at t = .*; T was 60"),
        pytest.warns(UserWarning, match="beads have left the string at t = "),
        pytest.warns(UserWarning, match="T=60 is longer than"),
        pytest.warns(UserWarning, match="mh=150 is too light.*Take mh of at least 979.9"),
    ):
        trace = evolve_in_space(light, 60.0, 0.6, box=36.0, every=2.0)
    assert 5 < trace.t[-1] < 60
    assert np.isfinite(trace.total).all()
    assert 26 < trace.R[-1] < 36
