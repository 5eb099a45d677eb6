"""The update in one pass over memory on a GPU, in Triton: for K that are sums over entries.

One launch updates all tensors of a group. `kernel` updates a tile, with the loads and stores of
`memory` and the ∇K of `functions`; `tables` tells it where the tensors lie. Nothing is tuned on
live weights. Knows nothing of groups or of when it is chosen.

Under `TRITON_INTERPRET=1` it runs on the CPU, for tests.
"""

from __future__ import annotations

import os

from halflife.optim import fused
from halflife.optim.fused import unsuited
from halflife.optim.gpu.tables import update_fused

__all__ = ["probe", "unsuited", "update_fused"]

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


def probe() -> None:
    """Raise if Triton does not work here."""
    fused.probe(update_fused, "cpu" if INTERPRETED else "cuda")
