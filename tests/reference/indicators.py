"""Indicators written out as loops over one symbol's bars, without gaps and without TA-Lib.

Each takes ``Bars`` (lists, oldest first) and its parameters and gives one value a bar; None where
the value is unknown. Definitions are those of docs/indicators.md.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

Values = list[float | None]


class Bars(NamedTuple):
    """One symbol's bars; of a flow, only ``close`` is not empty."""

    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def deviation(values: list[float]) -> float:
    """Sample standard deviation (n - 1); that of equal values is 0, whatever their mean rounds to."""
    if min(values) == max(values):
        return 0.0
    centre = mean(values)
    return math.sqrt(math.fsum((x - centre) ** 2 for x in values) / (len(values) - 1))


def daily_returns(close: list[float]) -> list[float]:
    """Percent; one fewer than there are closes."""
    return [100.0 * (b - a) / a for a, b in itertools.pairwise(close)]


def rolling(values: list[float], window: int, measure: Callable[[list[float]], float]) -> Values:
    """``measure`` of the last ``window`` values; None until there are so many."""
    return [
        measure(values[t + 1 - window : t + 1]) if t + 1 >= window else None
        for t in range(len(values))
    ]


def of_returns(close: list[float], window: int, measure: Callable[[list[float]], float]) -> Values:
    """``measure`` of the last ``window`` daily returns; the first return is that of bar 1."""
    return ([None, *rolling(daily_returns(close), window, measure)])[: len(close)]


def close(bars: Bars) -> Values:
    return list(bars.close)


def sma(bars: Bars, window: int) -> Values:
    return rolling(bars.close, window, mean)


def volume_sma(bars: Bars, window: int) -> Values:
    return rolling(bars.volume, window, mean)


def ema(bars: Bars, window: int) -> Values:
    """Seeded with the mean of the first ``window`` closes; then alpha = 2 / (window + 1)."""
    values: Values = [None] * len(bars.close)
    if len(bars.close) < window:
        return values
    level = mean(bars.close[:window])
    values[window - 1] = level
    for t in range(window, len(bars.close)):
        level += (bars.close[t] - level) * 2.0 / (window + 1)
        values[t] = level
    return values


def rsi(bars: Bars, window: int) -> Values:
    """Wilder: averages seeded with plain means, then (average * (n - 1) + new) / n.

    Unknown while the price has never moved.
    """
    values: Values = [None] * len(bars.close)
    moves = [b - a for a, b in zip(bars.close, bars.close[1:], strict=False)]
    if len(moves) < window:
        return values
    up = mean([max(m, 0.0) for m in moves[:window]])
    down = mean([max(-m, 0.0) for m in moves[:window]])
    for t in range(window, len(bars.close)):
        if t > window:
            up = (up * (window - 1) + max(moves[t - 1], 0.0)) / window
            down = (down * (window - 1) + max(-moves[t - 1], 0.0)) / window
        if up + down > 0:
            values[t] = 100.0 * up / (up + down)
    return values


def cumulative_return(bars: Bars, window: int) -> Values:
    """Percent from the close ``window`` bars ago."""
    c = bars.close
    return [100.0 * (c[t] / c[t - window] - 1) if t >= window else None for t in range(len(c))]


def max_drawdown(bars: Bars, window: int) -> Values:
    """Deepest fall from an earlier high among the last ``window`` closes, positive percent."""

    def deepest(prices: list[float]) -> float:
        peak, worst = prices[0], 0.0
        for price in prices:
            peak = max(peak, price)
            worst = max(worst, 100.0 * (peak - price) / peak)
        return worst

    return rolling(bars.close, window, deepest)


def mean_return(bars: Bars, window: int) -> Values:
    return of_returns(bars.close, window, mean)


def std_return(bars: Bars, window: int) -> Values:
    return of_returns(bars.close, window, deviation)


def std_price(bars: Bars, window: int) -> Values:
    return rolling(bars.close, window, deviation)


def zscore(bars: Bars, window: int) -> Values:
    """Deviations from the mean of the last ``window`` closes; unknown if they are all equal."""

    def score(prices: list[float]) -> float | None:
        spread = deviation(prices)
        return (prices[-1] - mean(prices)) / spread if spread > 0 else None

    return rolling(bars.close, window, score)  # type: ignore[arg-type]


def distance_from_high(bars: Bars, window: int) -> Values:
    """Percent below the highest of the last ``window`` closes; 0 at that high."""
    return rolling(bars.close, window, lambda p: 100.0 * (max(p) - p[-1]) / max(p))


def atr(bars: Bars, window: int) -> Values:
    """Wilder's mean of true ranges, seeded with the plain mean of the first ``window``.

    The first bar has no true range: it has no close before it.
    """
    values: Values = [None] * len(bars.close)
    ranges = [
        max(high, before) - min(low, before)
        for high, low, before in zip(bars.high[1:], bars.low[1:], bars.close, strict=False)
    ]
    if len(ranges) < window:
        return values
    level = mean(ranges[:window])
    values[window] = level
    for t in range(window + 1, len(bars.close)):
        level = (level * (window - 1) + ranges[t - 1]) / window
        values[t] = level
    return values


def correlation(bars: Bars, other: Bars, window: int) -> Values:
    """Pearson's, of the last ``window`` daily returns on the sessions both have."""
    ours, theirs = daily_returns(bars.close), daily_returns(other.close)
    values: Values = [None] * len(bars.close)
    for t in range(window, len(bars.close)):
        a, b = ours[t - window : t], theirs[t - window : t]
        if len(set(a)) > 1 and len(set(b)) > 1:
            centre_a, centre_b = mean(a), mean(b)
            joint = math.fsum((x - centre_a) * (y - centre_b) for x, y in zip(a, b, strict=True))
            values[t] = joint / (window - 1) / deviation(a) / deviation(b)
    return values


class Definition(NamedTuple):
    compute: Callable[..., Values]
    defaults: dict[str, float]
    reads: tuple[str, ...] = ("close",)
    pair: bool = False


DEFINITIONS: dict[str, Definition] = {
    "close": Definition(close, {}),
    "sma": Definition(sma, {"window": 20}),
    "ema": Definition(ema, {"window": 20}),
    "rsi": Definition(rsi, {"window": 14}),
    "roc": Definition(cumulative_return, {"window": 20}),
    "cumulative_return": Definition(cumulative_return, {"window": 20}),
    "max_drawdown": Definition(max_drawdown, {"window": 60}),
    "mean_return": Definition(mean_return, {"window": 20}),
    "std_return": Definition(std_return, {"window": 20}),
    "std_price": Definition(std_price, {"window": 20}),
    "zscore": Definition(zscore, {"window": 20}),
    "distance_from_high": Definition(distance_from_high, {"window": 252}),
    "atr": Definition(atr, {"window": 14}, ("high", "low", "close")),
    "volume_sma": Definition(volume_sma, {"window": 20}, ("volume",)),
    "correlation": Definition(correlation, {"window": 60}, pair=True),
}
