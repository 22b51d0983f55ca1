"""The layouts of daily bars that are understood, told apart by their columns, never by a name.

    tidy        date,symbol,open,high,low,close,volume[,adj_close][,…]
                date: ISO dates or timestamps, or numbers like 20240131
    stamped     ts,symbol,open,high,low,close,volume[,adj_close][,…]
                ts: when the bar opens, in UTC milliseconds or as a timestamp
    aggregates  ticker,volume,open,close,high,low,window_start[,transactions]
                Massive (Polygon) day aggregates, as traded; window_start in UTC nanoseconds
    actions     symbol,ex_date,type,value[,…]
                splits and dividends, for prices as traded

A bar whose stamp is midnight UTC belongs to that UTC date, any other to its date in New York.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from core.calendar import Sessions
from core.market.bars import FIELDS
from core.market.sources.files.table import TableFile, bad_file

LayoutName = Literal["tidy", "stamped", "aggregates", "actions"]

_NEW_YORK = ZoneInfo("America/New_York")
_NANOSECONDS_A_DAY = 86_400 * 10**9
_MILLISECONDS = (10**11, 10**14)
"""Stamps from 1973 to 5138 lie between; seconds are smaller, nanoseconds larger."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns a layout is known by: its symbols, its time, and what else it must have."""

    name: LayoutName
    symbol: str
    time: str
    values: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.time, self.symbol, *self.values)


AGGREGATES = Layout("aggregates", "ticker", "window_start", FIELDS)
ACTIONS = Layout("actions", "symbol", "ex_date", ("type", "value"))
STAMPED = Layout("stamped", "symbol", "ts", FIELDS)
TIDY = Layout("tidy", "symbol", "date", FIELDS)
LAYOUTS = (AGGREGATES, ACTIONS, STAMPED, TIDY)


def layout_of(file: TableFile) -> Layout:
    """The layout of ``file``; BadInput when it has none of them, or not all of its columns."""
    for layout in LAYOUTS:
        if file.columns.keys() >= set(layout.columns):
            return layout
    nearest = _nearest(file)
    example = f"{nearest.name.capitalize()} files have {','.join(nearest.columns)}."
    lacking = [column for column in nearest.columns if column not in file.columns]
    if len(lacking) == len(nearest.columns):
        shown = ", ".join(list(file.columns)[:8]) + (", …" if len(file.columns) > 8 else "")
        raise bad_file(file.name, f"has the columns {shown}: that is no layout of bars.", example)
    noun = "column" if len(lacking) == 1 else "columns"
    raise bad_file(file.name, f"has no {noun} {', '.join(lacking)}.", example)


def _nearest(file: TableFile) -> Layout:
    """The layout the file was meant to have: known by its time, or else its symbols."""
    for layout in LAYOUTS:
        if layout.time in file.columns:
            return layout
    return AGGREGATES if AGGREGATES.symbol in file.columns else TIDY


def read_bars(file: TableFile, layout: Layout) -> pa.Table:
    """All bars of ``file`` in its order: ``symbol`` string, ``day`` date32, the rest float64.

    Raises BadInput naming the line for a date that cannot be read, a row without a symbol, or
    bars of less than a day; and for a file without rows.
    """
    numbers = [*FIELDS, *(c for c in ("adj_close",) if c in file.columns)]
    table = file.read(numbers, [layout.symbol], [layout.time])
    if not table.num_rows:
        raise bad_file(file.name, "has a header and no bars.", "Give a file with bars.")
    symbols = table.column(layout.symbol)
    nameless = np.flatnonzero(pc.equal(pc.fill_null(symbols, ""), "").to_numpy())
    if len(nameless):
        raise bad_file(
            file.name,
            f"{file.line(nameless[0])} has no {layout.symbol}.",
            "Name it or remove the line.",
        )
    days, stamps = read_days(file, table.column(layout.time).combine_chunks(), layout.time)
    if stamps is not None:
        _check_daily(file, symbols, days, stamps)
    fields = {name: table.column(name).fill_null(np.nan) for name in numbers}
    return pa.table({"symbol": symbols, "day": pa.array(days), **fields})


def read_days(
    file: TableFile, values: pa.Array, column: str
) -> tuple[Sessions, npt.NDArray[np.int64] | None]:
    """Dates, and for stamps that tell a time of day also UTC nanoseconds.

    ``values`` are dates, timestamps, whole numbers or text.
    """
    missing = np.flatnonzero(values.is_null())
    kind = values.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_integer(kind):
        _refuse(file, column, values, missing)
    if pa.types.is_date(kind):
        return values.to_numpy(zero_copy_only=False).astype("datetime64[D]"), None
    if pa.types.is_timestamp(kind):
        return _stamped_days(values, aware=kind.tz is not None)
    if pa.types.is_integer(kind):
        return _numbered_days(file, column, values)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _written_days(file, column, values.cast(pa.string()))
    _refuse(file, column, values, np.arange(1))
    raise AssertionError("a column of rows has a first row")


def _stamped_days(
    values: pa.Array, *, aware: bool
) -> tuple[Sessions, npt.NDArray[np.int64] | None]:
    stamps = values.cast(pa.timestamp("ns", values.type.tz)).to_numpy(zero_copy_only=False)
    nanoseconds = stamps.astype("datetime64[ns]").astype(np.int64)
    if not aware:
        # A time without a zone is the writer's own: its date is the session's.
        return nanoseconds.astype("datetime64[ns]").astype("datetime64[D]"), nanoseconds
    return _days_of(nanoseconds), nanoseconds


def _days_of(nanoseconds: npt.NDArray[np.int64]) -> Sessions:
    """The date of each UTC stamp: in UTC when all are midnight there, else in New York."""
    if not (nanoseconds % _NANOSECONDS_A_DAY).any():
        return nanoseconds.astype("datetime64[ns]").astype("datetime64[D]")
    distinct, which = np.unique(nanoseconds, return_inverse=True)
    days = [datetime.fromtimestamp(n / 1e9, _NEW_YORK).date() for n in distinct.tolist()]
    return np.array(days, dtype="datetime64[D]")[which]


def _numbered_days(
    file: TableFile, column: str, values: pa.Array
) -> tuple[Sessions, npt.NDArray[np.int64] | None]:
    numbers = values.to_numpy().astype(np.int64)
    if column == "window_start":
        return _days_of(numbers), numbers
    if column == "ts":
        low, high = _MILLISECONDS
        wrong = np.flatnonzero((numbers < low) | (numbers >= high))
        if len(wrong):
            raise bad_file(
                file.name,
                f"{file.line(wrong[0])}, column 'ts': {numbers[wrong[0]]} is not a time in "
                "milliseconds.",
                "Give the bar's opening time as UTC milliseconds since 1970.",
            )
        return _days_of(numbers * 10**6), numbers * 10**6
    return _written_days(file, column, values.cast(pa.string()))


def _written_days(
    file: TableFile, column: str, values: pa.Array
) -> tuple[Sessions, npt.NDArray[np.int64] | None]:
    """Dates from text, each distinct one parsed once."""
    distinct = values.dictionary_encode()
    parsed = [_parse(text) for text in distinct.dictionary.to_pylist()]
    codes = distinct.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    known = np.array([*(p is not None for p in parsed), False])
    _refuse(file, column, values, np.flatnonzero(~known[codes]))
    moments = [p for p in parsed if p is not None]
    aware = [p for p in moments if isinstance(p, datetime) and p.tzinfo is not None]
    if aware and len(aware) == len(moments):
        nanoseconds = np.array([round(p.timestamp() * 1e6) * 1000 for p in aware])[codes]
        return _days_of(nanoseconds), nanoseconds
    days = np.array([p.date() if isinstance(p, datetime) else p for p in moments])
    stamps = np.array(
        [
            np.datetime64(p.replace(tzinfo=None) if isinstance(p, datetime) else p, "ns")
            for p in moments
        ]
    )
    return days.astype("datetime64[D]")[codes], stamps.astype(np.int64)[codes]


def _parse(text: str) -> date | datetime | None:
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            return read(text.strip())
        except ValueError:
            continue
    return None


def _refuse(file: TableFile, column: str, values: pa.Array, rows: npt.NDArray[np.intp]) -> None:
    if len(rows):
        found = values[int(rows[0])].as_py()
        said = "is empty" if found in (None, "") else f"'{found}' is not a date"
        raise bad_file(
            file.name,
            f"{file.line(rows[0])}, column '{column}': {said}.",
            "Write dates as 2024-01-31.",
        )


def _check_daily(
    file: TableFile, symbols: pa.ChunkedArray, days: Sessions, stamps: npt.NDArray[np.int64]
) -> None:
    """BadInput if a symbol has two bars at different times of one day."""
    if len(np.unique(stamps)) == len(np.unique(days)):
        return
    codes = symbols.combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.lexsort((stamps, codes))
    code, day, stamp = codes[order], days[order], stamps[order]
    same_day = (code[1:] == code[:-1]) & (day[1:] == day[:-1])
    finer = np.flatnonzero(same_day & (stamp[1:] != stamp[:-1]))
    if len(finer):
        at = int(finer[0])
        one, two = (
            str(np.datetime64(int(s), "ns"))[:16].replace("T", " ") for s in stamp[at : at + 2]
        )
        raise bad_file(
            file.name,
            f"holds bars of less than a day: {symbols[int(order[at])]} has one at {one} and one "
            f"at {two} UTC.",
            "Give daily bars, one for each symbol and date.",
        )
