"""What the tests of optimizers draw from: every K, and tensors for it."""

import torch
from hypothesis import strategies as st

from halflife.optim.kappa import get

FORM = ((2.0, 0.5, 0.0), (0.5, 1.0, 0.1), (0.0, 0.1, 3.0))
SPECS = (
    "l1",
    "l1:scale=0.3",
    "dead-zone:e=0.3",
    "huber:e=0.5",
    "elastic:e1=0.2,e2=0.5",
    "relativistic:e=0.5",
    "log-cosh:b=2.0",
    "softsign:e=0.5",
    "arctan:e=0.5,scale=2.0",
    "quadratic",
    "power:p=1.5",
    "power:p=3.0",
    "asinh",
    "symlog",
    f"quadratic-form:block=row,P={FORM}",
    "l2",
    "l2:block=row",
    "l2:scale=rms,block=column",
    "lp:p=1.25",
    "lp:scale=rms,block=row,p=1.5",
    "lp:block=2,p=3.0",
    "linf",
    "linf:block=column",
    "top-k:k=3",
    "top-k:block=row,k=2",
    "huber-norm:e=0.5",
    "max-l2",
    "max-l2:groups=column",
    "max-l2:groups=2",
    "log-sum-exp",
    "log-sum-exp:block=row",
    "nuclear",
    "nuclear:scale=aspect,block=2",
    "schatten:p=1.5",
    "operator",
    "spectral-huber:scale=adamw,e=0.7",
)
ALL = [get(spec) for spec in SPECS]
BOUNDED = [K for K in ALL if K.bounded]
SMOOTH = [K for K in ALL if K.smooth]
NORMS = [K for K in ALL if K.homogeneous]
ELEMENTWISE = [K for K in ALL if K.elementwise]

SHAPE = (4, 3)
"""Of the tensors that `tensors` draws: every block above fits it."""


def tensors(low: float = -3.0, high: float = 3.0):
    """float64 of shape [4, 3] with many ties and zeros among ordinary numbers."""
    entry = st.one_of(
        st.sampled_from([0.0, -0.0, 0.3, -0.3, 0.5, 1.0, -1.0]), st.floats(low, high, width=32)
    )
    return st.lists(entry, min_size=12, max_size=12).map(
        lambda values: torch.tensor(values, dtype=torch.float64).reshape(SHAPE)
    )
