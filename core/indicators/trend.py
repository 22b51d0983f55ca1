"""Averages, the distance between them, and the direction and strength of a trend."""

from __future__ import annotations

import numpy as np
import talib

from core.indicators.kernels import fill_ultimate_smoother
from core.indicators.registry import count, indicator, number
from core.market.bars import Float, Ohlcv

WINDOW = count(20, 1, 2000, "sessions averaged")
SHORT = count(12, 2, 1000, "sessions of one average")
LONG = count(26, 2, 1000, "sessions of the other average")
SMOOTH = count(9, 1, 1000, "sessions the difference is averaged over")


def _slower(short_window: int, long_window: int) -> int:
    return max(short_window, long_window) - 1


def _smoothed(short_window: int, long_window: int, smooth_window: int) -> int:
    return _slower(short_window, long_window) + smooth_window - 1


@indicator(
    "sma",
    label="SMA",
    meaning="Mean of the last closes.",
    unit="price",
    pane="price",
    warm_up=lambda window: window - 1,
    window=WINDOW,
)
def sma(bars: Ohlcv, window: int) -> Float:
    """mean(close[t - n + 1 … t])"""
    return average(bars.close, window)


@indicator(
    "ema",
    label="EMA",
    meaning="Average in which recent closes weigh more.",
    unit="price",
    pane="price",
    warm_up=lambda window: window - 1,
    window=WINDOW,
)
def ema(bars: Ohlcv, window: int) -> Float:
    """e[t] = e[t - 1] + 2 / (n + 1) · (close[t] - e[t - 1]), from the mean of the first n closes"""
    return exponential_average(bars.close, window)


@indicator(
    "macd",
    label="MACD",
    meaning="Faster average less slower average.",
    unit="price",
    warm_up=_slower,
    short_window=SHORT,
    long_window=LONG,
)
def macd(bars: Ohlcv, short_window: int, long_window: int) -> Float:
    """ema(short) - ema(long), each seeded by itself"""
    return exponential_average(bars.close, short_window) - exponential_average(
        bars.close, long_window
    )


@indicator(
    "macd_signal",
    label="MACD signal",
    meaning="Average of the MACD.",
    unit="price",
    warm_up=_smoothed,
    short_window=SHORT,
    long_window=LONG,
    smooth_window=SMOOTH,
)
def macd_signal(bars: Ohlcv, short_window: int, long_window: int, smooth_window: int) -> Float:
    """ema(macd, smooth)"""
    return exponential_average(macd(bars, short_window, long_window), smooth_window)


@indicator(
    "macd_histogram",
    label="MACD histogram",
    meaning="MACD less its signal.",
    unit="price",
    warm_up=_smoothed,
    short_window=SHORT,
    long_window=LONG,
    smooth_window=SMOOTH,
)
def macd_histogram(bars: Ohlcv, short_window: int, long_window: int, smooth_window: int) -> Float:
    """macd - macd_signal"""
    line = macd(bars, short_window, long_window)
    return line - exponential_average(line, smooth_window)


@indicator(
    "ppo",
    label="PPO",
    meaning="Faster average above the slower one, in percent of it.",
    unit="percent",
    warm_up=_slower,
    short_window=SHORT,
    long_window=LONG,
)
def ppo(bars: Ohlcv, short_window: int, long_window: int) -> Float:
    """100 · (ema(short) - ema(long)) / ema(long)"""
    slow = exponential_average(bars.close, long_window)
    return 100 * (exponential_average(bars.close, short_window) - slow) / slow


@indicator(
    "ppo_signal",
    label="PPO signal",
    meaning="Average of the PPO.",
    unit="percent",
    warm_up=_smoothed,
    short_window=SHORT,
    long_window=LONG,
    smooth_window=SMOOTH,
)
def ppo_signal(bars: Ohlcv, short_window: int, long_window: int, smooth_window: int) -> Float:
    """ema(ppo, smooth)"""
    return exponential_average(ppo(bars, short_window, long_window), smooth_window)


@indicator(
    "adx",
    label="ADX",
    meaning="Strength of a trend, whichever way it goes.",
    unit="0 to 100",
    inputs=("high", "low", "close"),
    warm_up=lambda window: 2 * window - 1,
    window=count(14, 2, 500, "sessions smoothed (Wilder)"),
)
def adx(bars: Ohlcv, window: int) -> Float:
    """Wilder's average directional index: the smoothed 100 · |+DI - -DI| / (+DI + -DI).

    Unknown until the price has moved: without a range there is no direction.
    """
    strength: Float = talib.ADX(bars.high, bars.low, bars.close, window)
    strength[~_ranged(bars)] = np.nan
    return strength


def _ranged(bars: Ohlcv) -> np.ndarray:
    """True from the first session on which anything moved."""
    moved = bars.high != bars.low
    moved[1:] |= bars.close[1:] != bars.close[:-1]
    return np.logical_or.accumulate(moved)


@indicator(
    "parabolic_sar",
    label="Parabolic SAR",
    meaning="A stop that closes in on the price while a trend lasts.",
    unit="price",
    pane="price",
    inputs=("high", "low"),
    warm_up=lambda acceleration, maximum: 1,  # noqa: ARG005
    acceleration=number(0.02, 0.001, 1, "by how much each new extreme speeds it up"),
    maximum=number(0.2, 0.001, 1, "its highest speed"),
)
def parabolic_sar(bars: Ohlcv, acceleration: float, maximum: float) -> Float:
    """Wilder's stop and reverse; the first direction is that of the first two sessions"""
    stop: Float = talib.SAR(bars.high, bars.low, acceleration, maximum)
    return stop


@indicator(
    "ultimate_smoother",
    label="Ultimate smoother",
    meaning="A smooth line through the closes with little lag.",
    unit="price",
    pane="price",
    warm_up=lambda window: 3,  # noqa: ARG005
    window=count(20, 2, 1000, "shortest cycle that passes, in sessions"),
)
def ultimate_smoother(bars: Ohlcv, window: int) -> Float:
    """Ehlers, 'The ultimate smoother' (Technical Analysis of Stocks & Commodities, 2024).

    The price less a two-pole high-pass filter of it; the first values are the closes themselves.
    """
    out = np.full(len(bars.close), np.nan)
    fill_ultimate_smoother(bars.close, window, out)
    return out


@indicator(
    "trend_clarity",
    label="Trend clarity",
    meaning="How well a straight line fits the last closes.",
    unit="0 to 100",
    warm_up=lambda window: window - 1,
    window=count(20, 3, 1000, "sessions fitted"),
)
def trend_clarity(bars: Ohlcv, window: int) -> Float:
    """100 · R² of the least-squares line through the last n closes; unknown if they are equal"""
    time = np.arange(len(bars.close), dtype=np.float64)
    clarity: Float = 100 * talib.CORREL(bars.close, time, window) ** 2
    clarity[unmoved(bars.close, window)] = np.nan
    return clarity


def average(values: Float, window: int) -> Float:
    """Mean of the last ``window`` values; NaN before, and through leading NaNs."""
    mean: Float = values.copy() if window == 1 else talib.SMA(values, window)
    return mean


def exponential_average(values: Float, window: int) -> Float:
    """Exponential mean seeded with the first ``window`` values' mean, leading NaNs left out."""
    mean: Float = values.copy() if window == 1 else talib.EMA(values, window)
    return mean


def unmoved(values: Float, window: int) -> np.ndarray:
    """True where the last ``window`` values are all the same."""
    changed = np.ones(len(values), dtype=bool)
    changed[1:] = values[1:] != values[:-1]
    last = np.maximum.accumulate(np.where(changed, np.arange(len(values)), 0))
    still: np.ndarray = np.arange(len(values)) - last >= window - 1
    return still
