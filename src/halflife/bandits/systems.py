"""Named systems: the paper's two, and random ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from halflife.arguments import array, number, whole
from halflife.bandits.actions import Actions, full_spends
from halflife.bandits.environment import DynamicalLinearBandit


def synthetic(sigma: float = 0.01) -> DynamicalLinearBandit:
    """The paper's synthetic system (section 5.1): three channels, ρ = 0.2.

    A = diag(0.2, 0, 0.1), B = diag(0.45, 0, 0.1), ω = (1, 0, 0.1), θ = (0, 0.5, 0.1), so that
    h = (0.5625, 0.5, 0.1111): the second channel pays most at once, the first in the long run.
    B is that of the authors' code; it alone fits the h that the paper reports.
    """
    return DynamicalLinearBandit(
        A=np.diag([0.2, 0.0, 0.1]),
        B=np.diag([0.45, 0.0, 0.1]),
        omega=np.array([1.0, 0.0, 0.1]),
        theta=np.array([0.0, 0.5, 0.1]),
        reward_noise=sigma,
        state_noise=sigma,
    )


def advertising(sigma: float = 0.01) -> DynamicalLinearBandit:
    """The system that the authors identified from the log of three advertising platforms.

    ρ = 0.667, Φ = 2.78, h = (0.252, −0.036, 0.106). The second platform pays most at once and
    nothing in the long run. Its three outputs are summed, and so is their noise here: one η.
    """
    outputs = np.array([[0.25, -0.14, 0.01], [-0.55, 0.2, -0.13], [-0.31, -0.1, -0.01]])
    at_once = np.array([[0.11, 0.1, 0.01], [0.01, 0.36, 0.01], [0.01, -0.05, 0.0]])
    return DynamicalLinearBandit(
        A=np.array([[0.38, 0.33, 0.6], [0.07, 0.76, -0.54], [0.18, 0.34, 0.05]]),
        B=np.array([[0.14, 0.34, -0.05], [-0.17, 0.03, -0.01], [0.04, -0.09, 0.17]]),
        omega=outputs.sum(axis=0),
        theta=at_once.sum(axis=0),
        reward_noise=sigma,
        state_noise=sigma,
    )


def paper_actions() -> Actions:
    """The six full spends of 1.5 on three channels of at most 1: the actions of both systems."""
    return full_spends(1.5, 3)


def random_system(
    rho: float,
    n: int = 3,
    d: int = 3,
    *,
    sigma: float = 0.0,
    actions: Actions | None = None,
    seed: int = 0,
) -> DynamicalLinearBandit:
    """A system with Gaussian A, B, ω and θ, A scaled to the spectral radius `rho`.

    With `actions`, ω and θ are scaled so that max |J(u)| = 1 over them.
    """
    rng = np.random.default_rng([whole("seed", seed, 0), 2])
    a = rng.normal(size=(n, n))
    a *= number("rho", rho, "[0, 1)") / np.abs(np.linalg.eigvals(a)).max()
    b, omega, theta = rng.normal(size=(n, d)), rng.normal(size=n), rng.normal(size=d)
    made = DynamicalLinearBandit(a, b, omega, theta)
    size = 1.0 if actions is None else float(np.abs(actions.arms @ made.cumulative).max())
    return DynamicalLinearBandit(a, b, omega / size, theta / size, sigma, sigma)


def adstock(
    decay: ArrayLike, effect: ArrayLike, *, reward_noise: float = 0.0, state_noise: float = 0.0
) -> DynamicalLinearBandit:
    """Geometric adstock as a bandit: what is spent on channel i pays c_i a_i^s after s rounds.

    A = diag(a), B = I, ω = a c, θ = c, so that h = c / (1 − a).

    Args:
        decay: a, shape (d,), each in (−1, 1).
        effect: c, shape (d,), reward per unit of spend at once.
        reward_noise: Standard deviation of η.
        state_noise: Standard deviation of each coordinate of ε.
    """
    a = array("decay", decay, (None,))
    c = array("effect", effect, a.shape)
    return DynamicalLinearBandit(np.diag(a), np.eye(len(a)), a * c, c, reward_noise, state_noise)
