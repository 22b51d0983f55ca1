"""Named rules for bad bars: each cleans, keeps or refuses, and counts what it met.

    out_of_order         rows not in time order                       repaired: sorted
    duplicate_session    a session given twice                        dropped: the last row stays
    before_calendar      a date before 1990, where calendars begin    left out
    not_a_session        a date the calendar does not trade           dropped
    missing_price        NaN or infinite open, high, low or close     dropped
    not_positive         a price of zero or less                      dropped
    high_below_low       high below low                               dropped
    close_outside_range  open or close beyond high or low             repaired: range widened
    missing_volume       volume unknown or negative                   kept as unknown
    missing_session      no bar on a session inside its life          kept as unknown
    too_many_bad_bars    more than 5 % (and 5) of the bars dropped    refused
    no_valid_bar         nothing left                                 refused
    looks_like_split     opens at a whole multiple or part of the     kept
                         last close, though splits are adjusted for

The last rule stands apart, in ``suspect_splits``: only who knows that the prices should be free of
splits can ask. A dropped or missing bar is unknown, never zero and never yesterday's price.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from core.calendar import Calendar, Sessions
from core.errors import BadData
from core.market.bars import Bars, Finding, Ohlcv, Provenance, SymbolBars, align

MAX_BAD_SHARE, MAX_BAD_BARS = 0.05, 5
SPLIT_TOLERANCE, LARGEST_SPLIT = 0.05, 50
KEPT_AS_UNKNOWN = "kept as unknown"
_ROUNDING = 1e-6  # relative; vendors' adjusted prices are rounded separately


def clean(
    symbol: str, sessions: Sessions, ohlcv: Ohlcv, calendar: Calendar
) -> tuple[SymbolBars, tuple[Finding, ...]]:
    """One symbol's bars as delivered, made fit to compute with.

    ``sessions`` datetime64[D] and each field of ``ohlcv`` are of equal length, in any order.
    Raises BadData naming the rule when they cannot be used.
    """
    findings: list[Finding] = []
    table = np.array(ohlcv, dtype=np.float64)

    def note(rule: str, action: str, days: Sessions) -> None:
        if len(days):
            first, last = days.min().item(), days.max().item()
            findings.append(Finding(rule, symbol, len(days), action, first, last))

    def drop(rule: str, bad: Any) -> None:
        nonlocal sessions, table
        note(rule, "dropped", sessions[bad])
        sessions, table = sessions[~bad], table[:, ~bad]

    order = np.argsort(sessions, kind="stable")
    note("out_of_order", "repaired", sessions[1:][sessions[1:] < sessions[:-1]])
    sessions, table = sessions[order], table[:, order]

    early = sessions < calendar.sessions[0]
    note("before_calendar", "left out", sessions[early])
    sessions, table = sessions[~early], table[:, ~early]
    total = len(sessions)

    repeated = np.zeros(total, dtype=bool)
    repeated[:-1] = sessions[1:] == sessions[:-1]
    drop("duplicate_session", repeated)
    drop("not_a_session", ~np.isin(sessions, calendar.sessions))
    drop("missing_price", ~np.isfinite(table[:4]).all(axis=0))
    drop("not_positive", (table[:4] <= 0).any(axis=0))
    drop("high_below_low", table[1] < table[2] * (1 - _ROUNDING))

    bad = sum(f.count for f in findings if f.action == "dropped")
    if not len(sessions):
        raise BadData(
            symbol, "no_valid_bar", f"none of {total} bars can be used.", _advice(findings)
        )
    if bad > MAX_BAD_BARS and bad > MAX_BAD_SHARE * total:
        raise BadData(
            symbol, "too_many_bad_bars", f"{bad} of {total} bars were dropped.", _advice(findings)
        )

    opened, high, low, close, volume = table
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    outside = (top > high * (1 + _ROUNDING)) | (bottom < low * (1 - _ROUNDING))
    note("close_outside_range", "repaired", sessions[outside])
    high, low = np.maximum(high, top), np.minimum(low, bottom)

    unknown = ~np.isfinite(volume) | (volume < 0)
    note("missing_volume", KEPT_AS_UNKNOWN, sessions[unknown])
    volume = np.where(unknown, np.nan, volume)

    life = calendar.between(sessions[0], sessions[-1])
    note("missing_session", KEPT_AS_UNKNOWN, np.setdiff1d(life, sessions, assume_unique=True))
    return SymbolBars(symbol, sessions, Ohlcv(opened, high, low, close, volume)), tuple(findings)


def suspect_splits(bars: SymbolBars) -> tuple[Finding, ...]:
    """The sessions of ``bars`` that open as a split would make them, if there are any.

    For clean prices that should be adjusted for splits: an open within 5 % of twice to fifty times
    the last close, or of that part of it, and a close that stays there.
    """
    opened, close = bars.ohlcv.open[1:], bars.ohlcv.close
    moves = np.stack([opened / close[:-1], close[1:] / close[:-1]])
    moves = np.where(moves < 1, 1 / moves, moves)
    ratio = np.rint(moves[0])
    near = (np.abs(moves / ratio - 1) < SPLIT_TOLERANCE).all(axis=0)
    suspect = bars.sessions[1:][(ratio >= 2) & (ratio <= LARGEST_SPLIT) & near]
    if not len(suspect):
        return ()
    first, last = suspect[0].item(), suspect[-1].item()
    return (Finding("looks_like_split", bars.symbol, len(suspect), "kept", first, last),)


def assemble(
    series: Iterable[SymbolBars],
    *,
    calendar: Calendar,
    provenance: Provenance,
    findings: Iterable[Finding] = (),
    provisional: bool = False,
) -> Bars:
    """Cleaned series on the calendar's axis, from the first to the last session any has."""
    series = list(series)
    edges = [(s.sessions[0], s.sessions[-1]) for s in series if len(s.sessions)]
    if edges:
        axis = calendar.between(min(e[0] for e in edges), max(e[1] for e in edges))
    else:
        axis = calendar.sessions[:0]
    return align(
        series,
        axis,
        calendar=calendar.name,
        provenance=provenance,
        findings=tuple(findings),
        provisional=provisional,
    )


def _advice(findings: Iterable[Finding]) -> str:
    counts = ", ".join(f"{f.count} by {f.rule}" for f in findings if f.action == "dropped")
    return f"Mend or replace the data ({counts})." if counts else "The data is empty."
