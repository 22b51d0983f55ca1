"""The awkward cases of docs/flow.md, one by one, on prices small enough to check by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.flow.evaluate import decide, observe
from core.flow.trace import trace
from tests.reference.engine import bound
from tests.reference.markets import Market, bars_of

NAN = float("nan")
A, B, C = ({"kind": "asset", "symbol": s} for s in "ABC")


def market(**closes: list[float]) -> Market:
    """Bars whose open, high and low are the close; one symbol a keyword."""
    days = pd.bdate_range("2024-01-02", periods=len(next(iter(closes.values()))))
    frame = pd.DataFrame(closes, days, dtype=float)
    return Market({name: frame.copy() for name in ("open", "high", "low", "close", "volume")})


def weights(root: dict[str, Any], prices: Market, **rest: Any) -> list[dict[str, float]]:
    """What is held after each session, symbols with a weight only."""
    seen = observe(bound({"sluice": 1, "name": "case", "root": root, **rest}), bars_of(prices))
    decided = decide(seen)
    return [
        {s: round(w, 12) for s, w in zip(seen.binding.held, row, strict=True) if w}
        for row in decided.weights.tolist()
    ]


def above(symbol: str, level: float, **rest: Any) -> dict[str, Any]:
    return {"left": {"indicator": "close", "symbol": symbol}, "op": ">", "right": level, **rest}


def sort(**rest: Any) -> dict[str, Any]:
    return {"kind": "sort", "items": ["A", "B", "C"], "by": {"indicator": "close"}, **rest}


# -- sort ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_items_equal_on_every_key_rank_in_the_order_listed(order):
    prices = market(A=[5, 5], B=[5, 5], C=[5, 6])
    first, second = weights(sort(take=1, order=order), prices)
    assert first == {"A": 1.0}
    assert second == ({"A": 1.0} if order == "asc" else {"C": 1.0})


def test_a_second_key_decides_where_the_first_ties():
    prices = market(A=[4, 5], B=[3, 5], C=[9, 1])
    by = [{"indicator": "close"}, {"indicator": "close", "days_ago": 1}]
    assert weights(sort(by=by, order=["desc", "asc"]), prices)[1] == {"B": 1.0}


@pytest.mark.parametrize(
    ("allocation", "expected"),
    [
        ({}, {"B": 1 / 3, "C": 1 / 3}),
        ({"allocation": "rank"}, {"C": 3 / 6, "B": 2 / 6}),
        ({"allocation": "specified", "weights": [0.5, 0.3, 0.2]}, {"C": 0.5, "B": 0.3}),
    ],
)
def test_a_missing_pick_leaves_its_own_part_in_cash(allocation, expected):
    prices = market(A=[NAN, NAN], B=[2, 2], C=[3, 3])
    found = weights(sort(take=3, **allocation), prices)[1]
    assert found == pytest.approx(expected)


def test_filters_leave_out_items_and_an_empty_sort_is_cash():
    passing = {"left": {"indicator": "close"}, "op": ">", "right": 2.5}
    prices = market(A=[1, 1, 1], B=[2, 2, 2], C=[3, 2, 3])
    assert weights(sort(filters=[passing]), prices) == [{"C": 1.0}, {}, {"C": 1.0}]


def test_an_item_listed_twice_counts_twice():
    prices = market(A=[9, 9], B=[1, 1], C=[2, 2])
    found = weights({**sort(take=2), "items": ["A", "A", "B", "C"]}, prices)
    assert found[0] == {"A": 1.0}


def test_flows_are_sorted_by_their_own_equity():
    """Over two sessions A gains 10 %, half A half B 5 %, B nothing."""
    prices = market(A=[100, 100, 110, 110], B=[50, 50, 50, 50])
    items = [B, {"kind": "weight", "children": [A, B]}]
    by = {"indicator": "cumulative_return", "window": 2}
    found = weights({"kind": "sort", "items": items, "by": by}, prices)
    assert found[2] == {"A": 0.5, "B": 0.5}


# -- unknown -------------------------------------------------------------------------------------


def test_history_shorter_than_the_look_back_leaves_the_share_in_cash():
    average = {"indicator": "sma", "symbol": "A", "window": 3}
    gate = {
        "kind": "gate",
        "when": {"left": {"indicator": "close", "symbol": "A"}, "op": ">=", "right": average},
        "then": A,
        "else": B,
    }
    found = weights(gate, market(A=[1, 2, 3, 1], B=[1, 1, 1, 1]))
    assert found == [{}, {}, {"A": 1.0}, {"B": 1.0}]


def test_a_symbol_listed_midway_leaves_its_share_in_cash_until_then():
    root = {"kind": "weight", "children": [A, B]}
    found = weights(root, market(A=[1, 1, 1], B=[NAN, 1, 1]))
    assert found == [{"A": 0.5}, {"A": 0.5, "B": 0.5}, {"A": 0.5, "B": 0.5}]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"all": [above("A", 0), above("N", 0)]}, None),
        ({"all": [above("A", 9), above("N", 0)]}, False),
        ({"any": [above("A", 0), above("N", 0)]}, True),
        ({"any": [above("A", 9), above("N", 0)]}, None),
        ({"not": above("N", 0)}, None),
        ({"at_least": {"count": 1, "of": [above("A", 0), above("N", 0)]}}, True),
        ({"at_least": {"count": 2, "of": [above("A", 0), above("N", 0)]}}, None),
        ({"at_least": {"count": 2, "of": [above("A", 9), above("N", 0)]}}, False),
        (above("A", 0, for_days=2), None),
        ({"month": [1]}, True),
        ({"month": [2]}, False),
    ],
)
def test_unknown_is_neither_true_nor_false(condition, expected):
    gate = {"kind": "gate", "when": condition, "then": A, "else": B}
    prices = market(A=[1.0], B=[1.0], N=[NAN])
    word = {True: {"A": 1.0}, False: {"B": 1.0}, None: {}}[expected]
    assert weights(gate, prices)[0] == word


def test_a_missing_bar_neither_enters_an_average_nor_repeats_the_last_price():
    average = {"indicator": "sma", "symbol": "A", "window": 2}
    gate = {"kind": "gate", "when": {"left": average, "op": ">", "right": 2}, "then": B, "else": C}
    found = weights(gate, market(A=[1, NAN, 4, NAN], B=[1] * 4, C=[1] * 4))
    assert found == [{}, {}, {"B": 1.0}, {}]


# -- scale, switch, latch, weight ----------------------------------------------------------------


def test_a_scale_shares_by_place_and_clamps_outside():
    scale = {
        "kind": "scale",
        "indicator": {"indicator": "close", "symbol": "A"},
        "from": 10,
        "to": 20,
        "children": [A, B],
    }
    found = weights(scale, market(A=[5, 10, 12.5, 20, 99], B=[1] * 5))
    assert found == [{"A": 1}, {"A": 1}, {"A": 0.75, "B": 0.25}, {"B": 1}, {"B": 1}]


def test_three_children_of_a_scale_share_with_their_neighbours_only():
    scale = {
        "kind": "scale",
        "indicator": {"indicator": "close", "symbol": "A"},
        "from": 20,
        "to": 10,
        "children": [A, B, C],
    }
    found = weights(scale, market(A=[20, 17.5, 15, 12.5], B=[1] * 4, C=[1] * 4))
    assert found == [{"A": 1}, {"A": 0.5, "B": 0.5}, {"B": 1}, {"B": 0.5, "C": 0.5}]


def test_a_switch_counts_true_conditions():
    switch = {"kind": "switch", "conditions": [above("A", 1), above("A", 2)], "cases": [A, B, C]}
    found = weights(switch, market(A=[1, 2, 3], B=[1] * 3, C=[1] * 3))
    assert found == [{"A": 1}, {"B": 1}, {"C": 1}]


def test_a_latch_remembers_and_exit_wins():
    latch = {"kind": "latch", "enter": above("A", 5), "exit": above("B", 5), "then": A, "else": B}
    prices = market(A=[1, 6, 1, 6, 1, 6], B=[1, 1, 1, 9, 1, 1])
    assert weights(latch, prices) == [{"B": 1}, {"A": 1}, {"A": 1}, {"B": 1}, {"B": 1}, {"A": 1}]


def test_rank_weights_fall_in_even_steps():
    root = {"kind": "weight", "scheme": "rank", "children": [A, B, C]}
    assert weights(root, market(A=[1], B=[1], C=[1]))[0] == pytest.approx(
        {"A": 3 / 6, "B": 2 / 6, "C": 1 / 6}
    )


def test_a_price_that_never_moves_has_no_inverse_volatility():
    root = {"kind": "weight", "scheme": "inverse_volatility", "window": 2, "children": [A, B, C]}
    prices = market(A=[1, 2, 1, 2], B=[5, 5, 5, 5], C=[2, 4, 2, 4])
    assert weights(root, prices)[3] == pytest.approx({"A": 1 / 3, "C": 1 / 3})


# -- trace ---------------------------------------------------------------------------------------


def test_a_trace_tells_the_path_the_values_and_the_distance():
    root = {
        "kind": "gate",
        "name": "Hot",
        "when": {"all": [above("A", 10), above("A", 20)]},
        "then": A,
        "else": {"kind": "weight", "children": [B, C]},
    }
    prices = market(A=[15, 25], B=[1, 1], C=[1, 1])
    seen = observe(bound({"sluice": 1, "name": "case", "root": root}), bars_of(prices))
    cold, hot = trace(seen, 0), trace(seen, 1)
    assert [n.path for n in cold.reached()] == [
        "root", "root.else", "root.else.children[0]", "root.else.children[1]",
    ]  # fmt: skip
    top = cold.reached()[0]
    assert (top.title, top.choice, top.share) == ("Hot", "else", 1.0)
    # To flip, A has to rise to 20: by a quarter of 20.
    assert top.distance == pytest.approx(0.25)
    parts = top.conditions[0].parts
    assert [(p.truth, p.left, p.right) for p in parts] == [(True, 15, 10), (False, 15, 20)]
    assert cold.weights == {"B": 0.5, "C": 0.5}
    # To flip back, the nearer of the two levels decides: 20.
    assert hot.reached()[0].distance == pytest.approx(0.25)
    assert hot.weights == {"A": 1.0}


def test_what_the_trace_adds_up_to_is_what_was_decided():
    prices = market(A=[1, 2, 3, 2], B=[3, 2, 1, 2], C=[2, 2, 2, 3])
    root = {"kind": "weight", "children": [sort(take=2), {"kind": "cash"}, A]}
    seen = observe(bound({"sluice": 1, "name": "case", "root": root}), bars_of(prices))
    decided = decide(seen)
    for t in range(4):
        found = trace(seen, t)
        row = dict(zip(seen.binding.held, decided.weights[t], strict=True))
        assert found.weights == pytest.approx({s: w for s, w in row.items() if w})
        assert found.cash == pytest.approx(1 - decided.weights[t].sum())
        leaves = [n for n in found.reached() if n.kind in ("asset", "cash")]
        assert sum(n.share for n in leaves) == pytest.approx(1)
    assert np.isclose(decided.weights.sum(axis=1), 2 / 3).all()
