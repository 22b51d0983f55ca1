"""A source seen from an instant: sessions that have not begun by then are not there.

Drills trade past sessions of real files so: a file knows what came later, and a decision must
not. The session in progress is shown with the bar it will end with, marked provisional, as if
its last price stood at the close already: what is decided on it equals what a backtest decides.

Adjusted prices are the inner source's: later dividends and splits are in their level, never in
their moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import numpy as np

from core.calendar import Calendar, calendar
from core.clock import Clock
from core.errors import BadInput, RangeUnavailable
from core.market.bars import Adjustment, Bars
from core.market.source import MarketSource, Progress, SourceInfo, silent


class AsOfSource:
    """A ``MarketSource``: ``inner`` as it was when ``clock`` says it is.

    ``inner`` is history that stands still: what it answered is kept and not asked for again.
    """

    def __init__(self, inner: MarketSource, clock: Clock) -> None:
        self._inner, self._clock = inner, clock
        self._kept: dict[tuple[tuple[str, ...], Adjustment], Bars] = {}

    @property
    def info(self) -> SourceInfo:
        return self._inner.info

    def symbols(self) -> tuple[str, ...]:
        return self._inner.symbols()

    def bars(
        self,
        symbols: Sequence[str],
        *,
        start: date | None = None,
        end: date | None = None,
        adjustment: Adjustment = "adjusted",
        progress: Progress = silent,
    ) -> Bars:
        """See MarketSource.bars; an end after the session in progress is a RangeUnavailable.

        ``provenance.as_of`` is the clock's instant.
        """
        if start is not None and end is not None and start > end:
            raise BadInput("start", f"{start} is after the end, {end}.", "Swap them.")
        key = (tuple(symbols), adjustment)
        if key not in self._kept:
            self._kept[key] = self._inner.bars(symbols, adjustment=adjustment, progress=progress)
        whole = self._kept[key]
        of, now = calendar(whole.calendar), self._clock()
        last = _last_begun(of, now)
        for field, day in (("start", start), ("end", end)):
            if day is not None and len(of.between(last, day)) > 1:
                said = f"{day} has not begun by {now:%Y-%m-%d %H:%M} UTC."
                raise RangeUnavailable(field, said, "Choose an earlier one.")
        shown = _trimmed(whole.between(start, last if end is None else min(end, last)))
        moving = bool(len(shown)) and of.close(shown.sessions[-1]) > now
        return replace(shown, provisional=moving, provenance=replace(shown.provenance, as_of=now))


def _last_begun(of: Calendar, now: datetime) -> date:
    """The last session that has begun."""
    today = of.current(now)
    return today if today is not None and of.opening(today) <= now else of.last_closed(now)


def _trimmed(bars: Bars) -> Bars:
    """Without sessions before the first and after the last bar of any symbol."""
    known = np.flatnonzero(~np.isnan(bars.close).all(axis=1))
    if not len(known):
        return bars.between(None, date.min)
    first, last = bars.sessions[known[0]].item(), bars.sessions[known[-1]].item()
    return bars.between(first, last)
