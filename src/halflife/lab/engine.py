"""Running studies: from claims to verdicts in the store, never the same trial twice.

The store holds every finished trial at once, so that the process can be killed at any moment and
the next call goes on from there. Knows nothing of where trials run (`execution`) or of what a
verdict means (`verdicts`).
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

import cloudpickle

from halflife.errors import HalflifeError
from halflife.lab.environment import environment
from halflife.lab.execution import Ended, Executor, LocalPool, WorkerDiedError
from halflife.lab.paper import Claim, Paper
from halflife.lab.plan import Plan
from halflife.lab.plots import draw
from halflife.lab.scale import Scale
from halflife.lab.store import Store
from halflife.lab.store import owner as owners
from halflife.lab.study import Study, Trial
from halflife.lab.verdicts.verdict import Outcome, Verdict

HEARTBEAT = 5.0
"""Seconds between two signs of life in the store."""
POLL = 0.5
"""Seconds between two looks at the trials that others run."""
ATTEMPTS = 2
"""How many workers may die under a trial that runs alone before it counts as failed."""


@dataclass(frozen=True)
class Run:
    """How the run of one claim ended.

    Attributes:
        claim, scale, verdict: What was found.
        ran: Trials executed now.
        cached: Trials found in the store.
        failed: Trials that raised now.
        seconds: Duration of the run.
    """

    claim: Claim
    scale: Scale
    verdict: Verdict
    ran: int
    cached: int
    failed: int
    seconds: float


class Watcher(Protocol):
    """Is told how a run goes; the command line's progress bar is one."""

    def begin(self, claim: Claim, scale: Scale) -> None:
        """The run of `claim` begins."""

    def update(self, *, expected: int, done: int, running: int, failed: int) -> None:
        """So many trials in all, ended (cached ones too), running now, failed."""

    def end(self, run: Run) -> None:
        """The run is over and its verdict stored."""


class Silence:
    """A watcher that does nothing."""

    def begin(self, claim: Claim, scale: Scale) -> None:
        """Do nothing."""

    def update(self, *, expected: int, done: int, running: int, failed: int) -> None:
        """Do nothing."""

    def end(self, run: Run) -> None:
        """Do nothing."""


def run(
    what: Paper | Claim | Sequence[Claim],
    scale: Scale | str = Scale.LAPTOP,
    *,
    store: Store | None = None,
    executor: Executor | None = None,
    workers: int | None = None,
    fresh: bool = False,
    watcher: Watcher | None = None,
) -> list[Run]:
    """Run claims at one scale and keep their verdicts.

    Args:
        what: A paper (all its claims that have this scale), a claim, or several claims.
        scale: How much work to spend.
        store: Where results are kept; None opens the default one.
        executor: Where trials run; None makes a pool of processes and closes it at the end.
        workers: Size of that pool; None takes one for each core, but a single one at gpu scale,
            where all trials want the same card.
        fresh: Count no trial that ended before now; if the run is cut short, the next one, not
            fresh, goes on from there.
        watcher: Is told how it goes.

    Returns:
        One `Run` a claim, in order.

    Raises:
        HalflifeError: a claim has no such scale, its study is not well formed, the scale is gpu and
            there is no card for the pool, or the store cannot be opened.
        KeyboardInterrupt: passed on after finished trials are safe and workers gone.
    """
    scale = Scale(scale)
    if scale is Scale.GPU and executor is None:
        _require_card()
        workers = 1 if workers is None else workers
    if isinstance(what, Paper):
        claims: Sequence[Claim] = [c for c in what.claims.values() if scale in c.scales]
    else:
        claims = [what] if isinstance(what, Claim) else what
    studies = [claim.study(scale) for claim in claims]
    for claim, study in zip(claims, studies, strict=True):  # all complaints before any work
        Plan(claim, scale, study).rehearse()
    pool = executor or LocalPool(workers)
    watcher = watcher or Silence()
    with ExitStack() as ending:  # unwinds from the bottom, every line of it, whatever happens
        kept = store or ending.enter_context(Store())
        if fresh:
            for claim in claims:
                kept.restart(claim, scale)
        owner = owners.begin()
        ending.callback(owners.end, owner)
        ending.callback(kept.release, owner)
        if executor is None:
            ending.callback(pool.close)
        ending.enter_context(_heartbeats(kept, owner))
        return [
            _Errand(claim, scale, study, kept, pool, owner, watcher).run()
            for claim, study in zip(claims, studies, strict=True)
        ]


def _require_card() -> None:
    import torch

    if not torch.cuda.is_available():
        raise HalflifeError(
            f"The gpu scale needs a card, and PyTorch {torch.__version__} can use none here; run "
            "it on a machine with one (`halflife doctor` tells), or take --scale laptop."
        )


class _Errand:
    """The run of one claim: moves trials from the plan to the pool to the store."""

    def __init__(
        self,
        claim: Claim,
        scale: Scale,
        study: Study,
        store: Store,
        pool: Executor,
        owner: str,
        watcher: Watcher,
    ) -> None:
        self.plan = Plan(claim, scale, study)
        self.store, self.pool, self.owner, self.watcher = store, pool, owner, watcher
        self.function = cloudpickle.dumps(study.trial)
        self.begun, self.since = store.now(), store.since(claim, scale)
        self.facts = environment(pool.threads)
        self.running: dict[Future[Ended], Trial] = {}
        self.queue: deque[Trial] = deque()
        self.suspects: deque[Trial] = deque()  # were running when a worker died
        self.deaths: Counter[str] = Counter()  # of trials that ran alone
        self.elsewhere: list[Trial] = []  # leased by someone else
        self.looked = 0.0
        self.expected = self.ran = self.failed = 0

    def run(self) -> Run:
        claim, scale, study = self.plan.claim, self.plan.scale, self.plan.study
        clock = time.monotonic()
        self.watcher.begin(claim, scale)
        self.id = self.store.begin_run(claim, scale, study.rule.sentence, self.facts)
        self.plan.results.update(self.store.results(claim, scale))
        try:
            while trials := self.plan.next_trials():
                self.expected = self.plan.expected()
                self.queue.extend(trials)
                self._empty_queue()
        except BaseException:
            self._take_finished()
            raise
        self.expected = self.plan.expected()
        self._tell()

        verdict, figure = self._judge()
        cached = self.expected - self.ran - self.failed
        self.store.end_run(self.id, ran=self.ran, cached=cached, failed=self.failed)
        self.store.record(self.id, claim, scale, verdict, study.rule.sentence, figure)
        seconds = time.monotonic() - clock
        ended = Run(claim, scale, verdict, self.ran, cached, self.failed, seconds)
        self.watcher.end(ended)
        return ended

    def _judge(self) -> tuple[Verdict, dict[str, Any] | None]:
        """The verdict and the plot; a rule or a plot that raises loses neither run nor verdict."""
        runs, figure = self.plan.runs(), None
        try:
            verdict = self.plan.judge()
        except Exception as error:  # noqa: BLE001  a claim's own rule may raise anything
            why = str(error) if isinstance(error, ValueError) else repr(error)
            reason = f"The rule cannot judge these runs: {why}."
            return Verdict(Outcome.INCONCLUSIVE, statistic="–", reason=reason), None
        notes = [*verdict.notes, *self._provenance(), *self._changes(verdict)]
        if not runs.empty:
            try:
                figure = draw(self.plan.study, runs)
            except Exception as error:  # noqa: BLE001  a claim's own plot may raise anything
                notes.append(f"The plot could not be drawn: {error!r}.")
        return replace(verdict, notes=tuple(notes)), figure

    def _provenance(self) -> Iterator[str]:
        """Notes on trials that were not made by this code, here."""
        origins = self.store.origins(self.plan.claim, self.plan.scale)
        mine = [origins[id_] for id_ in self.plan.ended() if id_ in origins]
        if other := sum(code != self.plan.study.code for code, _ in mine):
            yield (
                f"{other} of {len(mine)} trials were made by a trial function that has since "
                "changed; `--fresh` runs them again, and a higher version= starts anew."
            )
        if other := sum(facts != self.facts for _, facts in mine):
            yield f"{other} of {len(mine)} trials were made in another environment than this one."

    def _changes(self, verdict: Verdict) -> Iterator[str]:
        """Notes on earlier verdicts of the same claim that another design led to."""
        for rule, earlier in self.store.earlier(self.plan.claim, self.plan.scale):
            if rule != self.plan.study.rule.sentence:
                yield f"An earlier run was judged {earlier.outcome} by another rule: {rule}"
            elif earlier.seeds not in (0, verdict.seeds):
                yield f"An earlier run with {earlier.seeds} seeds was judged {earlier.outcome}."

    def _empty_queue(self) -> None:
        """Run all queued trials, here or, where someone else has them, by waiting for it."""
        while self.queue or self.suspects or self.running or self.elsewhere:
            self._fill_slots()
            self._tell()
            if self.running:
                done, _ = wait(self.running, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take(future)
            elif self.elsewhere:
                time.sleep(POLL)
            self._look_elsewhere()

    def _fill_slots(self) -> None:
        """Start what can start; after a worker died, what may have killed it runs alone."""
        if self.suspects:
            if not self.running:
                self._submit(self.suspects.popleft())
            return
        # One more than there are slots, so that no worker waits for its next trial.
        while self.queue and len(self.running) <= self.pool.slots:
            trial = self.queue.popleft()
            if self.store.lease(trial, self.owner, self.since, self.begun):
                self._submit(trial)
            else:
                self.elsewhere.append(trial)

    def _submit(self, trial: Trial) -> None:
        self.running[self.pool.submit(self.function, trial.parameters, trial.seed)] = trial

    def _take(self, future: Future[Ended]) -> None:
        """Move a trial that has ended from the pool to the store and to the plan."""
        alone = len(self.running) == 1
        trial = self.running.pop(future)
        try:
            ended = future.result()
        except WorkerDiedError as error:
            self.deaths[trial.id] += alone
            if self.deaths[trial.id] < ATTEMPTS:
                self.suspects.append(trial)
                return
            ended = Ended.failed(f"Its worker died (killed, or out of memory?): {error}")
        if (problem := self.plan.study.complaint(ended.metrics)) is not None:
            ended = Ended.failed(problem)
        if ended.metrics is None:
            self.failed += 1
            self.store.fail(trial, self.id, ended.traceback, ended.seconds, self.owner)
        else:
            self.ran += 1
            code = self.plan.study.code
            self.store.finish(trial, self.id, ended.metrics, ended.seconds, code)
        self.plan.results[trial.id] = ended.metrics

    def _take_finished(self) -> None:
        """Save what has finished but not been looked at, before an interruption goes on."""
        for future in [f for f in self.running if f.done()]:
            self._take(future)

    def _look_elsewhere(self) -> None:
        """Now and then, see how the trials went that others were running."""
        if not self.elsewhere or time.monotonic() - self.looked < POLL:
            return
        self.looked = time.monotonic()
        found = self.store.outcomes(self.elsewhere, self.since, self.begun)
        self.plan.results.update(found)
        self.failed += sum(metrics is None for metrics in found.values())
        self.elsewhere = [trial for trial in self.elsewhere if trial.id not in found]
        if len(self.running) <= self.pool.slots and not self.queue:
            # Nothing else to do: perhaps the holder of one of them is gone by now.
            self.queue.extend(self.elsewhere[: self.pool.slots])
            del self.elsewhere[: self.pool.slots]

    def _tell(self) -> None:
        self.watcher.update(
            expected=self.expected,
            done=len(self.plan.ended()),
            running=len(self.running),
            failed=self.failed,
        )


@contextmanager
def _heartbeats(store: Store, owner: str) -> Iterator[None]:
    """Signs of life in the store, from a thread of their own: no work of ours may delay them."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT):
            with suppress(HalflifeError):  # the thread that works will meet it too, and say so
                store.heartbeat(owner)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
