"""Lion-K and its table of K, written out in plain NumPy float64: what the rest is tested against.

Signs are the paper's: the momentum m is an average of negative gradients. Every function K is a
`Row` of the table: value, gradient (or one of the subgradients) and conjugate, of an array as a
whole. `scaled` and `rowwise` make more of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Row(NamedTuple):
    """K(z), ∇K(z) and K*(y)."""

    value: Callable[[Array], float]
    grad: Callable[[Array], Array]
    conjugate: Callable[[Array], float]


def step(
    x: Array,
    m: Array,
    g: Array,
    K: Row,
    *,
    lr: float,
    betas: tuple[float, float],
    weight_decay: float,
    implicit: bool = False,
) -> tuple[Array, Array]:
    """One step with the gradient g, the paper's three lines; returns x and m after it.

    m̃ = β₁m − (1 − β₁)g;  m' = β₂m − (1 − β₂)g;  x' = x + η(∇K(m̃) − λx), or λx' if implicit
    """
    beta1, beta2 = betas
    u = K.grad(beta1 * m - (1 - beta1) * g)
    new_m = beta2 * m - (1 - beta2) * g
    if implicit:
        return (x + lr * u) / (1 + lr * weight_decay), new_m
    return x + lr * (u - weight_decay * x), new_m


def within(size: float, conjugate: float = 0.0) -> float:
    """The conjugate, where a norm is at most 1 but for rounding; else ∞."""
    return conjugate if size <= 1 + 1e-12 else math.inf


def l1() -> Row:
    """Lion."""
    return Row(
        value=lambda z: abs(z).sum(),
        grad=np.sign,
        conjugate=lambda y: within(abs(y).max()),
    )


def dead_zone(e: float) -> Row:
    """The ℓ1 norm with a dead zone."""
    return Row(
        value=lambda z: np.maximum(abs(z) - e, 0).sum(),
        grad=lambda z: np.sign(z) * (abs(z) > e),
        conjugate=lambda y: within(abs(y).max(), e * abs(y).sum()),
    )


def huber(e: float) -> Row:
    """Huber's function."""
    return Row(
        value=lambda z: np.where(abs(z) < e, z**2 / (2 * e), abs(z) - e / 2).sum(),
        grad=lambda z: np.clip(z / e, -1, 1),
        conjugate=lambda y: within(abs(y).max(), e / 2 * (y**2).sum()),
    )


def elastic(e1: float, e2: float) -> Row:
    """Huber's function behind a dead zone."""
    return Row(
        value=lambda z: huber(e2).value(np.maximum(abs(z) - e1, 0)),
        grad=lambda z: np.sign(z) * np.clip((abs(z) - e1) / e2, 0, 1),
        conjugate=lambda y: within(abs(y).max(), e1 * abs(y).sum() + e2 / 2 * (y**2).sum()),
    )


def relativistic(e: float) -> Row:
    """The relativistic kinetic energy."""
    return Row(
        value=lambda z: (np.sqrt(z**2 + e**2) - e).sum(),
        grad=lambda z: z / np.sqrt(z**2 + e**2),
        conjugate=lambda y: within(abs(y).max(), e * (1 - np.sqrt(np.maximum(1 - y**2, 0))).sum()),
    )


def log_cosh(b: float) -> Row:
    """A step by tanh."""
    return Row(
        value=lambda z: np.log(np.cosh(b * z)).sum() / b,
        grad=lambda z: np.tanh(b * z),
        conjugate=lambda y: within(abs(y).max(), (x_log_x(1 + y) + x_log_x(1 - y)).sum() / 2 / b),
    )


def softsign(e: float) -> Row:
    """A logarithmic barrier."""
    return Row(
        value=lambda z: (abs(z) - e * np.log(1 + abs(z) / e)).sum(),
        grad=lambda z: z / (e + abs(z)),
        conjugate=lambda y: within(abs(y).max(), -e * (abs(y) + np.log(1 - abs(y))).sum()),
    )


def arctan(e: float) -> Row:
    """A step by the arcus tangent."""
    return Row(
        value=lambda z: (
            (z * np.arctan(z / e) - e / 2 * np.log(1 + (z / e) ** 2)).sum() * (2 / math.pi)
        ),
        grad=lambda z: np.arctan(z / e) * (2 / math.pi),
        conjugate=lambda y: within(
            abs(y).max(), -2 * e / math.pi * np.log(np.cos(math.pi * y / 2)).sum()
        ),
    )


def quadratic() -> Row:
    """SGD with momentum."""
    return Row(
        value=lambda z: (z**2).sum() / 2,
        grad=lambda z: z,
        conjugate=lambda y: (y**2).sum() / 2,
    )


def quadratic_form(P: Array) -> Row:
    """Preconditioned SGD, P symmetric."""
    return Row(
        value=lambda z: (z.ravel() * (P @ z.ravel())).sum() / 2,
        grad=lambda z: (P @ z.ravel()).reshape(z.shape),
        conjugate=lambda y: (y.ravel() * (np.linalg.inv(P) @ y.ravel())).sum() / 2,
    )


def power(p: float) -> Row:
    """Powers, 1/p + 1/q = 1."""
    q = p / (p - 1)
    return Row(
        value=lambda z: (abs(z) ** p).sum() / p,
        grad=lambda z: np.sign(z) * abs(z) ** (p - 1),
        conjugate=lambda y: (abs(y) ** q).sum() / q,
    )


def asinh() -> Row:
    """A step by the area hyperbolic sine."""
    return Row(
        value=lambda z: (z * np.arcsinh(z) - np.sqrt(1 + z**2) + 1).sum(),
        grad=np.arcsinh,
        conjugate=lambda y: (np.cosh(y) - 1).sum(),
    )


def symlog() -> Row:
    """A step by the symmetric logarithm."""
    return Row(
        value=lambda z: ((1 + abs(z)) * np.log(1 + abs(z)) - abs(z)).sum(),
        grad=lambda z: np.sign(z) * np.log(1 + abs(z)),
        conjugate=lambda y: (np.exp(abs(y)) - abs(y) - 1).sum(),
    )


def log_sum_exp() -> Row:
    """Probabilities; not even."""
    return Row(
        value=lambda z: math.log(np.exp(z).sum()),
        grad=lambda z: np.exp(z) / np.exp(z).sum(),
        conjugate=lambda y: (
            x_log_x(y).sum() if y.min() >= 0 and abs(y.sum() - 1) < 1e-12 else math.inf
        ),
    )


def lp(p: float) -> Row:
    """‖z‖_p, with ‖y‖_q in the conjugate."""
    q = p / (p - 1)
    return Row(
        value=lambda z: (abs(z) ** p).sum() ** (1 / p),
        grad=lambda z: np.sign(z) * (abs(z) / or_one((abs(z) ** p).sum() ** (1 / p))) ** (p - 1),
        conjugate=lambda y: within((abs(y) ** q).sum() ** (1 / q)),
    )


def l2() -> Row:
    """The Euclidean norm."""
    return Row(
        value=lambda z: math.sqrt((z**2).sum()),
        grad=lambda z: z / or_one(math.sqrt((z**2).sum())),
        conjugate=lambda y: within(math.sqrt((y**2).sum())),
    )


def linf() -> Row:
    """Coordinate descent."""
    return top_k(1)


def top_k(k: int) -> Row:
    """The sum of the k largest; of equals the first."""

    def largest(z: Array) -> Array:
        chosen = np.zeros(z.size)
        chosen[sorted(range(z.size), key=lambda i: -abs(z.ravel()[i]))[:k]] = 1
        return chosen.reshape(z.shape)

    return Row(
        value=lambda z: np.sort(abs(z).ravel())[::-1][:k].sum(),
        grad=lambda z: np.sign(z) * largest(z),
        conjugate=lambda y: within(max(abs(y).max(), abs(y).sum() / k)),
    )


def huber_norm(e: float) -> Row:
    """Clipping by norm: Huber's function of ‖z‖₂."""
    return Row(
        value=lambda z: huber(e).value(np.array(l2().value(z))),
        grad=lambda z: z / max(l2().value(z), e),
        conjugate=lambda y: within(l2().value(y), e / 2 * (y**2).sum()),
    )


def max_l2() -> Row:
    """The largest of the rows' norms."""

    def longest(z: Array) -> Array:
        return np.eye(len(z))[np.sqrt((z**2).sum(1)).argmax()][:, None]

    return Row(
        value=lambda z: np.sqrt((z**2).sum(1)).max(),
        grad=lambda z: longest(z) * l2().grad(longest(z) * z),
        conjugate=lambda y: within(np.sqrt((y**2).sum(1)).sum()),
    )


def spectral(k: Row) -> Row:
    """Of a matrix's singular values."""

    def grad(z: Array) -> Array:
        u, s, vh = np.linalg.svd(z, full_matrices=False)
        kept = np.where(s > 1e-12 * s.max(), s, 0.0)
        return np.asarray((u * k.grad(kept)) @ vh)

    return Row(
        value=lambda z: k.value(singular_values(z)),
        grad=grad,
        conjugate=lambda y: k.conjugate(singular_values(y)),
    )


def singular_values(z: Array) -> Array:
    """In falling order."""
    return np.asarray(np.linalg.svd(z, compute_uv=False))


def nuclear() -> Row:
    """Muon."""
    return spectral(l1())


def schatten(p: float) -> Row:
    """‖σ‖_p."""
    return spectral(lp(p))


def operator() -> Row:
    """The largest singular value."""
    return spectral(linf())


def spectral_huber(e: float) -> Row:
    """Huber's function of each singular value."""
    return spectral(huber(e))


def scaled(K: Row, rho: float) -> Row:
    """ρK, with the conjugate ρK*(y/ρ)."""
    return Row(
        value=lambda z: rho * K.value(z),
        grad=lambda z: rho * K.grad(z),
        conjugate=lambda y: rho * K.conjugate(y / rho),
    )


def rowwise(K: Row) -> Row:
    """Σ K of the rows."""
    return Row(
        value=lambda z: sum(map(K.value, z)),
        grad=lambda z: np.stack([K.grad(row) for row in z]),
        conjugate=lambda y: sum(map(K.conjugate, y)),
    )


def x_log_x(x: Array) -> Array:
    """The function x ln x, 0 at 0 (and below, where rounding may lead)."""
    return np.where(x > 0, x * np.log(np.where(x > 0, x, 1)), 0)


def or_one(norm: float) -> float:
    """A divisor that leaves zero at zero."""
    return float(norm) or 1.0
