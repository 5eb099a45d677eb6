"""Attention whose memory decays.

`gla` is gated linear attention, `gla_step` one step of it for decoding; `simple_gla`, `retention`
and `ssd` are the special cases with one gate a head, `gla_two_gates` is the general case with gates
on keys and values. The folder `gla` has the operator and its backends.

Knows nothing of layers, models, papers or experiments.
"""

from halflife.attention.gla import (
    gla,
    gla_step,
    gla_two_gates,
    retention,
    simple_gla,
    ssd,
)

__all__ = ["gla", "gla_step", "gla_two_gates", "retention", "simple_gla", "ssd"]
