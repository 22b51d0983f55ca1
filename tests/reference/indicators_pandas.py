"""Every indicator once more, in pandas and plain loops, from its definition alone.

Each takes a frame of open, high, low, close and volume without gaps, and the parameters, and gives
a Series; NaN where the value is unknown.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

Frame = pd.DataFrame
REFERENCES: dict[str, Callable[..., pd.Series]] = {}


def reference(function: Callable[..., pd.Series]) -> Callable[..., pd.Series]:
    REFERENCES[function.__name__] = function
    return function


def seeded(values: pd.Series, window: int, weight: float) -> pd.Series:
    """An exponential average that begins with the mean of the first ``window`` known values."""
    out = pd.Series(np.nan, values.index)
    known = values.dropna()
    if len(known) < window:
        return out
    at = known.iloc[:window].mean()
    out[known.index[window - 1]] = at
    for day, value in known.iloc[window:].items():
        at += weight * (value - at)
        out[day] = at
    return out


def exponential(values: pd.Series, window: int) -> pd.Series:
    return seeded(values, window, 2 / (window + 1))


def wilder(values: pd.Series, window: int) -> pd.Series:
    return seeded(values, window, 1 / window)


def returns(close: pd.Series) -> pd.Series:
    return close / close.shift() - 1


def true_range(f: Frame) -> pd.Series:
    before = f.close.shift()
    ranges = pd.concat([f.high, before], axis=1).max(axis=1) - pd.concat(
        [f.low, before], axis=1
    ).min(axis=1)
    return ranges.where(before.notna())


def plain(field: str) -> None:
    REFERENCES[field] = lambda f: f[field]


for _field in ("open", "high", "low", "close", "volume"):
    plain(_field)


@reference
def sma(f: Frame, window: int) -> pd.Series:
    return f.close.rolling(window).mean()


@reference
def ema(f: Frame, window: int) -> pd.Series:
    return exponential(f.close, window)


@reference
def macd(f: Frame, short_window: int, long_window: int) -> pd.Series:
    return exponential(f.close, short_window) - exponential(f.close, long_window)


@reference
def macd_signal(f: Frame, short_window: int, long_window: int, smooth_window: int) -> pd.Series:
    return exponential(macd(f, short_window, long_window), smooth_window)


@reference
def macd_histogram(f: Frame, short_window: int, long_window: int, smooth_window: int) -> pd.Series:
    signal = macd_signal(f, short_window, long_window, smooth_window)
    return macd(f, short_window, long_window) - signal


@reference
def ppo(f: Frame, short_window: int, long_window: int) -> pd.Series:
    slow = exponential(f.close, long_window)
    return 100 * (exponential(f.close, short_window) - slow) / slow


@reference
def ppo_signal(f: Frame, short_window: int, long_window: int, smooth_window: int) -> pd.Series:
    return exponential(ppo(f, short_window, long_window), smooth_window)


@reference
def adx(f: Frame, window: int) -> pd.Series:
    """Wilder's own bookkeeping: sums from which a window-th goes at each step."""
    up, down = f.high.diff(), -f.low.diff()
    plus = up.where((up > down) & (up > 0), 0.0)
    minus = down.where((down > up) & (down > 0), 0.0)
    ranges = true_range(f)
    sums = [float(part.iloc[1:window].sum()) for part in (plus, minus, ranges)]
    index: list[float] = []
    out = pd.Series(np.nan, f.index)
    value = np.nan
    for t in range(window, len(f)):
        sums = [
            s - s / window + float(part.iloc[t])
            for s, part in zip(sums, (plus, minus, ranges), strict=True)
        ]
        rising, falling = 100 * sums[0] / sums[2], 100 * sums[1] / sums[2]
        index.append(100 * abs(rising - falling) / (rising + falling))
        if len(index) == window:
            value = float(np.mean(index))
        elif len(index) > window:
            value = (value * (window - 1) + index[-1]) / window
        out.iloc[t] = value
    return out


@reference
def parabolic_sar(f: Frame, acceleration: float, maximum: float) -> pd.Series:
    high, low = f.high.tolist(), f.low.tolist()
    out = pd.Series(np.nan, f.index)
    up, down = high[1] - high[0], low[0] - low[1]
    long = not (down > up and down > 0)
    stop, best = (low[0], high[1]) if long else (high[0], low[1])
    speed = acceleration
    for t in range(1, len(f)):
        p = max(t - 1, 1)  # the first session only gives the direction
        if long:
            if low[t] <= stop:
                long, stop = False, max(best, high[p], high[t])
                out.iloc[t] = stop
                speed, best = acceleration, low[t]
                stop = max(stop + speed * (best - stop), high[p], high[t])
            else:
                out.iloc[t] = stop
                if high[t] > best:
                    best, speed = high[t], min(speed + acceleration, maximum)
                stop = min(stop + speed * (best - stop), low[p], low[t])
        elif high[t] >= stop:
            long, stop = True, min(best, low[p], low[t])
            out.iloc[t] = stop
            speed, best = acceleration, high[t]
            stop = min(stop + speed * (best - stop), low[p], low[t])
        else:
            out.iloc[t] = stop
            if low[t] < best:
                best, speed = low[t], min(speed + acceleration, maximum)
            stop = max(stop + speed * (best - stop), high[p], high[t])
    return out


@reference
def ultimate_smoother(f: Frame, window: int) -> pd.Series:
    a = np.exp(-1.414 * np.pi / window)
    c2, c3 = 2 * a * np.cos(1.414 * np.pi / window), -a * a
    c1 = (1 + c2 - c3) / 4
    x = f.close.tolist()
    y = list(x)
    for t in range(3, len(x)):
        y[t] = (
            (1 - c1) * x[t] + (2 * c1 - c2) * x[t - 1] - (c1 + c3) * x[t - 2]
            + c2 * y[t - 1] + c3 * y[t - 2]
        )  # fmt: skip
    return pd.Series(y, f.index).where(f.index >= 3)  # it needs three closes before


@reference
def trend_clarity(f: Frame, window: int) -> pd.Series:
    line = np.arange(window)
    return f.close.rolling(window).apply(lambda p: 100 * np.corrcoef(line, p)[0, 1] ** 2, raw=True)


@reference
def rsi(f: Frame, window: int) -> pd.Series:
    moves = f.close.diff()
    gains = wilder(moves.clip(lower=0).where(moves.notna()), window)
    losses = wilder((-moves).clip(lower=0).where(moves.notna()), window)
    return 100 * gains / (gains + losses)


@reference
def roc(f: Frame, window: int) -> pd.Series:
    return 100 * (f.close / f.close.shift(window) - 1)


REFERENCES["cumulative_return"] = roc


def in_range(values: pd.Series, low: pd.Series, high: pd.Series, window: int) -> pd.Series:
    lowest, highest = low.rolling(window).min(), high.rolling(window).max()
    return 100 * (values - lowest) / (highest - lowest)


@reference
def stochastic_k(f: Frame, window: int, smooth_window: int) -> pd.Series:
    return in_range(f.close, f.low, f.high, window).rolling(smooth_window).mean()


@reference
def stochastic_d(f: Frame, window: int, smooth_window: int, signal_window: int) -> pd.Series:
    return stochastic_k(f, window, smooth_window).rolling(signal_window).mean()


@reference
def stoch_rsi_k(f: Frame, rsi_window: int, window: int, smooth_window: int) -> pd.Series:
    one = rsi(f, rsi_window)
    return in_range(one, one, one, window).rolling(smooth_window).mean()


@reference
def stoch_rsi_d(
    f: Frame, rsi_window: int, window: int, smooth_window: int, signal_window: int
) -> pd.Series:
    return stoch_rsi_k(f, rsi_window, window, smooth_window).rolling(signal_window).mean()


@reference
def aroon_up(f: Frame, window: int) -> pd.Series:
    return f.high.rolling(window + 1).apply(lambda p: 100 * p.argmax() / window, raw=True)


@reference
def aroon_down(f: Frame, window: int) -> pd.Series:
    return f.low.rolling(window + 1).apply(lambda p: 100 * p.argmin() / window, raw=True)


@reference
def aroon(f: Frame, window: int) -> pd.Series:
    return aroon_up(f, window) - aroon_down(f, window)


def months(f: Frame) -> list[pd.Series]:
    return [100 * (f.close / f.close.shift(21 * m) - 1) for m in (1, 3, 6, 12)]


@reference
def momentum_13612w(f: Frame) -> pd.Series:
    one, three, six, twelve = months(f)
    return (12 * one + 4 * three + 2 * six + twelve) / 19


@reference
def momentum_13612u(f: Frame) -> pd.Series:
    return sum(months(f)) / 4


@reference
def mean_return(f: Frame, window: int) -> pd.Series:
    return 100 * returns(f.close).rolling(window).mean()


@reference
def std_return(f: Frame, window: int) -> pd.Series:
    return 100 * returns(f.close).rolling(window).std()


@reference
def max_drawdown(f: Frame, window: int) -> pd.Series:
    return f.close.rolling(window).apply(
        lambda p: 100 * (1 - p / np.maximum.accumulate(p)).max(), raw=True
    )


@reference
def drawdown(f: Frame) -> pd.Series:
    return 100 * (1 - f.close / f.close.cummax())


@reference
def distance_from_high(f: Frame, window: int) -> pd.Series:
    return 100 * (1 - f.close / f.close.rolling(window).max())


@reference
def correlation(f: Frame, other: Frame, window: int) -> pd.Series:
    return returns(f.close).rolling(window).corr(returns(other.close))


@reference
def std_price(f: Frame, window: int) -> pd.Series:
    return f.close.rolling(window).std()


@reference
def realised_volatility(f: Frame, window: int, periods_per_year: int) -> pd.Series:
    return std_return(f, window) * np.sqrt(periods_per_year)


@reference
def zscore(f: Frame, window: int) -> pd.Series:
    return (f.close - sma(f, window)) / std_price(f, window)


@reference
def atr(f: Frame, window: int) -> pd.Series:
    return wilder(true_range(f), window)


def band(f: Frame, window: int, multiplier: float) -> pd.Series:
    return sma(f, window) + multiplier * f.close.rolling(window).std(ddof=0)


@reference
def bollinger_upper(f: Frame, window: int, multiplier: float) -> pd.Series:
    return band(f, window, multiplier)


@reference
def bollinger_middle(f: Frame, window: int) -> pd.Series:
    return sma(f, window)


@reference
def bollinger_lower(f: Frame, window: int, multiplier: float) -> pd.Series:
    return band(f, window, -multiplier)


@reference
def bollinger_width(f: Frame, window: int, multiplier: float) -> pd.Series:
    spread = band(f, window, multiplier) - band(f, window, -multiplier)
    return 100 * spread / sma(f, window)


@reference
def bollinger_percent(f: Frame, window: int, multiplier: float) -> pd.Series:
    lower = band(f, window, -multiplier)
    return (f.close - lower) / (band(f, window, multiplier) - lower)


@reference
def keltner_upper(f: Frame, window: int, range_window: int, multiplier: float) -> pd.Series:
    return ema(f, window) + multiplier * atr(f, range_window)


@reference
def keltner_middle(f: Frame, window: int) -> pd.Series:
    return ema(f, window)


@reference
def keltner_lower(f: Frame, window: int, range_window: int, multiplier: float) -> pd.Series:
    return ema(f, window) - multiplier * atr(f, range_window)


@reference
def volume_sma(f: Frame, window: int) -> pd.Series:
    return f.volume.rolling(window).mean()


@reference
def mfi(f: Frame, window: int) -> pd.Series:
    typical = (f.high + f.low + f.close) / 3
    money, moves = typical * f.volume, typical.diff()
    into = money.where(moves > 0, 0.0).where(moves.notna()).rolling(window).sum()
    out_of = money.where(moves < 0, 0.0).where(moves.notna()).rolling(window).sum()
    return 100 * into / (into + out_of)
