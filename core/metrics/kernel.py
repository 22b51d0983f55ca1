"""Every metric of a block of series, from the sums that ``passes.py`` makes of their returns.

Definitions, units and their sources are in ``definitions.py``; what cannot be computed is NaN.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

from core.jit import kernel
from core.lanes import LANES
from core.metrics import passes

STILL = 1e-12
"""A deviation per session below this is rounding, not risk: ratios over it are undefined."""

NORMAL_5 = NormalDist().inv_cdf(0.05)
"""The 5 % quantile of a normal distribution; VaR and expected shortfall are parametric."""
SHORTFALL_5 = NormalDist().pdf(NORMAL_5) / 0.05


class Measures(NamedTuple):
    """The metrics, in the order they are stored and shown."""

    total_return: float
    cagr: float
    expected_return: float
    avg_return: float
    best: float
    worst: float
    best_month: float
    worst_month: float
    best_year: float
    worst_year: float
    volatility: float
    max_drawdown: float
    avg_drawdown: float
    longest_drawdown_days: float
    ulcer_index: float
    value_at_risk: float
    expected_shortfall: float
    skew: float
    kurtosis: float
    risk_of_ruin: float
    sharpe: float
    smart_sharpe: float
    probabilistic_sharpe: float
    sortino: float
    smart_sortino: float
    adjusted_sortino: float
    calmar: float
    omega: float
    gain_to_pain: float
    ulcer_performance: float
    serenity: float
    recovery_factor: float
    risk_return: float
    risk_adjusted_return: float
    win_rate: float
    win_rate_month: float
    win_rate_year: float
    avg_win: float
    avg_loss: float
    payoff_ratio: float
    profit_factor: float
    profit_ratio: float
    cpc_index: float
    common_sense: float
    tail_ratio: float
    outlier_win: float
    outlier_loss: float
    kelly: float
    consecutive_wins: float
    consecutive_losses: float
    exposure: float


class Comparison(NamedTuple):
    """The metrics that compare two series of returns."""

    beta: float
    alpha: float
    r_squared: float
    correlation: float
    information_ratio: float
    treynor: float


class Moments(NamedTuple):
    """Of the returns: ``deviation`` and the shape have pandas' corrections for small samples."""

    mean: float
    deviation: float
    skew: float
    kurtosis: float


class Falls(NamedTuple):
    """Drawdowns: negative fractions; lengths in calendar days, first and last day included."""

    deepest: float
    mean_depth: float
    longest: float
    ulcer: float
    mean: float
    deviation: float


@kernel
def measure_block(room, n, dates, risk_free):
    """Measure the first ``n`` sessions of a room's block: all passes, for ``measures_of`` to read.

    ``risk_free`` is a rate per session, taken off where the definition has a risk-free rate
    """
    passes.run_through(room, n, dates)
    if risk_free != 0.0:
        passes.against_rate(room, n, risk_free)
    passes.spread(room, n)
    passes.order(room, n)


@kernel
def measures_of(room, n, lane, periods, risk_free):
    """The measures of the series in ``lane``; ``n`` is at least 1."""
    moments, falls = moments_of(room, n, lane), _falls_of(room, n, lane)
    wins, losses = _sum(room, passes.WINS, lane), _sum(room, passes.LOSSES, lane)
    gained, lost = _sum(room, passes.GAINED, lane), _sum(room, passes.LOST, lane)
    low_1, low_5, high_5, high_1 = passes.quantiles(room, n, lane)
    growth = _sum(room, passes.GROWTH, lane)
    per_year = math.sqrt(periods)
    cagr = growth ** (periods / n) - 1.0
    exposure = math.ceil((wins + losses) / n * 100.0) / 100.0

    sharpe = ratio(moments.mean - risk_free, moments.deviation, STILL)
    shortfall = math.sqrt(_sum(room, passes.SHORTFALL, lane) / n)
    sortino = ratio(moments.mean - risk_free, shortfall, STILL)
    penalty = _autocorrelation_penalty(room, n, lane)
    uncertain = (1.0 - moments.skew * sharpe + (moments.kurtosis + 2.0) / 4.0 * sharpe * sharpe) / (
        n - 1.0
    )
    sure = 0.5 * math.erfc(-sharpe / math.sqrt(uncertain) / math.sqrt(2.0))

    win_rate = ratio(wins, wins + losses)
    avg_win, avg_loss = ratio(gained, wins), ratio(lost, losses)
    not_lost = n - losses
    payoff = ratio(avg_win, -avg_loss)
    profit_factor = ratio(gained, -lost)
    tail = ratio(abs(high_5), abs(low_5))
    pitfall = (SHORTFALL_5 * falls.deviation - falls.mean) / moments.deviation
    won_months, lost_months = (
        _sum(room, passes.WON_MONTHS, lane),
        _sum(room, passes.LOST_MONTHS, lane),
    )
    won_years, lost_years = _sum(room, passes.WON_YEARS, lane), _sum(room, passes.LOST_YEARS, lane)
    return Measures(
        total_return=growth - 1.0,
        cagr=cagr,
        expected_return=growth ** (1.0 / n) - 1.0,
        avg_return=ratio(gained + lost, wins + losses),
        best=_sum(room, passes.BEST, lane),
        worst=_sum(room, passes.WORST, lane),
        best_month=_sum(room, passes.BEST_MONTH, lane),
        worst_month=_sum(room, passes.WORST_MONTH, lane),
        best_year=_sum(room, passes.BEST_YEAR, lane),
        worst_year=_sum(room, passes.WORST_YEAR, lane),
        volatility=moments.deviation * per_year,
        max_drawdown=falls.deepest,
        avg_drawdown=falls.mean_depth,
        longest_drawdown_days=falls.longest,
        ulcer_index=falls.ulcer,
        value_at_risk=moments.mean + NORMAL_5 * moments.deviation,
        expected_shortfall=moments.mean - SHORTFALL_5 * moments.deviation,
        skew=moments.skew,
        kurtosis=moments.kurtosis,
        risk_of_ruin=((1.0 - win_rate) / (1.0 + win_rate)) ** n,
        sharpe=sharpe * per_year,
        smart_sharpe=sharpe / penalty * per_year,
        probabilistic_sharpe=sure,
        sortino=sortino * per_year,
        smart_sortino=sortino / penalty * per_year,
        adjusted_sortino=sortino * per_year / math.sqrt(2.0),
        calmar=ratio(cagr, -falls.deepest),
        omega=ratio(_sum(room, passes.ABOVE, lane), _sum(room, passes.BELOW, lane)),
        gain_to_pain=ratio(gained + lost, -lost),
        ulcer_performance=ratio(growth - 1.0, falls.ulcer),
        serenity=ratio(gained + lost, falls.ulcer * pitfall),
        recovery_factor=ratio(abs(gained + lost), -falls.deepest),
        risk_return=ratio(moments.mean, moments.deviation, STILL),
        risk_adjusted_return=ratio(cagr, exposure),
        win_rate=win_rate,
        win_rate_month=ratio(won_months, won_months + lost_months),
        win_rate_year=ratio(won_years, won_years + lost_years),
        avg_win=avg_win,
        avg_loss=avg_loss,
        payoff_ratio=payoff,
        profit_factor=profit_factor,
        profit_ratio=ratio(ratio(gained, not_lost) / not_lost, ratio(-avg_loss, losses)),
        cpc_index=profit_factor * win_rate * payoff,
        common_sense=profit_factor * tail,
        tail_ratio=tail,
        outlier_win=ratio(high_1, ratio(gained, not_lost)),
        outlier_loss=ratio(low_1, avg_loss),
        kelly=win_rate - ratio(1.0 - win_rate, payoff),
        consecutive_wins=_sum(room, passes.WIN_RUN, lane),
        consecutive_losses=_sum(room, passes.LOSS_RUN, lane),
        exposure=exposure,
    )


@kernel
def compare_block(room, n, benchmark, benchmark_mean):
    """The pass ``comparison_of`` reads; needs ``measure_block``. benchmark float64 [n]."""
    passes.beside(room, n, benchmark, benchmark_mean)


@kernel
def comparison_of(room, n, lane, other, periods, risk_free):
    """Comparison of the series in ``lane`` with a benchmark whose moments are ``other``."""
    own = moments_of(room, n, lane)
    covariance = _sum(room, passes.WITH_BENCHMARK, lane) / (n - 1.0)
    active = math.sqrt(_sum(room, passes.APART, lane) / (n - 1.0))
    beta = covariance / other.deviation**2 if other.deviation > STILL else math.nan
    correlation = beta * ratio(other.deviation, own.deviation, STILL)
    excess = _sum(room, passes.GROWTH, lane) - (1.0 + risk_free) ** periods
    return Comparison(
        beta=beta,
        alpha=(own.mean - beta * other.mean) * periods,
        r_squared=correlation * correlation,
        correlation=correlation,
        information_ratio=ratio(own.mean - other.mean, active, STILL),
        treynor=excess / beta if abs(beta) > STILL else math.nan,
    )


@kernel
def ratio(above, below, least=0.0):
    """``above / below``; NaN unless ``below`` exceeds ``least`` in size."""
    return above / below if abs(below) > least else math.nan


@kernel
def _sum(room, row, lane):
    return room.sums[row * LANES + lane]


@kernel
def moments_of(room, n, lane):
    """The moments of the series in ``lane``; needs ``passes.spread``."""
    return moments(
        n,
        _sum(room, passes.SUM, lane) / n,
        _sum(room, passes.SECOND, lane),
        _sum(room, passes.THIRD, lane),
        _sum(room, passes.FOURTH, lane),
    )


@kernel
def moments(n, mean, second, third, fourth):
    """Moments from the sums of powers of the distance to the mean."""
    deviation = math.sqrt(second / (n - 1.0)) if n > 1 else math.nan
    skew, kurtosis = math.nan, math.nan
    if deviation > STILL and n > 2:
        skew = n * math.sqrt(n - 1.0) / (n - 2.0) * third / second**1.5
    if deviation > STILL and n > 3:
        spare = (n - 2.0) * (n - 3.0)
        kurtosis = n * (n + 1.0) * (n - 1.0) * fourth / (spare * second * second)
        kurtosis -= 3.0 * (n - 1.0) ** 2 / spare
    return Moments(mean, deviation, skew, kurtosis)


@kernel
def _falls_of(room, n, lane):
    deepest, longest = _sum(room, passes.DEEPEST, lane), _sum(room, passes.LONGEST, lane)
    if n < 2:
        return Falls(deepest, math.nan, 0.0, math.nan, math.nan, math.nan)
    count, sums = _sum(room, passes.FALLS, lane), _sum(room, passes.DEPTH_SUM, lane)
    squares = _sum(room, passes.DEPTH_SQUARES, lane)
    return Falls(
        deepest,
        ratio(_sum(room, passes.DEPTHS, lane), count),
        longest,
        math.sqrt(squares / (n - 1.0)),
        sums / n,
        math.sqrt(max(squares - sums * sums / n, 0.0) / (n - 1.0)),
    )


@kernel
def _autocorrelation_penalty(room, n, lane):
    """Factor on the deviation for returns that follow their predecessors; 1 if they do not."""
    second, mean = _sum(room, passes.SECOND, lane), _sum(room, passes.SUM, lane) / n
    if n < 3:
        return 1.0
    # All returns but the last, and all but the first, have means of their own: the squares around
    # these follow from those around the mean of all.
    first, last = room.returns[lane] - mean, room.returns[(n - 1) * LANES + lane] - mean
    own, other = second - last * last * n / (n - 1.0), second - first * first * n / (n - 1.0)
    together = _sum(room, passes.LAGGED, lane) - first * last / (n - 1.0)
    least = max(STILL * STILL * (n - 1.0), STILL * second)
    if not (own > least and other > least):
        return 1.0
    coefficient = abs(together / math.sqrt(own * other))
    total, power = 0.0, 1.0
    for x in range(1, n):
        power *= coefficient
        if power < 1e-20:
            break
        total += (n - x) / n * power
    return math.sqrt(1.0 + 2.0 * total)
