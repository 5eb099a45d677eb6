"""What one would rather look at: the steps of a K, and the set that it keeps weights in.

Knows K of one and two variables.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from halflife.optim.kappa.elementwise import Elementwise
from halflife.optim.kappa.kappa import Kappa, get
from halflife.optim.kappa.max_l2 import MaxL2
from halflife.optim.kappa.vector import Vector

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

BLUE, ORANGE = "#0072B2", "#D55E00"
"""Okabe and Ito's: colour-blind people see them."""
REACH = 3.0
"""Of the momentum, in `gradient_figure`."""
WIDE = 1.4
"""Of the sets, in `constraint_figure`."""
SIZES = (0.2, 0.5, 1.0, 2.0, 8.0)
"""Of the momenta whose steps are shown there."""


def gradient_figure(Ks: Sequence[Kappa | str], columns: int = 4) -> Figure:
    """Return a Plotly figure of ∇k(z) over z, a panel for each K that is a sum over entries.

    Args:
        Ks: Functions or their names.
        columns: Panels in a row.

    Raises:
        ValueError: A K is no sum over entries, or there are none.
        ImportError: Plotly is not installed.
    """
    drawn, panels = _panels(Ks, columns, height=150)
    from plotly.graph_objects import Scatter

    z = torch.linspace(-REACH, REACH, 601, dtype=torch.float64)
    for K, at in panels:
        if not isinstance(K, Elementwise):
            raise ValueError(f"{K} is no sum over entries; constraint_figure shows it.")
        line = {"color": BLUE, "width": 2}
        drawn.add_trace(Scatter(x=z.numpy(), y=K.grad(z).numpy(), mode="lines", line=line), **at)
        drawn.update_yaxes(range=[-1.6, 1.6], dtick=1, **at)
    return drawn


def constraint_figure(Ks: Sequence[Kappa | str], columns: int = 4) -> Figure:
    """Return a Plotly figure of K*(y) for two variables, a panel for each K; white is infinite.

    y is λx, so what is coloured is the set in which decay holds the weights, in radii; darker is a
    larger penalty. The dots are steps ∇K(z) of momenta z of 72 directions and five sizes.

    Args:
        Ks: Functions or their names: sums over entries or functions of a vector.
        columns: Panels in a row.

    Raises:
        ValueError: A K is neither, or there are none.
        ImportError: Plotly is not installed.
    """
    drawn, panels = _panels(Ks, columns, height=200)
    from plotly.graph_objects import Heatmap, Scatter

    side = torch.linspace(-WIDE, WIDE, 281, dtype=torch.float64)
    y = torch.cartesian_prod(side, side)
    angles = torch.arange(72, dtype=torch.float64) * (math.pi / 36) + 0.01
    circle = torch.stack([angles.cos(), angles.sin()], 1)
    momenta = torch.cat([size * circle for size in SIZES])
    for K, at in panels:
        if isinstance(K, MaxL2) or not isinstance(K, (Elementwise, Vector)):
            raise ValueError(f"{K} is no function of two variables, so there is no such picture.")
        rho = K._rho(y)
        penalty = rho * K._conjugate(y / rho)
        penalty = penalty.sum(-1) if penalty.ndim > 1 else penalty
        finite = penalty.isfinite()
        shown = torch.where(finite, penalty, math.nan).reshape(281, 281).T
        most = penalty[finite].quantile(0.97) if finite.any() else penalty.new_zeros(())
        top = max(most.item(), 1e-9)  # not the peak, for a barrier's is at its edge
        drawn.add_trace(
            Heatmap(
                x=side.numpy(),
                y=side.numpy(),
                z=shown.numpy(),
                zmin=-top / 3,  # no penalty is light blue, not white
                zmax=top,
                colorscale="Blues",
                showscale=False,
            ),
            **at,
        )
        steps = (rho * K._grad(momenta)).numpy()
        dots = {"color": ORANGE, "size": 4}
        drawn.add_trace(Scatter(x=steps[:, 0], y=steps[:, 1], mode="markers", marker=dots), **at)
        drawn.update_xaxes(range=[-WIDE, WIDE], dtick=1, **at)
        drawn.update_yaxes(range=[-WIDE, WIDE], dtick=1, **at)
    return drawn


def _panels(
    Ks: Sequence[Kappa | str], columns: int, *, height: int
) -> tuple[Figure, list[tuple[Kappa, dict[str, Any]]]]:
    """A figure with a panel for each K, and where each is."""
    try:
        from plotly.subplots import make_subplots
    except ModuleNotFoundError:
        raise ImportError("Figures of K need Plotly: pip install plotly.") from None
    found = [get(K) for K in Ks]
    if not found:
        raise ValueError("Ks must hold at least one K to draw, got none.")
    rows = -(-len(found) // columns)
    drawn = make_subplots(
        rows,
        columns,
        subplot_titles=[str(K) for K in found],
        horizontal_spacing=0.05,
        vertical_spacing=min(0.25 / rows, 0.3),
    )
    drawn.update_layout(
        template="plotly_white",
        height=80 + rows * (height + 40),
        width=columns * 240,
        showlegend=False,
        margin={"l": 40, "r": 20, "t": 40, "b": 30},
    )
    drawn.update_annotations(font_size=13)
    return drawn, [
        (K, {"row": at // columns + 1, "col": at % columns + 1}) for at, K in enumerate(found)
    ]
