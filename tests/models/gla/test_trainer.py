"""Transformers' own Trainer on a tiny model: killed, resumed, saved, read, generated from."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from transformers import AutoModelForCausalLM, Trainer, TrainingArguments  # noqa: E402

from halflife.models import GLAConfig, GLAForCausalLM, TruncatedTrainer  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.*pin_memory.*")
UPDATES = 12
PHRASE = [5, 9, 2, 7, 7, 3]


def data(rows=64, time=24):
    """A phrase over and over, from another beginning each time: easy to learn by heart."""
    return [
        {"input_ids": (ids := (PHRASE * 10)[k % 6 : k % 6 + time]), "labels": ids}
        for k in range(rows)
    ]


def model(**fields):
    torch.manual_seed(0)
    return GLAForCausalLM(
        GLAConfig(
            vocab_size=12,
            hidden_size=32,
            num_hidden_layers=2,
            intermediate_size=32,
            num_heads=2,
            pad_token_id=None,
            bos_token_id=None,
            eos_token_id=None,
            tie_word_embeddings=True,
            **fields,
        )
    )


def arguments(folder, **options):
    return TrainingArguments(
        **{
            "output_dir": str(folder),
            "per_device_train_batch_size": 4,
            "max_steps": UPDATES,
            "learning_rate": 1e-2,
            "save_steps": 3,
            "logging_steps": 1,
            "report_to": [],
            "disable_tqdm": True,
            "use_cpu": True,
            "seed": 3,
            **options,
        }
    )


def losses(trainer):
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def test_it_learns_is_saved_comes_back_and_generates(tmp_path):
    trainer = Trainer(
        model(),
        arguments(tmp_path, max_steps=60, activation_checkpointing=True),
        train_dataset=data(),
    )
    trainer.train()
    assert losses(trainer)[-1] < 0.3 < 1.5 < losses(trainer)[0]
    assert trainer.evaluate(data(8))["eval_loss"] < 0.3
    trainer.save_model(tmp_path / "saved")
    assert (tmp_path / "saved" / "model.safetensors").exists()
    back = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    said = back.generate(torch.tensor([PHRASE]), max_new_tokens=12, do_sample=False)
    assert said[0].tolist() == PHRASE * 3


SCRIPT = """
import sys
from pathlib import Path
from transformers import TrainerCallback, Trainer
from tests.models.gla.test_trainer import arguments, data, model

class Slow(TrainerCallback):
    def on_step_end(self, *args, **kwargs):
        import time
        time.sleep(0.3)

folder = Path(sys.argv[1])
trainer = Trainer(model(), arguments(folder), train_dataset=data(), callbacks=[Slow()])
trainer.train()
"""


def until_killed(folder):
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{root / 'src'}"}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while not (folder / "checkpoint-6" / "trainer_state.json").exists():
            assert process.poll() is None, "it ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.4)  # the checkpoint is written to its end, and a step more is made
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def until_an_error(folder):
    class Stop(transformers.TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == 8:
                raise RuntimeError("stopped")

    trainer = Trainer(model(), arguments(folder), train_dataset=data(), callbacks=[Stop()])
    with pytest.raises(RuntimeError, match="stopped"):
        trainer.train()


@pytest.mark.parametrize(
    "run", [until_an_error, pytest.param(until_killed, marks=pytest.mark.slow)]
)
def test_a_run_that_is_stopped_goes_on_as_if_it_had_not_been(tmp_path, run):
    whole = Trainer(model(), arguments(tmp_path / "whole"), train_dataset=data())
    whole.train()
    stopped = tmp_path / "stopped"
    run(stopped)
    last = json.loads((stopped / "checkpoint-6" / "trainer_state.json").read_text())
    assert last["global_step"] == 6
    resumed = Trainer(model(), arguments(stopped), train_dataset=data())
    resumed.train(resume_from_checkpoint=True)
    assert losses(resumed) == losses(whole)
    for one, other in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("labelled", [True, False])
def test_segments_of_the_whole_length_train_as_the_plain_trainer_does(labelled, tmp_path):
    options = {"gradient_accumulation_steps": 2, "max_steps": 4}
    plain = Trainer(model(), arguments(tmp_path / "p", **options), train_dataset=data())
    plain.train()
    rows = data() if labelled else [{"input_ids": row["input_ids"]} for row in data()]
    whole = TruncatedTrainer(
        model(), arguments(tmp_path / "t", **options), train_dataset=rows, segment=24
    )
    whole.train()
    assert losses(whole) == pytest.approx(losses(plain), rel=1e-4)
    for one, other in zip(plain.model.parameters(), whole.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_it_learns_in_segments(tmp_path):
    trainer = TruncatedTrainer(
        model(), arguments(tmp_path, max_steps=60), train_dataset=data(), segment=6
    )
    trainer.train()
    assert losses(trainer)[-1] < 0.4 < 1.5 < losses(trainer)[0]
