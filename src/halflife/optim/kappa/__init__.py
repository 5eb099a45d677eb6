"""The convex functions K that make an optimizer: value, gradient, conjugate, constraint.

`get("huber:e=0.1")` finds one by name, `names()` lists them; `str(K)` is the name that `get` reads.
One K, one file: sums over entries (`Elementwise`: `L1`, `DeadZone`, `Huber`, `Elastic`,
`Relativistic`, `LogCosh`, `Softsign`, `Arctan`, `Quadratic`, `Power`, `Asinh`, `Symlog`), functions
of a vector (`Vector`: `Lp`, `L2`, `LInf`, `TopK`, `HuberNorm`, `MaxL2`, `LogSumExp`,
`QuadraticForm`) and of a matrix's singular values (`Spectral`: `Nuclear`, `Schatten`, `Operator`,
`SpectralHuber`). `kappa.py` says what every K must be able to say.

Knows nothing of optimizers.
"""

from halflife.optim.kappa.arctan import Arctan
from halflife.optim.kappa.asinh import Asinh
from halflife.optim.kappa.dead_zone import DeadZone
from halflife.optim.kappa.elastic import Elastic
from halflife.optim.kappa.elementwise import Elementwise
from halflife.optim.kappa.huber import Huber
from halflife.optim.kappa.huber_norm import HuberNorm
from halflife.optim.kappa.kappa import Kappa, get, names
from halflife.optim.kappa.l1 import L1
from halflife.optim.kappa.l2 import L2
from halflife.optim.kappa.linf import LInf
from halflife.optim.kappa.log_cosh import LogCosh
from halflife.optim.kappa.log_sum_exp import LogSumExp
from halflife.optim.kappa.lp import Lp
from halflife.optim.kappa.max_l2 import MaxL2
from halflife.optim.kappa.newton_schulz import newton_schulz
from halflife.optim.kappa.power import Power
from halflife.optim.kappa.quadratic import Quadratic
from halflife.optim.kappa.quadratic_form import QuadraticForm
from halflife.optim.kappa.relativistic import Relativistic
from halflife.optim.kappa.softsign import Softsign
from halflife.optim.kappa.spectral import Nuclear, Operator, Schatten, Spectral, SpectralHuber
from halflife.optim.kappa.symlog import Symlog
from halflife.optim.kappa.top_k import TopK
from halflife.optim.kappa.vector import Norm, Vector

__all__ = [
    "L1",
    "L2",
    "Arctan",
    "Asinh",
    "DeadZone",
    "Elastic",
    "Elementwise",
    "Huber",
    "HuberNorm",
    "Kappa",
    "LInf",
    "LogCosh",
    "LogSumExp",
    "Lp",
    "MaxL2",
    "Norm",
    "Nuclear",
    "Operator",
    "Power",
    "Quadratic",
    "QuadraticForm",
    "Relativistic",
    "Schatten",
    "Softsign",
    "Spectral",
    "SpectralHuber",
    "Symlog",
    "TopK",
    "Vector",
    "get",
    "names",
    "newton_schulz",
]
