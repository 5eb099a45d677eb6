"""The command `halflife`: a thin face over the rest.

Everything but Typer is imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from halflife import __version__, cli_bandits, cli_schedules, cli_strings
from halflife.errors import HalflifeError

if TYPE_CHECKING:
    from halflife.lab import Claim, Scale

app = typer.Typer(
    name="halflife",
    help="Papers you can run: each claim is a program that ends in a verdict.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

PaperName = Annotated[str, typer.Argument(help="A paper's slug, or a Python file with a paper.")]
ScaleName = Annotated[str, typer.Option(help="How much work: smoke, laptop, gpu or paper.")]


def main() -> None:
    """Run the command line; a person's mistake is one sentence and status 2, no traceback."""
    try:
        app()
    except HalflifeError as error:
        typer.secho(str(error), err=True, fg="red")
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def papers() -> None:
    """List the papers."""
    from rich.table import Table

    from halflife.console import console
    from halflife.papers import papers as all_papers

    table = Table("slug", "title", "arXiv", "claims", box=None, header_style="bold")
    for paper in all_papers().values():
        table.add_row(paper.slug, paper.title, paper.arxiv, str(len(paper.claims)))
    console.print(table)


@app.command()
def show(paper: PaperName) -> None:
    """Show a paper: what it says, its claims, and their verdicts so far."""
    from halflife.console import show_paper
    from halflife.lab import Store
    from halflife.papers import get

    found = get(paper)
    show_paper(found, Store().findings([found.slug]))


@app.command()
def run(
    paper: Annotated[
        str | None, typer.Argument(help="A paper's slug, or a Python file; all papers if left out.")
    ] = None,
    claim: Annotated[str | None, typer.Option(help="Only this claim.")] = None,
    scale: ScaleName = "laptop",
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes; if left out, one for each core, at gpu scale one."),
    ] = None,
    fresh: Annotated[bool, typer.Option(help="Run finished trials again.")] = False,
) -> None:
    """Run claims and judge them; finished trials are kept and never run twice.

    Ends with status 1 if a trial failed.
    """
    from halflife.console import Progress, show_findings
    from halflife.lab import Store
    from halflife.lab import run as run_claims

    claims = _claims(paper, claim, _scale(scale))
    store = Store()
    try:
        with Progress() as progress:
            runs = run_claims(
                claims, scale, store=store, workers=workers, fresh=fresh, watcher=progress
            )
    except KeyboardInterrupt:
        progress.interrupted()
        raise
    mine = {(r.claim.paper, r.claim.name) for r in runs}
    show_findings([f for f in store.findings() if (f.paper, f.claim) in mine and f.scale == scale])
    if any(r.failed for r in runs):
        progress.failures(store, [r for r in runs if r.failed])
        raise typer.Exit(1)


@app.command()
def verdicts(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """List the newest verdict of each claim at each scale."""
    from halflife.console import show_findings
    from halflife.lab import Store
    from halflife.lab.report import to_json

    findings = Store().findings()
    if as_json:
        typer.echo(to_json(findings))
    else:
        show_findings(findings)


@app.command()
def report(
    papers: Annotated[
        list[str] | None, typer.Argument(help="Slugs or Python files; all papers if left out.")
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="File to write; .html, .md or .json.")
    ] = Path("halflife-report.html"),
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the report: verdicts, rules, plots and environments, in one file."""
    from halflife.lab import Store
    from halflife.lab.report import write
    from halflife.papers import get
    from halflife.papers import papers as all_papers

    chosen = [get(name) for name in papers] if papers else list(all_papers().values())
    write(output, chosen, Store().findings([p.slug for p in chosen] if papers else None))
    typer.echo(f"The report is in {output}")
    if open_it:
        typer.launch(output.resolve().as_uri())


app.add_typer(cli_schedules.app, name="schedule")
app.command()(cli_schedules.refine)
app.add_typer(cli_bandits.app, name="bandit")
app.add_typer(cli_strings.app, name="strings")


@app.command()
def doctor() -> None:
    """Say what this machine has, and what each missing part would unlock."""
    from halflife.doctor import examine

    examine()


def _scale(name: str) -> Scale:
    from halflife.errors import UnknownNameError
    from halflife.lab import Scale

    if name not in list(Scale):
        raise UnknownNameError("scale", name, list(Scale))
    return Scale(name)


def _claims(paper: str | None, claim: str | None, scale: Scale) -> list[Claim]:
    """The claims that a person asked for, at a scale that they have."""
    from halflife.papers import get
    from halflife.papers import papers as all_papers

    if claim is not None:
        if paper is None:
            raise HalflifeError("Say which paper the claim is of: halflife run PAPER --claim CLAIM")
        found = get(paper)[claim]
        found.study(scale)  # complains if it has no such scale
        return [found]
    chosen = [get(paper)] if paper is not None else list(all_papers().values())
    claims = [c for p in chosen for c in p.claims.values() if scale in c.scales]
    if not claims:
        has = sorted({str(s) for p in chosen for c in p.claims.values() for s in c.scales})
        raise HalflifeError(
            f"No claim of {paper or 'any paper'} has a {scale} scale; there is: {', '.join(has)}."
        )
    return claims
