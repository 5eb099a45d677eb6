"""Absorbers: the measured reflection against the one that the difference equation has."""

import numpy as np
import pytest

from halflife.strings.loop.absorber import Absorber, reflectivity

H, DT = 0.5, 0.2
WAVES = np.array([10.0, 20.0, 50.0, 100.0, 188.5])


def exact(absorber, wavelength):
    """Reflected fraction of a wave of one frequency: run the recursion in from the closed end."""
    k = 2 * np.pi / wavelength
    omega = 2 / DT * np.arcsin(DT / H * np.sin(k * H / 2))
    cells = int(np.ceil((absorber.width + 2 * wavelength) / H))
    keep = np.exp(-absorber.rates(cells, H) * DT / 2)
    # v/keep of the next half step minus keep v of the last is dt F; u moves by dt v
    response = (np.exp(-1j * omega * DT) / keep - keep) * (1 - np.exp(1j * omega * DT)) / DT**2
    u = np.zeros(cells, complex)
    u[-1] = 1.0
    u[-2] = u[-1] + H**2 * response[-1] * u[-1]
    for i in range(cells - 2, 0, -1):
        u[i - 1] = 2 * u[i] - u[i + 1] + H**2 * response[i] * u[i]
    x = np.arange(cells) * H
    waves = np.stack([np.exp(1j * k * x), np.exp(-1j * k * x)], axis=1)[:10]
    going, coming = np.linalg.lstsq(waves, u[:10], rcond=None)[0]
    return abs(coming / going) ** 2


@pytest.mark.parametrize(
    "absorber",
    [
        Absorber(open_edge=False),
        Absorber(),
        Absorber.sponge(12, open_edge=False),
        Absorber.sponge(12),
        Absorber.sponge(94),
    ],
    ids=str,
)
def test_the_measured_reflection_is_that_of_the_difference_equation(absorber):
    found = reflectivity(absorber, WAVES, h=H, dt=DT)
    assert found == pytest.approx([exact(absorber, wave) for wave in WAVES], rel=1e-3, abs=1e-7)


def test_a_thin_sponge_reflects_long_waves_and_a_deep_one_does_not():
    thin, deep = (reflectivity(Absorber.sponge(width), [188.5])[0] for width in (12, 188.5))
    assert thin > 0.1 > 0.01 > deep


def test_the_open_edge_is_one_over_h_in_the_last_cell_alone():
    rates = Absorber().rates(8, 0.5)
    assert rates[-1] == 2.0
    assert not rates[:-1].any()
    around = Absorber().rates(8, 0.5, axis=True)  # its outer face is larger than its middle
    assert around[-1] == pytest.approx(2.0 * 8 / 7.5)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"width": -1.0}, "width="),
        ({"width": 5.0}, "wants both"),
        ({"strength": 1.0}, "wants both"),
    ],
)
def test_refuses_an_absorber_that_is_none(bad, says):
    with pytest.raises(ValueError, match=says):
        Absorber(**bad)
    with pytest.raises(ValueError, match="at least 8 h = 4"):
        reflectivity(Absorber(), [2.0])


@pytest.mark.parametrize(("bad", "says"), [({"h": 0.0}, "h must be"), ({"dt": 0.6}, "dt must be")])
def test_refuses_a_measurement_that_would_run_away(bad, says):
    with pytest.raises(ValueError, match=says):
        reflectivity(Absorber(), [20.0], **bad)
