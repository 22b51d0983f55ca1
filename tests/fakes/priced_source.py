"""A market source whose prices a test sets: flat bars up to the session that trades now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

import numpy as np

from core.calendar import calendar
from core.clock import Clock
from core.errors import UnknownName
from core.market.bars import Adjustment, Bars, Provenance
from core.market.source import Progress, SourceInfo, silent

INFO = SourceInfo(
    name="priced",
    label="Priced",
    meaning="Prices a test sets.",
    calendars=("XNYS",),
    adjustments=("adjusted", "split_adjusted", "raw"),
    synthetic=True,
)


class PricedSource:
    """A ``MarketSource`` that has ten sessions of whatever ``prices`` names."""

    info = INFO

    def __init__(self, clock: Clock, prices: Mapping[str, str]) -> None:
        self._clock = clock
        self.prices = dict(prices)

    def set(self, symbol: str, price: str) -> None:
        self.prices[symbol] = price

    def symbols(self) -> tuple[str, ...]:
        return tuple(sorted(self.prices))

    def bars(
        self,
        symbols: Sequence[str],
        *,
        start: date | None = None,
        end: date | None = None,
        adjustment: Adjustment = "adjusted",
        progress: Progress = silent,
    ) -> Bars:
        for symbol in symbols:
            if symbol not in self.prices:
                raise UnknownName("symbols", "symbol", symbol, self.prices)
        now = self._clock()
        opens = datetime.combine(now.date(), time_of_day(9, 30), ZoneInfo("America/New_York"))
        today = now.date() if now >= opens.astimezone(UTC) else now.date() - timedelta(days=1)
        last = min(end or today, today)
        sessions = calendar("XNYS").between(start or last - timedelta(days=14), last)
        row = [float(self.prices[symbol]) for symbol in symbols]
        prices = np.tile(np.array(row), (len(sessions), 1))
        return Bars(
            symbols=tuple(symbols),
            sessions=sessions,
            open=prices,
            high=prices,
            low=prices,
            close=prices,
            volume=prices * 0 + 1e6,
            calendar="XNYS",
            provenance=Provenance(
                source="priced", feed="test", adjustment=adjustment, as_of=now, synthetic=True
            ),
            provisional=bool(len(sessions)) and calendar("XNYS").close(sessions[-1]) > now,
        )
