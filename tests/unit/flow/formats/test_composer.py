"""Every construct of a Composer symphony: what it becomes, and what the report says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.errors import BadInput
from core.flow.formats import composer
from core.flow.formats import composer_constructs as cc
from core.flow.formats.composer_functions import FUNCTIONS, LONG_WINDOW
from core.flow.formats.document import composer_function_constructs, constructs
from core.flow.formats.native import to_json
from core.flow.formats.report import Construct, Imported
from core.flow.validate import validate

SPY = {"step": "asset", "ticker": "SPY", "weight": {"num": 90, "den": 100}, "children": []}
TLT = {"step": "asset", "ticker": "TLT", "exchange": "XNAS", "price": 90.1}
GROUP = {"step": "group", "name": "Both", "children": [{"step": "wt-cash-equal", "children": [SPY, TLT]}]}  # fmt: skip
IN_GROUP = {
    "kind": "group",
    "name": "Both",
    "child": {
        "kind": "weight",
        "children": [{"kind": "asset", "symbol": "SPY"}, {"kind": "asset", "symbol": "TLT"}],
    },
}
RSI = {"fn": "relative-strength-index", "ticker": "SPY", "params": {"window": 10}}
OURS = {"indicator": "rsi", "symbol": "SPY", "window": 10}


def share(node: dict[str, Any], num: object, den: object = 100) -> dict[str, Any]:
    return node | {"weight": {"num": num, "den": den}}


def step(step_: str, *children: Any, **fields: Any) -> dict[str, Any]:
    fields = {key.replace("_", "-"): value for key, value in fields.items()}
    return {"step": step_, "children": list(children), **fields}


def symphony(*children: Any, **fields: Any) -> dict[str, Any]:
    return {
        "step": "root",
        "name": "Case",
        "rebalance": "daily",
        "children": list(children),
    } | fields


def gate(condition: Any = None, then: Any = SPY, other: Any = TLT, **flat: Any) -> dict[str, Any]:
    first = {"step": "if-child", "is-else-condition?": False, "children": [then]} | flat
    if condition is not None:
        first["condition"] = condition
    return step("if", first, {"step": "if-child", "is-else-condition?": True, "children": [other]})


def binary(left: Any = RSI, comparator: Any = "gt", right: Any = 75) -> dict[str, Any]:
    sides = [s if isinstance(s, dict) else {"constant": s} for s in (left, right)]
    return {"condition-type": "binary", "lhs": sides[0], "comparator": comparator, "rhs": sides[1]}


def sort(*items: Any, fn: str = "cumulative-return", n: Any = 1, top: str = "bottom", **more: Any):
    fields = {"sort-by-fn": fn, "sort-by-fn-params": {"window": 5}, "select-fn": top, "select-n": n}
    return step("filter", *items) | fields | more


def when(condition: Any) -> dict[str, Any]:
    return {"kind": "gate", "when": condition, "then": {"kind": "asset", "symbol": "SPY"}, "else": {"kind": "asset", "symbol": "TLT"}}  # fmt: skip


def above(left: Any = OURS, op: str = ">", right: Any = 75) -> dict[str, Any]:
    return {"left": left, "op": op, "right": right}


def function(name: str, **params: Any) -> dict[str, Any]:
    return gate(binary({"fn": name, "ticker": "SPY", "params": params}, "gt", 1))


def read(document: Any) -> Imported:
    return composer.parse(json.dumps(document), "case.json")


# A construct, a symphony's tree, and the root it becomes; None where it is refused.
NODES: list[tuple[Construct, Any, Any]] = [
    (cc.ROOT, GROUP, IN_GROUP),
    (cc.EQUAL, step("wt-cash-equal", SPY, TLT), IN_GROUP["child"]),
    (cc.SPECIFIED,
     step("wt-cash-specified", share(SPY, "66.67"), share(TLT, 33.33)),
     {"kind": "weight", "scheme": "specified", "weights": [0.6667, 0.3333], "children": IN_GROUP["child"]["children"]}),
    (cc.SPECIFIED,
     step("wt-cash-specified", share(SPY, "01", "2"), share(TLT, 50)),
     {"kind": "weight", "scheme": "specified", "weights": [0.5, 0.5], "children": IN_GROUP["child"]["children"]}),
    (cc.NORMALISED,
     step("wt-cash-specified", share(SPY, 49.98), share(TLT, 49.98)),
     {"kind": "weight", "scheme": "specified", "weights": [0.5, 0.5], "children": IN_GROUP["child"]["children"]}),
    (cc.UNBALANCED, step("wt-cash-specified", share(SPY, 50), share(TLT, 18)), None),
    (cc.UNBALANCED, step("wt-cash-specified", share(SPY, 150), share(TLT, -50)), None),
    (cc.MALFORMED, step("wt-cash-specified", share(SPY, 50), {"step": "asset", "ticker": "TLT"}), None),
    (cc.MALFORMED, step("wt-cash-specified", share(SPY, "1e999999999", 1)), None),
    (cc.MALFORMED, step("wt-cash-specified", share(SPY, 1, 0)), None),
    (cc.INVERSE_VOLATILITY, step("wt-inverse-vol", SPY, TLT, window_days="20"),
     {"kind": "weight", "scheme": "inverse_volatility", "window": 20, "children": IN_GROUP["child"]["children"]}),
    (cc.INVERSE_VOLATILITY_OF_FLOWS, step("wt-inverse-vol", SPY, GROUP, window_days=20),
     {"kind": "weight", "scheme": "inverse_volatility", "window": 20, "children": [IN_GROUP["child"]["children"][0], IN_GROUP]}),
    (cc.MALFORMED, step("wt-inverse-vol", SPY, TLT), None),
    (cc.MALFORMED, step("wt-inverse-vol", SPY, TLT, window_days=1), None),
    (cc.MARKET_CAP, step("wt-marketcap", SPY, TLT), None),
    (cc.GROUP, GROUP, IN_GROUP),
    (cc.SEVERAL_CHILDREN, step("group", SPY, TLT, name="Both"), IN_GROUP),
    (cc.IF, gate(binary()), when(above())),
    (cc.MALFORMED, step("if", step("if-child", SPY)), None),
    (cc.EMPTY, gate(binary(), other=step("empty")), when(above()) | {"else": {"kind": "cash"}}),
    (cc.EMPTY, step("group", name="Draft"), {"kind": "group", "name": "Draft", "child": {"kind": "cash"}}),
    (cc.FILTER, sort(TLT, SPY, n="2"),
     {"kind": "sort", "items": ["TLT", "SPY"], "by": [{"indicator": "cumulative_return", "window": 5}], "order": "asc", "take": 2}),
    (cc.FILTER, sort(TLT, TLT, SPY, top="top"),
     {"kind": "sort", "items": ["TLT", "TLT", "SPY"], "by": [{"indicator": "cumulative_return", "window": 5}]}),
    (cc.FILTER_OF_FLOWS, sort(TLT, GROUP),
     {"kind": "sort", "items": ["TLT", IN_GROUP], "by": [{"indicator": "cumulative_return", "window": 5}], "order": "asc"}),
    (cc.FILTER_BY_PRICE_OF_FLOWS, sort(TLT, GROUP, fn="moving-average-price"), None),
    (cc.FILTER_TAKES_ALL, sort(TLT, SPY, n=3),
     {"kind": "sort", "items": ["TLT", "SPY"], "by": [{"indicator": "cumulative_return", "window": 5}], "order": "asc", "take": 2}),
    (cc.MALFORMED, sort(TLT, SPY, n=0), None),
    (cc.MALFORMED, sort(TLT, SPY, top="middle"), None),
    (cc.MALFORMED, sort(TLT, SPY, **{"sort-by-window-days": 6}), None),
    (cc.ASSET, {"step": "asset", "ticker": "SPY", "name": "An <b>index</b> fund"},
     {"kind": "asset", "symbol": "SPY", "note": "An <b>index</b> fund"}),
    (cc.SHARE_CLASS, {"step": "asset", "ticker": "BRK/B"}, {"kind": "asset", "symbol": "BRK.B"}),
    (cc.CRYPTO, {"step": "asset", "ticker": "CRYPTO::BTC//USD"}, {"kind": "asset", "symbol": "BTCUSDT"}),
    (cc.SYMBOL, {"step": "asset", "ticker": "$USD"}, None),
    (cc.SYMBOL, {"step": "asset", "ticker": "<script>"}, None),
    (cc.SYMBOL, {"step": "asset", "ticker": 5}, None),
    (cc.UNKNOWN_STEP, step("wt-kelly", SPY), None),
    (cc.UNKNOWN_STEP, {"children": []}, None),
    (cc.UNKNOWN_FIELD, step("wt-cash-equal", SPY, TLT, leverage=2), IN_GROUP["child"]),
    (cc.LONG_NAME, GROUP | {"name": "n" * 600}, IN_GROUP | {"name": "n" * 499 + "…", "note": "n" * 600}),
]  # fmt: skip
CONDITIONS: list[tuple[Construct, Any, Any]] = [
    (cc.COMPARISON, gate(binary()), above()),
    (cc.COMPARISON, gate(binary(comparator="lte", right=RSI | {"ticker": "TLT"})),
     above(op="<=", right=OURS | {"symbol": "TLT"})),
    (cc.COMPARISON, gate(binary(left=30, comparator="gte", right=RSI)), above(30, ">=", OURS)),
    (cc.COMPARISON,
     gate(**{"lhs-fn": "relative-strength-index", "lhs-window-days": "10", "lhs-val": "SPY", "comparator": "lt",
             "rhs-fixed-value?": True, "rhs-val": "31.5", "rhs-fn": "current-price", "rhs-fn-params": {"window": 3}}),
     above(op="<", right=31.5)),
    (cc.COMPARISON,
     gate(**{"lhs-fn": "relative-strength-index", "lhs-fn-params": {"window": 10}, "lhs-val": "SPY", "comparator": "gt",
             "rhs-fn": "current-price", "rhs-val": "TLT"}),
     above(right={"indicator": "close", "symbol": "TLT"})),
    (cc.MALFORMED, gate(**{"lhs-fn": "relative-strength-index", "lhs-fn-params": {"window": 10}, "lhs-window-days": 11,
                           "lhs-val": "SPY", "comparator": "gt", "rhs-val": 3}), None),
    (cc.MALFORMED, gate(**{"lhs-fn": "current-price", "lhs-val": "SPY", "comparator": "gt", "rhs-val": "hot"}), None),
    (cc.MALFORMED, gate("hot"), None),
    (cc.ABOUT_EQUAL, gate(binary(comparator="eq")), None),
    (cc.UNKNOWN_CONDITION, gate(binary(comparator="near")), None),
    (cc.UNKNOWN_CONDITION_FIELD, gate(binary() | {"for-days": 3}), None),
    (cc.UNKNOWN_CONDITION_FIELD, gate(binary(left=RSI | {"offset": 2})), None),
    (cc.UNKNOWN_FIELD, gate(binary(left=RSI | {"offset": 0})), above()),
    (cc.UNKNOWN_CONDITION, gate({"condition-type": "not", "condition": binary()}), None),
    (cc.COMPOUND,
     gate({"condition-type": "compound", "operator": "any", "conditions": [
         binary(), {"condition-type": "compound", "operator": "all", "conditions": [binary(), binary(right=80)]}]}),
     {"any": [above(), {"all": [above(), above(right=80)]}]}),
    (cc.UNKNOWN_CONDITION, gate({"condition-type": "compound", "operator": "most", "conditions": [binary()]}), None),
    (cc.MALFORMED, gate({"condition-type": "compound", "operator": "any", "conditions": []}), None),
    (cc.EACH_TICKER,
     gate(binary(left=RSI | {"ticker": "%"}) | {"condition-type": "binary-compound", "operator": "all", "tickers": ["SPY", "TLT"]}),
     {"all": [above(), above(OURS | {"symbol": "TLT"})]}),
    (cc.UNKNOWN_FUNCTION, function("sharpe-ratio", window=5), None),
    (cc.OUT_OF_RANGE, function("relative-strength-index", window=1), None),
    (cc.OUT_OF_RANGE, function("relative-strength-index"), None),
    (cc.OUT_OF_RANGE, function("relative-strength-index", window="10.5"), None),
    (cc.OUT_OF_RANGE, function("moving-average-price", window=5, shift=3), None),
]  # fmt: skip


@pytest.mark.parametrize(("construct", "tree", "root"), NODES)
def test_node(construct, tree, root):
    found = read(symphony(tree))
    assert construct in {finding.construct for finding in found.report.findings}
    if root is None:
        assert found.flow is None
        assert found.report.status == "not supported"
    else:
        assert to_json(found.flow)["root"] == root
        assert validate(found.flow) == ()


@pytest.mark.parametrize(("construct", "tree", "condition"), CONDITIONS)
def test_condition(construct, tree, condition):
    found = read(symphony(tree))
    assert construct in {finding.construct for finding in found.report.findings}
    if condition is None:
        assert found.flow is None
    else:
        assert to_json(found.flow)["root"] == when(condition)
        assert validate(found.flow) == ()


WINDOWS = {
    "window": 10,
    "short-window": 5,
    "long-window": 20,
    "smooth-window": 3,
    "multiplier": 2.5,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    known = FUNCTIONS[name]
    found = read(symphony(function(name, **{key: WINDOWS[key] for key in known.parameters})))
    operand = found.flow.root.when.left
    assert operand.indicator == known.indicator
    assert operand.arguments == {own: WINDOWS[key] for key, own in known.parameters.items()}
    assert known.construct in {finding.construct for finding in found.report.findings}
    assert validate(found.flow) == ()


@pytest.mark.parametrize("name", LONG_WINDOW)
def test_a_long_window_of_a_recursive_average_is_approximated(name):
    found = read(symphony(function(name, window=100)))
    assert [f.construct for f in found.report.of("approximated")] == [LONG_WINDOW[name]]


def test_a_left_over_window_of_the_price_means_nothing():
    found = read(symphony(function("current-price", window=20)))
    assert found.report.status == "exact"
    assert found.flow.root.when.left.arguments == {}


@pytest.mark.parametrize(
    ("construct", "settings", "rebalance"),
    [
        (cc.DAILY, {"rebalance": "daily"}, "daily"),
        (cc.MONTHLY, {"rebalance": "monthly"}, "monthly"),
        (cc.CALENDAR, {"rebalance": "weekly"}, "weekly"),
        (cc.CALENDAR, {"rebalance": "quarterly"}, "quarterly"),
        (cc.CALENDAR, {"rebalance": "yearly"}, "yearly"),
        (
            cc.THRESHOLD,
            {"rebalance": "none", "rebalance-corridor-width": 0.05},
            {"threshold": 0.05},
        ),
        (cc.NO_REBALANCE, {"rebalance": "none"}, None),
        (cc.MALFORMED, {"rebalance": "none", "rebalance-corridor-width": 5}, None),
        (cc.MALFORMED, {"rebalance": "hourly"}, None),
    ],
)
def test_rebalance(construct, settings, rebalance):
    found = read(symphony(SPY, **settings))
    assert construct in {finding.construct for finding in found.report.findings}
    if rebalance is None:
        assert found.flow is None
    else:
        assert to_json(found.flow).get("rebalance", "daily") == rebalance


REQUEST = {
    "uid": "x", "capital": 10_000, "slippage-percent": 0.0005, "apply-reg-fee?": True,
    "ticker-benchmarks": [{"id": "SPY", "type": "ticker"}], "symphony-benchmarks": [],
    "symphony": symphony(SPY),
}  # fmt: skip


def test_the_request_around_a_symphony_gives_costs_and_benchmark():
    found = read(REQUEST)
    written = to_json(found.flow)
    assert written["costs"] == {"slippage_bps": 5}
    assert written["benchmark"] == "SPY"
    kinds = {finding.construct for finding in found.report.findings}
    assert {cc.SLIPPAGE, cc.FEES, cc.BENCHMARK} <= kinds
    assert cc.OTHER_BENCHMARKS not in kinds
    other = read(REQUEST | {"symphony-benchmarks": ["abc"]})
    assert cc.OTHER_BENCHMARKS in {finding.construct for finding in other.report.findings}


@pytest.mark.parametrize("wrapped", [
    {"symphony": {"raw_value": symphony(SPY)}}, {"score": symphony(SPY)}, {"raw_value": json.dumps(symphony(SPY))},
    json.dumps(symphony(SPY)),
])  # fmt: skip
def test_wrappers_are_taken_off(wrapped):
    assert to_json(read(wrapped).flow)["root"] == {"kind": "asset", "symbol": "SPY"}


def test_version_2_is_refused_by_name():
    found = read({"type": "node_root", "children": []})
    assert found.flow is None
    assert [f.construct for f in found.report.findings] == [cc.VERSION_2]


def test_every_construct_of_the_documentation_is_met_here():
    met = {case[0] for case in (*NODES, *CONDITIONS)}
    met |= {cc.DAILY, cc.MONTHLY, cc.CALENDAR, cc.THRESHOLD, cc.NO_REBALANCE}
    met |= {cc.SLIPPAGE, cc.FEES, cc.BENCHMARK, cc.OTHER_BENCHMARKS, cc.VERSION_2}
    assert met == set(constructs(cc))
    assert {*LONG_WINDOW.values(), *(f.construct for f in FUNCTIONS.values())} == set(
        composer_function_constructs()
    )


# -- the report ----------------------------------------------------------------------------------


def test_every_finding_names_its_place_in_the_source_and_in_the_flow():
    several = gate(binary()) | {}
    several["children"][0]["children"] = [SPY, TLT]
    found = read(symphony(step("wt-cash-equal", step("group", several, name="G"), sort(TLT, SPY))))
    places = {(f.construct.name, f.path, f.node) for f in found.report.findings}
    weight = "children[0]"
    branch = f"{weight}.children[0].children[0]"
    assert ("group", f"{weight}.children[0]", "root.children[0]") in places
    assert ("if", branch, "root.children[0].child") in places
    assert ("asset", f"{branch}.children[0].children[1]", "root.children[0].child.then.children[1]") in places  # fmt: skip
    assert ("asset", f"{branch}.children[1].children[0]", "root.children[0].child.else") in places
    assert ("relative-strength-index", f"{branch}.children[0].condition.lhs", "root.children[0].child") in places  # fmt: skip
    assert ("asset", f"{weight}.children[1].children[0]", "root.children[1].items[0]") in places
    order = [f.path for f in found.report.findings if f.construct is cc.ASSET]
    assert order == sorted(order)


def test_the_counts_are_those_of_the_findings():
    found = read(symphony(step("wt-cash-equal", sort(TLT, GROUP), step("wt-kelly"))))
    counts = found.report.counts()
    assert counts["not supported"] == 1
    assert counts["approximated"] == 1
    assert sum(counts.values()) == len(found.report.findings)
    written = found.report.to_json()
    assert written["status"] == "not supported"
    assert {f["status"] for f in written["findings"]} == set(counts)


def test_every_unsupported_part_is_named_at_once():
    found = read(symphony(step("wt-cash-equal", step("wt-kelly"), gate(binary(comparator="eq")))))
    assert [f.construct for f in found.report.of("not supported")] == [cc.UNKNOWN_STEP, cc.ABOUT_EQUAL]  # fmt: skip


# -- the other spellings -------------------------------------------------------------------------

EDN = """{:name "Case", :step :root, :rebalance :daily, :children [
 {:step :wt-cash-specified, :children [
   {:step :asset, :ticker "SPY", :weight {:num 1/3, :den 1}}
   {:step :asset, :ticker "TLT", :weight {:num 2/3M, :den 1N}}]}]}"""

DEFINITION = """
;; a comment
(defsymphony "Case \\"quoted\\""
 {:asset-class "EQUITIES", :rebalance-threshold 0.1}
 (weight-specified
  0.6 (group "Both" [(weight-equal [(asset "SPY" "Index") (asset "TLT")])])
  0.4 (if (>= (rsi "SPY" {:window 10}) (moving-average-return "TLT" 20))
        [(weight-inverse-volatility 20 [(asset "SPY") (asset "TLT")]) (asset "GLD")]
        [(filter (rsi "10") (select-bottom 1) [(asset "SPY") (asset "TLT")])])))
"""


def test_edn_keeps_exact_ratios():
    found = composer.parse(EDN, "case.edn")
    assert to_json(found.flow)["root"]["weights"] == [1 / 3, 2 / 3]
    assert found.report.findings[-1].line == 4


def test_a_definition_is_read_whole():
    found = composer.parse(DEFINITION, "case.edn")
    written = to_json(found.flow)
    assert written["name"] == 'Case "quoted"'
    assert written["rebalance"] == {"threshold": 0.1}
    assert written["root"] == {
        "kind": "weight", "scheme": "specified", "weights": [0.6, 0.4],
        "children": [
            {"kind": "group", "name": "Both", "child": {"kind": "weight", "children": [
                {"kind": "asset", "symbol": "SPY", "note": "Index"}, {"kind": "asset", "symbol": "TLT"}]}},
            {"kind": "gate",
             "when": {"left": OURS, "op": ">=", "right": {"indicator": "mean_return", "symbol": "TLT", "window": 20}},
             "then": {"kind": "weight", "children": [
                 {"kind": "weight", "scheme": "inverse_volatility", "window": 20, "children": [
                     {"kind": "asset", "symbol": "SPY"}, {"kind": "asset", "symbol": "TLT"}]},
                 {"kind": "asset", "symbol": "GLD"}]},
             "else": {"kind": "sort", "items": ["SPY", "TLT"], "by": [{"indicator": "rsi", "window": 10}], "order": "asc"}},
        ],
    }  # fmt: skip
    assert [f.line for f in found.report.findings if f.construct is cc.FILTER] == [9]


def test_what_the_text_form_cannot_express_is_read_all_the_same():
    text = """(defsymphony "x" {:rebalance-frequency :daily} (if
     (and (< ((unimplemented :percentage-price-oscillator) "SPY" {:short-window 12, :long-window 26}) 0)
          (not (> (rsi "SPY" 10) 3)))
     [(asset "SPY")] [(asset "TLT")]))"""
    found = composer.parse(text, "x")
    names = [f.construct.name for f in found.report.findings]
    assert "percentage-price-oscillator" in names
    assert [f.construct for f in found.report.of("not supported")] == [cc.UNKNOWN_CONDITION]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('(defsymphony "x" {} (weight-equal [(asset "SPY")])', "line 1"),
        ('(defsymphony "x" {})', "expected (defsymphony"),
        ('(defsymphony "x" {}\n (weight-specified 0.5))', "line 2"),
        ('(defsymphony "x" {}\n (weight-equal (asset "SPY")))', "brackets"),
        ('(defstrategy "x" {} (asset "SPY"))', "defsymphony"),
        ('{:step :root, :name Case :children []}', "lost its quotes"),
        ('{:step :asset, :ticker "SPY"}', "step 'root'"),
        ('{"step": "root", "children": [3]}', "children[0]"),
    ],
)  # fmt: skip
def test_what_is_no_symphony_is_refused_with_its_place(text, says):
    with pytest.raises(BadInput) as refused:
        composer.parse(text, "case.edn")
    assert says in str(refused.value)
    assert "case.edn" in str(refused.value)
