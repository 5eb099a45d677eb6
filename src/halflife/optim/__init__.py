"""Lion-K: optimizers that step along ∇K of their momentum, and the problems that they solve.

`LionK` is the optimizer, for every K; `Lion`, `Signum`, `NormalizedSGD`, `Muon` and `FrankWolfe`
are names for settings of it. `kappa` has the functions K, one file each. `diagnostics` tells which
problem an optimizer is solving and how far it is; `certificate` and `lyapunov` are its formulas,
`flow` is the same in continuous time, `descent` records a run. `update` is the arithmetic in plain
torch, `cpu` and `gpu` are its kernels, `backends` chooses; `rounding` and `philox` are about
weights of 16 bits, `eight_bit` about averages of 8.

Knows nothing of papers, experiments or training loops.
"""

from halflife.optim import diagnostics, kappa
from halflife.optim.frank_wolfe import FrankWolfe
from halflife.optim.lion import Lion
from halflife.optim.lion_k import LionK
from halflife.optim.muon import Muon
from halflife.optim.normalized_sgd import NormalizedSGD
from halflife.optim.signum import Signum

__all__ = [
    "FrankWolfe",
    "Lion",
    "LionK",
    "Muon",
    "NormalizedSGD",
    "Signum",
    "diagnostics",
    "kappa",
]
