"""Synthetic daily bars for the fakes: the same for the same symbol, on every run and machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from zlib import crc32

import numpy as np

from core.calendar import CalendarName, Sessions, calendar
from core.market.bars import Float


@dataclass(frozen=True)
class Listing:
    """One symbol a fake vendor has, and when things happened to it.

    ``split``     (session, ratio): from that session on one old share is ``ratio`` new ones
    ``dividend``  (session, amount): goes ex on that session, in money of the day
    ``missing``   sessions without a bar inside its life
    """

    symbol: str
    first: date
    last: date | None = None
    split: tuple[date, float] | None = None
    dividend: tuple[date, float] | None = None
    missing: tuple[date, ...] = ()
    calendar: CalendarName = "XNYS"


@dataclass(frozen=True, eq=False)
class Series:
    """Bars of one listing; every field of equal length, oldest first."""

    sessions: Sessions
    open: Float
    high: Float
    low: Float
    close: Float
    volume: Float

    def between(self, first: date, last: date) -> Series:
        keep = (self.sessions >= np.datetime64(first)) & (self.sessions <= np.datetime64(last))
        return Series(*(column[keep] for column in self.columns()))

    def columns(self) -> tuple[Sessions, Float, Float, Float, Float, Float]:
        return self.sessions, self.open, self.high, self.low, self.close, self.volume

    def times(self, factor: Float, shares: Float) -> Series:
        """Prices multiplied by ``factor``, volume by ``shares``."""
        return Series(
            self.sessions,
            self.open * factor,
            self.high * factor,
            self.low * factor,
            self.close * factor,
            self.volume * shares,
        )


def raw(listing: Listing, until: date) -> Series:
    """Prices as traded, up to ``until``: a walk with a jump on the split and a step down on the
    ex-date of the dividend."""
    days = calendar(listing.calendar).between(listing.first, min(listing.last or until, until))
    days = days[~np.isin(days, np.array(listing.missing, dtype="datetime64[D]"))]
    random = np.random.default_rng(crc32(listing.symbol.encode()))
    # Every draw is made for the longest life, so that a later ``until`` changes no earlier bar.
    steps, gaps, spans, crowds = random.normal(size=(4, 20_000))[:, : len(days)]
    walk = 100 * np.exp(np.cumsum(0.01 * steps)) / _jump(listing.split, days)
    close = walk - _paid(listing.dividend, days)
    opened = close * np.exp(0.002 * gaps)
    high = np.maximum(opened, close) * (1 + np.abs(0.005 * spans))
    low = np.minimum(opened, close) * (1 - np.abs(0.005 * spans))
    volume = np.round(1e6 * np.exp(0.3 * crowds))
    return Series(days, *(np.round(x, 4) for x in (opened, high, low, close)), volume)


def split_adjusted(listing: Listing, until: date) -> Series:
    """Prices of before the split in shares of after it."""
    series = raw(listing, until)
    if listing.split is None or np.datetime64(listing.split[0]) > np.datetime64(until):
        return series
    day, ratio = listing.split
    shares = np.where(series.sessions < np.datetime64(day), ratio, 1.0)
    return series.times(1 / shares, shares)


def adjusted(listing: Listing, until: date) -> Series:
    """Split-adjusted prices of before the ex-date lowered by the dividend's share of the price."""
    series = split_adjusted(listing, until)
    if listing.dividend is None:
        return series
    day, amount = listing.dividend
    before = series.sessions < np.datetime64(day)
    if before.all() or not before.any():
        return series
    last_before = raw(listing, until).close[before][-1]
    factor = np.where(before, 1 - amount / last_before, 1.0)
    return series.times(factor, np.ones(len(factor)))


def _jump(split: tuple[date, float] | None, days: Sessions) -> Float:
    if split is None:
        return np.ones(len(days))
    return np.where(days >= np.datetime64(split[0]), split[1], 1.0)


def _paid(dividend: tuple[date, float] | None, days: Sessions) -> Float:
    if dividend is None:
        return np.zeros(len(days))
    return np.where(days >= np.datetime64(dividend[0]), dividend[1], 0.0)
