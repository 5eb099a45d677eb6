"""The filled sea: sums that are exact."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halflife.strings import FermiSea, sea


@given(st.integers(1, 5000), st.floats(1, 1e6))
def test_sums_over_levels(N, R):
    filled = FermiSea(N, R)
    j = filled.levels()
    assert (len(j), j[-1]) == (N, 0.5)
    assert j.sum() == filled.angular_momentum == N**2 / 2
    assert (j / R).sum() == pytest.approx(filled.energy, rel=1e-12)
    assert j[0] / R < filled.fermi_momentum < (j[0] + 1) / R
    round_the_loop = 2 * 3.141592653589793 * R
    assert filled.line_density * round_the_loop == pytest.approx(N)
    assert filled.energy_per_length * round_the_loop == pytest.approx(filled.energy)
    assert abs(filled.casimir) < filled.energy / 10


def test_the_highest_levels():
    assert FermiSea(10**12, 1e9).levels(3).tolist() == [1e12 - 0.5, 1e12 - 1.5, 1e12 - 2.5]


@pytest.mark.parametrize(("N", "R"), [(0, 1.0), (2.5, 1.0), (3, 0.0), (3, float("nan"))])
def test_mistakes(N, R):
    with pytest.raises(ValueError, match="must be a"):
        FermiSea(N, R)


def test_examples():
    assert doctest.testmod(sea).failed == 0
