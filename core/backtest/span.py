"""Which sessions a backtest covers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np

from core.backtest.settings import BacktestSettings
from core.calendar import calendar
from core.errors import RangeUnavailable
from core.flow.describe import column_text
from core.flow.evaluate import Observation
from core.market.bars import Bars

SHORTEST = 2


@dataclass(frozen=True, slots=True)
class Span:
    """The backtest's first session by its number, and why it is that one if nobody asked."""

    first: int
    note: str = ""


def settled(bars: Bars, end: date | None) -> Bars:
    """The bars up to ``end``, without a bar that still moves.

    Raises RangeUnavailable if sessions before ``end`` have no bar yet.
    """
    last = bars.sessions[-2] if bars.provisional else bars.sessions[-1]
    if end is not None and len(calendar(bars.calendar).between(last + 1, end)):
        raise RangeUnavailable("end", f"{end} is not available.", f"{_available(bars, last)}")
    return bars.between(None, last.item() if end is None else end)


def choose_span(settings: BacktestSettings, seen: Observation, bars: Bars) -> Span:
    """From the start asked for, or else the first session on which everything is known.

    Raises RangeUnavailable when there is no such session, or fewer than two.
    """
    first = seen.first_complete() if seen.binding.held else 0
    return span_from(settings, bars, first, lambda: _why(seen, first))


def span_from(
    settings: BacktestSettings, bars: Bars, complete: int, why: Callable[[], str]
) -> Span:
    """The same where the first complete session, or the number of them, is known already."""
    first, note = complete, ""
    if settings.start is not None:
        if len(calendar(bars.calendar).between(settings.start, bars.sessions[0] - 1)):
            fix = _available(bars, bars.sessions[-1])
            raise RangeUnavailable("start", f"{settings.start} is not available.", fix)
        first = int(np.searchsorted(bars.sessions, np.datetime64(settings.start)))
    elif first < len(bars):
        note = why()
    else:
        raise RangeUnavailable(
            "start",
            "there is no session on which every indicator is known and every symbol has a bar.",
            f"Give a start. {_available(bars, bars.sessions[-1])}",
        )
    if len(bars) - first < SHORTEST:
        fix = f"Choose an earlier start. {_available(bars, bars.sessions[-1])}"
        raise RangeUnavailable("start", f"fewer than {SHORTEST} sessions are left.", fix)
    return Span(first, note)


def _why(seen: Observation, first: int) -> str:
    """What the first complete session had to wait for."""
    if first == 0:
        return ""
    before = first - 1
    unknown = np.flatnonzero(np.isnan(seen.columns[:, before]))
    if len(unknown):
        binding = seen.binding
        last = column_text(binding, binding.columns[unknown[0]])
    else:
        last = seen.binding.held[int(np.flatnonzero(~seen.priced[before])[0])]
    return f"It starts on {seen.sessions[first]}, the first session {last} is known."


def _available(bars: Bars, last: np.datetime64) -> str:
    names = ", ".join(bars.symbols[:4]) + (" …" if len(bars.symbols) > 4 else "")
    source = bars.provenance.source
    return f"{source} has {names} from {bars.sessions[0]} to {last}."
