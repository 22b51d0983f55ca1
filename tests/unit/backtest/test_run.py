"""A whole backtest: what it covers, what it warns of, what it refuses."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.backtest.run import run_backtest
from core.backtest.settings import parse_settings
from core.errors import BadInput, Cancelled, FlowInvalid, RangeUnavailable, UnknownName
from core.flow.examples import example_flows
from core.flow.formats.native import from_json
from core.market.sources.demo import DemoSource
from core.market.sources.files import FilesSource
from tests.fakes.clock import VirtualClock

FLOWS = example_flows()
DURING = "2024-07-01T15:00:00"  # a Monday, while New York trades


@pytest.fixture(scope="module")
def demo() -> DemoSource:
    return DemoSource(VirtualClock(DURING))


def flow(root: dict[str, Any], **rest: Any):
    return from_json({"sluice": 1, "name": "case", "root": root, **rest})


def hold(symbol: str) -> dict[str, Any]:
    return {"kind": "asset", "symbol": symbol}


def trend(window: int = 200) -> dict[str, Any]:
    close, average = ({"indicator": i, "symbol": "SPY"} for i in ("close", "sma"))
    when = {"left": close, "op": ">", "right": average | {"window": window}}
    return {"kind": "gate", "when": when, "then": hold("SPY"), "else": hold("TLT")}


def run(document, source, find=FLOWS.__getitem__, **settings: Any):
    return run_backtest(document, source, parse_settings(**settings), find=find).result


def test_holding_one_symbol_earns_what_it_earns(demo):
    result = run(flow(hold("SPY"), benchmark="SPY"), demo, start=date(2020, 1, 2))
    np.testing.assert_allclose(result.equity, result.benchmark.equity, rtol=1e-12)
    assert result.metrics["beta"] == pytest.approx(1)
    assert result.metrics["rebalances"] == 1
    assert result.final_weights == {"SPY": 1.0}
    assert len(result.trades) == 1


def test_a_bar_that_still_moves_is_left_out(demo):
    bars = demo.bars(["SPY"])
    assert bars.provisional
    assert str(bars.sessions[-1]) == "2024-07-01"
    assert run(flow(hold("SPY")), demo).end == date(2024, 6, 28)


def test_it_starts_where_everything_is_known_and_says_why(demo):
    result = run(flow(trend(200)), demo)
    first = demo.bars(["SPY"]).sessions[199].item()
    assert result.start >= first
    assert any("SMA(200) of SPY is known" in note or "TLT" in note for note in result.notes)
    assert not any("lacked data" in warning for warning in result.warnings)


def test_a_start_before_everything_is_known_warns_with_place_and_count(demo):
    begun = demo.bars(["SPY", "TLT"]).sessions[0].item()
    result = run(flow(trend(50)), demo, start=begun)
    warning = next(w for w in result.warnings if "lacked data" in w)
    assert "(root)" in warning
    assert "49 sessions" in warning
    assert "SMA(50) of SPY" in warning
    assert (result.weights[:49] == 0).all()


def test_what_was_decided_does_not_depend_on_the_start(demo):
    long = run(FLOWS["storm-watch"], demo, start=date(2010, 1, 4))
    short = run(FLOWS["storm-watch"], demo, start=date(2022, 1, 3))
    np.testing.assert_array_equal(long.weights[-len(short.sessions) :], short.weights)


def test_a_strategy_may_be_the_benchmark(demo):
    result = run(
        flow(hold("SPY"), benchmark={"strategy": "sector-momentum"}), demo, start=date(2015, 1, 2)
    )
    own = run(FLOWS["sector-momentum"], demo, start=date(2015, 1, 2))
    assert result.benchmark.label == "Sector momentum"
    np.testing.assert_allclose(result.benchmark.equity, own.equity, rtol=1e-12)


def test_variables_given_stand_in_for_the_flows(demo):
    given = run(FLOWS["risk-on-risk-off"], demo, variables={"hot": 101})
    assert (given.weights[:, given.symbols.index("TLT")] == 0).all()


def test_a_later_open_earns_differently_and_decides_alike(demo):
    close = run(flow(trend()), demo, start=date(2015, 1, 2))
    later = run(flow(trend()), demo, start=date(2015, 1, 2), execution="next_open")
    np.testing.assert_array_equal(close.weights, later.weights)
    assert close.equity[-1] != pytest.approx(later.equity[-1], rel=1e-6)


def test_costs_cost(demo):
    free = run(FLOWS["risk-on-risk-off"], demo, slippage_bps=0)
    dear = run(FLOWS["risk-on-risk-off"], demo, slippage_bps=10, commission_bps=5)
    assert dear.metrics["cost"] == pytest.approx(dear.metrics["turnover"] * 0.0015)
    assert dear.equity[-1] < free.equity[-1]


def test_demo_data_is_said_to_be_synthetic(demo):
    result = run(flow(hold("SPY")), demo)
    assert result.provenance.synthetic
    assert any("synthetic" in warning for warning in result.warnings)


def test_perpetuals_pay_funding_and_count_every_day(demo):
    result = run(flow(hold("BTCUSDT")), demo, start=date(2023, 1, 1), end=date(2024, 5, 31))
    assert result.periods_per_year == 365
    assert len(result.sessions) == 517
    price = demo.bars(["BTCUSDT"], start=result.start, end=result.end).close[:, 0]
    assert result.equity[-1] != pytest.approx(price[-1] / price[0], rel=1e-4)


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "error", "field"),
    [
        ({"start": date(1980, 1, 2)}, RangeUnavailable, "start"),
        ({"end": date(2030, 1, 2)}, RangeUnavailable, "end"),
        ({"start": date(2024, 6, 28)}, RangeUnavailable, "start"),
        ({"variables": {"nothing": 1}}, UnknownName, "variables"),
        ({"benchmark": "NOSUCH"}, UnknownName, "symbols"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(demo, settings, error, field):
    with pytest.raises(error) as caught:
        run(FLOWS["risk-on-risk-off"], demo, **settings)
    assert caught.value.field == field
    assert caught.value.fix


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"start": "2020-13-01"}, "start"),
        ({"start": date(2021, 1, 1), "end": date(2020, 1, 1)}, "start"),
        ({"slippage_bps": -1}, "slippage_bps"),
        ({"commission_bps": "much"}, "commission_bps"),
        ({"leverage": 0}, "leverage"),
        ({"execution": "noon"}, "execution"),
        ({"rebalance": {"every": "hourly"}}, "rebalance.every"),
        ({"capital": float("nan")}, "capital"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_their_field(given, field):
    with pytest.raises(BadInput) as caught:
        parse_settings(**given)
    assert caught.value.field == field


def test_a_variable_that_breaks_the_flow_is_refused_at_its_place(demo):
    with pytest.raises(FlowInvalid) as caught:
        run(FLOWS["risk-on-risk-off"], demo, variables={"window": 0})
    assert "window" in caught.value.field


def test_a_flow_of_nothing_but_cash_needs_a_benchmark(demo):
    with pytest.raises(BadInput, match="names no symbol"):
        run(flow({"kind": "cash"}), demo)


def test_progress_may_stop_it(demo):
    def stop(share: float, doing: str) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        run_backtest(FLOWS["risk-on-risk-off"], demo, progress=stop)


def test_bad_bars_are_counted_and_said(tmp_path: Path):
    days = pd.bdate_range("2024-01-02", periods=30)
    frame = pd.DataFrame(
        {"date": days.strftime("%Y-%m-%d"), "symbol": "SPY", "open": 10.0, "high": 11.0,
         "low": 9.0, "close": np.linspace(9.5, 10.5, 30), "volume": 1000}
    )  # fmt: skip
    frame.loc[3, "close"] = -1.0
    frame.to_csv(tmp_path / "bars.csv", index=False)
    result = run(flow(hold("SPY")), FilesSource(tmp_path / "bars.csv"))
    assert result.findings
    assert any("bad bar" in note for note in result.notes)
