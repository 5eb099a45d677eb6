"""The claim about loops of local string. Not a paper: `papers()` passes it over.

They start as loops of global string do (`_strings_loops.py`), which run beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from halflife.lab import Scale, Study, all_of, holds
from halflife.lab.plots import COLOURS
from halflife.papers._strings_loops import FADED, IMBALANCE, LONGER, NOISE, SEEDS, TURNING

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

LOST = 0.2
"""Largest part of its first swing that a loop of local string may have lost at the end."""
GAUSS = 1e-6
"""Largest violation of Gauss's law, in charges of one point."""


def swing(
    *,
    string: str,
    R_v: float,
    R0: float,
    h: float,
    span: float,
    current: bool,
    box: str,
    seed: int,
) -> dict[str, Any]:
    """Follow a loop of local or global string for `span` times R_v.

    With `box` "causal" one of local string, whose box is else "near", runs in both, to compare.
    """
    import numpy as np

    from halflife.strings.local.loop import LocalLoop
    from halflife.strings.loop.evolve import Loop

    local = string == "local"
    kind: Any = LocalLoop if local else Loop
    loop = kind.around(R_v, R0) if current else kind(R0)
    how: dict[str, Any] = {"noise": NOISE, "seed": seed, "every": R_v / 30}
    near = how | ({"box": R0 + 30.0} if local else {"dtype": "float32"})
    trace = loop.evolve(span * R_v, h, **near)
    thin = slice(None, None, max(1, len(trace.t) // 400))
    found: dict[str, Any] = {
        "imbalance": trace.closure,
        "extra_crossings": float(max(0, trace.most_crossings - 1)),
        "remains": float(np.isnan(trace.vanished)),
        "gauss": float(trace.about.get("gauss", 0.0)),
        "t": trace.t[thin],
        "radius": trace.R[thin],
    }
    if not current:
        return found | {"vanished": trace.vanished}
    if box == "causal":
        free = loop.evolve(span * R_v, h, **how)
        found["deviation"] = float(np.abs(trace.R / free.R - 1).max())
    _, radii = trace.turning_points()
    _, expected = loop.thin().turning_points(R0, len(radii))
    swings = np.abs(np.diff(np.log(np.insert(radii, 0, R0))))
    kept = float(swings[-1] / swings[0])
    return found | {
        "turns": float(len(radii)),
        "turning_miss": float(np.abs(radii / expected - 1).max()),
        "swing_kept": kept,
        "swing_lost": 1 - kept,
        "separation": trace.separation,
        "thin": loop.thin().evolve(R0, trace.t).R[thin],
    }


def swings_on(scale: Scale) -> Study:
    """C8: loops of local string, one on a finer grid, and the same loops of global string."""
    span = scale.pick(smoke=10.0, laptop=20.0)
    loops = [
        {
            "string": "local",
            "R_v": R_v,
            "R0": round(R_v * ratio, 6),
            "h": 0.4,
            "span": span,
            "current": True,
            "box": "near",
        }
        for R_v in scale.pick(smoke=(20.0,), laptop=(20.0, 30.0))
        for ratio in scale.pick(smoke=(1.5,), laptop=(1.2, 1.5))
    ]
    first = loops[0]
    finer = [] if scale is Scale.SMOKE else [first | {"h": 0.25}]
    control = first | {"box": "causal", "span": scale.pick(smoke=5.0, laptop=10.0)}
    bare = [loop | {"current": False, "span": 4.0} for loop in loops]
    twins = [loop | {"string": "global", "h": 0.5} for loop in loops]
    held, near = {"string": "local", "current": True}, {"string": "local", "box": "near"}
    return Study(
        trial=swing,
        rule=all_of(
            holds("turning_miss", TURNING, where=held),
            holds("swing_lost", LOST, where=near | {"current": True}),
            holds("extra_crossings", 0, where=held),
            holds("imbalance", IMBALANCE, where=held),
            holds("gauss", GAUSS, where=held),
            holds("deviation", LONGER, where={"box": "causal"}),
            holds("remains", 0, where={"current": False}),
            holds("swing_kept", FADED, where={"string": "global"}),
        ),
        grid=[*loops, *finer, control, *bare, *twins],
        seeds=scale.pick(smoke=range(1), laptop=SEEDS),
        plot=swings_of_both,
    )


def swings_of_both(runs: pd.DataFrame) -> Figure:
    """R(t) of the first seed's loops with a current: local, global, and without thickness."""
    from plotly.graph_objects import Scatter
    from plotly.subplots import make_subplots

    first = runs[(runs["seed"] == runs["seed"].min()) & runs["current"].astype(bool)]
    first = first[first["box"] == "near"]
    sizes = sorted({(run["R_v"], run["R0"]) for _, run in first.iterrows()})
    titles = [f"R_v = {R_v:g}, R0 = {R0:g}" for R_v, R0 in sizes]
    figure = make_subplots(
        len(sizes), 1, shared_xaxes=True, subplot_titles=titles, vertical_spacing=0.07
    )
    looks = {"local": COLOURS[0], "global": COLOURS[1]}
    for _, run in first.iterrows():
        row = 1 + sizes.index((run["R_v"], run["R0"]))
        fine = run["string"] == "local" and run["h"] < 0.4
        for key in ("radius",) if fine else ("radius", "thin"):
            thin = key == "thin"
            name = f"thin loop, {run['string']}" if thin else f"{run['string']}, h = {run['h']:g}"
            figure.add_trace(
                Scatter(
                    x=(run["t"] / run["R_v"]).round(3).tolist(),
                    y=(run[key] / run["R_v"]).round(4).tolist(),
                    name=name,
                    legendgroup=name,
                    showlegend=row == 1,
                    mode="lines",
                    line={
                        "color": COLOURS[2] if fine else looks[run["string"]],
                        "dash": "dot" if thin else "solid",
                        "width": 1 if thin else 2,
                    },
                ),
                row,
                1,
            )
        figure.update_yaxes(title="R / R_v", rangemode="tozero", row=row, col=1)
    figure.update_xaxes(title="t / R_v", row=len(sizes), col=1)
    figure.update_layout(
        height=220 + 190 * len(sizes), legend={"orientation": "h", "y": 1.06, "yanchor": "bottom"}
    )
    return figure
