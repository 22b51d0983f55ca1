"""Returns over a window and the falls from a high; in percent, as traders write thresholds."""

from __future__ import annotations

import math

import numpy as np
import talib

from core.indicators.kernels import fill_max_drawdown
from core.indicators.momentum import change_over
from core.indicators.registry import count, indicator
from core.indicators.trend import average, unmoved
from core.market.bars import Float, Ohlcv


def daily_returns(close: Float) -> Float:
    """close[t] / close[t - 1] - 1; NaN first"""
    returns = np.full(len(close), np.nan)
    returns[1:] = close[1:] / close[:-1] - 1
    return returns


@indicator(
    "cumulative_return",
    label="Cumulative return",
    meaning="Return over the last sessions.",
    unit="percent",
    warm_up=lambda window: window,
    window=count(20, 1, 2000, "sessions held"),
)
def cumulative_return(bars: Ohlcv, window: int) -> Float:
    """100 · (close[t] / close[t - n] - 1), the ROC under the name holders know"""
    return change_over(bars.close, window)


@indicator(
    "mean_return",
    label="Mean return",
    meaning="Mean daily return of the last sessions.",
    unit="percent",
    warm_up=lambda window: window,
    window=count(20, 1, 2000, "returns averaged"),
)
def mean_return(bars: Ohlcv, window: int) -> Float:
    """100 · mean of the last n daily returns"""
    return 100 * average(daily_returns(bars.close), window)


@indicator(
    "std_return",
    label="Return deviation",
    meaning="Standard deviation of the last daily returns, per day.",
    unit="percent",
    warm_up=lambda window: window,
    window=count(20, 2, 2000, "returns taken"),
)
def std_return(bars: Ohlcv, window: int) -> Float:
    """100 · sample deviation (n - 1) of the last n daily returns, not annualised"""
    return 100 * deviation(daily_returns(bars.close), window)


@indicator(
    "max_drawdown",
    label="Max drawdown",
    meaning="Deepest fall from a high within the last closes.",
    unit="percent",
    warm_up=lambda window: window - 1,
    window=count(60, 2, 2000, "closes looked at"),
)
def max_drawdown(bars: Ohlcv, window: int) -> Float:
    """100 · largest 1 - close[j] / close[i], i <= j, within the last n closes; positive"""
    out = np.full(len(bars.close), np.nan)
    fill_max_drawdown(bars.close, window, out)
    return out


@indicator(
    "drawdown",
    label="Drawdown",
    meaning="How far the close is below the highest close of all its history.",
    unit="percent",
    warm_up=lambda: 0,
)
def drawdown(bars: Ohlcv) -> Float:
    """100 · (1 - close[t] / highest close so far); positive"""
    return 100 * (1 - bars.close / np.maximum.accumulate(bars.close))


@indicator(
    "distance_from_high",
    label="Distance from high",
    meaning="How far the close is below the highest close of the last sessions.",
    unit="percent",
    warm_up=lambda window: window - 1,
    window=count(252, 2, 2000, "closes looked at"),
)
def distance_from_high(bars: Ohlcv, window: int) -> Float:
    """100 · (1 - close[t] / highest of the last n closes); positive"""
    highest: Float = talib.MAX(bars.close, window)
    return 100 * (1 - bars.close / highest)


@indicator(
    "correlation",
    label="Correlation",
    meaning="How closely two symbols' daily returns go together.",
    unit="-1 to 1",
    pair=True,
    warm_up=lambda window: window,
    window=count(60, 3, 2000, "returns compared"),
)
def correlation(bars: Ohlcv, other: Ohlcv, window: int) -> Float:
    """Pearson correlation of the last n daily returns; unknown if either never changed"""
    mine, theirs = daily_returns(bars.close), daily_returns(other.close)
    close = np.full(len(mine), np.nan)
    close[1:] = talib.CORREL(mine[1:], theirs[1:], window) if len(mine) > window else np.nan
    close[unmoved(mine, window) | unmoved(theirs, window)] = np.nan
    bounded: Float = np.clip(close, -1.0, 1.0)
    return bounded


def deviation(values: Float, window: int) -> Float:
    """Sample deviation (n - 1) of the last ``window`` values; exactly 0 where they are equal.

    TA-Lib's running sums leave a residue there, which an inverse volatility would magnify.
    """
    spread: Float = talib.STDDEV(values, window) * math.sqrt(window / (window - 1))
    spread[unmoved(values, window) & ~np.isnan(spread)] = 0.0
    return spread
