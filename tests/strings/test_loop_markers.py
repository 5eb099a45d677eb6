"""Ring markers against the plain reference, finite differences and identities."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from halflife.strings.lattice import Field, Grid, Reflecting
from halflife.strings.loop import reference
from halflife.strings.loop.markers import RingMarkers, fermi_sea

H = 0.5
SHAPE = (24, 14)


def field_of(phi, h=H):
    grid = Grid(
        phi.shape[1:],
        h,
        "axisymmetric",
        edges=("reflecting", (Reflecting((1, -1)), Reflecting())),
        origin=(0.0, 0.0),
    )
    return Field(grid, phi, dtype=torch.float64, engine="eager")


def pushed(markers, field):
    """The acceleration of the field by the markers, from a step that takes no time."""
    field.velocity.zero_()
    markers.open_step(field, 1e-9)
    return field.velocity.numpy() * 2e9


random_fields = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).normal(size=(2, *SHAPE))
)


@settings(max_examples=15)
@given(
    phi=random_fields,
    x=st.floats(0.3, 11),
    w=st.floats(0.5, 1.2),
    q=st.floats(-3, 3),
    J=st.floats(0, 40),
)
@example(phi=np.random.default_rng(2268).normal(size=(2, *SHAPE)), x=10.0, w=0.75, q=0.0, J=0.0)
def test_pushes_on_every_value_by_the_gradient_of_its_energy(phi, x, w, q, J):
    """A central difference of fourth order is exact to 1e-9."""
    ring = reference.Ring(x=x, q=q, J=J, mh=3.0, w=w)
    r = (np.arange(SHAPE[0]) + 0.5)[:, None] * H
    coded = -ring.source(phi, H, x, q)[0] * 4 * np.pi * r * H**2
    eps = 1e-3
    found = np.zeros(SHAPE)
    for i, j in np.ndindex(SHAPE):
        moved = [phi.copy() for _ in range(4)]
        for copy, steps in zip(moved, (-2, -1, 1, 2), strict=True):
            copy[0, i, j] += steps * eps
        # of E²/2, which has no kink at E = 0
        half = [ring.energy(copy, H, x, q) ** 2 / 2 for copy in moved]
        found[i, j] = (half[0] - 8 * half[1] + 8 * half[2] - half[3]) / (12 * eps)
    found /= ring.energy(phi, H, x, q)
    assert coded == pytest.approx(found, abs=1e-8)
    assert not ring.source(phi, H, x, q)[1].any()

    # and the fast twin codes the same
    markers = RingMarkers.at_rest(x, J, 3.0, w=w, h=H)
    markers.q[:] = q
    field = field_of(phi)
    assert markers.energies(field) == pytest.approx(ring.energy(phi, H, x, q), rel=1e-12)
    assert pushed(markers, field) == pytest.approx(ring.source(phi, H, x, q), rel=1e-6, abs=1e-9)


@settings(max_examples=30)
@given(
    phi=random_fields,
    x=st.floats(0.5, 11),
    w=st.floats(0.5, 1.2),
    q=st.floats(-3, 3),
    J=st.floats(0, 40),
)
def test_is_pulled_by_the_gradient_of_its_energy(phi, x, w, q, J):
    """The kernel's normalisation moves with x; without its derivative this fails by O(h)."""
    ring = reference.Ring(x=x, q=q, J=J, mh=3.0, w=w)
    eps = 1e-5
    edges = np.abs(np.abs((np.arange(SHAPE[0]) + 0.5) * H - x) - 6 * w)
    if edges.min() < 2 * eps:  # a value enters the kernel within the difference
        return
    found = (ring.energy(phi, H, x - eps, q) - ring.energy(phi, H, x + eps, q)) / (2 * eps)
    assert ring.pull(phi, H, x, q) == pytest.approx(found, rel=1e-6, abs=1e-6)


@given(w=st.floats(0.5, 1.5), seed=st.integers(0, 99))
def test_costs_nothing_and_pushes_nothing_where_the_smeared_field_is_zero(w, seed):
    """A field that is odd about the marker smears to zero, whatever its size."""
    x = 6.0
    r = (np.arange(48) + 0.5)[:, None] * 0.25
    z = (np.arange(40) + 0.5)[None, :] * 0.25
    a, b = np.random.default_rng(seed).normal(size=2)
    bump = np.where(np.abs(r - x) < 5.9, a * np.sin(r - x) + b * (r - x) * np.exp(-z), 0.0)
    phi = np.stack([bump, np.zeros_like(bump)])
    markers = RingMarkers.at_rest(x, 12.0, 50.0, w=w if w * 6 < 5.9 else 0.9, h=0.25)
    field = field_of(phi, 0.25)
    assert markers.energies(field) == pytest.approx(12.0 / x, rel=1e-12)
    assert np.abs(pushed(markers, field)).max() < 1e-12


@given(phi=random_fields, groups=st.integers(2, 5), x=st.floats(1, 10), J=st.floats(1, 40))
def test_one_marker_is_many_with_equal_shares(phi, groups, x, J):
    one = RingMarkers.at_rest(x, J, 4.0, w=0.8, h=H)
    many = RingMarkers.at_rest(np.full(groups, x), J / groups, 4.0 / groups, w=0.8, h=H)
    later = phi + 0.05 * np.cos(np.arange(SHAPE[1]))
    totals, impulses = [], []
    for markers in (one, many):
        field = field_of(phi)
        markers.open_step(field, 0.1)
        field.phi.copy_(torch.as_tensor(later))
        markers.close_step(field, 0.1)
        totals.append(markers.energies(field).sum())
        impulses.append(field.velocity.numpy())
    assert many.x == pytest.approx(one.x[0], rel=1e-12)
    assert many.q.sum() == pytest.approx(one.q[0], rel=1e-9, abs=1e-12)
    assert totals[1] == pytest.approx(totals[0], rel=1e-12)
    assert impulses[1] == pytest.approx(impulses[0], rel=1e-9, abs=1e-12)


def test_a_sea_has_the_angular_momentum_and_the_mass_of_its_levels():
    for groups in (1, 3, 8):
        J, mh = fermi_sea(200.0, 7.0, groups)
        assert J.sum() == pytest.approx(200)
        assert mh.sum() == pytest.approx(7)
        levels = (np.arange(24 * groups) + 0.5).reshape(groups, -1)  # j of each group
        assert pytest.approx(levels.sum(axis=1) / levels.sum()) == J / 200
    with pytest.raises(ValueError, match="groups=0"):
        fermi_sea(1.0, 1.0, 0)


@pytest.mark.parametrize(
    ("bad", "says"),
    [({"x": 0.0}, "x="), ({"mh": -1.0}, "mh="), ({"J": -1.0}, "J="), ({"w": 0}, "w=")],
)
def test_refuses_markers_that_are_none(bad, says):
    good = {"x": 5.0, "J": 1.0, "mh": 1.0, "w": 1.0, "h": 0.5}
    with pytest.raises(ValueError, match=says):
        RingMarkers.at_rest(**good | bad)
