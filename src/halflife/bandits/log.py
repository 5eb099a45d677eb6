"""A spend log: what was spent on each channel in each period, and what came of it.

The schema: one row a period, with a column of dates, one column with the outcome, and one column of
spends for each channel; further columns may be named as covariates. Periods are days, weeks, months
or any other fixed step, and none is missing. Rows may be in any order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from halflife.arguments import Array

if TYPE_CHECKING:
    import pandas as pd


class LogError(ValueError):
    """A log that cannot be used as it is; the message says what to mend."""


@dataclass(frozen=True, eq=False)
class Log:
    """A log that was checked.

    Attributes:
        channels: Names of the d channels.
        dates: Of the T periods, in order, as ISO text.
        spends: Shape (T, d), none negative.
        outcome: Shape (T,).
        covariates: Shape (T, c).
        covariate_names: Names of the c covariates.
    """

    channels: tuple[str, ...]
    dates: tuple[str, ...]
    spends: Array
    outcome: Array
    covariates: Array
    covariate_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.outcome)


def read_log(
    source: str | Path | pd.DataFrame,
    *,
    date: str = "date",
    outcome: str = "outcome",
    channels: Iterable[str] | None = None,
    covariates: Iterable[str] = (),
) -> Log:
    """Read and check a log.

    Args:
        source: A CSV or Parquet file (Parquet needs pyarrow), or a data frame.
        date: Name of the column of dates.
        outcome: Name of the column with what came of it: sales, sign-ups, revenue.
        channels: Names of the columns of spends; all columns that are left, if left out.
        covariates: Names of columns of numbers that also move the outcome: prices, holidays.

    Raises:
        LogError: a column is missing or holds no numbers, a period is missing or stands twice, a
            spend is negative, a value is missing. The message names the column, the date and the
            remedy.
        FileNotFoundError: there is no such file.
        ImportError: Parquet without pyarrow.
    """
    import pandas as pd

    frame = source if isinstance(source, pd.DataFrame) else _read(Path(source))
    there = [str(column) for column in frame.columns]
    frame = frame.set_axis(there, axis=1)
    named = list(covariates)
    taken = list(channels) if channels is not None else None
    for role, name in [
        ("date", date),
        ("outcome", outcome),
        *(("channel", c) for c in taken or ()),
        *(("covariate", c) for c in named),
    ]:
        if name not in there:
            raise LogError(
                f"The log has no column {name!r} for the {role}; its columns are: "
                f"{', '.join(there)}. Name the right one by {role}={'s' * (role[0] == 'c')}…"
            )
    if taken is None:
        taken = [column for column in there if column not in {date, outcome, *named}]
    if not taken:
        raise LogError("The log has no channel: give it a column of spends besides date, outcome.")
    if len({date, outcome, *taken, *named}) < 2 + len(taken) + len(named):
        raise LogError("A column is named for two purposes; each has one.")
    if frame.empty:
        raise LogError("The log has no rows.")

    dates = _dates(frame[date], date)
    order = np.argsort(dates.to_numpy(), kind="stable")
    dates = dates.iloc[order].reset_index(drop=True)
    frame = frame.iloc[order].reset_index(drop=True)
    _no_gap(dates)
    text = tuple(str(day.date()) if day == day.normalize() else str(day) for day in dates)
    columns = {name: _numbers(frame[name], name, text) for name in (*taken, outcome, *named)}
    for name in taken:
        if (columns[name] < 0).any():
            at = int(np.argmax(columns[name] < 0))
            raise LogError(
                f"The spend on {name!r} is {columns[name][at]:g} on {text[at]}; spends are not "
                "negative. Book a refund in the period of its spend."
            )
    empty = np.empty((len(frame), 0))
    return Log(
        channels=tuple(taken),
        dates=text,
        spends=np.column_stack([columns[name] for name in taken]),
        outcome=columns[outcome],
        covariates=np.column_stack([columns[name] for name in named]) if named else empty,
        covariate_names=tuple(named),
    )


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    if path.suffix.lower() in (".parquet", ".pq"):
        try:
            return pd.read_parquet(path)
        except ImportError:
            raise ImportError(
                f"Reading {path} needs pyarrow: pip install pyarrow, or save the log as CSV."
            ) from None
    try:
        return pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise LogError(f"{path} cannot be read as CSV: {error}") from None


def _dates(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        raise LogError(f"The column {name!r} holds numbers, not dates; write 2026-01-31.")
    try:
        found = pd.to_datetime(column, format="mixed", errors="raise")
    except (ValueError, TypeError):
        one = next((v for v in column if pd.isna(pd.to_datetime(v, errors="coerce"))), None)
        raise LogError(f"{one!r} in the column {name!r} is no date; write 2026-01-31.") from None
    if found.isna().any():
        row = int(np.argmax(found.isna().to_numpy())) + 1
        raise LogError(f"The column {name!r} lacks the date of row {row}.")
    return found


def _no_gap(dates: pd.Series[Any]) -> None:
    """Raises LogError if a period stands twice or is missing."""
    import pandas as pd

    if dates.duplicated().any():
        twice = dates[dates.duplicated()].iloc[0]
        raise LogError(f"{twice.date()} stands twice in the log; add the rows of a period up.")
    if len(dates) < 3:
        return
    months = dates.dt.year * 12 + dates.dt.month
    steps = dates.diff().dropna()
    usual = steps.mode().iloc[0]
    if usual >= pd.Timedelta(days=28) and usual <= pd.Timedelta(days=31):
        jumps, one = months.diff().dropna(), 1
    else:
        jumps, one = steps, usual
    if (jumps == one).all():
        return
    at = int(np.argmax((jumps != one).to_numpy()))
    before, after = dates.iloc[at].date(), dates.iloc[at + 1].date()
    step = "a month" if one == 1 else f"{usual.days} days" if usual.days else str(usual)
    raise LogError(
        f"The log goes from {before} to {after}, where its step elsewhere is {step}: a period is "
        "missing or ends on another day. Add the missing rows, with spend 0 where nothing was "
        "spent, and the outcome that there was."
    )


def _numbers(column: pd.Series[Any], name: str, dates: tuple[str, ...]) -> Array:
    import pandas as pd

    found = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(found)
    if bad.any():
        at = int(np.argmax(bad))
        value = column.iloc[at]
        what = "has no value" if pd.isna(value) else f"holds {value!r}, which is no number,"
        raise LogError(
            f"The column {name!r} {what} on {dates[at]}; fill it in, or end the log before it."
        )
    return found
