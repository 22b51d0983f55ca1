"""What every vendor adapter does alike: which sessions to ask for, and rows made into Bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from core.calendar import Calendar, Sessions
from core.errors import BadInput, RangeUnavailable
from core.market.bars import Adjustment, Bars, Finding, Float, Ohlcv, Provenance, SymbolBars
from core.market.quality import assemble, clean
from core.market.source import SourceInfo


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """One symbol's bars as a vendor sent them, in any order.

    ``sessions`` datetime64[D] and each field of ``ohlcv`` are of equal length.
    """

    sessions: Sessions
    ohlcv: Ohlcv

    def first(self) -> date | None:
        """The earliest session among them; None when there are none."""
        return None if not len(self.sessions) else self.sessions.min().item()


NO_DATES: Sessions = np.empty(0, dtype="datetime64[D]")
NO_VALUES: Float = np.empty(0)
NO_ROWS = Rows(NO_DATES, Ohlcv(NO_VALUES, NO_VALUES, NO_VALUES, NO_VALUES, NO_VALUES))


def number(value: object) -> float:
    """A vendor's number; NaN where it is null, empty or no number at all, never zero."""
    if type(value) is float:  # nearly all are, by the hundred thousand
        return value
    if isinstance(value, str | int) and not isinstance(value, bool):
        try:
            return float(value)
        except ValueError:
            return np.nan
    return np.nan


def check_adjustment(info: SourceInfo, adjustment: Adjustment) -> None:
    """BadInput when the source does not offer ``adjustment``."""
    if adjustment not in info.adjustments:
        raise BadInput(
            "adjustment",
            f"{info.label} has no {adjustment.replace('_', '-')} prices.",
            f"Choose {' or '.join(info.adjustments)}.",
        )


def sessions_asked(
    info: SourceInfo, calendar: Calendar, start: date | None, end: date | None, now: datetime
) -> Sessions:
    """The sessions from ``start`` to ``end`` that the source could have, today's included.

    Raises BadInput for a start after the end and RangeUnavailable where it reaches beyond the
    source's history or today.
    """
    earliest = info.history_start or calendar.sessions[0].item()
    latest = calendar.current(now) or calendar.last_closed(now)
    if start is not None and end is not None and start > end:
        raise BadInput("start", f"{start} is after the end, {end}.", "Swap them.")
    for field, day in (("start", start), ("end", end)):
        if day is not None and day < earliest:
            raise RangeUnavailable(
                field,
                f"{info.label} has no bars before {earliest}, {day} was asked for.",
                f"Choose a {field} on or after {earliest}, or another source.",
            )
    if end is not None and len(calendar.between(latest, end)) > 1:
        raise RangeUnavailable(
            "end",
            f"{info.label} has no bars after {latest}, {end} was asked for.",
            f"Choose an end on or before {latest}.",
        )
    return calendar.between(start or earliest, min(end or latest, latest))


def start_too_early(
    info: SourceInfo, symbols: Sequence[str], start: date, first: date | None
) -> RangeUnavailable:
    """The error for a start before the first session of all of ``symbols``."""
    names = ", ".join(symbols[:5]) + (", …" if len(symbols) > 5 else "")
    if first is None:
        return RangeUnavailable(
            "start", f"{info.label} has no bars of {names} yet.", "Choose another source."
        )
    return RangeUnavailable(
        "start",
        f"{info.label} has no bars of {names} before {first}, {start} was asked for.",
        f"Choose a start on or after {first}, or another source.",
    )


def deliver(
    symbols: Sequence[str],
    rows: Mapping[str, Rows],
    *,
    asked: Sessions,
    calendar: Calendar,
    provenance: Provenance,
    now: datetime,
) -> Bars:
    """Clean each symbol's rows inside ``asked`` and put them on one axis, in ``symbols`` order.

    ``now`` is an instant before the vendor answered, so that a bar which was still moving then is
    never taken for a settled one.
    """
    series: dict[str, SymbolBars] = {}
    findings: list[Finding] = []
    for symbol in symbols:
        if symbol in series:
            continue
        inside = _inside(rows.get(symbol, NO_ROWS), asked)
        if not len(inside.sessions):
            series[symbol] = SymbolBars(symbol, inside.sessions, inside.ohlcv)
            continue
        series[symbol], found = clean(symbol, inside.sessions, inside.ohlcv, calendar)
        findings.extend(found)
    ordered = [series[symbol] for symbol in symbols]
    last = max((s.sessions[-1] for s in ordered if len(s.sessions)), default=None)
    return assemble(
        ordered,
        calendar=calendar,
        provenance=provenance,
        findings=findings,
        provisional=last is not None and calendar.close(last) > now,
    )


def _inside(rows: Rows, asked: Sessions) -> Rows:
    if not len(asked):
        return NO_ROWS
    keep = (rows.sessions >= asked[0]) & (rows.sessions <= asked[-1])
    return Rows(rows.sessions[keep], Ohlcv(*(field[keep] for field in rows.ohlcv)))
