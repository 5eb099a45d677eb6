"""Loops of local string: the straight string, the plain system's laws, its fast twin, a bounce."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import k0

from halflife.strings.local import LocalLoop, local_profile, reference
from halflife.strings.local.lattice import Stepper
from halflife.strings.local.loop import local_field, local_grip
from halflife.strings.local.profile import CHARGE
from halflife.strings.local.reference import Marker, State
from halflife.strings.thin_loop import chiral_loop

H = 0.5
MARKER = Marker(J=5.0, mh=3.0, w=0.6)


def random_state(seed, shape=(6, 5)):
    """Anything that has the symmetry of the plane, far from any solution."""
    rng = np.random.default_rng(seed)
    phi, pi = rng.normal(size=(2, *shape)) + 1j * rng.normal(size=(2, *shape))
    a_r, a_z, e_r, e_z = rng.normal(size=(4, *shape))
    for values in (phi, pi):
        values[:, 0] = values[:, 0].real
    for values in (a_r, e_r):
        values[-1] = values[:, 0] = 0
    for values in (a_z, e_z):
        values[:, -1] = 0
    return State(phi, a_r, a_z, pi, e_r, e_z, x=1.4, q=0.3)


def total(s, m=MARKER):
    return sum(reference.field_energy(s, H)) + reference.marker_energy(s, m, H)


# The straight string.


def test_the_straight_string_saturates_bogomolnys_bound():
    """Energy per length π v², and one quantum of flux: neither is in the equations solved."""
    made, r = local_profile(), np.linspace(1e-6, 20, 100_001)
    f, a = made.f(r), made.a(r)
    B = np.gradient(a, r) / (CHARGE * r)
    B[:2] = B[2]
    square = (np.gradient(f, r) ** 2 + (f * (1 - a) / r) ** 2 + B**2) / 2 + (1 - f**2) ** 2 / 4
    assert np.trapezoid(2 * np.pi * r * square, r) == pytest.approx(np.pi, rel=1e-6)
    assert np.trapezoid(2 * np.pi * r * B, r) == pytest.approx(2 * np.pi / CHARGE, rel=1e-6)
    assert made.f([0.0, 30.0]).tolist() == [0.0, 1.0]


def test_the_straight_strings_constants_are_the_textbooks():
    """1 − f → 1.7079 K₀(√2 r), of de Vega and Schaposnik (Phys. Rev. D 14 (1976) 1100)."""
    made, r = local_profile(), np.array([7.0, 8.0, 9.0])
    assert (1 - made.f(r)) / k0(np.sqrt(2) * r) == pytest.approx(1.7079, abs=2e-4)
    assert made.f(1e-3) / 1e-3 == pytest.approx(made.slope, rel=1e-5)
    assert made.slope / CHARGE == pytest.approx(0.60329, abs=1e-4)


def test_the_grip_of_a_narrow_kernel_is_the_steepest_of_the_profile():
    r = np.linspace(0.01, 5, 5000)
    f = local_profile().f(r)
    assert local_grip(0.03) == pytest.approx((f * np.gradient(f, r)).max(), rel=2e-3)
    assert local_grip(1.0) < local_grip(0.5) < local_grip(0.1)


def test_a_loop_on_the_grid_costs_its_length_at_second_order():
    """2πR · π up to curvature, whatever the box: nothing reaches far."""
    off = [
        sum(reference.field_energy(local_field(round(32 / h), h, 20.0), h)) / (2 * np.pi**2 * 20)
        for h in (0.5, 0.25, 0.125)
    ]
    assert off[-1] == pytest.approx(1, abs=2e-3)
    assert (off[1] - off[0]) / (off[2] - off[1]) == pytest.approx(4, abs=0.3)
    wider = sum(reference.field_energy(local_field(90, 0.5, 20.0), 0.5)) / (2 * np.pi**2 * 20)
    assert wider == pytest.approx(off[0], rel=1e-8)


def test_a_string_at_rest_is_pulled_by_its_curvature_alone():
    """The force on the initial data falls as 1/R, so that a straight string has none."""
    h, pulls = 0.125, []
    for R in (20.0, 40.0):
        pull, _, _ = reference.force(local_field(round((R + 8) / h), h, R), h)
        pulls.append(abs(pull[round((R - 6) / h) : round((R + 6) / h), : round(6 / h)]).max())
    assert pulls[0] < 2 / 20
    assert pulls[1] / pulls[0] == pytest.approx(0.5, abs=0.06)


# The laws of the plain system.


def test_forces_are_the_gradient_of_the_energy():
    s = random_state(0)
    pull, pull_r, pull_z = reference.force(s, H)
    on_marker, more, more_z = reference.marker_force(s, MARKER, H)
    point, out, up, _ = reference.weights(s.phi.shape, H)

    def slope(change):
        up_, down = s.copy(), s.copy()
        change(up_, 1e-5)
        change(down, -1e-5)
        return (total(up_) - total(down)) / 2e-5

    def nudge(name, at, unit=1.0):
        def change(state, by):
            getattr(state, name)[at] += unit * by

        return change

    for at in np.ndindex(s.phi.shape):
        force = (pull + more)[at] * point[at]
        assert -slope(nudge("phi", at)) == pytest.approx(force.real, abs=1e-5)
        if at[1] > 0:
            assert -slope(nudge("phi", at, 1j)) == pytest.approx(force.imag, abs=1e-5)
            assert (
                -slope(nudge("a_r", at)) == pytest.approx(pull_r[at] * out[at], abs=1e-5)
                or out[at] == 0
            )
        if up[at] > 0:
            expected = (pull_z + more_z)[at] * up[at]
            assert -slope(nudge("a_z", at)) == pytest.approx(expected, abs=1e-5)

    def shift(state, by):
        state.x += by

    assert -slope(shift) == pytest.approx(on_marker, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.floats(0.1, 30.0))
def test_gauge_transformations_change_nothing_that_can_be_seen(seed, size):
    s = random_state(seed)
    shift = size * np.random.default_rng(seed).normal(size=s.phi.shape)
    shift[:, 0] = 0
    t = s.copy()
    t.phi, t.pi = s.phi * np.exp(1j * shift), s.pi * np.exp(1j * shift)
    t.a_r[:-1] += np.diff(shift, axis=0) / (CHARGE * H)
    t.a_z[:, :-1] += np.diff(shift, axis=1) / (CHARGE * H)
    assert reference.field_energy(t, H) == pytest.approx(reference.field_energy(s, H), rel=1e-10)
    assert total(t) == pytest.approx(total(s), rel=1e-10)
    assert reference.magnetic(t, H) == pytest.approx(reference.magnetic(s, H), abs=1e-9)
    assert reference.gauss(t, H) == pytest.approx(reference.gauss(s, H), abs=1e-9)
    for state in (s, t):
        reference.step(state, MARKER, H, 0.05)
    assert t.phi == pytest.approx(s.phi * np.exp(1j * shift), abs=1e-9)
    assert t.e_z == pytest.approx(s.e_z, abs=1e-9)
    assert (t.x, t.q) == pytest.approx((s.x, s.q), rel=1e-10)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_gausss_law_is_kept_to_rounding_whatever_the_state(seed):
    s = random_state(seed)
    before = reference.gauss(s, H)
    for _ in range(5):
        reference.step(s, MARKER, H, 0.05)
    assert abs(before).max() > 0.1
    assert reference.gauss(s, H) == pytest.approx(before, abs=1e-10 * (1 + abs(s.phi).max() ** 2))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), J=st.sampled_from([0.0, 5.0]))
def test_the_compiled_steps_are_those_of_the_reference(seed, J):
    marker = Marker(J, 3.0, 0.6)
    slow, fast = random_state(seed), Stepper(random_state(seed), marker, H, 0.05)
    for _ in range(4):
        reference.step(slow, marker, H, 0.05)
        fast.step()
    now = fast.whole()
    for name in ("phi", "pi", "a_r", "a_z", "e_r", "e_z"):
        assert getattr(now, name) == pytest.approx(getattr(slow, name), rel=1e-10, abs=1e-11)
    assert (now.x, now.q) == pytest.approx((slow.x, slow.q), rel=1e-12)
    assert fast.time == pytest.approx(0.2)


HEAVY = Marker(2 * np.pi**2 * 36, 300.0, 1.0)


def moving_loop():
    s = local_field(40, H, 10.0)
    s.x, s.q = 10.0, 20.0
    return s


def test_energy_and_solution_are_of_second_order():
    begin, ends = total(moving_loop(), HEAVY), []
    for dt in (0.1, 0.05, 0.025):
        stepper = Stepper(moving_loop(), HEAVY, H, dt)
        while stepper.time < 4 - dt / 2:
            stepper.step()
        ends.append(stepper.whole())
    errors, places = [abs(total(s, HEAVY) / begin - 1) for s in ends], [s.x for s in ends]
    assert errors[-1] < 1e-5
    assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx(2, abs=0.4)
    assert np.log2((places[0] - places[1]) / (places[1] - places[2])) == pytest.approx(2, abs=0.4)


def test_runs_backwards():
    s, start = moving_loop(), moving_loop()
    for _ in range(2):
        for _ in range(20):
            reference.step(s, HEAVY, H, 0.1)
        for name in ("pi", "e_r", "e_z", "q"):
            setattr(s, name, -getattr(s, name))
    assert s.phi == pytest.approx(start.phi, abs=1e-9)
    assert s.a_z == pytest.approx(start.a_z, abs=1e-9)
    assert (s.x, s.q) == pytest.approx((10.0, 20.0), abs=1e-7)


def test_initial_data_hold_one_string_and_one_quantum_of_flux():
    s = local_field(80, 0.4, 16.0, noise=1e-2, seed=3)
    flux = reference.magnetic(s, 0.4)[:-1, :-1].sum() * 0.4**2  # of the upper half
    assert abs(flux) == pytest.approx(np.pi / CHARGE, rel=1e-3)
    assert (s.phi[:, 0].imag == 0).all()
    changes = np.flatnonzero(np.diff(np.sign(s.phi[:, 0].real)))
    assert (changes + 1) * 0.4 == pytest.approx([16.0], abs=0.4)
    plain = local_field(80, 0.4, 16.0)
    assert 1e-3 < abs(s.phi - plain.phi).max() < 1.1e-2
    assert np.array_equal(s.a_r, plain.a_r)  # so that the noise is no gauge transformation


# Whole runs.


def test_a_loop_turns_where_a_chiral_one_does():
    """R_v²/R0, without a fitted constant and without damping; and nothing leaves the string."""
    trace = LocalLoop.around(20.0, 24.0).evolve(78.0, 0.5, box=41.0, noise=1e-2)
    (when,), (where,) = trace.turning_points()
    assert where == pytest.approx(20.0**2 / 24, rel=0.02)
    assert when == pytest.approx(np.pi / 2 * (24 + 20.0**2 / 24), rel=0.02)
    assert pytest.approx(chiral_loop(trace.t, 24.0, 20.0**2 / 24), rel=0.025) == trace.R
    assert trace.closure < 1e-4
    assert trace.most_crossings == 1
    assert trace.separation < 0.5
    assert trace.about["gauss"] < 1e-10


def test_a_local_loops_summary_is_beside_a_thin_loop_that_nothing_damps():
    """As JSON values: there is no logarithm, and no surface for waves to pass."""
    trace = LocalLoop.around(20.0, 24.0).evolve(10.0, 0.5, box=41.0)
    said = trace.summary()
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert said["R_v"] == pytest.approx(20.0)
    assert said["L"] is None
    assert said["goldstone_share"] is None
    _, (inner,) = trace.thin.turning_points(24.0, 1)
    assert inner == pytest.approx(20.0**2 / 24, rel=1e-6)


def test_a_loop_without_a_current_collapses_as_nambu_and_goto_say():
    """R = R0 cos(t/R0) while it is thin, a point at 47; then it is gone."""
    trace = LocalLoop(30.0).evolve(60.0, 0.5, box=48.0, every=0.25)
    early = trace.t < 30
    assert trace.R[early] == pytest.approx(30 * np.cos(trace.t[early] / 30), abs=0.9)
    assert 44 < trace.vanished < 59
    assert not trace.x.size


@pytest.mark.parametrize(
    ("loop", "run", "says"),
    [
        ({"R0": 3.0}, {}, "R0 must be"),
        ({"J": 100.0}, {}, r"J=100 rests at .* at least 1974"),
        ({"w": 0.0}, {}, "w must be"),
        ({"mh": -1.0}, {}, "mh must be"),
        ({}, {"T": 0.0}, "T must be"),
        ({}, {"h": 0.6}, r"h must be a number in \(0, 0.5\], got 0.6"),
        ({}, {"dt": 0.4}, "dt=0.4 is unstable; take less than"),
        ({}, {"box": 25.0}, r"box=25 leaves the loop no room.* at least 36"),
        ({}, {"noise": 1.0}, "noise must be"),
        ({}, {"every": 0.0}, "every must be"),
    ],
)
def test_refuses_what_cannot_work_with_what_would(loop, run, says):
    with pytest.raises(ValueError, match=says):
        LocalLoop(**{"R0": 20.0} | loop).evolve(**{"T": 5.0} | run)


def test_a_run_whose_carriers_leave_the_box_ends_there():
    """They are far too light for a current that would rest at 60, and fly outwards."""
    loop = LocalLoop(20.0, J=2 * np.pi**2 * 60**2, mh=1.0)
    with (
        pytest.warns(UserWarning, match=r"about to leave the box at t = .*; T was 60"),
        pytest.warns(UserWarning, match="the current has left the string at t = "),
    ):
        trace = loop.evolve(60.0, 0.5, box=40.0)
    assert 5 < trace.t[-1] < 40
    assert np.isfinite(trace.total).all()
    assert 30 < trace.x[-1, 0] < 40


def test_a_run_is_seen_to_its_end():
    seen = []
    trace = LocalLoop(20.0).evolve(1.03, 0.5, every=0.5, watch=lambda t, T: seen.append((t, T)))
    assert trace.t[-1] == pytest.approx(1.05)
    assert seen[-1] == (trace.t[-1], 1.03)
