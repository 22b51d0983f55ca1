"""Every metric of one series of returns, in a few passes over it.

Definitions, units and their sources are in ``definitions.py``; what cannot be computed is NaN.
The functions are compiled and call one another, so that a sweep measures its runs with the very
code a single backtest is measured with.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from core.jit import allocating_kernel, kernel

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


class Sides(NamedTuple):
    """Gains and losses apart. Sums of losses are negative."""

    wins: int
    losses: int
    gained: float
    lost: float
    lost_squares: float
    best: float
    worst: float
    win_run: int
    loss_run: int


@allocating_kernel
def measure_returns(returns, days, months, periods, risk_free):
    """Measures of ``returns``.

    returns    float64 [T]  per session; no NaN
    days       int64 [T]    day numbers, ascending
    months     int64 [T]    month numbers (12 per year), ascending
    periods    sessions in a year
    risk_free  rate per session, taken off where the definition has a risk-free rate
    """
    n = returns.size
    moments, sides = moments_of(returns), sides_of(returns)
    falls, tails = falls_of(returns, days), quantiles(returns, (0.01, 0.05, 0.95, 0.99))
    month, year = spells(returns, months, 1), spells(returns, months, 12)
    growth = compounded(returns)
    total = growth - 1.0
    per_year = math.sqrt(periods)
    cagr = math.nan
    expected = math.nan
    exposure = math.nan
    if n > 0:
        cagr = growth ** (periods / n) - 1.0
        expected = growth ** (1.0 / n) - 1.0
        exposure = math.ceil((sides.wins + sides.losses) / n * 100.0) / 100.0
    volatility = moments.deviation * per_year

    excess = moments.mean - risk_free
    sharpe = ratio(excess, moments.deviation, STILL)
    below, omega = against_rate(returns, risk_free)
    sortino = ratio(excess, below, STILL)
    penalty = autocorrelation_penalty(returns)
    uncertain = (1.0 - moments.skew * sharpe + (moments.kurtosis + 2.0) / 4.0 * sharpe * sharpe) / (
        n - 1.0
    )
    sure = 0.5 * math.erfc(-sharpe / math.sqrt(uncertain) / math.sqrt(2.0))

    win_rate = ratio(sides.wins, sides.wins + sides.losses)
    avg_win, avg_loss = ratio(sides.gained, sides.wins), ratio(sides.lost, sides.losses)
    not_lost = n - sides.losses
    payoff = ratio(avg_win, -avg_loss)
    profit_factor = ratio(sides.gained, -sides.lost)
    tail = ratio(abs(tails[2]), abs(tails[1]))
    pitfall = (SHORTFALL_5 * falls.deviation - falls.mean) / moments.deviation
    return Measures(
        total_return=total,
        cagr=cagr,
        expected_return=expected,
        avg_return=ratio(sides.gained + sides.lost, sides.wins + sides.losses),
        best=sides.best,
        worst=sides.worst,
        best_month=month[0],
        worst_month=month[1],
        best_year=year[0],
        worst_year=year[1],
        volatility=volatility,
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
        omega=omega,
        gain_to_pain=ratio(sides.gained + sides.lost, -sides.lost),
        ulcer_performance=ratio(total, falls.ulcer),
        serenity=ratio(sides.gained + sides.lost, falls.ulcer * pitfall),
        recovery_factor=ratio(abs(sides.gained + sides.lost), -falls.deepest),
        risk_return=ratio(moments.mean, moments.deviation, STILL),
        risk_adjusted_return=ratio(cagr, exposure),
        win_rate=win_rate,
        win_rate_month=month[2],
        win_rate_year=year[2],
        avg_win=avg_win,
        avg_loss=avg_loss,
        payoff_ratio=payoff,
        profit_factor=profit_factor,
        profit_ratio=ratio(
            ratio(sides.gained, not_lost) / not_lost, ratio(-avg_loss, sides.losses)
        ),
        cpc_index=profit_factor * win_rate * payoff,
        common_sense=profit_factor * tail,
        tail_ratio=tail,
        outlier_win=ratio(tails[3], ratio(sides.gained, not_lost)),
        outlier_loss=ratio(tails[0], avg_loss),
        kelly=win_rate - ratio(1.0 - win_rate, payoff),
        consecutive_wins=float(sides.win_run),
        consecutive_losses=float(sides.loss_run),
        exposure=exposure,
    )


@kernel
def compare_returns(returns, benchmark, periods, risk_free):
    """Comparison of two series [T] of returns of the same sessions."""
    n = returns.size
    own, other = moments_of(returns), moments_of(benchmark)
    together, apart = 0.0, 0.0
    difference = own.mean - other.mean
    for t in range(n):
        together += (returns[t] - own.mean) * (benchmark[t] - other.mean)
        apart += (returns[t] - benchmark[t] - difference) ** 2
    covariance, active = together / (n - 1.0), math.sqrt(apart / (n - 1.0))
    beta = covariance / other.deviation**2 if other.deviation > STILL else math.nan
    correlation = beta * ratio(other.deviation, own.deviation, STILL)
    excess = compounded(returns) - (1.0 + risk_free) ** periods
    treynor = excess / beta if abs(beta) > STILL else math.nan
    return Comparison(
        beta=beta,
        alpha=(own.mean - beta * other.mean) * periods,
        r_squared=correlation * correlation,
        correlation=correlation,
        information_ratio=ratio(difference, active, STILL),
        treynor=treynor,
    )


@kernel
def ratio(above, below, least=0.0):
    """``above / below``; NaN unless ``below`` exceeds ``least`` in size."""
    return above / below if abs(below) > least else math.nan


@kernel
def compounded(returns):
    growth = 1.0
    for r in returns:
        growth *= 1.0 + r
    return growth


@kernel
def moments_of(returns):
    n = returns.size
    mean = math.nan if n == 0 else returns.sum() / n
    second, third, fourth = 0.0, 0.0, 0.0
    for r in returns:
        d = r - mean
        second += d * d
        third += d * d * d
        fourth += d * d * d * d
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
def sides_of(returns):
    wins, losses, gained, lost, squares = 0, 0, 0.0, 0.0, 0.0
    best, worst = -math.inf, math.inf
    run, win_run, loss_run = 0, 0, 0
    for r in returns:
        best, worst = max(best, r), min(worst, r)
        if r > 0.0:
            wins, gained, run = wins + 1, gained + r, max(run, 0) + 1
            win_run = max(win_run, run)
        elif r < 0.0:
            losses, lost, squares, run = losses + 1, lost + r, squares + r * r, min(run, 0) - 1
            loss_run = max(loss_run, -run)
        else:
            run = 0
    if returns.size == 0:
        best, worst = math.nan, math.nan
    return Sides(wins, losses, gained, lost, squares, best, worst, win_run, loss_run)


@kernel
def against_rate(returns, rate):
    """Root mean square of what falls short of ``rate``, and the sum above over the sum below."""
    squares, above, below = 0.0, 0.0, 0.0
    for r in returns:
        d = r - rate
        if d > 0.0:
            above += d
        else:
            below -= d
            squares += d * d
    deviation = math.sqrt(squares / returns.size) if returns.size else math.nan
    return deviation, ratio(above, below)


@kernel
def autocorrelation_penalty(returns):
    """Factor on the deviation for returns that follow their predecessors; 1 if they do not."""
    n = returns.size
    if n < 3:
        return 1.0
    coefficient = abs(lagged_correlation(returns))
    if not coefficient > 0.0:
        return 1.0
    total, power = 0.0, 1.0
    for x in range(1, n):
        power *= coefficient
        if power < 1e-20:
            break
        total += (n - x) / n * power
    return math.sqrt(1.0 + 2.0 * total)


@kernel
def lagged_correlation(returns):
    """Correlation of each return with the one before it; NaN if there is no deviation."""
    before, after = returns[:-1], returns[1:]
    mean_before, mean_after = before.sum() / before.size, after.sum() / after.size
    together, own, other = 0.0, 0.0, 0.0
    for t in range(before.size):
        x, y = before[t] - mean_before, after[t] - mean_after
        together, own, other = together + x * y, own + x * x, other + y * y
    least = STILL * STILL * before.size
    return together / math.sqrt(own * other) if own > least and other > least else math.nan


@kernel
def falls_of(returns, days):
    n = returns.size
    worth, peak, depth = 1.0, 1.0, 0.0
    deepest, depths, squares, sums = 0.0, 0.0, 0.0, 0.0
    spell, falls, longest, since = 0.0, 0, 0, 0
    for t in range(n):
        worth *= 1.0 + returns[t]
        peak = max(peak, worth)
        depth = worth / peak - 1.0
        sums, squares = sums + depth, squares + depth * depth
        if depth < 0.0:
            if spell == 0.0:
                falls, since = falls + 1, days[t]
            spell = min(spell, depth)
            longest = max(longest, days[t] - since + 1)
            deepest = min(deepest, depth)
        else:
            depths, spell = depths + spell, 0.0
    depths += spell
    if n < 2:
        return Falls(deepest, math.nan, 0.0, math.nan, math.nan, math.nan)
    spread = max(squares - sums * sums / n, 0.0)
    return Falls(
        deepest,
        depths / falls if falls else math.nan,
        float(longest),
        math.sqrt(squares / (n - 1.0)),
        sums / n,
        math.sqrt(spread / (n - 1.0)),
    )


@kernel
def spells(returns, months, length):
    """Best and worst compounded return of a spell of ``length`` months, and the share won."""
    best, worst, won, lost = -math.inf, math.inf, 0, 0
    growth = 1.0
    n = returns.size
    for t in range(n):
        growth *= 1.0 + returns[t]
        if t == n - 1 or months[t] // length != months[t + 1] // length:
            best, worst = max(best, growth - 1.0), min(worst, growth - 1.0)
            won += growth > 1.0
            lost += growth < 1.0
            growth = 1.0
    if n == 0:
        return math.nan, math.nan, math.nan
    return best, worst, ratio(float(won), float(won + lost))


@allocating_kernel
def quantiles(returns, shares):
    """Quantiles with linear interpolation between the neighbours in order."""
    out = np.full(len(shares), math.nan)
    n = returns.size
    if n == 0:
        return out
    ordered = np.sort(returns)
    for i in range(len(shares)):
        place = shares[i] * (n - 1.0)
        left = int(place)
        right = min(left + 1, n - 1)
        out[i] = ordered[left] + (place - left) * (ordered[right] - ordered[left])
    return out
