"""The predictor: its own formulas by hand, sums that it replaces by integrals, and its refusals."""

import doctest
import json
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halflife.strings import (
    FermiSea,
    ThinLoop,
    ZeroMode,
    log_escape_rate,
    profile_exponent,
    thin_core_exponent,
    vorton,
    vorton_radius,
)
from halflife.strings.vorton import _log_lifetime
from halflife.strings.worldsheet import log_rate

# N, y, R, L, k_F/m, energy a carrier, B, E_max^cl/m, M*, Q: worked out once by hand.
TABLE = [
    (1e3, 1.0, 66.9, 4.67, 14.96, 13.6, 0.20, 3.79, 1.71, 5.4),
    (1e4, 1.0, 569.5, 6.81, 17.56, 16.4, 1.23, 11.1, 0.933, 7.9),
    (1e6, 1.0, 4.558e4, 11.2, 21.9, 21.0, 63.2, 98.9, 0.251, 13),
    (1e6, 0.1, 4.558e4, 11.2, 219, 21.0, 0.063, 98.9, 0.251, 13),
    (1e9, 1.0, 3.663e7, 17.9, 27.3, 26.6, 3.28e4, 2805, 0.0313, 21),
    (1e9, 0.1, 3.663e7, 17.9, 273, 26.6, 32.8, 2805, 0.0313, 21),
]


@pytest.mark.parametrize(("N", "y", *"RLkeBcMQ"), TABLE)
def test_worked_table(N, y, R, L, k, e, B, c, M, Q):
    found = vorton(1.0, y, N)
    values = [
        found.R,
        found.L,
        found.fermi_momentum / y,
        found.energy_per_carrier,
        found.exponent,
        found.classical_limit / y,
        found.heaviest_final_state,
        found.Q,
    ]
    for value, expected in zip(values, (R, L, k, e, B, c, M, Q), strict=True):
        assert value == pytest.approx(expected, rel=0.01)


@settings(max_examples=10)
@given(st.floats(1e-6, 10), st.floats(0.01, 3), st.integers(6, 18))
def test_the_same_in_other_units(lam, y, decade):
    """λ and y enter the classical loop only by J = λN²/2 and the ratio y/√λ."""
    N = 10.0**decade
    found = vorton(lam, y, N)
    assert pytest.approx(vorton_radius(lam * N**2 / 2), rel=1e-12) == found.R
    assert found.fermi_momentum == pytest.approx(N / found.R * np.sqrt(lam), rel=1e-12)
    assert found.fermi_momentum == pytest.approx(2 * np.pi * np.sqrt(found.L + 1), rel=1e-12)
    assert found.profile_exponent <= found.exponent * (1 + 1e-6)
    assert found.escape.shortest <= found.escape.longest
    assert found.energy_per_carrier > y  # no vorton is the ground state


def test_the_sea_is_summed():
    """The integral over levels is the sum over them; the integral over N is that of the loss."""
    N, y = 2000, 2.5

    def rate(R, E):
        return log_escape_rate(E, y, thin_core_exponent(R, y, E))

    def loss(n):
        R = vorton_radius(n**2 / 2)
        return np.exp(rate(R, FermiSea(int(n), R).levels() / R)).sum()

    left = np.arange(N, N // 10, -1.0)
    exact = np.sum([1 / loss(n) for n in left])
    assert 10 ** _log_lifetime(float(N), 1.0, y, rate) == pytest.approx(exact, rel=5e-3)


def test_the_lifetime_falls_as_the_loop_shrinks():
    found = vorton(1.0, 1.0, 1e6)
    R = found.R
    top = np.arange(1e6 - 0.5, 0.9e6, -1.0) / R
    loss = np.exp(log_escape_rate(top, 1.0, profile_exponent(R, 1.0, top[:: len(top) // 2])[0]))
    assert found.escape.shortest < np.log10(1e6 / loss[0])  # the first few go, the rest follows


def test_more_carriers_and_heavier_fermions_last_longer():
    times = [[vorton(1.0, y, N).escape.shortest for N in (1e6, 1e7, 1e8)] for y in (0.6, 1.0)]
    assert (np.diff(times, axis=0) > 0).all()
    assert (np.diff(times, axis=1) > 0).all()


@pytest.mark.parametrize(
    ("y", "N", "verdict"), [(1.0, 1e4, "falls apart"), (1.0, 1e6, "decays"), (1.0, 1e9, "lasts")]
)
def test_verdicts(y, N, verdict):
    found = vorton(1.0, y, N)
    assert found.verdict == verdict
    least = found.carriers_to_last()
    assert (least > N) == (verdict != "lasts")
    assert vorton(1.0, y, least).verdict == "lasts"
    assert vorton(1.0, y, 0.9 * least).verdict != "lasts"


def test_times_in_seconds():
    plain, scaled = vorton(0.25, 1.0, 1e7), vorton(0.25, 1.0, 1e7, scale=1e12)
    seconds = np.array(scaled.escape.seconds)
    expected = np.array([plain.escape.shortest, plain.escape.longest]) + np.log10(
        6.582e-25 / (0.5 * 1e12)
    )
    assert seconds == pytest.approx(expected)
    assert plain.escape.seconds is None
    assert plain.target > scaled.target  # a lower scale ticks slower


def test_decay_into_light_particles():
    found = vorton(1.0, 1.0, 1e6)
    M = found.heaviest_final_state
    light, medium, heavy = (found.decay(x, 1e-3) for x in (0.0, M, 6 * M))
    assert light.shortest < medium.shortest < heavy.shortest
    assert (light.shortest, light.longest) < (found.escape.shortest, found.escape.longest)
    assert heavy.shortest - medium.shortest > 6**3 / np.log(10) - 3  # e^{−(M/M*)³}
    assert found.suppression(M) == pytest.approx(1, rel=1e-3)
    assert found.suppression([0.0, 30.0]).tolist() == [0.0, np.inf]
    assert found.suppression(3 * M) == pytest.approx(27, rel=2e-3)
    weaker = found.decay(M, 1e-4)
    assert weaker.shortest - medium.shortest == pytest.approx(4, abs=1e-6)  # as ε⁻⁴
    assert found.decay(30.0, 1e-3).shortest == np.inf  # heavier than k_F


def test_decay_is_the_worldsheets_rate():
    """Massless: each level has 1/(12E) by hand, and Σ 1/j over the sea is ln 4N + 0.577."""
    found = vorton(1.0, 1.0, 1e6)
    E = found.fermi_momentum
    one = np.exp(log_rate(found.R, E, 0.0))
    assert one == pytest.approx(1 / (12 * E), rel=1e-3)
    loss = ZeroMode(1.0).overlap ** 2 * one * (np.log(4e6) + 0.577)  # a carrier, times N
    # The lost ones leave a smaller sea with the same k_F: τ = ∫ dN/Ṅ from N/10 to N.
    assert 10 ** found.decay(0.0, 1.0).shortest == pytest.approx(np.log(10) / loss, rel=0.1)


@pytest.mark.parametrize("ratio", [1.05, 1.5, 2.0, 3.0])
def test_how_far_it_swings(ratio):
    found = vorton(1.0, 1.0, 1e5)
    R0 = ratio * found.R
    least = found.smallest_radius(R0)
    assert least == pytest.approx(found.R**2 / R0, rel=0.05)
    _, R = ThinLoop(1e10 / 2, damping=0.0).turning_points(R0, 1)
    assert least == pytest.approx(R[0], rel=1e-7)


def test_cautions():
    def said(*arguments):
        return " ".join(vorton(*arguments).cautions)

    assert "3.9 times the energy" in said(1.0, 1.0, 1000)
    assert "The loop is small" in said(1.0, 1.0, 1000)
    assert "wider than the core" in said(1.0, 0.1, 1e9)
    assert "so far from 1" in said(1.0, 1e-4, 1e9)
    assert vorton(1.0, 1.0, 1e9).cautions == ()


def test_it_is_plain_values():
    found = json.loads(json.dumps(vorton(1.0, 1.0, 1e6, scale=1e9).to_dict()))
    assert found["verdict"] == "decays"
    assert found["escape"]["seconds"][0] < found["escape"]["seconds"][1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((0.0, 1.0, 1e6), r"lam must be a number in \(0, 12.566.*, got 0.0"),
        ((1.0, 5.0, 1e6), "y must be a number in .* not"),
        ((1.0, 1.0, 1e6 + 0.5), "N must be a whole number of carriers"),
        ((1.0, 1.0, 100), r"N = 100 .* radius 8.*; below 20 .* Take N ≥ \d+"),
        ((1.0, 1.0, float("nan")), r"N must be a number in \[1, 1e60\]"),
    ],
)
def test_mistakes(arguments, said):
    with pytest.raises(ValueError, match=said.replace("not", "perturbative")):
        vorton(*arguments)


def test_the_number_that_a_refusal_names_is_right():
    for lam in (0.01, 1.0, 9.0):
        with pytest.raises(ValueError, match="Take N") as error:
            vorton(lam, 1.0, 3)
        least = int(str(error.value).split("≥ ")[1].rstrip("."))
        assert pytest.approx(20, rel=0.05) == vorton(lam, 1.0, least).R
        with pytest.raises(ValueError, match="Take N"):
            vorton(lam, 1.0, least - 1)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda v: v.decay(-1.0, 1.0), "mass must be a number"),
        (lambda v: v.decay(1.0, 0.0), "mixing must be a number"),
        (lambda v: v.smallest_radius(1.0), "R0 must be a number in"),
    ],
)
def test_mistakes_in_questions(make, said):
    with pytest.raises(ValueError, match=said):
        make(vorton(1.0, 1.0, 1e6))


def test_a_scale_above_plancks():
    with pytest.raises(ValueError, match="none is above Planck's"):
        vorton(1.0, 1.0, 1e6, scale=1e20)


def test_examples():
    assert doctest.testmod(sys.modules["halflife.strings.vorton"]).failed == 0
