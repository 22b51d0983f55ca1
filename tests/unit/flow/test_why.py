"""What a session's explanation is made of: highlight, difference, and a block's history."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.flow.evaluate import Observation, decide, observe
from core.flow.highlight import highlight_of
from core.flow.history import history_of, readers
from core.flow.session_difference import difference
from core.flow.trace import trace
from tests.reference.engine import bound
from tests.reference.markets import bars_of

NAN = float("nan")
A, B, C = ({"kind": "asset", "symbol": s} for s in "ABC")


def seen(root, **closes: list[float]) -> Observation:
    days = pd.bdate_range("2024-01-02", periods=len(next(iter(closes.values()))))
    frame = pd.DataFrame(closes, days, dtype=float)
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), frame)
    return observe(bound({"sluice": 1, "name": "case", "root": root}), bars_of(prices))


def close(symbol: str, **rest):
    return {"indicator": "close", "symbol": symbol, **rest}


def above(symbol: str, right):
    return {"left": close(symbol), "op": ">", "right": right}


HOT = {"kind": "gate", "name": "Hot", "when": above("A", 10), "then": A, "else": B}
SORT = {"kind": "sort", "name": "Best", "items": ["A", "B", "C"], "by": {"indicator": "close"}}


# -- highlight -----------------------------------------------------------------------------------


def test_a_highlight_has_every_block_by_its_path():
    lit = highlight_of(trace(seen(HOT, A=[9, 11], B=[1, NAN]), 0))
    assert str(lit.session) == "2024-01-02"
    states = {path: (block.state, block.share) for path, block in lit.blocks.items()}
    assert states == {
        "root": ("taken", 1.0), "root.then": ("idle", 0.0), "root.else": ("taken", 1.0),
    }  # fmt: skip
    root = lit.blocks["root"]
    assert (root.choice, root.distance) == ("else", pytest.approx(0.1))


def test_a_highlight_tells_where_data_was_lacking():
    lit = highlight_of(trace(seen(HOT, A=[9, 9], B=[1, NAN]), 1))
    assert lit.blocks["root.else"].state == "lacking"


# -- difference ----------------------------------------------------------------------------------


def between(root, **closes):
    found = seen(root, **closes)
    return difference(trace(found, 0), trace(found, 1))


def test_a_flip_is_told_with_its_numbers_and_what_it_moved():
    found = between(HOT, A=[9, 11], B=[1, 1])
    (flip,) = found.flipped
    (condition,) = flip.conditions
    assert (flip.before.choice, flip.after.choice) == ("else", "then")
    assert condition.flipped
    assert (condition.before.left, condition.after.left, condition.after.right) == (9, 11, 10)
    weights = {w.symbol: (w.before, w.after) for w in found.weights}
    assert weights == {"A": (0, 1), "B": (1, 0)}
    assert found.moved == 1
    assert found.words() == "100.0% of the whole moved: ‘Hot’ changed sides."


def test_when_nothing_changed_the_nearest_block_is_named():
    inner = {**HOT, "name": "Far", "when": above("B", 2)}
    root = {**HOT, "then": inner}
    found = between(root, A=[20, 10.13], B=[1, 1])
    assert found.same
    assert not found.flipped
    assert found.words() == (
        "Same decision. The nearest block to another choice is ‘Hot’, 1.3% from flipping."
    )


def test_a_flow_without_numbers_says_so():
    root = {"kind": "weight", "children": [A, B]}
    assert between(root, A=[1, 2], B=[1, 2]).words() == (
        "Same decision. No block on the path chooses by a number."
    )


def test_a_flip_that_leads_to_the_same_is_told_apart():
    root = {**HOT, "else": A}
    found = between(root, A=[9, 11])
    assert found.same
    assert found.words() == "Same decision, though a block chose otherwise."


def test_a_block_off_both_paths_is_not_told():
    off = {**HOT, "name": "Off", "when": above("B", 2)}
    found = between({**HOT, "then": off, "else": C}, A=[1, 1], B=[1, 3], C=[1, 1])
    assert found.same
    assert not found.flipped


def test_the_side_of_a_switch_is_how_many_hold():
    root = {
        "kind": "switch",
        "conditions": [above("A", 10), above("B", 10)],
        "cases": [A, B, {"kind": "cash"}],
    }
    # One holds on both sessions, though another one.
    assert not between(root, A=[11, 9], B=[9, 11]).flipped
    (flip,) = between(root, A=[11, 11], B=[9, 11]).flipped
    assert [c.flipped for c in flip.conditions] == [False, True]
    assert flip.after.choice == "case 2"


def test_ranks_that_changed_are_told():
    found = between({**SORT, "take": 2}, A=[3, 3], B=[2, 4], C=[1, 1])
    (sort,) = found.ranked
    assert [(r.after.text, r.before.rank, r.after.rank) for r in sort.ranks] == [
        ("A", 1, 2), ("B", 2, 1),
    ]  # fmt: skip
    assert found.same  # both are still held, half each
    found = between(SORT, A=[3, 3], B=[2, 4], C=[1, 1])
    assert found.words() == "100.0% of the whole moved: ‘Best’ picked otherwise."


def test_a_scale_that_moves_and_cash_are_told():
    scale = {
        "kind": "scale", "name": "Blend", "indicator": close("A"), "from": 10, "to": 20,
        "children": [A, {"kind": "cash"}],
    }  # fmt: skip
    found = between(scale, A=[12, 15])
    (blend,) = found.blended
    assert (blend.before.choice, blend.after.choice) == ("20% of the way", "50% of the way")
    assert {w.symbol: (w.before, w.after) for w in found.weights} == {
        "A": (pytest.approx(0.8), 0.5), None: (pytest.approx(0.2), 0.5),
    }  # fmt: skip
    assert found.words() == "30.0% of the whole moved: ‘Blend’ moved."


def test_data_that_went_missing_is_a_reason():
    found = between(A, A=[1, NAN])
    assert [c.after.path for c in found.lacking] == ["root"]
    assert found.words() == "100.0% of the whole moved: ‘A’ lacked data on one of them."


# -- history -------------------------------------------------------------------------------------


def test_what_is_compared_shares_a_panel_and_numbers_are_levels():
    when = {"all": [
        above("A", {"indicator": "sma", "symbol": "A", "window": 2}),
        {"left": {"indicator": "rsi", "symbol": "B", "window": 2}, "op": "<", "right": 75},
        above("C", close("B")),
    ]}  # fmt: skip
    found = seen({**HOT, "when": when}, A=[1, 2, 3, 4], B=[1, 2, 1, 2], C=[1, 1, 2, 2])
    history = history_of(found, 0)
    panels = [
        ([line.text for line in p.lines], [x.value for x in p.levels]) for p in history.panels
    ]
    assert panels == [
        (["Price of A", "SMA(2) of A"], []),
        (["RSI(2) of B"], [75.0]),
        (["Price of C", "Price of B"], []),
    ]
    assert [p.title for p in history.panels] == ["Price", "RSI(2)", "Price"]
    np.testing.assert_array_equal(history.panels[0].lines[0].values, [1, 2, 3, 4])


def test_what_is_drawn_over_one_price_shares_its_panel():
    average = {"indicator": "sma", "symbol": "A", "window": 2}
    when = {"all": [above("A", 5), {"left": average, "op": "<", "right": 9}, above("B", 5)]}
    panels = history_of(seen({**HOT, "when": when}, A=[1, 2, 3], B=[1, 2, 3]), 0).panels
    assert [len(p.lines) for p in panels] == [2, 1]
    assert [x.value for x in panels[0].levels] == [5, 9]


def test_a_shared_level_does_not_join_panels():
    when = {"any": [
        {"left": {"indicator": "rsi", "symbol": s, "window": 2}, "op": ">", "right": 50}
        for s in "AB"
    ]}  # fmt: skip
    history = history_of(seen({**HOT, "when": when}, A=[1, 2, 3], B=[1, 2, 3]), 0)
    assert [len(p.lines) for p in history.panels] == [1, 1]
    assert [[x.value for x in p.levels] for p in history.panels] == [[50.0], [50.0]]


def test_a_gate_holds_with_its_condition_wherever_the_path_went():
    inner = {**HOT, "when": above("B", 2)}
    found = seen({**HOT, "then": inner, "else": C}, A=[11, 9, 9], B=[3, 3, NAN], C=[1, 1, 1])
    history = history_of(found, 1)
    assert history.path == "root.then"
    np.testing.assert_array_equal(history.held, [1, 1, NAN])
    np.testing.assert_array_equal(history.share, [1, 0, 0])
    later = history_of(found, 1, first=1)
    assert str(later.sessions[0]) == "2024-01-03"
    np.testing.assert_array_equal(later.held, [1, NAN])
    assert len(later.panels[0].lines[0].values) == 2


def test_a_sort_has_a_panel_for_each_key_and_a_leaf_has_none():
    by = [{"indicator": "roc", "window": 1}, {"indicator": "close"}]
    found = seen({**SORT, "by": by}, A=[1, 2, 3], B=[3, 2, 1], C=[1, 1, 1])
    panels = history_of(found, 0).panels
    assert [p.title for p in panels] == ["ROC(1)", "Price"]
    assert [len(p.lines) for p in panels] == [3, 3]
    leaf = history_of(found, 1)
    assert (leaf.panels, leaf.means) == ((), "On the path")
    np.testing.assert_array_equal(leaf.held, [0, 1, 1])
    assert readers(found.binding) == [0]


def test_a_scale_has_its_ends_as_levels_and_its_place():
    scale = {"kind": "scale", "indicator": close("A"), "from": 10, "to": 20, "children": [A, B]}
    history = history_of(seen(scale, A=[5, 15, 30], B=[1, 1, 1]), 0)
    assert [x.value for x in history.panels[0].levels] == [10, 20]
    np.testing.assert_array_equal(history.held, [0, 0.5, 1])


def test_shares_over_time_are_what_the_traces_say():
    root = {"kind": "weight", "scheme": "rank", "children": [HOT, {**SORT, "take": 2}]}
    found = seen(root, A=[9, 11, 12, 8], B=[3, 12, 5, 20], C=[7, 7, 7, NAN])
    for node in range(len(found.binding.program.nodes)):
        expected = [trace(found, t).nodes[node].share or 0.0 for t in range(4)]
        assert history_of(found, node).share.tolist() == expected
    assert decide(found).weights.sum() > 0
