"""Bybit's rows as arrays: text stamps in milliseconds, numbers as text, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt

from core.market.bars import Float, Ohlcv
from core.market.sources.bybit.stamps import milliseconds, to_stamp
from core.market.sources.delivery import NO_ROWS, Rows, number


def kline_rows(klines: Sequence[object]) -> Rows:
    """``[start, open, high, low, close, volume, …]`` each, newest first, turned oldest first; a
    missing number is unknown."""
    if not klines:
        return NO_ROWS
    klines = klines[::-1]
    days = np.array([kline_day(kline) for kline in klines], dtype="datetime64[D]")
    fields = [np.array([number(_entry(k, i)) for k in klines]) for i in range(1, 6)]
    return Rows(days, Ohlcv(*fields))


def kline_day(kline: object) -> date:
    """The UTC day a daily kline opens."""
    return datetime.fromtimestamp(milliseconds(_entry(kline, 0)) / 1000, UTC).date()


def series(
    rows: Sequence[object], at: str, value: str, first: datetime, last: datetime
) -> tuple[npt.NDArray[np.datetime64], Float]:
    """Stamps (datetime64[ms]) and values of ``rows`` from ``first`` to ``last``, oldest first,
    each stamp once."""
    stamps = np.array([milliseconds(_field(row, at)) for row in rows], dtype=np.int64)
    values = np.array([number(_field(row, value)) for row in rows], dtype=np.float64)
    stamps, places = np.unique(stamps, return_index=True)
    inside = (stamps >= to_stamp(first)) & (stamps <= to_stamp(last))
    return stamps[inside].astype("datetime64[ms]"), values[places][inside]


def oldest(rows: Sequence[object], at: str) -> int:
    """The earliest stamp among ``rows``, in milliseconds."""
    return min(milliseconds(_field(row, at)) for row in rows)


def _entry(row: object, i: int) -> object:
    return row[i] if isinstance(row, list) and i < len(row) else None


def _field(row: object, name: str) -> object:
    return row.get(name) if isinstance(row, Mapping) else None
