"""One symbol's bars, kept and sent ones together, with what is known about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np

from core.calendar import CalendarName
from core.market.bars import Adjustment, Bars, Finding, Ohlcv, SymbolBars
from core.market.quality import KEPT_AS_UNKNOWN


@dataclass(frozen=True, eq=False, slots=True)
class Series:
    """All that is known of one symbol.

    ``moving``  the session whose bar still moves, if the vendor's answer has it
    """

    bars: SymbolBars
    calendar: CalendarName
    basis: Adjustment
    asked_at: datetime
    findings: tuple[Finding, ...]
    moving: np.datetime64 | None = None


def series_of(answer: Bars, name: str) -> Series:
    """One symbol of an answer; findings about unknown bars are made again when they are read."""
    column = answer.column(name)
    has = ~np.isnan(answer.close[:, column])
    fields = (getattr(answer, field)[has, column] for field in Ohlcv._fields)
    opened, high, low, close, volume = fields
    return Series(
        SymbolBars(name, answer.sessions[has], Ohlcv(opened, high, low, close, volume)),
        answer.calendar,
        answer.provenance.adjustment,
        answer.provenance.as_of,
        tuple(f for f in answer.findings if f.symbol == name and f.action != KEPT_AS_UNKNOWN),
        answer.sessions[-1] if answer.provisional else None,
    )


def between(bars: SymbolBars, start: date | None, end: date | None) -> SymbolBars:
    i = 0 if start is None else int(np.searchsorted(bars.sessions, np.datetime64(start)))
    j = len(bars.sessions)
    if end is not None:
        j = int(np.searchsorted(bars.sessions, np.datetime64(end), side="right"))
    opened, high, low, close, volume = (field[i:j] for field in bars.ohlcv)
    return SymbolBars(bars.symbol, bars.sessions[i:j], Ohlcv(opened, high, low, close, volume))


def joined(kept: SymbolBars, sent: SymbolBars, covered: date) -> SymbolBars:
    """Kept bars up to ``covered``, sent ones after it."""
    before, after = between(kept, None, covered), between(sent, covered + timedelta(1), None)
    opened, high, low, close, volume = (
        np.concatenate(pair) for pair in zip(before.ohlcv, after.ohlcv, strict=True)
    )
    return SymbolBars(
        kept.symbol,
        np.concatenate([before.sessions, after.sessions]),
        Ohlcv(opened, high, low, close, volume),
    )


def merged(kept: tuple[Finding, ...], sent: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Findings about kept bars and those about later ones, by rule.

    A rule met among both counts all that was sent: the overlap's share of it was counted before,
    so the sum may be a bar or two too high.
    """
    by_rule = {f.rule: f for f in kept}
    for f in sent:
        old = by_rule.get(f.rule)
        if old is None:
            by_rule[f.rule] = f
        elif f.last > old.last:
            by_rule[f.rule] = replace(f, count=old.count + f.count, first=old.first)
    return tuple(by_rule.values())
