"""Figures of descents."""

import math

import pytest
import torch
from tests.optim.problems import Wave, drawn

from halflife.optim.descent import descend
from halflife.optim.figure import border, energies, trajectories
from halflife.optim.kappa import get


def bowl(x):
    return (x - torch.tensor([1.5, 0.0])).square().sum()


@pytest.mark.parametrize(
    ("spec", "norm"),
    [("l1", math.inf), ("linf", 1), ("l2", 2), ("lp:p=1.5", 3), ("huber:e=1.0", math.inf)],
)
def test_the_border_is_the_dual_unit_ball_over_the_decay(spec, norm):
    points = border(get(spec), 4.0, points=24)
    torch.testing.assert_close(
        torch.linalg.vector_norm(points, norm, dim=1), torch.full((25,), 0.25, dtype=torch.float64)
    )


@pytest.mark.parametrize(("spec", "decay"), [("quadratic", 1.0), ("l1", 0.0), ("log-sum-exp", 1.0)])
def test_where_there_is_no_set_around_zero_there_is_no_border(spec, decay):
    assert border(get(spec), decay) is None


def test_a_panel_has_the_loss_and_each_path_its_set_and_its_end():
    start = torch.zeros(2, dtype=torch.float64)
    runs = [descend(bowl, start, lr=0.01, updates=9, weight_decay=w) for w in (1.0, 0.2)]
    figure = trajectories({"l1": runs, "again": runs}, bowl)
    assert len(figure.data) == 2 * (1 + 2 * 3)
    assert [note.text for note in figure.layout.annotations] == ["l1", "again"]
    assert {trace.name for trace in figure.data if trace.showlegend} == {"λ = 1", "λ = 0.2"}
    end = figure.data[3]
    assert (end.x[0], end.y[0]) == tuple(runs[0].x[-1].tolist())


def test_only_paths_in_the_plane_can_be_drawn():
    run = descend(Wave(0), drawn(0), lr=0.01, updates=1)
    with pytest.raises(ValueError, match=r"shape \(2,\), got: \(4, 3\)"):
        trajectories({"l1": [run]}, Wave(0))
    with pytest.raises(ValueError, match="got: none"):
        trajectories({}, bowl)


def test_energies_begin_where_the_weights_are_in_the_set():
    start = torch.tensor([3.0, 0.0], dtype=torch.float64)
    run = descend(bowl, start, lr=0.1, updates=60, weight_decay=1.0)
    loss, energy = energies({"Lion": run}).data
    assert (loss.name, energy.name) == ("f, Lion", "H, Lion")
    assert energy.y[0] is None
    assert loss.y[0] is not None
