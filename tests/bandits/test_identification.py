"""What a fit finds, on logs whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.signal import dlsim

from halflife.bandits import (
    Fit,
    LogError,
    adstock,
    advertising,
    example_log,
    example_system,
    excitation_plan,
    fit,
    response_figure,
)

from .logs import logged, spends

ADSTOCK = adstock([0.7, 0.4, 0.1], [1, 0.8, 0.5], reward_noise=0.1, state_noise=0.05)


def a_log(kind="weekly", periods=364, system=ADSTOCK, seed=0, **more):
    rng = np.random.default_rng([seed, 9])
    return logged(system, spends(kind, periods, system.d, rng), seed, **more)


def test_without_noise_the_truth_is_found():
    """Three geometric effects make an ARX of third order with no rest."""
    quiet = adstock([0.7, 0.4, 0.1], [1, 0.8, 0.5])
    found = fit(a_log("independent", system=quiet, baseline=7.0), lags=3, bootstrap=0)
    np.testing.assert_allclose(found.h, quiet.cumulative, rtol=1e-6)
    np.testing.assert_allclose(found.response(20), quiet.markov(20), atol=1e-6)
    assert found.baseline == pytest.approx(7.0, rel=1e-6)
    # one channel alone has one pole, which any second-order model finds
    alone = adstock([0.7], [1.0])
    assert fit(a_log("independent", system=alone), lags=2, bootstrap=0).rho == pytest.approx(
        0.7, abs=0.05
    )


@pytest.mark.parametrize("kind", ["independent", "weekly", "slow"])
@pytest.mark.parametrize(
    "system",
    [
        pytest.param(ADSTOCK, id="adstock", marks=pytest.mark.slow),
        pytest.param(advertising(0.01), id="quiet"),
        pytest.param(advertising(0.05), id="noisy", marks=pytest.mark.slow),
    ],
)
def test_the_intervals_cover_what_they_should(kind, system):
    """Of 120 intervals, 95 % or so hold the truth: at least 86 %, which one in 10⁴ would not."""
    held = []
    for seed in range(40):
        found = fit(a_log(kind, 260, system, seed), bootstrap=0)
        low, high = found.interval.T
        held += list((low <= system.cumulative) & (system.cumulative <= high))
    assert np.mean(held) >= 0.86


@pytest.mark.slow
@pytest.mark.parametrize("periods", [120, 180, 730])
def test_the_intervals_cover_at_every_length(periods):
    held = []
    for system in (ADSTOCK, advertising(0.01), advertising(0.05)):
        for kind in ("independent", "weekly", "slow"):
            for seed in range(60):
                found = fit(a_log(kind, periods, system, 1000 + seed), bootstrap=0)
                low, high = found.interval.T
                held += list((low <= system.cumulative) & (system.cumulative <= high))
    assert 0.90 <= np.mean(held) <= 0.98


def test_the_right_channel_is_found_where_the_first_look_misleads():
    """On the advertising system, channel 1 pays at once and channel 0 in the long run."""
    for seed in range(5):
        found = fit(a_log("weekly", 365, advertising(0.01), seed), bootstrap=0)
        assert int(np.argmax(found.response(1)[0])) == 1
        assert int(np.argmax(found.h)) == 0


def test_the_spectral_radius_and_half_lives_come_with_intervals():
    found = fit(a_log("weekly", 730), bootstrap=100)
    low, high = found.rho_interval
    assert low < 0.7 < high + 0.03
    assert 0.6 < found.rho < 0.8
    part = np.cumsum(0.3 * 0.7 ** np.arange(50))
    s = int(np.argmax(part >= 0.5))
    half = s - (part[s] - 0.5) / (part[s] - part[s - 1])
    soon, late = found.half_life_interval[0]
    assert soon <= half <= late
    assert found.half_life[2] == 0  # nine tenths of it come at once


def test_units_do_not_matter():
    one, cents = (fit(a_log(unit=unit), bootstrap=20) for unit in (1.0, 100.0))
    np.testing.assert_allclose(one.h, 100 * cents.h, rtol=1e-6)
    np.testing.assert_allclose(one.interval, 100 * cents.interval, rtol=1e-6)
    assert one.rho_interval == pytest.approx(cents.rho_interval, rel=1e-6)


def test_a_trend_and_a_season_are_taken_out():
    log = a_log("independent", 520)
    t = np.arange(520)
    log["outcome"] += 0.01 * t + np.sin(2 * np.pi * t / 52)
    found = fit(log, trend=True, season=52, bootstrap=0)
    low, high = found.interval.T
    assert ((low <= ADSTOCK.cumulative) & (ADSTOCK.cumulative <= high)).sum() >= 2
    assert found.standard_error.max() < fit(log, bootstrap=0).standard_error.max()


def test_a_covariate_is_taken_out():
    log = a_log("independent", 400)
    log["price"] = np.random.default_rng(1).normal(size=400)
    log["outcome"] -= 3 * log["price"]
    found = fit(log, covariates=["price"], lags=6, bootstrap=0)
    assert found.channels == ("channel 0", "channel 1", "channel 2")
    np.testing.assert_allclose(found.h, ADSTOCK.cumulative, atol=0.4)


def test_a_fit_is_a_system_with_the_same_responses():
    found = fit(a_log(), bootstrap=0)
    system = found.system()
    np.testing.assert_allclose(system.markov(40), found.response(40), atol=1e-9)
    np.testing.assert_allclose(system.cumulative, found.h, rtol=1e-8)
    impulse = np.zeros((20, 3))
    impulse[0, 0] = 1
    state_space = (system.A, system.B, system.omega[None, :], system.theta[None, :], 1.0)
    np.testing.assert_allclose(
        dlsim(state_space, impulse)[1][:, 0], found.response(20)[:, 0], atol=1e-9
    )


def test_a_fit_survives_json_to_the_last_bit():
    found = fit(a_log(periods=120), bootstrap=5)
    again = Fit.from_json(found.to_json())
    assert again.to_json() == found.to_json()
    assert again.channels == found.channels
    np.testing.assert_array_equal(again.covariance, found.covariance)
    for text in ("{}", "nonsense", "[1]", '{"halflife": "bandit fit", "version": 1}'):
        with pytest.raises(ValueError, match="not a fit"):
            Fit.from_json(text)


def test_a_fit_says_what_it_found():
    said = str(fit(a_log(), bootstrap=20))
    for part in ("channel 0", "long-run outcome per unit spent", "spectral radius 0.", "baseline"):
        assert part in said


def test_the_example_log_tells_its_truth():
    found = fit(example_log(), bootstrap=0)
    low, high = found.interval.T
    true = example_system().cumulative
    assert ((low <= true) & (true <= high)).all()
    assert found.baseline == pytest.approx(300, rel=0.1)


def test_the_same_log_gives_the_same_fit():
    assert fit(a_log(), bootstrap=10).to_json() == fit(a_log(), bootstrap=10).to_json()


def test_resamples_are_counted():
    said = []
    fit(a_log(), bootstrap=3, watch=lambda done, of: said.append((done, of)))
    assert said == [(1, 3), (2, 3), (3, 3)]


def test_responses_and_half_lives_are_drawn():
    figure = response_figure(fit(a_log(), bootstrap=0))
    assert [trace.name for trace in figure.data if trace.showlegend is None and trace.name] == [
        "channel 0",
        "channel 1",
        "channel 2",
    ]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda log: log.iloc[:20], "too short: 20 periods. 3 channels need 33"),
        (lambda log: log.assign(**{"channel 1": 5.0}), "'channel 1' is flat: it varies by 0.0 %"),
        (
            lambda log: log.assign(**{"channel 1": 100 + log["channel 1"]}),
            "'channel 1' is flat: it varies by 0.3 %",
        ),
        (lambda log: log.assign(**{"channel 1": 0.0}), "Nothing was ever spent on 'channel 1'"),
        (
            lambda log: log.assign(**{"channel 1": 2 * log["channel 0"]}),
            "'channel 0' moves only together with 'channel 1'",
        ),
        (
            lambda log: log.assign(outcome=np.cumsum(np.arange(len(log)) % 7 + 1.0)),
            "does not settle",
        ),
    ],
)
def test_a_log_that_cannot_answer_says_what_is_missing(change, complaint):
    with pytest.raises(LogError, match=complaint):
        fit(change(a_log()), bootstrap=0)


def test_a_pattern_that_repeats_cannot_answer():
    square = np.tile([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]], (60, 1))
    system = adstock([0.5, 0.3], [1, 1], reward_noise=0.1)
    with pytest.raises(LogError, match="a pattern that repeats"):
        fit(logged(system, square, 0), bootstrap=0)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"lags": 0}, "lags must be a whole number"),
        ({"lags": 200}, "200 lags of 3 channels need"),
        ({"confidence": 1.0}, "confidence must be a number in"),
        ({"season": 1000}, "season=1000 is longer than the log"),
        ({"season": 1}, "season must be a number in"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        fit(a_log(), bootstrap=0, **arguments)


def test_a_plan_of_spends_lets_a_log_answer():
    plan = excitation_plan({"tv": 1.0, "radio": 0.5, "web": 0.2}, periods=120, hold=3)
    assert plan.shape == (120, 3)
    whole = plan.iloc[:120] / [1.0, 0.5, 0.2] - 1
    np.testing.assert_allclose(whole.mean(), 0, atol=1e-12)
    np.testing.assert_allclose(np.corrcoef(whole.T), np.eye(3), atol=1e-9)
    found = fit(logged(ADSTOCK, plan.to_numpy(), 0, names=list(plan)), bootstrap=0)
    assert found.channels == ("tv", "radio", "web")
    assert abs(found.h[0] - ADSTOCK.cumulative[0]) < 0.5


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"levels": {}, "periods": 9}, "0 channels"),
        ({"levels": {"a": 0.0}, "periods": 9}, r"levels\['a'\] must be a number in"),
        ({"levels": {"a": 1.0}, "periods": 3}, "too short for 1 channels"),
        ({"levels": {"a": 1.0}, "periods": 30, "swing": 2}, "swing must be a number in"),
        ({"levels": {"a": 1.0}, "periods": 30, "hold": 0}, "hold must be a whole number"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        excitation_plan(**arguments)


def test_dates_do_not_matter_to_a_fit():
    log = a_log(periods=150)
    weekly = log.assign(date=pd.date_range("2020-01-05", periods=150, freq="W"))
    np.testing.assert_array_equal(fit(log, bootstrap=0).h, fit(weekly, bootstrap=0).h)
