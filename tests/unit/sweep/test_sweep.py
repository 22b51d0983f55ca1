"""Every run of a sweep equals the backtest with its values, whatever path it takes inside."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from core.backtest.run import run_backtest
from core.backtest.settings import parse_settings
from core.errors import BadInput, FlowInvalid, RangeUnavailable, UnknownName
from core.flow.formats.native import from_json
from core.market.sources.demo import DemoSource
from core.sweep import observe as observing
from core.sweep.grid import Grid, parse_grid, rows_grid
from core.sweep.kernel import METRICS
from core.sweep.prepare import prepare
from core.sweep.run import Measured, Sweeper
from tests.fakes.clock import VirtualClock

START, END = date(2019, 1, 2), date(2022, 6, 30)


@pytest.fixture(scope="module")
def demo() -> DemoSource:
    return DemoSource(VirtualClock("2024-07-01T15:00:00"))


def hold(symbol: str) -> dict[str, Any]:
    return {"kind": "asset", "symbol": symbol}


def number(indicator: str, symbol: str, **rest: Any) -> dict[str, Any]:
    return {"indicator": indicator, "symbol": symbol, **rest}


def than(left: Any, op: str, right: Any, **rest: Any) -> dict[str, Any]:
    return {"left": left, "op": op, "right": right, **rest}


def gate(when: Any, then: Any, otherwise: Any) -> dict[str, Any]:
    return {"kind": "gate", "when": when, "then": then, "else": otherwise}


def even(*symbols: str) -> dict[str, Any]:
    return {"kind": "weight", "children": [hold(s) for s in symbols]}


HOT = than(number("rsi", "QQQ", window="$window"), ">", "$hot")
UP = than(number("close", "SPY"), ">", number("sma", "SPY", window="$trend"))
CALM = than(number("std_return", "SPY", window=20), "<", 1.2, for_days="$days")
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "gates": (
        gate(HOT, even("TLT", "GLD"), gate(UP, even("QQQ", "SPY", "XLE"), hold("$safe"))),
        ["window=5,10,14", "hot=60:80:10", "trend=50,200", "safe=BIL,TLT,GLD"],
    ),
    "memory": (
        {"kind": "latch", "enter": HOT, "exit": CALM, "then": hold("BIL"), "else": even("QQQ", "SPY")},
        ["window=5,10", "hot=60,70", "days=1,3,10"],
    ),
    "joined": (
        gate({"any": [{"all": [HOT, UP]}, {"not": CALM}, {"at_least": {"count": "$days", "of": [HOT, UP, CALM]}}]},
             {"kind": "group", "child": hold("TLT")}, even("QQQ", "GLD")),
        ["window=5,10", "hot=60,70", "trend=100,200", "days=1,2"],
    ),
    "switch": (
        {"kind": "switch", "conditions": [HOT, UP, {"month": [1, 5, 9]}],
         "cases": [hold("BIL"), even("TLT", "GLD"), {"kind": "cash"}, hold("QQQ")]},
        ["window=5,10", "hot=55:75:10", "trend=100,200"],
    ),
    "scale": (
        {"kind": "scale", "indicator": number("rsi", "QQQ", window="$window"), "from": "$low",
         "to": "$hot", "children": [hold("QQQ"), even("TLT", "GLD"), gate(UP, hold("SPY"), hold("BIL"))]},
        ["window=5,10", "low=30,40", "hot=60,70", "trend=100,200"],
    ),
    "sort": (
        {"kind": "sort", "items": ["SPY", "TLT", "GLD", "XLE"], "take": "$take", "allocation": "inverse_volatility",
         "window": 20, "by": [{"indicator": "$by", "window": "$window"}]},
        ["by=roc,rsi,std_return", "window=20,60", "take=1:3"],
    ),
    "flows": (
        {"kind": "sort", "items": [gate(UP, hold("QQQ"), hold("TLT")), gate(HOT, hold("GLD"), hold("SPY")), "BIL"],
         "take": 2, "allocation": "rank", "by": {"indicator": "roc", "window": "$days"}},
        ["window=5,10", "hot=60,70", "trend=100,200", "days=20,60"],
    ),
    "shares": (
        gate(UP, {"kind": "weight", "scheme": "specified", "weights": ["$share", "$rest"],
                  "children": [hold("SPY"), hold("GLD")]}, hold("BIL")),
        ["share=0.25,0.5,0.75", "rest=0.25,0.5", "trend=100,200"],
    ),
    "one portfolio": (even("SPY", "TLT", "$safe"), ["safe=GLD,BIL"]),
}  # fmt: skip
DEFAULTS = {"window": 10, "hot": 70, "low": 30, "trend": 200, "safe": "BIL", "days": 2, "take": 1,
            "by": "roc", "share": 0.5, "rest": 0.5}  # fmt: skip
TERMS: dict[str, dict[str, Any]] = {
    "daily": {"slippage_bps": 10, "benchmark": "SPY"},
    "monthly": {"slippage_bps": 5, "rebalance": {"every": "monthly"}, "cash_rate": 0.03},
    "drift": {"slippage_bps": 5, "rebalance": {"threshold": 0.03}},
    "at the open": {"commission_bps": 8, "execution": "next_open", "leverage": 2.5, "cash_rate": 0.02,
                    "risk_free_rate": 0.01},
    "weekly at the open": {"slippage_bps": 8, "execution": "next_open", "rebalance": {"every": "weekly"},
                           "leverage": 1.5},
}  # fmt: skip


def flow_of(root: dict[str, Any], **rest: Any):
    return from_json({"sluice": 1, "name": "case", "root": root, "variables": DEFAULTS, **rest})


def check(flow: Any, source: Any, settings: Any, grid: Grid, found: Measured, runs: int) -> None:
    """So many of the runs against backtests with their values."""
    sound = np.flatnonzero(found.reason == 0)
    for i in np.random.default_rng(0).choice(sound, min(runs, len(sound)), replace=False):
        values = grid.values_at(int(found.points[i]))
        request = settings.model_copy(update={"variables": values})
        expected = run_backtest(flow, source, request).result.metrics
        for name, value in zip(METRICS, found.metrics[i], strict=True):
            other = expected.get(name, np.nan)
            assert value == pytest.approx(other, rel=1e-12, abs=1e-12, nan_ok=True), (name, values)


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("case", CASES)
def test_runs_equal_backtests(case, terms, demo):
    root, texts = CASES[case]
    flow, grid = flow_of(root), parse_grid(texts)
    settings = parse_settings(start=START, end=END, **TERMS[terms])
    found = Sweeper(prepare(flow, grid, demo, settings)).run(grid.points())
    assert (found.reason == 0).any()
    check(flow, demo, settings, grid, found, 3)


@pytest.mark.parametrize(("terms", "way"), [("daily", "table"), ("drift", "portfolios")])
def test_costs_that_depend_on_the_path_are_accounted_for(terms, way, demo):
    root, texts = CASES["gates"]
    settings = parse_settings(start=START, end=END, **TERMS[terms])
    assert Sweeper(prepare(flow_of(root), parse_grid(texts), demo, settings)).way == way


@pytest.mark.parametrize("case", ["scale", "flows", "sort", "memory", "joined"])
def test_a_flow_with_too_many_portfolios_is_walked(case, demo, monkeypatch):
    monkeypatch.setattr("core.sweep.portfolios.MOST_BYTES", 10_000)
    root, texts = CASES[case]
    grid, settings = parse_grid(texts), parse_settings(start=START, end=END, slippage_bps=5)
    sweeper = Sweeper(prepare(flow_of(root), grid, demo, settings))
    assert sweeper.way == "walk"
    check(flow_of(root), demo, settings, grid, sweeper.run(grid.points()), 3)


def test_slices_and_order_do_not_matter(demo, monkeypatch):
    root, texts = CASES["gates"]
    grid, settings = parse_grid(texts), parse_settings(start=START, end=END)
    sweeper = Sweeper(prepare(flow_of(root), grid, demo, settings))
    points = grid.points()
    whole = sweeper.run(points).metrics
    monkeypatch.setattr("core.sweep.run.SLICE", 7)
    np.testing.assert_array_equal(sweeper.run(points).metrics, whole)
    shuffled = np.random.default_rng(2).permutation(points)
    np.testing.assert_array_equal(sweeper.run(shuffled).metrics, whole[shuffled])


@pytest.mark.parametrize(
    "terms",
    [{}, {"rebalance": {"threshold": 0.02}},
     {"rebalance": {"threshold": 0.02}, "execution": "next_open", "slippage_bps": 20}],
    ids=["table", "drift", "drift at the open"],
)  # fmt: skip
def test_ruin_ends_a_run_as_it_ends_a_backtest(terms, demo):
    root = gate(HOT, hold("UVXY"), hold("TQQQ"))
    flow, grid = flow_of(root), parse_grid(["window=5,10", "hot=40:60:5"])
    settings = parse_settings(start=START, end=END, leverage=10, max_leverage=10, **terms)
    found = Sweeper(prepare(flow, grid, demo, settings)).run(grid.points())
    lost = METRICS.index("total_return")
    assert (found.metrics[:, lost] == -1).any()
    check(flow, demo, settings, grid, found, 10)


def test_without_a_start_all_runs_begin_when_all_is_known(demo):
    flow, grid = flow_of(CASES["gates"][0]), parse_grid(["trend=50,200,400"])
    ready = prepare(flow, grid, demo, parse_settings(end=END))
    slowest = run_backtest(flow, demo, parse_settings(end=END, variables={"trend": 400})).result
    assert ready.sessions[0] == slowest.sessions[0]
    assert "SMA(400) of SPY" in ready.notes[0]


def test_runs_that_cannot_be_are_rows_with_a_reason(demo):
    flow = flow_of(gate(UP, hold("$safe"), hold("BIL")))
    grid = parse_grid(["trend=0,100,100000", "safe=TLT,NOPE,bad symbol"])
    settings = parse_settings(start=START, end=END)
    sweeper = Sweeper(prepare(flow, grid, demo, settings))
    found = sweeper.run(grid.points())
    said = {
        tuple(grid.values_at(i).values()): sweeper.reasons[r - 1] if r else ""
        for i, r in enumerate(found.reason.tolist())
    }
    assert said[100, "TLT"] == ""
    assert "from 1 to 2000" in said[0, "TLT"]
    assert "from 1 to 2000" in said[100000, "TLT"]
    assert "NOPE" in said[100, "NOPE"]
    assert "not a symbol" in said[100, "bad symbol"]
    failed = found.reason != 0
    assert np.isnan(found.metrics[failed]).all()
    assert not np.isnan(found.metrics[~failed, 0]).any()
    check(flow, demo, settings, grid, found, 1)


def test_shares_that_do_not_sum_to_one_fail_their_runs(demo):
    root, texts = CASES["shares"]
    grid = parse_grid(texts)
    sweeper = Sweeper(prepare(flow_of(root), grid, demo, parse_settings(start=START, end=END)))
    found = sweeper.run(grid.points())
    for i, reason in enumerate(found.reason.tolist()):
        values = grid.values_at(i)
        assert (reason == 0) == (values["share"] + values["rest"] == 1)
    assert any("sum to" in text for text in sweeper.reasons)


def test_what_is_wrong_with_every_run_is_refused(demo):
    grid, settings = parse_grid(["trend=100,200"]), parse_settings(start=START, end=END)
    with pytest.raises(UnknownName, match="nope"):
        prepare(flow_of(CASES["gates"][0]), parse_grid(["nope=1,2"]), demo, settings)
    broken = gate(than(number("rsi", "SPY", window=0), ">", 3), hold("SPY"), hold("TLT"))
    with pytest.raises(FlowInvalid, match="from 2 to 500"):
        prepare(flow_of(gate(UP, broken, hold("TLT"))), grid, demo, settings)
    with pytest.raises(UnknownName, match="NOPE"):
        prepare(flow_of(gate(UP, hold("NOPE"), hold("TLT"))), grid, demo, settings)
    with pytest.raises(RangeUnavailable):
        prepare(flow_of(gate(UP, hold("SPY"), hold("TLT"))), grid, demo,
                parse_settings(start=date(1900, 1, 1)))  # fmt: skip
    flow = flow_of(gate(UP, hold("$safe"), hold("TLT")), benchmark="$safe")
    with pytest.raises(BadInput, match="names the benchmark"):
        prepare(flow, parse_grid(["safe=SPY,QQQ"]), demo, settings)


def test_a_measured_flow_with_too_many_versions_is_refused(demo, monkeypatch):
    monkeypatch.setattr(observing, "MAX_INNER", 3)
    root, texts = CASES["flows"]
    with pytest.raises(BadInput, match="has 4 versions"):
        prepare(flow_of(root), parse_grid(texts), demo, parse_settings(start=START, end=END))


def test_rows_are_run_as_they_are_listed(demo):
    flow = flow_of(CASES["gates"][0])
    grid = rows_grid(
        [{"hot": 60, "trend": 50}, {"hot": 80, "trend": 200}, {"hot": 65, "trend": 90}]
    )
    settings = parse_settings(start=START, end=END, variables={"safe": "GLD"})
    found = Sweeper(prepare(flow, grid, demo, settings)).run(grid.points())
    request = settings.model_copy(update={"variables": {"safe": "GLD", "hot": 65, "trend": 90}})
    expected = run_backtest(flow, demo, request).result.metrics["sharpe"]
    assert found.metrics[2, METRICS.index("sharpe")] == pytest.approx(expected, rel=1e-12)
