"""FilesSource: bars from a file or a folder of files, cleaned, on a stated basis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from core.calendar import Calendar, CalendarName, Sessions, calendar
from core.errors import BadInput, RangeUnavailable, UnknownName
from core.market.bars import Adjustment, Bars, Finding, Ohlcv, Provenance, SymbolBars
from core.market.quality import assemble, clean, suspect_splits
from core.market.source import Progress, SourceInfo, silent
from core.market.sources.files.basis import basis_for
from core.market.sources.files.contents import Contents, Rows, in_memory, rows_of
from core.market.sources.files.folder import list_files, open_folder, stamp_of
from core.market.sources.files.store import stored

INFO = SourceInfo(
    name="files",
    label="Files",
    meaning="Your own CSV or Parquet files: tidy daily bars or Massive day aggregates.",
    calendars=("XNYS", "24/7"),
    adjustments=("adjusted", "split_adjusted", "raw"),
)

LARGE = 32 * 1024 * 1024
"""Bytes of files from which on they are dealt into a store, where there is a cache folder."""

WEEKEND_SHARE = 0.1
"""Of a symbol's dates on Saturdays and Sundays, from which on it trades all week; in a market
that does they are two in seven, and a stray one in a New York series is only a bad bar."""


class FilesSource:
    """A file, or a folder of files of one layout; see ``layout`` for those and ``basis`` for what
    their prices are adjusted for.

    ``path``     of the file or folder
    ``basis``    what the prices are adjusted for, where the user knows better than the files tell
    ``actions``  a file of corporate actions that lies elsewhere
    ``cache``    a folder for what is made of large folders; they are read each time without it

    Files are read at the first question and again when one has changed.
    """

    def __init__(
        self,
        path: Path,
        *,
        basis: Adjustment | None = None,
        actions: Path | None = None,
        cache: Path | None = None,
    ) -> None:
        self._path = path
        self._basis = basis
        self._actions = actions
        self._cache = cache
        self._contents: Contents | None = None

    @property
    def info(self) -> SourceInfo:
        return INFO

    def symbols(self) -> tuple[str, ...]:
        return self._read(silent).symbols()

    def bars(
        self,
        symbols: Sequence[str],
        *,
        start: date | None = None,
        end: date | None = None,
        adjustment: Adjustment = "adjusted",
        progress: Progress = silent,
    ) -> Bars:
        """See MarketSource.bars. Only the symbols asked for are cleaned."""
        if start is not None and end is not None and start > end:
            raise BadInput("start", f"{start} is after the end, {end}.", "Swap them.")
        progress(0.0, f"Reading {self._path.name}")
        contents = self._read(progress)
        rows = rows_of(contents, symbols)
        for symbol in symbols:
            if symbol not in rows:
                raise UnknownName("symbols", "symbol", symbol, contents.symbols())
        of = calendar(_one_calendar(rows))
        basis = basis_for(
            adjustment, contents, tuple(rows), self._basis, all_week=of.name == "24/7"
        )
        series: dict[str, SymbolBars] = {}
        findings: list[Finding] = []
        for symbol, one in rows.items():
            bars, found_in = clean(symbol, one.days, basis.prices(one), of)
            series[symbol] = basis.apply(bars)
            findings += found_in
            if basis.answer != "raw" and of.name == "XNYS":
                findings += suspect_splits(series[symbol])
        asked = _sessions(self._path.name, series, of, start, end)
        progress(1.0, "bars read")
        return assemble(
            [_inside(series[symbol], asked) for symbol in symbols],
            calendar=of,
            provenance=Provenance(
                source=INFO.name,
                feed=self._path.name,
                adjustment=basis.answer,
                as_of=contents.folder.as_of,
            ),
            findings=findings,
        )

    def _read(self, progress: Progress) -> Contents:
        files = list_files(self._path, self._actions)
        if self._contents is None or self._contents.folder.stamp != stamp_of(files):
            folder = open_folder(self._path, files)
            if self._cache is None or folder.size < LARGE:
                self._contents = in_memory(folder, progress)
            else:
                self._contents = stored(folder, self._cache, progress)
        return self._contents


def _one_calendar(rows: Mapping[str, Rows]) -> CalendarName:
    """The calendar all symbols trade on; BadInput where some trade all week and others do not."""
    first: dict[CalendarName, str] = {}
    for symbol, one in rows.items():
        # 1970-01-01 was a Thursday: counted from Monday, the weekend is 5 and 6.
        weekend = (one.days.astype(np.int64) + 3) % 7 >= 5
        first.setdefault("24/7" if weekend.mean() > WEEKEND_SHARE else "XNYS", symbol)
    if len(first) > 1:
        raise BadInput(
            "symbols",
            f"{first['XNYS']} trades in New York's sessions and {first['24/7']} all week: "
            "they share no calendar.",
            "Use symbols that trade on the same days.",
        )
    return next(iter(first), "XNYS")


def _sessions(
    name: str, series: Mapping[str, SymbolBars], of: Calendar, start: date | None, end: date | None
) -> Sessions:
    """The sessions asked for; RangeUnavailable where none of ``series`` could have bars."""
    if not series:
        return of.sessions[:0]
    first = min(one.sessions[0] for one in series.values()).item()
    last = max(one.sessions[-1] for one in series.values()).item()
    for field, day in (("start", start), ("end", end)):
        if day is None:
            continue
        before = day < first and (field == "end" or len(of.between(day, first)) > 1)
        if before or (day > last and (field == "start" or len(of.between(last, day)) > 1)):
            names = ", ".join(list(series)[:5]) + (", …" if len(series) > 5 else "")
            raise RangeUnavailable(
                field,
                f"{name} has no bars of {names} on {day}.",
                f"Choose a date from {first} to {last}.",
            )
    return of.between(start or first, end or last)


def _inside(bars: SymbolBars, asked: Sessions) -> SymbolBars:
    keep = np.isin(bars.sessions, asked)
    opened, high, low, close, volume = (field[keep] for field in bars.ohlcv)
    return SymbolBars(bars.symbol, bars.sessions[keep], Ohlcv(opened, high, low, close, volume))
