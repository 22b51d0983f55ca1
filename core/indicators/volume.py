"""What the volume says."""

from __future__ import annotations

import numpy as np
import talib

from core.indicators.registry import count, indicator
from core.indicators.trend import average
from core.market.bars import Float, Ohlcv


@indicator(
    "volume_sma",
    label="Volume SMA",
    meaning="Mean volume of the last sessions.",
    unit="volume",
    inputs=("volume",),
    warm_up=lambda window: window - 1,
    window=count(20, 1, 2000, "sessions averaged"),
)
def volume_sma(bars: Ohlcv, window: int) -> Float:
    """mean(volume[t - n + 1 … t])"""
    return average(bars.volume, window)


@indicator(
    "mfi",
    label="MFI",
    meaning="RSI in which each session weighs by the money traded.",
    unit="0 to 100",
    inputs=("high", "low", "close", "volume"),
    warm_up=lambda window: window,
    window=count(14, 2, 500, "sessions summed"),
)
def mfi(bars: Ohlcv, window: int) -> Float:
    """100 · P / (P + N): sums over n sessions of typical price · volume on up and down sessions.

    Unknown where no money flowed either way.
    """
    if len(bars.close) <= window:
        return np.full(len(bars.close), np.nan)
    typical = (bars.high + bars.low + bars.close) / 3
    change = np.diff(typical, prepend=np.nan)
    flow = np.where(change == 0, 0.0, typical * bars.volume)
    total = flow.copy()
    total[0] = 0.0
    moved = np.convolve(total > 0, np.ones(window, dtype=np.int64))[: len(total)] > 0
    index: Float = talib.MFI(bars.high, bars.low, bars.close, bars.volume, window)
    index[~moved] = np.nan
    return index
