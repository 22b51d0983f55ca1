"""A result comes back from the database's row as it went in."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import uuid4

import numpy as np

from core.backtest.result import Trades
from core.backtest.run import run_backtest
from core.backtest.settings import parse_settings
from core.export import about, allocations_csv, equity_csv, metrics, to_csv, trades, workbook
from core.flow.examples import example_flows
from core.library.backtests import SavedBacktest
from core.library.results import from_saved, to_saved
from core.library.series import FORMAT, decode, encode
from core.market.sources.demo import DemoSource
from tests.fakes.clock import VirtualClock

NOW = datetime(2024, 7, 1, tzinfo=UTC)


def result():
    flows = example_flows()
    settings = parse_settings(start=date(2022, 1, 3), variables={"fall": 8})
    source = DemoSource(VirtualClock("2024-07-01T12:00:00"))
    return run_backtest(flows["storm-watch"], source, settings, find=flows.__getitem__).result


def test_a_result_survives_its_row_to_the_bit():
    before = result()
    saved = to_saved(before, user_id=uuid4(), engine_version="1", started_at=NOW, finished_at=NOW)
    row = SavedBacktest(
        saved.summary, saved.flow, saved.detail, decode(FORMAT, encode(saved.series))
    )
    after = from_saved(row)
    for name in ("sessions", "weights", "returns", "equity", "turnover"):
        assert np.array_equal(getattr(before, name), getattr(after, name)), name
    for name in Trades.__slots__:
        assert np.array_equal(getattr(before.trades, name), getattr(after.trades, name)), name
    assert np.array_equal(before.benchmark.equity, after.benchmark.equity)
    for name in (
        "flow", "settings", "costs", "rebalance", "provenance", "calendar", "data_digest",
        "findings", "symbols", "metrics", "benchmark_metrics", "warnings", "notes",
    ):  # fmt: skip
        assert repr(getattr(before, name)) == repr(getattr(after, name)), name


def test_exports_hold_every_number_in_full():
    from io import BytesIO

    from openpyxl import load_workbook

    one = result()
    lines = equity_csv(one).splitlines()
    assert lines[0] == "date,equity,benchmark"
    assert len(lines) == len(one.sessions) + 1
    day, own, other = lines[-1].split(",")
    assert (day, float(own), float(other)) == (
        str(one.end), one.equity[-1], one.benchmark.equity[-1],
    )  # fmt: skip
    header, *rows = allocations_csv(one).splitlines()
    assert header.split(",") == ["date", *one.symbols]
    assert [float(w) for w in rows[-1].split(",")[1:]] == one.weights[-1].tolist()
    made = to_csv(trades(one)).splitlines()
    assert len(made) == len(one.trades) + 1
    assert len(to_csv(metrics(one)).splitlines()) == len(one.metrics) + 1
    assert any(row[0] == "source" for row in about(one)[1])
    book = load_workbook(BytesIO(workbook(one)))
    assert book.sheetnames == [
        "About", "Metrics", "Equity", "Allocations", "Trades", "Positions",
    ]  # fmt: skip
    assert book["Equity"].max_row == len(one.sessions) + 1
