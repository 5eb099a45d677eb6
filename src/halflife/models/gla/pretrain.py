"""Pre-training from a file of settings, on one machine or many.

    accelerate launch -m halflife.models.gla.pretrain 340M-15B training.output_dir=runs/gla

A file of `settings/` by its name, or any YAML file by its path; then changes, `part.name=value`.
Transformers' Trainer does the work, PyTorch the communication, so `torchrun` starts it as well. A
data set is named as on the Hub and streamed, or is local: `data.name=text data.files=books/*.txt`.
The process may be killed at any moment; the same command goes on from the last checkpoint. At the
end `results.json` in the output directory holds the held-out loss in nats a token.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

import yaml
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    TrainingArguments,
    default_data_collator,
    set_seed,
)
from transformers.trainer_utils import get_last_checkpoint

from halflife.models.gla.config import GLAConfig
from halflife.models.gla.model import GLAForCausalLM
from halflife.schedules import cosine, rewarm, trainer_with

Settings = dict[str, dict[str, Any]]
SETTINGS = Path(__file__).parent / "settings"
BUFFER = 10_000
"""Texts among which the next one of a stream is drawn."""


def read_settings(name: str, changes: list[str] | None = None) -> Settings:
    """The settings of a file, with `changes` such as "model.gate=scalar".

    Raises:
        ValueError: There is no such file, part or form of a change.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else SETTINGS / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in SETTINGS.glob("*.yaml")))
        raise ValueError(f"There are no settings {name!r}; give a YAML file's path, or {known}.")
    settings: Settings = yaml.safe_load(path.read_text())
    for change in changes or []:
        key, equals, value = change.partition("=")
        part, dot, field = key.partition(".")
        if not (equals and dot) or part not in settings:
            raise ValueError(
                f"{change!r} is not of the form part.name=value, where part is one of "
                f"{', '.join(settings)}."
            )
        settings[part][field] = yaml.safe_load(value)
    return settings


def build(fields: Mapping[str, Any]) -> PreTrainedModel:
    """A fresh model: GLA, or LLaMA of the same sizes.

    Raises:
        ValueError: Another architecture.
    """
    fields = dict(fields)
    architecture = fields.pop("architecture", "gla")
    if architecture == "gla":
        return GLAForCausalLM(GLAConfig(**fields))
    if architecture == "llama":
        heads = fields.pop("attention_heads", max(1, fields["hidden_size"] // 64))
        for only_gla in ("num_heads", "variant", "gate", "backend"):
            fields.pop(only_gla, None)
        return LlamaForCausalLM(LlamaConfig(num_attention_heads=heads, **fields))
    raise ValueError(f"model.architecture must be 'gla' or 'llama', got {architecture!r}.")


def windows(data: Mapping[str, Any], split: str, tokenizer: Any, seed: int) -> Any:
    """A split as windows of `context` tokens: texts one behind the other, an end mark between.

    What is left over of a thousand texts is shorter than a window and is dropped.
    """
    from datasets import load_dataset

    streaming = data.get("streaming", True)
    options = {"data_files": data["files"]} if "files" in data else {}
    if data["name"] == "text":
        options["sample_by"] = "document"
    texts = load_dataset(data["name"], split=split, streaming=streaming, **options)
    texts = texts.shuffle(seed=seed, **({"buffer_size": BUFFER} if streaming else {}))
    column, context = data.get("text", "text"), data["context"]

    def cut(batch: Mapping[str, list[str]]) -> dict[str, list[list[int]]]:
        tokens = tokenizer(batch[column], add_special_tokens=False)["input_ids"]
        joined = list(chain.from_iterable((*ids, tokenizer.eos_token_id) for ids in tokens))
        ends = range(context, len(joined) + 1, context)
        rows = [joined[end - context : end] for end in ends]
        return {"input_ids": rows, "labels": rows}

    return texts.select_columns([column]).map(cut, batched=True, remove_columns=[column])


def held_out(data: Mapping[str, Any], tokenizer: Any) -> list[dict[str, list[int]]]:
    """The first windows of the held-out split, in memory."""
    rows: Iterator[dict[str, list[int]]] = iter(windows(data, data["held_out"], tokenizer, seed=0))
    return list(islice(rows, data["held_out_windows"]))


def accumulation(tokens_per_update: int, at_once: int) -> int:
    """How many batches of `at_once` tokens, over all processes, make an update.

    Raises:
        ValueError: No whole number does.
    """
    if tokens_per_update % at_once:
        raise ValueError(
            f"schedule.tokens_per_update = {tokens_per_update} is no multiple of the {at_once} "
            "tokens that all processes take at once; change training.per_device_train_batch_size "
            "or the number of processes."
        )
    return tokens_per_update // at_once


def pretrain(settings: Settings) -> dict[str, float]:
    """Train, evaluate and save; returns `eval_loss` in nats a token, `updates` and `tokens`.

    What has been done before, in the same output directory, is not done again.
    """
    data, plan = settings["data"], settings["schedule"]
    updates = plan["tokens"] // plan["tokens_per_update"]
    options = {
        "output_dir": "runs/gla",
        "report_to": "none",
        "prediction_loss_only": True,  # all logits of an evaluation are 500 GB
        **settings["training"],
    }
    here = TrainingArguments(**options, max_steps=updates)  # knows the processes
    at_once = here.train_batch_size * data["context"] * here.world_size
    arguments = TrainingArguments(
        **options,
        max_steps=updates,
        gradient_accumulation_steps=accumulation(plan["tokens_per_update"], at_once),
    )
    warm = plan["warmup_tokens"] // plan["tokens_per_update"]
    curve = rewarm(plan["least"], warm, cosine().floor(plan["least"]), start="checkpoint")
    set_seed(arguments.seed)
    tokenizer = AutoTokenizer.from_pretrained(data["tokenizer"])
    folder = Path(str(arguments.output_dir))
    end, summary = folder / f"checkpoint-{updates}", folder / "results.json"
    if summary.exists():
        before: dict[str, float] = json.loads(summary.read_text())
        return before
    finished = end.is_dir()
    model = AutoModelForCausalLM.from_pretrained(end) if finished else build(settings["model"])
    trainer = trainer_with(curve)(
        model=model,
        args=arguments,
        train_dataset=windows(
            data, data["train"], tokenizer, arguments.data_seed or arguments.seed
        ),
        eval_dataset=held_out(data, tokenizer),
        processing_class=tokenizer,
        data_collator=default_data_collator,  # windows are of one length
    )
    if not finished:  # the Trainer would make one update more
        last = get_last_checkpoint(str(folder)) if folder.is_dir() else None
        trainer.train(resume_from_checkpoint=last)
    found = trainer.evaluate()
    trainer.save_model(str(folder / "model"))
    results = {
        "eval_loss": float(found["eval_loss"]),
        "updates": float(updates),
        "tokens": float(updates * plan["tokens_per_update"]),
    }
    if trainer.is_world_process_zero():
        summary.write_text(json.dumps(results))
    return results


def main(words: list[str]) -> int:
    """The command line: settings, then changes to them."""
    if not words or words[0] in ("-h", "--help"):
        sys.stdout.write(f"{__doc__}\n")
        return 0
    try:
        settings = read_settings(words[0], words[1:])
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    pretrain(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
