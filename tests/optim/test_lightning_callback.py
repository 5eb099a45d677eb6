"""Real runs of Lightning's trainer with a LionK: what it logs and keeps."""

import numpy as np
import pytest
import torch
from tests.optim.trainer_runs import (
    OPTIONS,
    Model,
    assert_equal,
    assert_same_file,
    points,
    run_until_killed,
    weights,
)

from halflife.optim import LionK
from halflife.optim.diagnostics import read_diagnostics

lightning = pytest.importorskip("lightning")

from halflife.optim.diagnostics import LightningDiagnostics  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*pin_memory.*"),
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*treespec, LeafSpec.*"),
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec.*"),
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
    pytest.mark.filterwarnings("ignore:.*litlogger.*"),
    pytest.mark.filterwarnings("ignore:The `srun` command"),
]


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


KILLED = """
import lightning
from tests.optim.test_lightning_callback import LightningDiagnostics, checkpoints, fit

class Kill(lightning.Callback):
    def on_train_batch_end(self, trainer, *args):
        if trainer.global_step == 7:
            os.kill(os.getpid(), signal.SIGKILL)

fit(folder, LightningDiagnostics(folder / "lion.jsonl"), Kill(), checkpoints(folder))
"""


def until_an_error(folder):
    class Stop(lightning.Callback):
        def on_train_batch_end(self, trainer, *args):
            if trainer.global_step == 7:
                raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        fit(folder, LightningDiagnostics(folder / "lion.jsonl"), Stop(), checkpoints(folder))


def until_killed(folder):
    run_until_killed(KILLED, folder)


@pytest.mark.parametrize(
    "run", [until_an_error, pytest.param(until_killed, marks=pytest.mark.slow)]
)
def test_lightning_run_that_was_stopped_goes_on_bit_for_bit(tmp_path, run):
    whole = fit(
        tmp_path / "whole",
        LightningDiagnostics(tmp_path / "whole.jsonl"),
        checkpoints(tmp_path / "whole"),
    )
    run(tmp_path / "run")
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


def test_the_callback_checks_how_often():
    with pytest.raises(ValueError, match="every must be at least 1, got 0"):
        LightningDiagnostics("lion.jsonl", every=0)
