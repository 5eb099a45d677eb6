"""Real runs of Hugging Face's and Lightning's trainers with a LionK: what they log and keep."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from halflife.optim import LionK
from halflife.optim.diagnostics import read_diagnostics
from halflife.optim.diagnostics.trainers import schedule_of
from halflife.schedules import TorchScheduler, rex

transformers = pytest.importorskip("transformers")
lightning = pytest.importorskip("lightning")
pytest.importorskip("accelerate")

from halflife.optim.diagnostics import (  # noqa: E402
    LightningDiagnostics,
    TransformersDiagnostics,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*pin_memory.*"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*treespec, LeafSpec.*"),
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec.*"),
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
    pytest.mark.filterwarnings("ignore:.*litlogger.*"),
    pytest.mark.filterwarnings("ignore:The `srun` command"),
]
UPDATES = 12
OPTIONS = {"lr": 0.05, "weight_decay": 2.0}


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Linear(5, 1))
        with torch.no_grad():
            self.layers[0].weight.mul_(4)  # outside the box, whose half-width is ½

    def forward(self, x, labels=None):
        y = self.layers(x)
        return {"loss": (y - labels).square().mean(), "logits": y}


def points():
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(2 * UPDATES, 3, generator=draw)
    return [{"x": row, "labels": row.sum(0, keepdim=True)} for row in x]


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


def weights(model):
    return [p.detach().clone() for p in model.parameters()]


def assert_equal(mine, others):
    for one, other in zip(mine, others, strict=True):
        assert torch.equal(one, other)


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
import os, signal, sys, warnings
warnings.simplefilter("ignore")
import torch, transformers, lightning
from pathlib import Path
from tests.optim import test_callbacks as runs
from halflife.optim.diagnostics import LightningDiagnostics, TransformersDiagnostics

torch.set_num_threads(1)
which, folder = sys.argv[1], Path(sys.argv[2])

class Kill(transformers.TrainerCallback, lightning.Callback):
    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 7:
            os.kill(os.getpid(), signal.SIGKILL)
    def on_train_batch_end(self, trainer, *args):
        if trainer.global_step == 7:
            os.kill(os.getpid(), signal.SIGKILL)

if which == "hugging_face":
    runs.hugging_face(folder, TransformersDiagnostics(folder / "lion.jsonl"), Kill())
else:
    runs.fit(folder, LightningDiagnostics(folder / "lion.jsonl"), Kill(), runs.checkpoints(folder))
"""


def run_until_killed(which, folder):
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", KILLED, which, str(folder)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def test_hugging_face_run_that_was_killed_goes_on_bit_for_bit(tmp_path, capsys):
    whole = hugging_face(tmp_path / "whole", TransformersDiagnostics(tmp_path / "whole.jsonl"))
    run_until_killed("hugging_face", tmp_path / "run")
    path = tmp_path / "run" / "lion.jsonl"
    assert read_diagnostics(path).steps.tolist() == [1, 3, 5]  # what was recorded is there
    again = hugging_face(
        tmp_path / "run",
        TransformersDiagnostics(path),
        resume=str(tmp_path / "run" / "checkpoint-4"),
    )
    assert_equal(weights(again.model), weights(whole.model))
    assert_same_file(path, tmp_path / "whole.jsonl")


def assert_same_file(path, whole):
    mine, other = read_diagnostics(path), read_diagnostics(whole)
    assert mine.groups == other.groups
    np.testing.assert_array_equal(mine.loss, other.loss)
    assert all(json.loads(line) for line in path.read_text().splitlines())


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = Model()

    def training_step(self, batch, index):
        return self.model(**batch)["loss"]

    def configure_optimizers(self):
        optimizer = LionK(self.parameters(), **OPTIONS)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.9**step)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


def checkpoints(folder):
    return lightning.pytorch.callbacks.ModelCheckpoint(
        dirpath=folder, filename="{step}", every_n_epochs=1, save_top_k=-1
    )


def fit(folder, *callbacks, resume=None, **options):
    """Fit for 12 updates in three epochs, and return the trainer."""
    trainer = lightning.Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=lightning.pytorch.loggers.CSVLogger(folder / "logs"),
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        default_root_dir=folder,
        **({"log_every_n_steps": 2} | options),
    )
    data = torch.utils.data.DataLoader(points()[:8], batch_size=2)
    trainer.fit(Module(), data, ckpt_path=resume, weights_only=False)
    return trainer


def test_lightning_logs_and_keeps(tmp_path):
    path = tmp_path / "lion.jsonl"
    fit(tmp_path, LightningDiagnostics(path), checkpoints(tmp_path))
    log = read_diagnostics(path)
    assert log.steps.tolist() == [1, 3, 5, 7, 9, 11]
    assert np.isfinite(log.loss).all()
    (table,) = (tmp_path / "logs").rglob("metrics.csv")
    header, *rows = [line.split(",") for line in table.read_text().splitlines()]
    logged = [float(row[header.index("lion/infeasibility")]) for row in rows]
    np.testing.assert_allclose(logged, log.infeasibility, rtol=1e-6)


def test_lightning_loss_is_that_of_all_micro_batches(tmp_path):
    once, twice = tmp_path / "once.jsonl", tmp_path / "twice.jsonl"
    quick = {"log_every_n_steps": 1}
    fit(tmp_path / "a", LightningDiagnostics(once), checkpoints(tmp_path / "a"), **quick)
    fit(
        tmp_path / "b",
        LightningDiagnostics(twice),
        checkpoints(tmp_path / "b"),
        accumulate_grad_batches=2,
        **quick,
    )
    first = Model()
    losses = [
        first(torch.stack([a["x"], b["x"]]), torch.stack([a["labels"], b["labels"]]))["loss"].item()
        for a, b in zip(points()[::2], points()[1::2], strict=True)
    ]
    assert read_diagnostics(once).loss[0] == pytest.approx(losses[0])
    assert read_diagnostics(twice).loss[0] == pytest.approx(sum(losses[:2]) / 2)
    assert read_diagnostics(twice).steps.tolist() == list(range(6))


def test_lightning_run_that_was_killed_goes_on_bit_for_bit(tmp_path):
    whole = fit(
        tmp_path / "whole",
        LightningDiagnostics(tmp_path / "whole.jsonl"),
        checkpoints(tmp_path / "whole"),
    )
    run_until_killed("lightning", tmp_path / "run")
    path = tmp_path / "run" / "lion.jsonl"
    assert read_diagnostics(path).steps.tolist() == [1, 3, 5]
    again = fit(
        tmp_path / "run",
        LightningDiagnostics(path),
        checkpoints(tmp_path / "run"),
        resume=tmp_path / "run" / "step=4.ckpt",
    )
    assert_equal(weights(again.lightning_module), weights(whole.lightning_module))
    assert_same_file(path, tmp_path / "whole.jsonl")


def test_lightning_warns_of_a_constraint_that_cannot_become_active(tmp_path, monkeypatch):
    monkeypatch.setitem(OPTIONS, "lr", 1e-4)
    monkeypatch.setitem(OPTIONS, "weight_decay", 0.1)
    with pytest.warns(UserWarning, match="cannot become active"):
        fit(tmp_path, LightningDiagnostics(tmp_path / "lion.jsonl"), checkpoints(tmp_path))


def test_the_run_of_a_scheduler_is_known_in_advance_if_it_can_tell():
    accelerate = pytest.importorskip("accelerate")
    optimizer = LionK([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    rates = torch.optim.lr_scheduler
    wrapped = accelerate.scheduler.AcceleratedScheduler(
        rates.LambdaLR(optimizer, lambda step: 1 / (1 + step)), [optimizer]
    )
    assert [schedule_of(wrapped)(s, 9) for s in (0, 3)] == [1, 1 / 4]
    ours = TorchScheduler(optimizer, rex().warmup(2), 9)
    assert [schedule_of(ours)(s, 9) for s in range(9)] == [rex().warmup(2)(s, 9) for s in range(9)]
    assert schedule_of(ours)(9, 9) == schedule_of(ours)(8, 9)
    assert schedule_of(rates.ReduceLROnPlateau(optimizer)) is None
    assert schedule_of(None) is None


def test_callbacks_check_how_often():
    for callback in (LightningDiagnostics, TransformersDiagnostics):
        with pytest.raises(ValueError, match="every must be at least 1, got 0"):
            callback("lion.jsonl", every=0)
