"""Real runs of Hugging Face's Trainer with a LionK: what it logs and keeps."""

import numpy as np
import pytest
from tests.optim.trainer_runs import (
    OPTIONS,
    UPDATES,
    Model,
    assert_equal,
    assert_same_file,
    points,
    run_until_killed,
    weights,
)

from halflife.optim import LionK
from halflife.optim.diagnostics import read_diagnostics

transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from halflife.optim.diagnostics import TransformersDiagnostics  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.*pin_memory.*")


def hugging_face(
    folder, *callbacks, first=None, resume=None, options=None, by_class=False, **arguments
):
    """Train for 12 updates on one or the other way to a LionK, and return the trainer."""
    settings = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 2,
        "num_train_epochs": 1,
        "save_steps": 4,
        "logging_steps": 2,
        "lr_scheduler_type": "linear",
        "max_grad_norm": 0,
        "report_to": [],
        "disable_tqdm": True,
        "use_cpu": True,
        "weight_decay": 2.0,  # for optimizer_cls_and_kwargs, where the Trainer makes the groups
    } | arguments
    model = Model()
    options = OPTIONS | (options or {})
    given = (
        {"optimizer_cls_and_kwargs": (LionK, options)}
        if by_class
        else {"optimizers": (LionK(model.parameters(), **options), None)}
    )
    trainer = transformers.Trainer(
        model=model,
        args=transformers.TrainingArguments(**settings),
        train_dataset=points(),
        callbacks=list(callbacks),
        **given,
    )
    if first is not None:
        trainer.callback_handler.callbacks.insert(0, first)
    trainer.train(resume_from_checkpoint=resume)
    return trainer


@pytest.mark.parametrize("by_class", [False, True])
def test_hugging_face_logs_and_keeps(tmp_path, capsys, by_class):
    path = tmp_path / "lion.jsonl"
    trainer = hugging_face(tmp_path, TransformersDiagnostics(path), by_class=by_class)
    log = read_diagnostics(path)
    assert log.steps.tolist() == [1, 3, 5, 7, 9, 11]
    logged = [row for row in trainer.state.log_history if "loss" in row]
    assert log.loss.tolist() == [row["loss"] for row in logged]
    for name in ("kkt_gap", "infeasibility", "lyapunov", "saturated_fraction"):
        values = [row.get(f"lion/{name}", np.inf) for row in logged]
        np.testing.assert_array_equal(values, getattr(log, name))
    assert np.isinf(log.lyapunov[0])
    assert "lion/infeasibility" in capsys.readouterr().out
    # Phase I under the Trainer's own linear schedule, which the distance cannot be slower than
    rates = [0.05 * (1 - s / UPDATES) for s in range(UPDATES)]
    for at in range(5):
        first, last = log.steps[at], log.steps[at + 1]
        falls = np.prod([1 - 2 * rate for rate in rates[first:last]])
        assert log.infeasibility[at + 1] <= log.infeasibility[at] * falls * (1 + 1e-5)
    decays = [group["weight_decay"] for group in log.groups[0]]
    assert decays == ([2.0, 0.0] if by_class else [2.0])  # the Trainer spares biases


def test_hugging_face_records_as_often_as_asked(tmp_path, capsys):
    path = tmp_path / "lion.jsonl"
    callback = TransformersDiagnostics(path, every=3)
    hugging_face(tmp_path, callback, logging_steps=6, logging_first_step=True)
    log = read_diagnostics(path)
    assert log.steps.tolist() == [0, 2, 5, 8, 11]
    assert np.isfinite(log.loss).tolist() == [True, False, True, False, True]


def test_hugging_face_reporters_behind_the_callback_get_its_numbers(tmp_path, capsys):
    class Reporter(transformers.TrainerCallback):
        seen = ()

        def on_log(self, args, state, control, logs=None, **kwargs):
            self.seen += ("lion/infeasibility" in logs,)

    behind, before = Reporter(), Reporter()
    ours = TransformersDiagnostics(tmp_path / "lion.jsonl")
    hugging_face(tmp_path, before, first=ours)
    assert before.seen == (True,) * 6 + (False,)  # the last log is the summary of the run
    hugging_face(tmp_path, behind, TransformersDiagnostics(tmp_path / "other.jsonl"))
    assert behind.seen == (False,) * 7


def test_hugging_face_warns_of_a_constraint_that_cannot_become_active(tmp_path, capsys):
    options = {"lr": 1e-4, "weight_decay": 0.1}
    with pytest.warns(UserWarning, match=r"cannot become active in this run: Σηλ is 6\.5e-05"):
        hugging_face(tmp_path, TransformersDiagnostics(tmp_path / "lion.jsonl"), options=options)


def test_hugging_face_callback_wants_a_lion(tmp_path, capsys):
    trainer = transformers.Trainer(
        model=Model(),
        args=transformers.TrainingArguments(
            output_dir=str(tmp_path), use_cpu=True, report_to=[], disable_tqdm=True
        ),
        train_dataset=points(),
        callbacks=[TransformersDiagnostics(tmp_path / "lion.jsonl")],
    )
    with pytest.raises(TypeError, match=r"the trainer has AdamW; give it halflife\.optim\.LionK"):
        trainer.train()


KILLED = """
import transformers
from tests.optim.test_transformers_callback import TransformersDiagnostics, hugging_face

class Kill(transformers.TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 7:
            os.kill(os.getpid(), signal.SIGKILL)

hugging_face(folder, TransformersDiagnostics(folder / "lion.jsonl"), Kill())
"""


def until_an_error(folder):
    class Stop(transformers.TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == 7:
                raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        hugging_face(folder, TransformersDiagnostics(folder / "lion.jsonl"), Stop())


def until_killed(folder):
    run_until_killed(KILLED, folder)


@pytest.mark.parametrize(
    "run", [until_an_error, pytest.param(until_killed, marks=pytest.mark.slow)]
)
def test_hugging_face_run_that_was_stopped_goes_on_bit_for_bit(tmp_path, capsys, run):
    whole = hugging_face(tmp_path / "whole", TransformersDiagnostics(tmp_path / "whole.jsonl"))
    run(tmp_path / "run")
    path = tmp_path / "run" / "lion.jsonl"
    assert read_diagnostics(path).steps.tolist() == [1, 3, 5]  # what was recorded is there
    again = hugging_face(
        tmp_path / "run",
        TransformersDiagnostics(path),
        resume=str(tmp_path / "run" / "checkpoint-4"),
    )
    assert_equal(weights(again.model), weights(whole.model))
    assert_same_file(path, tmp_path / "whole.jsonl")


def test_the_callback_checks_how_often():
    with pytest.raises(ValueError, match="every must be at least 1, got 0"):
        TransformersDiagnostics("lion.jsonl", every=0)
