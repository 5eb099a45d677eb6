"""The pictures show the numbers."""

import doctest

import numpy as np
import pytest

from halflife.strings import (
    ZeroMode,
    bound_states,
    bound_states_figure,
    figures,
    lifetime_figure,
    vorton,
)


def test_the_levels_are_drawn_where_they_are():
    drawn = bound_states_figure(3.0, levels=3, momenta=1)
    attracted, repelled = drawn.data[:2]
    heights = np.array([y for x, y in zip(attracted.x, attracted.y, strict=True) if x == -0.35])
    np.testing.assert_allclose(heights, bound_states(3.0, 0, count=3).ratio)
    assert 0 < len(repelled.y) < len(attracted.y)
    density = next(curve for curve in drawn.data if curve.name.startswith("ψ²"))
    mode = ZeroMode(3.0)
    np.testing.assert_allclose(density.y, (mode.psi(density.x) / mode.psi(0.0)) ** 2)


def test_each_winding_has_its_zero_modes_drawn():
    (levels,) = bound_states_figure(1.0, 3, levels=1, momenta=1).data
    at_zero = [x for x, y in zip(levels.x, levels.y, strict=True) if y == 0.0]
    assert np.round(np.array(at_zero[::2]) + 0.35).tolist() == [0, 1, 2]


def test_the_lifetime_is_a_band():
    short, long = lifetime_figure(1.0, 1.0, scale=1e10, upto=1e7).data
    assert (np.array(short.y) <= np.array(long.y)).all()
    assert (np.diff(short.y) > 0).sum() > 30
    found = vorton(1.0, 1.0, short.x[-1], scale=1e10).escape
    assert found.seconds == (short.y[-1], long.y[-1])
    with pytest.raises(ValueError, match="upto must be above 1000 carriers, got 10"):
        lifetime_figure(1.0, 1.0, upto=10)
    with pytest.raises(ValueError, match="upto must be above 1000 carriers, got 0"):
        lifetime_figure(1.0, 1.0, upto=0)


def test_examples():
    assert doctest.testmod(figures).failed == 0
