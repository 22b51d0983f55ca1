"""One symbol's bars, kept and sent ones together, and answers made of several such."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np

from core.calendar import CalendarName, calendar
from core.market.bars import Adjustment, Bars, Finding, Ohlcv, Provenance, SymbolBars
from core.market.quality import KEPT_AS_UNKNOWN, assemble, clean
from core.market.source import SourceInfo


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


def in_reach(found: Collection[Series], start: date | None, end: date | None) -> bool:
    """Does the range lie where at least one of ``found`` could have bars?"""
    firsts = [s.bars.sessions[0].item() for s in found if len(s.bars.sessions)]
    if not firsts:
        return False
    first = min(firsts)
    of = calendar(next(iter(found)).calendar)
    if start is not None and start < first and len(of.between(start, first)) > 1:
        return False
    return end is None or end >= first


def answered(
    symbols: Sequence[str],
    found: Mapping[str, Series],
    start: date | None,
    end: date | None,
    *,
    info: SourceInfo,
    feed: str,
) -> Bars:
    """The bars of ``symbols`` from ``start`` to ``end``, made of all that was found.

    All of ``found`` trade on one calendar and are on one basis.
    """
    any_of_them = next(iter(found.values()))
    of = calendar(any_of_them.calendar)
    cleaned: dict[str, SymbolBars] = {}
    findings: list[Finding] = []
    for name, series in found.items():
        one = between(series.bars, start, end)
        findings += [f for f in series.findings if _touches(f, start, end)]
        if len(one.sessions):
            # They are clean; this counts what is unknown among those asked for.
            one, unknown = clean(name, one.sessions, one.ohlcv, of)
            findings += unknown
        cleaned[name] = one
    bars = assemble(
        [cleaned[symbol] for symbol in symbols],
        calendar=of,
        provenance=Provenance(
            source=info.name,
            feed=feed,
            adjustment=any_of_them.basis,
            as_of=min(series.asked_at for series in found.values()),
            synthetic=info.synthetic,
        ),
        findings=findings,
    )
    moving = {series.moving for series in found.values()} - {None}
    last = bars.sessions[-1:]
    return replace(bars, provisional=bool(len(last)) and last[0] in moving)


def _touches(finding: Finding, start: date | None, end: date | None) -> bool:
    return (start is None or finding.last >= start) and (end is None or finding.first <= end)
