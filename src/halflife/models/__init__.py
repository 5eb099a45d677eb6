"""Models: layers made of the method families, and language models of such layers.

`gla/` is gated linear attention. Knows nothing of papers, claims or workloads.
"""

from typing import TYPE_CHECKING, Any

from halflife.models import gla
from halflife.models.gla import GatedLinearAttention, from_authors, from_fla, to_authors, to_fla

if TYPE_CHECKING:
    from halflife.models.gla import (
        GLACache,
        GLAConfig,
        GLAForCausalLM,
        GLAModel,
        TruncatedTrainer,
        truncated_backward,
    )

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
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(gla, name)
