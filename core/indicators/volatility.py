"""How widely prices range: deviations, true range, and bands made of them."""

from __future__ import annotations

import math

import numpy as np
import talib

from core.indicators.registry import count, indicator, number
from core.indicators.returns import daily_returns, deviation
from core.indicators.trend import average, exponential_average
from core.market.bars import Float, Ohlcv

WINDOW = count(20, 2, 2000, "sessions taken")
MULTIPLIER = number(2.0, 0.01, 50, "deviations or ranges away from the middle")
RANGE = ("high", "low", "close")


def _full_window(window: int, **_: float) -> int:
    return window - 1


@indicator(
    "std_price",
    label="Price deviation",
    meaning="Standard deviation of the last closes.",
    unit="price",
    warm_up=_full_window,
    window=WINDOW,
)
def std_price(bars: Ohlcv, window: int) -> Float:
    """sample deviation (n - 1) of the last n closes"""
    return deviation(bars.close, window)


@indicator(
    "realised_volatility",
    label="Realised volatility",
    meaning="Deviation of the last daily returns, per year.",
    unit="percent",
    warm_up=lambda window, periods_per_year: window,  # noqa: ARG005
    window=WINDOW,
    periods_per_year=count(252, 1, 366, "sessions a year (365 for crypto)"),
)
def realised_volatility(bars: Ohlcv, window: int, periods_per_year: int) -> Float:
    """100 · sample deviation of the last n daily returns · sqrt(sessions a year)"""
    return 100 * math.sqrt(periods_per_year) * deviation(daily_returns(bars.close), window)


@indicator(
    "zscore",
    label="Z-score",
    meaning="Deviations the close stands above its mean.",
    unit="ratio",
    warm_up=_full_window,
    window=WINDOW,
)
def zscore(bars: Ohlcv, window: int) -> Float:
    """(close - mean) / sample deviation of the last n closes; unknown if they are equal"""
    spread = deviation(bars.close, window)
    return (bars.close - average(bars.close, window)) / np.where(spread > 0, spread, np.nan)


@indicator(
    "atr",
    label="ATR",
    meaning="Average range of a session, gaps included (Wilder).",
    unit="price",
    inputs=RANGE,
    warm_up=lambda window: window,
    window=count(14, 1, 500, "sessions smoothed"),
)
def atr(bars: Ohlcv, window: int) -> Float:
    """Wilder average of max(high, last close) - min(low, last close), from the mean of n"""
    true_range: Float = talib.ATR(bars.high, bars.low, bars.close, window)
    return true_range


# -- bands ---------------------------------------------------------------------------------------


def _bollinger(bars: Ohlcv, window: int, multiplier: float) -> tuple[Float, Float]:
    """Middle and half-width; the deviation is the population's (n), as Bollinger defines it."""
    spread = deviation(bars.close, window) * math.sqrt((window - 1) / window)
    return average(bars.close, window), multiplier * spread


@indicator(
    "bollinger_upper",
    label="Bollinger upper",
    meaning="Mean of the closes plus some deviations.",
    unit="price",
    pane="price",
    warm_up=_full_window,
    window=WINDOW,
    multiplier=MULTIPLIER,
)
def bollinger_upper(bars: Ohlcv, window: int, multiplier: float) -> Float:
    """mean + k · population deviation of the last n closes"""
    middle, half = _bollinger(bars, window, multiplier)
    return middle + half


@indicator(
    "bollinger_middle",
    label="Bollinger middle",
    meaning="Mean of the closes, between the bands.",
    unit="price",
    pane="price",
    warm_up=_full_window,
    window=WINDOW,
)
def bollinger_middle(bars: Ohlcv, window: int) -> Float:
    """mean of the last n closes"""
    return average(bars.close, window)


@indicator(
    "bollinger_lower",
    label="Bollinger lower",
    meaning="Mean of the closes less some deviations.",
    unit="price",
    pane="price",
    warm_up=_full_window,
    window=WINDOW,
    multiplier=MULTIPLIER,
)
def bollinger_lower(bars: Ohlcv, window: int, multiplier: float) -> Float:
    """mean - k · population deviation of the last n closes"""
    middle, half = _bollinger(bars, window, multiplier)
    return middle - half


@indicator(
    "bollinger_width",
    label="Bollinger width",
    meaning="Distance between the bands in percent of the middle.",
    unit="percent",
    warm_up=_full_window,
    window=WINDOW,
    multiplier=MULTIPLIER,
)
def bollinger_width(bars: Ohlcv, window: int, multiplier: float) -> Float:
    """100 · (upper - lower) / middle"""
    middle, half = _bollinger(bars, window, multiplier)
    return 200 * half / middle


@indicator(
    "bollinger_percent",
    label="Bollinger %b",
    meaning="Where the close stands between the bands: 0 lower, 1 upper.",
    unit="ratio",
    warm_up=_full_window,
    window=WINDOW,
    multiplier=MULTIPLIER,
)
def bollinger_percent(bars: Ohlcv, window: int, multiplier: float) -> Float:
    """(close - lower) / (upper - lower); unknown if the bands meet"""
    middle, half = _bollinger(bars, window, multiplier)
    return 0.5 + (bars.close - middle) / np.where(half > 0, 2 * half, np.nan)


def _keltner(window: int, range_window: int, multiplier: float = 0) -> int:  # noqa: ARG001
    return max(window - 1, range_window)


_RANGE_WINDOW = count(10, 1, 500, "sessions of the average range")


@indicator(
    "keltner_upper",
    label="Keltner upper",
    meaning="Average of the closes plus some average ranges.",
    unit="price",
    pane="price",
    inputs=RANGE,
    warm_up=_keltner,
    window=WINDOW,
    range_window=_RANGE_WINDOW,
    multiplier=MULTIPLIER,
)
def keltner_upper(bars: Ohlcv, window: int, range_window: int, multiplier: float) -> Float:
    """ema(close, n) + k · atr(m)"""
    return exponential_average(bars.close, window) + multiplier * atr(bars, range_window)


@indicator(
    "keltner_middle",
    label="Keltner middle",
    meaning="Average of the closes, between the channels.",
    unit="price",
    pane="price",
    warm_up=_full_window,
    window=WINDOW,
)
def keltner_middle(bars: Ohlcv, window: int) -> Float:
    """ema(close, n)"""
    return exponential_average(bars.close, window)


@indicator(
    "keltner_lower",
    label="Keltner lower",
    meaning="Average of the closes less some average ranges.",
    unit="price",
    pane="price",
    inputs=RANGE,
    warm_up=_keltner,
    window=WINDOW,
    range_window=_RANGE_WINDOW,
    multiplier=MULTIPLIER,
)
def keltner_lower(bars: Ohlcv, window: int, range_window: int, multiplier: float) -> Float:
    """ema(close, n) - k · atr(m)"""
    return exponential_average(bars.close, window) - multiplier * atr(bars, range_window)
