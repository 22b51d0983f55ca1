"""Backtests on real prices, 2010 to 2025, against the reference evaluator.

The flows together use every kind of node. The reference reads the file by itself (plain pandas),
evaluates docs/flow.md by plain recursion, and does its own accounting.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.backtest.run import run_backtest
from core.backtest.settings import parse_settings
from core.flow.formats.native import from_json
from core.market.sources.files import FilesSource
from tests.reference.account import Account, equity
from tests.reference.evaluate import Evaluation, evaluate
from tests.reference.markets import Market

START, END = date(2010, 1, 4), date(2025, 6, 27)
SYMBOLS = ("SPY", "QQQ", "TLT", "GLD", "IEF", "EFA", "XLE", "XLU", "UUP", "BIL")


def asset(symbol: str) -> dict[str, Any]:
    return {"kind": "asset", "symbol": symbol}


def number(indicator: str, symbol: str, **rest: Any) -> dict[str, Any]:
    return {"indicator": indicator, "symbol": symbol, **rest}


GATES = {
    "name": "Gates within gates",
    "costs": {"slippage_bps": 5},
    "variables": {"window": 10, "hot": 75, "safe": "TLT"},
    "root": {
        "kind": "gate",
        "when": {"all": [
            {"left": number("close", "SPY"), "op": ">", "right": number("sma", "SPY", window=200)},
            {"not": {"left": number("rsi", "QQQ", window="$window"), "op": ">", "right": "$hot"}},
        ]},
        "then": {"kind": "gate",
                 "when": {"any": [
                     {"left": number("roc", "QQQ", window=60), "op": ">",
                      "right": number("roc", "SPY", window=60), "for_days": 3},
                     {"month": [11, 12, 1]},
                 ]},
                 "then": asset("QQQ"),
                 "else": {"kind": "weight", "children": [asset("SPY"), asset("EFA")]}},
        "else": {"kind": "group", "name": "Shelter",
                 "child": {"kind": "weight", "scheme": "specified", "weights": [0.5, 0.3, 0.2],
                           "children": [asset("$safe"), asset("GLD"), {"kind": "cash"}]}},
    },
}  # fmt: skip
SORTS = {
    "name": "Sorts of flows",
    "rebalance": "monthly",
    "costs": {"slippage_bps": 3, "commission_bps": 1},
    "root": {
        "kind": "sort",
        "items": ["XLE", "XLU", "EFA", {
            "kind": "weight", "scheme": "inverse_volatility", "window": 40,
            "children": [asset("SPY"), asset("TLT"), {"kind": "strategy", "strategy": "gates"}],
        }],
        "filters": [{"left": {"indicator": "close"}, "op": ">",
                     "right": {"indicator": "sma", "window": 120}}],
        "by": [{"indicator": "cumulative_return", "window": 90}, {"indicator": "std_return", "window": 20}],
        "order": ["desc", "asc"],
        "take": 2,
        "allocation": "rank",
    },
}  # fmt: skip
MEMORY = {
    "name": "Latch, switch and scale",
    "rebalance": {"every": "weekly", "threshold": 0.05},
    "root": {
        "kind": "latch",
        "enter": {"left": number("max_drawdown", "SPY", window=60), "op": ">", "right": 10},
        "exit": {"left": number("distance_from_high", "SPY", window=120), "op": "<", "right": 4},
        "then": {"kind": "sort", "items": ["TLT", "GLD", "UUP", "BIL"],
                 "by": {"indicator": "roc", "window": 30}, "take": 2,
                 "allocation": "inverse_volatility", "window": 20},
        "else": {"kind": "switch",
                 "conditions": [
                     {"left": number("close", "SPY"), "op": "<", "right": number("sma", "SPY", window=100)},
                     {"at_least": {"count": 2, "of": [
                         {"left": number("rsi", "SPY", window=14), "op": "<", "right": 40},
                         {"left": number("zscore", "EFA", window=30), "op": "<", "right": -1},
                         {"left": number("correlation", "SPY", other="TLT", window=60), "op": ">", "right": 0.1},
                     ]}},
                 ],
                 "cases": [
                     {"kind": "scale", "indicator": number("rsi", "QQQ", window=10),
                      "from": 40, "to": 80, "children": [asset("QQQ"), asset("SPY"), asset("IEF")]},
                     {"kind": "weight", "scheme": "rank", "children": [asset("SPY"), asset("IEF")]},
                     asset("IEF"),
                 ]},
    },
}  # fmt: skip
LIBRARY = {"gates": GATES}
FLOWS = {"gates": GATES, "sorts": SORTS, "memory": MEMORY}


@pytest.fixture(scope="module")
def path(shared):
    return shared / "data" / "equities_daily.csv.gz"


@pytest.fixture(scope="module")
def prices(path) -> Market:
    """Adjusted prices by field, on every session of New York."""
    frame = pd.read_csv(path, parse_dates=["date"])
    frame = frame[frame["symbol"].isin(SYMBOLS)]
    factor = frame["adj_close"] / frame["close"]
    for field in ("open", "high", "low", "close"):
        frame[field] = frame[field] * factor
    wide = frame.pivot(index="date", columns="symbol")
    sessions = wide.index[wide["close"]["SPY"].notna()]  # SPY has traded in every one of them
    return Market({
        field: wide[field].reindex(sessions)[list(SYMBOLS)]
        for field in ("open", "high", "low", "close", "volume")
    })  # fmt: skip


@pytest.fixture(scope="module")
def source(path) -> FilesSource:
    return FilesSource(path)


@pytest.fixture(scope="module")
def opinion(prices) -> Callable[[str], Evaluation]:
    """What the reference decides of a flow by name: the same however it is executed."""
    return functools.cache(
        lambda name: evaluate(document(name), prices, None, {"gates": document("gates")})
    )


def document(name: str) -> dict[str, Any]:
    return {"sluice": 1, **FLOWS[name]}


def find(name: str):
    return from_json(document(name))


@pytest.mark.slow
@pytest.mark.parametrize("execution", ["close", "next_open"])
@pytest.mark.parametrize("name", FLOWS)
def test_weights_and_equity_are_the_references(name, execution, source, prices, opinion):
    settings = parse_settings(start=START, end=END, execution=execution, benchmark="none")
    result = run_backtest(from_json(document(name)), source, settings, find=find).result

    decisions = opinion(name)
    first = list(prices["close"].index).index(pd.Timestamp(START))
    sure = max(decisions.doubtful_from, first)
    # A comparison of nearly equal numbers may fall either way; real prices have none here.
    assert sure == len(prices["close"]), f"in doubt from {prices['close'].index[sure]}"
    decided = decisions.weights.iloc[first:]
    flow = FLOWS[name]
    account = Account(
        rebalance=flow.get("rebalance", "daily"),
        slippage_bps=flow.get("costs", {}).get("slippage_bps", 0),
        commission_bps=flow.get("costs", {}).get("commission_bps", 0),
        next_open=execution == "next_open",
        borrow_rate=0.05,
    )
    due = np.maximum.accumulate(
        np.where(account.due(list(decided.index)), np.arange(len(decided)), 0)
    )
    in_force = decided.iloc[due]

    assert [str(d) for d in result.sessions[[0, -1]]] == [str(START), str(END)]
    expected = in_force[list(result.symbols)].to_numpy()
    np.testing.assert_allclose(result.weights, expected, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(result.weights == 0, expected == 0)
    books = equity(decided, prices, account)
    np.testing.assert_allclose(result.equity, books["equity"], rtol=1e-9)
    np.testing.assert_allclose(result.returns, books["returns"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(result.turnover, books["turnover"], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", FLOWS)
def test_a_backtest_is_plausible_and_the_same_to_the_bit(name, path):
    settings = parse_settings(start=START, end=END)
    runs = [
        run_backtest(from_json(document(name)), FilesSource(path), settings, find=find).result
        for _ in range(2)
    ]
    first, second = runs
    assert first.equity.tobytes() == second.equity.tobytes()
    assert first.weights.tobytes() == second.weights.tobytes()
    assert json.dumps(first.metrics) == json.dumps(second.metrics)
    assert first.data_digest == second.data_digest
    assert 0.0 < first.metrics["cagr"] < 0.3
    assert 0.02 < first.metrics["volatility"] < 0.3
    assert (first.weights >= 0).all()
    assert (first.weights.sum(axis=1) <= 1 + 1e-9).all()


def test_every_kind_of_node_is_among_the_flows():
    kinds = set()

    def look(part: Any) -> None:
        if isinstance(part, dict):
            kinds.add(part.get("kind"))
            for value in part.values():
                look(value)
        elif isinstance(part, list):
            for value in part:
                look(value)

    look(FLOWS)
    assert kinds - {None} == {
        "asset", "cash", "weight", "gate", "latch", "switch", "scale", "sort", "group", "strategy",
    }  # fmt: skip
