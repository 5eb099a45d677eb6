import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pytest
from sqlalchemy import text

from halflife.errors import HalflifeError
from halflife.lab import Outcome, Scale, Store, Tune, Verdict, better, run
from halflife.lab.execution import LocalPool

PAPER = '''
"""A paper whose trials leave a line in a file each time they are run."""
import os, time
from datetime import date
from pathlib import Path
from halflife.lab import Outcome, Paper, Study, Verdict

paper = Paper("slow", "Slow", ("A",), "0000.00000", date(2020, 1, 1), "Slow trials.")

class Any:
    sentence = "Anything goes."
    intervals, metrics, samples_problems = 1, frozenset(), False
    def judge(self, runs):
        return Verdict(Outcome.SUPPORTED, "s", "r", seeds=len(runs))

def slow(*, x, seed):
    with open(os.environ["LOG"], "a") as log:
        log.write(f"{x} {seed} {os.getpid()}\\n")
    time.sleep(float(os.environ.get("NAP", "0")))
    return {"loss": x + seed}

@paper.claim(where="nowhere", scales=("smoke",))
def anything(scale):
    """Anything."""
    return Study(trial=slow, rule=Any(), seeds=range(10), grid={"x": (1, 2, 3)})
'''


@pytest.fixture
def script(tmp_path, store_url, monkeypatch):
    """A file with a paper, run by `start()` in a process of its own; its log of trials run."""
    (tmp_path / "slow.py").write_text(PAPER)
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setenv("HALFLIFE_DB", store_url)
    (tmp_path / "log").touch()
    return tmp_path / "slow.py"


on_sqlite_at_once = pytest.mark.parametrize(
    "store_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)


def start(script, *options, nap=0.0, **how):
    """Run the paper, each of its trials for `nap` seconds at least."""
    command = [sys.executable, "-m", "halflife", "run", str(script), "--scale", "smoke"]
    return subprocess.Popen(
        [*command, "--workers", "2", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "NAP": str(nap)},
        **how,
    )


def lines(script):
    return (script.parent / "log").read_text().splitlines()


def counts(store_url):
    with Store(store_url) as store:
        return store.count_trials()


def wait_for(what, seconds=40.0):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def test_a_claim_ends_in_a_verdict_that_the_store_keeps(claim_of, store):
    (ended,) = run(claim_of(grid={"x": (1, 2)}), "smoke", store=store, workers=2)
    assert ended.verdict.outcome is Outcome.SUPPORTED
    assert (ended.ran, ended.cached, ended.failed) == (6, 0, 0)
    (finding,) = store.findings()
    assert finding.verdict == ended.verdict
    assert finding.rule == "The mean loss is below 1."
    assert finding.figure["data"]
    assert finding.environment["packages"]["numpy"] == np.__version__


def test_a_finished_trial_is_never_run_again_unless_asked(claim_of, file_store):
    claim = claim_of()
    run(claim, "smoke", store=file_store, workers=1)
    (again,) = run(claim, "smoke", store=file_store, workers=1)
    assert (again.ran, again.cached) == (0, 3)
    (fresh,) = run(claim, "smoke", store=file_store, workers=1, fresh=True)
    assert (fresh.ran, fresh.cached) == (3, 0)


def test_a_new_version_of_a_claim_starts_anew(claim_of, file_store):
    run(claim_of(), "smoke", store=file_store, workers=1)
    (newer,) = run(claim_of(version=2), "smoke", store=file_store, workers=1)
    assert newer.ran == 3


def test_tuned_studies_run_to_their_end(claim_of, file_store):
    def trial(*, lr, seed):
        return {"loss": (lr - 8) ** 2 + seed / 1000}

    claim = claim_of(trial, tune=Tune("lr", (1.0, 2.0, 4.0), seeds=(100, 101)))
    (ended,) = run(claim, "smoke", store=file_store, workers=2)
    assert ended.verdict.outcome is Outcome.SUPPORTED
    assert ended.ran == 2 * 5 + 3


def test_a_trial_that_raises_is_kept_with_its_traceback_and_the_others_go_on(claim_of, file_store):
    def trial(*, x, seed):
        if x == 2 and seed == 1:
            raise RuntimeError("no luck")
        return {"loss": 0.0}

    claim = claim_of(trial, grid={"x": (1, 2)})
    (ended,) = run(claim, "smoke", store=file_store, workers=2)
    assert (ended.ran, ended.failed) == (5, 1)
    assert ended.verdict.outcome is Outcome.INCONCLUSIVE
    assert "1 of 6 trials failed, the first with x=2, seed=1" in ended.verdict.reason
    (failure,) = file_store.failures(claim, Scale.SMOKE)
    assert "RuntimeError: no luck" in failure.traceback
    assert "in trial" in failure.traceback


@pytest.mark.parametrize(
    ("result", "complaint"),
    [
        ([1.0], "returns a mapping of metrics by name, not list"),
        ({"loss": object()}, "metric 'loss' is a object; return numbers, strings or NumPy arrays"),
        ({"loss": np.array([None])}, "metric 'loss' is a ndarray"),
    ],
)
def test_results_that_cannot_be_kept_are_refused(claim_of, file_store, result, complaint):
    claim = claim_of(lambda *, seed: result, seeds=(0,))
    run(claim, "smoke", store=file_store, workers=1)
    assert complaint in file_store.failures(claim, Scale.SMOKE)[0].traceback


def test_numpy_and_torch_numbers_are_numbers(claim_of, file_store):
    def trial(*, seed):
        import torch

        return {"loss": torch.tensor(0.5), "n": np.int64(3), "curve": np.arange(3)}

    claim = claim_of(trial, seeds=(0,))
    run(claim, "smoke", store=file_store, workers=1)
    (metrics,) = file_store.results(claim, Scale.SMOKE).values()
    assert (metrics["loss"], metrics["n"], metrics["curve"].tolist()) == (0.5, 3, [0, 1, 2])


def test_a_rule_that_cannot_judge_loses_no_trial(claim_of, file_store):
    class Picky:
        sentence = "Needs a column."
        intervals, metrics, samples_problems = 1, frozenset({"loss"}), False

        def judge(self, runs):
            if runs["loss"].iloc[0] < 0.5:  # real runs, not those of the rehearsal
                raise ValueError("there is no column 'accuracy'")

    (ended,) = run(claim_of(rule=Picky()), "smoke", store=file_store, workers=1)
    assert ended.verdict.outcome is Outcome.INCONCLUSIVE
    assert "there is no column 'accuracy'" in ended.verdict.reason
    assert file_store.count_trials() == {"done": 3}


def test_a_plot_that_raises_loses_no_verdict(claim_of, file_store):
    def plot(runs):
        raise KeyError("colour")

    (ended,) = run(claim_of(plot=plot), "smoke", store=file_store, workers=1)
    assert ended.verdict.outcome is Outcome.SUPPORTED
    assert "The plot could not be drawn: KeyError('colour')." in ended.verdict.notes


def test_a_scale_that_a_claim_has_not_is_refused_before_any_work(claim_of, file_store):
    with pytest.raises(HalflifeError, match="no laptop scale; it has: smoke"):
        run([claim_of(), claim_of(name="second")], "laptop", store=file_store)
    assert file_store.count_trials() == {}


def test_workers_do_their_arithmetic_on_one_thread(claim_of, file_store):
    def trial(*, seed):
        import torch
        from threadpoolctl import threadpool_info

        np.ones((300, 300)) @ np.ones((300, 300))
        threads = [pool["num_threads"] for pool in threadpool_info()]
        return {"loss": 0.0, "blas": max(threads), "torch": torch.get_num_threads()}

    claim = claim_of(trial, seeds=(0,))
    run(claim, "smoke", store=file_store, workers=1)
    (metrics,) = file_store.results(claim, Scale.SMOKE).values()
    assert (metrics["blas"], metrics["torch"]) == (1, 1)


@on_sqlite_at_once
def test_a_killed_fresh_run_goes_on_without_fresh(script, store_url):
    start(script).communicate()
    first = start(script, "--fresh", nap=0.1)
    wait_for(lambda: len(lines(script)) >= 30 + 8)
    first.kill()
    first.communicate()
    assert counts(store_url)["done"] == 30  # the old results, until they are made again
    before = len(lines(script))
    done, _ = start(script).communicate()
    assert 30 + 30 <= len(lines(script)) <= 60 + 3
    assert len(lines(script)) > before
    assert "made by a trial function" not in done


def test_verdicts_say_what_they_rest_on(claim_of, file_store):
    def trial(*, seed):
        return {"loss": 0.1 * seed}

    run(claim_of(trial), "smoke", store=file_store, workers=1)

    def trial(*, seed):
        return {"loss": 0.2 * seed}

    class Stricter:
        sentence = "The mean loss is below 0."
        intervals, metrics, samples_problems = 1, frozenset(), False

        def judge(self, runs):
            return Verdict(Outcome.CONTRADICTED, "mean loss", "It is not.", seeds=len(runs))

    (ended,) = run(claim_of(trial, rule=Stricter()), "smoke", store=file_store, workers=1)
    code, rule = ended.verdict.notes
    assert code.startswith("3 of 3 trials were made by a trial function that has since changed")
    assert rule == (
        "An earlier run was judged supported by another rule: The mean loss is below 1."
    )


def test_a_metric_that_is_called_like_a_parameter_is_refused(claim_of, file_store):
    claim = claim_of(lambda *, x, seed: {"loss": 0.0, "x": 1.0}, grid={"x": (1,)})
    run(claim, "smoke", store=file_store, workers=1)
    (failure, *_) = file_store.failures(claim, Scale.SMOKE)
    assert (
        failure.traceback == "The metrics ['x'] are called like parameters; give them other names."
    )


def test_a_trial_that_exits_has_failed(claim_of, file_store):
    claim = claim_of(lambda *, seed: sys.exit(3), seeds=(0,))
    run(claim, "smoke", store=file_store, workers=1)
    assert "SystemExit: 3" in file_store.failures(claim, Scale.SMOKE)[0].traceback


def test_a_lone_surrogate_is_replaced(claim_of, store):
    def trial(*, seed):
        if seed:
            raise ValueError("\udc80")
        return {"loss": 0.0, "note": "\udc80"}

    claim = claim_of(trial, seeds=(0, 1))
    (ended,) = run(claim, "smoke", store=store, workers=1)
    assert (ended.ran, ended.failed) == (1, 1)


def test_a_mistake_of_the_rule_is_found_before_any_trial_runs(claim_of, file_store):
    claim = claim_of(rule=better("loss", arm=("a", "c")), grid={"arm": ("a", "b")})
    with pytest.raises(HalflifeError, match=r"does not fit its grid.*'c'"):
        run(claim, "smoke", store=file_store)
    assert file_store.count_trials() == {}


def test_less_than_one_worker_is_refused():
    with pytest.raises(ValueError, match="workers is 0; give at least 1"):
        LocalPool(0)
    with pytest.raises(ValueError, match="threads is 0; give at least 1"):
        LocalPool(1, threads=0)


def test_the_watcher_sees_all_trials(claim_of, file_store):
    seen = []

    class Watcher:
        def begin(self, claim, scale):
            seen.append((str(claim), scale))

        def update(self, **counts):
            seen.append(counts)

        def end(self, run):
            seen.append(run)

    (ended,) = run(claim_of(), "smoke", store=file_store, workers=1, watcher=Watcher())
    assert seen[0] == ("paper/claim", "smoke")
    assert seen[-2] == {"expected": 3, "done": 3, "running": 0, "failed": 0}
    assert seen[-1] == ended
    assert max(update["running"] for update in seen[1:-1]) >= 1


def test_a_killed_worker_costs_only_a_second_try(claim_of, file_store, tmp_path):
    marker = tmp_path / "died"

    def trial(*, seed):
        if seed == 1 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"loss": 0.0}

    (ended,) = run(claim_of(trial, seeds=range(6)), "smoke", store=file_store, workers=2)
    assert (ended.ran, ended.failed) == (6, 0)
    assert marker.exists()


def test_a_trial_that_always_kills_its_worker_fails_and_the_others_go_on(claim_of, file_store):
    def trial(*, seed):
        if seed == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"loss": 0.0}

    claim = claim_of(trial, seeds=range(4))
    (ended,) = run(claim, "smoke", store=file_store, workers=2)
    assert (ended.ran, ended.failed) == (3, 1)  # those that ran beside it are not blamed
    assert "Its worker died" in file_store.failures(claim, Scale.SMOKE)[0].traceback
    assert ended.verdict.outcome is Outcome.INCONCLUSIVE


@on_sqlite_at_once
def test_killing_the_whole_process_loses_only_the_running_trials(script, store_url):
    first = start(script, nap=0.1)
    wait_for(lambda: len(lines(script)) >= 8)
    workers = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    first.communicate()
    done = counts(store_url)["done"]
    assert 3 <= done <= 29
    assert psutil.wait_procs(workers, timeout=20)[1] == []  # no worker outlives its parent

    second = start(script)
    _, complaints = second.communicate()
    assert (second.returncode, complaints) == (0, "")
    assert counts(store_url) == {"done": 30}
    times = Counter(tuple(line.split()[:2]) for line in lines(script))
    assert len(times) == 30
    assert sum(times.values()) <= 30 + 3  # two running and one waiting, at the moment of the kill


@pytest.mark.parametrize("trials", [0, 6])
def test_ctrl_c_keeps_finished_trials_and_frees_the_others(script, store_url, trials):
    process = start(script, nap=0.1, start_new_session=True)
    wait_for(lambda: psutil.Process(process.pid).children(recursive=True))
    wait_for(lambda: len(lines(script)) >= trials)
    workers = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert (
        said == "Stopped. Finished trials are kept; the same command, without --fresh, goes on.\n"
    )
    assert psutil.wait_procs(workers, timeout=20)[1] == []
    found = counts(store_url)
    assert set(found) <= {"done"}
    assert found.get("done", 0) >= trials - 3


def test_two_processes_at_once_run_each_trial_once_and_agree(script, store_url):
    both = [start(script, nap=0.1), start(script, nap=0.1)]
    outputs = [process.communicate(timeout=120) for process in both]
    assert [p.returncode for p in both] == [0, 0], outputs
    times = Counter(tuple(line.split()[:2]) for line in lines(script))
    assert len(times) == 30
    assert set(times.values()) == {1}
    assert counts(store_url) == {"done": 30}
    with Store(store_url) as store, store._engine.connect() as db:
        ran = db.execute(text("SELECT ran FROM runs")).scalars().all()
    assert sum(ran) == 30
    assert min(ran) > 0


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_one_paper_file_may_be_called_like_a_module_of_someone_else(script, store_url):
    other = Path(script.parent / "json.py")
    script.rename(other)
    process = start(other)
    _, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (0, "")


def test_a_script_needs_no_main_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        PAPER
        + """
from halflife.lab import Store, run
with Store("sqlite:///s.db") as store:
    print(run(paper, "smoke", store=store, workers=2)[0].ran)
assert __spec__ is None and __file__.endswith("script.py")
"""
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "LOG": str(tmp_path / "log")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("30\n", "")
