"""Gated linear attention as a layer and as a language model.

- `layer.py`: `GatedLinearAttention`, in plain torch; `gates.py`: what is forgotten, in four kinds
- `config.py`, `model.py`: `GLAConfig`, `GLAModel`, `GLAForCausalLM` and their cache, for
  Transformers (the extra `llm`)
- `truncated.py`: training through segments of a long text
- `names.py`: the weights of other codes
- `pretrain.py`: pre-training from a file of settings, on one machine or many

The operator is `halflife.attention.gla`. Yang et al. 2024, arXiv 2312.06635.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from halflife.models.gla.layer import GatedLinearAttention
from halflife.models.gla.names import from_authors, from_fla, to_authors, to_fla

if TYPE_CHECKING:
    from halflife.models.gla.config import GLAConfig
    from halflife.models.gla.model import GLACache, GLAForCausalLM, GLAModel
    from halflife.models.gla.truncated import TruncatedTrainer, truncated_backward

_NEEDS_TRANSFORMERS = {
    "GLACache": "model",
    "GLAConfig": "config",
    "GLAForCausalLM": "model",
    "GLAModel": "model",
    "TruncatedTrainer": "truncated",
    "truncated_backward": "truncated",
}

__all__ = [
    "GLACache",
    "GLAConfig",
    "GLAForCausalLM",
    "GLAModel",
    "GatedLinearAttention",
    "TruncatedTrainer",
    "from_authors",
    "from_fla",
    "to_authors",
    "to_fla",
    "truncated_backward",
]


def __getattr__(name: str) -> Any:
    if name not in _NEEDS_TRANSFORMERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        import_module("transformers")
    except ImportError as absent:
        raise ImportError(
            f"{name} is made for Hugging Face Transformers, which is not installed here: "
            "pip install 'halflife[llm]'."
        ) from absent
    import_module(f"{__name__}.model")  # so that Transformers' Auto classes know it
    return getattr(import_module(f"{__name__}.{_NEEDS_TRANSFORMERS[name]}"), name)
