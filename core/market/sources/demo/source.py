"""DemoSource: the synthetic market, asked for as one asks a vendor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import numpy as np

from core.calendar import Calendar, CalendarName, Sessions, calendar
from core.clock import Clock
from core.errors import BadInput, RangeUnavailable, UnknownName
from core.market.bars import Adjustment, Bars, Ohlcv, Provenance, SymbolBars
from core.market.quality import assemble
from core.market.source import (
    Funding,
    Instrument,
    OpenInterest,
    Progress,
    SourceInfo,
    silent,
)
from core.market.sources.demo import funds as fund_market
from core.market.sources.demo import perpetuals as perpetual_market
from core.market.sources.demo.intraday import minutes, progress_of
from core.market.sources.demo.tape import Tape, rounded, rows_of
from core.market.sources.demo.universe import DERIVED, FIRST_FUNDS, FUNDS, PERPETUALS

INFO = SourceInfo(
    name="demo",
    label="Demo",
    meaning="A synthetic market: the names are real, every price is invented.",
    calendars=("XNYS", "24/7"),
    adjustments=("adjusted", "split_adjusted", "raw"),
    synthetic=True,
    history_start=FIRST_FUNDS,
)

_CALENDARS: Mapping[str, CalendarName] = {
    **{fund.symbol: "XNYS" for fund in (*FUNDS, *DERIVED)},
    **{coin.symbol: "24/7" for coin in PERPETUALS},
}
_MARKET_SHARE = 0.5
"""A fund that follows shares at least so far moves through the day as they do."""
_FOLLOWERS = frozenset(fund.symbol for fund in FUNDS if fund.market >= _MARKET_SHARE)


class DemoSource:
    """The synthetic market, the same for everybody for ever.

    What a settled session holds depends on the symbol and the date alone. The session in progress
    has a provisional bar that moves each minute of ``clock`` and ends as the settled one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def info(self) -> SourceInfo:
        return INFO

    def symbols(self) -> tuple[str, ...]:
        return tuple(sorted(_CALENDARS))

    def bars(
        self,
        symbols: Sequence[str],
        *,
        start: date | None = None,
        end: date | None = None,
        adjustment: Adjustment = "adjusted",
        progress: Progress = silent,
    ) -> Bars:
        """See MarketSource.bars.

        Raw prices equal split-adjusted ones: nothing here ever splits. Adjusted ones are total
        returns, equal to the others on 2025-01-02.
        """
        now = self._clock()
        progress(0.0, "Making the demo market")
        sessions_of = calendar(_one_calendar(symbols))
        tapes = [_tape(symbol) for symbol in symbols]
        asked = _sessions(tapes, sessions_of, start, end, now)
        series = [_series(tape, asked, sessions_of, adjustment, now) for tape in tapes]
        bars = assemble(
            series,
            calendar=sessions_of,
            provenance=Provenance(
                source=INFO.name,
                feed="synthetic",
                adjustment=adjustment,
                as_of=now,
                synthetic=True,
            ),
            provisional=any(
                len(one.sessions) and sessions_of.close(one.sessions[-1]) > now for one in series
            ),
        )
        progress(1.0, "Demo market made")
        return bars

    def funding(self, symbol: str, *, start: date, end: date) -> Funding:
        """See PerpetualSource.funding; every eight hours, until now."""
        tape = _perpetual(symbol)
        days = _days(tape, start, end)
        settled = perpetual_market.settlements(days).ravel()
        rate = perpetual_market.carry(symbol).rate[rows_of(tape.days, days)].ravel()
        known = settled <= _instant(self._clock())
        return Funding(symbol, settled[known], rate[known])

    def open_interest(self, symbol: str, *, start: date, end: date) -> OpenInterest:
        """See PerpetualSource.open_interest; one value a day, at 00:00 UTC."""
        tape = _perpetual(symbol)
        days = _days(tape, start, end)
        at = days.astype("datetime64[ms]")
        base = perpetual_market.carry(symbol).open_interest[rows_of(tape.days, days)]
        known = at <= _instant(self._clock())
        return OpenInterest(symbol, at[known], base[known])

    def instruments(self) -> tuple[Instrument, ...]:
        return perpetual_market.instruments()


def _one_calendar(symbols: Sequence[str]) -> CalendarName:
    """The calendar all of ``symbols`` trade on; XNYS for none.

    Raises UnknownName, or BadInput where some trade in New York and others all week.
    """
    first: dict[CalendarName, str] = {}
    for symbol in symbols:
        if symbol not in _CALENDARS:
            raise UnknownName("symbols", "symbol", symbol, _CALENDARS)
        first.setdefault(_CALENDARS[symbol], symbol)
    if len(first) > 1:
        raise BadInput(
            "symbols",
            f"{first['XNYS']} trades in New York's sessions and {first['24/7']} all week: "
            "they share no calendar.",
            "Use funds or perpetuals, not both.",
        )
    return next(iter(first), "XNYS")


def _tape(symbol: str) -> Tape:
    tapes = fund_market.funds() if _CALENDARS[symbol] == "XNYS" else perpetual_market.perpetuals()
    return tapes[symbol]


def _perpetual(symbol: str) -> Tape:
    known = [name for name, venue in _CALENDARS.items() if venue == "24/7"]
    if symbol not in known:
        raise UnknownName("symbols", "perpetual", symbol, known)
    return _tape(symbol)


def _sessions(
    tapes: Sequence[Tape],
    of: Calendar,
    start: date | None,
    end: date | None,
    now: datetime,
) -> Sessions:
    """The sessions asked for that have opened; RangeUnavailable where there cannot be bars."""
    first = min((tape.first for tape in tapes), default=FIRST_FUNDS)
    closed = of.last_closed(now)
    today = of.current(now) or closed
    if start is not None and end is not None:
        _check_order(start, end)
    if start is not None and len(of.between(start, first)) > 1:
        raise _unavailable("start", start, tapes, first, today)
    if end is not None and (end < first or len(of.between(today, end)) > 1):
        raise _unavailable("end", end, tapes, first, today)
    last = min(today if end is None else end, today)
    if last > closed and now < of.opening(today):
        last = closed
    return of.between(first if start is None else start, last)


def _check_order(start: date, end: date) -> None:
    if start > end:
        raise BadInput("start", f"{start} is after the end, {end}.", "Swap them.")


def _unavailable(
    field: str, day: date, tapes: Sequence[Tape], first: date, last: date
) -> RangeUnavailable:
    names = ", ".join(tape.symbol for tape in tapes[:5]) + (", …" if len(tapes) > 5 else "")
    return RangeUnavailable(
        field,
        f"Demo has no bars of {names} on {day}.",
        f"Choose a date from {first} to {last}.",
    )


def _series(
    tape: Tape, asked: Sessions, of: Calendar, adjustment: Adjustment, now: datetime
) -> SymbolBars:
    sessions = asked[asked >= np.datetime64(tape.first)]
    rows = rows_of(tape.days, sessions)
    shape = tape.shape
    day = Ohlcv(
        shape.open[rows], shape.high[rows], shape.low[rows], shape.close[rows], tape.volume[rows]
    )
    if len(rows) and of.close(sessions[-1]) > now:
        leader = tape if tape.leader is None else fund_market.funds()[tape.leader.symbol]
        stream = "shares" if leader.symbol in _FOLLOWERS else leader.symbol
        so_far = progress_of(leader.shape, tape, int(rows[-1]), stream, *minutes(of, now))
        for field, value in zip(day, so_far, strict=True):
            field[-1] = value
    previous, paid = tape.previous[rows], tape.paid[rows]
    whole = tape.factor[rows] if adjustment == "adjusted" else 1.0
    opened, high, low, close = (
        rounded(previous * (1.0 + (returns - paid)), tape.decimals) * whole for returns in day[:4]
    )
    return SymbolBars(tape.symbol, sessions, Ohlcv(opened, high, low, close, day.volume))


def _days(tape: Tape, start: date, end: date) -> Sessions:
    """Dates on the tape from ``start`` to ``end`` since the perpetual is listed."""
    _check_order(start, end)
    low = np.datetime64(max(start, tape.first), "D")
    return tape.days[(tape.days >= low) & (tape.days <= np.datetime64(end, "D"))]


def _instant(now: datetime) -> np.datetime64:
    return np.datetime64(int(now.timestamp() * 1000), "ms")
