"""The report of round-off, and the trap that it was made for."""

import numpy as np
import pytest
import torch

from halflife.strings.lattice import Field, Grid, advance, reference, roundoff


def waves(n=32, **options):
    grid = Grid((n, n), 0.5)
    k = 2 * np.pi / (n * 0.5)
    return Field(
        grid,
        lambda x, y: (1 + 0.1 * np.cos(k * x) * np.cos(2 * k * y), 0.2 * np.sin(k * (x + y))),
        **options,
    )


def test_the_report_is_the_difference_of_two_runs():
    field = waves()
    report = roundoff(field, 0.1, 100, looks=5)
    single, double = waves(dtype=torch.float32), waves(dtype=torch.float32)
    double = double.copy(dtype=torch.float64)
    for it in (single, double):
        advance(it, 0.1, 100)
    difference = (single.phi.double() - double.phi).numpy()
    assert report.rms[-1] == pytest.approx(np.sqrt((difference**2).mean()))
    assert report.largest[-1] == pytest.approx(np.abs(difference).max())
    np.testing.assert_allclose(report.time, [2, 4, 6, 8, 10])
    assert 0 < report.rms[-1] < 3e-6
    assert abs(report.energy_32 - report.energy_64) < 1e-5
    assert -0.5 < report.growth < 2
    assert "rms" in str(report)
    assert torch.equal(field.padded, waves().padded)


def test_stoermer_in_float32_loses_what_the_leapfrog_keeps():
    """Of the recurrence that `advance` refuses in float32, by the reference in float32."""
    grid, time = waves().grid, 20.0
    lost = {}
    for dt in (0.1, 0.02):
        steps = round(time / dt)
        start = waves(dtype=torch.float64)
        fields = {}
        for kind in (np.float32, np.float64):
            now = start.padded.numpy().astype(kind)
            v = np.zeros((2, *grid.shape), kind)
            wrap = Field(grid, now, dtype=torch.from_numpy(now).dtype)
            before = now.copy()
            reference.kick_drift(now, v, dt / 2, dt, grid)
            for _ in range(steps - 1):
                wrap.padded.copy_(torch.from_numpy(now))
                wrap.fill_halo()
                now = wrap.padded.numpy().copy()
                reference.stoermer(now, before, dt, grid)
                now, before = before, now
            fields[kind] = now[:, 1:-1, 1:-1].astype(np.float64)
        stoermer = np.sqrt(((fields[np.float32] - fields[np.float64]) ** 2).mean())
        leapfrog = roundoff(start, dt, steps, looks=2).rms[-1]
        lost[dt] = stoermer, leapfrog
    assert lost[0.02][0] > 5 * lost[0.1][0]
    assert lost[0.02][0] > 8 * lost[0.02][1]


@pytest.mark.parametrize("arguments", [(0.1, 1), (0.1, 10, 1)])
def test_too_short_a_report_is_refused(arguments):
    dt, steps, *looks = arguments
    with pytest.raises(ValueError, match="steps and looks must be at least 2"):
        roundoff(waves(), dt, steps, **({"looks": looks[0]} if looks else {}))


def test_an_unstable_step_is_refused_here_too():
    with pytest.raises(ValueError, match="unstable"):
        roundoff(waves(), 1.0, 10)
