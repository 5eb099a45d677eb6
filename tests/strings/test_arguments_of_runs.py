"""Runs take NumPy's numbers as well as Python's, and what they leave can be copied and sent."""

import copy
import pickle

import numpy as np
import pytest
import torch

from halflife.strings import FermiSea, Loop
from halflife.strings.lattice import CheckpointError, Field, Grid, advance, evolve
from halflife.strings.local import LocalLoop
from halflife.strings.loop import Absorber, Ripple, evolve_in_space, reflectivity


def made(grid=None, **more):
    grid = Grid((12, 10), 0.5) if grid is None else grid
    return Field(grid, lambda x, y: (1 + 0.1 * np.cos(x), 0.1 * np.sin(y)), **more)


@pytest.mark.parametrize(
    "numbers",
    [
        {"dt": np.float32(0.125)},
        {"steps": np.int64(6)},
        {"every": np.int32(2)},
        {"spacing": np.float32(0.5)},
        {"origin": np.array([0.0, 1.0])},
        {"origin": (np.float32(0), 1)},
        {"shape": np.array([12, 10])},
    ],
    ids=str,
)
def test_a_lattice_run_with_numpys_numbers_is_kept_and_goes_on(numbers, tmp_path):
    plain = {"dt": 0.125, "steps": 6, "every": 2, "spacing": 0.5, "origin": None, "shape": (12, 10)}
    given = plain | numbers
    for field in (made(Grid(given["shape"], given["spacing"], origin=given["origin"])),) * 2:
        run = evolve(
            field, given["dt"], given["steps"], every=given["every"], checkpoint=tmp_path / "run"
        )
        last = [at.step for at in run]
    assert last == []  # the second found it finished


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: evolve(made(), 0.1, 20.0), "steps must be a whole number of at least 1, got 20.0"),
        (
            lambda: evolve(made(), 0.1, 20, every=2.0),
            "every must be a whole number of at least 1, got 2.0",
        ),
        (lambda: evolve(made(), "a", 20), "dt must be a number other than 0, got 'a'"),
        (lambda: advance(made(), 0.1, 1.5), "steps must be a whole number of at least 0, got 1.5"),
        (lambda: Grid((16.7, 16), 0.5), "shape must be one to three numbers of at least 2, whole"),
        (lambda: Grid(16, 0.5), "shape must be one to three numbers"),
        (lambda: Grid((4, 4), "a"), "spacing must be positive, got 'a'"),
        (lambda: Grid((4, 4), 0.5, origin=(0, np.nan)), "origin must be a number"),
        (lambda: Field(Grid((4, 4), 0.5), np.ones((2, 4, 4)) * 1j), "phi is complex; give its two"),
        (lambda: Field(Grid((4, 4), 0.5), np.full((2, 4, 4), 1e39)), "phi must be finite in torch"),
        (lambda: Absorber("a"), "width=a; pass a finite number"),
        (lambda: reflectivity(Absorber(), [20.0], h=0), "h must be a number in"),
        (lambda: reflectivity(Absorber(), [20.0], dt=2.0), "dt must be a number in"),
        (lambda: Loop(24).evolve(1, seed=1.5), "seed must be a whole number"),
    ],
)
def test_what_is_no_number_is_refused_by_name(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_a_field_of_float64_holds_what_float32_cannot():
    field = Field(Grid((4, 4), 0.5), np.full((2, 4, 4), 1e39), dtype=torch.float64)
    assert field.phi.max() == 1e39


def test_a_run_that_is_past_its_steps_is_refused(tmp_path):
    list(evolve(made(), 0.1, 20, checkpoint=tmp_path / "run"))
    with pytest.raises(CheckpointError, match="at step 20 already, past steps=10"):
        list(evolve(made(), 0.1, 10, checkpoint=tmp_path / "run"))


def test_a_loop_with_numpys_numbers_is_kept_and_goes_on(tmp_path):
    def run():
        loop = Loop.around(np.float32(20), np.float32(22), groups=np.int64(2), w=np.float32(1))
        return loop.evolve(
            np.float32(1),
            np.float32(0.5),
            box=np.float32(60),
            frames=np.int64(2),
            every=np.float32(0.5),
            absorber=Absorber(np.float32(4), np.float32(1)),
            checkpoint=tmp_path / "loop.npz",
        )

    assert np.array_equal(run().samples, run().samples)


def test_a_loop_in_space_with_numpys_numbers_is_kept_and_goes_on(tmp_path):
    def run():
        return evolve_in_space(
            Loop(np.float32(6)),
            np.float32(0.5),
            np.float32(0.5),
            ripple=Ripple(np.int64(2), radial=np.float32(0.05)),
            box=np.float32(17),
            every=np.float32(0.5),
            checkpoint=tmp_path / "loop.npz",
        )

    first, second = run(), run()
    assert np.array_equal(first.samples, second.samples)
    again = pickle.loads(pickle.dumps(second))
    assert again.closure == second.closure
    assert np.array_equal(copy.deepcopy(second).length, second.length)


def test_a_local_loop_takes_numpys_numbers():
    one, two = LocalLoop.around(np.float32(20), np.float32(24)), LocalLoop.around(20.0, 24.0)
    assert one == two


def test_a_trace_can_be_copied_and_sent_to_another_process():
    trace = Loop(20.0).evolve(1.0, frames=2)
    for again in (pickle.loads(pickle.dumps(trace)), copy.deepcopy(trace)):
        assert np.array_equal(again.R, trace.R)
        assert again.closure == trace.closure
    assert not hasattr(trace, "nothing")


def test_a_sea_counted_by_numpy_does_not_overflow():
    assert FermiSea(np.int64(4_000_000_000), 1e9).angular_momentum == 8e18
    sea = FermiSea(np.int32(100_000), np.float32(1e4))
    assert sea.angular_momentum == 5e9
    assert sea.energy == 5e5
    assert type(sea.energy) is float
