"""Integrators: orders, stability, reversibility, and what they refuse."""

import math
import re

import numpy as np
import pytest
import torch

from halflife.strings.lattice import (
    INTEGRATORS,
    Field,
    Grid,
    advance,
    evolve,
    stable_step,
    synchronise,
)

COMPOSITIONS = ("leapfrog", "yoshida4", "forest-ruth", "yoshida6")


def smooth(**options):
    grid = Grid((16, 12), 0.5)
    x0, y0 = 2 * np.pi / 8, 2 * np.pi / 6
    return Field(
        grid,
        lambda x, y: (
            0.8 + 0.3 * np.cos(x0 * x) * np.cos(y0 * y),
            0.4 * np.sin(x0 * x) + 0.0 * y,
        ),
        lambda x, y: (0.2 * np.sin(y0 * y) + 0.0 * x, 0.1 * np.cos(x0 * x) * np.cos(y0 * y)),
        **{"dtype": torch.float64, **options},
    )


def worst_energy(name, dt, time=4.0):
    field = smooth()
    before, worst = field.energy().total, 0.0
    for _ in range(round(time / dt)):
        advance(field, dt, 1, name)
        synchronise(field)
        worst = max(worst, abs(field.energy().total - before))
    return worst


@pytest.mark.parametrize("name", [*COMPOSITIONS, "stoermer"])
def test_the_order_is_that_of_the_name(name):
    steps = (0.1, 0.05, 0.025) if name != "yoshida6" else (0.2, 0.1, 0.05)
    errors = [worst_energy(name, dt) for dt in steps]
    order = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert order == pytest.approx(INTEGRATORS[name].order, abs=0.2)


def test_forest_and_ruths_is_yoshidas():
    one, two = smooth(), smooth()
    advance(one, 0.1, 10, "yoshida4")
    advance(two, 0.1, 10, "forest-ruth")
    assert torch.equal(one.padded, two.padded)


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_the_weights_add_up_and_read_the_same_backwards(name):
    weights = INTEGRATORS[name].weights
    assert weights == weights[::-1]
    assert sum(weights) == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_a_run_comes_back_to_where_it_began(name):
    field, start = smooth(), smooth()
    advance(field, 0.1, 200, name)
    synchronise(field)
    assert (field.phi - start.phi).abs().max() > 0.1
    advance(field, -0.1, 200, name)
    synchronise(field)
    torch.testing.assert_close(field.phi, start.phi, rtol=0, atol=2e-12)
    torch.testing.assert_close(field.velocity, start.velocity, rtol=0, atol=2e-12)


def test_the_stability_limits_are_the_known_ones():
    assert INTEGRATORS["leapfrog"].stability == pytest.approx(2, abs=1e-6)
    assert INTEGRATORS["yoshida4"].stability == pytest.approx(1.573, abs=2e-3)
    assert INTEGRATORS["yoshida6"].stability > 1


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_the_advice_on_dt_is_right_on_both_sides(name):
    """The highest mode of the vacuum, ω² = 4d/h² + 2, stays below the limit and grows above."""
    grid = Grid((8, 8), 0.5)
    checker = (-1.0) ** np.add.outer(np.arange(8), np.arange(8))
    vacuum = np.stack((1 + 1e-8 * checker, 0 * checker))
    limit = INTEGRATORS[name].stability / grid.highest_frequency()
    field = Field(grid, vacuum, dtype=torch.float64)
    assert stable_step(field, name) == pytest.approx(limit, rel=1e-6)
    advance(field, 0.99 * limit, 200, name)
    assert (field.phi[0] - 1).abs().max() < 1e-6
    with pytest.raises(ValueError, match=f"integrator {name!r}.*take at most") as caught:
        advance(field, 1.01 * limit, 1, name)
    advised = float(re.search(r"at most ([\d.]+)\.$", str(caught.value)).group(1))
    assert advised == pytest.approx(limit, rel=1e-3)
    assert advised <= limit
    loose = Field(grid, vacuum, dtype=torch.float64)
    weights = INTEGRATORS[name].weights
    for _ in range(300):  # what the check forbids, by hand
        for weight in weights:
            y = 1.02 * limit * weight
            loose.kick(y / 2)
            loose.drift(y)
            loose.kick(y / 2)
    assert not (loose.phi[0] - 1).abs().max() < 1e-6


def test_a_field_far_above_the_vacuum_wants_smaller_steps():
    grid = Grid((8, 8), 0.5)
    low, high = (Field(grid, lambda x, y, a=a: (a + 0 * x * y, 0 * x * y)) for a in (1.0, 5.0))
    assert stable_step(high) == pytest.approx(2 / math.sqrt(32 + 74), rel=1e-6)
    assert stable_step(low) == pytest.approx(2 / math.sqrt(32 + 2), rel=1e-6)


def test_stoermer_is_the_leapfrog_in_exact_arithmetic():
    for engine in ("eager", "numba"):
        one, two = smooth(engine=engine), smooth(engine=engine)
        advance(one, 0.1, 50, "leapfrog")
        advance(two, 0.1, 50, "stoermer")
        torch.testing.assert_close(one.phi, two.phi, rtol=0, atol=1e-11)
        for field in (one, two):
            synchronise(field)
        torch.testing.assert_close(one.velocity, two.velocity, rtol=0, atol=1e-11)


def test_stoermer_gives_the_same_bits_with_every_engine_in_three_axes():
    fields = []
    for engine in ("eager", "numba"):
        phi = np.random.default_rng(0).normal(size=(2, 6, 7, 8)) * 0.5
        fields.append(Field(Grid((6, 7, 8), 0.5), phi, dtype=torch.float64, engine=engine))
        advance(fields[-1], 0.05, 9, "stoermer")
    assert torch.equal(fields[0].padded, fields[1].padded)


def test_stoermer_in_float32_is_refused_with_the_reason():
    with pytest.raises(ValueError, match=r"loses digits as 1/Δt², here 100 ulp .* take 'leapfrog'"):
        advance(smooth(dtype=torch.float32), 0.1, 1, "stoermer")


def test_two_halves_of_a_run_are_the_run():
    one, two = smooth(), smooth()
    advance(one, 0.1, 30, "yoshida4")
    for steps in (11, 0, 19):
        advance(two, 0.1, steps, "yoshida4")
    assert torch.equal(one.padded, two.padded)
    assert torch.equal(one.velocity, two.velocity)


def test_looking_at_the_energy_changes_nothing_and_sees_the_synchronous_velocity():
    field, twin = smooth(), smooth()
    advance(field, 0.1, 7)
    advance(twin, 0.1, 7)
    energy, charge = field.energy(), field.charge()
    assert torch.equal(field.velocity, twin.velocity)
    synchronise(twin)
    assert twin.lag == 0
    assert energy.total == pytest.approx(twin.energy().total, rel=1e-14)
    assert charge == pytest.approx(twin.charge(), rel=1e-12)


def test_a_damping_that_is_due_is_seen_too():
    field, twin = smooth(), smooth()
    for it in (field, twin):
        advance(it, 0.1, 7, damping=it.damping([np.full(16, 0.5), None], 0.1))
    seen = field.energy().total
    synchronise(twin)
    assert twin.due is None
    assert seen == pytest.approx(twin.energy().total, rel=1e-14)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0.1, 1, "euler"), "integrator must be one of leapfrog, yoshida4"),
        ((0.0, 1), "dt must be a number other than 0"),
        ((float("nan"), 1), "dt must be a number other than 0"),
        ((0.1, -1), "steps must be a whole number of at least 0, got -1"),
        ((2.0, 1), "dt=2 is unstable with integrator 'leapfrog' at spacing 0.5: take at most"),
    ],
)
def test_a_step_that_cannot_be_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        advance(smooth(), *arguments)


def test_going_back_with_edges_that_take_energy_is_refused():
    grid = Grid((8, 8), 0.5, edges="outgoing")
    for dt, name in ((-0.1, "leapfrog"), (0.1, "yoshida4"), (0.1, "stoermer")):
        field = Field(grid, np.ones((2, 8, 8)), dtype=torch.float64)
        with pytest.raises(ValueError, match="take 'leapfrog' and dt > 0"):
            advance(field, dt, 1, name)
    field = smooth()
    with pytest.raises(ValueError, match="goes back in time"):
        advance(field, 0.1, 1, "yoshida6", field.damping([np.ones(16), None], 0.1))


def test_another_step_while_the_velocity_lags_is_refused():
    field = smooth()
    advance(field, 0.1, 1)
    with pytest.raises(ValueError, match="call synchronise"):
        advance(field, 0.05, 1)


def test_a_run_reports_light_crossings_and_ends_synchronous():
    field, twin = smooth(), smooth()
    words = list(evolve(field, 0.1, 25, every=10))
    assert [word.step for word in words] == [10, 20, 25]
    assert words[-1].time == pytest.approx(2.5)
    assert words[-1].crossings == pytest.approx(2.5 / 8)
    advance(twin, 0.1, 25)
    synchronise(twin)
    assert field.lag == 0
    assert torch.equal(field.velocity, twin.velocity)


def test_a_run_that_cannot_be_is_refused_before_it_starts():
    with pytest.raises(ValueError, match="steps must be a whole number of at least 1"):
        evolve(smooth(), 0.1, 0)
    with pytest.raises(ValueError, match="every must be a whole number of at least 1"):
        evolve(smooth(), 0.1, 5, every=0)
    with pytest.raises(ValueError, match="unstable"):
        evolve(smooth(), 1.0, 5)


def test_a_field_that_has_burst_is_no_longer_moved():
    field = smooth()
    field.phi[0, 3, 3] = float("nan")
    with pytest.raises(ValueError, match="φ is not finite; go back to a checkpoint"):
        advance(field, 0.1, 1)
