"""What the subcommands of `halflife` share: a person's mistakes, and files that they asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from halflife.errors import HalflifeError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def checked(function: Any, *arguments: Any, **options: Any) -> Any:
    """Call `function`; a mistake of the person is one sentence, without a traceback."""
    try:
        return function(*arguments, **options)
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise HalflifeError(str(error)) from None


def place(path: Path | None) -> None:
    """See to the folder of a file that is written at the end of long work, or say now that not."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HalflifeError(f"{path} cannot be written: {error.strerror}.") from None
    if path.is_dir():
        raise HalflifeError(f"{path} cannot be written: it is a folder.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise HalflifeError(f"{path} cannot be written: Permission denied.")


def save(path: Path, text: str) -> None:
    """Write a file, in a folder that need not be there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HalflifeError(f"{path} cannot be written: {error.strerror}.") from None


def save_figure(figure: Figure, path: Path, *, quiet: bool = False) -> None:
    """Write a plot as a page of its own, and say where it is: on stderr if `quiet`."""
    figure.update_layout(template="plotly_white")
    save(path, figure.to_html(include_plotlyjs=True))
    typer.echo(f"The plot is in {path}", err=quiet)
