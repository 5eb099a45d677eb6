"""The confidence radius of a ridge regression, as one formula with switches.

β = scale · (constant + per_log (1 + log(t + 1)) + per_wait W + √(2 variance (log(1/δ) + G))),
where t counts rounds, W sums ρ^wait over waits for a transient to fade, and G is ½ log(det V / λ^d)
or its bound d/2 · log(1 + t U²/(d λ)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from halflife.arguments import Array, number
from halflife.bandits.constants import Constants


@dataclass(frozen=True, kw_only=True)
class Radius:
    """The numbers in the formula of this module."""

    constant: float
    per_log: float = 0.0
    per_wait: float = 0.0
    variance: float = 0.0
    log_inverse_delta: float = 0.0
    half_d: float = 0.0
    growth: float = 0.0
    by_determinant: bool = False
    scale: float = 1.0

    def __call__(self, t: int, waited: float = 0.0, logdet: float = 0.0) -> float:
        """β after t rounds."""
        grown = logdet / 2 if self.by_determinant else self.half_d * math.log1p(t * self.growth)
        return self.scale * (
            self.constant
            + self.per_log * (1 + math.log(t + 1))
            + self.per_wait * waited
            + math.sqrt(2 * self.variance * (self.log_inverse_delta + grown))
        )

    def scaled(self, scale: float) -> Radius:
        """The same, `scale` times as wide."""
        return replace(self, scale=number("scale", scale, "[0, inf)"))

    def packed(self) -> Array:
        """For the compiled loops, shape (9,): r[0] to r[8] of `kernels.beta_of`."""
        return np.array(
            [
                self.constant,
                self.per_log,
                self.per_wait,
                self.variance,
                self.log_inverse_delta,
                float(self.by_determinant),
                self.half_d,
                self.growth,
                self.scale,
            ]
        )


def _noise(constants: Constants, d: int, lam: float, delta: float) -> dict[str, Any]:
    return {
        "variance": constants.block_variance,
        "log_inverse_delta": math.log(1 / delta),
        "half_d": d / 2,
        "growth": constants.u**2 / (d * lam),
    }


def paper(constants: Constants, d: int, lam: float, delta: float) -> Radius:
    """DynLin-UCB's own: see `bounds.confidence_radius`."""
    return Radius(
        constant=constants.largest_h * math.sqrt(lam),
        per_log=constants.transient / math.sqrt(lam),
        **_noise(constants, d, lam, delta),
    )


def exact(constants: Constants, d: int, lam: float, delta: float) -> Radius:
    """The same theorem without its two estimates: the sum of the ρ^{H_m} itself, and det V."""
    return Radius(
        constant=constants.largest_h * math.sqrt(lam),
        per_wait=constants.transient / math.sqrt(lam),
        by_determinant=True,
        **_noise(constants, d, lam, delta),
    )


def without_transients(constants: Constants, d: int, lam: float, delta: float) -> Radius:
    """LinUCB's: the paper's radius without the part for transients."""
    return Radius(constant=constants.largest_h * math.sqrt(lam), **_noise(constants, d, lam, delta))


def whole_horizon(constants: Constants, d: int, lam: float, horizon: int, largest: float) -> Radius:
    """A constant radius for unit noise: Θ √λ + √(2 log T + d log((d λ + T b²)/(d λ)))."""
    spread = 2 * math.log(horizon) + d * math.log((d * lam + horizon * largest**2) / (d * lam))
    return Radius(constant=constants.theta * math.sqrt(lam) + math.sqrt(spread))


def hold(constants: Constants, d: int, lam: float, delta: float) -> Radius:
    """HoldUCB's: all rewards of a block, so that a transient counts 1/(1 − ρ) times."""
    return Radius(
        constant=constants.largest_h * math.sqrt(lam),
        per_wait=constants.transient / (1 - constants.rho) / math.sqrt(lam),
        by_determinant=True,
        **{**_noise(constants, d, lam, delta), "variance": constants.sum_variance},
    )
