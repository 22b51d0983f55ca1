"""The perpetual market: bitcoin's weather, coins that follow it, funding and open interest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from math import sqrt

import numpy as np
import numpy.typing as npt

from core.calendar import Sessions
from core.market.bars import Float
from core.market.source import Instrument
from core.market.sources.demo.draws import heavy, normal
from core.market.sources.demo.tape import Tape, grid, shape, tape
from core.market.sources.demo.universe import ANCHOR, PERPETUALS, Perpetual
from core.market.sources.demo.weather import Climate, Weather, forecast

GRID_FIRST, GRID_LAST = date(2018, 12, 1), date(2040, 12, 31)
"""A month earlier than the first bar: funding looks a week back."""

COINS = Climate(
    leave=((0.0, 1 / 90), (1 / 100, 1 / 110), (1 / 45, 0.0)),
    volatility=(0.019, 0.028, 0.046),
    drift=(0.0036, 0.003, -0.005),
    memory=0.84,
    surprise=0.06,
    fear=0.06,
    jumps=0.02,
    largest_move=0.3,
)

HISTORY = "coins 26"

SETTLEMENTS_A_DAY = 3  # at 00:00, 08:00 and 16:00 UTC
INTEREST = 0.0001
"""Funding while the perpetual trades near its index, per settlement."""
DEADBAND, LARGEST_FUNDING = 0.0005, 0.0075


@dataclass(frozen=True, eq=False, slots=True)
class Carry:
    """What it costs to hold one perpetual, on the days of its tape.

    ``rate``           funding, shape [D, 3], settled at 00:00, 08:00 and 16:00 UTC of the day
    ``open_interest``  base coin, shape [D], at 00:00 UTC of the day
    """

    rate: Float
    open_interest: Float


@cache
def perpetuals() -> dict[str, Tape]:
    """Every perpetual's tape, from 2018-12 to 2040; made once in a process."""
    days, weather = _weather()
    return {coin.symbol: _tape(coin, days, weather) for coin in PERPETUALS}


@cache
def carry(symbol: str) -> Carry:
    """Funding and open interest of ``symbol``; each value follows from the days before it."""
    coin = next(c for c in PERPETUALS if c.symbol == symbol)
    of = perpetuals()[symbol]
    heat = _trailing_mean(of.shape.close, 7)
    return Carry(_funding(coin, heat), _open_interest(coin, of, heat))


def instruments() -> tuple[Instrument, ...]:
    """The perpetuals as a venue would describe them, by symbol."""
    return tuple(
        Instrument(
            symbol=coin.symbol,
            base=coin.base,
            quote="USDT",
            status="Trading",
            tick_size=coin.tick,
            quantity_step=coin.step,
            min_quantity=coin.step,
            min_notional="5",
            max_leverage=coin.max_leverage,
            funding_interval_minutes=24 * 60 // SETTLEMENTS_A_DAY,
            listed=coin.first,
        )
        for coin in sorted(PERPETUALS, key=lambda coin: coin.symbol)
    )


def _weather() -> tuple[Sessions, Weather]:
    days = grid(GRID_FIRST, GRID_LAST, weekdays=False)
    return days, forecast(COINS, HISTORY, len(days))


def _tape(coin: Perpetual, days: Sessions, weather: Weather) -> Tape:
    rougher = 0.5 + 0.5 * weather.sigma / COINS.volatility[1]
    own = coin.own * rougher * heavy(f"{coin.symbol}/own", len(days))
    close = np.maximum(coin.beta * weather.move + own, -0.6)
    sigma = np.sqrt(np.square(coin.beta * weather.sigma) + np.square(coin.own * rougher))
    return tape(
        coin.symbol,
        days,
        shape(coin.symbol, close, sigma, overnight=0.0),
        first=coin.first,
        anchor=ANCHOR,
        price=coin.price,
        traded=coin.traded,
        sigma=sigma,
        decimals=len(coin.tick.rstrip("0").partition(".")[2]),
        volume_decimals=3,
    )


def _funding(coin: Perpetual, heat: Float) -> Float:
    """Interest plus the premium beyond a dead band, as exchanges compute it.

    A market that has risen for a week pays to be long, one that has fallen pays to be short.
    """
    days = len(heat)
    noise = normal(f"{coin.symbol}/premium", days * SETTLEMENTS_A_DAY)
    premium = (0.02 * heat)[:, None] + 0.00022 * noise.reshape(days, SETTLEMENTS_A_DAY)
    rate = premium + np.clip(INTEREST - premium, -DEADBAND, DEADBAND)
    rounded: Float = np.rint(np.clip(rate, -LARGEST_FUNDING, LARGEST_FUNDING) * 1e8) / 1e8
    return rounded


def _open_interest(coin: Perpetual, of: Tape, heat: Float) -> Float:
    """In USDT it wanders between a half and twice its average, and grows in a rising market."""
    level, levels = 1.0, []
    steps = normal(f"{coin.symbol}/interest", len(heat)).tolist()
    for step, warm in zip(steps, heat.tolist(), strict=True):
        level += 0.03 * (1.0 - level) + 0.03 * step * sqrt(level) + 0.8 * warm
        level = max(0.4, min(2.2, level))
        levels.append(level)
    base: Float = np.rint(np.array(levels) * coin.open_interest / of.previous * 1e3) / 1e3
    return base


def _trailing_mean(values: Float, days: int) -> Float:
    """Mean of the ``days`` values before each; zeros stand before the first."""
    total = np.zeros(len(values))
    for back in range(1, days + 1):
        total[back:] = total[back:] + values[:-back]
    return total / days


def settlements(days: Sessions) -> npt.NDArray[np.datetime64]:
    """The instants funding settles on each of ``days``: datetime64[ms], UTC, shape [D, 3]."""
    apart = 24 * 3600 * 1000 // SETTLEMENTS_A_DAY
    midnight = days.astype("datetime64[ms]").astype(np.int64)
    return (midnight[:, None] + apart * np.arange(SETTLEMENTS_A_DAY)).astype("datetime64[ms]")
