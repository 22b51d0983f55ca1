"""Small bars for tests, every value different so that a mixed-up one shows."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np

from core.calendar import calendar
from core.market.bars import Bars, Finding, Ohlcv, Provenance, SymbolBars, align

AS_OF = datetime(2024, 7, 2, 15, tzinfo=UTC)


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def ohlcv(count: int, first: float = 100.0) -> Ohlcv:
    """Rising prices: each bar opens at its number, closes one higher, reaches two and half under."""
    opened = first + np.arange(count, dtype=float)
    return Ohlcv(opened, opened + 2, opened - 0.5, opened + 1, 1000 + opened)


def changed(bars: Ohlcv, row: int, **fields: float) -> Ohlcv:
    """``bars`` with some fields of one row replaced."""
    columns = {name: values.copy() for name, values in zip(Ohlcv._fields, bars, strict=True)}
    for name, value in fields.items():
        columns[name][row] = value
    return Ohlcv(**columns)


def make_bars(
    symbols: tuple[str, ...] = ("SPY", "TLT"),
    start: str = "2024-06-24",
    end: str = "2024-07-05",
    *,
    findings: tuple[Finding, ...] = (),
    provisional: bool = False,
) -> Bars:
    """Bars of every session for the first symbol, from the third session on for the others."""
    sessions = calendar("XNYS").between(date.fromisoformat(start), date.fromisoformat(end))
    series = []
    for i, symbol in enumerate(symbols):
        own = sessions[0 if i == 0 else 2 :]
        series.append(SymbolBars(symbol, own, ohlcv(len(own), 100.0 * (i + 1))))
    provenance = Provenance(source="test", feed="none", adjustment="adjusted", as_of=AS_OF)
    return align(
        series,
        sessions,
        calendar="XNYS",
        provenance=provenance,
        findings=findings,
        provisional=provisional,
    )
