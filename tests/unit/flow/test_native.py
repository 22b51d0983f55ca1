"""The flow format: what is read, what is refused, and that nothing is lost on the way back."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from core.errors import BadInput, FlowInvalid
from core.flow import nodes as ast
from core.flow.formats.native import MAX_DEPTH, content_hash, dump, from_json, parse, to_json

RSI = {"indicator": "rsi", "symbol": "SPY", "window": "$window"}
GATE: dict[str, Any] = {
    "kind": "gate",
    "when": {"left": RSI, "op": ">", "right": "$hot"},
    "then": {"kind": "asset", "symbol": "$safe"},
    "else": {"kind": "weight", "children": [{"kind": "asset", "symbol": "QQQ"}]},
}
DOCUMENT: dict[str, Any] = {
    "sluice": 1,
    "name": "Risk on, risk off",
    "rebalance": "daily",
    "benchmark": "SPY",
    "costs": {"slippage_bps": 5, "commission_bps": 0},
    "variables": {"window": 10, "hot": 75, "safe": "TLT"},
    "root": GATE,
}

EVERY_KIND: dict[str, Any] = {
    "name": "Every kind",
    "rebalance": {"every": "monthly", "threshold": 0.05},
    "benchmark": {"strategy": "other-one"},
    "signal_prices": "split_adjusted",
    "variables": {"n": 2, "which": "roc"},
    "root": {
        "kind": "weight",
        "scheme": "specified",
        "weights": [0.5, 0.25, 0.25],
        "children": [
            {
                "kind": "latch",
                "enter": {"any": [{"month": [1, 2]}, {"not": {"month": [3]}}]},
                "exit": {"at_least": {"count": 1, "of": [{"month": [4]}]}},
                "then": {"kind": "cash", "name": "Out", "note": "a note"},
                "else": {"kind": "strategy", "strategy": "other-one"},
            },
            {
                "kind": "switch",
                "conditions": [
                    {
                        "left": {
                            "indicator": "sma",
                            "of": {"kind": "asset", "symbol": "SPY"},
                            "window": 5,
                            "days_ago": 1,
                            "times": 1.01,
                            "plus": -2,
                        },
                        "op": "<=",
                        "right": 3.5,
                        "for_days": "$n",
                    }
                ],
                "cases": [
                    {
                        "kind": "scale",
                        "indicator": {"indicator": "rsi", "symbol": "SPY"},
                        "from": 80,
                        "to": 60,
                        "children": [{"kind": "cash"}, {"kind": "asset", "symbol": "BRK.B"}],
                    },
                    {
                        "kind": "group",
                        "colour": "#00ff00",
                        "child": {"kind": "asset", "symbol": "BTCUSDT"},
                    },
                ],
            },
            {
                "kind": "sort",
                "items": ["SPY", {"kind": "asset", "symbol": "TLT", "name": "Bonds"}, "$x"],
                "filters": [{"left": {"indicator": "close"}, "op": ">", "right": 1}],
                "by": [{"indicator": "$which", "window": 20}, {"indicator": "volume"}],
                "order": ["asc", "desc"],
                "take": "$n",
                "allocation": "inverse_volatility",
                "window": 30,
            },
        ],
    },
}


@pytest.mark.parametrize("document", [DOCUMENT, EVERY_KIND], ids=["small", "every kind"])
def test_nothing_is_lost_between_json_and_a_flow(document):
    flow = from_json(document)
    assert from_json(to_json(flow)) == flow
    assert parse(dump(flow)) == flow


def test_what_is_written_is_what_was_read_without_its_defaults():
    written = to_json(from_json(DOCUMENT))
    expected = deepcopy(DOCUMENT)
    del expected["rebalance"], expected["costs"]["commission_bps"]
    assert written == expected


def test_a_whole_float_and_an_integer_are_one_number():
    other = deepcopy(DOCUMENT)
    other["variables"]["hot"] = 75.0
    assert content_hash(from_json(other)) == content_hash(from_json(DOCUMENT))


def test_any_other_change_changes_the_content_hash():
    for change in ({"name": "Another"}, {"rebalance": "weekly"}, {"root": {"kind": "cash"}}):
        assert content_hash(from_json(DOCUMENT | change)) != content_hash(from_json(DOCUMENT))


def test_reading_leaves_the_input_as_it_was():
    before = deepcopy(EVERY_KIND)
    from_json(EVERY_KIND)
    assert before == EVERY_KIND


def test_a_symbol_in_a_sort_is_an_asset():
    sort = from_json(EVERY_KIND).root.children[2]
    assert sort.items[0] == ast.Asset(symbol="SPY")


def gate(**change: Any) -> dict[str, Any]:
    return {"name": "x", "variables": DOCUMENT["variables"], "root": GATE | change}


WRONG = [  # what is wrong, the document, where it is found, what the message mentions
    ("a key that does not exist", gate(els={}), "root.els", "Did you mean 'else'"),
    ("a missing key", {"name": "x", "root": {"kind": "asset"}}, "root.symbol", "missing"),
    ("a kind that does not exist", {"name": "x", "root": {"kind": "gat"}}, "root.kind", "'gate'"),
    ("a kind that is no word", {"name": "x", "root": {"kind": 3}}, "root.kind", "3"),
    ("no root", {"name": "x"}, "root", "missing"),
    ("no name", {"root": {"kind": "cash"}}, "name", "missing"),
    ("a node without a kind", gate(then={}), "root.then", "kind"),
    ("a number for a node", gate(then=3), "root.then", "kind"),
    ("a bad operator", gate(when=GATE["when"] | {"op": "=>"}), "root.when.op", "'>='"),
    ("no condition", gate(when={"foo": 1}), "root.when", "comparison"),
    ("an empty list", gate(when={"all": []}), "root.when.all", "at least 1"),
    ("month 13", gate(when={"month": [13]}), "root.when.month[0]", "12"),
    ("text for a number", gate(when=GATE["when"] | {"right": "hot"}), "root.when.right", "$name"),
    ("true for a number", gate(when=GATE["when"] | {"right": True}), "root.when.right", "number"),
    ("a bad variable", gate(when=GATE["when"] | {"right": "$1"}), "root.when.right", "letter"),
    ("a blank in a symbol", gate(then={"kind": "asset", "symbol": "S PY"}), "root.then.symbol", "S PY"),
    ("a newer format", DOCUMENT | {"sluice": 2}, "sluice", "1"),
    ("a schedule that does not exist", DOCUMENT | {"rebalance": "dayly"}, "rebalance.every", "daily"),
    ("a threshold of 5", DOCUMENT | {"rebalance": {"threshold": 5}}, "rebalance.threshold", "less"),
    ("negative costs", DOCUMENT | {"costs": {"slippage_bps": -1}}, "costs.slippage_bps", "greater"),
    ("a bad colour", {"name": "x", "root": {"kind": "group", "colour": "red", "child": {"kind": "cash"}}}, "root.colour", "pattern"),
    ("a bad reference", {"name": "x", "root": {"kind": "strategy", "strategy": "No Such"}}, "root.strategy", "short name"),
    ("a bad item", {"name": "x", "root": {"kind": "sort", "items": ["SPY", 3], "by": {"indicator": "rsi"}}}, "root.items[1]", "kind"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "path", "mentions"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG]
)
def test_a_problem_names_its_place_and_how_to_mend_it(document, path, mentions):
    with pytest.raises(FlowInvalid) as refused:
        from_json(document)
    assert [p.path for p in refused.value.problems] == [path]
    assert mentions in str(refused.value.problems[0])


def test_all_problems_are_reported_at_once():
    broken = gate(when={"month": [0]}, then={"kind": "asset", "symbol": ""}, extra=1)
    with pytest.raises(FlowInvalid) as refused:
        from_json(broken)
    paths = [p.path for p in refused.value.problems]
    assert paths == ["root.extra", "root.then.symbol", "root.when.month[0]"]


NOT_JSON = [
    ("half a document", '{"sluice": 1', "column 13"),
    ("a list", "[]", "object"),
    ("a key twice", '{"name": "a", "name": "b"}', "'name' appears twice"),
    ("NaN", '{"name": NaN}', "NaN"),
    ("bytes that are no text", b"\xff\xfe\x00", "UTF-8"),
    ("nothing", "", "empty"),
    ("very deep", '{"root":' * 100_000, "deep"),
]


@pytest.mark.parametrize(
    ("text", "mentions"), [n[1:] for n in NOT_JSON], ids=[n[0] for n in NOT_JSON]
)
def test_text_that_is_no_flow_is_refused_in_words(text, mentions):
    with pytest.raises(BadInput, match=r"file\.json") as refused:
        parse(text, "file.json")
    assert mentions in str(refused.value)


def nested(levels: int) -> dict[str, Any]:
    node: dict[str, Any] = {"kind": "cash"}
    for _ in range(levels - 1):
        node = {"kind": "weight", "children": [node]}
    return {"name": "deep", "root": node}


def test_the_deepest_flow_allowed_survives_the_round_trip():
    flow = from_json(nested(MAX_DEPTH))
    assert content_hash(parse(json.dumps(to_json(flow)))) == content_hash(flow)


def test_one_level_more_is_refused():
    with pytest.raises(FlowInvalid, match=f"more than {MAX_DEPTH} levels"):
        from_json(nested(MAX_DEPTH + 1))


def test_too_many_nodes_are_refused():
    wide = {"kind": "weight", "children": [{"kind": "cash"}] * 20_000}
    with pytest.raises(FlowInvalid, match="more than 20,000 nodes"):
        from_json({"name": "wide", "root": wide})


def test_html_in_a_name_stays_text():
    name = "<script>alert(1)</script>"
    assert to_json(from_json({"name": name, "root": {"kind": "cash"}}))["name"] == name
