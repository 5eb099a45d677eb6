"""Lion-K: optimizers that step along ∇K of their momentum, and the problems that they solve.

`LionK` is the optimizer. `kappa` has the functions K, one file each.

Knows nothing of papers, experiments or training loops.
"""

from halflife.optim import kappa
from halflife.optim.lion_k import LionK

__all__ = ["LionK", "kappa"]
