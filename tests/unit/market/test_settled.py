"""Settled bars as bytes: all of it comes back, and damage anywhere is met."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.calendar import calendar
from core.market import settled as module
from core.market.bars import Finding, Ohlcv, SymbolBars
from core.market.settled import Damaged, SeriesKey, Settled, from_bytes
from tests.unit.market.series import ohlcv

KEY = SeriesKey("alpaca", "iex", "adjusted", "BRK.B")
SESSIONS = calendar("XNYS").between(date(2024, 1, 2), date(2024, 2, 29))


def make_settled(**changes) -> Settled:
    bars = ohlcv(len(SESSIONS))
    bars.volume[3] = np.nan
    given = {
        "key": KEY,
        "bars": SymbolBars(KEY.symbol, SESSIONS, bars),
        "calendar": "XNYS",
        "basis": "split_adjusted",
        "covers": date(2024, 3, 1),
        "asked_at": datetime(2024, 3, 6, 15, 0, 0, 123, tzinfo=UTC),
        "findings": (
            Finding("not_positive", KEY.symbol, 2, "dropped", date(2024, 1, 9), date(2024, 2, 1)),
        ),
    }
    return Settled(**(given | changes))


def test_everything_comes_back_to_the_bit():
    given = make_settled()
    got = from_bytes(given.to_bytes(), KEY)
    np.testing.assert_array_equal(got.bars.sessions, given.bars.sessions)
    assert got.bars.sessions.dtype == np.dtype("datetime64[D]")
    for name, field in zip(Ohlcv._fields, got.bars.ohlcv, strict=True):
        np.testing.assert_array_equal(field, getattr(given.bars.ohlcv, name), err_msg=name)
    plain = [(s.calendar, s.basis, s.covers, s.asked_at, s.findings, s.key) for s in (got, given)]
    assert plain[0] == plain[1]


@pytest.mark.parametrize("kept", [0, 1, 4, 100, 0.25, 0.5, 0.9, -200, -8, -4, -1])
def test_bytes_cut_off_are_damaged(kept):
    data = make_settled().to_bytes()
    length = int(len(data) * kept) if isinstance(kept, float) else kept
    with pytest.raises(Damaged):
        from_bytes(data[:length], KEY)


def test_a_changed_byte_is_never_taken_for_a_price():
    """Whatever one flipped bit does, the bars are the ones written or they are damaged."""
    given = make_settled()
    data = given.to_bytes()
    damaged = 0
    for at in range(0, len(data), 5):
        flipped = bytearray(data)
        flipped[at] ^= 1 << (at % 8)
        try:
            got = from_bytes(bytes(flipped), KEY)
        except Damaged:
            damaged += 1
            continue
        np.testing.assert_array_equal(got.bars.ohlcv, given.bars.ohlcv)
        np.testing.assert_array_equal(got.bars.sessions, given.bars.sessions)
        assert (got.covers, got.findings, got.basis) == (given.covers, given.findings, given.basis)
    assert damaged > len(data) / 5 / 2


@pytest.mark.parametrize(
    "key",
    [
        replace(KEY, source="yahoo"),
        replace(KEY, feed="sip"),
        replace(KEY, adjustment="raw"),
        replace(KEY, symbol="BRK.A"),
    ],
)
def test_another_series_bytes_are_damage(key):
    with pytest.raises(Damaged, match="holds something else"):
        from_bytes(make_settled().to_bytes(), key)


def test_bytes_of_another_version_are_damage(monkeypatch):
    data = make_settled().to_bytes()
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    with pytest.raises(Damaged, match="holds something else"):
        from_bytes(data, KEY)


def test_any_other_parquet_is_damage():
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"close": [1.0]}), sink)
    with pytest.raises(Damaged):
        from_bytes(sink.getvalue().to_pybytes(), KEY)


def test_names_are_safe_and_different_for_different_keys():
    names = ["BRK.B", "BRK/B", "BRK%2FB", "..", ".", "../../etc/passwd", "^VIX", "BTC-USD", "É"]
    parts = [replace(KEY, symbol=name).parts[-1] for name in names]
    assert len(set(parts)) == len(names)
    assert not any("/" in part or part.startswith(".") for part in parts)
