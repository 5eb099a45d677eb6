"""What one would rather look at: responses with their decay, and regret over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from halflife.bandits.identification import Fit
from halflife.bandits.simulation import Runs

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#B8A800")
"""Okabe and Ito's, which colour-blind people tell apart."""


def response_figure(fitted: Fit, periods: int | None = None) -> Figure:
    """What one unit of spend pays, period by period, and in the long run.

    Left: outcome s periods after a unit was spent, a line for each channel, its half-life as a
    diamond. Right: the long-run sum with its interval.

    Args:
        fitted: What `fit` found.
        periods: How far to draw; until 95 % of a change has come, twice, if left out.
    """
    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    periods = max(8, 2 * fitted.memory()) if periods is None else periods
    response = fitted.response(periods)
    figure = make_subplots(
        1,
        2,
        column_widths=[0.62, 0.38],
        subplot_titles=["after one unit of spend", "in the long run, per unit"],
    )
    for j, name in enumerate(fitted.channels):
        colour = COLOURS[j % len(COLOURS)]
        figure.add_trace(
            Scatter(
                x=list(range(periods)),
                y=response[:, j].tolist(),
                name=name,
                legendgroup=name,
                mode="lines+markers",
                marker={"size": 5},
                line={"color": colour},
                hovertemplate=f"{name}, %{{x}} periods later: %{{y:.3g}}<extra></extra>",
            ),
            1,
            1,
        )
        half = float(fitted.half_life[j])
        if 0 <= half <= periods - 1:
            figure.add_trace(
                Scatter(
                    x=[half],
                    y=[float(np.interp(half, np.arange(periods), response[:, j]))],
                    legendgroup=name,
                    showlegend=False,
                    mode="markers",
                    marker={"symbol": "diamond", "size": 12, "color": colour},
                    hovertemplate=f"half of {name} has come after {half:.1f} periods"
                    "<extra></extra>",
                ),
                1,
                1,
            )
        low, high = fitted.interval[j]
        figure.add_trace(
            Scatter(
                x=[float(fitted.h[j])],
                y=[name],
                legendgroup=name,
                showlegend=False,
                mode="markers",
                marker={"size": 9, "color": colour},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [float(high - fitted.h[j])],
                    "arrayminus": [float(fitted.h[j] - low)],
                },
                hovertemplate=f"{name}: %{{x:.3g}} [{low:.3g}, {high:.3g}]<extra></extra>",
            ),
            1,
            2,
        )
    figure.update_xaxes(title="periods later", row=1, col=1)
    figure.update_yaxes(title="outcome", zeroline=True, row=1, col=1)
    figure.update_xaxes(zeroline=True, row=1, col=2)
    figure.update_yaxes(automargin=True, autorange="reversed", row=1, col=2)
    figure.update_layout(height=420, legend={"orientation": "h", "y": -0.2})
    return figure


def regret_figure(runs: Mapping[str, Runs], *, log: bool = False) -> Figure:
    """Regret over the rounds: the median of each agent's runs, and all of them as a band.

    Args:
        runs: By name in the legend.
        log: Whether both axes are logarithmic.
    """
    from plotly.graph_objects import Figure, Scatter

    figure = Figure()
    for at, (name, one) in enumerate(runs.items()):
        colour = COLOURS[at % len(COLOURS)]
        x = one.checkpoints.tolist()
        least, most = one.regret.min(axis=0), one.regret.max(axis=0)
        figure.add_trace(
            Scatter(
                x=x + x[::-1],
                y=most.tolist() + least[::-1].tolist(),
                fill="toself",
                fillcolor=colour,
                opacity=0.18,
                line={"width": 0},
                legendgroup=name,
                showlegend=False,
                hoverinfo="skip",
            )
        )
        figure.add_trace(
            Scatter(
                x=x,
                y=np.median(one.regret, axis=0).tolist(),
                name=name,
                legendgroup=name,
                mode="lines",
                line={"color": colour, "width": 2},
                hovertemplate=f"{name}: %{{y:.4g}} after %{{x}} rounds<extra></extra>",
            )
        )
    kind = "log" if log else "linear"
    figure.update_xaxes(title="rounds", type=kind)
    figure.update_yaxes(title="regret (median, and least to most)", type=kind)
    figure.update_layout(height=460, legend={"orientation": "h", "y": -0.2})
    return figure
