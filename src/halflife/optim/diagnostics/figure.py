"""What one would rather look at: weights inside their bound, and the energy that falls.

Knows a run only as its log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from halflife.optim.diagnostics.log import DiagnosticsLog

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7F7F7F"
"""Okabe and Ito's: colour-blind people see them."""


def figure(log: DiagnosticsLog, group: int | str | None = None) -> Figure:
    """Return a Plotly figure of a run in three parts, over its updates.

    At the top a group's weights inside their bound, as histograms with a logarithmic shade: in
    radii, with lines at the bound; of K that are no sums over entries, what can reach it (blocks or
    singular values). Then f, F and H; then the certificate and the distance from the constraint.

    Args:
        log: As `read_diagnostics` returns it.
        group: Number or name of the parameter group whose weights are shown; by default the first
            that has a bound.

    Raises:
        ValueError: There is no such group, or it has no bound.
        ImportError: Plotly is not installed.
    """
    try:
        from plotly.graph_objects import Heatmap, Scatter
        from plotly.subplots import make_subplots
    except ModuleNotFoundError:
        raise ImportError("diagnostics.figure needs Plotly: pip install plotly.") from None
    rows = [row[_number(log, group)] for row in log.groups]
    first = rows[0]
    low, high = first["bins"]
    counts = np.array([row["histogram"] for row in rows], dtype=float).T
    shares = counts / counts.sum(0).clip(min=1)
    width = (high - low) / len(counts)
    drawn = make_subplots(3, 1, shared_xaxes=True, vertical_spacing=0.05, row_heights=[5, 4, 4])
    drawn.add_trace(
        Heatmap(  # the bound lies in the middle of a bin
            x=log.steps,
            y=low + width * (np.arange(len(counts)) + 0.5),
            z=np.log10(np.where(shares > 0, shares, np.nan)),
            zmin=-5,
            zmax=0,
            colorscale="Blues",
            colorbar={
                "title": {"text": "share"},
                "tickvals": [-4, -2, 0],
                "ticktext": ["0.01 %", "1 %", "100 %"],
                "len": 0.36,
                "y": 0.82,
            },
            hovertemplate="update %{x}<br>%{y:.2f} radii: 10^%{z:.2f}<extra></extra>",
        ),
        1,
        1,
    )
    signed = low < -1
    for border in (-1.0, 1.0) if signed else (1.0,):
        drawn.add_hline(y=border, line_color=ORANGE, line_width=1.5, row=1, col=1)

    def line(row: int, values: Any, name: str, colour: str, dash: str = "solid") -> None:
        shown = np.where(np.isfinite(values), values, np.nan)
        if not np.isnan(shown).all():
            style = {"color": colour, "width": 2, "dash": dash}
            drawn.add_trace(
                Scatter(x=log.steps, y=shown, name=name, mode="lines", line=style), row, 1
            )

    line(2, log.loss, "f, the loss", GREY)
    if not np.array_equal(log.objective, log.loss, equal_nan=True):
        line(2, log.objective, "F = f + K*(λx)/λ", BLUE, "dash")
    line(2, log.lyapunov, "H, the energy", BLUE)
    line(3, _positive(log.kkt_gap), "S, the certificate", GREEN)
    line(3, _positive(log.infeasibility), "distance from the constraint", ORANGE)
    line(3, _positive(log.saturated_fraction), "share of weights on it or beyond", PINK)
    what = "weight" if signed else "size"
    drawn.update_yaxes(title=f"{what} / r = {first['radius']:.4g}", range=[low, high], row=1, col=1)
    energies = np.concatenate([log.loss, log.objective, log.lyapunov])
    positive = bool((energies[np.isfinite(energies)] > 0).all())
    drawn.update_yaxes(title="energy", type="log" if positive else "linear", row=2, col=1)
    drawn.update_yaxes(title="how far", type="log", exponentformat="power", row=3, col=1)
    drawn.update_xaxes(title="update", row=3, col=1)
    drawn.update_layout(
        title=f"{first['name']}: K = {first['K']}",
        template="plotly_white",
        height=760,
        legend={"orientation": "h", "y": -0.1},
    )
    return drawn


def _positive(values: Any) -> Any:
    return np.where(values > 0, values, np.nan)


def _number(log: DiagnosticsLog, group: int | str | None) -> int:
    """Which group is shown."""
    known = log.groups[0]
    bounded = [at for at, told in enumerate(known) if told["histogram"]]
    if group is None:
        if not bounded:
            raise ValueError("No group has a bound: K has none, or weight_decay is 0.")
        return bounded[0]
    names = [told["name"] for told in known]
    at = names.index(group) if group in names else group
    if not isinstance(at, int) or not 0 <= at < len(known):
        raise ValueError(f"There is no group {group!r}; there are: {', '.join(names)}.")
    if at not in bounded:
        raise ValueError(f"{names[at]} has no bound: its K has none, or its weight_decay is 0.")
    return at
