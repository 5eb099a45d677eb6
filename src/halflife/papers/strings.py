"""Stability of Superconducting Strings (arXiv 2412.12259).

The paper published no code, and of its text only the abstract was at hand, with one exponent as a
later public note quotes it. So the claims are the abstract's sentences, and what they are tried on
is our own model of each: no equation here is the paper's. A verdict reads accordingly: "supported"
means supported by an independent model; on decays into other particles, for a scalar toy, whose
spinor factors are not the paper's; on scattering, that the mechanism is there, at a rate that
cannot be reproduced without the text. Trials are exact up to rounding and discretisation; seeds
draw radii, masses and energies within stated ranges, so that a rule is met by all of them or
fails. Thresholds stand below, and were fixed before any run of these claims.
"""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

from halflife.lab import Paper, Scale, Study, all_of, exceeds, holds, plots
from halflife.papers import _strings_loops as loops

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from plotly.graph_objects import Figure

    Array = NDArray[np.float64]

paper = Paper(
    slug="strings",
    title="Stability of Superconducting Strings",
    authors=("Keisuke Harigaya", "Xuce Niu", "Wei Xue", "Fengwei Yang"),
    arxiv="2412.12259",
    published=date(2024, 12, 16),
    summary=(
        "A cosmic string can carry charged fermions as massless modes along its core, a current "
        "that never decays as long as they stay. On a closed loop their momentum pushes outward, "
        "and where it balances the tension the loop comes to rest: a vorton. The paper asks "
        "whether it lasts. On a lattice the loop sheds its energy as Goldstone bosons and settles. "
        "The modes then have energies far above the fermion's mass outside, which was thought to "
        "let them go; a curved string holds them all the same, up to an energy that grows with "
        "the loop. What ends them is decay into lighter particles, the slower the larger the loop; "
        "a loop that changes shape quickly opens more of it, and charged particles around the "
        "core scatter a wide mode less."
    ),
    parts=(
        "halflife.strings.vorton",
        "halflife.strings.profile",
        "halflife.strings.ZeroMode",
        "halflife.strings.Loop",
        "halflife.strings.loop.evolve_in_space",
        "halflife.strings.local.LocalLoop",
        "halflife.strings.resonances.kink_ring",
        "halflife.strings.resonances.string_ring",
        "halflife.strings.worldsheet.log_rate",
        "halflife.strings.breathing.breathing_rate",
        "halflife.strings.scattering.scattering_rate",
    ),
)

# What loops do on a lattice.


@paper.claim(where="Abstract; section 4, the loop at the classical level", version=2)
def relaxes_to_vorton(scale: Scale) -> Study:
    """A loop of global string with a zero-mode current that starts 1.2 to 2.5 times as large as
    its vorton settles at the vorton's radius, within 5 %, by radiating Goldstone bosons; without a
    current it vanishes. The box has no part in it: a longer one changes nothing, a shorter one that
    absorbs long waves ends the same way, and one that reflects them is found out.
    """
    return loops.relaxes(scale)


@paper.claim(where="Abstract: the loop relaxes by emitting Goldstone bosons")
def goldstone_damping(scale: Scale) -> Study:
    """A loop that starts up to 1.5 times as large as its vorton turns where a thin loop does that
    is damped by Goldstone radiation at long wavelength, c_f = 1 with nothing fitted, within 5 %.
    """
    return loops.damps(scale)


@paper.claim(where="Abstract: the loop relaxes by emitting Goldstone bosons; our own formula")
def friction_without_a_constant(scale: Scale) -> Study:
    """A loop that starts up to 1.5 times as large as its vorton follows, for 20 R_v, a thin loop
    whose friction knows that the tension runs, with the c_f = 0.820 of a ring that breathes at its
    own frequency, so that no constant is free: it turns within 5 % of where that one does, its
    R(t) is 5 % off in the mean, and its swing fades at the same rate within 15 %.
    """
    return loops.derived_friction(scale)


@paper.claim(where="Abstract: no over-shooting, taken literally")
def no_overshoot(scale: Scale) -> Study:
    """While it relaxes, at the L = ln 8R − 1.62 of about 4 that a lattice can hold, a loop does not
    shrink below its vorton's radius by more than 5 %.
    """
    return loops.overshoots(scale, literally=True)


@paper.claim(where="Abstract: no over-shooting that would destabilise the vorton")
def overshoot_is_harmless(scale: Scale) -> Study:
    """At L of about 4 a loop swings below its vorton's radius R_v, but not below R_v²/R0; the swing
    fades to less than half, and does not part the current from the string.
    """
    return loops.overshoots(scale, literally=False)


@paper.claim(
    where="Abstract: the vorton is stable; that it is so as no circle is our question",
    scales=("smoke", "laptop", "gpu"),
)
def ripples_stay_small(scale: Scale) -> Study:
    """A ripple of 5 % on a vorton, in three dimensions, in its plane or out of it, does not grow
    to more than twice its size, and the current stays on the string.
    """
    return loops.ripples(scale)


@paper.claim(
    where="Abstract: most of it carries over to local strings; of loops only, at critical coupling"
)
def local_loops_swing_on(scale: Scale) -> Study:
    """A zero-mode current holds a loop of local string too, which vanishes without one: it turns
    within 5 % of R_v²/R0 and of R0, where a loop of constant tension does that nothing damps. As
    there are no Goldstone bosons it keeps four fifths of its swing for 20 R_v, in which a loop of
    global string loses more than half.
    """
    return loops.swings_on(scale)


# What zero modes do on a curved string.

SLOPE = 0.05
"""How far an exponent may be off, of those that are 1, 1/2 or 2/3."""
FACTOR = math.log(2)
"""How far a rate may be off: the factor before e^{−B} is of order one."""
BARRIER = 0.6
"""The least B for which a tunnelling formula is held to its word."""
ORDER = math.log(4)
"""How far two limits may be apart that are to be of one order."""
LIFETIME = 1e6
"""1/m for which a mode is to stay, where a claim asks for the highest that does."""
RADII = (200.0, 400.0, 800.0, 1600.0, 3200.0)
"""Of the loops whose largest energies are compared."""
COUPLING = 1e-6
"""ε⁴/m² of the mixing with lighter particles."""


def seeds(scale: Scale, laptop: int, smoke: int = 4, first: int = 12000) -> range:
    """Seeds to report."""
    return range(first, first + scale.pick(smoke=smoke, laptop=laptop))


def draw(seed: int, claim: int) -> np.random.Generator:
    """Random numbers of a claim's own."""
    import numpy as np

    return np.random.default_rng([seed, claim])


def exponent(x: Array, y: Array) -> float:
    """Slope of the least-squares line of y over x."""
    import numpy as np

    return float(np.polyfit(x, y, 1)[0])


def ladder(mR: float, low: float, high: float, count: int) -> Array:
    """Half-integers j with j/(mR), which is E/m, spread from `low` to `high`."""
    import numpy as np

    return np.asarray(np.unique(np.floor(mR * np.linspace(low, high, count))) + 0.5)


@paper.claim(
    where="Abstract, tried on an independent model; the exponent as a later note quotes it",
    version=2,
)
def escape_law(scale: Scale) -> Study:
    """A zero mode leaves a curved string at a rate (m²/E) e^{−B} up to a factor of two, with B
    from the barrier of a thin core, 2m³R/(3E²) at large energies: exactly so on a kink bent to a
    ring, for E from 1.5 m to 5 m and on to 8 m, on loops that still hold that, m R from 150 on.
    """

    def escape(*, seed: int) -> dict[str, float]:
        import numpy as np

        from halflife.strings import thin_core_exponent
        from halflife.strings.resonances import kink_ring

        R = float(draw(seed, 1).uniform(150, 300))
        levels = kink_ring(R, 1.0, ladder(R, 1.5, 5, 40))
        B = thin_core_exponent(R, 1.0, levels.energy)
        logs = np.log(levels.rate * levels.energy)
        held = B > BARRIER
        high = kink_ring(R, 1.0, ladder(R, 4, 8, 20))
        limit = 2 * R / (3 * high.energy**2)
        slow = limit > BARRIER
        return {
            "slope_off": abs(exponent(-B[held], logs[held]) - 1),
            "factor_off": float(np.abs(logs + B)[held].max()),
            "limit_off": abs(exponent(-limit[slow], np.log(high.rate * high.energy)[slow]) - 1),
        }

    return Study(
        trial=escape,
        rule=all_of(
            holds("slope_off", SLOPE),
            holds("factor_off", FACTOR),
            holds("limit_off", 2 * SLOPE),
        ),
        seeds=seeds(
            scale, 60, first=13000
        ),  # those of the first design, from m R = 60 on, are seen
        plot=draw_escape,
    )


@paper.claim(where="Abstract: quantum treatment; tried on an independent model")
def escape_from_a_string(scale: Scale) -> Study:
    """On a loop of global string, all four components of the fermion solved for, the zero mode
    leaves at a rate (m²/E) e^{−B} up to a factor of two, with B from the string's true profile.
    """

    def escape(*, points: float, largest: float, seed: int) -> dict[str, float]:
        import numpy as np

        from halflife.strings import profile_exponent, thin_core_exponent
        from halflife.strings.resonances import string_ring

        rng = draw(seed, 2)
        R, m = float(rng.uniform(15, largest)), float(rng.uniform(0.5, 1.5))
        j = np.floor(m * R * np.linspace(1.15, 4, 60)) + 0.5
        about = profile_exponent(R, m, 0.985 * j / R, j)
        level = float(j[np.abs(about - rng.uniform(2.5, 8)).argmin()])
        k = math.sqrt((level / R) ** 2 - m**2)
        found = string_ring(R, m, level, spacing=min(1 / m, 1.5 / k) / points)
        log = math.log(found.rate * found.energy / m**2)
        B = float(profile_exponent(R, m, found.energy, level))
        return {
            "misfit": abs(log + B),
            "uncertainty": found.rate_error / found.rate,
            "weight": found.weight,
            "B": B,
            "thin_misfit": log + float(thin_core_exponent(R, m, found.energy)),
        }

    return Study(
        trial=escape,
        rule=all_of(holds("misfit", FACTOR), holds("uncertainty", 0.2)),
        grid={
            "points": (scale.pick(smoke=1.7, laptop=2.5),),
            "largest": (scale.pick(smoke=20.0, laptop=40.0),),
        },
        seeds=seeds(scale, 24, smoke=4),
        plot=plots.values("misfit", by="points"),
    )


@paper.claim(where="Abstract: the largest energy of a zero mode; tried on an independent model")
def far_above_the_mass(scale: Scale) -> Study:
    """The highest zero mode that stays on a kink ring for 10⁶/m has more than 2m, where m was
    thought to be the limit, for m R of 200 and more; and it grows as the square root of the radius.
    """

    def highest(*, seed: int) -> dict[str, float]:
        import numpy as np

        from halflife.strings.resonances import kink_ring

        R = 200 * float(draw(seed, 3).uniform(1, 2)) * 2.0 ** np.arange(4)
        E = []
        for each in R:
            top = 0.6 * math.sqrt(each)
            levels = kink_ring(each, 1.0, ladder(each, max(1.5, top / 8), top, 60))
            E.append(np.interp(-math.log(LIFETIME), np.log(levels.rate), levels.energy))
        return {
            "exponent_off": abs(exponent(np.log(R), np.log(E)) - 0.5),
            "shortfall": 2 - float(E[0]),
            "R": float(R[0]),
            **{f"E_{k}": float(each) for k, each in enumerate(E)},  # at R, 2R, 4R, 8R
        }

    return Study(
        trial=highest,
        rule=all_of(holds("exponent_off", SLOPE), holds("shortfall", 0.0)),
        seeds=seeds(scale, 40),
        plot=draw_highest,
    )


@paper.claim(where="Abstract: both treatments agree; tried on an independent model", version=2)
def classical_and_quantum(scale: Scale) -> Study:
    """On a global string the largest energy grows as the square root of the loop's radius both
    for a classical particle of mass m f, which must have a place to turn, and for a quantum that
    is to stay for 10⁶/m; and one is within a factor of four of the other if the core is 1/m wide.
    """

    def limits(*, seed: int) -> dict[str, float]:
        import numpy as np

        from halflife.strings import profile, profile_exponent

        m = float(draw(seed, 4).uniform(0.8, 1.25))
        R = np.array(RADII)
        x = np.linspace(0.01, 4, 2000)
        mass2 = (m * profile(1).f(x)) ** 2
        classical, quantum = [], []
        for each in R:
            low, high = (
                0.0,
                m * each * math.sqrt(each),
            )  # the greatest j with a well: a minimum at the core
            for _ in range(60):
                j = (low + high) / 2
                rises = bool((np.diff((j / (each + x)) ** 2 + mass2) > 0).any())
                low, high = (j, high) if rises else (low, j)
            well = (low / (each + x)) ** 2 + mass2
            classical.append(math.sqrt(well[np.flatnonzero(np.diff(well) > 0)[0]]))
            E = m * np.geomspace(1.05, math.sqrt(each), 400)
            excess = profile_exponent(each, m, E) - np.log(LIFETIME * m / E)
            quantum.append(float(np.interp(0, -excess, E)))
        c, q = np.array(classical), np.array(quantum)
        return {
            "classical_off": abs(exponent(np.log(R), np.log(c)) - 0.5),
            "quantum_off": abs(exponent(np.log(R), np.log(q)) - 0.5),
            "apart": float(np.abs(np.log(c / q)).max()),
            "m": m,
            **{f"classical_{k}": float(each) for k, each in enumerate(c / m)},  # at RADII
            **{f"quantum_{k}": float(each) for k, each in enumerate(q / m)},
        }

    return Study(
        trial=limits,
        rule=all_of(
            holds("classical_off", SLOPE), holds("quantum_off", SLOPE), holds("apart", ORDER)
        ),
        seeds=seeds(scale, 20),
        plot=draw_limits,
    )


@paper.claim(
    where="Abstract: decays into other particles; a scalar toy, without the paper's spinors"
)
def lighter_particles_gain(scale: Scale) -> Study:
    """Beside a zero mode's own escape, decay into a lighter particle grows with the radius, as
    exp(2(m³ − M³)R/(3E²)) at large energies; into one as heavy as the fermion it does not.
    """

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


@paper.claim(where="Abstract: the dominant decays; a scalar toy, without the paper's spinors")
def lighter_particles_win(scale: Scale) -> Study:
    """In vortons that survive escape, decay of the topmost zero mode into a lighter particle,
    within what curvature leaves open, is faster than its escape although it mixes as weakly as
    ε⁴ = 10⁻⁶ m².
    """

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


@paper.claim(where="Abstract: suppression by curvature; a scalar toy, without the paper's spinors")
def curvature_suppresses(scale: Scale) -> Study:
    """Decay rates of a scalar toy fall exponentially for heavy final states, ln Γ with a slope
    that tends to −2/3 in M³R/E²; and with a vertex that flips chirality they fall as R^{−2/3}
    even for massless ones.
    """

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


@paper.claim(where="Abstract: non-adiabatic changes; a scalar toy, without the paper's spinors")
def changes_of_shape(scale: Scale) -> Study:
    """A loop that breathes decays faster than the average of its static rates, by more than a
    fifth at ΩR = 4, the more the faster it breathes and the heavier the particle; a slow one, at
    ΩR = 1/4, does not, to two per cent.
    """

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


@paper.claim(
    where="Abstract: scattering; the mechanism only, the rate cannot be had without the text"
)
def wide_modes_scatter_less(scale: Scale) -> Study:
    """Light charges that sit around the core, within a fifth of 1/m, scatter a zero mode the less
    the wider it is, as a whole and out of the string, by momenta above the binding scale 2m. Not
    judged, as a control: charges that are everywhere, where break-up goes the other way.
    """

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


def draw_escape(runs: pd.DataFrame) -> Figure:
    """Rates of the kink ring over the barrier's exponent, for three radii."""
    import numpy as np
    from plotly.graph_objects import Figure, Scatter

    from halflife.strings import thin_core_exponent
    from halflife.strings.resonances import kink_ring

    del runs
    figure = Figure()
    for R, colour, symbol in zip((60, 130, 300), plots.COLOURS, plots.SYMBOLS, strict=False):
        levels = kink_ring(R, 1.0, ladder(R, 1.5, 8, 40))
        figure.add_trace(
            Scatter(
                x=thin_core_exponent(R, 1.0, levels.energy),
                y=levels.rate * levels.energy,
                name=f"m R = {R}",
                mode="markers",
                marker={"color": colour, "symbol": symbol},
            )
        )
    B = np.linspace(0, 70, 2)
    figure.add_trace(Scatter(x=B, y=np.exp(-B), name="e^−B", mode="lines", line={"dash": "dot"}))
    figure.update_xaxes(title="B of a thin core", range=[0, 70])
    figure.update_yaxes(title="Γ E/m²", type="log", exponentformat="power", range=[-30, 1])
    return figure


def draw_highest(runs: pd.DataFrame) -> Figure:
    """The highest energies that stay, over the radius, and √R beside them."""
    import numpy as np
    from plotly.graph_objects import Figure, Scatter

    from halflife.strings import largest_energy

    figure = Figure()
    R = np.geomspace(30, 4000, 60)
    for B, dash in ((6.0, "dot"), (12.0, "solid"), (24.0, "dash")):
        figure.add_trace(
            Scatter(
                x=R,
                y=largest_energy(R, 1.0, B),
                mode="lines",
                name=f"B = {B:g}",
                line={"dash": dash, "color": plots.COLOURS[0]},
            )
        )
    if "E_0" in runs:
        figure.add_trace(
            Scatter(
                x=np.concatenate([runs["R"] * 2.0**k for k in range(4)]),
                y=np.concatenate([runs[f"E_{k}"] for k in range(4)]),
                mode="markers",
                name="stays for 10⁶/m, exactly",
                marker={"color": plots.COLOURS[1], "size": 5},
            )
        )
    figure.update_xaxes(title="m R", type="log")
    figure.update_yaxes(title="E/m", type="log")
    return figure


def draw_limits(runs: pd.DataFrame) -> Figure:
    """Both limits over the radius, for every mass that was drawn."""
    import numpy as np
    from plotly.graph_objects import Figure, Scatter

    figure = Figure()
    for name, colour, symbol in zip(
        ("classical", "quantum"), plots.COLOURS, plots.SYMBOLS, strict=False
    ):
        figure.add_trace(
            Scatter(
                x=np.concatenate([runs["m"] * R for R in RADII]),
                y=np.concatenate([runs[f"{name}_{k}"] for k in range(len(RADII))]),
                mode="markers",
                name=name,
                marker={"color": colour, "symbol": symbol},
            )
        )
    figure.update_xaxes(title="m R", type="log")
    figure.update_yaxes(title="largest E/m", type="log")
    return figure


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
