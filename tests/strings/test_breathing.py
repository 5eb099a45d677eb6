"""The non-adiabatic rate: its limits, and the same sum by plain quadrature."""

import math

import numpy as np
import pytest
from scipy import integrate, special

from halflife.strings.breathing import breathing_rate
from halflife.strings.worldsheet import exact_log_rate


def plainly(l, M, a, omega, harmonics):  # noqa: E741
    """Σ_n ∫ dp_z |A_n|²/4 with every integral by an adaptive rule or a plain sum over time."""
    mean = l * integrate.quad(lambda x: 1 / (1 + a * math.cos(x)), 0, 2 * math.pi)[0] / 2 / math.pi
    t = np.linspace(0, 2 * math.pi / omega, 161)[:-1]
    R = 1 + a * np.cos(omega * t)
    phase = np.array(
        [integrate.quad(lambda s: l / (1 + a * math.cos(omega * s)) - mean, 0, x)[0] for x in t]
    )
    total = 0.0
    for n in harmonics:
        k2 = (mean + n * omega) ** 2 - (M * l) ** 2
        if k2 <= 0 or mean + n * omega < 0:
            continue
        p_z = np.linspace(-1, 1, 801)[1:-1] * math.sqrt(k2)
        wave = np.sqrt(R * R / l) * np.exp(1j * (n * omega * t - phase))
        amplitude = [np.mean(wave * special.jv(l, math.sqrt(k2 - z * z) * R)) for z in p_z]
        total += integrate.trapezoid(np.abs(amplitude) ** 2, p_z) / 4
    return total


def test_the_sum_agrees_with_plain_quadrature():
    found = breathing_rate(8, 0.3, 0.1, 2.0)
    low, high = found.harmonics
    assert found.full == pytest.approx(plainly(8, 0.3, 0.1, 2.0, range(low, high + 1)), rel=1e-3)


def test_a_loop_at_rest_has_the_static_rate():
    found = breathing_rate(40, 0.3, 0.0, 1.0)
    static = math.exp(exact_log_rate(1.0, 40.0, 12.0))
    assert found.full == pytest.approx(static, rel=1e-10)
    assert found.local == pytest.approx(static)
    assert found.resting == pytest.approx(static)


def test_a_slow_loop_has_the_average_of_static_rates():
    excess = [breathing_rate(30, 0.4, 0.1, omega).enhancement - 1 for omega in (0.2, 0.4, 0.8)]
    assert abs(excess[0]) < 0.01
    assert 3 < excess[1] / excess[0] < 6  # as the square of the frequency
    assert excess[2] > 3 * excess[1]


def test_fast_breathing_opens_what_is_closed_to_a_slow_loop():
    slow, fast = (breathing_rate(40, 0.6, 0.05, omega) for omega in (0.5, 6.0))
    assert slow.enhancement < 1.1
    assert fast.enhancement > 3
    assert fast.error < 1e-6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0.1, 0.1, 1), "l must be"),
        ((10, 1.0, 0.1, 1), "M must be"),
        ((10, 0.1, 1.0, 1), "amplitude must be"),
        ((10, 0.1, 0.3, 4), r"amplitude·frequency is 1\.2, the loop's top speed"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        breathing_rate(*arguments)
