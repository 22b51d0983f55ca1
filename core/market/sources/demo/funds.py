"""The fund market: common factors under one weather, and each fund's share of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from math import sqrt

import numpy as np

from core.calendar import Sessions
from core.market.bars import Float
from core.market.sources.demo.draws import heavy, normal
from core.market.sources.demo.tape import Leader, Rows, Shape, Tape, grid, shape, tape
from core.market.sources.demo.universe import ANCHOR, DERIVED, FUNDS, Derived, Fund
from core.market.sources.demo.weather import STRESS, Climate, Weather, forecast

GRID_FIRST, GRID_LAST = date(1995, 1, 2), date(2040, 12, 31)
HISTORY = "shares 1019"
"""Of the histories tried, one with bear markets like those of the past thirty years."""

DAYS_A_YEAR = 261
"""Weekdays: the grid has no holidays."""

SHARES = Climate(
    leave=((0.0, 1 / 200), (1 / 130, 1 / 240), (1 / 95, 0.0)),
    volatility=(0.006, 0.0098, 0.0195),
    drift=(0.00075, 0.00058, -0.0012),
    memory=0.88,
    surprise=0.02,
    fear=0.11,
    jumps=0.012,
    largest_move=0.11,
)


@dataclass(frozen=True, eq=False, slots=True)
class Factors:
    """Daily returns of what funds have in common, each float64[D], beyond the short rate.

    ``turmoil``  the day's volatility of shares relative to an average day
    """

    market: Float
    tech: Float
    small: Float
    foreign: Float
    bonds: Float
    credit: Float
    gold: Float
    oil: Float
    dollar: Float
    volatility: Float
    turmoil: Float


FACTOR_SIGMAS = {
    "market": 0.0105,
    "tech": 0.0075,
    "small": 0.0068,
    "foreign": 0.0062,
    "bonds": 0.0088,
    "credit": 0.0028,
    "gold": 0.0088,
    "oil": 0.019,
    "dollar": 0.0048,
    "volatility": 0.042,
}
"""Standard deviation of each factor on an average day."""


@cache
def funds() -> dict[str, Tape]:
    """Every fund's tape, from 1995 to 2040; made once in a process.

    It always reaches to the end: what a date holds cannot then depend on who asks for what when.
    """
    days = grid(GRID_FIRST, GRID_LAST, weekdays=True)
    weather = forecast(SHARES, HISTORY, len(days))
    rate = short_rate(weather)
    factors = common_factors(weather)
    tapes = {fund.symbol: _fund(fund, days, factors, rate) for fund in FUNDS}
    for fund in DERIVED:
        tapes[fund.symbol] = _derived(fund, tapes[fund.of], rate)
    return tapes


def short_rate(weather: Weather) -> Float:
    """What cash earns a day: wanders between 0.1 and 6 % a year, and is cut in stress."""
    steps = normal("rate/steps", len(weather.move)).tolist()
    level, levels = 0.045, []
    for step, state in zip(steps, weather.state.tolist(), strict=True):
        cut = 0.00007 if state == STRESS else 0.0
        level += 0.0009 * (0.036 - level) - cut + 0.0006 * step * sqrt(level)
        level = max(0.001, min(0.06, level))
        levels.append(level)
    return np.array(levels) / DAYS_A_YEAR


def common_factors(weather: Weather) -> Factors:
    """Factors from the weather and a stream of each one's own."""
    days, state = len(weather.move), weather.state
    sigma = FACTOR_SIGMAS
    turmoil = weather.sigma / sigma["market"]
    rougher = 0.5 + 0.5 * turmoil  # other factors feel turmoil less than shares do

    def own(name: str) -> Float:
        return sigma[name] * heavy(f"factor/{name}", days)

    # Bonds hedge shares when it matters: a little in normal times, much in stress.
    hedge = np.choose(state, (-0.02, -0.25, -0.5))
    rest = np.sqrt(1.0 - hedge * hedge)
    flight = np.choose(state, (0.00006, 0.00006, 0.0005))
    bonds = flight + sigma["bonds"] * (0.75 + 0.25 * turmoil) * (
        hedge * weather.shock + rest * heavy("factor/bonds", days)
    )
    dollar = rougher * own("dollar") - 0.04 * weather.move
    surprise = weather.shock * weather.sigma
    decay = np.choose(state, (-0.0036, -0.0022, 0.002))
    spike = -3.3 * surprise + 16.0 * (surprise * surprise - weather.sigma * weather.sigma)
    return Factors(
        market=weather.move,
        tech=rougher * own("tech"),
        small=rougher * own("small"),
        foreign=rougher * own("foreign"),
        bonds=bonds,
        credit=0.00003 + rougher * own("credit"),
        gold=0.00012 + (0.8 + 0.2 * turmoil) * own("gold"),
        oil=0.00012 + 0.45 * weather.move + rougher * own("oil"),
        dollar=dollar,
        volatility=np.clip(decay + spike + 0.019 * normal("factor/volatility", days), -0.3, 0.6),
        turmoil=turmoil,
    )


def _fund(fund: Fund, days: Sessions, factors: Factors, rate: Float) -> Tape:
    move = rate + fund.extra / DAYS_A_YEAR
    variance = fund.own * fund.own
    for name, sigma in FACTOR_SIGMAS.items():
        share = getattr(fund, name)
        if share:
            move = move + share * getattr(factors, name)
            variance += (share * sigma) * (share * sigma)
    rougher = 0.5 + 0.5 * factors.turmoil
    move = move + fund.own * rougher * heavy(f"{fund.symbol}/own", len(days))
    sigma_day = sqrt(variance) * rougher
    return tape(
        fund.symbol,
        days,
        shape(fund.symbol, move, sigma_day, overnight=0.35),
        first=fund.first,
        anchor=ANCHOR,
        price=fund.price,
        traded=fund.traded,
        sigma=sigma_day,
        paid=_dividends(fund, days, rate),
    )


def _derived(fund: Derived, of: Tape, rate: Float) -> Tape:
    """``times`` the day of the other fund; what that borrows costs the short rate, what it leaves
    over earns it."""
    carry = (1.0 - fund.times) * rate - fund.fee / DAYS_A_YEAR
    return tape(
        fund.symbol,
        of.days,
        of.shape.times(fund.times, carry),
        first=fund.first,
        anchor=ANCHOR,
        price=fund.price,
        traded=fund.traded,
        sigma=_range(of.shape) * abs(fund.times),
        leader=Leader(of.symbol, fund.times, carry),
    )


def _range(form: Shape) -> Float:
    """A stand-in for a derived fund's standard deviation: half of the day's range."""
    spread: Float = np.maximum((form.high - form.low) / 2, 1e-5)
    return spread


def _dividends(fund: Fund, days: Sessions, rate: Float) -> Float:
    """Paid on the third Friday of each quarter's last month, as a share of the price before."""
    paid = np.zeros(len(days))
    if fund.dividend == 0.0:
        return paid
    dates = third_fridays(days)
    if fund.dividend is not None:
        paid[dates] = fund.dividend / 4
        return paid
    # A fund of bills pays out what it earned, so that its price stays where it is.
    earned = np.cumsum(rate)
    paid[dates] = np.diff(earned[dates], prepend=0.0)
    return paid


def third_fridays(days: Sessions) -> Rows:
    """Rows of the third Fridays of March, June, September and December."""
    month = days.astype("datetime64[M]")
    of_quarter = month.astype(np.int64) % 3 == 2
    friday = (days.astype(np.int64) + 3) % 7 == 4  # 1970-01-01 was a Thursday
    number = (days - month.astype("datetime64[D]")).astype(np.int64)
    return np.flatnonzero(of_quarter & friday & (number >= 14) & (number < 21))
