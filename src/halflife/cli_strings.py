"""`halflife strings …`: is my vorton stable, and what is bound to my string, on the command line.

As in `cli.py`, everything but Typer is imported inside the commands.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from halflife.cli_shared import checked, place, save_figure
from halflife.errors import HalflifeError

if TYPE_CHECKING:
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
    mixing: Annotated[
        float | None,
        typer.Option(help="ε in v of H = ε² ∫ (ψ†χ + h.c.), for --into; 1e-3 if left out."),
    ] = None,
    as_json: AsJson = False,
    plot: Plot = None,
) -> None:
    """Say where a loop with N zero modes rests, whether it lasts, and what it can decay into."""
    import json

    from halflife.strings import vorton as predict

    _ends_in(plot, ".html")
    if mixing is not None and not into:
        raise HalflifeError("--mixing is how carriers mix with --into MASS; give that, too.")
    mixing = 1e-3 if mixing is None else mixing
    names = {"y": "--yukawa", "N": "--carriers", "mass": "--into"}
    found: Vorton = _asked(names, predict, lam, yukawa, carriers, scale=scale)
    decays = {mass: _asked(names, found.decay, mass, mixing) for mass in into or ()}
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
        save_figure(
            checked(lifetime_figure, lam, yukawa, scale=scale, upto=upto), plot, quiet=as_json
        )


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

    _ends_in(plot, ".html")
    pairs: tuple[Literal["attracted", "repelled"], ...] = ("attracted", "repelled")
    names = {"n": "--winding", "count": "--levels"}
    found = [
        _asked(names, bound_states, mass, l, n=winding, pair=pair, count=levels)
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

        figure = checked(bound_states_figure, mass, winding, levels=levels, momenta=momenta)
        save_figure(figure, plot, quiet=as_json)


@app.command()
def evolve(
    radius: Annotated[float, typer.Option(help="R0, where the loop starts, at rest.")] = 45.0,
    vorton_radius: Annotated[
        float, typer.Option(help="R_v, where its current would hold it; 0 for no current.")
    ] = 30.0,
    time: Annotated[
        float | None, typer.Option(help="How long; twenty times R_v if left out (four R0).")
    ] = None,
    spacing: Annotated[float, typer.Option(help="h of the grid, at most 0.6.")] = 0.5,
    mass: Annotated[
        float | None, typer.Option(help="m̂ of all carriers; heavy enough if left out.")
    ] = None,
    width: Annotated[float, typer.Option(help="w of the carriers, in core widths.")] = 1.0,
    groups: Annotated[int, typer.Option(help="Groups of levels of the Fermi sea.")] = 1,
    noise: Annotated[float, typer.Option(help="Long waves in the first phase, e.g. 0.01.")] = 0.0,
    seed: Annotated[int, typer.Option(help="What draws the noise.")] = 0,
    box: Annotated[
        float | None,
        typer.Option(help="Length of the box; if left out, nothing comes back."),
    ] = None,
    sponge: Annotated[float, typer.Option(help="Depth of a sponge before the open edge.")] = 0.0,
    film: Annotated[Path | None, typer.Option(help="GIF: field, energy density, R(t).")] = None,
    strip: Annotated[Path | None, typer.Option(help="PNG file: stills side by side.")] = None,
    pictures: Annotated[int, typer.Option(min=2, help="How many, for --film and --strip.")] = 60,
    checkpoint: Annotated[
        Path | None, typer.Option(help="File to keep the run in, and to go on from.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, or cuda.")] = "cpu",
    double: Annotated[bool, typer.Option("--double", help="Double precision.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a loop go on the lattice: watch it shrink, turn on its current, and settle."""
    import json
    import warnings

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from halflife.strings.loop.absorber import Absorber
    from halflife.strings.loop.evolve import Loop
    from halflife.strings.loop.film import film as write_film
    from halflife.strings.loop.film import strip as write_strip

    _ends_in(film, ".gif")
    _ends_in(strip, ".png")
    for path in (film, strip, checkpoint):
        place(path)
    names = {"R0": "--radius", "vorton_radius": "--vorton-radius", "mh": "--mass", "w": "--width"}
    names |= {"T": "--time", "h": "--spacing", "width": "--sponge"}
    more = {"mh": mass, "w": width, "groups": groups}
    loop = (
        _asked(names, Loop.around, vorton_radius, radius, **more)
        if vorton_radius
        else _asked(names, Loop, radius, **more)
    )
    T = time if time is not None else (20 * vorton_radius or 4 * radius)
    aside = Console(stderr=True)
    columns = (
        TextColumn("light crosses the box"), BarColumn(bar_width=24),
        TextColumn("{task.fields[crossed]:.2f} of {task.fields[of]:.2f} times"),
        TimeRemainingColumn(),
    )  # fmt: skip
    side, reached = box or radius + T / 2 + sponge, 0.0
    shown = Progress(*columns, console=aside, transient=True, disable=not aside.is_terminal)
    try:
        with shown as progress, _between_steps() as stop_if_asked:
            task = progress.add_task("", total=T, crossed=0.0, of=T / side)

            def watch(now: float, of: float) -> None:
                nonlocal reached
                reached = now
                progress.update(task, completed=now, crossed=now / side, of=of / side)
                stop_if_asked()

            with warnings.catch_warnings(record=True) as cautions:
                warnings.simplefilter("always", UserWarning)
                trace = _asked(
                    names,
                    loop.evolve,
                    T,
                    spacing,
                    box=box,
                    absorber=_asked(names, Absorber.sponge, sponge),
                    noise=noise,
                    seed=seed,
                    frames=pictures if film or strip else 0,
                    device=device,
                    dtype="float64" if double else "float32",
                    checkpoint=checkpoint,
                    watch=watch,
                )
    except KeyboardInterrupt:
        go_on = (
            "the same command goes on" if checkpoint else "with --checkpoint FILE it could go on"
        )
        aside.print(f"Stopped at t = {reached:.4g} of {T:g}; {go_on} from there.", highlight=False)
        raise
    for caution in cautions:
        aside.print(f"! {caution.message}", highlight=False)
    said = trace.summary()
    typer.echo(json.dumps(_finite(said), indent=2) if as_json else _told(said))
    for path, write in ((film, write_film), (strip, write_strip)):
        if path is not None:
            checked(write, trace, path)
            typer.echo(f"The pictures are in {path}", err=as_json)


def _asked(names: dict[str, str], function: Any, *arguments: Any, **options: Any) -> Any:
    """As `checked`; the sentence begins with the option, where an argument's name is another."""
    try:
        return checked(function, *arguments, **options)
    except HalflifeError as error:
        word = re.match(r"\w*", str(error))
        option = names.get(word.group()) if word else None
        raise HalflifeError(f"{option}: {error}" if option else str(error)) from None


def _ends_in(path: Path | None, suffix: str) -> None:
    """Refuse a file of another kind."""
    if path is not None and path.suffix.lower() != suffix:
        raise HalflifeError(f"{path} must end in {suffix}.")


@contextmanager
def _between_steps() -> Iterator[Callable[[], None]]:
    """Let Ctrl-C wait for a call of what is handed out; a second one does not wait."""
    import signal

    asked: list[int] = []

    def note(number: int, frame: object) -> None:
        del frame
        asked.append(number)
        signal.signal(signal.SIGINT, before)

    def stop_if_asked() -> None:
        if asked:
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, note)
    try:
        yield stop_if_asked
    finally:
        signal.signal(signal.SIGINT, before)


def _told(said: dict[str, Any]) -> str:
    """What came of a loop, in plain words."""
    lines = []
    if said["R_v"]:
        lines.append(
            f"A loop of radius {said['R0']:g} with a current that would hold it at "
            f"{said['R_v']:.4g} (L = ln 8R − 1.62 = {said['L']:.3g}; carriers of "
            f"m̂ = {said['mh']:.4g}, w = {said['w']:g})."
        )
    else:
        lines.append(f"A loop of radius {said['R0']:g} without a current (L = {said['L']:.3g}).")
    turns = [
        f"{R:.4g} at t = {t:.4g} (thin loop: {'gone' if thin is None else f'{thin:.4g}'})"
        for t, R, thin in zip(said["turn_t"], said["turn_R"], said["turn_R_thin"], strict=True)
    ]
    if turns:
        lines.append("It turned at " + ", ".join(turns) + ".")
    if said["vanished"] is not None:
        lines.append(f"It was gone at t = {said['vanished']:.4g}.")
    elif said["settled"] is not None:
        lines.append(
            f"It swings about {said['settled']:.4g} (fitted to {100 * said['residual']:.1g} %), "
            "and "
            + (
                f"its swing fades by e in a time of {1 / said['rate']:.3g}."
                if said["rate"] > 0
                else "its swing does not fade."
            )
        )
    else:
        lines.append(
            "It has not turned often enough to tell where it settles; give it more --time."
        )
    share = said["goldstone_share"]
    if share is not None and 0 <= share <= 1:
        lines.append(f"Of what left it {100 * share:.1f} % were Goldstone bosons.")
    elif share is not None and 1 < share < 1.5:
        lines.append(
            f"Radial waves brought {100 * (share - 1):.1f} % of what left it back in; all that "
            "left were Goldstone bosons."
        )
    else:
        lines.append("Too little has left it to tell what that is; give it more --time.")
    if said["parted"] is not None:
        lines.append(
            f"Its current left the string at t = {said['parted']:.4g}, so it is no vorton: "
            f"carriers went {said['separation']:.3g} core widths off, φ₁ changed sign up to "
            f"{said['crossings']} time{'s' * (said['crossings'] != 1)} in its plane."
        )
    elif said["R_v"]:
        lines.append(
            f"The carriers stayed within {said['separation']:.2g} core widths of the string; φ₁ "
            f"changed sign {said['crossings']} time{'s' * (said['crossings'] != 1)} in its plane."
        )
    lines.append(
        f"Energy book closed to {said['closure']:.1e}; box {said['box']:g}, nothing could be back "
        f"before t = {said['causal_until']:g}, ran to {said['until']:.4g}."
    )
    return "\n".join(lines)


def _tell(found: Vorton, decays: dict[float, Lifetime], mixing: float, least: float | None) -> None:
    """The answer in plain words, and a table of what it is stable against."""
    from rich.table import Table

    from halflife.console import console

    k, m = found.fermi_momentum, found.y
    console.print(
        f"{found.carriers:.6g} zero modes hold a loop of radius {found.R:.4g}/(√λ v). They fill "
        f"levels up to k_F = {k:.4g} v, {k / m:.4g} times the mass of the free fermion."
    )
    time = _time(found.escape)
    if found.scale:
        age = "the Universe is 10^17.6 s old"
    else:
        age = f"the Universe is 10^{found.target:.1f}/(√λ v) old "
        age += "if v is Planck's mass, younger if not"
    verdict = {
        "lasts": f"[bold blue]✓ It lasts[/]: its carriers stay for {time}; {age}.",
        "decays": f"[bold dark_orange3]✗ It decays[/]: its carriers tunnel away in {time}; {age}.",
        "falls apart": "[bold dark_orange3]✗ It falls apart[/]: no barrier holds the last carriers "
        f"on the string; they are gone in {time}.",
    }[found.verdict]
    mass, life = min(decays.items(), key=lambda one: one[1].shortest, default=(0.0, found.escape))
    if life.shortest < min(found.escape.shortest, found.target):
        go = "may go" if life.longest > found.target else "go"
        verdict = (
            f"[bold dark_orange3]✗ It decays[/]: its carriers {go} into the particle of mass "
            f"{mass:g} v in {_time(life)}; {age}. Against escape alone they would stay for {time}."
        )
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
            f"exponent {float(found.suppression(mass)):.4g}; {_time(life)}",
        )  # fmt: skip
    console.print(table)
    console.print("Not looked at: loops that are no circles, encounters, scattering.\n")
    for caution in found.cautions:
        console.print(f"! {caution}", highlight=False)
    if found.verdict != "lasts":
        console.print(
            f"Against escape alone, with these couplings a vorton lasts from {least:.2g} carriers "
            "on."
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
    """JSON has no infinity and no NaN: None stands for them."""
    if isinstance(value, dict):
        return {key: _finite(x) for key, x in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(x) for x in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
