"""`halflife strings …`: is my vorton stable, and what is bound to my string, on the command line.

As in `cli.py`, everything but Typer is imported inside the commands.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from halflife.errors import HalflifeError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from halflife.strings import Lifetime, Vorton

app = typer.Typer(
    help="Superconducting strings: is a vorton stable, and against what.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Plot = Annotated[Path | None, typer.Option(help="HTML file for a plot.")]


@app.command()
def vorton(
    lam: Annotated[float, typer.Option(help="λ of the potential (λ/4)(φ² − v²)².")] = 1.0,
    yukawa: Annotated[float, typer.Option(help="y; the free fermion has the mass y v.")] = 1.0,
    carriers: Annotated[float, typer.Option(help="N zero modes on the loop, e.g. 1e6.")] = 1e6,
    scale: Annotated[
        float | None, typer.Option(help="v in GeV, for times in seconds, e.g. 1e12.")
    ] = None,
    into: Annotated[
        list[float] | None,
        typer.Option(help="Mass in v of a particle that zero modes mix with. Repeatable."),
    ] = None,
    mixing: Annotated[float, typer.Option(help="ε in v of H = ε² ∫ (ψ†χ + h.c.), for --into.")] = (
        1e-3
    ),
    as_json: AsJson = False,
    plot: Plot = None,
) -> None:
    """Say where a loop with N zero modes rests, whether it lasts, and what it can decay into."""
    import json

    from halflife.strings import vorton as predict

    found: Vorton = _checked(predict, lam, yukawa, carriers, scale=scale)
    decays = {mass: _checked(found.decay, mass, mixing) for mass in into or ()}
    least = found.carriers_to_last()
    if as_json:
        from dataclasses import asdict

        channels = [{"mass": m, "mixing": mixing, **asdict(life)} for m, life in decays.items()]
        said = {**found.to_dict(), "carriers_to_last": least, "decays": channels}
        typer.echo(json.dumps(_finite(said), indent=2))
    else:
        _tell(found, decays, mixing, least)
    if plot is not None:
        from halflife.strings import lifetime_figure

        upto = max(3 * carriers, 3 * least) if least else 3 * carriers
        _write(_checked(lifetime_figure, lam, yukawa, scale=scale, upto=upto), plot, as_json)


@app.command()
def modes(
    winding: Annotated[int, typer.Option(help="Winding n of the string.")] = 1,
    mass: Annotated[float, typer.Option(help="m/(√λ v), the fermion's mass, y/√λ.")] = 1.0,
    levels: Annotated[int, typer.Option(help="States of each angular momentum.")] = 4,
    momenta: Annotated[int, typer.Option(min=0, max=10, help="Angular momenta to show.")] = 3,
    as_json: AsJson = False,
    plot: Plot = None,
) -> None:
    """List the fermion states that a straight string binds: zero modes and the massive tower."""
    import json
    from typing import Literal

    from rich.table import Table

    from halflife.console import console
    from halflife.strings import ZeroMode, bound_states, rydberg

    pairs: tuple[Literal["attracted", "repelled"], ...] = ("attracted", "repelled")
    found = [
        _checked(bound_states, mass, l, n=winding, pair=pair, count=levels)
        for l in range(winding + momenta)  # noqa: E741
        for pair in pairs[: 2 if winding == 1 else 1]
    ]
    if as_json:
        rows = [
            {"l": s.l, "pair": s.pair, "M/m": s.ratio.tolist(), "error of (M/m)²": s.error.tolist()}
            for s in found
        ]
        typer.echo(json.dumps({"winding": winding, "mass": mass, "states": rows}, indent=2))
    else:
        many = (
            f"{winding} zero modes, l = 0 … {winding - 1}, run"
            if winding > 1
            else "One zero mode runs"
        )
        console.print(f"{many} along the string at the speed of light, one way.")
        if winding == 1:
            mode = ZeroMode(mass)
            console.print(
                f"It reaches {mode.width:.4g}/(√λ v) from the axis (root mean square), "
                f"{mode.width * mass:.3g}/m."
            )
        table = Table(box=None, header_style="bold", pad_edge=False)
        table.add_column("l", justify="right")
        table.add_column("pair")
        table.add_column("M/m, lightest first")
        for s in found:
            if s.ratio.size:
                sign = " ±"[s.l > 0 and winding == 1]
                table.add_row(f"{sign}{s.l}", s.pair, "  ".join(f"{x:.6f}" for x in s.ratio))
        console.print(table)
        worst = max((float(s.error.max()) for s in found if s.error.size), default=0.0)
        console.print(f"(M/m)² is right to {worst:.0e}. The continuum begins at M/m = 1.")
        if winding == 1:
            limit = "  ".join(f"{x:.6f}" for x in rydberg(range(levels)))
            console.print(f"For m ≪ √λ v it would be hydrogen's series: {limit}")
    if plot is not None:
        from halflife.strings import bound_states_figure

        figure = _checked(bound_states_figure, mass, winding, levels=levels, momenta=momenta)
        _write(figure, plot, as_json)


def _tell(found: Vorton, decays: dict[float, Lifetime], mixing: float, least: float | None) -> None:
    """The answer in plain words, and a table of what it is stable against."""
    from rich.table import Table

    from halflife.console import console

    k, m = found.fermi_momentum, found.y
    console.print(
        f"{found.carriers:.6g} zero modes hold a loop of radius {found.R:.4g}/(√λ v). They fill "
        f"levels up to k_F = {k:.4g} v, {k / m:.4g} times the mass of the free fermion."
    )
    age = f"{found.target:.1f}"
    whose = f"v = {found.scale:g} GeV" if found.scale else "v at Planck's mass, the most it can be"
    time = _time(found.escape)
    verdict = {
        "lasts": f"[bold blue]✓ It lasts[/]: its carriers stay for {time}, longer than the "
        f"Universe (10^{age}/(√λ v) for {whose}).",
        "decays": f"[bold dark_orange3]✗ It decays[/]: its carriers tunnel away in {time}; the "
        f"Universe is 10^{age}/(√λ v) old for {whose}.",
        "falls apart": "[bold dark_orange3]✗ It falls apart[/]: no barrier holds the last carriers "
        f"on the string; they are gone in {time}.",
    }[found.verdict]
    for mass, life in decays.items():
        if life.shortest < found.target and found.verdict == "lasts":
            firm = "may go" if life.longest > found.target else "go"
            verdict = (
                f"[bold dark_orange3]✗ It decays[/]: its carriers {firm} into the particle of mass "
                f"{mass:g} v in {_time(life)}. Against escape alone it would last: {time}."
            )
            break
    console.print(verdict + "\n", highlight=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("against", "held by", "how firmly"):
        table.add_column(name)
    table.add_row("collapse", "the zero modes' pressure", "least mass at this radius")
    table.add_row(
        "breathing", "radiation of Goldstone bosons",
        f"Q = {found.Q:.3g} at ln 8R − 1.62 = {found.L:.3g}; period {found.breathing_period:.3g}",
    )  # fmt: skip
    limit = found.classical_limit
    table.add_row(
        "leaving classically",
        "the core's slope" + (" (thinner than 1/m: no limit)" if found.lam**0.5 > m else ""),
        f"up to {limit:.4g} v; k_F is {k / limit:.3g} of it",
    )
    table.add_row(
        "escape by tunnelling", "the mass outside",
        f"exponent {found.profile_exponent:.4g} (thin core: {found.exponent:.4g}); {time}",
    )  # fmt: skip
    table.add_row(
        "decay into other particles", "their mass M",
        f"exp(−(M/M*)³) above M* = {found.heaviest_final_state:.3g} v; below, only small couplings",
    )  # fmt: skip
    for mass, life in decays.items():
        table.add_row(
            f"  into M = {mass:g} v", f"the mixing, ε = {mixing:g} v",
            f"exponent {float(found.suppression(mass)) if mass else 0.0:.4g}; {_time(life)}",
        )  # fmt: skip
    console.print(table)
    console.print("Not looked at: loops that are no circles, encounters, scattering.\n")
    for caution in found.cautions:
        console.print(f"! {caution}", highlight=False)
    if found.verdict != "lasts":
        console.print(
            f"With these couplings a vorton lasts from {least:.2g} carriers on."
            if least
            else "With these couplings no vorton below 10^30 carriers lasts; take a larger y.",
            highlight=False,
        )


def _time(life: Lifetime) -> str:
    """A lifetime as powers of ten."""
    low, high = life.seconds or (life.shortest, life.longest)
    unit = " s" if life.seconds else "/(√λ v)"
    if low == float("inf"):
        return "ever (heavier than k_F)"
    if high - low < 0.05:
        return f"10^{low:.1f}{unit}"
    return f"10^{low:.1f} to 10^{high:.1f}{unit}"


def _finite(value: Any) -> Any:
    """JSON has no infinity: None stands for it."""
    if isinstance(value, dict):
        return {key: _finite(x) for key, x in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(x) for x in value]
    return None if isinstance(value, float) and abs(value) == float("inf") else value


def _checked(function: Any, *arguments: Any, **options: Any) -> Any:
    """Call `function`; a mistake of the person is one sentence, without a traceback."""
    try:
        return function(*arguments, **options)
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise HalflifeError(str(error)) from None


def _write(figure: Figure, path: Path, quiet: bool) -> None:
    figure.update_layout(template="plotly_white")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(figure.to_html(include_plotlyjs=True), encoding="utf-8")
    except OSError as error:
        raise HalflifeError(f"{path} cannot be written: {error.strerror}.") from None
    typer.echo(f"The plot is in {path}", err=quiet)
