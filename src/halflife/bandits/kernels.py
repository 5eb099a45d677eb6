"""The loops that are the method, compiled: one function for each agent plays a whole run.

The same small functions (`book`, `choose`, `discount`, …) serve the agents that play round by
round, so that both do the same arithmetic in the same order. Arguments are plain arrays; nothing is
checked here, and nothing is allocated inside a round. `simulation.py` is the face of this file.

Shapes: n states, d action coordinates, K arms. A system is (A, bu, omega, thetau, sy, sx), with
bu[k] = B u_k and thetau[k] = ⟨θ, u_k⟩.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from halflife.compiled import kept

REFRESH = 4096
"""Bookings after which V⁻¹ is computed anew from the counts, so that rounding cannot pile up."""


@kept()
def advance(
    rng: Any, x: Any, nx: Any, a: Any, bu: Any, k: Any, omega: Any, thetau: Any, sy: Any, sx: Any
) -> Any:
    """One round of arm k: return the reward and move the state `x` on (`nx` is work space)."""
    n = x.size
    y = thetau[k]
    for i in range(n):
        y += omega[i] * x[i]
        s = bu[k, i]
        for j in range(n):
            s += a[i, j] * x[j]
        nx[i] = s
    y += sy * rng.standard_normal()
    for i in range(n):
        x[i] = nx[i] + sx * rng.standard_normal()
    return y


@kept()
def invert(matrix: Any, inverse: Any, work: Any) -> None:
    """Inverse of a symmetric positive definite matrix, by Gauss and Jordan without pivots."""
    d = matrix.shape[0]
    for i in range(d):
        for j in range(d):
            work[i, j] = matrix[i, j]
            inverse[i, j] = 1.0 if i == j else 0.0
    for i in range(d):
        pivot = work[i, i]
        for j in range(d):
            work[i, j] /= pivot
            inverse[i, j] /= pivot
        for k in range(d):
            if k != i:
                f = work[k, i]
                for j in range(d):
                    work[k, j] -= f * work[i, j]
                    inverse[k, j] -= f * inverse[i, j]


@kept()
def refresh(arms: Any, lam: Any, counts: Any, sums: Any, vinv: Any, b: Any, h: Any, q: Any) -> None:
    """V, b, ĥ and q_k = ‖u_k‖²_{V⁻¹} from nothing but the counts and sums of each arm."""
    arms_n, d = arms.shape
    v = np.zeros((d, d))
    for i in range(d):
        v[i, i] = lam
        b[i] = 0.0
    for k in range(arms_n):
        for i in range(d):
            b[i] += arms[k, i] * sums[k]
            for j in range(d):
                v[i, j] += counts[k] * arms[k, i] * arms[k, j]
    invert(v, vinv, np.empty((d, d)))
    for k in range(arms_n):
        s = 0.0
        for i in range(d):
            for j in range(d):
                s += arms[k, i] * vinv[i, j] * arms[k, j]
        q[k] = s
    for i in range(d):
        s = 0.0
        for j in range(d):
            s += vinv[i, j] * b[j]
        h[i] = s


@kept()
def book(
    arms: Any,
    lam: Any,
    counts: Any,
    sums: Any,
    vinv: Any,
    b: Any,
    h: Any,
    q: Any,
    w: Any,
    k: Any,
    y: Any,
) -> Any:
    """Enter a reward of arm k into the ridge regression; return the growth of log det V."""
    arms_n, d = arms.shape
    counts[k] += 1
    sums[k] += y
    grown = np.log1p(q[k])
    booked = 0
    for j in range(arms_n):
        booked += counts[j]
    if booked % REFRESH == 0:
        refresh(arms, lam, counts, sums, vinv, b, h, q)
        return grown
    scale = 1.0 / (1.0 + q[k])
    for i in range(d):
        s = 0.0
        for j in range(d):
            s += vinv[i, j] * arms[k, j]
        w[i] = s
        b[i] += arms[k, i] * y
    for j in range(arms_n):
        c = 0.0
        for i in range(d):
            c += arms[j, i] * w[i]
        q[j] -= c * c * scale
    for i in range(d):
        for j in range(d):
            vinv[i, j] -= w[i] * w[j] * scale
    for i in range(d):
        s = 0.0
        for j in range(d):
            s += vinv[i, j] * b[j]
        h[i] = s
    return grown


@kept()
def choose(arms: Any, h: Any, q: Any, beta: Any) -> Any:
    """The first arm with the largest ⟨h, u⟩ + β √q."""
    arms_n, d = arms.shape
    best, top = 0, -np.inf
    for k in range(arms_n):
        s = beta * np.sqrt(max(q[k], 0.0))
        for i in range(d):
            s += arms[k, i] * h[i]
        if s > top:
            best, top = k, s
    return best


@kept()
def beta_of(t: Any, waited: Any, logdet: Any, r: Any) -> Any:
    """The radius: see `Radius.packed` for the meaning of r."""
    growth = 0.5 * logdet if r[5] > 0 else r[6] * np.log1p(t * r[7])
    return r[8] * (
        r[0] + r[1] * (1.0 + np.log(t + 1.0)) + r[2] * waited + np.sqrt(2 * r[3] * (r[4] + growth))
    )


@kept()
def play_ucb(
    rng: Any,
    system: Any,
    arms: Any,
    lam: Any,
    r: Any,
    log_rho: Any,
    ceil: Any,
    memory: Any,
    rest: Any,
    horizon: Any,
    checkpoints: Any,
) -> Any:
    """DynLin-UCB, and LinUCB as its special case of blocks of one round (memory = 0).

    `memory` below 0: H_m from `log_rho` = log(1/ρ); 0 or more: H_m is that number, which leaves
    the part `rest` of a transient.
    """
    a, bu, omega, thetau, sy, sx = system
    arms_n, d = arms.shape
    n = omega.size
    x, nx, w = np.zeros(n), np.empty(n), np.empty(d)
    counts, sums = np.zeros(arms_n, np.int64), np.zeros(arms_n)
    vinv, b, h, q = np.empty((d, d)), np.empty(d), np.empty(d), np.empty(arms_n)
    refresh(arms, lam, counts, sums, vinv, b, h, q)
    pulls, seen = np.zeros(arms_n, np.int64), np.zeros((checkpoints.size, arms_n), np.int64)
    logdet = waited = total = 0.0
    t = m = hold = at = changes = 0
    last = -1
    while t < horizon:
        m += 1
        if memory >= 0:
            hold = memory
        elif ceil:
            while hold * log_rho < np.log(m) - 1e-12:
                hold += 1
        else:
            while (hold + 1) * log_rho <= np.log(m) + 1e-12:
                hold += 1
        k = choose(arms, h, q, beta_of(t, waited, logdet, r))
        if k != last:
            changes += 1
            last = k
        length = min(1 + hold, horizon - t)
        y = 0.0
        for _ in range(length):
            y = advance(rng, x, nx, a, bu, k, omega, thetau, sy, sx)
            total += y
            pulls[k] += 1
            t += 1
            if at < checkpoints.size and t == checkpoints[at]:
                seen[at] = pulls
                at += 1
        if length == 1 + hold:
            logdet += book(arms, lam, counts, sums, vinv, b, h, q, w, k, y)
            waited += np.exp(-hold * log_rho) if memory < 0 else rest
    return seen, total, changes


@kept()
def burn_in(t: Any, log_rho: Any, memory: Any) -> Any:
    """Rewards to drop after a change in round t: ⌈log t / log(1/ρ)⌉, or the whole memory."""
    if memory >= 0:
        return memory
    return int(np.ceil(np.log(max(t, 1)) / log_rho - 1e-12))


@kept()
def play_hold(
    rng: Any,
    system: Any,
    arms: Any,
    lam: Any,
    r: Any,
    log_rho: Any,
    memory: Any,
    rest: Any,
    start: Any,
    early: Any,
    log_growth: Any,
    horizon: Any,
    checkpoints: Any,
) -> Any:
    """HoldUCB. `start`: arms to begin with; `early`: the t that a change before it counts as."""
    a, bu, omega, thetau, sy, sx = system
    arms_n, d = arms.shape
    n = omega.size
    x, nx, w = np.zeros(n), np.empty(n), np.empty(d)
    counts, sums = np.zeros(arms_n, np.int64), np.zeros(arms_n)
    vinv, b, h, q = np.empty((d, d)), np.empty(d), np.empty(d), np.empty(arms_n)
    refresh(arms, lam, counts, sums, vinv, b, h, q)
    pulls, seen = np.zeros(arms_n, np.int64), np.zeros((checkpoints.size, arms_n), np.int64)
    logdet = waited = total = 0.0
    since = -np.inf
    at = changes = chosen = left = 0
    k = -1
    for t in range(horizon):
        if logdet > since + log_growth:
            if chosen < start.size:
                new = start[chosen]
            else:
                new = choose(arms, h, q, beta_of(t, waited, logdet, r))
            chosen += 1
            since = logdet
            if new != k:
                left = burn_in(max(t + 1, early), log_rho, memory)
                waited += np.exp(-left * log_rho) if memory < 0 else rest
                changes += 1
                k = new
        y = advance(rng, x, nx, a, bu, k, omega, thetau, sy, sx)
        total += y
        pulls[k] += 1
        if left > 0:
            left -= 1
        else:
            logdet += book(arms, lam, counts, sums, vinv, b, h, q, w, k, y)
        if at < checkpoints.size and t + 1 == checkpoints[at]:
            seen[at] = pulls
            at += 1
    return seen, total, changes


@kept()
def discount(arms: Any, k: Any, y: Any, gamma: Any, lam: Any, v: Any, v2: Any, b: Any) -> None:
    """After a reward of arm k: V ← γ V + u uᵀ + (1 − γ) λ I, Ṽ so with γ², b ← γ b + u y."""
    d = arms.shape[1]
    g2 = gamma * gamma
    for i in range(d):
        b[i] = gamma * b[i] + arms[k, i] * y
        for j in range(d):
            uu = arms[k, i] * arms[k, j]
            v[i, j] = gamma * v[i, j] + uu
            v2[i, j] = g2 * v2[i, j] + uu
        v[i, i] += (1 - gamma) * lam
        v2[i, i] += (1 - g2) * lam


@kept()
def choose_discounted(
    arms: Any, beta: Any, v: Any, v2: Any, b: Any, h: Any, vinv: Any, work: Any, q: Any, w: Any
) -> Any:
    """The first arm with the largest ⟨h, u⟩ + β √(uᵀ V⁻¹ Ṽ V⁻¹ u); leaves ĥ in `h`."""
    arms_n, d = arms.shape
    invert(v, vinv, work)
    for i in range(d):
        s = 0.0
        for j in range(d):
            s += vinv[i, j] * b[j]
        h[i] = s
    for k in range(arms_n):
        for i in range(d):
            s = 0.0
            for j in range(d):
                s += vinv[i, j] * arms[k, j]
            w[i] = s
        s = 0.0
        for i in range(d):
            for j in range(d):
                s += w[i] * v2[i, j] * w[j]
        q[k] = s
    return choose(arms, h, q, beta)


@kept()
def discounted_beta(t: Any, gamma: Any, r: Any) -> Any:
    """R = (√λ S, σ, 2 log(1/δ), d, U²/(λ d))."""
    g2 = gamma * gamma
    mass = (1 - g2**t) / (1 - g2)
    return r[0] + r[1] * np.sqrt(r[2] + r[3] * np.log1p(r[4] * mass))


@kept()
def play_discounted(
    rng: Any,
    system: Any,
    arms: Any,
    lam: Any,
    gamma: Any,
    r: Any,
    horizon: Any,
    checkpoints: Any,
) -> Any:
    """D-LinUCB."""
    a, bu, omega, thetau, sy, sx = system
    arms_n, d = arms.shape
    n = omega.size
    x, nx, w = np.zeros(n), np.empty(n), np.empty(d)
    v, v2, b = lam * np.eye(d), lam * np.eye(d), np.zeros(d)
    h, vinv, work, q = np.zeros(d), np.empty((d, d)), np.empty((d, d)), np.empty(arms_n)
    pulls, seen = np.zeros(arms_n, np.int64), np.zeros((checkpoints.size, arms_n), np.int64)
    total = 0.0
    at = changes = 0
    last = -1
    for t in range(horizon):
        beta = discounted_beta(t, gamma, r)
        k = choose_discounted(arms, beta, v, v2, b, h, vinv, work, q, w)
        if k != last:
            changes += 1
            last = k
        y = advance(rng, x, nx, a, bu, k, omega, thetau, sy, sx)
        total += y
        pulls[k] += 1
        discount(arms, k, y, gamma, lam, v, v2, b)
        if at < checkpoints.size and t + 1 == checkpoints[at]:
            seen[at] = pulls
            at += 1
    return seen, total, changes


STEP = 64.0
"""Weights stand on a whole multiple of this many nats, so that a gain costs one exponential."""


@kept()
def weigh(gains: Any, eta: Any, gamma: Any, w: Any, p: Any) -> Any:
    """P ← (1 − γ) softmax(η G) + γ / K, from nothing but the gains; return the base of `w`.

    w_k = exp(η G_k − base), where the base is the last multiple of `STEP` up to max η G.
    """
    top = gains[0]
    for k in range(1, gains.size):
        top = max(top, gains[k])
    base = STEP * np.floor(eta * top / STEP)
    s = 0.0
    for k in range(gains.size):
        w[k] = np.exp(eta * gains[k] - base)
        s += w[k]
    mix(w, s, gamma, p)
    return base


@kept()
def mix(w: Any, s: Any, gamma: Any, p: Any) -> None:
    """P ← (1 − γ) w / s + γ / K."""
    part, rest = (1 - gamma) / s, gamma / w.size
    for k in range(w.size):
        p[k] = part * w[k] + rest


@kept()
def gain(k: Any, more: Any, gains: Any, base: Any, eta: Any, gamma: Any, w: Any, p: Any) -> Any:
    """Add to one arm's gain; leaves what `weigh` would, bit for bit, and returns the base."""
    gains[k] += more
    if more < 0 or eta * gains[k] >= base + STEP:  # only then can the base move
        return weigh(gains, eta, gamma, w, p)
    w[k] = np.exp(eta * gains[k] - base)
    s = 0.0
    for j in range(w.size):  # the sum anew: a running one would gather rounding
        s += w[j]
    mix(w, s, gamma, p)
    return base


@kept()
def draw(uniform: Any, p: Any) -> Any:
    """The arm at `uniform` of the way through the probabilities."""
    s = 0.0
    for k in range(p.size - 1):
        s += p[k]
        if uniform < s:
            return k
    return p.size - 1


@kept()
def play_exp3(
    rng: Any,
    chance: Any,
    system: Any,
    arms_n: Any,
    eta: Any,
    gamma: Any,
    shift: Any,
    scale: Any,
    batch: Any,
    horizon: Any,
    checkpoints: Any,
) -> Any:
    """Exp3 (batch = 1) and Exp3-k."""
    a, bu, omega, thetau, sy, sx = system
    n = omega.size
    x, nx = np.zeros(n), np.empty(n)
    gains, w, p = np.zeros(arms_n), np.empty(arms_n), np.empty(arms_n)
    base = weigh(gains, eta, gamma, w, p)
    pulls, seen = np.zeros(arms_n, np.int64), np.zeros((checkpoints.size, arms_n), np.int64)
    total = 0.0
    t = at = changes = 0
    last = -1
    while t < horizon:
        k = draw(chance.random(), p)
        if k != last:
            changes += 1
            last = k
        length, mean = min(batch, horizon - t), 0.0
        for _ in range(length):
            y = advance(rng, x, nx, a, bu, k, omega, thetau, sy, sx)
            total += y
            mean += y
            pulls[k] += 1
            t += 1
            if at < checkpoints.size and t == checkpoints[at]:
                seen[at] = pulls
                at += 1
        if length == batch:
            base = gain(k, (mean / batch + shift) / scale / p[k], gains, base, eta, gamma, w, p)
    return seen, total, changes


@kept()
def choose_ar2(
    t: Any,
    first: Any,
    pulled: Any,
    reward: Any,
    waiting: Any,
    last: Any,
    before: Any,
    alpha: Any,
    width: Any,
    turn: Any,
) -> Any:
    """The arm of round t (from 1) of AR2, and the superior one (−1 in the opening).

    `pulled`: round of each arm's newest reward; `waiting`: round in which an arm was triggered, 0
    if it is not; `first`: first round of the epoch.
    """
    arms_n = pulled.size
    if t < first + arms_n:
        return t - first, -1
    newest = alpha ** (t - pulled[last]) * reward[last]
    older = alpha ** (t - pulled[before]) * reward[before]
    superior = last if newest >= older else before
    level = max(newest, older)
    for i in range(arms_n):
        if i != superior and waiting[i] == 0:
            gap = t - pulled[i]
            spread = np.sqrt((alpha**2 - alpha ** (2 * (gap + 1))) / (1 - alpha**2))
            if level - alpha**gap * reward[i] <= width * spread:
                waiting[i] = t
    if turn:
        earliest = -1
        for i in range(arms_n):
            if waiting[i] > 0 and (earliest < 0 or waiting[i] < waiting[earliest]):
                earliest = i
        if earliest >= 0:
            waiting[earliest] = 0
            return earliest, superior
    return superior, superior


@kept()
def play_ar2(
    rng: Any,
    system: Any,
    arms_n: Any,
    alpha: Any,
    epoch: Any,
    width: Any,
    horizon: Any,
    checkpoints: Any,
) -> Any:
    """AR2: alternate between the superior arm and the triggered ones, and restart."""
    a, bu, omega, thetau, sy, sx = system
    n = omega.size
    x, nx = np.zeros(n), np.empty(n)
    pulled, reward = np.zeros(arms_n, np.int64), np.zeros(arms_n)
    waiting = np.zeros(arms_n, np.int64)
    pulls, seen = np.zeros(arms_n, np.int64), np.zeros((checkpoints.size, arms_n), np.int64)
    total = 0.0
    at = changes = 0
    first, last, before = 1, 0, 0
    played = -1
    for t in range(1, horizon + 1):
        if t - first == epoch:
            first = t
            waiting[:] = 0
        k, _ = choose_ar2(t, first, pulled, reward, waiting, last, before, alpha, width, t % 2 == 1)
        if k != played:
            changes += 1
            played = k
        y = advance(rng, x, nx, a, bu, k, omega, thetau, sy, sx)
        total += y
        pulls[k] += 1
        pulled[k], reward[k] = t, y
        before, last = last, k
        if at < checkpoints.size and t == checkpoints[at]:
            seen[at] = pulls
            at += 1
    return seen, total, changes
