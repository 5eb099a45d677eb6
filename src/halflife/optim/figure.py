"""Descents as Plotly figures: paths in the plane, and what falls along them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from halflife.optim.descent import Descent
from halflife.optim.kappa import Kappa

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#B8A800")
"""Okabe and Ito's, which colour-blind people tell apart."""
CONTOUR = 60
"""Points of the loss along each axis."""
HALVINGS = 40
"""Bisections along a ray to the border."""
COLUMNS = 3


def border(K: Kappa, weight_decay: float, points: int = 144) -> Tensor | None:
    """The border of {K*(λ·) < ∞} in the plane, float64 [points + 1, 2], closed.

    None if there is none, or if the set does not hold the origin.
    """

    def holds(y: Tensor) -> bool:
        return bool(K.conjugate(y).isfinite())

    if not (K.bounded and weight_decay and holds(torch.zeros(2, dtype=torch.float64))):
        return None
    found = []
    for angle in torch.linspace(0, 2 * math.pi, points + 1, dtype=torch.float64):
        ray = torch.stack([angle.cos(), angle.sin()])
        low, high = 0.0, 1.0
        while holds(high * ray):
            low, high = high, 2 * high
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if holds(middle * ray) else (low, middle)
        found.append(low * ray / weight_decay)
    return torch.stack(found)


def trajectories(
    panels: Mapping[str, Sequence[Descent]], loss: Callable[[Tensor], Tensor]
) -> Figure:
    """Paths of two weights over the lines of equal loss, one panel a name.

    Dotted is the border of the set that weight decay confines the weights to, in the colour of
    its path; a star is the end of a path.

    Args:
        panels: Title → descents of weights of shape [2].
        loss: The function that they descend.

    Raises:
        ValueError: There are no descents, or not in the plane.
    """
    from plotly.graph_objects import Contour, Scatter
    from plotly.subplots import make_subplots

    runs = [run for each in panels.values() for run in each]
    if not runs or any(run.x.shape[1:] != (2,) for run in runs):
        shapes = ", ".join(str(tuple(run.x.shape[1:])) for run in runs) or "none"
        raise ValueError(f"Trajectories are drawn of weights of shape (2,), got: {shapes}.")
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = make_subplots(
        rows, columns, subplot_titles=list(panels), shared_xaxes="all", shared_yaxes="all"
    )
    every = torch.cat([run.x for run in runs])
    low, high = every.amin(0) - 0.5, every.amax(0) + 0.5
    axes = [
        torch.linspace(*ends, CONTOUR, dtype=torch.float64) for ends in zip(low, high, strict=True)
    ]
    height = [[float(loss(torch.stack([a, b]))) for a in axes[0]] for b in axes[1]]
    named: set[str] = set()
    for at, each in enumerate(panels.values()):
        place: dict[str, Any] = {"row": at // columns + 1, "col": at % columns + 1}
        figure.add_trace(
            Contour(
                x=axes[0].tolist(),
                y=axes[1].tolist(),
                z=height,
                contours_coloring="lines",
                colorscale=[[0, "#BBBBBB"], [1, "#BBBBBB"]],
                showscale=False,
                line_width=1,
                hoverinfo="skip",
            ),
            **place,
        )
        for run, colour in zip(each, cycle(COLOURS), strict=False):
            decay = run.options["weight_decay"]
            name = f"λ = {decay:g}"
            if (edge := border(run.K, decay)) is not None:
                line = {"color": colour, "dash": "dot"}
                _draw(figure, edge, place, Scatter, mode="lines", line=line, hoverinfo="skip")
            _draw(
                figure,
                run.x,
                place,
                Scatter,
                mode="lines",
                line={"color": colour, "width": 2},
                name=name,
                legendgroup=name,
                showlegend=name not in named,
            )
            mark = {"color": colour, "symbol": "star", "size": 12}
            _draw(figure, run.x[-1:], place, Scatter, mode="markers", marker=mark, name=name)
            named.add(name)
    figure.update_xaxes(title="x₁", row=rows, range=[float(low[0]), float(high[0])])
    figure.update_yaxes(title="x₂", col=1, range=[float(low[1]), float(high[1])])
    figure.update_layout(height=90 + 300 * rows, legend={"orientation": "h", "y": -0.12})
    return figure


def _draw(figure: Figure, points: Tensor, place: dict[str, Any], Scatter: Any, **how: Any) -> None:
    x, y = points.T.tolist()
    figure.add_trace(Scatter(**{"x": x, "y": y, "showlegend": False} | how), **place)


def energies(descents: Mapping[str, Descent]) -> Figure:
    """The loss f (dashed) and the Lyapunov function H (solid) over the updates, by name.

    H is drawn from where the weights are in the set: outside it is infinite. Each curve is shown
    above its own lowest value, on a logarithmic axis.
    """
    from plotly.graph_objects import Figure, Scatter

    figure = Figure()
    for (name, run), colour in zip(descents.items(), cycle(COLOURS), strict=False):
        for what, values, dash in (("f", run.loss, "dash"), ("H", run.lyapunov, "solid")):
            finite = values.isfinite()
            excess = values - values[finite].min() if finite.any() else values
            shown = [
                float(value) if ok and value > 0 else None
                for value, ok in zip(excess, finite, strict=True)
            ]
            figure.add_trace(
                Scatter(
                    x=list(range(len(shown))),
                    y=shown,
                    mode="lines",
                    line={"color": colour, "dash": dash},
                    name=f"{what}, {name}",
                )
            )
    figure.update_xaxes(title="update")
    figure.update_yaxes(title="above its lowest value", type="log", exponentformat="power")
    return figure
