"""Settled bars as they are kept: one symbol's history from one feed on one basis.

Kept as Parquet bytes that carry what is known about them and a checksum of all of it, so that
damage anywhere is met when they are read, never later as a price.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.calendar import CalendarName
from core.market.bars import FIELDS, Adjustment, Finding, Ohlcv, SymbolBars

VERSION = 1
"""Of the bytes' format; part of every place they are kept at."""
_META, _SUM = b"sluice", b"sluice-sha256"


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """What makes two series the same one."""

    source: str
    feed: str
    adjustment: Adjustment
    symbol: str

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """Safe as names of folders and files, and different for different keys."""
        return _safe(self.source), _safe(self.feed), self.adjustment, _safe(self.symbol)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Settled:
    """One symbol's settled bars.

    ``bars``      clean, oldest first, at least one
    ``calendar``  they trade on
    ``basis``     what the prices are adjusted for: the adjustment asked for, or the nearest the
                  source has
    ``covers``    the last session the vendor was asked about, with a bar or not
    ``asked_at``  when the vendor last answered about this symbol, aware UTC
    ``findings``  bars that were dropped, repaired or left out before
    """

    key: SeriesKey
    bars: SymbolBars
    calendar: CalendarName
    basis: Adjustment
    covers: date
    asked_at: datetime
    findings: tuple[Finding, ...]

    def to_bytes(self) -> bytes:
        meta = json.dumps(
            {
                "version": VERSION,
                "key": self.key.parts,
                "calendar": self.calendar,
                "basis": self.basis,
                "covers": self.covers.isoformat(),
                "asked_at": self.asked_at.isoformat(),
                "findings": [
                    [f.rule, f.count, f.action, f.first.isoformat(), f.last.isoformat()]
                    for f in self.findings
                ],
            }
        ).encode()
        columns: dict[str, Any] = {"session": self.bars.sessions}
        columns |= dict(zip(FIELDS, self.bars.ohlcv, strict=True))
        table = pa.table(columns).replace_schema_metadata(
            {_META: meta, _SUM: _checksum(meta, self.bars)}
        )
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        data: bytes = sink.getvalue().to_pybytes()
        return data


class Damaged(Exception):
    """Bytes that are not the settled bars they should be; the text says why."""


def from_bytes(data: bytes, key: SeriesKey) -> Settled:
    """The settled bars of ``key``; Damaged if ``data`` are not those, whole and unchanged."""
    try:
        table = pq.read_table(pa.BufferReader(data))
        meta = table.schema.metadata[_META]
        fields = [table.column(name).to_numpy().astype(np.float64) for name in FIELDS]
        bars = SymbolBars(
            key.symbol,
            table.column("session").to_numpy().astype("datetime64[D]"),
            Ohlcv(*fields),
        )
        if table.schema.metadata[_SUM] != _checksum(meta, bars):
            raise Damaged("its checksum is wrong")
        known = json.loads(meta)
        if known["version"] != VERSION or tuple(known["key"]) != key.parts:
            raise Damaged("it holds something else")
        return Settled(
            key=key,
            bars=bars,
            calendar=known["calendar"],
            basis=known["basis"],
            covers=date.fromisoformat(known["covers"]),
            asked_at=datetime.fromisoformat(known["asked_at"]),
            findings=tuple(
                Finding(rule, key.symbol, count, action, *map(date.fromisoformat, days))
                for rule, count, action, *days in known["findings"]
            ),
        )
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as err:
        said = str(err).splitlines()
        raise Damaged(said[0] if said else type(err).__name__) from err


def _safe(name: str) -> str:
    quoted = quote(name, safe="")
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted


def _checksum(meta: bytes, bars: SymbolBars) -> bytes:
    h = sha256(meta)
    h.update(bars.sessions.astype(np.int64).tobytes())
    for field in bars.ohlcv:
        h.update(field.astype(np.float64).tobytes())
    return h.hexdigest().encode()
