"""FilesSource: what it reads, in which layouts, and what it says about it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from core.errors import BadInput, Cancelled, RangeUnavailable, UnknownName
from core.market.bars import FIELDS
from core.market.sources.files import FilesSource
from tests.unit.market.sources.tables import (
    AGGREGATES_HEADER,
    HEADER,
    SESSIONS,
    aggregate_rows,
    rows,
    text,
    write,
)
from tests.unit.market.sources.watcher import Watcher


@pytest.fixture
def tidy(tmp_path):
    return write(tmp_path / "bars.csv", text(rows() + rows("TLT", first=200)))


def assert_expected(bars):
    """SPY and TLT as ``rows`` makes them."""
    np.testing.assert_array_equal(bars.sessions, SESSIONS)
    n = np.arange(len(SESSIONS), dtype=float)[:, None]
    opened = np.array([100.0, 200.0]) + n
    expected = (opened, opened + 2, opened - 0.5, opened + 1, 1000 + opened)
    for name, values in zip(FIELDS, expected, strict=True):
        np.testing.assert_array_equal(getattr(bars, name), values, err_msg=name)
    assert bars.findings == ()
    assert not bars.provisional


# -- containers and layouts ------------------------------------------------------------------------


def test_a_tidy_csv(tidy):
    bars = FilesSource(tidy).bars(["SPY", "TLT"])
    assert_expected(bars)
    assert bars.calendar == "XNYS"
    assert str(bars.provenance) == "files (bars.csv, split-adjusted)"
    assert not bars.provenance.synthetic


@pytest.mark.parametrize("name", ["bars.csv.gz", "packed.dat.gz"])
def test_gzip_is_told_by_its_bytes(tmp_path, tidy, name):
    path = write(tmp_path / "other" / name, tidy.read_text())
    assert_expected(FilesSource(path).bars(["SPY", "TLT"]))


def test_parquet_is_told_by_its_bytes(tmp_path, tidy):
    path = tmp_path / "whatever.bin"
    pq.write_table(pacsv.read_csv(tidy), path)
    assert_expected(FilesSource(path).bars(["SPY", "TLT"]))


def test_parquet_as_pandas_writes_it_with_categories_and_other_number_types(tmp_path, tidy):
    table = pacsv.read_csv(tidy)
    path = tmp_path / "bars.parquet"
    narrow = {"open": pa.float32(), "high": pa.float32(), "volume": pa.int32()}
    for name, kind in narrow.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table.column(name).cast(kind))
    table = table.set_column(1, "symbol", table.column("symbol").dictionary_encode())
    pq.write_table(table, path)
    assert_expected(FilesSource(path).bars(["SPY", "TLT"]))


def test_columns_may_be_in_any_order_in_any_case_and_among_others(tmp_path):
    lines = [[r[1], "x", *r[2:], r[0]] for r in rows() + rows("TLT", first=200)]
    header = "Symbol,Note, Open,HIGH,Low,Close ,Volume,DATE"
    assert_expected(
        FilesSource(write(tmp_path / "a.csv", text(lines, header))).bars(["SPY", "TLT"])
    )


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(tmp_path, tidy):
    path = write(tmp_path / "w.csv", "\ufeff" + tidy.read_text().replace("\n", "\r\n"))
    assert_expected(FilesSource(path).bars(["SPY", "TLT"]))


DATES = {
    "iso": lambda day: day,
    "compact": lambda day: day.replace("-", ""),
    "with midnight": lambda day: f"{day} 00:00:00",
    "with the open": lambda day: f"{day}T09:30:00",
    "with a zone": lambda day: f"{day}T00:00:00-05:00",
    "with a zone, in the evening": lambda day: f"{day}T20:00:00-05:00",  # the next day in UTC
    "in UTC": lambda day: f"{day}T00:00:00Z",
}


@pytest.mark.parametrize("write_date", DATES.values(), ids=DATES)
def test_dates_may_be_written_so(tmp_path, write_date):
    lines = [[write_date(r[0]), *r[1:]] for r in rows() + rows("TLT", first=200)]
    assert_expected(FilesSource(write(tmp_path / "a.csv", text(lines))).bars(["SPY", "TLT"]))


def test_massive_day_aggregates_are_read_as_traded_on_new_yorks_date(tmp_path):
    lines = aggregate_rows() + aggregate_rows("TLT", first=200)
    path = write(tmp_path / "2024.csv.gz", text(lines, AGGREGATES_HEADER))
    bars = FilesSource(path).bars(["SPY", "TLT"], adjustment="raw")
    assert_expected(bars)
    assert bars.provenance.adjustment == "raw"


@pytest.mark.parametrize("zone", ["ms", "utc"])
def test_crypto_days_are_stamped_with_their_opening_and_trade_all_week(tmp_path, zone):
    days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-03-01"))
    lines = rows("BTCUSDT", sessions=days)
    for cells in lines:
        ms = str(np.datetime64(cells[0], "ms").astype(np.int64))
        cells[0] = ms if zone == "ms" else f"{cells[0]}T00:00:00Z"
    path = write(tmp_path / "crypto.csv", text(lines, HEADER.replace("date", "ts")))
    for adjustment in ("adjusted", "split_adjusted", "raw"):
        bars = FilesSource(path).bars(["BTCUSDT"], adjustment=adjustment)
        np.testing.assert_array_equal(bars.sessions, days)
        assert (bars.calendar, bars.provenance.adjustment) == ("24/7", adjustment)
        assert bars.findings == ()


def test_the_files_of_a_folder_are_one_set_of_bars(tmp_path):
    whole = rows() + rows("TLT", first=200)
    write(tmp_path / "us" / "2024" / "b.csv.gz", text(whole[::2]))
    write(tmp_path / "us" / "a.csv", text(whole[1::2]))
    write(tmp_path / "us" / ".hidden.csv", "nonsense")
    write(tmp_path / "us" / "README.md", "nonsense")
    source = FilesSource(tmp_path / "us")
    bars = source.bars(["SPY", "TLT"])
    # Files are read by name, so the dates come in no order: not the bars' fault.
    assert {f.rule for f in bars.findings} <= {"out_of_order"}
    np.testing.assert_array_equal(bars.close[:, 1], 201.0 + np.arange(len(SESSIONS)))
    assert source.symbols() == ("SPY", "TLT")
    assert bars.provenance.feed == "us"


# -- questions -------------------------------------------------------------------------------------


def test_an_unknown_symbol_comes_with_the_nearest(tidy):
    with pytest.raises(UnknownName, match=r"symbol 'TLTT' does not exist\. Did you mean 'TLT'"):
        FilesSource(tidy).bars(["SPY", "TLTT"])


@pytest.mark.parametrize(
    ("asked", "field", "day"),
    [
        ({"start": date(2023, 12, 1)}, "start", "2023-12-01"),
        ({"end": date(2023, 12, 1)}, "end", "2023-12-01"),
        ({"end": date(2024, 4, 2)}, "end", "2024-04-02"),
        ({"start": date(2024, 4, 2)}, "start", "2024-04-02"),
    ],
)
def test_a_range_without_bars_says_what_there_is(tidy, asked, field, day):
    with pytest.raises(RangeUnavailable) as caught:
        FilesSource(tidy).bars(["SPY", "TLT"], **asked)
    assert str(caught.value) == (
        f"{field}: bars.csv has no bars of SPY, TLT on {day}. "
        "Choose a date from 2024-01-02 to 2024-03-28."
    )


def test_ends_on_days_without_a_session_are_no_error(tidy):
    bars = FilesSource(tidy).bars(["SPY"], start=date(2024, 1, 1), end=date(2024, 3, 29))
    assert len(bars) == len(SESSIONS)


def test_symbols_of_two_calendars_are_refused(tmp_path):
    days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-03-01"))
    path = write(tmp_path / "a.csv", text(rows() + rows("BTC", sessions=days)))
    with pytest.raises(BadInput, match="SPY trades in New York's sessions and BTC all week"):
        FilesSource(path).bars(["BTC", "SPY"])
    assert FilesSource(path).bars(["BTC"]).calendar == "24/7"


def test_bars_are_as_of_the_newest_files_last_change(tmp_path):
    folder = tmp_path / "two"
    for name, day in (("a.csv", 3), ("b.csv", 5)):
        path = write(folder / name, text(rows("SPY" if name == "a.csv" else "TLT")))
        stamp = datetime(2024, 6, day, tzinfo=UTC).timestamp()
        os.utime(path, (stamp, stamp))
    assert FilesSource(folder).bars(["SPY"]).provenance.as_of == datetime(2024, 6, 5, tzinfo=UTC)


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(tidy):
    source = FilesSource(tidy)
    before = source.bars(["SPY"])
    told = Watcher()
    assert source.bars(["SPY"], progress=told).digest() == before.digest()
    assert len(told.told) == 2  # begun and done: nothing was read in between
    write(tidy, text(rows(first=500)))
    assert source.bars(["SPY"]).close[0, 0] == 501


def test_reading_many_files_tells_how_far_it_is_and_can_be_stopped(tmp_path):
    for i in range(40):
        write(tmp_path / "many" / f"{i:02d}.csv", text(rows(f"S{i:02d}")))
    watcher = Watcher()
    FilesSource(tmp_path / "many").bars(["S00"], progress=watcher)
    assert "Read many/20.csv" in watcher.told
    assert watcher.shares == sorted(watcher.shares)
    with pytest.raises(Cancelled):
        FilesSource(tmp_path / "many").bars(["S00"], progress=Watcher(patience=3))
