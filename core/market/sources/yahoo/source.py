"""YahooSource: one chart a symbol, adjusted here from Yahoo's own adjusted closes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from core.calendar import calendar
from core.clock import Clock
from core.errors import BadInput, Unavailable
from core.market.bars import Adjustment, Bars, Ohlcv, Provenance
from core.market.patience import Passing, Patience, Sleep, Tell
from core.market.progress import asking
from core.market.source import Progress, SourceInfo, Span, silent
from core.market.sources.delivery import (
    NO_ROWS,
    Rows,
    check_adjustment,
    deliver,
    number,
    sessions_asked,
    start_too_early,
)
from core.market.sources.yahoo.tickers import ticker, unknown

if TYPE_CHECKING:
    from core.market.sources.yahoo.client import YahooClient

INFO = SourceInfo(
    name="yahoo",
    label="Yahoo",
    meaning="Daily bars of US stocks, ETFs and indices; needs no keys, for personal use only.",
    calendars=("XNYS",),
    adjustments=("adjusted", "split_adjusted"),
    history_start=date(1990, 1, 2),  # Sluice's calendar begins here; Yahoo reaches back further
)

_NEW_YORK = ZoneInfo("America/New_York")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Chart:
    """What Yahoo answered about one symbol."""

    rows: Rows
    first_trade: date | None


class YahooSource:
    """Yahoo Finance's daily bars, one request a symbol, one after the other.

    ``cache``  folder where yfinance keeps its cookies
    ``url``    stands in for every Yahoo host (tests)

    Yahoo's prices come adjusted for splits, with an adjusted close beside them; ``adjusted`` is
    open, high, low and close times adjusted close / close. Prices as traded are not to be had.
    Only what trades in New York's sessions: crypto, currencies and other exchanges are refused.
    """

    def __init__(
        self,
        cache: Path,
        *,
        clock: Clock,
        url: str | None = None,
        timeout_seconds: float = 20.0,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._cache = cache
        self._clock = clock
        self._url = url
        self._timeout_seconds = timeout_seconds
        # Each try is several requests inside yfinance: fewer tries than elsewhere.
        self._patience = Patience(vendor=INFO.label, clock=clock, sleep=sleep, tries=3)
        self._opened: YahooClient | None = None

    @property
    def info(self) -> SourceInfo:
        return INFO

    def symbols(self) -> tuple[str, ...]:
        """None: Yahoo has too many to list."""
        return ()

    def bars(
        self,
        symbols: Sequence[str],
        *,
        start: date | None = None,
        end: date | None = None,
        adjustment: Adjustment = "adjusted",
        progress: Progress = silent,
    ) -> Bars:
        """See MarketSource.bars."""
        now = self._clock()
        xnys = calendar("XNYS")
        check_adjustment(INFO, adjustment)
        asked = sessions_asked(INFO, xnys, start, end, now)
        tickers = {symbol: ticker(symbol) for symbol in symbols}
        progress(0.0, f"asking Yahoo for {len(tickers)} symbols")
        charts: dict[str, Chart] = {}
        if len(asked) and symbols:
            span = Span(asked[0].item(), asked[-1].item())
            for i, symbol in enumerate(tickers):
                tell = asking(progress, i / len(tickers))
                tell(f"reading {symbol} from Yahoo")
                charts[symbol] = self._chart(symbol, tickers[symbol], span, adjustment, tell)
            if start is not None:
                self._check_start(charts, tickers, span, start, asking(progress, 1.0))
        bars = deliver(
            symbols,
            {symbol: chart.rows for symbol, chart in charts.items()},
            asked=asked,
            calendar=xnys,
            provenance=Provenance(
                source=INFO.name, feed="chart", adjustment=adjustment, as_of=self._clock()
            ),
            now=now,
        )
        progress(1.0, "bars read")
        return bars

    def _chart(
        self, symbol: str, name: str, span: Span, adjustment: Adjustment, tell: Tell
    ) -> Chart:
        result = self._ask(
            symbol,
            name,
            {
                "period1": _seconds(span.first),
                "period2": _seconds(span.last + timedelta(days=1)),
                "interval": "1d",
                "events": "div,splits",
                "includePrePost": "false",
                "includeAdjustedClose": "true",
            },
            tell,
            adjustment,
        )
        meta = _mapping(result.get("meta"))
        _check_exchange(symbol, meta)
        return Chart(_rows(result, adjustment), _first_trade(meta))

    def _check_start(
        self,
        charts: Mapping[str, Chart],
        tickers: Mapping[str, str],
        span: Span,
        start: date,
        tell: Tell,
    ) -> None:
        """RangeUnavailable for a start before the first session of all of ``charts``.

        The chart of a range without bars does not say when trading began: then that is asked for.
        """
        firsts: list[date] = []
        for symbol, chart in charts.items():
            trade, first = chart.first_trade, chart.rows.first()
            if trade is None and first is None:
                result = self._ask(symbol, tickers[symbol], {"range": "1d", "interval": "1d"}, tell)
                trade = _first_trade(_mapping(result.get("meta")))
            firsts += [day for day in (trade, first) if day is not None]
            if firsts and min(firsts) <= span.first:
                return
        raise start_too_early(INFO, list(charts), start, min(firsts, default=None))

    def _ask(
        self,
        symbol: str,
        name: str,
        params: Mapping[str, Any],
        tell: Tell,
        adjustment: Adjustment = "split_adjusted",
    ) -> Mapping[str, Any]:
        def ask() -> Mapping[str, Any] | None:
            result = self._client().chart(name, params)
            if result and "timestamp" in result and not _is_whole(result, adjustment):
                raise Passing(f"sent a chart of {symbol} with columns missing")
            return result

        result = self._patience.read(ask, tell)
        if result is None:
            raise unknown(symbol)
        return result

    def _client(self) -> YahooClient:
        """The client, opened at first use: yfinance takes a second to load."""
        if self._opened is None:
            from core.market.sources.yahoo.client import YahooClient

            self._opened = YahooClient(self._cache, self._url, self._timeout_seconds)
        return self._opened


def _check_exchange(symbol: str, meta: Mapping[str, Any]) -> None:
    zone = meta.get("exchangeTimezoneName")
    if zone is not None and zone != _NEW_YORK.key:
        raise BadInput(
            "symbols",
            f"'{symbol}' trades by the clock of {zone}; source yahoo has New York's sessions only.",
            "Remove it, or use source bybit for crypto.",
        )


def _rows(result: Mapping[str, Any], adjustment: Adjustment) -> Rows:
    """The chart's bars; rows without numbers are unknown, for the quality rules to count."""
    stamps = result.get("timestamp")
    if not stamps:
        return NO_ROWS
    quote = _quote(result)
    days = np.array([_new_york_day(s) for s in stamps], dtype="datetime64[D]")
    o, h, low, c, v = (
        np.array([number(x) for x in quote[key]])
        for key in ("open", "high", "low", "close", "volume")
    )
    if adjustment == "split_adjusted":
        return Rows(days, Ohlcv(o, h, low, c, v))
    adjusted = np.array([number(x) for x in _adjusted_closes(result)])
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = adjusted / c  # a close of zero gives no price: refused by its own rule
    return Rows(days, Ohlcv(o * factor, h * factor, low * factor, adjusted, v))


def _is_whole(result: Mapping[str, Any], adjustment: Adjustment) -> bool:
    """Has every column one entry for each stamp? Adjusted closes only where they are used."""
    stamps, quote = result["timestamp"], _quote(result)
    columns = [quote.get(key) for key in ("open", "high", "low", "close", "volume")]
    if adjustment == "adjusted":
        columns.append(_adjusted_closes(result))
    return isinstance(stamps, list) and all(
        isinstance(column, list) and len(column) == len(stamps) for column in columns
    )


def _quote(result: Mapping[str, Any]) -> Mapping[str, Any]:
    return _first_mapping(_mapping(result.get("indicators")).get("quote"))


def _adjusted_closes(result: Mapping[str, Any]) -> Any:
    return _first_mapping(_mapping(result.get("indicators")).get("adjclose")).get("adjclose")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first_mapping(value: object) -> Mapping[str, Any]:
    return _mapping(value[0]) if isinstance(value, list) and value else {}


def _new_york_day(seconds: object) -> date:
    """The session of a stamp, which is its opening bell or, while it trades, the last trade."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        raise Unavailable("Yahoo sent bars whose dates cannot be read. Try again later.")
    return (_EPOCH + timedelta(seconds=seconds)).astimezone(_NEW_YORK).date()


def _first_trade(meta: Mapping[str, Any]) -> date | None:
    seconds = meta.get("firstTradeDate")
    return None if seconds is None else _new_york_day(seconds)


def _seconds(day: date) -> int:
    """Midnight in New York as seconds since 1970."""
    return int(datetime.combine(day, time_of_day(), _NEW_YORK).timestamp())
