"""Runs that divide their capital equal their backtests, however their nodes are nested."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from core.backtest.run import run_backtest
from core.backtest.settings import parse_settings
from core.flow.formats.native import from_json
from core.market.sources.demo import DemoSource
from core.sweep import portfolios
from core.sweep.grid import parse_grid
from core.sweep.kernel import METRICS
from core.sweep.prepare import Prepared, prepare
from core.sweep.run import Sweeper
from core.sweep.top import find_top
from tests.fakes.clock import VirtualClock

SPAN = {"start": date(2020, 1, 2), "end": date(2021, 12, 31)}
DEFAULTS = {"window": 10, "hot": 60, "low": 35, "trend": 100, "take": 2, "share": 0.5, "rest": 0.5}


@pytest.fixture(scope="module")
def demo() -> DemoSource:
    return DemoSource(VirtualClock("2024-07-01T15:00:00"))


def hold(symbol: str) -> dict[str, Any]:
    return {"kind": "asset", "symbol": symbol}


def number(indicator: str, symbol: str, **rest: Any) -> dict[str, Any]:
    return {"indicator": indicator, "symbol": symbol, **rest}


def gate(left: Any, op: str, right: Any, then: Any, otherwise: Any, **rest: Any) -> dict[str, Any]:
    when = {"left": left, "op": op, "right": right, **rest}
    return {"kind": "gate", "when": when, "then": then, "else": otherwise}


def weight(scheme: str, *children: Any, **rest: Any) -> dict[str, Any]:
    return {"kind": "weight", "scheme": scheme, "children": list(children), **rest}


def scale(symbol: str, *children: Any) -> dict[str, Any]:
    return {"kind": "scale", "indicator": number("rsi", symbol, window="$window"), "from": "$low",
            "to": "$hot", "children": list(children)}  # fmt: skip


HOT = gate(number("rsi", "QQQ", window="$window"), ">", "$hot", hold("TLT"),
           weight("equal", hold("SPY"), hold("XLE"), hold("QQQ")))  # fmt: skip
UP = gate(number("close", "SPY"), ">", number("sma", "SPY", window="$trend"), hold("SPY"),
          weight("rank", hold("GLD"), hold("BIL"), hold("TLT")), for_days=2)  # fmt: skip
BEST = {"kind": "sort", "items": ["SPY", "QQQ", "TLT", "GLD", "XLE"], "take": "$take", "allocation": "rank",
        "by": {"indicator": "roc", "window": "$window"}}  # fmt: skip
CASES: dict[str, tuple[dict[str, Any], list[str], int]] = {
    "scale of two": (scale("SPY", HOT, UP), ["window=5,10", "hot=55,65", "trend=50,150"], 2),
    "scale of three": (scale("TLT", HOT, UP, hold("GLD")), ["window=5,10", "hot=55,65", "low=30,45"], 2),
    "scales in scales": (scale("SPY", scale("QQQ", HOT, hold("GLD")), scale("TLT", UP, HOT, hold("BIL"))),
                         ["window=5,10,14", "hot=55,65", "low=30,40"], 4),
    "gate over a scale": (
        gate(number("rsi", "IWM", window=10), "<", "$hot", scale("SPY", HOT, UP), {"kind": "cash"}),
        ["window=5,10", "hot=50,60", "low=30,40"], 2),
    "switch over mixes": (
        {"kind": "switch", "cases": [scale("SPY", HOT, UP), BEST, hold("BIL")], "conditions": [
            {"left": number("rsi", "QQQ", window="$window"), "op": ">", "right": "$hot"},
            {"month": [2, 6, 10]}]},
        ["window=5,10", "hot=50,60", "take=1:3"], 3),
    "sort of symbols": (BEST, ["window=5,20,60", "take=1:4"], 4),
    "sort of flows": (
        {"kind": "sort", "items": [HOT, UP, "GLD", scale("SPY", hold("IWM"), hold("TLT"))], "take": "$take",
         "allocation": "inverse_volatility", "window": 20, "order": ["asc", "desc"],
         "by": [{"indicator": "std_return", "window": "$window"}, {"indicator": "roc", "window": 5}]},
        ["window=5,20", "hot=55,65", "take=1:3"], 6),
    "sort with filters and ties": (
        {"kind": "sort", "items": ["SPY", "QQQ", "TLT", HOT], "take": 2, "allocation": "specified",
         "weights": ["$share", "$rest"], "order": ["desc", "asc"],
         "filters": [{"left": {"indicator": "rsi", "window": "$window"}, "op": "<", "right": "$hot"}],
         "by": [{"indicator": "rsi", "window": 10, "times": 0}, {"indicator": "roc", "window": "$window"}]},
        ["window=5,20", "hot=55,65", "share=0.5,0.7", "rest=0.5,0.3"], 2),
    "weights of mixes": (
        weight("specified", weight("equal", HOT, UP), scale("TLT", HOT, hold("GLD")), weights=["$share", "$rest"]),
        ["window=5,10", "hot=55,65", "share=0.5,0.7", "rest=0.5,0.3"], 4),
    "inverse volatility of flows": (
        weight("inverse_volatility", HOT, UP, hold("GLD"), window="$window"),
        ["window=5,20", "hot=55,65", "trend=50,150"], 3),
}  # fmt: skip
TERMS: dict[str, dict[str, Any]] = {
    "daily": {"slippage_bps": 10, "benchmark": "SPY"},
    "monthly": {"slippage_bps": 5, "rebalance": {"every": "monthly"}, "cash_rate": 0.03},
    "drift at the open": {"slippage_bps": 5, "rebalance": {"threshold": 0.03}, "execution": "next_open",
                          "leverage": 2.5},
}  # fmt: skip


def ready_for(case: str, demo: DemoSource, **terms: Any) -> Prepared:
    root, texts, _ = CASES[case]
    document = {"sluice": 1, "name": "case", "root": root, "variables": DEFAULTS}
    return prepare(from_json(document), parse_grid(texts), demo, parse_settings(**SPAN, **terms))


def fewest(ready: Prepared) -> int:
    """So few versions may be kept that a top can just be found, and all is divided that can be."""
    return next(k for k in range(1, 100) if find_top(ready.values, k))


def keep_few(ready: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    each = len(ready.sessions) * len(ready.values.held) * 8
    monkeypatch.setattr(portfolios, "MOST_BYTES", fewest(ready) * each)


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("case", CASES)
def test_runs_equal_backtests(case, terms, demo, monkeypatch):
    ready = ready_for(case, demo, **TERMS[terms])
    keep_few(ready, monkeypatch)
    sweeper = Sweeper(ready)
    assert sweeper.portfolios is not None
    assert sweeper.portfolios.top.mixes
    found = sweeper.run(ready.plan.grid.points())
    sound = np.flatnonzero(found.reason == 0)
    flow = from_json({"sluice": 1, "name": "case", "root": CASES[case][0], "variables": DEFAULTS})
    for i in np.random.default_rng(1).choice(sound, min(3, len(sound)), replace=False):
        values = ready.plan.grid.values_at(int(found.points[i]))
        settings = parse_settings(**SPAN, **TERMS[terms], variables=values)
        expected = run_backtest(flow, demo, settings).result.metrics
        for name, value in zip(METRICS, found.metrics[i], strict=True):
            other = expected.get(name, np.nan)
            assert value == pytest.approx(other, rel=1e-12, abs=1e-12, nan_ok=True), (name, values)


@pytest.mark.parametrize("case", CASES)
def test_how_many_sleeves(case, demo):
    ready, (_, _, expected) = ready_for(case, demo), CASES[case]
    top = find_top(ready.values, fewest(ready))
    assert top is not None
    assert top.sleeves[0] == expected


def test_nothing_is_divided_that_can_be_kept(demo):
    ready = ready_for("sort of symbols", demo)
    top = find_top(ready.values, 1_000)
    assert top is not None
    assert (top.nodes, top.portfolios) == ((), (0,))
    assert find_top(ready.values, 1) is None


def test_slices_and_order_do_not_matter(demo, monkeypatch):
    ready = ready_for("scales in scales", demo)
    keep_few(ready, monkeypatch)
    sweeper, points = Sweeper(ready), ready.plan.grid.points()
    whole = sweeper.run(points).metrics
    monkeypatch.setattr("core.sweep.run.SLICE", 3)
    np.testing.assert_array_equal(sweeper.run(points[::-1]).metrics[::-1], whole)
