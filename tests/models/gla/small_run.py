"""The settings of the paper's launch made small: a little text, a little model, a few updates."""

import sysconfig
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast


def write_corpus(folder):
    """Some files of the standard library, and a tokenizer of bytes."""
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[:40]
    for at, file in enumerate(files):
        part = folder / ("held" if at % 8 == 0 else "train")
        part.mkdir(exist_ok=True)
        (part / f"{file.stem}.txt").write_bytes(file.read_bytes()[:4000])
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        [], trainers.BpeTrainer(special_tokens=["</s>"], initial_alphabet=alphabet)
    )
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>")
    wrapped.save_pretrained(folder / "tokenizer")
    return folder


def small(corpus, output, **changes):
    """The changes that make a small run of the large one's settings."""
    values = {
        "model.hidden_size": 32,
        "model.num_hidden_layers": 2,
        "model.num_heads": 2,
        "model.intermediate_size": 64,
        "model.vocab_size": 257,
        "data.name": "text",
        "data.files": f"{{train: {corpus}/train/*.txt, held: {corpus}/held/*.txt}}",
        "data.held_out": "held",
        "data.held_out_windows": 8,
        "data.tokenizer": corpus / "tokenizer",
        "data.context": 32,
        "schedule.tokens_per_update": 256,
        "schedule.tokens": 256 * 30,
        "schedule.warmup_tokens": 256 * 3,
        "training.per_device_train_batch_size": 2,
        "training.per_device_eval_batch_size": 4,
        "training.learning_rate": 0.01,
        "training.bf16": False,
        "training.use_cpu": True,
        "training.disable_tqdm": True,
        "training.save_steps": 10,
        "training.output_dir": output,
    }
    return [f"{name}={value}" for name, value in {**values, **changes}.items()]
