"""The launch that trains the paper's model, on a small one and a little text."""

import json
import os
import subprocess
import sys
from math import log
from pathlib import Path

import pytest
import torch

transformers = pytest.importorskip("transformers")
pytest.importorskip("datasets")

from transformers import AutoModelForCausalLM  # noqa: E402

from halflife.models.gla.pretrain import (  # noqa: E402
    SETTINGS,
    accumulation,
    build,
    main,
    read_settings,
)

from .small_run import small, write_corpus  # noqa: E402

ROOT = Path(__file__).parents[3]
NAMES = sorted(path.stem for path in SETTINGS.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_are_the_papers(name):
    settings = read_settings(name)
    with torch.device("meta"):
        gla, llama = (
            build({**settings["model"], "architecture": architecture})
            for architecture in ("gla", "llama")
        )
    sizes = [sum(p.numel() for p in one.parameters()) / 1e6 for one in (gla, llama)]
    assert sizes == pytest.approx([341.7, 341.7], abs=1)
    plan = settings["schedule"]
    assert plan["tokens"] == float(name.split("-")[1].rstrip("B")) * 1e9
    assert plan["warmup_tokens"] == 5e8
    assert plan["tokens_per_update"] == 2**19  # "0.5M"
    for processes in (1, 2, 4, 8):
        at_once = 32 * settings["data"]["context"] * processes
        assert accumulation(plan["tokens_per_update"], at_once) == 8 // processes


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus"))


def launch(launcher, *words, home):
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "src"),
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "ACCELERATE_USE_CPU": "true",
    }
    return subprocess.run(
        [sys.executable, "-m", *launcher, "-m", "halflife.models.gla.pretrain", "340M-15B", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.slow
def test_accelerate_launches_it_and_it_learns_and_goes_on(corpus, tmp_path):
    accelerate = ("accelerate.commands.launch", "--cpu", "--num_processes", "1")
    output = tmp_path / "run"
    done = launch(accelerate, *small(corpus, output), home=tmp_path / "hf")
    assert done.returncode == 0, done.stderr[-3000:]
    results = json.loads((output / "results.json").read_text())
    assert results["updates"] == 30
    assert results["tokens"] == 256 * 30
    assert results["eval_loss"] < 0.85 * log(257)
    history = json.loads((output / "checkpoint-30" / "trainer_state.json").read_text())
    rates = {
        entry["step"]: entry["learning_rate"] for entry in history["log_history"] if "loss" in entry
    }
    assert rates[30] == pytest.approx(0.001, rel=0.1)  # a tenth of the peak at the end
    assert isinstance(AutoModelForCausalLM.from_pretrained(output / "model").config.gate, str)
    (output / "results.json").unlink()  # as if killed just before its end
    again = launch(accelerate, *small(corpus, output), home=tmp_path / "hf")
    assert again.returncode == 0, again.stderr[-3000:]
    assert json.loads((output / "results.json").read_text()) == pytest.approx(results)


@pytest.mark.slow
def test_torchrun_starts_two_processes_that_train_one_model(corpus, tmp_path):
    run = ("torch.distributed.run", "--nproc-per-node", "2")
    found = {}
    for architecture in ("gla", "llama"):
        output = tmp_path / architecture
        words = small(corpus, output, **{"model.architecture": architecture})
        done = launch(run, *words, home=tmp_path / "hf")
        assert done.returncode == 0, done.stderr[-3000:]
        found[architecture] = json.loads((output / "results.json").read_text())
    for results in found.values():
        assert results["updates"] == 30
        assert results["eval_loss"] < 0.85 * log(257)


def test_errors_say_what_to_do(capsys):
    assert main(["350M"]) == 2
    assert "give a YAML file's path, or 340M-15B, 340M-7B" in capsys.readouterr().err
    assert main(["340M-15B", "modle.gate=scalar"]) == 2
    assert "part is one of model, data, schedule, training" in capsys.readouterr().err
    assert main(["--help"]) == 0
    assert "accelerate launch" in capsys.readouterr().out
    with pytest.raises(ValueError, match="1000 is no multiple of the 300 tokens"):
        accumulation(1000, 300)
    with pytest.raises(ValueError, match="must be 'gla' or 'llama', got 'mamba'"):
        build({"architecture": "mamba", "hidden_size": 64})
