"""The perceptron of LLaMA's blocks and their like (Shazeer 2020, arXiv 2002.05202)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class SwiGLU(nn.Module):
    """(swish(x W₁) ⊙ x W₃) W₂ without biases; [..., width] -> the same."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, hidden, bias=False)
        self.up_proj = nn.Linear(width, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return y


def swiglu_width(width: int, ratio: float = 4) -> int:
    """Hidden width with the parameters of a plain perceptron of `ratio` times the width.

    Two thirds of it, rounded up to a multiple of 256: 2816 for 1024, 5632 for 2048.
    """
    return 256 * -(-int(width * ratio * 2 / 3) // 256)
