"""Systems and agents as the papers write them: plain float64 NumPy, one round at a time.

The oracle of the tests, not meant for use. An agent here is a function that is given `pull`, which
plays an action and returns its reward, and returns the indices of the arms that it pulled.
Matrices are inverted anew whenever they are needed. Knows nothing of the classes beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pull = Callable[[Array], float]


def rewards(
    a: Array,
    b: Array,
    omega: Array,
    theta: Array,
    start: Array,
    played: Array,
    eta: Array,
    eps: Array,
) -> Array:
    """y_t = ⟨ω, x_t⟩ + ⟨θ, u_t⟩ + η_t, x_{t+1} = A x_t + B u_t + ε_t."""
    x, y = start, np.zeros(len(played))
    for t, u in enumerate(played):
        y[t] = omega @ x + theta @ u + eta[t]
        x = a @ x + b @ u + eps[t]
    return y


def markov(a: Array, b: Array, omega: Array, theta: Array, s: int) -> Array:
    """h^{0} = θ, h^{s} = Bᵀ (A^{s−1})ᵀ ω."""
    return theta if s == 0 else b.T @ np.linalg.matrix_power(a, s - 1).T @ omega


def cumulative(a: Array, b: Array, omega: Array, theta: Array) -> Array:
    """H = θ + Bᵀ (I − A)^{−T} ω."""
    return np.asarray(theta + b.T @ np.linalg.inv(np.eye(len(a)) - a).T @ omega)


def best_sequence(
    a: Array, b: Array, omega: Array, theta: Array, start: Array, arms: Array, length: int
) -> float:
    """Largest Σ y + ⟨ω, (I − A)⁻¹ x_{T+1}⟩ over every sequence of `length` actions, by trying all.

    What the last state still pays is counted, so that no sequence can gain by borrowing from it.
    """
    if length == 0:
        return float(omega @ np.linalg.inv(np.eye(len(a)) - a) @ start)
    return max(
        float(omega @ start + theta @ u)
        + best_sequence(a, b, omega, theta, a @ start + b @ u, arms, length - 1)
        for u in arms
    )


def ridge(played: Array, y: Array, lam: float) -> Array:
    """ĥ = argmin Σ (y − ⟨h, u⟩)² + λ ‖h‖², by least squares on the stacked matrix."""
    d = played.shape[1]
    stacked = np.vstack([played, math.sqrt(lam) * np.eye(d)])
    return np.asarray(np.linalg.lstsq(stacked, np.concatenate([y, np.zeros(d)]), rcond=None)[0])


def optimistic(arms: Array, v: Array, b: Array, beta: float) -> int:
    """Argmax ⟨V⁻¹ b, u⟩ + β √(uᵀ V⁻¹ u)."""
    inverse = np.linalg.inv(v)
    return int(np.argmax([u @ inverse @ b + beta * math.sqrt(u @ inverse @ u) for u in arms]))


def dynlin_ucb(
    pull: Pull, arms: Array, horizon: int, lam: float, beta: Callable[[int], float], rho: float
) -> list[int]:
    """Algorithm 1 of arXiv 2211.08997; β is a function of the rounds so far."""
    d, pulled, m = arms.shape[1], list[int](), 0
    v, b = lam * np.eye(d), np.zeros(d)
    while len(pulled) < horizon:
        m += 1
        k = optimistic(arms, v, b, beta(len(pulled)))
        hold = math.floor(math.log(m) / math.log(1 / rho) + 1e-12) if rho else 0
        for _ in range(1 + hold):
            if len(pulled) == horizon:
                return pulled
            y = pull(arms[k])
            pulled.append(k)
        v += np.outer(arms[k], arms[k])
        b += arms[k] * y
    return pulled


def hold_ucb(
    pull: Pull,
    arms: Array,
    horizon: int,
    lam: float,
    beta: Callable[[int, float, float], float],
    rho: float,
    start: tuple[int, ...],
    early: int,
) -> list[int]:
    """Keep an action until det V has doubled; drop ⌈log t/log(1/ρ)⌉ rewards after a change.

    β is a function of the rounds so far, Σ ρ^burn over changes, and log(det V/λ^d).
    """
    d, pulled, waited, burn, k = arms.shape[1], list[int](), 0.0, 0, -1
    v, b, since, chosen = lam * np.eye(d), np.zeros(d), 0.0, 0
    for t in range(1, horizon + 1):
        det = float(np.linalg.det(v / lam))
        if det > 2 * since:
            new = (
                start[chosen]
                if chosen < len(start)
                else optimistic(arms, v, b, beta(t - 1, waited, math.log(det)))
            )
            chosen, since = chosen + 1, det
            if new != k:
                burn = math.ceil(math.log(max(t, early)) / math.log(1 / rho) - 1e-12)
                waited += rho**burn
                k = new
        y = pull(arms[k])
        pulled.append(k)
        if burn:
            burn -= 1
        else:
            v += np.outer(arms[k], arms[k])
            b += arms[k] * y
    return pulled


def d_lin_ucb(
    pull: Pull, arms: Array, horizon: int, lam: float, gamma: float, beta: Callable[[int], float]
) -> list[int]:
    """Weights γ^age: V = Σ γ^age u uᵀ + λ I, Ṽ = Σ γ^{2 age} u uᵀ + λ I, by summing all anew."""
    d, pulled, ys = arms.shape[1], list[int](), list[float]()
    for t in range(horizon):
        u = arms[pulled] if pulled else np.zeros((0, d))
        weights = gamma ** np.arange(t - 1, -1, -1.0)
        inverse = np.linalg.inv((u.T * weights) @ u + lam * np.eye(d))
        wide = (u.T * weights**2) @ u + lam * np.eye(d)
        h = inverse @ (u.T @ (weights * np.array(ys)))
        values = [x @ h + beta(t) * math.sqrt(x @ inverse @ wide @ inverse @ x) for x in arms]
        pulled.append(int(np.argmax(values)))
        ys.append(pull(arms[pulled[-1]]))
    return pulled


def exp3(
    pull: Pull,
    arms: Array,
    horizon: int,
    eta: float,
    gamma: float,
    shift: float,
    scale: float,
    batch: int,
    uniform: Callable[[], float],
) -> list[int]:
    """Exponential weights; each draw is held for `batch` rounds, whose mean is its gain."""
    count, pulled = len(arms), list[int]()
    gains = [0.0] * count
    while len(pulled) < horizon:
        weights = [math.exp(eta * (gain - max(gains))) for gain in gains]
        p = [(1 - gamma) * w / sum(weights) + gamma / count for w in weights]
        k = int(np.searchsorted(np.cumsum(p)[:-1], uniform(), side="right"))
        ys = list[float]()
        while len(ys) < batch and len(pulled) < horizon:
            ys.append(pull(arms[k]))
            pulled.append(k)
        if len(ys) == batch:
            gains[k] += (sum(ys) / batch + shift) / scale / p[k]
    return pulled


def ar2(pull: Pull, arms: Array, horizon: int, alpha: float, epoch: int, width: float) -> list[int]:
    """Alternate between the superior arm and the triggered ones; restart after each epoch."""
    count, pulled = len(arms), list[int]()
    seen = dict[int, tuple[int, float]]()
    queue = list[int]()
    for t in range(1, horizon + 1):
        at = (t - 1) % epoch
        if at == 0:
            queue = []
        if at < count:
            k = at
        else:
            now = {i: alpha ** (t - s) * y for i, (s, y) in seen.items()}
            last, before = pulled[-1], pulled[-2]
            superior = last if now[last] >= now[before] else before
            for i in range(count):
                age = t - seen[i][0]
                spread = math.sqrt((alpha**2 - alpha ** (2 * (age + 1))) / (1 - alpha**2))
                near = max(now[last], now[before]) - now[i] <= width * spread
                if i != superior and i not in queue and near:
                    queue.append(i)
            k = queue.pop(0) if queue and t % 2 == 1 else superior
        y = pull(arms[k])
        pulled.append(k)
        seen[k] = (t, y)
    return pulled
