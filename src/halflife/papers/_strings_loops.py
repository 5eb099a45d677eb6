"""The claims about loops of global string on the lattice. Not a paper: `papers()` passes it over.

A loop starts at rest at R0 with long-wavelength noise of 10⁻² in its phase and is followed for a
number of vorton radii in a box from whose edge nothing can come back in time; controls have other
edges. What it settles at is the radius of a damped oscillation fitted to the second half of the
run. Thresholds were fixed before any run of these claims; what had been seen before, and led to the
fit's window, stands in the notebook.
"""

from __future__ import annotations

import math
import warnings
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
CURVE = 0.05
"""Largest root mean square of ln R(t) less a thin loop's, over a whole run."""
FADING = 0.15
"""Largest relative distance of the rate at which swings fade from a thin loop's: 2/L², twice the
order that is left out."""
LONGER = 0.01
"""Largest change of R(t) by a box that is longer than it need be."""
ECHO = 0.05
"""Least change of R(t) that a control with an edge that reflects has to show."""
BELOW = 0.05
"""How far below the vorton's radius a loop may swing and still be said not to overshoot."""
NOISE = 1e-2
SEEDS = range(3)


def relax(
    *, R_v: float, R0: float, h: float, span: float, current: bool, edge: str, seed: int
) -> dict[str, Any]:
    """Follow one loop for `span` times R_v; without a current if `current` is false.

    With an `edge` other than "causal" the same loop runs in a causal box too, to compare.
    """
    import numpy as np

    from halflife.strings.loop.evolve import Loop
    from halflife.strings.loop.film import log_density, thin_curve
    from halflife.strings.loop.trace import damped_swing
    from halflife.strings.thin_loop import radiation_efficiency

    loop = Loop.around(R_v, R0) if current else Loop(R0)
    T = span * R_v

    def follow(edge: str) -> Any:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="T=.* is longer than")  # as it is meant to be
            return loop.evolve(
                T, h, noise=NOISE, seed=seed, every=R_v / 30, frames=4, dtype="float32",
                **surroundings(edge, R_v, R0, T),
            )  # fmt: skip

    trace = follow(edge)
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
    if edge != "causal":
        deviation = float(np.abs(trace.R / follow("causal").R - 1).max())
        found |= {"deviation": deviation, "echo_unseen": max(0.0, ECHO - deviation)}
    times, radii = trace.turning_points()
    settled = trace.settled()
    derived = loop.thin(damping=float(radiation_efficiency(1.0)), running_friction=True)
    for name, other in (("", loop.thin()), ("derived_", derived)):
        _, expected = other.turning_points(R0, len(radii))
        curve = other.evolve(R0, trace.t).R
        faded = damped_swing(trace.t, curve, T / 2)
        found |= {
            f"{name}turning_miss": float(np.abs(radii / expected - 1).max()),
            f"{name}curve_miss": float(np.sqrt(np.mean(np.log(trace.R / curve) ** 2))),
            f"{name}rate_miss": abs(settled.rate / faded.rate - 1),
        }
    all_turns = np.log(np.insert(radii, 0, R0))
    swings = np.abs(np.diff(all_turns))
    return found | {
        "derived": derived.evolve(R0, trace.t).R[thin],
        "settled": settled.radius,
        "miss": abs(settled.radius / R_v - 1),
        "rate": settled.rate,
        "turns": float(len(radii)),
        "first_turn_time": float(times[0]),
        "last_swing": float(swings[-1] / swings[0]),
        "smallest": float(radii.min() / R_v),
        "overshoot": float(1 - radii.min() / R_v),
        "beyond_bound": float(R_v / R0 - radii.min() / R_v),
    }


def surroundings(edge: str, R_v: float, R0: float, T: float) -> dict[str, Any]:
    """Box and absorber of `Loop.evolve`.

    "causal" is its default; "longer" 60 more; "sponge" as deep as half a wave of the breathing, and
    an open edge behind it; "mirror" a sponge of 12, which sends such waves back.
    """
    from halflife.strings.loop.absorber import Absorber

    deep = math.pi * R_v
    ways: dict[str, dict[str, Any]] = {
        "causal": {},
        "longer": {"box": R0 + T / 2 + 60},
        "sponge": {"box": 3 * R0 + deep, "absorber": Absorber.sponge(deep)},
        "mirror": {"box": 3 * R0, "absorber": Absorber.sponge(12, open_edge=False)},
    }
    return ways[edge]


def cells(scale: Scale, radii: Sequence[float], ratios: Sequence[float]) -> list[dict[str, Any]]:
    """Loops with a current: vorton radii times initial radii over them, at this scale's spacing."""
    span = scale.pick(smoke=10.0, laptop=20.0)
    return [
        {
            "R_v": R_v,
            "R0": round(R_v * ratio, 6),
            "h": 0.5,
            "span": span,
            "current": True,
            "edge": "causal",
        }
        for R_v in radii
        for ratio in ratios
    ]


def relaxes(scale: Scale) -> Study:
    """C1: loops of several sizes and a finer grid.

    Controls: loops without a current, as large at first as those with one, followed for 4 R0, more
    than twice as long as a loop of Nambu and Goto takes to collapse; a box that is longer and one
    that is shorter but absorbs, which must not matter; and one that reflects, which must.
    """
    loops = (
        cells(scale, (20.0,), (1.2, 1.5))
        if scale is Scale.SMOKE
        else cells(scale, (30.0,), (1.2, 1.5, 2.0, 2.5)) + cells(scale, (20.0, 40.0), (1.5,))
    )
    if scale is Scale.LAPTOP:
        loops.append(loops[1] | {"h": 0.25})
    bare = [
        {**loop, "span": round(4 * loop["R0"] / loop["R_v"], 6), "current": False}
        for loop in [loops[0] | {"R0": loops[0]["R_v"]}, *loops]
        if loop["h"] == 0.5
    ]
    half_as_large_again = cells(scale, scale.pick(smoke=(20.0,), laptop=(20.0, 30.0)), (1.5,))
    edges = [
        loop | {"edge": edge, "span": 20.0}
        for loop in half_as_large_again
        for edge in ("longer", "sponge", "mirror")
    ]
    judged = {"current": True, "edge": ("causal", "longer", "sponge")}
    return Study(
        trial=relax,
        rule=all_of(
            holds("miss", MISS, where=judged),
            holds("last_swing", FADED, where=judged),
            holds("radial_share", RADIAL, where=judged),
            holds("extra_crossings", 0, where=judged),
            holds("imbalance", IMBALANCE, where=judged),
            holds("remains", 0, where={"current": False}),
            holds("deviation", LONGER, where={"edge": "longer"}),
            holds("echo_unseen", 0, where={"edge": "mirror"}),
        ),
        grid=[*loops, *bare, *edges],
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


def derived_friction(scale: Scale) -> Study:
    """A thin loop's R(t) with both parts of its friction computed, against the lattice's."""
    radii = scale.pick(smoke=(20.0,), laptop=(20.0, 30.0, 40.0, 50.0))
    return Study(
        trial=relax,
        rule=all_of(
            holds("derived_turning_miss", TURNING),
            holds("derived_curve_miss", CURVE),
            holds("derived_rate_miss", FADING),
        ),
        grid=cells(scale, radii, scale.pick(smoke=(1.5,), laptop=(1.2, 1.5))),
        seeds=scale.pick(smoke=range(3, 4), laptop=range(3, 6)),
        plot=radius_and_derived,
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


def radius_and_field(runs: pd.DataFrame, beside: str = "thin") -> Figure:
    """R(t) of the first seed of each cell beside the thin loop's, and stills of the widest.

    Below, if there are any: controls without a current, and with other edges.
    """
    from plotly.subplots import make_subplots

    first = runs[runs["seed"] == runs["seed"].min()]
    charged = first["current"].astype(bool)
    bare, edges = first[~charged], first[charged & (first["edge"] != "causal")]
    first = first[charged & (first["edge"] == "causal")]
    controls = len(bare) > 0 or len(edges) > 0
    wide = [{"colspan": 4}, None, None, None]
    halves = [{"colspan": 2}, None, {"colspan": 2}, None]
    figure = make_subplots(
        2 + controls,
        4,
        specs=[wide, [{}, {}, {}, {}]] + [halves] * controls,
        row_heights=[0.42, 0.3, 0.28] if controls else [0.58, 0.42],
        vertical_spacing=0.12 if controls else 0.16,
        horizontal_spacing=0.03,
    )
    for (_, run), colour in zip(first.iterrows(), COLOURS * 3, strict=False):
        name = f"R_v={run['R_v']:g}, R0={run['R0']:g}, h={run['h']:g}"
        add_radius(figure, run, colour, name, (1, 1), "legend", beside)
    for (_, run), colour in zip(bare.iterrows(), COLOURS * 3, strict=False):
        name = f"for R_v={run['R_v']:g}, R0={run['R0']:g}"
        add_radius(figure, run, colour, name, (3, 1), "legend2")
    for (_, run), colour in zip(edges.iterrows(), COLOURS * 3, strict=False):
        add_radius(figure, run, colour, f"{run['edge']}, R_v={run['R_v']:g}", (3, 3), "legend3")
    scale = {"len": 0.3, "y": 0.44} if controls else {"len": 0.42, "y": 0.2}
    add_stills(figure, first.loc[(first["R0"] / first["R_v"]).idxmax()], scale)
    figure.update_xaxes(title="t / R_v", row=1, col=1)
    figure.update_yaxes(title="R / R_v (dotted: thin loop)", row=1, col=1, rangemode="tozero")
    for column, title in ((1, "without a current"), (3, "other edges")) if controls else ():
        figure.update_xaxes(title=f"t / R_v, {title}", row=3, col=column)
        figure.update_yaxes(title="R / R_v", row=3, col=column, rangemode="tozero")
    figure.update_layout(
        height=1200 if controls else 720,
        legend={"orientation": "h", "y": 1.03, "yanchor": "bottom"},
        margin={"r": 110},
    )
    if controls:
        below = {"y": -0.07, "yanchor": "top"}
        figure.update_layout(
            legend2=below | {"x": 0, "xanchor": "left"},
            legend3=below | {"x": 0.52, "xanchor": "left"},
            margin={"b": 210, "r": 110},
        )
    return figure


def add_radius(
    figure: Figure,
    run: pd.Series[Any],
    colour: str,
    name: str,
    at: tuple[int, int],
    legend: str,
    beside: str | None = None,
) -> None:
    """Draw R(t) of a run in the subplot `at`, and the curve `beside` it dotted."""
    from plotly.graph_objects import Scatter

    for key in ("radius", beside) if beside else ("radius",):
        figure.add_trace(
            Scatter(
                x=(run["t"] / run["R_v"]).round(3).tolist(),
                y=(run[key] / run["R_v"]).round(4).tolist(),
                name=name if key == "radius" else f"{name}, thin loop",
                legend=legend,
                legendgroup=name,
                showlegend=key == "radius",
                mode="lines",
                line={"color": colour, "dash": "solid" if key == "radius" else "dot"},
            ),
            *at,
        )


def add_stills(figure: Figure, run: pd.Series[Any], scale: dict[str, float]) -> None:
    """Draw stills of a run's energy density side by side in the second row."""
    from plotly.graph_objects import Heatmap

    for column, (now, still) in enumerate(zip(run["still_t"], run["stills"], strict=True), 1):
        half = still.T.astype(float).round(2)  # rounded as float32 it would print long
        size = run["pixel"] * len(half)
        figure.add_trace(
            Heatmap(
                z=[*half[::-1].tolist(), *half.tolist()],
                x0=0,
                dx=float(run["pixel"]),
                y0=-float(size),
                dy=float(run["pixel"]),
                colorscale="Inferno",
                zmin=-4,
                zmax=0,
                showscale=column == 4,
                colorbar={"title": {"text": "log₁₀ density", "side": "right"}, "x": 1.0, **scale},
                hoverinfo="skip",
            ),
            2,
            column,
        )
        figure.update_xaxes(title=f"r, t = {now:.0f}", row=2, col=column)
        figure.update_yaxes(showticklabels=column == 1, row=2, col=column)
    figure.update_yaxes(title="z", row=2, col=1)


def radius_and_derived(runs: pd.DataFrame) -> Figure:
    """The same beside a thin loop with both parts of its friction computed."""
    return radius_and_field(runs, beside="derived")


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
