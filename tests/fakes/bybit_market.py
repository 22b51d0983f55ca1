"""Bybit's V5 public market data (linear) on loopback.

Limits and forms as in Bybit's documents: HTTP 200 with a retCode also for refusals, text for
numbers, newest first, 1000 klines, 200 settlements, 200 open interests and 1000 instruments a
page, funding by end or by both ends but never by its start alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import quote

import numpy as np

from tests.fakes import prices
from tests.fakes.clock import VirtualClock
from tests.fakes.prices import Listing, Series
from tests.fakes.server import Act, Call, Exchange, FakeServer, Reply

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Perpetual:
    """One contract; ``intervals`` are its funding hours from each date on."""

    symbol: str
    listed: date
    intervals: tuple[tuple[date, int], ...] = field(default=())
    tick_size: str = "0.10"
    contract_type: str = "LinearPerpetual"

    def settlements(self, until_ms: int) -> list[int]:
        """Every settlement so far, in milliseconds."""
        changes = self.intervals or ((self.listed, 8),)
        edges = [_ms(day) for day, _ in changes[1:]] + [until_ms + 1]
        stamps: list[int] = []
        for (day, hours), edge in zip(changes, edges, strict=True):
            stamps += range(_ms(day), edge, hours * HOUR_MS)
        return stamps


LISTED = (
    Perpetual("BTCUSDT", date(2020, 3, 25)),
    Perpetual("ETHUSDT", date(2020, 10, 21), tick_size="0.01"),
    Perpetual(
        "WIFUSDT",
        date(2024, 3, 1),
        intervals=((date(2024, 3, 1), 8), (date(2024, 5, 1), 1)),
        tick_size="0.0001",
    ),
    Perpetual("BTCUSDT-27SEP24", date(2023, 9, 29), contract_type="LinearFutures"),
)
FILLER = tuple(Perpetual(f"COIN{n:03d}USDT", date(2022, 1, 1)) for n in range(620))


class BybitMarket(FakeServer):
    """``keeps`` is the end of an overfull range that comes back: the documents do not say."""

    def __init__(
        self,
        clock: VirtualClock,
        *,
        perpetuals: Sequence[Perpetual] = LISTED + FILLER,
        keeps: Literal["newest", "oldest"] = "newest",
        page_cap: int = 1000,
        ahead_seconds: float = 0.0,
    ) -> None:
        super().__init__(clock)
        self.perpetuals = {p.symbol: p for p in perpetuals}
        self.keeps = keeps
        self.page_cap = page_cap
        self.ahead_seconds = ahead_seconds

    def now(self) -> datetime:
        """Bybit's own clock."""
        return self.clock() + timedelta(seconds=self.ahead_seconds)

    def answer(self, call: Call) -> Reply:
        pages = {
            "/v5/market/kline": self._klines,
            "/v5/market/funding/history": self._funding,
            "/v5/market/open-interest": self._open_interest,
            "/v5/market/instruments-info": self._instruments,
        }
        if call.path not in pages:
            return Reply.of({"error": "not found"}, 404)
        if call.query.get("category") != "linear":
            return self.refusal(10001, "params error: Category is invalid")
        symbol = call.query.get("symbol")
        if symbol is None and not call.path.endswith("instruments-info"):
            return self.refusal(10001, "params error: Symbol is required")
        if symbol is not None and symbol not in self.perpetuals:
            return self.refusal(10001, "params error: Symbol Invalid")
        return pages[call.path](call)

    def refusal(self, code: int, message: str, **headers: str) -> Reply:
        return Reply.of(self._envelope(code, message, {}), **headers)

    def bars(self, symbol: str) -> Series:
        """What the server has of one perpetual now, the running day included."""
        perpetual, now = self.perpetuals[symbol], self.now()
        series = _cached(symbol, perpetual.listed, now.date())
        close = series.close.copy()
        close[-1] = round((series.high[-1] + series.low[-1]) / 2, 4)
        return replace(series, close=close)

    def _envelope(self, code: int, message: str, result: Any) -> dict[str, Any]:
        return {
            "retCode": code,
            "retMsg": message,
            "result": result,
            "retExtInfo": {},
            "time": int(self.now().timestamp() * 1000),
        }

    def _page(self, call: Call, rows: Sequence[Any], **more: Any) -> Reply:
        result = {"category": "linear", "symbol": call.query.get("symbol", ""), "list": rows}
        return Reply.of(self._envelope(0, "OK", result | more))

    def _limit(self, call: Call, default: int, most: int) -> int | None:
        """The page length asked for; None when it is not allowed."""
        limit = int(call.query.get("limit", default))
        return min(limit, self.page_cap) if 1 <= limit <= most else None

    def _klines(self, call: Call) -> Reply:
        limit = self._limit(call, 200, 1000)
        if limit is None or call.query.get("interval") != "D":
            return self.refusal(10001, "params error: limit or interval is invalid")
        columns = self.bars(call.query["symbol"]).columns()
        stamps = columns[0].astype("datetime64[ms]").astype(np.int64)
        inside = stamps >= int(call.query.get("start", 0))
        inside &= stamps <= int(call.query.get("end", 2**53))
        places = np.flatnonzero(inside)
        kept = places[-limit:] if self.keeps == "newest" else places[:limit]
        rows = [
            [str(_ms(day)), *map(repr, numbers), repr(numbers[4] * numbers[3])]
            for day, *numbers in zip(*(x[kept[::-1]].tolist() for x in columns), strict=True)
        ]
        return self._page(call, rows)

    def _funding(self, call: Call) -> Reply:
        limit = self._limit(call, 200, 200)
        if limit is None:
            return self.refusal(10001, "params error: limit is invalid")
        if "startTime" in call.query and "endTime" not in call.query:
            return self.refusal(10001, "params error: endTime is required with startTime")
        now = int(self.now().timestamp() * 1000)
        start = int(call.query.get("startTime", 0))
        end = min(now, int(call.query.get("endTime", now)))
        symbol = call.query["symbol"]
        stamps = [s for s in self.perpetuals[symbol].settlements(now) if start <= s <= end]
        overfull_from_start = self.keeps == "oldest" and "startTime" in call.query
        kept = stamps[:limit] if overfull_from_start else stamps[-limit:]
        rows = [
            {"symbol": symbol, "fundingRate": rate(s), "fundingRateTimestamp": str(s)}
            for s in reversed(kept)
        ]
        return self._page(call, rows)

    def _open_interest(self, call: Call) -> Reply:
        limit = self._limit(call, 50, 200)
        if limit is None or call.query.get("intervalTime") != "1d":
            return self.refusal(10001, "params error: limit or intervalTime is invalid")
        now = int(self.now().timestamp() * 1000)
        start = int(call.query.get("startTime", 0))
        end = min(now, int(call.query.get("endTime", now)))
        listed = _ms(self.perpetuals[call.query["symbol"]].listed)
        stamps = [s for s in range(listed, now + 1, DAY_MS) if start <= s <= end][::-1]
        begin, cursor = self._turn(call, limit, len(stamps))
        rows = [
            {"openInterest": open_interest(s), "timestamp": str(s)}
            for s in stamps[begin : begin + limit]
        ]
        return self._page(call, rows, nextPageCursor=cursor)

    def _instruments(self, call: Call) -> Reply:
        limit = self._limit(call, 500, 1000)
        if limit is None:
            return self.refusal(10001, "params error: limit is invalid")
        names = sorted(self.perpetuals)
        begin, cursor = self._turn(call, limit, len(names))
        rows = [_instrument(self.perpetuals[n]) for n in names[begin : begin + limit]]
        return self._page(call, rows, nextPageCursor=cursor)

    def _turn(self, call: Call, limit: int, total: int) -> tuple[int, str]:
        """Where the page begins, and the cursor of the next one, escaped as Bybit sends it."""
        begin = int(call.query.get("cursor", "from=0").removeprefix("from="))
        more = begin + limit < total
        return begin, quote(f"from={begin + limit}") if more else ""


def rate(stamp_ms: int) -> str:
    """The funding rate settled at a stamp, as the fake's exact text."""
    return f"{0.0001 * math.sin(stamp_ms / DAY_MS):.8f}"


def open_interest(stamp_ms: int) -> str:
    return f"{50_000 + 1_000 * math.cos(stamp_ms / DAY_MS):.3f}"


def rate_limited(seconds: float | None) -> Act:
    """retCode 10006 with a reset ``seconds`` ahead of the fake's clock; None: without a stamp."""

    def act(exchange: Exchange) -> Reply:
        server = exchange.server
        assert isinstance(server, BybitMarket)
        if seconds is None:
            return server.refusal(10006, "Too many visits!")
        reset = str(int((server.clock().timestamp() + seconds) * 1000))
        return server.refusal(10006, "Too many visits!", X_Bapi_Limit_Reset_Timestamp=reset)

    return act


def refused(code: int, message: str) -> Act:
    """An answer with a retCode."""

    def act(exchange: Exchange) -> Reply:
        assert isinstance(exchange.server, BybitMarket)
        return exchange.server.refusal(code, message)

    return act


@lru_cache(maxsize=64)
def _cached(symbol: str, listed: date, until: date) -> Series:
    return prices.raw(Listing(symbol, listed, calendar="24/7"), until)


def _instrument(perpetual: Perpetual) -> dict[str, Any]:
    future = perpetual.contract_type == "LinearFutures"
    return {
        "symbol": perpetual.symbol,
        "contractType": perpetual.contract_type,
        "status": "Trading",
        "baseCoin": perpetual.symbol.split("USDT")[0],
        "quoteCoin": "USDT",
        "launchTime": str(_ms(perpetual.listed)),
        "deliveryTime": "1727424000000" if future else "0",
        "priceScale": "2",
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.10", "tickSize": perpetual.tick_size},
        "lotSizeFilter": {
            "maxOrderQty": "1190.000",
            "minOrderQty": "0.001",
            "qtyStep": "0.001",
            "maxMktOrderQty": "500.000",
            "minNotionalValue": "5",
        },
        "fundingInterval": 60 * (perpetual.intervals or ((perpetual.listed, 8),))[-1][1],
        "settleCoin": "USDT",
    }


def _ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
