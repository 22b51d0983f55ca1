"""The tape: what every synthetic instrument did on each day of its grid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from core.calendar import Sessions
from core.market.bars import Float
from core.market.sources.demo.draws import normal, uniform

Rows = npt.NDArray[np.intp]

PRICES = ("open", "high", "low", "close")

LOWEST_RETURN = -0.9
"""No price falls further in a day, so none reaches zero."""


@dataclass(frozen=True, eq=False, slots=True)
class Shape:
    """A day's open, high, low and close as returns on the previous close; each float64[D]."""

    open: Float
    high: Float
    low: Float
    close: Float

    def times(self, factor: float, carry: Float) -> Shape:
        """``factor`` times this day plus a constant of it; a negative factor turns it over."""
        top, bottom = (self.high, self.low) if factor > 0 else (self.low, self.high)
        return Shape(
            multiple(self.open, factor, carry),
            multiple(top, factor, carry),
            multiple(bottom, factor, carry),
            multiple(self.close, factor, carry),
        )


def multiple(returns: Float, factor: float, carry: Float | float) -> Float:
    """Returns of a fund that moves ``factor`` times as far, plus ``carry`` a day."""
    moved: Float = np.maximum(factor * returns + carry, LOWEST_RETURN)
    return moved


@dataclass(frozen=True, eq=False, slots=True)
class Leader:
    """The fund a derived one follows: how many times, and what that brings or costs a day."""

    symbol: str
    times: float
    carry: Float


def shape(stream: str, close: Float, sigma: Float, *, overnight: float) -> Shape:
    """A plausible day around its closing return.

    ``sigma``      the day's standard deviation
    ``overnight``  0 where trading never stops: the day opens at the previous close
    """
    days = len(close)
    gap = overnight * (close + 1.2 * sigma * normal(f"{stream}/gap", days))
    opened = np.maximum(gap, LOWEST_RETURN)
    above = 1.3 * sigma * np.square(uniform(f"{stream}/above", days))
    below = 1.3 * sigma * np.square(uniform(f"{stream}/below", days))
    high = np.maximum(opened, close) + above
    low = np.minimum(opened, close) - below
    return Shape(opened, high, np.maximum(low, LOWEST_RETURN), close)


@dataclass(frozen=True, eq=False, slots=True)
class Tape:
    """One instrument on every day of a grid of days, sessions or not.

    A session's bar starts from the grid day before it, so a closed day's move is part of the
    next opening gap, and a change to a calendar moves no price.

    ``days``      datetime64[D], shape [D]
    ``shape``     returns on the previous day's price, dividends included
    ``paid``      dividend of that day as a share of the previous price
    ``price``     close, float64[D], not rounded
    ``previous``  price of the day before
    ``factor``    what turns a price into a total-return one; 1 on the anchor date
    ``volume``    of the whole day, in shares or base coin
    ``decimals``  of a printed price; ``volume_decimals`` of a volume
    """

    symbol: str
    first: date
    days: Sessions
    shape: Shape
    paid: Float
    price: Float
    previous: Float
    factor: Float
    volume: Float
    decimals: int
    volume_decimals: int
    leader: Leader | None


def tape(
    symbol: str,
    days: Sessions,
    form: Shape,
    *,
    first: date,
    anchor: date,
    price: float,
    traded: float,
    sigma: Float,
    paid: Float | None = None,
    decimals: int = 6,
    volume_decimals: int = 0,
    leader: Leader | None = None,
) -> Tape:
    """Prices from returns such that ``price`` holds on ``anchor``, and volumes to go with them.

    ``traded`` is the turnover of an average day in the quote currency; it grows with the size of
    the day's move and with turmoil.
    """
    paid = np.zeros(len(days)) if paid is None else paid
    at = int(np.searchsorted(days, np.datetime64(anchor)))
    path = np.cumprod(1.0 + (form.close - paid))
    prices = path * (price / path[at])
    before = np.empty_like(prices)
    before[0], before[1:] = price / path[at], prices[:-1]
    whole = np.cumprod(1.0 / (1.0 - paid))
    # Turnover of a day: bustle of its own, more when it moves, more in turmoil.
    bustle = 0.6 + 0.3 * (
        uniform(f"{symbol}/volume", days.size) + uniform(f"{symbol}/bustle", days.size)
    )
    size = np.abs(form.close) / sigma
    turmoil = sigma / sigma[: at + 1].min()
    activity = bustle * (0.75 + 0.25 * size) * (0.8 + 0.1 * turmoil)
    volume = np.maximum(rounded(activity * traded / prices, volume_decimals), 1.0)
    return Tape(
        symbol=symbol,
        first=first,
        days=days,
        shape=form,
        paid=paid,
        price=prices,
        previous=before,
        factor=whole / whole[at],
        volume=volume,
        decimals=decimals,
        volume_decimals=volume_decimals,
        leader=leader,
    )


def rounded(values: Float, decimals: int) -> Float:
    """Half to even, by exact steps: the same bits everywhere, unlike a library's round."""
    scale = 10.0**decimals
    nearest: Float = np.rint(values * scale) / scale
    return nearest


def grid(first: date, last: date, *, weekdays: bool) -> Sessions:
    """Every date from ``first`` to ``last``, or every Monday to Friday of them."""
    days = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    return days[np.is_busday(days)] if weekdays else days


def rows_of(days: Sessions, wanted: Sessions) -> Rows:
    """Where in the grid each wanted date stands; all of them must be on it."""
    return np.searchsorted(days, wanted)
