"""How fast and how far the price has been moving, and where it stands in its recent range."""

from __future__ import annotations

import numpy as np
import talib

from core.indicators.registry import count, indicator
from core.indicators.trend import average
from core.market.bars import Float, Ohlcv


@indicator(
    "rsi",
    label="RSI",
    meaning="Share of upward moves in recent movement (Wilder).",
    unit="0 to 100",
    warm_up=lambda window: window,
    window=count(14, 2, 500, "sessions smoothed"),
)
def rsi(bars: Ohlcv, window: int) -> Float:
    """100 · U / (U + D): Wilder averages of gains and losses, from the mean of the first n.

    Unknown until the price has moved. TA-Lib also gives 0 once both averages are below 1e-14,
    after years without a move: that is unknown too, unless there never was a gain.
    """
    return relative_strength(bars.close, window)


def relative_strength(values: Float, window: int) -> Float:
    """RSI of any series; leading NaNs are left out."""
    strength: Float = talib.RSI(values, window)
    change = np.diff(values, prepend=values[:1])
    lost = np.logical_or.accumulate(change < 0)
    gained = np.logical_or.accumulate(change > 0)
    strength[(strength == 0) & (gained | ~lost)] = np.nan
    return strength


@indicator(
    "roc",
    label="ROC",
    meaning="Change of the close over some sessions.",
    unit="percent",
    warm_up=lambda window: window,
    window=count(20, 1, 2000, "sessions back"),
)
def roc(bars: Ohlcv, window: int) -> Float:
    """100 · (close[t] / close[t - n] - 1)"""
    return change_over(bars.close, window)


def change_over(values: Float, window: int) -> Float:
    """Change over ``window`` sessions in percent; NaN before."""
    change: Float = talib.ROC(values, window)
    return change


@indicator(
    "stochastic_k",
    label="Stochastic %K",
    meaning="Where the close stands in the recent range, smoothed.",
    unit="0 to 100",
    inputs=("high", "low", "close"),
    warm_up=lambda window, smooth_window: window + smooth_window - 2,
    window=count(14, 2, 500, "sessions of the range"),
    smooth_window=count(3, 1, 100, "sessions averaged"),
)
def stochastic_k(bars: Ohlcv, window: int, smooth_window: int) -> Float:
    """mean over m of 100 · (close - lowest low) / (highest high - lowest low) of n sessions.

    Unknown where the range is zero.
    """
    return average(_place(bars.high, bars.low, bars.close, window), smooth_window)


@indicator(
    "stochastic_d",
    label="Stochastic %D",
    meaning="Average of the stochastic %K.",
    unit="0 to 100",
    inputs=("high", "low", "close"),
    warm_up=lambda window, smooth_window, signal_window: window + smooth_window + signal_window - 3,
    window=count(14, 2, 500, "sessions of the range"),
    smooth_window=count(3, 1, 100, "sessions %K is averaged over"),
    signal_window=count(3, 1, 100, "sessions %D is averaged over"),
)
def stochastic_d(bars: Ohlcv, window: int, smooth_window: int, signal_window: int) -> Float:
    """mean(stochastic_k, m)"""
    return average(stochastic_k(bars, window, smooth_window), signal_window)


@indicator(
    "stoch_rsi_k",
    label="StochRSI %K",
    meaning="Where the RSI stands in its own recent range, smoothed.",
    unit="0 to 100",
    warm_up=lambda rsi_window, window, smooth_window: rsi_window + window + smooth_window - 2,
    rsi_window=count(14, 2, 500, "sessions of the RSI"),
    window=count(14, 2, 500, "sessions of its range"),
    smooth_window=count(3, 1, 100, "sessions averaged"),
)
def stoch_rsi_k(bars: Ohlcv, rsi_window: int, window: int, smooth_window: int) -> Float:
    """mean over m of 100 · (rsi - lowest) / (highest - lowest) of n sessions (Chande, Kroll).

    Unknown where the range is zero. Charting sites call this line K.
    """
    strength = relative_strength(bars.close, rsi_window)
    return average(_place(strength, strength, strength, window), smooth_window)


@indicator(
    "stoch_rsi_d",
    label="StochRSI %D",
    meaning="Average of the StochRSI %K.",
    unit="0 to 100",
    warm_up=lambda rsi_window, window, smooth_window, signal_window: (
        rsi_window + window + smooth_window + signal_window - 3
    ),
    rsi_window=count(14, 2, 500, "sessions of the RSI"),
    window=count(14, 2, 500, "sessions of its range"),
    smooth_window=count(3, 1, 100, "sessions %K is averaged over"),
    signal_window=count(3, 1, 100, "sessions %D is averaged over"),
)
def stoch_rsi_d(
    bars: Ohlcv, rsi_window: int, window: int, smooth_window: int, signal_window: int
) -> Float:
    """mean(stoch_rsi_k, m)"""
    return average(stoch_rsi_k(bars, rsi_window, window, smooth_window), signal_window)


def _place(high: Float, low: Float, value: Float, window: int) -> Float:
    """Where a value stands between the lowest low and the highest high, 0 to 100."""
    bottom, top = talib.MIN(low, window), talib.MAX(high, window)
    spread = np.where(top > bottom, top - bottom, np.nan)
    return 100 * (value - bottom) / spread


@indicator(
    "aroon_up",
    label="Aroon up",
    meaning="How recently the highest high was.",
    unit="0 to 100",
    inputs=("high", "low"),
    warm_up=lambda window: window,
    window=count(25, 2, 1000, "sessions looked back"),
)
def aroon_up(bars: Ohlcv, window: int) -> Float:
    """100 · (n - sessions since the highest high of the last n + 1) / n"""
    up: Float = talib.AROON(bars.high, bars.low, window)[1]
    return up


@indicator(
    "aroon_down",
    label="Aroon down",
    meaning="How recently the lowest low was.",
    unit="0 to 100",
    inputs=("high", "low"),
    warm_up=lambda window: window,
    window=count(25, 2, 1000, "sessions looked back"),
)
def aroon_down(bars: Ohlcv, window: int) -> Float:
    """100 · (n - sessions since the lowest low of the last n + 1) / n"""
    down: Float = talib.AROON(bars.high, bars.low, window)[0]
    return down


@indicator(
    "aroon",
    label="Aroon",
    meaning="Aroon up less Aroon down.",
    unit="-100 to 100",
    inputs=("high", "low"),
    warm_up=lambda window: window,
    window=count(25, 2, 1000, "sessions looked back"),
)
def aroon(bars: Ohlcv, window: int) -> Float:
    """aroon_up - aroon_down"""
    difference: Float = talib.AROONOSC(bars.high, bars.low, window)
    return difference


MONTH = 21
"""Sessions that stand for a month in the momentum scores below."""


def _months(close: Float, months: int) -> Float:
    return change_over(close, months * MONTH)


@indicator(
    "momentum_13612w",
    label="13612W momentum",
    meaning="Returns of 1, 3, 6 and 12 months, the recent ones weighing more.",
    unit="percent",
    warm_up=lambda: 12 * MONTH,
)
def momentum_13612w(bars: Ohlcv) -> Float:
    """(12 · r1 + 4 · r3 + 2 · r6 + r12) / 19, months of 21 sessions (Keller, Keuning 2017)"""
    one, three, six, twelve = (_months(bars.close, m) for m in (1, 3, 6, 12))
    return (12 * one + 4 * three + 2 * six + twelve) / 19


@indicator(
    "momentum_13612u",
    label="13612U momentum",
    meaning="Mean of the returns of 1, 3, 6 and 12 months.",
    unit="percent",
    warm_up=lambda: 12 * MONTH,
)
def momentum_13612u(bars: Ohlcv) -> Float:
    """(r1 + r3 + r6 + r12) / 4, months of 21 sessions (Keller, Keuning 2017)"""
    one, three, six, twelve = (_months(bars.close, m) for m in (1, 3, 6, 12))
    return (one + three + six + twelve) / 4
