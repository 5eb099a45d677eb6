"""`Store`: the one way to runs, trials and verdicts.

A trial's row is also its lease: who wants to run the trial writes an owner and a heartbeat into the
row first, so that no two run the same trial at once, and a lease whose owner is gone can be taken
over. Knows nothing of how trials run.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import (
    LABEL_STYLE_TABLENAME_PLUS_COL,
    URL,
    ColumnElement,
    Connection,
    Engine,
    Row,
    and_,
    create_engine,
    delete,
    event,
    exc,
    func,
    insert,
    select,
    update,
)

from halflife.errors import HalflifeError
from halflife.lab.interrupts import held_interrupts
from halflife.lab.paper import Claim
from halflife.lab.scale import Scale
from halflife.lab.store import owner, schema
from halflife.lab.store.location import database_url, parse
from halflife.lab.store.migrate import migrate
from halflife.lab.study import Metrics, Trial, canonical
from halflife.lab.verdicts.verdict import Verdict

STALE = 60.0
"""Seconds without a heartbeat after which a lease from another machine is taken for dead."""
PATIENCE = 120.0
"""Seconds for which a database that went away during a run is waited for."""

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """A verdict with all that a reader needs beside it.

    Attributes:
        paper, claim, version, scale: What was studied.
        verdict, rule, figure: The verdict, the rule's sentence, the plot (Plotly's JSON).
        made: When, in seconds since the epoch.
        environment: Versions, processor, threads, git commit of the run that ended in it.
        ran, cached, failed: Trials that this run executed, found in the store, saw raise.
        seconds: How long the run took.
    """

    paper: str
    claim: str
    version: int
    scale: Scale
    verdict: Verdict
    rule: str
    figure: dict[str, Any] | None
    made: float
    environment: dict[str, Any]
    ran: int
    cached: int
    failed: int
    seconds: float


@dataclass(frozen=True)
class FailedTrial:
    """A trial that raised: what it was asked, and its traceback."""

    parameters: Mapping[str, Any]
    seed: int
    traceback: str


class Store:
    """Runs, trials and verdicts in a database.

    Args:
        url: An SQLAlchemy URL; None takes `HALFLIFE_DB`, or an SQLite file in `HALFLIFE_HOME`.

    Raises:
        HalflifeError: the database cannot be reached, or a newer version of Halflife wrote it.
    """

    def __init__(self, url: str | URL | None = None) -> None:
        where = database_url() if url is None else parse(url) if isinstance(url, str) else url
        self.name = where.render_as_string(hide_password=True)
        try:
            self._engine = _engine(where)
        except (ModuleNotFoundError, exc.NoSuchModuleError) as error:
            raise HalflifeError(
                f"The store {self.name} needs a database driver that is not installed ({error}); "
                "for PostgreSQL, `pip install 'halflife[cluster]'`."
            ) from None
        try:
            with held_interrupts():
                migrate(self._engine)
            self._clock_offset = self._measure_clock()
        except (exc.DBAPIError, OSError) as error:
            self.close()
            remedy = (
                "is it a database of ours, on a disk that can be written to?"
                if where.get_backend_name() == "sqlite"
                else "is the server running, and is the URL right?"
            )
            raise HalflifeError(
                f"The store {self.name} cannot be opened ({_cause(error)}); {remedy}"
            ) from None
        except HalflifeError:
            self.close()
            raise

    def close(self) -> None:
        """Give back all connections."""
        self._engine.dispose()

    def _measure_clock(self) -> float:
        """How far a server's clock is ahead of ours, in seconds; machines differ, it does not."""
        if self._engine.dialect.name != "postgresql":
            return 0.0
        with self._reading() as db:
            theirs = db.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one()
        return float(theirs) - time.time()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Runs

    def begin_run(self, claim: Claim, scale: Scale, rule: str, facts: Mapping[str, Any]) -> str:
        """Note that a run of `claim` begins, with its rule's sentence and environment; its id."""
        run = uuid.uuid4().hex
        environment = hashlib.sha256(canonical(facts).encode()).hexdigest()
        values = {
            **_where(claim, scale),
            "id": run,
            "rule": rule,
            "environment": environment,
            "started": self.now(),
            "ran": 0,
            "cached": 0,
            "failed": 0,
        }

        def write(db: Connection) -> None:
            try:
                with db.begin_nested():
                    db.execute(
                        insert(schema.environments).values(id=environment, facts=dict(facts))
                    )
            except exc.IntegrityError:
                pass  # this environment has made a run before
            db.execute(insert(schema.runs).values(values))

        self._write(write)
        return run

    def end_run(self, run: str, *, ran: int, cached: int, failed: int) -> None:
        """Note that `run` is over, with its counts of trials."""
        self._execute(
            update(schema.runs)
            .where(schema.runs.c.id == run)
            .values(finished=self.now(), ran=ran, cached=cached, failed=failed)
        )

    def restart(self, claim: Claim, scale: Scale) -> None:
        """Let no trial of `claim` count that ended before now; until they run, old ones stay."""
        table, values = schema.restarts, _where(claim, scale)

        def write(db: Connection) -> None:
            db.execute(delete(table).where(*(table.c[k] == v for k, v in values.items())))
            db.execute(insert(table).values(**values, since=self.now()))

        self._write(write)

    def since(self, claim: Claim, scale: Scale) -> float:
        """The time from which trials of `claim` count: that of its last `restart`, or 0."""
        table = schema.restarts
        query = select(table.c.since).where(
            *(table.c[k] == v for k, v in _where(claim, scale).items())
        )
        with self._reading() as db:
            return float(db.execute(query).scalar() or 0.0)

    # Trials

    def results(self, claim: Claim, scale: Scale) -> dict[str, Metrics]:
        """Metrics by trial id of all trials of `claim` that ended well and count."""
        t = schema.trials.c
        mine = and_(_of(claim, scale), t.status == "done", t.finished >= self.since(claim, scale))
        return self._metrics(mine)

    def outcomes(self, trials: Sequence[Trial], since: float, begun: float) -> dict[str, Any]:
        """How trials that others run have ended: metrics by id, None for one that failed.

        Args:
            trials: The trials to look at.
            since: Results count from then on.
            begun: Failures count from then on; earlier ones are to be tried again.
        """
        t = schema.trials.c
        found: dict[str, Any] = {}
        for at in range(0, len(trials), 500):
            ids = t.id.in_([trial.id for trial in trials[at : at + 500]])
            found |= self._metrics(and_(ids, t.status == "done", t.finished >= since))
            failed = select(t.id).where(ids, t.status == "failed", t.finished >= begun)
            with self._reading() as db:
                found |= dict.fromkeys(db.execute(failed).scalars())
        return found

    def _metrics(self, which: ColumnElement[bool]) -> dict[str, Metrics]:
        t, a = schema.trials.c, schema.artifacts.c
        with self._reading() as db:
            found = {
                row.id: dict(row.metrics)
                for row in db.execute(select(t.id, t.metrics).where(which))
            }
            arrays = select(a.trial, a.name, a.content).join(schema.trials).where(which)
            for trial, name, content in db.execute(arrays):
                if trial in found:  # else it ended between the two queries
                    found[trial][name] = _unpack(content)
        return dict(found)

    def lease(self, trial: Trial, owner: str, since: float = 0.0, begun: float = 0.0) -> bool:
        """Take `trial` for `owner`, unless someone else who lives has it, or it has ended.

        A lease lasts until `finish`, `fail` or `release`, until its process is gone, or, if that
        is on another machine, until it has not been heard of for `STALE` seconds.

        Args:
            trial: The trial wanted.
            owner: Who wants it, from `owner.begin`.
            since: As for `outcomes`.
            begun: As for `outcomes`.
        """
        t = schema.trials.c
        now = self.now()
        with self._reading() as db:
            row = db.execute(
                select(t.status, t.finished, t.owner, t.heartbeat).where(t.id == trial.id)
            ).one_or_none()
        if row is None:
            values = {**_row(trial), "status": "leased", "owner": owner, "heartbeat": now}
            try:
                self._execute(insert(schema.trials).values(values))
            except exc.IntegrityError:
                return False  # someone was faster
            return True
        ended = (row.status == "done" and row.finished >= since) or (
            row.status == "failed" and row.finished >= begun
        )
        if ended or (row.owner is not None and _holds(row.owner, row.heartbeat, now)):
            return False
        unchanged = t.owner.is_(None) if row.owner is None else t.owner == row.owner
        take = update(schema.trials).where(t.id == trial.id, unchanged)
        return self._execute(take.values(owner=owner, heartbeat=now)) == 1

    def finish(
        self, trial: Trial, run: str, metrics: Metrics, seconds: float, code: str | None = None
    ) -> None:
        """Keep the metrics of `trial`, arrays as artifacts, and end its lease.

        Whoever holds the lease by now: a trial is pure, so one good result is as good as another.
        """
        arrays = {k: v for k, v in metrics.items() if isinstance(v, np.ndarray)}
        scalars = {k: v for k, v in metrics.items() if k not in arrays}
        t, a = schema.trials, schema.artifacts
        values = self._ended(run, "done", seconds, metrics=scalars, traceback=None, code=code)

        def write(db: Connection) -> None:
            if db.execute(update(t).where(t.c.id == trial.id).values(values)).rowcount == 0:
                db.execute(insert(t).values({**_row(trial), **values}))
            db.execute(delete(a).where(a.c.trial == trial.id))
            if arrays:
                rows = [
                    {"trial": trial.id, "name": name, "content": _pack(array)}
                    for name, array in arrays.items()
                ]
                db.execute(insert(a), rows)

        self._write(write)

    def fail(self, trial: Trial, run: str, traceback: str, seconds: float, owner: str) -> None:
        """Keep the traceback of `trial`, if `owner` still has it; the next run tries it again."""
        t = schema.trials
        text = traceback.replace("\0", "")  # which PostgreSQL would refuse
        values = self._ended(run, "failed", seconds, metrics=None, traceback=text)
        self._execute(update(t).where(t.c.id == trial.id, t.c.owner == owner).values(values))

    def _ended(self, run: str, status: str, seconds: float, **values: Any) -> dict[str, Any]:
        return {
            "status": status,
            "seconds": seconds,
            "host": socket.gethostname(),
            "run": run,
            "finished": self.now(),
            "owner": None,
            "heartbeat": None,
            **values,
        }

    def heartbeat(self, owner: str) -> None:
        """Say that `owner` is alive and still holds its leases."""
        t = schema.trials
        self._execute(update(t).where(t.c.owner == owner).values(heartbeat=self.now()))

    def release(self, owner: str) -> None:
        """Give up the leases of `owner`, so that others need not wait for them."""
        t = schema.trials
        mine = t.c.owner == owner
        self._execute(delete(t).where(mine, t.c.status == "leased"))
        self._execute(update(t).where(mine).values(owner=None, heartbeat=None))

    def origins(self, claim: Claim, scale: Scale) -> dict[str, tuple[str | None, dict[str, Any]]]:
        """By trial id: hash of the code that made the result, and the facts of its environment."""
        t, r, e = schema.trials.c, schema.runs.c, schema.environments.c
        with self._reading() as db:
            facts = {row.id: row.facts for row in db.execute(select(e.id, e.facts))}
            query = select(t.id, t.code, r.environment).join(schema.runs, r.id == t.run)
            rows = db.execute(query.where(_of(claim, scale)))
            return {row.id: (row.code, facts[row.environment]) for row in rows}

    def failures(self, claim: Claim, scale: Scale) -> list[FailedTrial]:
        """The trials of `claim` whose last attempt raised, oldest first."""
        t = schema.trials.c
        query = (
            select(t.parameters, t.seed, t.traceback)
            .where(_of(claim, scale), t.status == "failed")
            .order_by(t.finished)
        )
        with self._reading() as db:
            return [FailedTrial(*row) for row in db.execute(query)]

    def count_trials(self) -> dict[str, int]:
        """Number of trials by status."""
        t = schema.trials.c
        with self._reading() as db:
            rows = db.execute(select(t.status, func.count()).group_by(t.status))
            return {str(status): int(number) for status, number in rows}

    # Verdicts

    def record(
        self,
        run: str,
        claim: Claim,
        scale: Scale,
        verdict: Verdict,
        rule: str,
        figure: dict[str, Any] | None,
    ) -> None:
        """Keep the verdict that `run` ended in, with its rule's sentence and its plot."""
        self._execute(
            insert(schema.verdicts).values(
                id=uuid.uuid4().hex,
                run=run,
                **_where(claim, scale),
                outcome=str(verdict.outcome),
                verdict=verdict.to_dict(),
                rule=rule,
                figure=figure,
                made=self.now(),
            )
        )

    def findings(self, papers: Iterable[str] | None = None) -> list[Finding]:
        """The newest verdict of each claim at each scale, by paper, then by age of the claim."""
        v, r, e = schema.verdicts.c, schema.runs.c, schema.environments.c
        newest = select(
            v.id,
            func.row_number()
            .over(partition_by=(v.paper, v.claim, v.scale), order_by=(v.made.desc(), v.id))
            .label("rank"),
        ).subquery()
        query = (
            select(schema.verdicts, schema.runs, e.facts)
            .join(newest, newest.c.id == v.id)
            .join(schema.runs, r.id == v.run)
            .join(schema.environments, e.id == r.environment)
            .where(newest.c.rank == 1)
            .order_by(v.paper, v.made)
            .set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
        )
        if papers is not None:
            query = query.where(v.paper.in_(list(papers)))
        with self._reading() as db:
            return [_finding(row) for row in db.execute(query)]

    def earlier(self, claim: Claim, scale: Scale) -> list[tuple[str, Verdict]]:
        """Rule and verdict of all runs of `claim` so far, oldest first."""
        v = schema.verdicts.c
        query = select(v.rule, v.verdict).where(
            v.paper == claim.paper,
            v.claim == claim.name,
            v.version == claim.version,
            v.scale == str(scale),
        )
        with self._reading() as db:
            rows = db.execute(query.order_by(v.made))
            return [(rule, Verdict.from_dict(verdict)) for rule, verdict in rows]

    def now(self) -> float:
        """Seconds since the epoch by the clock that all users of this store share."""
        return time.time() + self._clock_offset

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with held_interrupts(), self._engine.connect() as db:
            yield db

    def _execute(self, statement: Any) -> int:
        return self._write(lambda db: int(db.execute(statement).rowcount))

    def _write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction, again and again for a while if the database is away."""
        end = time.monotonic() + PATIENCE
        for pause in itertools.chain((0.1, 0.3, 1.0), itertools.repeat(3.0)):
            try:
                with held_interrupts(), self._engine.begin() as db:
                    return work(db)
            except exc.OperationalError as error:
                if time.monotonic() > end:
                    raise HalflifeError(
                        f"The store {self.name} has been away for {PATIENCE:.0f} s "
                        f"({_cause(error)}); what had finished before is kept, and the same "
                        "command goes on from there."
                    ) from None
            time.sleep(pause)
        raise AssertionError("the pauses never end")


def _finding(row: Row[Any]) -> Finding:
    return Finding(
        paper=row.verdicts_paper,
        claim=row.verdicts_claim,
        version=row.verdicts_version,
        scale=Scale(row.verdicts_scale),
        verdict=Verdict.from_dict(row.verdicts_verdict),
        rule=row.verdicts_rule,
        figure=row.verdicts_figure,
        made=row.verdicts_made,
        environment=row.environments_facts,
        ran=row.runs_ran,
        cached=row.runs_cached,
        failed=row.runs_failed,
        seconds=(row.runs_finished or row.verdicts_made) - row.runs_started,
    )


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": 30})
        event.listen(engine, "connect", _set_pragmas)
        return engine
    arguments = {"connect_timeout": 10} if url.get_backend_name() == "postgresql" else {}
    return create_engine(url, connect_args=arguments, pool_pre_ping=True)


def _set_pragmas(connection: Any, _record: Any) -> None:
    # With a write-ahead log readers never wait, and what was committed survives a killed process.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _where(claim: Claim, scale: Scale) -> dict[str, Any]:
    return {
        "paper": claim.paper,
        "claim": claim.name,
        "version": claim.version,
        "scale": str(scale),
    }


def _of(claim: Claim, scale: Scale) -> ColumnElement[bool]:
    """The rows of `trials` that belong to `claim` at `scale`."""
    return and_(*(schema.trials.c[k] == v for k, v in _where(claim, scale).items()))


def _row(trial: Trial) -> dict[str, Any]:
    return {
        "id": trial.id,
        "paper": trial.paper,
        "claim": trial.claim,
        "version": trial.version,
        "scale": trial.scale,
        "parameters": dict(trial.parameters),
        "seed": trial.seed,
    }


def _holds(holder: str, heartbeat: float, now: float) -> bool:
    """Whether `holder`, last heard of at `heartbeat`, is to be taken for alive."""
    if holder.startswith(f"{owner.machine()}/"):
        return not owner.is_dead(holder)
    return heartbeat >= now - STALE


def _cause(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]


def _pack(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, array=array, allow_pickle=False)
    return buffer.getvalue()


def _unpack(content: bytes) -> np.ndarray:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return np.asarray(file["array"])
