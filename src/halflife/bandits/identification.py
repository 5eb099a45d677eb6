"""From a log to what each channel pays in the long run, and how long its effect stays.

The model is a regression of the outcome on its own past and on present and past spends (ARX):

    y_t = c + Σ_{i=1..p} a_i y_{t−i} + Σ_{s=0..p} ⟨b_s, u_{t−s}⟩ + e_t,

to which any dynamical linear bandit comes close as p grows. Its long-run pay per unit of spend is
h = Σ_s b_s / (1 − Σ_i a_i), whose covariance follows by the delta method. That is estimated at
once, without a detour over A, B and ω, which the outcome alone does not determine well.

The spectral radius is another matter: the poles of an ARX with noise in its outcome are biased.
Here it is the largest pole of a second-order model, by instrumental variables: what the ARX says
that spends alone would have given stands in for the noisy past. Its interval is a residual
bootstrap's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from halflife.arguments import Array, number, whole
from halflife.bandits.environment import DynamicalLinearBandit
from halflife.bandits.log import Log, LogError, read_log

if TYPE_CHECKING:
    import pandas as pd

MOST_LAGS = 12
ROWS_PER_PARAMETER = 4
"""A log that is shorter gets fewer lags."""
LEAST_VARIATION = 0.05
"""A channel must vary on its own by this part of its level; at ±2 % nothing can be learned."""
ORDER = 2
"""Of the model whose pole is the spectral radius."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Fit:
    """What a log says.

    Attributes:
        channels: Names of the d channels.
        h: Long-run outcome per unit of spend, shape (d,).
        covariance: Of (baseline, h), shape (1 + d, 1 + d).
        baseline: Long-run outcome without any spend, at the end of the log.
        lags: p.
        a: Weights of past outcomes, shape (p,).
        b: Weights of spends s periods ago, shape (p + 1, d).
        rho: Estimated spectral radius: by what part the slowest effect remains after one period.
        rho_interval: Its interval.
        half_life: Periods until half of a channel's long-run effect has come, shape (d,); 0 if it
            comes at once, NaN if the effect has no clear sign.
        half_life_interval: Shape (d, 2).
        noise: Standard deviation of e.
        confidence: Level of the intervals.
        rows: Length of the log.
        largest: Largest spend on each channel in the log, shape (d,).
        typical: Mean spend on each channel in the log, shape (d,).
        recent: Last spends of the log, newest last, at most 60, shape (·, d).
        degrees: Degrees of freedom of the t intervals.
        last_date: Of the log.
    """

    channels: tuple[str, ...]
    h: Array
    covariance: Array
    baseline: float
    lags: int
    a: Array
    b: Array
    rho: float
    rho_interval: tuple[float, float]
    half_life: Array
    half_life_interval: Array
    noise: float
    confidence: float
    rows: int
    largest: Array
    typical: Array
    recent: Array
    degrees: int
    last_date: str

    @property
    def interval(self) -> Array:
        """Of h, shape (d, 2): Student's t, by the delta method."""
        from scipy.stats import t

        half = t.ppf((1 + self.confidence) / 2, self.degrees) * self.standard_error
        return np.column_stack([self.h - half, self.h + half])

    @property
    def standard_error(self) -> Array:
        """Of h, shape (d,)."""
        root: Array = np.sqrt(np.diag(self.covariance)[1:])
        return root

    def response(self, periods: int = 26) -> Array:
        """Outcome from one unit of spend s = 0, 1, … periods later, shape (periods, d)."""
        return _response(self.a, self.b, whole("periods", periods, 1))

    def memory(self, left: float = 0.05) -> int:
        """Periods after which at most the part `left` of a change is still to come.

        log(left)/log ρ, with the estimate of ρ.
        """
        number("left", left, "(0, 1)")
        return max(1, math.ceil(math.log(left) / math.log(min(max(self.rho, 1e-6), 0.999))))

    @property
    def long_run_noise(self) -> float:
        """√n times the standard deviation of a mean of n outcomes under a constant spend."""
        return self.noise / (1 - float(self.a.sum()))

    def system(self) -> DynamicalLinearBandit:
        """A bandit with the same responses: the regression in companion form, without baseline."""
        p, d = len(self.a), len(self.h)
        n = p + p * d
        a, b, omega = np.zeros((n, n)), np.zeros((n, d)), np.zeros(n)
        omega[:p] = self.a
        omega[p:] = self.b[1:].ravel()
        a[0] = omega
        b[0] = self.b[0]
        for i in range(1, p):
            a[i, i - 1] = 1
        b[p : p + d] = np.eye(d)
        for s in range(1, p):
            a[p + s * d : p + (s + 1) * d, p + (s - 1) * d : p + s * d] = np.eye(d)
        # e enters with the outcome and stays in its past: seen as noise of both reward and state,
        # it would count twice, so the bandit has the reward noise of the long run.
        return DynamicalLinearBandit(a, b, omega, self.b[0], reward_noise=self.long_run_noise)

    def to_json(self) -> str:
        """As text that `from_json` reads, to the last bit."""
        values = asdict(self)
        plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in values.items()}
        plain["half_life"] = [None if math.isnan(v) else v for v in plain["half_life"]]
        plain["half_life_interval"] = [
            [None if math.isnan(v) else v for v in row] for row in plain["half_life_interval"]
        ]
        return json.dumps({"halflife": "bandit fit", "version": 1, **plain})

    @classmethod
    def from_json(cls, text: str) -> Fit:
        """Read what `to_json` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            read: dict[str, Any] = json.loads(text)
            if read.pop("halflife") != "bandit fit" or read.pop("version") != 1:
                raise ValueError
            for name, value in read.items():
                if name in ("channels", "rho_interval"):
                    read[name] = tuple(value)
                elif isinstance(value, list):
                    read[name] = np.array(value, dtype=np.float64)
            return cls(**read)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ValueError("This is not a fit that `Fit.to_json` has written.") from None

    def __str__(self) -> str:
        width = max(map(len, (*self.channels, "channel")))
        level = f"{100 * self.confidence:.0f} %"
        lines = [
            f"{self.rows} periods up to {self.last_date}, {self.lags} lags",
            f"{'channel':{width}}  long-run outcome per unit spent   half of it has come after",
        ]
        halves = zip(self.half_life, self.half_life_interval, strict=True)
        for name, value, (low, high), (half, (soon, late)) in zip(
            self.channels, self.h, self.interval, halves, strict=True
        ):
            if math.isnan(half):
                when = "not clear"
            elif half == 0 and not late > 0.05:
                when = "at once"
            else:
                span = "" if math.isnan(soon) else f" [{soon:.1f}, {late:.1f}]"
                when = f"{half:.1f} periods{span}"
            doubt = "  (sign not clear)" if low < 0 < high else ""
            lines.append(f"{name:{width}}  {value:>9.4g} [{low:.4g}, {high:.4g}]   {when}{doubt}")
        low, high = self.rho_interval
        lines += [
            f"baseline {self.baseline:.4g} per period",
            f"spectral radius {self.rho:.2f} [{low:.2f}, {high:.2f}]: 95 % of a change has come "
            f"after {self.memory()} periods",
            f"intervals at {level}",
        ]
        return "\n".join(lines)


def fit(
    log: Log | str | Path | pd.DataFrame,
    *,
    lags: int | None = None,
    trend: bool = False,
    season: float | None = None,
    confidence: float = 0.95,
    bootstrap: int = 200,
    seed: int = 0,
    date: str = "date",
    outcome: str = "outcome",
    channels: Iterable[str] | None = None,
    covariates: Iterable[str] = (),
    watch: Callable[[int, int], None] | None = None,
) -> Fit:
    """Estimate what each channel pays in the long run, with intervals.

    Args:
        log: A `Log`, or what `read_log` takes.
        lags: p; up to 12, four rows of the log for each parameter, if left out.
        trend: Whether the outcome has a straight trend of its own.
        season: Periods in a season, e.g. 52; two pairs of waves are taken out of the outcome.
        confidence: Level of the intervals.
        bootstrap: Resamples for the intervals of ρ and of the half-lives; 0 for none (NaN).
        seed: Of the bootstrap.
        date: As for `read_log`, as are the next three.
        outcome: See there.
        channels: See there.
        covariates: See there.
        watch: Called with the number of finished resamples and of all.

    Raises:
        LogError: the log cannot be read, is too short, a channel is flat or moves only with others,
            or the outcome does not settle; the message says what is missing.
    """
    if not isinstance(log, Log):
        log = read_log(log, date=date, outcome=outcome, channels=channels, covariates=covariates)
    number("confidence", confidence, "(0, 1)")
    whole("bootstrap", bootstrap, 0)
    t, d = log.spends.shape
    extras = _extras(log, trend, season)
    fixed = extras.shape[1]
    p = _lags(t, d, fixed, lags)
    _must_vary(log, extras)
    scale = log.spends.max(axis=0)
    u = log.spends / scale
    model = _regress(log.outcome, u, extras, p)
    if model.rho_ar >= 1 - 1e-6 or 1 - model.a.sum() < 1e-3:
        raise LogError(
            f"The outcome does not settle: its own past continues with the spectral radius "
            f"{model.rho_ar:.3f}. If it has a trend of its own, say trend=True; name the "
            "covariates that move it; or give a longer log."
        )
    h, covariance, baseline = _long_run(model, extras, d)
    rho = _pole(log.outcome, u, extras, model)
    with threadpool_limits(1, "blas"):  # small matrices, which several threads only slow down
        samples = _resample(log.outcome, u, extras, model, bootstrap, seed, watch)
    tail = ((1 - confidence) / 2, (1 + confidence) / 2)
    response = _response(model.a, model.b, 400)
    half = _half_lives(response)
    if samples:
        rhos = np.array([sample[0] for sample in samples])
        halves = np.array([sample[1] for sample in samples])
        low, high = np.quantile(rhos, tail)
        rho_interval = (float(min(low, rho)), float(max(high, rho)))
        with np.errstate(invalid="ignore"):
            half_interval = np.array([_spread(column, tail) for column in halves.T])
    else:
        rho_interval = (math.nan, math.nan)
        half_interval = np.full((d, 2), math.nan)
    per_unit = np.concatenate([[1.0], 1 / scale])
    return Fit(
        channels=log.channels,
        h=h / scale,
        covariance=covariance * np.outer(per_unit, per_unit),
        baseline=baseline,
        lags=p,
        a=model.a,
        b=model.b / scale,
        rho=rho,
        rho_interval=rho_interval,
        half_life=half,
        half_life_interval=half_interval,
        noise=model.noise,
        confidence=confidence,
        rows=t,
        largest=scale,
        typical=log.spends.mean(axis=0),
        recent=log.spends[-60:],
        degrees=model.degrees,
        last_date=log.dates[-1],
    )


@dataclass(frozen=True, eq=False)
class _Model:
    """An ARX that was estimated; spends in units of their largest."""

    a: Array
    b: Array
    c: Array
    covariance: Array
    residuals: Array
    noise: float
    degrees: int

    @property
    def rho_ar(self) -> float:
        return float(np.abs(np.roots(np.concatenate([[1.0], -self.a]))).max(initial=0.0))


def _extras(log: Log, trend: bool, season: float | None) -> Array:
    """Columns that move the outcome besides spends: intercept, covariates, trend, season.

    All but the intercept are centred at the end of the log (trend) or at their mean.
    """
    t = np.arange(len(log), dtype=np.float64)
    columns = [np.ones(len(log)), *(log.covariates - log.covariates.mean(axis=0)).T]
    if trend:
        columns.append((t - t[-1]) / len(t))
    if season is not None:
        number("season", season, "(1, inf)")
        if len(log) < season:
            raise LogError(
                f"season={season:g} is longer than the log, {len(log)} periods; a season must be "
                "seen once at least, better twice."
            )
        for k in (1, 2):
            if 2 * k < season:
                angle = 2 * np.pi * k * t / season
                columns += [np.sin(angle), np.cos(angle)]
    return np.column_stack(columns)


def _parameters(p: int, d: int, fixed: int) -> int:
    return p + d * (p + 1) + fixed


def _lags(t: int, d: int, fixed: int, lags: int | None) -> int:
    def rows(p: int) -> int:
        return p + ROWS_PER_PARAMETER * _parameters(p, d, fixed)

    if lags is not None:
        whole("lags", lags, 1)
        least = lags + _parameters(lags, d, fixed) + 10
        if t < least:
            raise LogError(
                f"The log has {t} periods; {lags} lags of {d} channels need {least} or more."
            )
        return lags
    if t < rows(1):
        raise LogError(
            f"The log is too short: {t} periods. {d} channels"
            f"{f' and {fixed - 1} other terms' if fixed > 1 else ''} need {rows(1)} periods or "
            f"more for even one lag, and {rows(4)} for a good answer. Join channels, or go on "
            "collecting with spends that vary (see excitation_plan)."
        )
    return max(p for p in range(1, MOST_LAGS + 1) if t >= rows(p))


def _must_vary(log: Log, extras: Array) -> None:
    """Raises LogError if a channel is flat or moves only with the others."""
    for j, name in enumerate(log.channels):
        spend = log.spends[:, j]
        level = float(np.abs(spend).mean())
        if not spend.any():
            raise LogError(f"Nothing was ever spent on {name!r}; leave the channel out.")
        own = float(spend.std()) / level
        if own < LEAST_VARIATION:
            raise LogError(
                f"The spend on {name!r} is flat: it varies by {100 * own:.1f} % of its level, and "
                f"less than {100 * LEAST_VARIATION:.0f} % shows nothing. Vary it by a fifth or "
                "more, each level held for some periods (see excitation_plan), or leave it out."
            )
        others = np.column_stack([extras, np.delete(log.spends, j, axis=1)])
        unit = others / np.maximum(np.abs(others).max(axis=0), 1e-300)
        left = spend - unit @ np.linalg.lstsq(unit, spend, rcond=None)[0]
        if float(left.std()) / level < LEAST_VARIATION:
            partners = [
                other
                for i, other in enumerate(log.channels)
                if i != j and abs(np.corrcoef(spend, log.spends[:, i])[0, 1]) > 0.9
            ]
            with_whom = f" with {', '.join(map(repr, partners))}" if partners else ""
            raise LogError(
                f"The spend on {name!r} moves only together{with_whom or ' with the other columns'}"
                f": on its own it varies by {100 * float(left.std()) / level:.1f} % of its level. "
                "Raise one while another falls for some periods (see excitation_plan), or add the "
                "columns up into one channel."
            )


def _design(y: Array, u: Array, extras: Array, p: int) -> Array:
    t = len(y)
    return np.column_stack(
        [
            *(y[p - i : t - i] for i in range(1, p + 1)),
            *(u[p - s : t - s] for s in range(p + 1)),
            extras[p:],
        ]
    )


def _regress(y: Array, u: Array, extras: Array, p: int) -> _Model:
    x, target, d = _design(y, u, extras, p), y[p:], u.shape[1]
    size = np.maximum(np.sqrt(np.mean(x**2, axis=0)), 1e-300)
    q, r = np.linalg.qr(x / size)
    if _singular(r):
        if _singular(np.linalg.qr(x[:, p:] / size[p:])[1]):
            raise LogError(
                "Spends and their own past cannot be told apart: the log's spends follow a pattern "
                "that repeats. Vary them without one (see excitation_plan), or ask for fewer lags."
            )
        # An outcome without noise follows from the spends in many ways, which all mean the same.
        root = np.linalg.pinv(x / size, rcond=1e-9) / size[:, None]
        weights, inverse = root @ target, root
    else:
        inverse = np.linalg.inv(r) / size[:, None]
        weights = inverse @ (q.T @ target)
    residuals = target - x @ weights
    degrees = len(target) - x.shape[1]
    variance = float(residuals @ residuals) / degrees
    return _Model(
        a=weights[:p],
        b=weights[p : p + d * (p + 1)].reshape(p + 1, d),
        c=weights[p + d * (p + 1) :],
        covariance=variance * inverse @ inverse.T,
        residuals=residuals,
        noise=math.sqrt(variance),
        degrees=degrees,
    )


def _singular(r: Array) -> bool:
    """Whether a triangular factor has lost a column."""
    diagonal = np.abs(np.diag(r))
    return bool(diagonal.min() <= 1e-9 * diagonal.max())


def _long_run(model: _Model, extras: Array, d: int) -> tuple[Array, Array, float]:
    """h, the covariance of (baseline, h) by the delta method, and the baseline."""
    p, rest = len(model.a), 1 - float(model.a.sum())
    h = model.b.sum(axis=0) / rest
    baseline = float(model.c[0]) / rest
    jacobian = np.zeros((1 + d, p + d * (p + 1) + extras.shape[1]))
    jacobian[0, :p] = baseline / rest
    jacobian[0, p + d * (p + 1)] = 1 / rest
    for j in range(d):
        jacobian[1 + j, :p] = h[j] / rest
        jacobian[1 + j, p + j : p + d * (p + 1) : d] = 1 / rest
    return h, jacobian @ model.covariance @ jacobian.T, baseline


def _response(a: Array, b: Array, periods: int) -> Array:
    from scipy.signal import lfilter

    impulse = np.zeros(periods)
    impulse[0] = 1
    denominator = np.concatenate([[1.0], -a])
    return np.column_stack([lfilter(column, denominator, impulse) for column in b.T])


def _pole(y: Array, u: Array, extras: Array, model: _Model) -> float:
    """The largest pole of a second-order model, its past replaced by what spends alone gave."""
    from scipy.signal import lfilter

    centred = u - u[0]
    denominator = np.concatenate([[1.0], -model.a])
    alone = np.zeros(len(y))
    for column, spend in zip(model.b.T, centred.T, strict=True):
        alone += lfilter(column, denominator, spend)
    x, z = _design(y, u, extras, ORDER), _design(alone, u, extras, ORDER)
    weights = np.linalg.lstsq(z.T @ x, z.T @ y[ORDER:], rcond=None)[0]
    poles = np.abs(np.roots(np.concatenate([[1.0], -weights[:ORDER]])))
    return float(np.clip(poles.max(initial=0.0), 0.0, 0.999))


def _half_lives(response: Array) -> Array:
    """Real-valued lag at which half of the total has come, by channel; NaN if there is no such.

    Between two lags the running sum is a straight line; what comes at once came at lag 0.
    """
    total = response.sum(axis=0)
    found = np.full(response.shape[1], math.nan)
    for j, column in enumerate(response.T):
        if total[j] == 0 or not math.isfinite(total[j]):
            continue
        part = np.cumsum(column) / total[j]
        late = np.flatnonzero(part >= 0.5)
        if len(late):
            s = int(late[0])
            found[j] = 0.0 if s == 0 else s - (part[s] - 0.5) / (part[s] - part[s - 1])
    return found


def _resample(
    y: Array,
    u: Array,
    extras: Array,
    model: _Model,
    count: int,
    seed: int,
    watch: Callable[[int, int], None] | None,
) -> list[tuple[float, Array]]:
    """ρ and half-lives of logs that the model would have given with its residuals shuffled."""
    from scipy.signal import lfilter, lfiltic

    rng, p = np.random.default_rng([seed, 6]), len(model.a)
    denominator = np.concatenate([[1.0], -model.a])
    x = _design(y, u, extras, p)[:, p:]
    driven = x @ np.concatenate([model.b.ravel(), model.c])
    start = lfiltic([1.0], denominator, y[p - 1 :: -1][:p])
    found = list[tuple[float, Array]]()
    for done in range(count):
        shocks = rng.choice(model.residuals, len(model.residuals))
        again = np.concatenate([y[:p], lfilter([1.0], denominator, driven + shocks, zi=start)[0]])
        refit = _regress(again, u, extras, p)
        found.append(
            (_pole(again, u, extras, refit), _half_lives(_response(refit.a, refit.b, 200)))
        )
        if watch:
            watch(done + 1, count)
    return found


def _spread(column: Array, tail: tuple[float, float]) -> Array:
    """Quantiles of what is finite; NaN if too little is."""
    finite = column[np.isfinite(column)]
    if len(finite) < 0.9 * len(column):
        return np.array([math.nan, math.nan])
    return np.quantile(finite, tail)
