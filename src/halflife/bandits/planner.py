"""The next budgets, one period after another, from a fit and what came of the budgets before.

A `Planner` is HoldUCB's idea for people. It starts from what a log says (`Fit`): a Gaussian belief
about the baseline and the long-run pay of each channel. It recommends the spends whose pay, seen
with optimism, is largest within the budget and the limits, keeps to them until it has learned
something, and learns only from outcomes that earlier spends no longer disturb.

Its file is an SQLite database. Each step is one transaction, so that the file is whole whatever
happens to the process; a lock beside it keeps a second writer out, and falls with its process.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from filelock import FileLock, Timeout

from halflife.arguments import Array, number
from halflife.bandits.actions import budget as within
from halflife.bandits.identification import Fit
from halflife.bandits.outcome import outcome

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
SETTLED = 0.25
"""An outcome counts when earlier spends disturb it by less than this part of its noise."""
REACH = 200
"""Periods over which an effect is followed."""
GROWTH = 0.25
"""By how much det V must grow before the spends are chosen anew."""
TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE steps (
    id INTEGER PRIMARY KEY,
    recommended_at TEXT NOT NULL,
    budget REAL,
    recommended TEXT NOT NULL,
    spent TEXT,
    outcome REAL,
    observed_at TEXT,
    counted INTEGER,
    withdrawn_at TEXT
);
"""


class PlannerError(ValueError):
    """A step that cannot be taken; the message says why and what to do. Nothing has changed."""


@dataclass(frozen=True)
class Recommendation:
    """The spends of one period, and why.

    Attributes:
        id: Number of the step, from 1.
        spends: By channel.
        budget: What might have been spent at most; None for no limit but the channels' own.
        previous: The period before, by channel.
        pay: Long-run outcome per unit of spend, by channel: estimate, low and high end.
        now: The part of a channel's pay that comes in the same period, by channel; NaN if its
            pay has no clear sign.
        expected: Outcome of this period: estimate, low and high end, noise included.
        settled: Mean outcome per period if these spends are kept: estimate, low and high end.
        arriving: The part of this period's expected outcome that spends of earlier periods pay.
        counts: Whether the outcome will be learned from: earlier spends hardly disturb it.
        kept: Whether the spends are those of the period before.
        beyond: Channels whose spend is above all that the log has seen.
        confidence: Level of the intervals.
    """

    id: int
    spends: Mapping[str, float]
    budget: float | None
    previous: Mapping[str, float]
    pay: Mapping[str, tuple[float, float, float]]
    now: Mapping[str, float]
    expected: tuple[float, float, float]
    settled: tuple[float, float, float]
    arriving: float
    counts: bool
    kept: bool
    beyond: tuple[str, ...]
    confidence: float

    def __str__(self) -> str:
        width = max(map(len, (*self.spends, "channel")))
        lines = [
            f"Recommendation {self.id}: {'keep to' if self.kept else 'spend'} "
            f"{sum(self.spends.values()):,.6g}"
            + ("" if self.budget is None else f" of {self.budget:,.6g}"),
            f"{'channel':{width}}  {'spend':>10}  {'before':>10}  pays in the long run, per unit",
        ]
        for name, spend in self.spends.items():
            value, low, high = self.pay[name]
            part = self.now[name]
            at_once = "" if math.isnan(part) else f", {100 * part:.0f} % of it at once"
            lines.append(
                f"{name:{width}}  {spend:>10,.6g}  {self.previous[name]:>10,.6g}  "
                f"{value:.4g} [{low:.4g}, {high:.4g}]{at_once}"
            )
        level = f"{100 * self.confidence:.0f} %"
        (now, low, high), (kept, least, most) = self.expected, self.settled
        lines += [
            f"expected this period: {now:,.5g} [{low:,.5g}, {high:,.5g}], of which "
            f"{self.arriving:,.4g} arrives from earlier spends",
            f"expected once settled: {kept:,.5g} [{least:,.5g}, {most:,.5g}] per period ({level})",
        ]
        if not self.counts:
            lines.append("The outcome will not be learned from: earlier spends still disturb it.")
        if self.beyond:
            lines.append(f"Above all that the log has seen: {', '.join(self.beyond)}.")
        return "\n".join(lines)


class Planner:
    """Recommends spends, takes outcomes, and keeps everything in a file.

    Made by `Planner.create`, or `Planner.open` for a file that is there; a context manager. It
    takes the baseline to be what it was at the end of the log, and covariates to be at their mean:
    where a trend, a season or a price moves outcomes much, take its part off before `observe`.

    Attributes:
        path: The file.
        fit: What the log said.

    Example:
        >>> planner = Planner.create("plan.db", fitted)  # doctest: +SKIP
        >>> print(planner.recommend(budget=1000))  # doctest: +SKIP
        >>> planner.observe(123.4)  # doctest: +SKIP
    """

    def __init__(self, path: Path, lock: FileLock, database: sqlite3.Connection) -> None:
        """See `create` and `open`."""
        self.path = path
        self._lock, self._database = lock, database
        meta = dict(database.execute("SELECT name, value FROM meta"))
        self.fit = Fit.from_json(meta["fit"])
        settings: dict[str, Any] = json.loads(meta["settings"])
        self._low = np.array(settings["low"], dtype=np.float64)
        self._high = np.array(settings["high"], dtype=np.float64)
        self._exploration = float(settings["exploration"])
        self._max_change: float | None = settings["max_change"]
        self._belief(json.loads(meta["state"]))

    def _belief(self, state: Mapping[str, Any]) -> None:
        self._v = np.array(state["v"], dtype=np.float64)
        self._b = np.array(state["b"], dtype=np.float64)
        self._since = float(state["since"])

    @classmethod
    def create(
        cls,
        path: str | Path,
        fitted: Fit,
        *,
        limits: Mapping[str, tuple[float, float]] | None = None,
        exploration: float = 1.0,
        max_change: float | None = None,
    ) -> Planner:
        """Make a planner and its file.

        Args:
            path: The file to make.
            fitted: What `fit` found in a log.
            limits: Least and largest spend in a period by channel; 0 and the largest of the log
                where left out.
            exploration: How many standard errors of its pay a spend is credited with; 0 takes
                estimates for the truth and may never find out otherwise.
            max_change: The largest part by which a channel may change from a period to the next;
                None for no such limit.

        Raises:
            PlannerError: the file is there already, or another process is making it.
            ValueError: limits for an unknown channel, negative, or crossed.
        """
        where = Path(path)
        low, high = np.zeros(len(fitted.h)), np.array(fitted.largest)
        for name, (least, most) in (limits or {}).items():
            if name not in fitted.channels:
                raise ValueError(
                    f"limits names the channel {name!r}; there are: {', '.join(fitted.channels)}."
                )
            at = fitted.channels.index(name)
            low[at] = number(f"the lower limit of {name!r}", least, "[0, inf)")
            high[at] = number(f"the upper limit of {name!r}", most, f"[{float(low[at])!r}, inf)")
        number("exploration", exploration, "[0, inf)")
        if max_change is not None:
            number("max_change", max_change, "(0, inf)")
        scale = np.concatenate([[1.0], fitted.largest])
        covariance = fitted.covariance * np.outer(scale, scale)
        v = np.linalg.inv(covariance)
        mean = np.concatenate([[fitted.baseline], fitted.h]) * scale
        settings = {
            "low": low.tolist(),
            "high": high.tolist(),
            "exploration": float(exploration),
            "max_change": max_change,
        }
        state = {
            "v": v.tolist(),
            "b": (v @ mean).tolist(),
            "since": float(np.linalg.slogdet(v)[1]),
        }
        meta = {
            "schema": str(SCHEMA),
            "fit": fitted.to_json(),
            "settings": json.dumps(settings),
            "state": json.dumps(state),
        }
        where.parent.mkdir(parents=True, exist_ok=True)
        lock = _locked(where)
        try:
            if where.exists():
                raise PlannerError(
                    f"{where} is there already, and may hold outcomes. Open it, or choose another "
                    "file; nothing was changed."
                )
            part = where.with_name(f".{where.name}.{os.getpid()}")
            part.unlink(missing_ok=True)
            database = sqlite3.connect(part, isolation_level=None)
            database.executescript(TABLES)
            database.execute("BEGIN")
            database.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            database.execute("COMMIT")
            database.close()
            part.replace(where)
            return cls(where, lock, _connected(where))
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(cls, path: str | Path, *, expect: Fit | None = None) -> Planner:
        """Open a planner's file and go on where it stopped.

        Args:
            path: The file.
            expect: A fit whose channels the planner must have: a check against mixing up logs.

        Raises:
            PlannerError: there is no such file, it is no planner's, another process has it open,
                or it was made for other channels.
        """
        where = Path(path)
        if not where.is_file():
            raise PlannerError(
                f"There is no planner in {where}; make one from a log with `fit` and "
                "`Planner.create`, or on the command line with `halflife bandit fit`."
            )
        lock = _locked(where)
        try:
            try:
                database = _connected(where)
            except sqlite3.DatabaseError:
                raise PlannerError(f"{where} is not a planner's file.") from None
            try:
                row = database.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
                found = int(row[0])
            except (sqlite3.DatabaseError, TypeError, ValueError):
                database.close()
                raise PlannerError(f"{where} is not a planner's file.") from None
            if found != SCHEMA:
                database.close()
                raise PlannerError(
                    f"{where} has the schema {found}, this Halflife knows {SCHEMA}; open it with "
                    "the version that made it."
                )
            planner = cls(where, lock, database)
            if expect is not None and expect.channels != planner.fit.channels:
                planner.close()
                raise PlannerError(
                    f"{where} is a planner of {', '.join(planner.fit.channels)}, and the log has "
                    f"{', '.join(expect.channels)}; use another file for another configuration."
                )
            return planner
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        """Let another process have the file."""
        self._database.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels."""
        return self.fit.channels

    @property
    def estimate(self) -> tuple[Array, Array]:
        """(baseline, h) by now and its covariance, shapes (1 + d,) and (1 + d, 1 + d)."""
        scale = np.concatenate([[1.0], self.fit.largest])
        covariance = np.linalg.inv(self._v)
        mean = covariance @ self._b
        return mean / scale, covariance / np.outer(scale, scale)

    @property
    def pending(self) -> Recommendation | None:
        """The recommendation that waits for its outcome."""
        row = self._pending_row()
        return None if row is None else self._explained(*row)

    def recommend(self, budget: float | None = None) -> Recommendation:
        """The spends of the next period; the same ones until their outcome is observed.

        Args:
            budget: The most that may be spent in all; None for no limit but the channels' own.

        Raises:
            PlannerError: another budget's recommendation waits for its outcome, or no spends keep
                within the budget, the limits and `max_change`.
            ValueError: the budget is negative or no number.
        """
        if budget is not None:
            budget = number("budget", budget, "[0, inf)")
        waiting = self._pending_row()
        if waiting is not None:
            number_, total, _ = waiting
            if budget is not None and budget != total:
                said = "no limit" if total is None else f"a budget of {total:g}"
                raise PlannerError(
                    f"Recommendation {number_} for {said} waits for its outcome: observe it, or "
                    "withdraw it, and then ask for another budget."
                )
            return self._explained(*waiting)
        spends, since = self._chosen(budget)
        with self._transaction():
            self._keep({"v": self._v.tolist(), "b": self._b.tolist(), "since": since})
            done = self._database.execute(
                "INSERT INTO steps (recommended_at, budget, recommended) VALUES (?, ?, ?)",
                (_now(), budget, json.dumps(spends.tolist())),
            )
        assert done.lastrowid is not None
        return self._explained(done.lastrowid, budget, spends)

    def observe(
        self,
        result: float,
        *,
        step: int | None = None,
        spent: Mapping[str, float] | None = None,
    ) -> bool:
        """Take the outcome of the recommendation that waits for it.

        Args:
            result: The outcome of the period.
            step: Number of the recommendation. An outcome that was taken already is then welcome
                again, and changes nothing.
            spent: What was spent in truth, by channel, where it differs.

        Returns:
            Whether it was learned from: not if earlier spends still disturbed it.

        Raises:
            PlannerError: nothing waits for an outcome, another recommendation does, or the
                same one has another outcome already.
            ValueError: the outcome is no finite number, or a spend is negative or of no channel.
        """
        y = outcome(result)
        if step is not None:
            row = self._database.execute(
                "SELECT outcome, counted FROM steps WHERE id = ? AND withdrawn_at IS NULL", (step,)
            ).fetchone()
            if row is None:
                raise PlannerError(f"There is no recommendation {step}.")
            if row[0] is not None:
                if row[0] == y:
                    return bool(row[1])
                raise PlannerError(
                    f"Recommendation {step} has the outcome {row[0]:g} already, not {y:g}; an "
                    "outcome that was learned from cannot be taken back."
                )
        waiting = self._pending_row()
        if waiting is None:
            raise PlannerError(
                "No recommendation waits for an outcome; ask for one first. The outcome was not "
                "taken."
            )
        at, _, recommended = waiting
        if step is not None and step != at:
            raise PlannerError(f"Recommendation {at} waits for its outcome, not {step}.")
        u = np.array(recommended)
        for name, value in (spent or {}).items():
            if name not in self.channels:
                raise ValueError(
                    f"spent names the channel {name!r}; there are: {', '.join(self.channels)}."
                )
            u[self.channels.index(name)] = number(f"the spend on {name!r}", value, "[0, inf)")
        counted = self._counts(u)
        v, b = self._v, self._b
        if counted:
            z = np.concatenate([[1.0], u / self.fit.largest])
            weight = self.fit.long_run_noise**-2
            v, b = v + weight * np.outer(z, z), b + weight * y * z
        state = {"v": v.tolist(), "b": b.tolist(), "since": self._since}
        with self._transaction():
            self._database.execute(
                "UPDATE steps SET spent = ?, outcome = ?, observed_at = ?, counted = ? "
                "WHERE id = ?",
                (json.dumps(u.tolist()), y, _now(), int(counted), at),
            )
            self._keep(state)
        return counted

    def withdraw(self) -> None:
        """Take the recommendation that waits for its outcome back: it was not followed at all.

        Raises:
            PlannerError: none waits.
        """
        waiting = self._pending_row()
        if waiting is None:
            raise PlannerError("No recommendation waits for an outcome, so none can be withdrawn.")
        with self._transaction():
            self._database.execute(
                "UPDATE steps SET withdrawn_at = ? WHERE id = ?", (_now(), waiting[0])
            )

    def history(self) -> pd.DataFrame:
        """Every step so far: one row each, the spends in columns named after the channels."""
        import pandas as pd

        rows = self._database.execute(
            "SELECT id, recommended_at, budget, recommended, spent, outcome, observed_at, counted,"
            " withdrawn_at FROM steps ORDER BY id"
        ).fetchall()
        records = [
            {
                "step": at,
                "recommended_at": said,
                "budget": total,
                **dict(zip(self.channels, json.loads(spent or recommended), strict=True)),
                "outcome": result,
                "observed_at": seen,
                "counted": None if counted is None else bool(counted),
                "withdrawn_at": withdrawn,
            }
            for at, said, total, recommended, spent, result, seen, counted, withdrawn in rows
        ]
        columns = ["step", "recommended_at", "budget", *self.channels, "outcome"]
        columns += ["observed_at", "counted", "withdrawn_at"]
        return pd.DataFrame(records, columns=columns)

    def _pending_row(self) -> tuple[int, float | None, Array] | None:
        row = self._database.execute(
            "SELECT id, budget, recommended FROM steps "
            "WHERE outcome IS NULL AND withdrawn_at IS NULL"
        ).fetchone()
        return None if row is None else (row[0], row[1], np.array(json.loads(row[2])))

    def _past(self) -> Array:
        """Spends of the periods before this one, newest last, shape (·, d)."""
        rows = self._database.execute(
            "SELECT spent FROM steps WHERE outcome IS NOT NULL ORDER BY id DESC LIMIT 60"
        ).fetchall()
        later = [json.loads(row[0]) for row in reversed(rows)]
        return np.vstack([self.fit.recent, *later])[-60:] if later else self.fit.recent

    def _before(self, periods: int) -> Array:
        """Spends 1, 2, … periods ago, shape (periods, d).

        Before the last 60 known ones they are taken to have been as the first of these.
        """
        past = self._past()[::-1]
        older = np.broadcast_to(past[-1], (periods - len(past), len(self.channels)))
        return np.vstack([past, older])

    def _arriving(self) -> float:
        """What earlier spends pay in this period: Σ_{s ≥ 1} ⟨h^{s}, u_{t−s}⟩."""
        return float(np.sum(self.fit.response(REACH)[1:] * self._before(REACH - 1)))

    def _disturbances(self, u: Array) -> Array:
        """What outcomes of this and later periods differ by from those of `u` for ever.

        Entry k is Σ_{s ≥ 1} ⟨h^{s+k}, u_{t−s} − u⟩: as if `u` were kept.
        """
        response, changed = self.fit.response(2 * REACH)[1:], self._before(REACH) - u
        return np.array(
            [float(np.sum(response[k : k + REACH] * changed)) for k in range(REACH - 1)]
        )

    def _counts(self, u: Array) -> bool:
        """Whether neither this outcome nor a later one is much disturbed, if `u` is kept."""
        worst = float(np.abs(self._disturbances(u)).max())
        return worst <= SETTLED * self.fit.noise

    def _bounds(self) -> tuple[Array, Array]:
        low, high = self._low, self._high
        if self._max_change is not None:
            last = self._past()[-1]
            step = self._max_change * np.where(last > 0, last, self.fit.typical)
            low, high = np.maximum(low, last - step), np.minimum(high, last + step)
            low = np.minimum(low, high)  # a last spend beyond a limit comes back to it at once
        return low, high

    def _chosen(self, budget: float | None) -> tuple[Array, float]:
        """The next spends, and log det V at the last choice."""
        low, high = self._bounds()
        total = math.inf if budget is None else budget
        try:
            actions = within(total, low=low, high=high)
        except ValueError as error:
            raise PlannerError(f"No spends fit this budget: {error}") from None
        logdet = float(np.linalg.slogdet(self._v)[1])
        last = self._past()[-1]
        stays = bool(np.any(np.all(np.isclose(actions.arms, last, rtol=1e-9), axis=1)))
        if stays and logdet < self._since + math.log1p(GROWTH) and self._steps_seen():
            return np.array(last), self._since
        mean, covariance = self.estimate
        wide = np.sqrt(
            np.maximum(np.einsum("ki,ij,kj->k", actions.arms, covariance[1:, 1:], actions.arms), 0)
        )
        value = actions.arms @ mean[1:] + self._exploration * wide
        return np.array(actions.arms[int(np.argmax(value))]), logdet

    def _steps_seen(self) -> bool:
        found = self._database.execute("SELECT 1 FROM steps WHERE outcome IS NOT NULL LIMIT 1")
        return found.fetchone() is not None

    def _explained(self, at: int, budget: float | None, spends: Array) -> Recommendation:
        from scipy.stats import norm

        mean, covariance = self.estimate
        sure = float(norm.ppf((1 + self.fit.confidence) / 2))
        errors = np.sqrt(np.diag(covariance))[1:]
        response = self.fit.response(REACH)
        total = response.sum(axis=0)
        z = np.concatenate([[1.0], spends])
        settled, doubt = float(mean @ z), float(np.sqrt(z @ covariance @ z))
        expected = settled + float(self._disturbances(spends)[0])
        noise = math.hypot(doubt, self.fit.noise)
        last = self._past()[-1]
        pays = zip(mean[1:], errors, strict=True)
        clear = [abs(h) > sure * error for h, error in zip(mean[1:], errors, strict=True)]
        return Recommendation(
            id=at,
            spends=dict(zip(self.channels, spends.tolist(), strict=True)),
            budget=budget,
            previous=dict(zip(self.channels, last.tolist(), strict=True)),
            pay={
                name: (float(h), float(h - sure * error), float(h + sure * error))
                for name, (h, error) in zip(self.channels, pays, strict=True)
            },
            now={
                name: float(response[0, j] / total[j]) if clear[j] and total[j] else math.nan
                for j, name in enumerate(self.channels)
            },
            expected=(expected, expected - sure * noise, expected + sure * noise),
            settled=(settled, settled - sure * doubt, settled + sure * doubt),
            arriving=self._arriving(),
            counts=self._counts(spends),
            kept=bool(np.allclose(spends, last, rtol=1e-9)),
            beyond=tuple(
                name
                for name, spend, most in zip(self.channels, spends, self.fit.largest, strict=True)
                if spend > most * (1 + 1e-9)
            ),
            confidence=self.fit.confidence,
        )

    def _keep(self, state: Mapping[str, Any]) -> None:
        self._database.execute(
            "UPDATE meta SET value = ? WHERE name = 'state'", (json.dumps(state),)
        )
        self._belief(state)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, on the disk before it returns."""
        before = (self._v, self._b, self._since)
        try:
            self._database.execute("BEGIN IMMEDIATE")
            yield
            self._database.execute("COMMIT")
        except BaseException as error:
            self._v, self._b, self._since = before
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise PlannerError(
                    f"{self.path} could not be written ({error}); nothing has changed. Make room "
                    "or mend its permissions, and do the step again."
                ) from None
            raise


def _locked(path: Path) -> FileLock:
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise PlannerError(
            f"{path} is open in another process; a planner has one writer at a time. Close it "
            "there, or wait."
        ) from None
    return lock


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous = FULL")
    return database


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
