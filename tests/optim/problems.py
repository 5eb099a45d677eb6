"""What the tests of the theory draw from: every K with its row of the reference, and losses."""

import numpy as np
import torch
from hypothesis import strategies as st

from halflife.optim import reference
from halflife.optim.kappa import get

FORM = [[2.0, 0.5, 0.0], [0.5, 1.0, 0.1], [0.0, 0.1, 3.0]]
TABLE = {
    "l1": reference.l1(),
    "l1:scale=0.3": reference.scaled(reference.l1(), 0.3),
    "dead-zone:e=0.3": reference.dead_zone(0.3),
    "huber:e=0.5": reference.huber(0.5),
    "elastic:e1=0.2,e2=0.5": reference.elastic(0.2, 0.5),
    "relativistic:e=0.5": reference.relativistic(0.5),
    "log-cosh:b=2.0": reference.log_cosh(2.0),
    "softsign:e=0.5": reference.softsign(0.5),
    "arctan:scale=2.0,e=0.5": reference.scaled(reference.arctan(0.5), 2.0),
    "quadratic": reference.quadratic(),
    f"quadratic-form:block=row,P={FORM}": reference.rowwise(
        reference.quadratic_form(np.array(FORM))
    ),
    "power:p=1.5": reference.power(1.5),
    "power:p=3.0": reference.power(3.0),
    "asinh": reference.asinh(),
    "symlog": reference.symlog(),
    "log-sum-exp": reference.log_sum_exp(),
    "log-sum-exp:block=row": reference.rowwise(reference.log_sum_exp()),
    "l2": reference.l2(),
    "l2:block=row": reference.rowwise(reference.l2()),
    "lp:p=1.25": reference.lp(1.25),
    "lp:block=row,p=3.0": reference.rowwise(reference.lp(3.0)),
    "lp:scale=rms,p=1.5": reference.scaled(reference.lp(1.5), 12 ** (1 / 3)),
    "linf": reference.linf(),
    "top-k:k=3": reference.top_k(3),
    "top-k:block=row,k=2": reference.rowwise(reference.top_k(2)),
    "huber-norm:e=0.5": reference.huber_norm(0.5),
    "max-l2": reference.max_l2(),
    "nuclear": reference.nuclear(),
    "nuclear:scale=aspect": reference.scaled(reference.nuclear(), (4 / 3) ** 0.5),
    "schatten:p=1.5": reference.schatten(1.5),
    "operator": reference.operator(),
    "spectral-huber:e=0.7": reference.spectral_huber(0.7),
}
"""By the name that `kappa.get` reads."""
EVERY = [get(spec) for spec in TABLE]
SHAPE = (4, 3)
"""Of all weights here: every block above fits it."""
SMOOTH_SPECS = (
    "huber:e=0.5",
    "log-cosh:b=2.0",
    "relativistic:e=0.5",
    "softsign:e=0.5",
    "arctan:e=0.5",
    "quadratic",
    "symlog",
)
"""Seven smooth K, bounded ones, barriers and unbounded ones."""

seeds = st.integers(0, 2**32 - 1)


class Wave:
    """A loss with known smoothness that is not convex: ½ aᵀ(x − c)² + b Σ cos x over [4, 3].

    Attributes:
        smoothness: A Lipschitz constant of the gradient.
    """

    def __init__(self, seed, *, convex=False):
        rng = torch.Generator().manual_seed(seed)
        self._a = 0.1 + 2 * torch.rand(SHAPE, generator=rng, dtype=torch.float64)
        self._c = 2 * torch.randn(SHAPE, generator=rng, dtype=torch.float64)
        self._b = 0.0 if convex else float(2 * torch.rand((), generator=rng))
        self.smoothness = float(self._a.max()) + self._b
        self.weights, self.centre = self._a, self._c

    def __call__(self, x):
        return (self._a * (x - self._c).square()).sum() / 2 + self._b * x.cos().sum()

    def gradient(self, x):
        return self._a * (x - self._c) - self._b * x.sin()


def drawn(seed, size=1.0):
    """Normal numbers of the shape, float64."""
    rng = torch.Generator().manual_seed(seed)
    return size * torch.randn(SHAPE, generator=rng, dtype=torch.float64)


def inside(K, seed, weight_decay):
    """Weights at which K*(λx) is finite."""
    y = K.project(drawn(seed, 0.5)) if K.even else K.grad(drawn(seed))
    return (0.999 * y if K.even else y) / weight_decay
