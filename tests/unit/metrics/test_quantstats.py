"""Every metric QuantStats has equals QuantStats' on the same returns."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from core.metrics.definitions import BY_NAME, METRICS, shown
from core.metrics.kernel import Comparison, Measures
from core.metrics.measure import in_order, measure, measure_trading

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import quantstats.stats as qs

THEIRS = [metric for metric in METRICS if metric.quantstats]


def series(seed: int, sessions: int = 1500, deviation: float = 0.012) -> pd.Series:
    index = pd.bdate_range("2017-01-03", periods=sessions)
    draws = np.random.default_rng(seed).standard_t(4, sessions) * deviation + 0.0003
    return pd.Series(draws.clip(-0.5, 0.5), index)


def flat_spells(seed: int) -> pd.Series:
    """Sessions out of the market: many zeros."""
    returns = series(seed)
    returns[np.random.default_rng(seed).random(len(returns)) < 0.4] = 0.0
    return returns


CASES = {
    "wild": series(1, deviation=0.03),
    "calm": series(2, deviation=0.004),
    "long": series(3, sessions=5000),
    "short": series(4, sessions=30),
    "with flat spells": flat_spells(5),
    "falling": series(6) - 0.002,
}


def ours(returns: pd.Series, benchmark: pd.Series | None = None, **options) -> dict[str, float]:
    other = None if benchmark is None else benchmark.to_numpy()
    days = returns.index.values.astype("datetime64[D]")
    return measure(returns.to_numpy(), days, 252, benchmark=other, **options)


def theirs(expression: str, r: pd.Series, b: pd.Series) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(eval(expression, {}, vars(qs) | {"r": r, "b": b}))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("metric", THEIRS, ids=lambda metric: metric.name)
def test_equals_quantstats(metric, case):
    returns = CASES[case]
    benchmark = 0.6 * returns + series(99, len(returns)).to_numpy() / 2
    expected = theirs(metric.quantstats, returns, benchmark)
    found = ours(returns, benchmark)[metric.name]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("rate", [0.02, 0.08])
def test_a_risk_free_rate_is_taken_off_as_quantstats_does(rate):
    returns = CASES["calm"]
    found = ours(returns, risk_free_rate=rate)
    for name, expression in (
        ("sharpe", f"sharpe(r, {rate})"),
        ("sortino", f"sortino(r, {rate})"),
        ("smart_sharpe", f"smart_sharpe(r, {rate})"),
        ("adjusted_sortino", f"adjusted_sortino(r, {rate})"),
        ("omega", f"omega(r, {rate})"),
        ("probabilistic_sharpe", f"probabilistic_sharpe_ratio(r, {rate})"),
    ):
        assert found[name] == pytest.approx(theirs(expression, returns, returns), rel=1e-9)


def test_there_are_more_than_forty_of_theirs():
    assert len(THEIRS) >= 40


def test_every_measure_is_defined_once_and_every_definition_is_measured():
    trading = measure_trading(np.zeros(3), np.zeros((3, 1)), 0.0, 252)
    measured = [*Measures._fields, *Comparison._fields, *trading]
    assert sorted(measured) == sorted(BY_NAME)
    assert len(METRICS) == len(BY_NAME)


def test_what_is_undefined_is_unknown_and_never_infinite():
    days = pd.bdate_range("2020-01-02", periods=50).values.astype("datetime64[D]")
    for returns in (np.zeros(50), np.full(50, 0.001), np.full(50, -0.001), np.zeros(0), np.ones(1)):
        found = measure(returns, days[: len(returns)], 252, benchmark=returns)
        assert not any(np.isinf(value) for value in found.values()), returns[:1]
    nothing = measure(np.zeros(50), days, 252)
    assert nothing["total_return"] == 0
    assert np.isnan(nothing["sharpe"])
    assert np.isnan(nothing["win_rate"])


def test_interest_alone_has_no_sharpe_ratio():
    """A constant return has a deviation of rounding only; a ratio over it means nothing."""
    days = pd.bdate_range("2020-01-02", periods=400).values.astype("datetime64[D]")
    equity = np.cumprod(np.full(401, 1.0001))
    assert np.isnan(measure(equity[1:] / equity[:-1] - 1, days, 252)["sharpe"])


def test_equity_that_is_lost_is_lost():
    days = pd.bdate_range("2020-01-02", periods=3).values.astype("datetime64[D]")
    found = measure(np.array([0.1, -1.0, 0.0]), days, 252)
    assert found["total_return"] == -1
    assert found["cagr"] == -1
    assert found["max_drawdown"] == -1


def test_trading_is_counted_by_the_year():
    turnover = np.array([1.0, 0.0, 0.5, 0.0])
    held = np.array([[1.0, 0.0], [0.6, 0.4], [0.5, -0.5], [0.0, 0.0]])
    found = measure_trading(turnover, held, 0.001, 252)
    assert found["turnover"] == pytest.approx(1.5 / 4 * 252)
    assert found["cost"] == pytest.approx(1.5 / 4 * 252 * 0.001)
    assert found["gross_exposure"] == pytest.approx(1.0)
    assert found["rebalances"] == 2


def test_the_order_is_that_of_the_definitions():
    found = ours(CASES["calm"], CASES["wild"])
    shuffled = dict(reversed(found.items()))
    assert list(in_order(shuffled)) == [m.name for m in METRICS if m.name in found]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("cagr", 0.07934, "7.93%"),
        ("total_return", 4.5941, "459.4%"),
        ("total_return", 19.412, "1,941%"),
        ("sharpe", 0.5444, "0.54"),
        ("longest_drawdown_days", 1234.0, "1,234"),
        ("sharpe", float("nan"), "–"),
    ],
)
def test_numbers_read_as_people_write_them(name, value, text):
    assert shown(name, value) == text
