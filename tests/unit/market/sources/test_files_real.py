"""FilesSource on the developers' real data: vendors' files as they are."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from core.errors import BadInput
from core.market.bars import FIELDS
from core.market.sources.files import FilesSource

SPLITS = [
    # symbol, ex-date, new shares per old
    ("AAPL", "2020-08-31", 4),
    ("TSLA", "2020-08-31", 5),
    ("NVDA", "2024-06-10", 10),
    ("GOOGL", "2022-07-18", 20),
    ("TMF", "2023-12-04", 0.1),
    ("TQQQ", "2022-01-13", 2),
]


@pytest.fixture(scope="module")
def data(shared) -> Path:
    return shared / "data"


@pytest.fixture(scope="module")
def tidy(data) -> FilesSource:
    return FilesSource(data / "equities_daily.csv.gz")


@pytest.fixture(scope="module")
def massive(data) -> FilesSource:
    return FilesSource(data / "massive_day_aggs", actions=data / "corporate_actions.csv")


@pytest.fixture(scope="module")
def table(data):
    """The same file as another reader sees it."""
    return pacsv.read_csv(data / "equities_daily.csv.gz")


def test_every_symbol_can_be_read_and_has_as_many_bars_as_rows(tidy, table):
    symbols = tidy.symbols()
    assert len(symbols) == 56
    bars = tidy.bars(symbols, adjustment="split_adjusted")
    dropped = sum(f.count for f in bars.findings if f.action == "dropped")
    assert int(np.isfinite(bars.close).sum()) + dropped == table.num_rows
    assert dropped == 0


@pytest.mark.parametrize("symbol", ["SPY", "TLT", "NFLX"])
def test_values_are_the_files_to_the_last_bit(tidy, table, symbol):
    own = table.filter(np.array(table.column("symbol").to_pylist()) == symbol)
    days = own.column("date").to_numpy().astype("datetime64[D]")
    bars = tidy.bars([symbol], adjustment="split_adjusted")
    rows = np.searchsorted(bars.sessions, days)
    for name in FIELDS:
        values = own.column(name).to_numpy().astype(float)
        np.testing.assert_array_equal(getattr(bars, name)[rows, 0], values, err_msg=name)
    whole = tidy.bars([symbol])
    np.testing.assert_array_equal(whole.close[rows, 0], own.column("adj_close").to_numpy())


def test_the_one_session_known_to_be_missing_is_counted(tidy):
    (finding,) = tidy.bars(["NFLX"]).findings
    assert (finding.rule, finding.first, finding.count) == (
        "missing_session",
        date(2011, 2, 17),
        1,
    )


def test_nothing_in_split_adjusted_data_looks_like_a_split(tidy):
    bars = tidy.bars(["AAPL", "NVDA", "TSLA", "GOOGL", "TQQQ", "SPXL"])
    assert [f for f in bars.findings if f.rule == "looks_like_split"] == []


@pytest.mark.parametrize(("symbol", "ex_date", "ratio"), SPLITS)
def test_massive_prices_jump_as_traded_and_not_when_adjusted(massive, symbol, ex_date, ratio):
    jumps = {}
    for kind in ("raw", "split_adjusted"):
        bars = massive.bars([symbol], adjustment=kind)
        at = int(np.searchsorted(bars.sessions, np.datetime64(ex_date)))
        jumps[kind] = bars.open[at, 0] / bars.close[at - 1, 0]
    assert jumps["raw"] * ratio == pytest.approx(jumps["split_adjusted"])
    assert jumps["split_adjusted"] == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("symbol", ["SPY", "AAPL", "NVDA", "TQQQ", "TMF", "TLT"])
def test_massive_prices_split_adjusted_equal_another_vendors(massive, tidy, symbol):
    asked = {"start": date(2016, 1, 4), "end": date(2025, 6, 27), "adjustment": "split_adjusted"}
    ours, theirs = massive.bars([symbol], **asked), tidy.bars([symbol], **asked)
    np.testing.assert_array_equal(ours.sessions, theirs.sessions)
    # Un-split prices were rounded to whole cents and less, TMF's tenfold: half a per mille.
    np.testing.assert_allclose(ours.close, theirs.close, rtol=5e-4)


def test_massive_prices_with_dividends_return_what_the_adjusted_closes_do(massive, tidy):
    asked = {"start": date(2016, 1, 4), "end": date(2021, 3, 1)}
    for symbol in ("SPY", "QQQ", "IWM"):
        ours, theirs = massive.bars([symbol], **asked), tidy.bars([symbol], **asked)
        assert ours.provenance.adjustment == "adjusted"
        total = [bars.close[-1, 0] / bars.close[0, 0] for bars in (ours, theirs)]
        assert total[0] == pytest.approx(total[1], rel=0.003)


def test_genuine_massive_rows_fall_on_new_yorks_date(data):
    source = FilesSource(data / "massive_day_aggs" / "real_rows_2024-03-07.csv")
    bars = source.bars(["A"], adjustment="raw")
    assert bars.sessions.tolist() == [date(2024, 3, 7)]
    assert (bars.open[0, 0], bars.high[0, 0], bars.close[0, 0]) == (147.09, 149.64, 149.31)
    assert bars.volume[0, 0] == 1942872


def test_fully_adjusted_data_is_known_as_such(data):
    source = FilesSource(data / "equities_daily_fulladj.csv.gz")
    assert source.bars(["SPY"]).provenance.adjustment == "adjusted"
    with pytest.raises(BadInput, match="no raw ones follow"):
        source.bars(["SPY"], adjustment="raw")


def test_raw_data_without_its_actions_is_suspected(data):
    path = data / "equities_daily_raw.csv.gz"
    found = {f.rule for f in FilesSource(path).bars(["AAPL"]).findings}
    assert found == {"looks_like_split"}
    stated = FilesSource(path, basis="raw", actions=data / "corporate_actions.csv")
    (finding,) = stated.bars(["AAPL"]).findings
    assert finding.first == finding.last == date(2000, 9, 29)  # halved in truth: a warning
    assert stated.bars(["SPY"]).provenance.adjustment == "adjusted"


def test_crypto_days_trade_all_week(data):
    source = FilesSource(data / "crypto_1d.parquet")
    bars = source.bars(source.symbols())
    assert bars.calendar == "24/7"
    assert len(bars.symbols) == 4
    assert (
        int(np.isfinite(bars.close).sum()) == pq.read_metadata(data / "crypto_1d.parquet").num_rows
    )
    assert bars.findings == ()
    assert not np.isnan(bars.close).any()


@pytest.mark.parametrize(
    "name", ["crypto_1h.parquet", "crypto_15m.parquet", "equities_hourly_raw.parquet"]
)
def test_intraday_data_is_refused(data, name):
    with pytest.raises(BadInput, match=f"{name} holds bars of less than a day"):
        FilesSource(data / name).bars(["SPY"])


@pytest.mark.parametrize("name", ["funding.parquet", "open_interest.parquet"])
def test_files_that_hold_no_prices_are_refused(data, name):
    with pytest.raises(BadInput, match=f"{name} has no columns open, high, low, close, volume"):
        FilesSource(data / name).bars(["BTCUSDT"])
