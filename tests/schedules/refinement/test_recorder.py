"""The recorder: right numbers, nothing lost, one process or two."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from torch.nn.utils import clip_grad_norm_

from halflife.schedules.refinement import (
    GradNormRecorder,
    LightningGradNorms,
    TransformersGradNorms,
    read_log,
    refine_log,
)

from .test_readers import NOISE, Line, hugging_face_trainer, points


def network(dtype: torch.dtype = torch.float32) -> torch.nn.Module:
    torch.manual_seed(0)
    layers = [torch.nn.Linear(5, 7), torch.nn.Tanh(), torch.nn.Linear(7, 1)]
    return torch.nn.Sequential(*layers).to(dtype)


def backward(model: torch.nn.Module, seed: int, scale: float = 1.0) -> None:
    model.zero_grad()
    x = torch.randn(8, 5, generator=torch.Generator().manual_seed(seed))
    (model(x.to(next(model.parameters()).dtype)).square().mean() * scale).backward()


def rows(path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_norms_are_those_of_clip_grad_norm(tmp_path) -> None:
    model = network()
    expected = []
    with GradNormRecorder(model.parameters(), tmp_path / "n.jsonl", flush_every=3) as recorder:
        for step in range(7):
            backward(model, step)
            recorder.record()
            total = clip_grad_norm_(model.parameters(), 0.1)
            recorder.record(clipped=True)
            flat = torch.cat([p.grad.flatten() for p in model.parameters()])
            expected.append((total.item(), flat.norm(2).item(), flat.norm(1).item()))
    written = rows(tmp_path / "n.jsonl")
    assert [row["step"] for row in written] == list(range(7))
    assert [row["grad_norm_l2"] for row in written] == [total for total, _, _ in expected]
    clipped = [(row["grad_norm_l2_clipped"], row["grad_norm_l1_clipped"]) for row in written]
    np.testing.assert_allclose(clipped, [pair for _, *pair in expected], rtol=1e-5)
    log = read_log(tmp_path / "n.jsonl", norm="l1")
    ratio = log.norms / read_log(tmp_path / "n.jsonl").norms
    assert ((ratio >= 1) & (ratio <= 50**0.5)).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_half_precision_is_summed_in_float32(tmp_path, dtype) -> None:
    weights = torch.nn.Parameter(torch.zeros(300, 300, dtype=dtype))
    weights.grad = torch.full_like(weights, 2.0)
    with GradNormRecorder([weights], tmp_path / "n.jsonl") as recorder:
        recorder.record()
    (row,) = rows(tmp_path / "n.jsonl")
    assert row == {"step": 0, "grad_norm_l1": 180_000.0, "grad_norm_l2": 600.0}


def test_mixed_dtypes_sparse_and_missing_gradients(tmp_path) -> None:
    parameters = [torch.nn.Parameter(torch.zeros(2, dtype=d)) for d in (torch.float32, torch.half)]
    for p in parameters:
        p.grad = torch.tensor([3.0, 0.0], dtype=p.dtype)
    table = torch.nn.Embedding(10, 2, sparse=True)
    table(torch.tensor([1, 1])).sum().backward()  # row 1 has 2, 2
    unused = torch.nn.Parameter(torch.zeros(1))
    with GradNormRecorder([*parameters, table.weight, unused], tmp_path / "n.jsonl") as recorder:
        recorder.record()
    (row,) = rows(tmp_path / "n.jsonl")
    assert row["grad_norm_l1"] == 10
    assert row["grad_norm_l2"] == pytest.approx(26**0.5, rel=1e-6)


@pytest.mark.parametrize("scale", [1024.0, torch.tensor(1024.0)])
def test_the_loss_scale_is_undone(tmp_path, scale) -> None:
    model = network()
    with GradNormRecorder(model.parameters(), tmp_path / "n.jsonl") as recorder:
        backward(model, 0)
        recorder.record()
        backward(model, 0, scale=1024.0)
        recorder.record(scale=scale)
    plain, scaled = rows(tmp_path / "n.jsonl")
    assert scaled == pytest.approx(plain | {"step": 1}, rel=1e-6)


def test_the_norms_under_a_gradient_scaler(tmp_path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=4096.0)
    with GradNormRecorder(model.parameters(), tmp_path / "n.jsonl") as recorder:
        backward(model, 0)
        recorder.record()
        backward(model, 0, scale=scaler.scale(torch.ones(())).item())
        recorder.record(scale=scaler.get_scale())
        scaler.unscale_(optimizer)
        recorder.record()
    plain, *others = [row["grad_norm_l1"] for row in rows(tmp_path / "n.jsonl")]
    assert others == pytest.approx([plain, plain], rel=1e-6)


def test_an_overflow_is_null_in_the_file_and_dropped_by_refinement(tmp_path) -> None:
    weights = torch.nn.Parameter(torch.zeros(2))
    with GradNormRecorder([weights], tmp_path / "n.jsonl") as recorder:
        for value in (1.0, float("inf"), 2.0):
            weights.grad = torch.full((2,), value)
            recorder.record()
    assert rows(tmp_path / "n.jsonl")[1]["grad_norm_l2"] is None
    with pytest.warns(RuntimeWarning, match="1 of 3"):
        refine_log(tmp_path / "n.jsonl")


def test_nothing_waits_for_the_device_between_flushes(tmp_path, monkeypatch) -> None:
    model = network()
    recorder = GradNormRecorder(model.parameters(), tmp_path / "n.jsonl", flush_every=50)
    backward(model, 0)

    def wait(*_: object) -> None:
        raise AssertionError("this waits for the device")

    with monkeypatch.context() as patch:
        for name in ("item", "tolist", "cpu", "numpy", "__bool__", "__float__"):
            patch.setattr(torch.Tensor, name, wait)
        for _ in range(50):
            recorder.record()
            recorder.record(clipped=True)
        with pytest.raises(AssertionError, match="waits"):
            recorder.record()
    recorder.close()
    assert len(rows(tmp_path / "n.jsonl")) == 50


def test_a_run_that_resumes_goes_on_with_the_file(tmp_path) -> None:
    model, path = network(), tmp_path / "runs" / "n.jsonl"
    with GradNormRecorder(model.parameters(), path) as recorder:
        for step in range(6):
            backward(model, step)
            recorder.record()
    first = rows(path)
    path.write_text(path.read_text() + '{"step": 6, "grad_no')  # a kill
    with GradNormRecorder(model.parameters(), path, step=4) as recorder:
        for step in range(4, 9):
            backward(model, step + 100)
            recorder.record()
    assert [row["step"] for row in rows(path)] == [0, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8]
    every = read_log(path).every_update()
    assert (every.rows, every.repeated) == (9, 2)
    assert every.norms[3] == first[3]["grad_norm_l2"]
    assert every.norms[4] == rows(path)[6]["grad_norm_l2"]


def test_the_file_of_another_run_is_never_begun_again(tmp_path) -> None:
    model, path = network(), tmp_path / "n.jsonl"
    backward(model, 0)
    with GradNormRecorder(model.parameters(), path) as recorder:
        recorder.record()
    with pytest.raises(FileExistsError, match=r"holds the norms of a run; .* step="):
        GradNormRecorder(model.parameters(), path)


def test_what_is_in_the_buffer_is_written_at_the_end_of_the_program(tmp_path) -> None:
    code = f"""
    import torch
    from halflife.schedules.refinement import GradNormRecorder
    w = torch.nn.Parameter(torch.zeros(2)); w.grad = torch.ones(2)
    recorder = GradNormRecorder([w], {str(tmp_path / "n.jsonl")!r})
    recorder.record()
    raise SystemExit(3)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert done.returncode == 3
    assert len(rows(tmp_path / "n.jsonl")) == 1


def test_kill_9_loses_no_more_than_the_buffer(tmp_path) -> None:
    code = f"""
    import os, signal, torch
    from halflife.schedules.refinement import GradNormRecorder
    w = torch.nn.Parameter(torch.zeros(2)); w.grad = torch.ones(2)
    recorder = GradNormRecorder([w], {str(tmp_path / "n.jsonl")!r}, flush_every=10)
    for step in range(57):
        recorder.record()
    os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert done.returncode == -signal.SIGKILL
    log = read_log(tmp_path / "n.jsonl")
    assert log.steps.tolist() == list(range(50))


def test_mistakes_are_named(tmp_path) -> None:
    model = network()
    with pytest.raises(ValueError, match="parameters holds none"):
        GradNormRecorder([], tmp_path / "a")
    with pytest.raises(ValueError, match="flush_every ≥ 1"):
        GradNormRecorder(model.parameters(), tmp_path / "a", flush_every=0)
    recorder = GradNormRecorder(model.parameters(), tmp_path / "a")
    with pytest.raises(RuntimeError, match="after backward"):
        recorder.record()
    recorder.close()
    recorder.close()
    backward(model, 0)
    with pytest.raises(RuntimeError, match="closed"):
        recorder.record()


@NOISE
def test_hugging_face_callback_records_both_norms_before_clipping(tmp_path, capsys) -> None:
    callback = TransformersGradNorms(tmp_path / "n.jsonl")
    trainer = hugging_face_trainer(tmp_path, [callback], max_grad_norm=0)
    trainer.train()
    written = rows(tmp_path / "n.jsonl")
    assert [row["step"] for row in written] == list(range(12))
    history = [row["grad_norm"] for row in trainer.state.log_history if "grad_norm" in row]
    np.testing.assert_allclose([row["grad_norm_l2"] for row in written], history, rtol=1e-6)
    assert refine_log(tmp_path / "n.jsonl", "adam")[1].norm == "l1"


@NOISE
def test_hugging_face_callback_says_when_norms_were_clipped(tmp_path, capsys) -> None:
    callback = TransformersGradNorms(tmp_path / "n.jsonl")
    hugging_face_trainer(tmp_path, [callback], max_grad_norm=0.5).train()
    for row in rows(tmp_path / "n.jsonl"):
        assert row.keys() == {"step", "grad_norm_l1_clipped", "grad_norm_l2_clipped"}
        assert row["grad_norm_l2_clipped"] <= 0.5001


@NOISE
def test_hugging_face_callback_goes_on_from_a_checkpoint(tmp_path, capsys) -> None:
    path = tmp_path / "n.jsonl"
    saves = {"save_strategy": "steps", "save_steps": 5, "max_grad_norm": 0}
    first = hugging_face_trainer(tmp_path / "run", [TransformersGradNorms(path)], **saves)
    first.train()
    again = hugging_face_trainer(tmp_path / "run", [TransformersGradNorms(path)], **saves)
    again.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-10"))
    every = read_log(path).every_update()
    assert (every.rows, every.repeated) == (12, 2)


@NOISE
def test_lightning_callback_records_norms_before_clipping(tmp_path, caplog) -> None:
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.line = Line()
            self.seen: list[float] = []

        def training_step(self, batch, at):
            return self.line(**batch)["loss"]

        def on_before_optimizer_step(self, optimizer) -> None:
            gradients = [p.grad for p in self.parameters()]
            self.seen.append(torch.nn.utils.get_total_norm(gradients).item())

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.01)

    module = Module()
    lightning.Trainer(
        accelerator="cpu", max_epochs=2, logger=False, gradient_clip_val=0.1,
        callbacks=[LightningGradNorms(tmp_path / "n.jsonl")],
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    ).fit(module, torch.utils.data.DataLoader(points(), batch_size=8))  # fmt: skip
    written = rows(tmp_path / "n.jsonl")
    assert [row["step"] for row in written] == list(range(12))
    np.testing.assert_allclose([row["grad_norm_l2"] for row in written], module.seen, rtol=1e-6)


TWO = """
import os, sys, warnings, torch, torch.distributed as dist
from halflife.schedules.refinement import GradNormRecorder

rank, folder = int(sys.argv[1]), sys.argv[2]
os.environ["GLOO_SOCKET_IFNAME"] = "lo"
dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)

def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 2))

def train(model, path, parameters=None, sharded=False):
    with GradNormRecorder(parameters or model.parameters(), path, sharded=sharded) as recorder:
        for step in range(3):
            model.zero_grad()
            x = torch.randn(8, 4, generator=torch.Generator().manual_seed(10 * step))
            model(x[rank::2]).square().mean().backward()  # each rank has its half of the batch
            recorder.record()

ddp = torch.nn.parallel.DistributedDataParallel(network())
train(ddp, f"{folder}/ddp.jsonl")

ddp = torch.nn.parallel.DistributedDataParallel(network())
mine = [p for at, p in enumerate(ddp.parameters()) if at % 2 == rank]  # as if each held a part
train(ddp, f"{folder}/sharded.jsonl", mine, sharded=True)

from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
model = network()
fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
train(model, f"{folder}/fsdp.jsonl")
dist.barrier()
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_write_the_norms_of_one(tmp_path) -> None:
    script = tmp_path / "two.py"
    script.write_text(TWO)
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    processes = [
        subprocess.Popen(
            [sys.executable, str(script), str(rank), str(tmp_path)],
            env=environment, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    ends = [(process.communicate(timeout=120)[1], process.returncode) for process in processes]
    assert [code for _, code in ends] == [0, 0], ends

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 2))
    with GradNormRecorder(model.parameters(), tmp_path / "one.jsonl") as recorder:
        for step in range(3):
            model.zero_grad()
            x = torch.randn(8, 4, generator=torch.Generator().manual_seed(10 * step))
            model(x).square().mean().backward()
            recorder.record()
    expected = rows(tmp_path / "one.jsonl")
    for name in ("ddp", "sharded", "fsdp"):
        written = rows(tmp_path / f"{name}.jsonl")
        assert len(written) == 3
        for row, one in zip(written, expected, strict=True):
            assert row == pytest.approx(one, rel=1e-5), name
