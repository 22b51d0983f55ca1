"""BybitSource: USDT and USDC perpetuals by day, with what it costs to hold them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from core.calendar import calendar
from core.clock import Clock
from core.errors import BadInput, Unavailable, UnknownName
from core.market.bars import Adjustment, Bars, Provenance
from core.market.patience import Patience, Sleep, Tell
from core.market.progress import asking
from core.market.source import (
    Funding,
    Instrument,
    OpenInterest,
    Progress,
    SourceInfo,
    Span,
    silent,
)
from core.market.sources.bybit.instruments import read_instrument
from core.market.sources.bybit.rows import kline_day, kline_rows, oldest, series
from core.market.sources.bybit.stamps import midnight, to_stamp
from core.market.sources.delivery import (
    Rows,
    check_adjustment,
    deliver,
    sessions_asked,
    start_too_early,
)

if TYPE_CHECKING:
    from core.market.sources.bybit.client import Answer, BybitClient

INFO = SourceInfo(
    name="bybit",
    label="Bybit",
    meaning="Perpetual futures on crypto, traded all week; needs no keys.",
    calendars=("24/7",),
    # A perpetual has neither splits nor dividends: the same bars answer to all three.
    adjustments=("adjusted", "split_adjusted", "raw"),
)

KLINES_A_PAGE = 1000
FUNDING_A_PAGE = 200
OPEN_INTEREST_A_PAGE = 200
INSTRUMENTS_A_PAGE = 1000
_DAY = timedelta(days=1)


class BybitSource:
    """Bybit's linear perpetuals.

    ``url`` of the REST API, when it is not Bybit's own.

    A bar is a UTC day, its volume in base coin. The first row Bybit sends is the day still
    running: that bar is provisional by Bybit's clock as well as by ours, so that neither a fast
    nor a slow local clock settles it early.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        url: str | None = None,
        timeout_seconds: float = 20.0,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._clock = clock
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._patience = Patience(vendor=INFO.label, clock=clock, sleep=sleep)
        self._opened: BybitClient | None = None
        self._listed: Mapping[str, Instrument] = {}

    @property
    def info(self) -> SourceInfo:
        return INFO

    def symbols(self) -> tuple[str, ...]:
        return tuple(sorted(i.symbol for i in self.instruments()))

    def bars(
        self,
        symbols: Sequence[str],
        *,
        start: date | None = None,
        end: date | None = None,
        adjustment: Adjustment = "adjusted",
        progress: Progress = silent,
    ) -> Bars:
        """See MarketSource.bars. Bars are the same whatever the adjustment."""
        now = self._clock()
        every_day = calendar("24/7")
        check_adjustment(INFO, adjustment)
        asked = sessions_asked(INFO, every_day, start, end, now)
        names = list(dict.fromkeys(symbols))
        progress(0.0, f"asking Bybit for {len(names)} perpetuals")
        listed = self._find(names, lambda doing: progress(0.0, doing))
        rows: dict[str, Rows] = {}
        if len(asked):
            span = Span(asked[0].item(), asked[-1].item())
            for i, name in enumerate(names):
                tell = asking(progress, i / len(names))
                rows[name], now = self._klines(name, span, now, tell)
            if start is not None and names:
                _check_start(names, rows, listed, start)
        bars = deliver(
            symbols,
            rows,
            asked=asked,
            calendar=every_day,
            provenance=Provenance(
                source=INFO.name, feed="linear", adjustment=adjustment, as_of=self._clock()
            ),
            now=now,
        )
        progress(1.0, "bars read")
        return bars

    def funding(self, symbol: str, *, start: date, end: date) -> Funding:
        """See PerpetualSource.funding. Settlements may be eight hours apart, or one."""
        first, last = _instants(start, end)
        self._find([symbol], _quiet)
        rows = [row for page in self._funding_pages(symbol, first, last) for row in page]
        return Funding(symbol, *series(rows, "fundingRateTimestamp", "fundingRate", first, last))

    def open_interest(self, symbol: str, *, start: date, end: date) -> OpenInterest:
        """See PerpetualSource.open_interest; one value a day, at 00:00 UTC."""
        first, last = _instants(start, end)
        self._find([symbol], _quiet)
        question = {
            "symbol": symbol,
            "intervalTime": "1d",
            "startTime": to_stamp(first),
            "endTime": to_stamp(last),
            "limit": OPEN_INTEREST_A_PAGE,
        }
        pages = self._by_cursor("open_interest", question, _quiet)
        rows = [row for answer in pages for row in answer.rows()]
        return OpenInterest(symbol, *series(rows, "timestamp", "openInterest", first, last))

    def instruments(self) -> tuple[Instrument, ...]:
        """Every perpetual that trades now, by symbol."""
        return self._instruments(_quiet)

    def _instruments(self, tell: Tell) -> tuple[Instrument, ...]:
        found: dict[str, Instrument] = {}
        for answer in self._by_cursor("instruments", {"limit": INSTRUMENTS_A_PAGE}, tell):
            for row in answer.rows():
                instrument = read_instrument(row)
                if instrument is not None:
                    found[instrument.symbol] = instrument
        self._listed = found
        return tuple(found[symbol] for symbol in sorted(found))

    def _find(self, names: Sequence[str], tell: Tell) -> Mapping[str, Instrument]:
        """The instruments, read again when one of ``names`` is not among those known; UnknownName
        when it still is not."""
        if not all(name in self._listed for name in names):
            self._instruments(tell)
        listed = self._listed
        for name in names:
            if name not in listed:
                raise UnknownName("symbols", "perpetual", name, listed)
        return listed

    def _klines(self, symbol: str, span: Span, now: datetime, tell: Tell) -> tuple[Rows, datetime]:
        """Rows of one symbol, newest page first, and the earliest of the clocks met on the way."""
        kept: list[Sequence[Any]] = []
        last = span.last
        while last >= span.first:
            # No more days than fit on a page: which end Bybit would cut off is not documented.
            first = max(span.first, last - (KLINES_A_PAGE - 1) * _DAY)
            question = {
                "symbol": symbol,
                "interval": "D",
                "start": to_stamp(midnight(first)),
                "end": to_stamp(midnight(last)),
                "limit": KLINES_A_PAGE,
            }
            answer = self._ask("klines", question, tell)
            rows = answer.rows()
            if answer.at is not None:
                now = min(now, answer.at)
            days = [kline_day(row) for row in rows]
            if not days or min(days) > last:
                break
            kept += rows
            last = min(days) - _DAY
            tell(f"{len(kept):,} bars of {symbol} read from Bybit")
        return kline_rows(kept), now

    def _funding_pages(self, symbol: str, first: datetime, last: datetime) -> Iterator[list[Any]]:
        """Pages of settlements, newest first, back to ``first``.

        Each is asked for by its end alone: that gives the last 200 before it, while what is cut
        off between two stamps is not documented.
        """
        while last >= first:
            question = {
                "symbol": symbol,
                "endTime": to_stamp(last),
                "limit": FUNDING_A_PAGE,
            }
            rows = self._ask("funding", question, _quiet).rows()
            if not rows:
                return
            yield rows
            earliest = oldest(rows, "fundingRateTimestamp")
            if earliest > to_stamp(last):
                raise Unavailable("Bybit sent funding from after the time asked for.")
            last = datetime.fromtimestamp((earliest - 1) / 1000, UTC)

    def _by_cursor(self, what: str, question: Mapping[str, Any], tell: Tell) -> Iterator[Answer]:
        seen: set[str] = set()
        cursor: str | None = None
        while True:
            answer = self._ask(what, {**question, "cursor": cursor}, tell)
            yield answer
            cursor = answer.result.get("nextPageCursor") or None
            if cursor is None:
                return
            if cursor in seen:
                raise Unavailable("Bybit's pages run in a circle. Try again later.")
            seen.add(cursor)

    def _ask(self, what: str, question: Mapping[str, Any], tell: Tell) -> Answer:
        method = getattr(self._client(), what)

        def ask() -> Answer:
            answer: Answer = method(**question)
            answer.rows()  # an answer without its list is asked for again, like any broken one
            return answer

        return self._patience.read(ask, tell)

    def _client(self) -> BybitClient:
        if self._opened is None:
            from core.market.sources.bybit.client import BybitClient

            self._opened = BybitClient(self._url, self._timeout_seconds, self._clock)
        return self._opened


def _instants(start: date, end: date) -> tuple[datetime, datetime]:
    """The first and the last millisecond of a range of days."""
    if start > end:
        raise BadInput("start", f"{start} is after the end, {end}.", "Swap them.")
    return midnight(start), midnight(end + _DAY) - timedelta(milliseconds=1)


def _quiet(doing: str) -> None:
    """Nobody watches."""


def _check_start(
    names: Sequence[str],
    rows: Mapping[str, Rows],
    listed: Mapping[str, Instrument],
    start: date,
) -> None:
    """RangeUnavailable for a start before the first bar of all ``names``.

    A perpetual that Bybit says was listed by then counts as there, bar or no bar.
    """
    firsts = [first for name in names if (first := rows[name].first())]
    launches = [launch for name in names if (launch := listed[name].listed)]
    if any(day <= start for day in firsts + launches):
        return
    raise start_too_early(INFO, names, start, min(firsts or launches, default=None))
