"""`halflife bandit …`: from a spend log to the next budget, on the command line.

As in `cli.py`, everything but Typer is imported inside the commands.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from halflife.cli_shared import checked, save, save_figure
from halflife.errors import HalflifeError, UnknownNameError

if TYPE_CHECKING:
    from halflife.bandits import Fit

app = typer.Typer(
    help="Plan spends whose effect comes late: fit a log, then recommend and observe.",
    no_args_is_help=True,
)

State = Annotated[
    Path, typer.Option("--state", help="The planner's file; everything that is known is in it.")
]
DEFAULT = Path("bandit.db")
AGENTS = ("HoldUCB", "DynLinUCB", "LinUCB", "DLinUCB", "AR2", "Exp3", "Exp3K")


@app.command()
def example(
    output: Annotated[Path, typer.Argument(help="CSV file to write.")] = Path("spend.csv"),
) -> None:
    """Write a log to try the other commands on: three channels, three years of weeks."""
    from halflife.bandits import example_log

    if output.exists():
        raise HalflifeError(f"{output} is there already; name another file.")
    save(output, example_log().to_csv(index=False))
    typer.echo(f"The log is in {output}; next: halflife bandit fit {output}")


@app.command()
def fit(
    log: Annotated[
        Path,
        typer.Argument(
            help="CSV or Parquet: one row a period, with a date, an outcome, a column a channel."
        ),
    ],
    date: Annotated[str, typer.Option(help="Column of dates.")] = "date",
    outcome: Annotated[str, typer.Option(help="Column of outcomes.")] = "outcome",
    channels: Annotated[
        str | None, typer.Option(help="Columns of spends, by commas; all others if left out.")
    ] = None,
    covariates: Annotated[
        str | None, typer.Option(help="Columns that also move the outcome, by commas.")
    ] = None,
    lags: Annotated[int | None, typer.Option(help="Past periods in the model.")] = None,
    trend: Annotated[bool, typer.Option("--trend", help="The outcome has a trend.")] = False,
    season: Annotated[float | None, typer.Option(help="Periods in a season, e.g. 52.")] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="Least and largest spend of a channel: tv=0:500. May be repeated."),
    ] = None,
    max_change: Annotated[
        float | None, typer.Option(help="Largest part by which a spend may change a period.")
    ] = None,
    exploration: Annotated[
        float, typer.Option(help="Standard errors of optimism; 0 trusts the estimates.")
    ] = 1.0,
    state: State = DEFAULT,
    plot: Annotated[Path | None, typer.Option(help="HTML file for the responses.")] = None,
) -> None:
    """Say what each channel pays in the long run, and make a planner that goes on from there."""
    from halflife import bandits

    if state.exists():  # checked before the work, and again when the file is made
        found = checked(
            bandits.fit, log, **_columns(date, outcome, channels, covariates), bootstrap=0
        )
        with checked(bandits.Planner.open, state, expect=found) as planner:
            steps = len(planner.history())
        raise HalflifeError(
            f"{state} is a planner already, with {steps} recommendations. Name another file by "
            "--state, or move that one away; nothing was changed."
        )
    found = _fitted(
        log,
        **_columns(date, outcome, channels, covariates),
        lags=lags,
        trend=trend,
        season=season,
    )
    typer.echo(str(found))
    if plot is not None:
        save_figure(bandits.response_figure(found), plot)
    limits = dict(_limit(text) for text in limit or ())
    checked(
        bandits.Planner.create,
        state,
        found,
        limits=limits,
        exploration=exploration,
        max_change=max_change,
    ).close()
    typer.echo(f"The planner is in {state}; next: halflife bandit recommend --budget AMOUNT")


@app.command()
def recommend(
    budget: Annotated[
        float | None, typer.Option(help="The most that may be spent in the next period.")
    ] = None,
    state: State = DEFAULT,
) -> None:
    """Recommend the next period's spends, with reasons; the same until their outcome is known."""
    from halflife.bandits import Planner

    with checked(Planner.open, state) as planner:
        typer.echo(str(checked(planner.recommend, budget)))


@app.command(context_settings={"ignore_unknown_options": True})
def observe(
    outcome: Annotated[float, typer.Argument(help="What came of the period.")],
    spent: Annotated[
        list[str] | None,
        typer.Option(help="What was spent in truth, if not as recommended: tv=480. Repeatable."),
    ] = None,
    step: Annotated[
        int | None, typer.Option(help="Number of the recommendation; then repeating is harmless.")
    ] = None,
    state: State = DEFAULT,
) -> None:
    """Take the outcome of the recommendation that waits for it."""
    from halflife.bandits import Planner

    really = dict(_amount(text) for text in spent or ())
    with checked(Planner.open, state) as planner:
        counted = checked(planner.observe, outcome, step=step, spent=really)
    typer.echo(
        "Taken, and learned from."
        if counted
        else "Taken; not learned from, as earlier spends still disturbed it."
    )


@app.command()
def withdraw(state: State = DEFAULT) -> None:
    """Take the recommendation that waits for its outcome back."""
    from halflife.bandits import Planner

    with checked(Planner.open, state) as planner:
        checked(planner.withdraw)
    typer.echo("Withdrawn.")


@app.command()
def history(
    state: State = DEFAULT,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="CSV file to write.")
    ] = None,
) -> None:
    """Show every recommendation and outcome so far."""
    from halflife.bandits import Planner

    with checked(Planner.open, state) as planner:
        steps = planner.history()
    if output is None:
        typer.echo("There are no steps yet." if steps.empty else steps.to_string(index=False))
    else:
        save(output, steps.to_csv(index=False))
        typer.echo(f"The steps are in {output}")


@app.command()
def simulate(
    system: Annotated[
        str,
        typer.Argument(help="synthetic, advertising, or a planner's file: the system of its log."),
    ] = "advertising",
    agents: Annotated[
        str, typer.Option(help=f"By commas; there are: {', '.join(AGENTS)}.")
    ] = "HoldUCB,DynLinUCB,LinUCB",
    rounds: Annotated[int, typer.Option(min=20, help="Rounds of each run.")] = 100_000,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each agent.")] = 30,
    budget: Annotated[
        float | None, typer.Option(help="The most that may be spent in a round.")
    ] = None,
    plot: Annotated[Path, typer.Option(help="HTML file for a plot of regret.")] = Path(
        "regret.html"
    ),
) -> None:
    """Play agents on a system and compare what they lose beside the best constant spend."""
    import numpy as np
    from rich.console import Console
    from rich.progress import Progress

    from halflife import bandits

    chosen = [name.strip() for name in agents.split(",") if name.strip()]
    for name in chosen:
        if name not in AGENTS:
            raise UnknownNameError("agent", name, AGENTS)
    if system in ("synthetic", "advertising"):
        bandit: Any = getattr(bandits, system)()
        total, unit = 1.5 if budget is None else budget, np.ones(3)
        actions = checked(bandits.budget, total, low=np.zeros(3), high=unit)
    else:
        with checked(bandits.Planner.open, Path(system)) as planner:
            fitted = planner.fit
        # In units of each channel's largest spend: what agents know of norms suits actions near 1.
        plain, unit = fitted.system(), fitted.largest
        bandit = bandits.DynamicalLinearBandit(
            plain.A, plain.B * unit, plain.omega, plain.theta * unit, plain.reward_noise
        )
        total = float(unit.sum()) / 2 if budget is None else budget
        spends = checked(bandits.budget, total, low=np.zeros(bandit.d), high=unit)
        actions = bandits.finite(spends.arms / unit)
    known = bandits.Constants.of(bandit, actions)
    best, value = bandit.optimal(actions)
    typer.echo(
        f"best constant spend {np.round(best * unit, 4).tolist()}, which pays {value:.4g} a round"
    )
    runs = dict[str, Any]()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for name in chosen:
            task = progress.add_task(name, total=seeds)
            agent = checked(_agent, name, actions, known, rounds, bandit.reward_deviation)
            runs[name] = checked(
                bandits.simulate,
                bandit,
                agent,
                horizon=rounds,
                seeds=range(seeds),
                checkpoints=np.linspace(1, rounds, 60),
                watch=lambda done, of, task=task: progress.update(task, completed=done),
            )
    width = max(map(len, chosen))
    typer.echo(f"{'agent':{width}}  lost of the best: median [least, most]   changes of action")
    for name, one in runs.items():
        lost = 100 * one.final / (rounds * abs(value)) if value else np.full(seeds, np.nan)
        typer.echo(
            f"{name:{width}}  {np.median(lost):6.2f} % [{lost.min():.2f}, {lost.max():.2f}]"
            f"   {np.median(one.changes):,.0f}"
        )
    save_figure(bandits.regret_figure(runs), plot)


def _agent(name: str, actions: Any, known: Any, rounds: int, noise: float) -> Any:
    from halflife import bandits

    if name == "AR2":
        alpha = min(max(known.rho, 0.01), 0.99)
        return bandits.AR2(actions, alpha=alpha, sigma=max(noise, 1e-6))
    return getattr(bandits, name)(actions, known, horizon=rounds)


def _columns(
    date: str, outcome: str, channels: str | None, covariates: str | None
) -> dict[str, Any]:
    def names(text: str) -> list[str]:
        return [part.strip() for part in text.split(",") if part.strip()]

    return {
        "date": date,
        "outcome": outcome,
        "channels": None if channels is None else names(channels),
        "covariates": names(covariates or ""),
    }


def _fitted(log: Path, **options: Any) -> Fit:
    from rich.console import Console
    from rich.progress import Progress

    from halflife.bandits import fit as estimate

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("intervals", total=200)
        found: Fit = checked(
            estimate,
            log,
            bootstrap=200,
            watch=lambda done, of: progress.update(task, completed=done),
            **options,
        )
    return found


def _limit(text: str) -> tuple[str, tuple[float, float]]:
    name, equals, ends = text.rpartition("=")
    low, colon, high = ends.partition(":")
    try:
        if not equals or not colon:
            raise ValueError
        return name, (float(low), float(high))
    except ValueError:
        raise HalflifeError(
            f"{text!r} is no limit; write channel=least:largest, as tv=0:500."
        ) from None


def _amount(text: str) -> tuple[str, float]:
    name, equals, amount = text.rpartition("=")
    try:
        if not equals:
            raise ValueError
        return name, float(amount)
    except ValueError:
        raise HalflifeError(f"{text!r} is no spend; write channel=amount, as tv=480.") from None
