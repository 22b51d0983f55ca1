"""Enough of Yahoo Finance on loopback for yfinance: cookie, consent, crumb and chart.

Every Yahoo host is served here, as the first part of the path. Forms as yfinance reads them: OHLC
adjusted for splits with an adjusted close beside, stamps of the opening bell (of the last trade
for the running day), 404 for an unknown ticker, 400 for a range without data, meta alone where the
range holds no session.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from core.calendar import calendar
from tests.fakes import prices
from tests.fakes.clock import VirtualClock
from tests.fakes.prices import Listing, Series
from tests.fakes.server import Call, FakeServer, Reply

NEW_YORK = ZoneInfo("America/New_York")
CRUMB = "fAkECruMb.1"
COOKIE = "A3=d=AQABBFAKE&S=AQAAAfake"


@dataclass(frozen=True)
class Ticker:
    listing: Listing
    kind: str = "ETF"
    zone: str = "America/New_York"


TICKERS = (
    Ticker(Listing("SPY", date(1993, 1, 29), dividend=(date(2024, 6, 21), 1.759))),
    Ticker(Listing("QQQ", date(1999, 3, 10), dividend=(date(2024, 6, 24), 0.762))),
    Ticker(Listing("NVDA", date(1999, 1, 22), split=(date(2024, 6, 10), 10.0)), "EQUITY"),
    Ticker(Listing("BRK-B", date(1996, 5, 9)), "EQUITY"),
    Ticker(Listing("ARKB", date(2024, 1, 11))),
    Ticker(Listing("GONE", date(2005, 3, 1), last=date(2021, 8, 31)), "EQUITY"),
    Ticker(Listing("IBM", date(1962, 1, 2)), "EQUITY"),
    Ticker(Listing("VOD1", date(1990, 6, 1)), "EQUITY", "Europe/London"),
)


class YahooChart(FakeServer):
    """``insists`` on the crumb that goes with its cookie, as Yahoo does by turns."""

    def __init__(
        self,
        clock: VirtualClock,
        *,
        tickers: Iterable[Ticker] = TICKERS,
        insists: bool = False,
    ) -> None:
        super().__init__(clock)
        self.tickers = {t.listing.symbol: t for t in tickers}
        self.insists = insists

    def answer(self, call: Call) -> Reply:
        _, host, *rest = call.path.split("/")
        path = "/" + "/".join(rest)
        if host == "fc.yahoo.com":
            return Reply(404, b"", {"Set-Cookie": f"{COOKIE}; Path=/; HttpOnly"})
        if host in ("guce.yahoo.com", "consent.yahoo.com"):
            return self._consent(path)
        if path == "/v1/test/getcrumb":
            return Reply(200, CRUMB.encode(), {"Content-Type": "text/plain"})
        if path.startswith("/v8/finance/chart/"):
            return self._chart(call, path.rsplit("/", 1)[1])
        return Reply.of({"finance": {"error": {"code": "Not Found"}}}, 404)

    def bars(self, ticker: str, adjustment: str = "all") -> Series:
        """What Yahoo has of one ticker, settled sessions and the running one."""
        now = self.clock()
        today = now.astimezone(NEW_YORK).date()
        series = _cached(self.tickers[ticker].listing, adjustment, today)
        if len(series.sessions) and now < _opens(series.sessions[-1].item()):
            return Series(*(column[:-1] for column in series.columns()))
        return series

    def _consent(self, path: str) -> Reply:
        if path == "/consent":
            page = (
                '<form><input name="csrfToken" value="t0ken"/>'
                '<input name="sessionId" value="s3ssion"/></form>'
            )
            return Reply(200, page.encode(), {"Content-Type": "text/html"})
        return Reply(200, b"", {"Set-Cookie": f"{COOKIE}; Path=/; HttpOnly"})

    def _chart(self, call: Call, name: str) -> Reply:
        if self.insists and not (
            call.query.get("crumb") == CRUMB and COOKIE in call.headers.get("Cookie", "")
        ):
            return _error(401, "Unauthorized", "Invalid Crumb")
        if name not in self.tickers:
            return _error(404, "Not Found", "No data found, symbol may be delisted")
        ticker, now = self.tickers[name], self.clock()
        series, closes = self.bars(name, "split"), self.bars(name, "all").close
        if "range" in call.query:
            first = last = now
        else:
            first = datetime.fromtimestamp(int(call.query["period1"]), UTC)
            last = datetime.fromtimestamp(int(call.query["period2"]), UTC)
            gone = ticker.listing.last
            if last <= _opens(ticker.listing.first) or (gone and first > _opens(gone)):
                said = f"Data doesn't exist for startDate = {call.query['period1']}, endDate = …"
                return _error(400, "Bad Request", said)
        stamps = [_opens(day) for day in series.sessions.tolist()]
        places = [i for i, at in enumerate(stamps) if first <= at < last]
        columns = {
            "open": series.open,
            "high": series.high,
            "low": series.low,
            "close": series.close,
            "volume": series.volume,
        }
        result: dict[str, Any] = {
            "meta": {
                "currency": "USD",
                "symbol": name,
                "instrumentType": ticker.kind,
                "exchangeTimezoneName": ticker.zone,
                "firstTradeDate": int(_opens(ticker.listing.first).timestamp()),
                "regularMarketTime": int(now.timestamp()),
            },
            "indicators": {"quote": [{}], "adjclose": [{}]},
        }
        if places:
            result["timestamp"] = [int(self._stamp(stamps[i]).timestamp()) for i in places]
            result["indicators"] = {
                "quote": [{k: [float(v[i]) for i in places] for k, v in columns.items()}],
                "adjclose": [{"adjclose": [float(closes[i]) for i in places]}],
            }
        return Reply.of({"chart": {"result": [result], "error": None}})

    def _stamp(self, opens: datetime) -> datetime:
        """The opening bell; the last trade while the session runs."""
        now = self.clock()
        day = opens.astimezone(NEW_YORK).date()
        return now if opens <= now < calendar("XNYS").close(day) else opens


def _error(code: int, name: str, description: str) -> Reply:
    error = {"code": name, "description": description}
    return Reply.of({"chart": {"result": None, "error": error}}, code)


def _opens(day: date) -> datetime:
    return datetime.combine(day, time_of_day(9, 30), NEW_YORK)


@lru_cache(maxsize=512)
def _cached(listing: Listing, adjustment: str, until: date) -> Series:
    make = prices.split_adjusted if adjustment == "split" else prices.adjusted
    return make(listing, until)
