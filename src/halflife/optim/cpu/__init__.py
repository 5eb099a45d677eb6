"""The update in one pass over memory on the CPU, by Numba: for K that are sums over entries.

`kernel` is compiled once for each kind of K and of stored numbers, in about a second, and kept on
disk; `functions` has its ∇K, `memory` its loads and stores, `compiled` says how Numba makes code of
them. `tables` tells it where the tensors lie.

Knows nothing of groups or of when it is chosen.
"""

from __future__ import annotations

from halflife.optim import fused
from halflife.optim.cpu.tables import update_fused
from halflife.optim.fused import unsuited

__all__ = ["probe", "unsuited", "update_fused"]


def probe() -> None:
    """Raise if Numba does not work here."""
    fused.probe(update_fused, "cpu")
