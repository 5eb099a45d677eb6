"""`halflife schedule …` and `halflife refine`: schedules on the command line.

As in `cli.py`, everything but Typer is imported inside the commands.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from halflife.cli_shared import checked, save, save_figure
from halflife.errors import HalflifeError, UnknownNameError

if TYPE_CHECKING:
    from halflife.schedules import Schedule

app = typer.Typer(help="Plot and explain learning-rate schedules.", no_args_is_help=True)

Specifications = Annotated[
    list[str],
    typer.Argument(
        metavar="SCHEDULE...",
        help="A profile (rex), one with arguments (rex:d=0.9), or a file that `refine -o` wrote.",
    ),
]
Total = Annotated[int, typer.Option(help="Number of updates of the run.")]
BARS = "▁▂▃▄▅▆▇█"


@app.command()
def plot(
    schedules: Specifications,
    total: Total = 1000,
    output: Annotated[Path, typer.Option("-o", "--output", help="HTML file to write.")] = Path(
        "schedules.html"
    ),
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Draw schedules over a run: a sketch here, and a plot in an HTML file."""
    from halflife.schedules import figure

    chosen = {spec: parse(spec) for spec in schedules}
    width = max(map(len, chosen))
    for spec, schedule in chosen.items():
        typer.echo(f"{spec:{width}}  {checked(sketch, schedule, total)}")
    save_figure(checked(figure, chosen, total), output)
    if open_it:
        typer.launch(output.resolve().as_uri())


@app.command()
def explain(schedules: Specifications, total: Total = 1000) -> None:
    """Say of schedules how they begin, peak and end, their mean and their half-life."""
    from halflife.schedules import explain as explained

    for spec in schedules:
        typer.echo(checked(explained, parse(spec), total))


def refine(
    log: Annotated[
        Path,
        typer.Argument(
            help="Log of a run with its gradient norms: trainer_state.json, metrics.csv, "
            "TensorBoard events, a W&B export or JSON lines."
        ),
    ],
    kind: Annotated[
        str, typer.Option(help="Optimizer of that run: sgd, adam or normalised.")
    ] = "sgd",
    tau: Annotated[float, typer.Option(help="Part of the run that the median spans.")] = 0.1,
    last: Annotated[str, typer.Option(help="zero ends at 0, skip one update before.")] = "zero",
    column: Annotated[str | None, typer.Option(help="Column or tag of the norms.")] = None,
    norm: Annotated[
        str | None, typer.Option(help="l1 or l2, if the column's name does not tell.")
    ] = None,
    total: Annotated[
        int | None, typer.Option(help="Updates of that run, if it went on after the last row.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Go on although the gradients vanished.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="JSON file for the schedule.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="HTML file for a plot.")] = None,
) -> None:
    """Make a better schedule for the next run from the gradient norms of the last one."""
    import warnings

    from halflife.schedules.refinement import figure, refine_log

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the report repeats them, as cautions
        schedule, report = checked(
            refine_log,
            log,
            kind=kind,
            tau=tau,
            last=last,
            column=column,
            norm=norm,
            total=total,
            force=force,
        )
    typer.echo(report)
    typer.echo(sketch(schedule, max(report.total, 2)))
    if output is not None:
        save(output, schedule.to_json() + "\n")
        typer.echo(f"The schedule is in {output}; Schedule.from_json(text) reads it.")
    if plot is not None:
        save_figure(figure(report), plot)


def parse(spec: str) -> Schedule:
    """The schedule that a person named: `rex`, `rex:d=0.9`, or a JSON file.

    Raises:
        HalflifeError: there is no such profile or file, or its arguments are wrong.
    """
    from halflife import schedules

    path = Path(spec)
    if path.suffix == ".json":
        if not path.is_file():
            raise HalflifeError(f"There is no file {path}.")
        read: Schedule = checked(schedules.Schedule.from_json, path.read_text(encoding="utf-8"))
        return read
    name, _, rest = spec.partition(":")
    public = {known: vars(schedules).get(known) for known in schedules.__all__}
    profiles = {known: value for known, value in public.items() if _makes_a_schedule(value)}
    if name not in profiles:
        raise UnknownNameError("schedule", name, profiles)
    arguments = dict(_argument(name, part) for part in rest.split(",") if part)
    made: Schedule = checked(profiles[name], **arguments)
    return made


def _makes_a_schedule(value: Any) -> bool:
    """Whether `value` is a profile, which needs numbers at most."""
    import inspect

    from halflife.schedules import Schedule

    if isinstance(value, type):
        return issubclass(value, Schedule) and value is not Schedule
    if not inspect.isfunction(value):
        return False
    needed = [p for p in inspect.signature(value).parameters.values() if p.default is p.empty]
    return str(value.__annotations__.get("return")).endswith("Schedule") and not needed


def _argument(name: str, part: str) -> tuple[str, Any]:
    import ast

    key, equals, text = part.partition("=")
    try:
        if not equals:
            raise ValueError
        return key.strip(), ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise HalflifeError(
            f"{part!r} is no argument of {name}; write name=number, as in rex:d=0.9."
        ) from None


def sketch(schedule: Schedule, total: int, width: int = 60) -> str:
    """A schedule as a line of bars, each at the middle of its part of the run."""
    import numpy as np

    steps = np.minimum(((np.arange(width) + 0.5) / width * total).astype(int), total - 1)
    heights = np.clip(schedule(steps, total), 0, 1) * (len(BARS) - 1)
    return "".join(BARS[round(float(height))] for height in heights)
