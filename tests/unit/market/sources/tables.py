"""Small files of bars, written as a user or vendor writes them."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from core.calendar import calendar

SESSIONS = calendar("XNYS").between(date(2024, 1, 2), date(2024, 3, 28))
HEADER = "date,symbol,open,high,low,close,volume"


def rows(
    symbol: str = "SPY", *, sessions: np.ndarray = SESSIONS, first: float = 100.0
) -> list[list[str]]:
    """Cells of tidy bars, rising by one a session, each column different from the others."""
    opened = [first + i for i in range(len(sessions))]
    return [
        [str(day), symbol, f"{o}", f"{o + 2}", f"{o - 0.5}", f"{o + 1}", f"{1000 + o:.0f}"]
        for day, o in zip(sessions, opened, strict=True)
    ]


def text(lines: Iterable[Sequence[str]], header: str = HEADER) -> str:
    return "\n".join([header, *(",".join(cells) for cells in lines)]) + "\n"


def write(path: Path, content: str) -> Path:
    """``content`` as UTF-8, packed when the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def aggregate_rows(symbol: str = "SPY", *, sessions: np.ndarray = SESSIONS, first: float = 100.0):
    """The same bars as Massive's day aggregates have them, stamped with New York's midnight."""
    return [
        [symbol, v, o, c, h, lo, str(_midnight(day)), ""]
        for day, _, o, h, lo, c, v in rows(symbol, sessions=sessions, first=first)
    ]


AGGREGATES_HEADER = "ticker,volume,open,close,high,low,window_start,transactions"


def _midnight(day: str) -> int:
    """Nanoseconds UTC; New York was 5 hours behind until 10 March 2024, then 4."""
    behind = 5 if day <= "2024-03-10" else 4
    seconds = np.datetime64(day, "s").astype(np.int64) + behind * 3600
    return int(seconds) * 10**9
