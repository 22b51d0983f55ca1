"""AlpacaSource: bars of many symbols page by page, from one named feed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import numpy as np

from core.calendar import calendar
from core.clock import Clock
from core.errors import NeedsOperator, Unavailable
from core.market.bars import Adjustment, Bars, Ohlcv, Provenance
from core.market.patience import Patience, Sleep, Tell
from core.market.source import Progress, SourceInfo, Span, silent
from core.market.sources.alpaca.symbols import is_symbol, unknown
from core.market.sources.delivery import (
    Rows,
    check_adjustment,
    deliver,
    number,
    sessions_asked,
    start_too_early,
)

if TYPE_CHECKING:
    from core.market.sources.alpaca.client import AlpacaClient, Page

Feed = Literal["iex", "sip"]

HISTORY_START = date(2016, 1, 1)

INFO = SourceInfo(
    name="alpaca",
    label="Alpaca",
    meaning="Daily bars of US stocks and ETFs since 2016; needs a free or paid Alpaca account.",
    calendars=("XNYS",),
    adjustments=("adjusted", "split_adjusted", "raw"),
    needs_keys=True,
    history_start=HISTORY_START,
)

PAGE_LIMIT = 10_000  # bars, counted over all symbols together
SYMBOLS_A_REQUEST = 100  # keeps the address under 1,000 characters
_ALPACAS_WORD: Mapping[Adjustment, str] = {
    "adjusted": "all",
    "split_adjusted": "split",
    "raw": "raw",
}
_NEW_YORK = ZoneInfo("America/New_York")


class AlpacaSource:
    """Alpaca's daily bars.

    ``feed``  ``iex`` (one exchange, a few percent of the volume, every plan) or ``sip`` (all US
              exchanges; a free plan gets it except for the last 15 minutes)
    ``url``   of the data API, when it is not Alpaca's own

    A bar is a New York session; today's counts as provisional until the close. Symbols are
    written as Alpaca writes them, ``BRK.B``.
    """

    def __init__(
        self,
        key_id: str | None,
        secret_key: str | None,
        *,
        clock: Clock,
        url: str | None = None,
        feed: Feed = "iex",
        timeout_seconds: float = 20.0,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._keys = (key_id, secret_key)
        self._url = url
        self._feed = feed
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._patience = Patience(vendor=INFO.label, clock=clock, sleep=sleep)
        self._opened: AlpacaClient | None = None

    @property
    def info(self) -> SourceInfo:
        return INFO

    def symbols(self) -> tuple[str, ...]:
        """None: Alpaca has about 12,000 tickers."""
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
        for symbol in symbols:
            if not is_symbol(symbol):
                raise unknown(symbol)
        progress(0.0, f"asking Alpaca ({self._feed}) for {len(symbols)} symbols")
        rows: dict[str, Rows] = {}
        if len(asked) and symbols:
            span = Span(asked[0].item(), asked[-1].item())
            names = sorted(set(symbols))
            rows = self._daily(names, span, len(asked), adjustment, now, progress)
            self._check_symbols(names, rows, span, start, progress)
        bars = deliver(
            symbols,
            rows,
            asked=asked,
            calendar=xnys,
            provenance=Provenance(
                source=INFO.name, feed=self._feed, adjustment=adjustment, as_of=self._clock()
            ),
            now=now,
        )
        progress(1.0, "bars read")
        return bars

    def _daily(
        self,
        names: list[str],
        span: Span,
        sessions: int,
        adjustment: Adjustment,
        now: datetime,
        progress: Progress,
    ) -> dict[str, Rows]:
        """Rows of each of ``names`` that has any, every page joined once."""
        sent: dict[str, list[Mapping[str, Any]]] = {}
        bars_read, bars_expected = 0, sessions * len(names)

        def tell(doing: str) -> None:
            # Expected is the most there can be: a little short of 1 until all is delivered.
            progress(min(0.95, bars_read / bars_expected), doing)

        for i in range(0, len(names), SYMBOLS_A_REQUEST):
            chunk = names[i : i + SYMBOLS_A_REQUEST]
            for page in self._pages(chunk, "day", adjustment, span, now, tell):
                for symbol in page.bars.keys() & set(chunk):
                    sent.setdefault(symbol, []).extend(page.bars[symbol])
                    bars_read += len(page.bars[symbol])
                tell(f"{bars_read:,} bars read from Alpaca ({self._feed})")
        return {symbol: _rows(bars) for symbol, bars in sent.items() if bars}

    def _pages(
        self,
        names: list[str],
        every: str,
        adjustment: Adjustment,
        span: Span,
        now: datetime,
        tell: Tell,
        limit: int = PAGE_LIMIT,
    ) -> Iterator[Page]:
        client = self._client()
        end = _end(span.last, now)
        token: str | None = None
        seen: set[str] = set()
        while True:

            def ask(token: str | None = token) -> Page:
                return client.page(
                    names,
                    every=every,
                    adjustment=_ALPACAS_WORD[adjustment],
                    start=_midnight(span.first),
                    end=end,
                    limit=limit,
                    token=token,
                )

            page = self._patience.read(ask, tell)
            yield page
            token = page.next_token
            if token is None:
                return
            if token in seen:
                raise Unavailable("Alpaca's pages run in a circle. Try again later.")
            seen.add(token)

    def _check_symbols(
        self,
        names: list[str],
        rows: Mapping[str, Rows],
        span: Span,
        start: date | None,
        progress: Progress,
    ) -> None:
        """UnknownName for a name without any bar since 2016, RangeUnavailable for a start before
        the first bar of all.

        Alpaca answers for an unknown symbol as for one without bars in the range: it leaves it
        out. So those left out are asked for again, by months over all of history; costs nothing
        when every symbol has bars.
        """

        def tell(doing: str) -> None:
            progress(0.97, doing)

        firsts = [first for r in rows.values() if (first := r.first())]
        missing = [name for name in names if name not in rows]
        if missing:
            months = self._first_months(missing, tell)
            for name in missing:
                if name not in months:
                    raise unknown(name)
            firsts += [month for month in months.values() if month > span.last]
        if start is None or (firsts and min(firsts) <= span.first):
            return
        if not self._has_bars_before(names, span.first, tell):
            raise start_too_early(INFO, names, start, min(firsts, default=None))

    def _first_months(self, names: list[str], tell: Tell) -> dict[str, date]:
        """The first month with a bar of each name that ever had one."""
        now = self._clock()
        span = Span(HISTORY_START, now.astimezone(_NEW_YORK).date())
        months: dict[str, date] = {}
        for i in range(0, len(names), SYMBOLS_A_REQUEST):
            chunk = names[i : i + SYMBOLS_A_REQUEST]
            for page in self._pages(chunk, "month", "raw", span, now, tell):
                for symbol, bars in page.bars.items():
                    first = _rows(bars).first()
                    if first is not None:
                        months.setdefault(symbol, first)
        return months

    def _has_bars_before(self, names: list[str], day: date, tell: Tell) -> bool:
        """Does any of ``names`` have a bar on a session before ``day``?"""
        span = Span(HISTORY_START, day - timedelta(days=1))
        if not len(calendar("XNYS").between(span.first, span.last)):
            return False
        pages = self._pages(names, "day", "raw", span, self._clock(), tell, limit=1)
        return any(next(pages).bars.values())

    def _client(self) -> AlpacaClient:
        """The client, opened at first use: alpaca-py takes a second to load."""
        if self._opened is None:
            key_id, secret_key = self._keys
            if not key_id or not secret_key:
                lacking = [
                    name
                    for name, key in (
                        ("SLUICE_ALPACA_KEY_ID", key_id),
                        ("SLUICE_ALPACA_SECRET_KEY", secret_key),
                    )
                    if not key
                ]
                raise NeedsOperator(
                    f"Source alpaca needs keys: set {' and '.join(lacking)}. "
                    "A free account is enough; sources demo, files and yahoo need none."
                )
            from core.market.sources.alpaca.client import AlpacaClient

            self._opened = AlpacaClient(
                key_id, secret_key, self._url, self._feed, self._timeout_seconds
            )
        return self._opened


def _rows(bars: Sequence[Mapping[str, Any]]) -> Rows:
    """Alpaca's bars as arrays; unknown fields ignored, missing prices and volumes unknown.

    A daily bar is stamped with midnight in New York, written in UTC (04:00 or 05:00): the date
    before the T is the session's.
    """
    try:
        days = np.array([bar["t"][:10] for bar in bars], dtype="datetime64[D]")
        if np.isnat(days).any():
            raise ValueError("a date is empty")
    except (KeyError, TypeError, ValueError) as err:
        raise Unavailable("Alpaca sent bars whose dates cannot be read.") from err
    fields = (np.array([number(bar.get(key)) for bar in bars]) for key in "ohlcv")
    return Rows(days, Ohlcv(*fields))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time_of_day(), _NEW_YORK).astimezone(UTC)


def _end(last: date, now: datetime) -> datetime | None:
    """The end to ask for: the day's last second, or none while that is still to come.

    A free plan may not name an end within the last 15 minutes, but may leave it out.
    """
    end = _midnight(last + timedelta(days=1)) - timedelta(seconds=1)
    return end if end < now - timedelta(minutes=15) else None
