"""What the claims about loops on the lattice share. Not a paper: `papers()` passes it over.

A loop starts at rest at R0 with long-wavelength noise of 10⁻² in its phase and is followed for a
number of vorton radii in a box from whose edge nothing can come back in time. What it settles at
is the radius of a damped oscillation fitted to the second half of the run. Thresholds were fixed
before any run of these claims; what had been seen before, and led to the fit's window, stands in
the notebook.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from halflife.lab import Scale, Study, all_of, holds
from halflife.lab.plots import COLOURS

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

MISS = 0.05
"""Largest relative distance of the settled radius from the vorton's."""
IMBALANCE = 1e-3
"""Largest relative error of the energy book."""
FADED = 0.5
"""Largest last swing in units of the first, in the logarithm of the radius."""
RADIAL = 0.1
"""Largest share of radial waves in what is radiated."""
TURNING = 0.05
"""Largest relative distance of turning radii from a thin loop's with c_f = 1."""
BELOW = 0.05
"""How far below the vorton's radius a loop may swing and still be said not to overshoot."""
GROWTH = 2.0
"""Largest factor by which a ripple may grow."""
NOISE = 1e-2
SEEDS = range(3)


def relax(
    *, R_v: float, R0: float, h: float, span: float, current: bool, seed: int
) -> dict[str, Any]:
    """Follow one loop for `span` times R_v; without a current if `current` is false."""
    import numpy as np

    from halflife.strings.loop.evolve import Loop
    from halflife.strings.loop.film import log_density, thin_curve

    loop = Loop.around(R_v, R0) if current else Loop(R0)
    trace = loop.evolve(
        span * R_v, h, noise=NOISE, seed=seed, every=R_v / 30, frames=4, dtype="float32"
    )
    assert trace.frames is not None
    radiated = np.trapezoid(trace.goldstone, trace.t), np.trapezoid(trace.radial, trace.t)
    thin = slice(None, None, max(1, len(trace.t) // 200))
    stills = log_density(trace.frames)
    pool = max(1, stills.shape[1] // 50)
    found: dict[str, Any] = {
        "imbalance": trace.closure,
        "extra_crossings": float(max(0, trace.most_crossings - 1) if current else 0),
        "remains": float(np.isnan(trace.vanished)),
        "L": trace.about["L"],
        "mh": trace.about["mh"],
        "box": trace.about["box"],
        "causal_until": trace.causal_until,
        "radial_share": float(radiated[1] / sum(radiated)),
        "t": trace.t[thin],
        "radius": trace.R[thin],
        "thin": thin_curve(trace)[thin],
        "still_t": trace.frames.t,
        "stills": stills[:, ::pool, ::pool].astype(np.float32),
        "pixel": trace.frames.pixel * pool,
    }
    if not current:
        return found | {"vanished": trace.vanished}
    times, radii = trace.turning_points()
    settled = trace.settled()
    _, expected = loop.thin().turning_points(R0, len(radii))
    all_turns = np.log(np.insert(radii, 0, R0))
    swings = np.abs(np.diff(all_turns))
    return found | {
        "settled": settled.radius,
        "miss": abs(settled.radius / R_v - 1),
        "rate": settled.rate,
        "turns": float(len(radii)),
        "turning_miss": float(np.abs(radii / expected - 1).max()),
        "first_turn_time": float(times[0]),
        "last_swing": float(swings[-1] / swings[0]),
        "smallest": float(radii.min() / R_v),
        "overshoot": float(1 - radii.min() / R_v),
        "beyond_bound": float(R_v / R0 - radii.min() / R_v),
    }


def cells(scale: Scale, radii: Sequence[float], ratios: Sequence[float]) -> list[dict[str, Any]]:
    """Loops with a current: vorton radii times initial radii over them, at this scale's spacing."""
    span = scale.pick(smoke=10.0, laptop=20.0)
    return [
        {"R_v": R_v, "R0": round(R_v * ratio, 6), "h": 0.5, "span": span, "current": True}
        for R_v in radii
        for ratio in ratios
    ]


def relaxes(scale: Scale) -> Study:
    """C1: loops of several sizes, a finer grid, and a loop without a current."""
    loops = (
        cells(scale, (20.0,), (1.2, 1.5))
        if scale is Scale.SMOKE
        else cells(scale, (30.0,), (1.2, 1.5, 2.0, 2.5)) + cells(scale, (20.0, 40.0), (1.5,))
    )
    if scale is Scale.LAPTOP:
        loops.append(loops[1] | {"h": 0.25})
    R_v = loops[0]["R_v"]
    bare = {"R_v": R_v, "R0": R_v, "h": 0.5, "span": 4.0, "current": False}
    charged = {"current": True}
    return Study(
        trial=relax,
        rule=all_of(
            holds("miss", MISS, where=charged),
            holds("last_swing", FADED, where=charged),
            holds("radial_share", RADIAL, where=charged),
            holds("extra_crossings", 0, where=charged),
            holds("imbalance", IMBALANCE, where=charged),
            holds("remains", 0, where={"current": False}),
        ),
        grid=[*loops, bare],
        seeds=scale.pick(smoke=range(1), laptop=SEEDS),
        plot=radius_and_field,
    )


def damps(scale: Scale) -> Study:
    """Turning radii against a thin loop's, where the first swing is at most 1.5 times R_v."""
    radii = scale.pick(smoke=(20.0,), laptop=(20.0, 30.0, 40.0))
    return Study(
        trial=relax,
        rule=holds("turning_miss", TURNING),
        grid=cells(scale, radii, scale.pick(smoke=(1.5,), laptop=(1.2, 1.5))),
        seeds=scale.pick(smoke=range(1), laptop=SEEDS),
        plot=radius_and_field,
    )


def overshoots(scale: Scale, *, literally: bool) -> Study:
    """C2: in the literal sense, or as a swing that is bounded, fades and does no harm."""
    ratios = scale.pick(smoke=(1.5,), laptop=(1.2, 1.5, 2.0, 2.5))
    rule = (
        holds("overshoot", BELOW)
        if literally
        else all_of(
            holds("beyond_bound", 0),
            holds("last_swing", FADED),
            holds("extra_crossings", 0),
            holds("imbalance", IMBALANCE),
        )
    )
    return Study(
        trial=relax,
        rule=rule,
        grid=cells(scale, scale.pick(smoke=(20.0,), laptop=(30.0,)), ratios),
        seeds=scale.pick(smoke=range(1), laptop=SEEDS),
        plot=smallest_radius,
    )


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


def ripples(scale: Scale) -> Study:
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


def radius_and_field(runs: pd.DataFrame) -> Figure:
    """R(t) of the first seed of each cell beside the thin loop's, and stills of the widest."""
    from plotly.graph_objects import Heatmap, Scatter
    from plotly.subplots import make_subplots

    first = runs[(runs["seed"] == runs["seed"].min()) & runs["current"].astype(bool)]
    figure = make_subplots(
        2,
        4,
        specs=[[{"colspan": 4}, None, None, None], [{}, {}, {}, {}]],
        row_heights=[0.58, 0.42],
        vertical_spacing=0.16,
        horizontal_spacing=0.03,
    )
    for (_, run), colour in zip(first.iterrows(), COLOURS * 3, strict=False):
        name = f"R_v={run['R_v']:g}, R0={run['R0']:g}, h={run['h']:g}"
        t = run["t"] / run["R_v"]
        for key, dash, width in (("radius", "solid", 2), ("thin", "dot", 1)):
            figure.add_trace(
                Scatter(
                    x=t.round(3).tolist(),
                    y=(run[key] / run["R_v"]).round(4).tolist(),
                    name=name if key == "radius" else f"{name}, thin loop",
                    legendgroup=name,
                    showlegend=key == "radius",
                    mode="lines",
                    line={"color": colour, "dash": dash, "width": width},
                ),
                1,
                1,
            )
    widest = first.loc[(first["R0"] / first["R_v"]).idxmax()]
    for column, (now, still) in enumerate(zip(widest["still_t"], widest["stills"], strict=True), 1):
        half = still.T.astype(float).round(2)  # rounded as float32 it would print long
        size = widest["pixel"] * len(half)
        figure.add_trace(
            Heatmap(
                z=[*half[::-1].tolist(), *half.tolist()],
                x0=0,
                dx=float(widest["pixel"]),
                y0=-float(size),
                dy=float(widest["pixel"]),
                colorscale="Inferno",
                zmin=-4,
                zmax=0,
                showscale=column == 4,
                colorbar={"title": "log₁₀ density", "len": 0.42, "y": 0.2, "x": 1.0},
                hoverinfo="skip",
            ),
            2,
            column,
        )
        figure.update_xaxes(title=f"r, t = {now:.0f}", row=2, col=column)
        figure.update_yaxes(showticklabels=column == 1, row=2, col=column)
    figure.update_xaxes(title="t / R_v", row=1, col=1)
    figure.update_yaxes(title="R / R_v (dotted: thin loop)", row=1, col=1, rangemode="tozero")
    figure.update_yaxes(title="z", row=2, col=1)
    figure.update_layout(height=720, legend={"orientation": "h", "y": 1.03, "yanchor": "bottom"})
    return figure


def smallest_radius(runs: pd.DataFrame) -> Figure:
    """The smallest radius against the initial one, and the bound R_v²/R0."""
    from plotly.graph_objects import Figure, Scatter

    ratio = runs["R0"] / runs["R_v"]
    line = [1 + (float(ratio.max()) * 1.1 - 1) * i / 50 for i in range(51)]
    figure = Figure(
        [
            Scatter(
                x=ratio.tolist(),
                y=runs["smallest"].tolist(),
                mode="markers",
                name="on the lattice",
                marker={"size": 9, "color": COLOURS[0]},
            ),
            Scatter(
                x=line,
                y=[1 / x for x in line],
                mode="lines",
                name="bound: R_v/R0, without damping",
                line={"color": COLOURS[1]},
            ),
            Scatter(
                x=[line[0], line[-1]],
                y=[1, 1],
                mode="lines",
                name="no overshoot",
                line={"color": COLOURS[6], "dash": "dot"},
            ),
        ]
    )
    L = float(runs["L"].mean())
    figure.update_layout(
        xaxis={"title": f"R0 / R_v, at L = {L:.2f}"},
        yaxis={"title": "smallest R / R_v", "rangemode": "tozero"},
    )
    return figure


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
