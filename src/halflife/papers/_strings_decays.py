"""The claims on decays and on scattering. Not a paper: `papers()` passes it over.

Decays are those of a scalar toy, without the paper's spinors; of scattering there is the mechanism
only. Thresholds were fixed before any run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from halflife.lab import Scale, Study, all_of, exceeds, holds, plots
from halflife.papers._strings_protocol import SLOPE, draw, exponent, seeds

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

COUPLING = 1e-6
"""ε⁴/m² of the mixing with lighter particles."""


def gains(scale: Scale) -> Study:
    """C4: growth of decay over escape with the radius; a control as heavy as the fermion."""

    def gain(*, seed: int) -> dict[str, float]:
        import numpy as np

        from halflife.strings.resonances import kink_ring
        from halflife.strings.worldsheet import log_rate

        rng = draw(seed, 5)
        E, M = float(rng.uniform(2, 4)), float(rng.uniform(0.1, 0.7))
        j = np.floor(E * 15 * E**2 * np.linspace(1, 2, 8)) + 0.5  # B from about 10 on
        R = j / E
        levels = [kink_ring(r, 1.0, one) for r, one in zip(R, j, strict=True)]
        escape = np.array([math.log(float(level.rate)) for level in levels])

        def per_radius(mass: float) -> float:
            """B over R, 2m³/(3E²) at large E."""
            return 2 * E * (math.atanh(mass / E) - mass / E)

        gained = exponent(R, log_rate(R, E, M) - escape)
        same = exponent(R, log_rate(R, E, 1.0) - escape)
        return {
            "growth_off": abs(gained / (per_radius(1) - per_radius(M)) - 1),
            "limit_off": abs(gained / (2 * (1 - M**3) / (3 * E**2)) - 1),
            "control_off": abs(same) / per_radius(1),
        }

    return Study(
        trial=gain,
        rule=all_of(holds("growth_off", 2 * SLOPE), holds("control_off", 2 * SLOPE)),
        seeds=seeds(scale, 40),
        plot=draw_channels,
    )


def wins(scale: Scale) -> Study:
    """C4: decay beside escape in vortons that survive escape."""

    def in_vortons(*, carriers: float, yukawa: float, seed: int) -> dict[str, float]:
        from halflife.strings import vorton
        from halflife.strings.worldsheet import log_rate

        share = float(draw(seed, 6).uniform(0, 1))
        loop = vorton(1.0, yukawa, carriers)
        E = loop.fermi_momentum
        decay = log_rate(loop.R, E, share * loop.heaviest_final_state)
        decay += math.log(COUPLING * yukawa**2)
        escape = 2 * math.log(yukawa) - math.log(E) - loop.profile_exponent
        return {"escape_over_decay": float(escape - decay), "B": loop.profile_exponent}

    vortons = ((1e6, 1.0), (1e6, 0.7), (1e8, 1.0), (1e9, 0.5), (1e10, 0.3))
    return Study(
        trial=in_vortons,
        rule=holds("escape_over_decay", 0.0),
        grid=[{"carriers": carriers, "yukawa": yukawa} for carriers, yukawa in vortons],
        seeds=seeds(scale, 20),
        plot=draw_winners,
    )


def suppressions(scale: Scale) -> Study:
    """C5: slopes of the exact rates at large M³R/E², and the chiral vertex's power."""

    def suppression(*, seed: int) -> dict[str, float]:
        import numpy as np

        from halflife.strings.worldsheet import exact_log_rate

        y = float(draw(seed, 7).uniform(0.03, 0.2))
        x = np.array([3.0, 10.0, 30.0, 90.0])  # M³R/E², with E = 1
        step = 1.02
        R = x / y**3
        slopes = (exact_log_rate(R * step, 1, y) - exact_log_rate(R / step, 1, y)) / (
            x * (step - 1 / step)
        )
        off = np.abs(slopes + 2 / 3)
        wide = np.geomspace(1e3, 1e5, 7)
        chiral = exponent(np.log(wide), exact_log_rate(wide, 1, 0, vertex="chiral"))
        scalar = exponent(np.log(wide), exact_log_rate(wide, 1, 0))
        return {
            "slope_off": float(off[-1]),
            "not_tending": float(np.diff(off).max()),
            "power_off": abs(chiral + 2 / 3),
            "scalar_power": scalar,
        }

    return Study(
        trial=suppression,
        rule=all_of(
            holds("slope_off", SLOPE), holds("not_tending", 0.0), holds("power_off", SLOPE)
        ),
        seeds=seeds(scale, 40),
        plot=draw_suppression,
    )


def breathes(scale: Scale) -> Study:
    """C6: rates of a loop that breathes, over the average of static ones."""

    def breathe(*, momentum: float, frequency: float, seed: int) -> dict[str, float]:
        from halflife.strings.breathing import breathing_rate

        rng = draw(seed, 8)
        l = float(rng.uniform(0.6, 1.4)) * momentum  # noqa: E741
        amplitude = float(rng.uniform(0.03, 0.1))
        light, heavy = (breathing_rate(l, M, amplitude, frequency) for M in (0.2, 0.4))
        return {
            "excess": min(light.enhancement, heavy.enhancement) - 1,
            "away_from_1": max(abs(light.enhancement - 1), abs(heavy.enhancement - 1)),
            "lighter_gains_more": light.enhancement - heavy.enhancement,
            "light": light.enhancement,
            "heavy": heavy.enhancement,
        }

    fast, slow = {"frequency": 4.0}, {"frequency": 0.25}
    return Study(
        trial=breathe,
        rule=all_of(
            holds("away_from_1", 0.02, where=slow),
            holds("lighter_gains_more", 0.0, where=fast),
            exceeds("excess", 0.2, where=fast, problems="fixed"),
            exceeds("excess", 0.0, effect="difference", frequency=(4.0, 1.0), problems="fixed"),
            exceeds("excess", 0.0, effect="difference", frequency=(1.0, 0.25), problems="fixed"),
        ),
        grid={
            "momentum": (scale.pick(smoke=12.0, laptop=55.0),),
            "frequency": (0.25, 1.0, 4.0),
        },
        seeds=seeds(scale, 12, smoke=8),
        plot=plots.lines("heavy", x="frequency", by="momentum", log_y=True),
    )


def scatters(scale: Scale) -> Study:
    """C7: slopes of scattering rates over the mass; not judged, charges everywhere."""

    def fall(*, process: str, charges: str, seed: int) -> dict[str, Any]:
        import numpy as np

        from halflife.strings.scattering import scattering_rate

        rng = draw(seed, 9)
        least, screening = float(rng.uniform(2, 6)), float(rng.uniform(0.05, 1))
        mass = np.geomspace(0.05, 1, 7)  # so that 2m is at most the least transfer
        radius = float(rng.uniform(0.05, 0.2)) if charges == "near" else math.inf
        logs = np.log(
            [
                scattering_rate(m, least, screening, process=process, charges=radius)  # type: ignore[arg-type]
                for m in mass
            ]
        )
        slopes = np.diff(logs) / np.diff(np.log(mass))
        return {"wider_is_worse": float(-slopes.min()), "slope": float(slopes.mean())}

    return Study(
        trial=fall,
        rule=all_of(
            holds("wider_is_worse", 0.0, where={"process": "coherent"}),
            holds("wider_is_worse", 0.0, where={"process": "break-up", "charges": "near"}),
        ),
        grid={"process": ("coherent", "break-up"), "charges": ("near", "everywhere")},
        seeds=seeds(scale, 20),
        plot=plots.lines("slope", x="charges", by="process"),
    )


def draw_channels(runs: pd.DataFrame) -> Figure:
    """Rates of decay over the mass of what is made, for three radii, beside escape."""
    import numpy as np
    from plotly.graph_objects import Figure, Scatter

    from halflife.strings import log_escape_rate, thin_core_exponent
    from halflife.strings.worldsheet import log_rate

    del runs
    figure, E, M = Figure(), 3.0, np.linspace(0, 1, 200)
    for R, colour in zip((100.0, 300.0, 900.0), plots.COLOURS, strict=False):
        rates = log_rate(R, E, M) + math.log(COUPLING)
        escape = float(log_escape_rate(E, 1.0, thin_core_exponent(R, 1.0, E)))
        for x, y, name, dash in (
            (M, rates, f"decay, m R = {R:g}", "solid"),
            (M, np.full(M.shape, escape), f"escape, m R = {R:g}", "dot"),
        ):
            figure.add_trace(
                Scatter(
                    x=x,
                    y=y / math.log(10),
                    mode="lines",
                    name=name,
                    line={"color": colour, "dash": dash},
                )
            )
    figure.update_xaxes(title="M/m")
    figure.update_yaxes(title="log₁₀ Γ/m, at E = 3 m and ε⁴ = 10⁻⁶ m²")
    return figure


def draw_winners(runs: pd.DataFrame) -> Figure:
    """By how much decay is faster than escape, for every vorton and every mass that was drawn."""
    from plotly.graph_objects import Figure, Scatter

    figure = Figure()
    vortons = runs.groupby(["carriers", "yukawa"], sort=False)
    for ((carriers, y), cell), colour, symbol in zip(
        vortons, plots.COLOURS, plots.SYMBOLS, strict=False
    ):
        figure.add_trace(
            Scatter(
                x=[f"N = {carriers:.0e}, y = {y:g}"] * len(cell),
                y=-cell["escape_over_decay"],
                mode="markers",
                marker={"color": colour, "symbol": symbol},
                showlegend=False,
            )
        )
    figure.update_yaxes(
        title="ln of decay over escape, where it wins", type="log", range=[-0.5, 4.3]
    )
    return figure


def draw_suppression(runs: pd.DataFrame) -> Figure:
    """The exact rate and Airy's over M³R/E², and its tail's slope."""
    import numpy as np
    from plotly.graph_objects import Figure, Scatter

    from halflife.strings.worldsheet import exact_log_rate, log_rate

    del runs
    figure, x = Figure(), np.linspace(0.01, 90, 120)
    for y, colour in zip((0.05, 0.2), plots.COLOURS, strict=False):
        R = x / y**3
        for rate, name, style in (
            (exact_log_rate(R, 1, y), f"exact, M = {y} E", {"mode": "markers"}),
            (log_rate(R, 1, y), f"Airy, M = {y} E", {"mode": "lines"}),
        ):
            figure.add_trace(
                Scatter(
                    x=x,
                    y=(rate + math.log(4)) / math.log(10),
                    name=name,
                    line={"color": colour},
                    marker={"color": colour, "size": 4},
                    **style,
                )
            )
    figure.add_trace(
        Scatter(
            x=x,
            y=-2 / 3 * x / math.log(10),
            name="slope −2/3",
            mode="lines",
            line={"color": plots.COLOURS[6], "dash": "dot"},
        )
    )
    figure.update_xaxes(title="M³R/E²")
    figure.update_yaxes(title="log₁₀ of 4EΓ/ε⁴")
    return figure
