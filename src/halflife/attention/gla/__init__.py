"""Gated linear attention (Yang et al. 2024, arXiv 2312.06635): the operator.

`operator` is the public function, `arguments` its checks, `step` its form for decoding; `simple`,
`retention`, `ssd` and `two_gates` are other operators as thin calls of it. `backends` chooses who
computes: `reference` is the paper's recurrence in float64, `chunkwise` its chunkwise form in plain
torch, `cpu` the recurrence in the processor's registers, `gpu` the chunkwise form in Triton.
`custom_op` makes the last three known to PyTorch's dispatcher, autograd and compiler; `pool` keeps
the memory of results for the next.

Knows nothing of layers or models.
"""

from halflife.attention.gla.operator import gla
from halflife.attention.gla.retention import retention
from halflife.attention.gla.simple import simple_gla
from halflife.attention.gla.ssd import ssd
from halflife.attention.gla.step import gla_step
from halflife.attention.gla.two_gates import gla_two_gates

__all__ = ["gla", "gla_step", "gla_two_gates", "retention", "simple_gla", "ssd"]
