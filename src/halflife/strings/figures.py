"""What one would rather look at: the spectrum of a straight string, and how long a vorton lasts.

Colours are Okabe and Ito's, which colour-blind people tell apart; marks differ in shape too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from halflife.strings.profile import profile
from halflife.strings.vorton import AGE, vorton
from halflife.strings.zero_modes import ZeroMode, bound_states, rydberg

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#7F7F7F"


def bound_states_figure(mass: float, n: int = 1, *, levels: int = 4, momenta: int = 3) -> Figure:
    """Draw the states bound to a straight string by angular momentum; for n = 1 their string too.

    Args:
        mass: m/(√λ v).
        n: Winding.
        levels: States of each angular momentum, at most.
        momenta: Largest |l|, counted from the middle.

    Raises:
        ValueError: as `bound_states`.

    >>> len(bound_states_figure(1.0, levels=2, momenta=1).data) > 3
    True
    """
    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    if n == 1:
        titles = ("states bound to the string", "the string, and its zero mode")
        figure = make_subplots(1, 2, subplot_titles=titles, column_widths=[0.6, 0.4])
        pairs: tuple[Literal["attracted", "repelled"], ...] = ("attracted", "repelled")
    else:
        figure = make_subplots(1, 1)
        pairs = ("attracted",)
    for pair, colour, dash in zip(pairs, (BLUE, ORANGE), ("solid", "dot"), strict=False):
        x: list[float | None] = []
        y: list[float | None] = []
        for l in range(-momenta, n + momenta):  # noqa: E741
            for ratio in bound_states(mass, l, n=n, pair=pair, count=levels).ratio:
                x += [l - 0.35, l + 0.35, None]
                y += [float(ratio), float(ratio), None]
        figure.add_trace(
            Scatter(
                x=x,
                y=y,
                mode="lines",
                name={"attracted": "U = V, attracted", "repelled": "U = −V, repelled"}[pair]
                if n == 1
                else "levels",
                line={"color": colour, "width": 3, "dash": dash},
                hovertemplate="l = %{x:.0f}: M = %{y:.5f} m<extra></extra>",
            ),
            1,
            1,
        )
    figure.add_hline(1.0, line={"color": GREY}, annotation_text="continuum", row=1, col=1)
    if n == 1:
        for N in range(1, levels + 1):
            figure.add_hline(
                float(rydberg(N)), line={"color": GREY, "width": 1, "dash": "dash"}, row=1, col=1
            )
        figure.add_trace(
            Scatter(x=[None], y=[None], mode="lines", name="thin core: √(1 − 1/(2N + 1)²)",
                    line={"color": GREY, "width": 1, "dash": "dash"}), 1, 1,
        )  # fmt: skip
        mode = ZeroMode(mass)
        r = np.linspace(0, max(4.0, 3 * mode.width), 300)
        density = mode.psi(r) ** 2 / mode.psi(0.0) ** 2
        for values, name, colour, dash in (
            (profile(1).f(r), "f, the string", GREEN, "solid"),
            (density, "ψ², its zero mode", BLUE, "dash"),
        ):
            figure.add_trace(
                Scatter(
                    x=r, y=values, mode="lines", name=name, line={"color": colour, "dash": dash}
                ),
                1,
                2,
            )
        figure.update_xaxes(title="distance √λ v r", row=1, col=2)
    figure.update_xaxes(title="angular momentum l", dtick=1, row=1, col=1)
    figure.update_yaxes(title="M/m", range=[-0.05, 1.08], row=1, col=1)
    figure.update_layout(legend={"orientation": "h", "y": -0.2}, height=520)
    return figure


def lifetime_figure(
    lam: float, y: float, *, scale: float | None = None, upto: float | None = None
) -> Figure:
    """Draw how long a vorton's carriers stay, against their number; a band between two bounds.

    Args:
        lam: λ.
        y: Yukawa coupling.
        scale: v in GeV, for times in seconds.
        upto: Most carriers; a little more than last for the age of the Universe if left out.

    Raises:
        ValueError: as `vorton`, or an `upto` that holds no loop.
    """
    from plotly.graph_objects import Figure, Scatter

    least = math.sqrt(1e6 / lam)  # a loop of about 70
    first = vorton(lam, y, math.ceil(least), scale=scale)
    last = 3 * (first.carriers_to_last() or 1e12) if upto is None else upto
    if last <= least:
        raise ValueError(f"upto must be above {least:g} carriers, got {upto!r}.")
    counts = np.unique(np.ceil(np.geomspace(least, last, 40)))
    found = [vorton(lam, y, float(N), scale=scale) for N in counts]
    bounds = np.array([v.escape.seconds or (v.escape.shortest, v.escape.longest) for v in found])
    colour = {"color": BLUE, "width": 1}
    figure = Figure(
        [
            Scatter(x=counts, y=bounds[:, 0], mode="lines", line=colour, name="the true profile's",
                    hovertemplate="%{x:.3g} carriers: 10<sup>%{y:.1f}</sup><extra></extra>"),
            Scatter(x=counts, y=bounds[:, 1], mode="lines", line=colour | {"dash": "dash"},
                    fill="tonexty", fillcolor="rgba(0,114,178,0.15)", name="a thin core's"),
        ]
    )  # fmt: skip
    age = first.target if scale is None else math.log10(AGE)
    name = "age of the Universe" + ("" if scale else ", for v at Planck's mass")
    figure.add_hline(
        age,
        line={"color": ORANGE, "dash": "dot"},
        annotation_text=name,
        annotation_position="top left",
    )
    unit = "1/(√λ v)" if scale is None else "s"
    figure.update_layout(
        xaxis={"title": "carriers N", "type": "log", "exponentformat": "power"},
        yaxis={"title": f"log₁₀ of the lifetime against escape, in {unit}"},
        title=f"λ = {lam:g}, y = {y:g}" + (f", v = {scale:g} GeV" if scale else ""),
        legend={"orientation": "h", "y": -0.2},
        height=480,
    )
    return figure
