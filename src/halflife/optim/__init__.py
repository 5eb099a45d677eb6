"""Lion-K: optimizers that step along ∇K of their momentum, and the problems that they solve.

`LionK` is the optimizer. `kappa` has the functions K, one file each. `diagnostics` tells which
problem an optimizer is solving and how far it is.

Knows nothing of papers, experiments or training loops.
"""

from halflife.optim import diagnostics, kappa
from halflife.optim.lion_k import LionK

__all__ = ["LionK", "diagnostics", "kappa"]
