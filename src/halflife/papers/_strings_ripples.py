"""The claim about loops that are no circles, in space. Not a paper: `papers()` passes it over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from halflife.lab import Scale, Study, all_of, holds
from halflife.lab.plots import COLOURS
from halflife.papers._strings_loops import IMBALANCE

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

GROWTH = 2.0
"""Largest factor by which a ripple may grow."""


def ripple(
    *, R_v: float, R0: float, h: float, T: float, mode: int, amplitude: float, seed: int
) -> dict[str, Any]:
    """Follow one loop with a ripple in three dimensions, on a card if there is one.

    The seed turns part of the ripple out of the plane.
    """
    import numpy as np
    import torch

    from halflife.strings.loop.evolve import Loop
    from halflife.strings.loop.space import Ripple, evolve_in_space

    turn = np.random.default_rng(seed).uniform(0, np.pi / 2)
    shape = Ripple(mode, radial=amplitude * np.cos(turn), vertical=amplitude * np.sin(turn))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    trace = evolve_in_space(Loop.around(R_v, R0), T, h, ripple=shape, every=2.0, device=device)
    size = trace.ripple(mode)
    return {
        "growth": float(size.max() / size[0]),
        "last": float(size[-1] / size[0]),
        "lost": float(trace.lost.max()),
        "imbalance": trace.closure,
        "t": trace.t,
        "ripple_size": size,
        "radius": trace.R,
    }


def stay_small(scale: Scale) -> Study:
    """Loops that are no circles, in three dimensions."""
    R_v = scale.pick(smoke=20.0, laptop=20.0, gpu=40.0)
    return Study(
        trial=ripple,
        rule=all_of(
            holds("growth", GROWTH),
            holds("lost", 0),
            holds("imbalance", IMBALANCE),
        ),
        grid={
            "R_v": (R_v,),
            "R0": (R_v * 1.05,),
            "h": (scale.pick(smoke=0.6, laptop=0.5, gpu=0.5),),
            "T": (scale.pick(smoke=6.0, laptop=80.0, gpu=120.0),),
            "mode": scale.pick(smoke=(2,), laptop=(2, 3), gpu=(1, 2, 3, 4, 6)),
            "amplitude": (0.05,),
        },
        seeds=scale.pick(smoke=range(1), laptop=range(1), gpu=range(2)),
        plot=ripple_size,
    )


def ripple_size(runs: pd.DataFrame) -> Figure:
    """Amplitude of each ripple in units of its first, against time."""
    from plotly.graph_objects import Figure, Scatter

    figure = Figure()
    for (_, run), colour in zip(runs.iterrows(), COLOURS * 3, strict=False):
        figure.add_trace(
            Scatter(
                x=run["t"].tolist(),
                y=(run["ripple_size"] / run["ripple_size"][0]).tolist(),
                mode="lines",
                name=f"mode {run['mode']}, seed {run['seed']}",
                line={"color": colour},
            )
        )
    figure.update_layout(
        xaxis={"title": "t"}, yaxis={"title": "amplitude / first", "rangemode": "tozero"}
    )
    return figure
