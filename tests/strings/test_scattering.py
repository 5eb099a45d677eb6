"""Scattering by light charges, against closed forms of the thin core and its limits."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from halflife.strings.scattering import meeting, scattering_rate
from halflife.strings.zero_modes import ZeroMode


@pytest.mark.parametrize("least", [0.0, 0.02, 0.1])
def test_a_thin_core_has_a_closed_form(least):
    m = 0.01
    # μ = 2m: ½ (4m²)³ ∫ du (u + 4m²)⁻⁵ over that without F²
    scale = 4 * m * m
    expected = scale**3 / (4 * (least**2 + scale) ** 3)
    assert scattering_rate(m, least, 2 * m) == pytest.approx(expected, rel=0.04)


def test_the_rate_is_the_plain_integral_over_the_spectrum():
    m, q0, mu = 0.7, 1.3, 0.4
    mode = ZeroMode(m)

    def spectrum(q):
        return q / (q * q + mu * mu) ** 2

    top = 100 * (m + math.sqrt(m))
    with_f, _ = integrate.quad(
        lambda q: spectrum(q) * float(mode.form_factor(q)) ** 2, q0, top, limit=400
    )
    expected = with_f * 2 * (q0 * q0 + mu * mu)
    assert scattering_rate(m, q0, mu) == pytest.approx(expected, rel=1e-5)
    assert scattering_rate(m, q0, mu, process="break-up") == pytest.approx(1 - expected, rel=1e-5)


def test_hard_coherent_kicks_are_suppressed_as_the_sixth_power():
    rate = [scattering_rate(m, 2.0, 0.0) for m in (0.01, 0.02)]
    assert math.log2(rate[1] / rate[0]) == pytest.approx(6, abs=0.1)


def test_a_mode_wider_than_the_charges_seldom_meets_them():
    small = [meeting(m, 0.5) for m in (0.01, 0.02)]
    assert math.log2(small[1] / small[0]) == pytest.approx(2, abs=0.1)
    assert meeting(1.0, 1e6) == pytest.approx(1, abs=1e-8)
    assert meeting(1.0, math.inf) == 1
    # e^{−2mr} among e^{−r²/a²}, with a ≫ 1/m: 1 − ⟨r²⟩/a²
    mode = ZeroMode(0.3)
    assert 1 - meeting(0.3, 100) == pytest.approx((mode.width / 100) ** 2, rel=0.01)


@given(st.floats(0.02, 5), st.floats(0.05, 10), st.floats(0.01, 3), st.floats(0.05, 20))
@settings(max_examples=20)
def test_the_two_processes_share_what_meets_the_charges(m, q0, mu, a):
    both = [scattering_rate(m, q0, mu, process=p, charges=a) for p in ("coherent", "break-up")]
    assert all(0 <= rate <= 1 for rate in both)
    assert sum(both) == pytest.approx(meeting(m, a), rel=1e-8)


def test_bad_arguments():
    with pytest.raises(ValueError, match="process='inelastic'"):
        scattering_rate(1, 1, 1, process="inelastic")
    with pytest.raises(ValueError, match="both 0"):
        scattering_rate(1, 0, 0)
    with pytest.raises(ValueError, match="charges must be"):
        scattering_rate(1, 1, 1, charges=0)
    with pytest.raises(ValueError, match="mass must be"):
        scattering_rate(-1, 1, 1)
    assert np.isfinite(scattering_rate(1000, 0.1, 0))
