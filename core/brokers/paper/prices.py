"""Prices as traded, from a market data source that knows daily bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np

from core.brokers.base import Quote
from core.brokers.paper.books import PRICE_STEP
from core.calendar import Calendar
from core.clock import Clock
from core.errors import BadInput, UnknownName
from core.market.bars import Adjustment, Bars
from core.market.source import MarketSource

QUOTES_KEPT = timedelta(seconds=5)
"""A price is asked for again after so long: one question of a window is many of ours."""
_RECENT = timedelta(days=10)
_BY_PREFERENCE: tuple[Adjustment, ...] = ("raw", "split_adjusted", "adjusted")


class Prices:
    """What a source's bars say of now."""

    def __init__(self, source: MarketSource, market: Calendar, clock: Clock) -> None:
        self._source, self._calendar, self._clock = source, market, clock
        self._kept: tuple[datetime, dict[str, Quote]] | None = None
        had = source.info.adjustments
        self._has = tuple(adjustment for adjustment in _BY_PREFERENCE if adjustment in had)

    def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """The last price of the current session's bar; of the last session's while none is open."""
        now = self._clock()
        if self._kept is None or not timedelta(0) <= now - self._kept[0] < QUOTES_KEPT:
            self._kept = (now, {})
        kept = self._kept[1]
        missing = [symbol for symbol in symbols if symbol not in kept]
        if missing:
            kept.update(self._read_quotes(missing, now))
        return {symbol: kept[symbol] for symbol in symbols if symbol in kept}

    def _read_quotes(self, symbols: Sequence[str], now: datetime) -> dict[str, Quote]:
        try:
            bars = self.traded(symbols)
        except UnknownName:
            return {}  # none of them is known
        found: dict[str, Quote] = {}
        for symbol in bars.symbols:
            close = bars.close[:, bars.column(symbol)]
            known = np.flatnonzero(~np.isnan(close))
            if not len(known):
                continue
            last = int(known[-1])
            closes = self._calendar.close(bars.sessions[last])
            found[symbol] = Quote(
                symbol=symbol,
                price=Decimal(repr(float(close[last]))).quantize(PRICE_STEP).normalize(),
                at=min(closes, bars.provenance.as_of if bars.provisional else closes, now),
                feed=bars.provenance.feed,
            )
        return found

    def traded(self, symbols: Sequence[str], since: date | None = None) -> Bars:
        """Prices as traded, as far as the source has them.

        What a source says of itself may be more than this file or that can answer: the first
        question finds it out.
        """
        for adjustment in self._has[:-1]:
            try:
                return self.recent(symbols, adjustment, since)
            except BadInput as err:
                if err.field != "adjustment":
                    raise
                self._has = self._has[1:]
        return self.recent(symbols, self._has[-1], since)

    def recent(
        self, symbols: Sequence[str], adjustment: Adjustment, since: date | None = None
    ) -> Bars:
        """The bars of the last days; symbols the source does not know are left out."""
        start = since or (self._clock() - _RECENT).date()
        try:
            return self._source.bars(symbols, start=start, adjustment=adjustment)
        except UnknownName as err:
            others = [symbol for symbol in symbols if symbol != err.name]
            if not others or len(others) == len(symbols):
                raise
            return self.recent(others, adjustment, since)

    def tell_actions(self) -> bool:
        """Whether dividends and splits can be read from the source's series."""
        return set(_BY_PREFERENCE) <= set(self._has)
