"""Solutions that are known: plane waves, kinks, moving strings; what is conserved."""

import numpy as np
import pytest
import torch

from halflife.strings.lattice import Field, Grid, advance, synchronise
from halflife.strings.lattice.stencil import acceleration
from halflife.strings.profile import profile


@pytest.mark.parametrize("amplitude", [0.3, 1.0, 1.2])
@pytest.mark.parametrize("numbers", [(1, 0, 0), (2, -1, 3), (4, 3, 5)])
def test_a_wave_of_the_phase_has_the_lattices_own_frequency(numbers, amplitude):
    """φ₁ + iφ₂ = A e^{i(kx − ωt)} solves the full equation: sin²(ωΔt/2)/Δt² = Σ sin²(kh/2)/h² + …

    … (A² − 1)/4, because |φ| is the same everywhere. At A = 1 it is the massless Goldstone boson.
    """
    h, dt, shape = 0.5, 0.13, (8, 10, 12)
    grid = Grid(shape, h)
    k = 2 * np.pi * np.array(numbers) / (np.array(shape) * h)
    square = (4 * np.sin(k * h / 2) ** 2).sum() / h**2 + amplitude**2 - 1
    if square < 0:
        pytest.skip("a wave below the vacuum that long does not oscillate")
    omega = 2 / dt * np.arcsin(dt * np.sqrt(square) / 2)

    def at(time):
        def phi(x, y, z):
            phase = k[0] * x + k[1] * y + k[2] * z - omega * time
            return amplitude * np.cos(phase), amplitude * np.sin(phase)

        return phi

    before = Field(grid, at(-dt), dtype=torch.float64).phi
    field = Field(grid, at(0.0), dtype=torch.float64)
    field.velocity.copy_((field.phi - before) / dt)  # half a step behind
    steps = 40
    for _ in range(steps):
        field.kick_drift(dt, dt)
    expected = Field(grid, at(steps * dt), dtype=torch.float64).phi
    torch.testing.assert_close(field.phi, expected, rtol=0, atol=1e-11)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize(("direction", "mass2"), [((1.0, 0.0), 2.0), ((0.0, 1.0), 0.0)])
def test_small_waves_on_the_vacuum_have_the_masses_of_both_modes(direction, mass2):
    """The force's derivative at φ = (1, 0): −(Σ 4 sin²(kh/2)/h² + m²), m² = 2 radially, 0 along."""
    h, n = 0.4, 12
    for number in (0, 1, 5):
        k = 2 * np.pi * number / (n * h)
        grid = Grid((n, n), h)
        mode = Field(
            grid,
            lambda x, y, k=k: tuple(a * np.cos(k * (x + y)) for a in direction),
            dtype=torch.float64,
        ).padded
        vacuum = torch.zeros_like(mode)
        vacuum[0] = 1
        _, change = torch.func.jvp(lambda phi: acceleration(phi, h**-2, None), (vacuum,), (mode,))
        square = 2 * 4 * np.sin(k * h / 2) ** 2 / h**2 + mass2
        torch.testing.assert_close(change, -square * mode[:, 1:-1, 1:-1], rtol=0, atol=1e-12)


def kink(h, speed=0.0, time=0.0, half=16.0):
    gamma = (1 - speed**2) ** -0.5
    n = round(2 * half / h)
    grid = Grid((n,), h, edges="fixed")

    def phi(x):
        return np.tanh(gamma * (x - speed * time) / np.sqrt(2)), 0 * x

    def velocity(x):
        y = gamma * (x - speed * time) / np.sqrt(2)
        return -speed * gamma / np.sqrt(2) / np.cosh(y) ** 2, 0 * x

    return Field(grid, phi, velocity, dtype=torch.float64)


@pytest.mark.parametrize("speed", [0.0, 0.5, 0.8])
def test_the_energy_of_a_kink_is_the_known_one_times_gamma(speed):
    known = 2 * np.sqrt(2) / 3 / np.sqrt(1 - speed**2)
    errors = [kink(h, speed).energy().total - known for h in (0.2, 0.1)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)  # of order h²
    richardson = errors[1] + (errors[1] - errors[0]) / 3
    assert abs(richardson) < 2e-4 * known


def test_a_boosted_kink_moves_at_its_speed():
    speed, time, errors = 0.6, 8.0, []
    for h in (0.2, 0.1):
        field = kink(h, speed)
        advance(field, 0.4 * h, round(time / (0.4 * h)))
        synchronise(field)
        exact = kink(h, speed, time)
        middle = np.abs(field.grid.centres(0) - speed * time) < 6
        errors.append((field.phi - exact.phi)[:, middle].abs().max().item())
        before = kink(h, speed).energy().total
        assert field.energy().total == pytest.approx(before, rel=2e-3 * h)
    assert errors[1] < 5e-3
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize("winding", [1, 2])
def test_a_boosted_string_moves_contracted(winding):
    """f(s) e^{inθ} with s² = (γ(x − ut))² + y², at a later time, inside the light cone."""
    f, speed, time = profile(winding).f, 0.5, 4.0
    gamma = (1 - speed**2) ** -0.5

    def at(t):
        def phi(x, y):
            z = gamma * (x - speed * t) + 1j * y
            s = np.abs(z)
            z = f(s) * (z / np.maximum(s, 1e-12)) ** winding
            return z.real, z.imag

        return phi

    def velocity(x, y, step=1e-4):
        ahead, behind = at(step)(x, y), at(-step)(x, y)
        return tuple((a - b) / (2 * step) for a, b in zip(ahead, behind, strict=True))

    errors = []
    for h in (0.4, 0.2):
        n = round(18 / h)
        grid = Grid((n, n), h, edges="fixed")
        field = Field(grid, at(0.0), velocity, dtype=torch.float64)
        advance(field, 0.4 * h, round(time / (0.4 * h)))
        exact = Field(grid, at(time), dtype=torch.float64)
        x, y = grid.coordinates
        core = np.hypot(x - speed * time, y) < 9 - time - speed * time
        errors.append((field.phi - exact.phi)[:, core].abs().max().item())
    assert errors[1] < 0.02
    assert errors[0] / errors[1] > 3.3  # of order h²


def test_charge_is_conserved_to_round_off():
    grid = Grid((12, 14, 10), 0.5)
    rng = np.random.default_rng(5)
    phi, velocity = rng.normal(size=(2, 2, 12, 14, 10)) * 0.5
    field = Field(grid, phi, velocity, dtype=torch.float64)
    before = field.charge()
    assert abs(before) > 0.1
    for _ in range(10):
        advance(field, 0.1, 10)
        assert field.charge() == pytest.approx(before, abs=1e-12 * grid.sites)


def test_energy_is_conserved_around_an_axis():
    grid = Grid((60, 80), 0.25, "axisymmetric", edges="reflecting")
    f = profile(1).f

    def ring(r, z):
        one, two = (r - 8) + 1j * z, (r + 8) + 1j * z
        s, t = np.abs(one), np.abs(two)
        both = f(s) * f(t) * (one / s) * np.conj(two / t)
        return both.real, both.imag

    field = Field(grid, ring, dtype=torch.float64)
    before = field.energy().total
    worst = 0.0
    for _ in range(20):
        advance(field, 0.05, 10)
        worst = max(worst, abs(field.energy().total / before - 1))
    assert worst < 2e-3
    assert field.energy().kinetic > 0.02 * before  # it moves
