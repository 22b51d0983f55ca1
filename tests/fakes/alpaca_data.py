"""Alpaca's market data API (v2 stocks: bars, latest trades and quotes) on loopback.

Limits and forms as in Alpaca's documents: pages of at most 10,000 bars counted over all symbols
together, ordered by symbol and time; an unknown symbol is left out, not refused; a daily bar is
stamped with midnight in New York; a free plan may not ask for SIP data of the last 15 minutes.
"""

from __future__ import annotations

import base64
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np

from core.calendar import calendar
from core.clock import Clock
from tests.fakes import prices
from tests.fakes.alpaca_quotes import Quotes
from tests.fakes.alpaca_server import AlpacaServer, Refused
from tests.fakes.prices import Listing, Series
from tests.fakes.server import Call

HISTORY_START = date(2016, 1, 1)
IEX_SHARE = 0.03
NEW_YORK = ZoneInfo("America/New_York")

LISTINGS = (
    Listing("SPY", date(1993, 1, 29), dividend=(date(2024, 6, 21), 1.759)),
    Listing("QQQ", date(1999, 3, 10), dividend=(date(2024, 6, 24), 0.762)),
    Listing("NVDA", date(1999, 1, 22), split=(date(2024, 6, 10), 10.0)),
    Listing("BRK.B", date(1996, 5, 9)),
    Listing("ARKB", date(2024, 1, 11)),
    Listing("GONE", date(2005, 3, 1), last=date(2021, 8, 31)),
    Listing("THIN", date(2018, 2, 1), missing=(date(2024, 5, 1), date(2024, 5, 2))),
)

_SYMBOL = re.compile(r"[A-Z0-9]+(\.[A-Z0-9]+)*")
_ADJUST = {"raw": prices.raw, "split": prices.split_adjusted, "all": prices.adjusted}


class AlpacaData(AlpacaServer):
    """``plan`` decides on recent SIP data; ``quotes`` are the latest trades and quotes: those of
    the listings' bars until a test sets others."""

    def __init__(
        self,
        clock: Clock,
        *,
        listings: Iterable[Listing] = LISTINGS,
        plan: Literal["free", "paid"] = "free",
        requests_per_minute: int = 200,
    ) -> None:
        super().__init__(clock, requests_per_minute=requests_per_minute)
        self.listings = {listing.symbol: listing for listing in listings}
        self.plan = plan
        self.quotes = Quotes(clock, otherwise=self._last_close)
        self._made: dict[tuple[str, ...], tuple[Any, list[str], list[dict[str, Any]]]] = {}

    def content(self, call: Call) -> Any:
        if call.path == "/v2/stocks/bars":
            return self._bars(call)
        if call.path == "/v2/stocks/trades/latest":
            return {"trades": self._latest(call, self.quotes.trade)}
        if call.path == "/v2/stocks/quotes/latest":
            return {"quotes": self._latest(call, self.quotes.quote)}
        raise Refused(404, {"code": 40410000, "message": "endpoint not found."})

    def bars(self, symbol: str, adjustment: str = "all", feed: str = "sip") -> Series:
        """What the server has of one symbol now, for tests to compare with."""
        listing, now = self.listings[symbol], self.clock()
        today = now.astimezone(NEW_YORK).date()
        first = max(listing.first, HISTORY_START)
        series = _cached(listing, adjustment, today).between(first, today)
        if feed == "iex":
            series = replace(series, volume=np.floor(series.volume * IEX_SHARE))
        return _until_now(series, now)

    def _last_close(self, symbol: str) -> Decimal | None:
        """As traded, on the way while the session is open."""
        if symbol not in self.listings:
            return None
        closes = self.bars(symbol, "raw").close
        return Decimal(str(round(float(closes[-1]), 2))) if len(closes) else None

    def _latest(
        self, call: Call, of: Callable[[str], dict[str, Any] | None]
    ) -> dict[str, dict[str, Any]]:
        """By symbol; a symbol without one is left out."""
        feed = call.query.get("feed", "sip" if self.plan == "paid" else "iex")
        if feed == "sip" and self.plan == "free":
            said = "subscription does not permit querying recent SIP data"
            raise Refused(403, {"message": said})
        found = {symbol: of(symbol) for symbol in sorted(_symbols(call))}
        return {symbol: entry for symbol, entry in found.items() if entry is not None}

    def _bars(self, call: Call) -> dict[str, Any]:
        """One page: bars by symbol, then time, from just after the token to the limit."""
        asked = _Question.read(call, self.plan)
        bars: dict[str, list[dict[str, Any]]] = {}
        room, last = asked.limit, ("", "")
        for symbol in sorted(asked.symbols & self.listings.keys()):
            stamps, rows = self._rows(symbol, asked)
            begin = bisect_left(stamps, _stamp(asked.start))
            end = bisect_right(stamps, _stamp(asked.end))
            if symbol < asked.after[0]:
                continue
            if symbol == asked.after[0]:
                begin = max(begin, bisect_right(stamps, asked.after[1]))
            if begin >= end:
                continue
            if room == 0:
                return {"bars": bars, "next_page_token": _token(*last)}
            bars[symbol] = rows[begin : min(end, begin + room)]
            room -= len(bars[symbol])
            last = (symbol, bars[symbol][-1]["t"])
            if begin + len(bars[symbol]) < end:
                return {"bars": bars, "next_page_token": _token(*last)}
        return {"bars": bars, "next_page_token": None}

    def _rows(self, symbol: str, asked: _Question) -> tuple[list[str], list[dict[str, Any]]]:
        """Stamps and bars of one symbol as of now, kept while nothing has changed."""
        series = self.bars(symbol, asked.adjustment, asked.feed)
        if asked.timeframe == "1Month":
            series = _months(series)
        key = (symbol, asked.adjustment, asked.feed, asked.timeframe)
        version = (len(series.sessions), series.close[-1:].tolist())
        if self._made.get(key, (None,))[0] != version:
            rows = _bars_json(series)
            self._made[key] = (version, [row["t"] for row in rows], rows)
        return self._made[key][1:]


@dataclass(frozen=True)
class _Question:
    symbols: frozenset[str]
    timeframe: str
    start: datetime
    end: datetime
    limit: int
    adjustment: str
    feed: str
    after: tuple[str, str]

    @classmethod
    def read(cls, call: Call, plan: str) -> _Question:
        query = call.query
        symbols = _symbols(call)
        limit = int(query.get("limit", 1000))
        timeframe, adjustment = query.get("timeframe", ""), query.get("adjustment", "raw")
        feed = query.get("feed", "sip" if plan == "paid" else "iex")
        known = timeframe in ("1Day", "1Month") and adjustment in _ADJUST
        if not symbols or not known or feed not in ("iex", "sip") or not 1 <= limit <= 10_000:
            raise Refused(400, {"message": f"invalid parameter in {call.query}"})
        recent = call.at - timedelta(minutes=15)
        delayed = feed == "sip" and plan == "free"
        end = _instant(query["end"]) if "end" in query else recent if delayed else call.at
        if delayed and end > recent:
            said = "subscription does not permit querying recent SIP data"
            raise Refused(403, {"message": said})
        start = _instant(query["start"]) if "start" in query else call.at - timedelta(days=1)
        if start > end:
            raise Refused(400, {"message": "end should not be before start"})
        after = _after(query["page_token"]) if "page_token" in query else ("", "")
        return cls(symbols, timeframe, start, end, limit, adjustment, feed, after)


def _symbols(call: Call) -> frozenset[str]:
    symbols = frozenset(s for s in call.query.get("symbols", "").split(",") if s)
    for symbol in sorted(symbols):
        if not _SYMBOL.fullmatch(symbol):
            raise Refused(400, {"message": f"invalid symbol: {symbol}"})
    return symbols


@lru_cache(maxsize=512)
def _cached(listing: Listing, adjustment: str, until: date) -> Series:
    return _ADJUST[adjustment](listing, until)


def _until_now(series: Series, now: datetime) -> Series:
    """Without a session that has not opened; today's bar half-made while it trades."""
    xnys = calendar("XNYS")
    if not len(series.sessions) or xnys.close(series.sessions[-1]) <= now:
        return series
    opens = datetime.combine(series.sessions[-1].item(), time_of_day(9, 30), NEW_YORK)
    if now < opens:
        return Series(*(column[:-1] for column in series.columns()))
    close, volume = series.close.copy(), series.volume.copy()
    close[-1] = round((series.high[-1] + series.low[-1]) / 2, 4)
    volume[-1] = np.floor(volume[-1] / 2)
    return replace(series, close=close, volume=volume)


def _months(series: Series) -> Series:
    months = series.sessions.astype("datetime64[M]")
    first = np.flatnonzero(np.r_[True, months[1:] != months[:-1]])
    last = np.r_[first[1:], len(months)] - 1
    return Series(
        months[first].astype("datetime64[D]"),
        series.open[first],
        np.maximum.reduceat(series.high, first),
        np.minimum.reduceat(series.low, first),
        series.close[last],
        np.add.reduceat(series.volume, first),
    )


def _bars_json(series: Series) -> list[dict[str, Any]]:
    bars = []
    for day, o, h, low, c, v in zip(*(x.tolist() for x in series.columns()), strict=True):
        t = _stamp(datetime.combine(day, time_of_day(), NEW_YORK))
        bars.append(
            {"t": t, "o": o, "h": h, "l": low, "c": c, "v": int(v), "n": int(v) // 80, "vw": c}
        )
    return bars


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _token(symbol: str, at: str) -> str:
    return base64.b64encode(f"{symbol}|D|{at}".encode()).decode()


def _after(token: str) -> tuple[str, str]:
    symbol, _, at = base64.b64decode(token).decode().split("|")
    return symbol, at
