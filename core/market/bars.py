"""Daily bars of several symbols on one time axis, and where they came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from core.calendar import CalendarName, Sessions

Float = npt.NDArray[np.float64]
Adjustment = Literal["adjusted", "split_adjusted", "raw"]
"""``adjusted`` for splits and dividends, for splits only, or as traded."""

FIELDS = ("open", "high", "low", "close", "volume")


class Ohlcv(NamedTuple):
    """One symbol's bars without gaps; each field float64[T], oldest first."""

    open: Float
    high: Float
    low: Float
    close: Float
    volume: Float


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where numbers came from; travels with every result made of them."""

    source: str
    feed: str
    adjustment: Adjustment
    as_of: datetime
    """When the source last answered (or the file was last written), aware UTC."""
    synthetic: bool = False

    def __str__(self) -> str:
        return f"{self.source} ({self.feed}, {self.adjustment.replace('_', '-')})"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a named quality rule met in one symbol's bars, and what was done about it."""

    rule: str
    symbol: str
    count: int
    action: str
    """``dropped``, ``kept`` or ``repaired``: a sentence's verb, shown to the user."""
    first: date
    last: date

    def __str__(self) -> str:
        days = str(self.first) if self.first == self.last else f"{self.first} to {self.last}"
        noun = "bar" if self.count == 1 else "bars"
        return f"{self.symbol}: {self.count} {noun} {self.action} by rule '{self.rule}' ({days})"


@dataclass(frozen=True, eq=False, kw_only=True)
class Bars:
    """Aligned daily bars.

    ``sessions``  datetime64[D], shape [T]: every session of the calendar from the first to the
                  last bar
    ``open`` …    float64, shape [T, N], column-contiguous; NaN where a symbol has no bar
    ``provisional`` says the last session is not closed yet: its bar still moves

    Prices of all symbols are on one adjustment basis (``provenance.adjustment``).
    """

    symbols: tuple[str, ...]
    sessions: Sessions
    open: Float
    high: Float
    low: Float
    close: Float
    volume: Float
    calendar: CalendarName
    provenance: Provenance
    findings: tuple[Finding, ...] = ()
    provisional: bool = False
    _index: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shape = (len(self.sessions), len(self.symbols))
        for name in FIELDS:
            array = getattr(self, name)
            if array.shape != shape:
                raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
            object.__setattr__(self, name, np.asfortranarray(array, dtype=np.float64))
        object.__setattr__(self, "_index", {s: i for i, s in enumerate(self.symbols)})

    def __len__(self) -> int:
        return len(self.sessions)

    def column(self, symbol: str) -> int:
        """The column of ``symbol``; KeyError if it is not among these bars."""
        return self._index[symbol]

    def between(self, start: date | None, end: date | None) -> Bars:
        """The bars of sessions from ``start`` to ``end``, both included."""
        i = 0 if start is None else int(np.searchsorted(self.sessions, np.datetime64(start)))
        j = (
            len(self)
            if end is None
            else int(np.searchsorted(self.sessions, np.datetime64(end), side="right"))
        )
        arrays = {name: getattr(self, name)[i:j] for name in FIELDS}
        provisional = self.provisional and j == len(self)
        return replace(self, sessions=self.sessions[i:j], provisional=provisional, **arrays)

    def select(self, symbols: Sequence[str]) -> Bars:
        """The same sessions with these symbols only, in this order."""
        columns = [self.column(s) for s in symbols]
        arrays = {name: getattr(self, name)[:, columns] for name in FIELDS}
        wanted = set(symbols)
        findings = tuple(f for f in self.findings if f.symbol in wanted)
        return replace(self, symbols=tuple(symbols), findings=findings, **arrays)

    def first_session(self, symbol: str) -> date | None:
        """The first session with a bar of ``symbol``; None if it has none."""
        return self._edge(symbol, 0)

    def last_session(self, symbol: str) -> date | None:
        """The last session with a bar of ``symbol``; None if it has none."""
        return self._edge(symbol, -1)

    def _edge(self, symbol: str, which: int) -> date | None:
        known = np.flatnonzero(~np.isnan(self.close[:, self.column(symbol)]))
        if not len(known):
            return None
        session: date = self.sessions[known[which]].item()
        return session

    def digest(self) -> str:
        """Hex SHA-256 of symbols, sessions and every price: equal bars, equal digest.

        The order of the symbols does not count.
        """
        from hashlib import sha256

        order = sorted(range(len(self.symbols)), key=self.symbols.__getitem__)
        h = sha256("\0".join(self.symbols[i] for i in order).encode())
        h.update(self.sessions.astype(np.int64).tobytes())
        for name in FIELDS:
            h.update(getattr(self, name)[:, order].tobytes(order="F"))
        return h.hexdigest()

    def digests(self) -> dict[str, str]:
        """For each symbol the hex SHA-256 of its own bars, whatever stands beside them."""
        from hashlib import sha256

        found = {}
        for i, symbol in enumerate(self.symbols):
            known = ~np.isnan(self.close[:, i])
            h = sha256(self.sessions[known].astype(np.int64).tobytes())
            for name in FIELDS:
                h.update(np.ascontiguousarray(getattr(self, name)[known, i]).tobytes())
            found[symbol] = h.hexdigest()
        return found


@dataclass(frozen=True, eq=False)
class SymbolBars:
    """One symbol's bars as a source delivers them: only sessions that have one, oldest first."""

    symbol: str
    sessions: Sessions
    ohlcv: Ohlcv


def align(
    series: Iterable[SymbolBars],
    sessions: Sessions,
    *,
    calendar: CalendarName,
    provenance: Provenance,
    findings: tuple[Finding, ...] = (),
    provisional: bool = False,
) -> Bars:
    """Put each symbol's bars on the common axis ``sessions``; NaN where one is missing.

    Every session of a series must be on the axis; ``quality.clean`` has seen to that.
    """
    series = list(series)
    arrays = {name: np.full((len(sessions), len(series)), np.nan, order="F") for name in FIELDS}
    for j, one in enumerate(series):
        rows = np.searchsorted(sessions, one.sessions)
        for name in FIELDS:
            arrays[name][rows, j] = getattr(one.ohlcv, name)
    return Bars(
        symbols=tuple(s.symbol for s in series),
        sessions=sessions,
        calendar=calendar,
        provenance=provenance,
        findings=findings,
        provisional=provisional,
        **arrays,
    )
