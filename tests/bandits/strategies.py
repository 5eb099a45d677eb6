"""Random systems and actions for the property-based tests."""

import numpy as np
from hypothesis import strategies as st

from halflife.bandits import finite, random_system


@st.composite
def systems(draw, *, n=None, d=None, low=0.05, high=0.95, sigma=0.0):
    """A stable system with n states and d action coordinates."""
    return random_system(
        draw(st.floats(low, high)),
        n or draw(st.integers(1, 4)),
        d or draw(st.integers(1, 4)),
        sigma=sigma,
        seed=draw(st.integers(0, 10**6)),
    )


@st.composite
def arms(draw, d, most=8):
    """Gaussian arms: no two of them tie."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    return finite(rng.normal(size=(draw(st.integers(2, most)), d)))


seeds = st.integers(0, 10**6)
