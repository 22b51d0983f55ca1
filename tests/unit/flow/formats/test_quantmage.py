"""Every construct of a QuantMage spell: what it becomes, and what the report says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.errors import BadInput
from core.flow.formats import quantmage
from core.flow.formats import quantmage_constructs as qc
from core.flow.formats.document import constructs, quantmage_indicator_constructs
from core.flow.formats.native import to_json
from core.flow.formats.quantmage_indicators import FUNCTIONS, LONG_EMA
from core.flow.formats.report import Construct, Imported
from core.flow.validate import validate

NEUTRAL = {"type": "CumulativeReturn", "window": 0}


def ticker(symbol: str = "SPY") -> dict[str, Any]:
    return {"incantation_type": "Ticker", "symbol": symbol, "name": ""}


SPY, TLT = ticker(), ticker("TLT")
OUR_SPY, OUR_TLT = {"kind": "asset", "symbol": "SPY"}, {"kind": "asset", "symbol": "TLT"}


def weighted(*parts: Any, kind: str = "Equal", **more: Any) -> dict[str, Any]:
    fields = {"type": kind, "weights": [], "inverse_volatility_window": 0, "name": ""}
    return {"incantation_type": "Weighted", "incantations": list(parts)} | fields | more


def filtered(*parts: Any, **more: Any) -> dict[str, Any]:
    return {
        "incantation_type": "Filtered", "incantations": list(parts), "count": 1, "bottom": True,
        "sort_indicator": {"type": "CumulativeReturn", "window": 5}, "weight_type": "Equal",
        "weights": [], "inverse_volatility_window": 0, "name": "",
    } | more  # fmt: skip


def single(kind: str = "IndicatorAndNumber", **more: Any) -> dict[str, Any]:
    return {
        "condition_type": "SingleCondition", "type": kind, "greater_than": True, "for_days": 1,
        "lh_indicator": {"type": "CumulativeReturn", "window": 10}, "lh_ticker_symbol": "SPY",
        "lh_days_ago": 0, "rh_indicator": NEUTRAL, "rh_ticker_symbol": "", "rh_days_ago": 0,
        "rh_value": 2.5, "rh_value_int": 0, "rh_weight": 1.0, "rh_bias": 0.0,
    } | more  # fmt: skip


def both(**more: Any) -> dict[str, Any]:
    right = {"rh_indicator": {"type": "MovingAverage", "window": 20}, "rh_ticker_symbol": "TLT"}
    return single("BothIndicators", **(right | more))


def if_else(condition: Any, then: Any = SPY, other: Any = TLT, **more: Any) -> dict[str, Any]:
    return {
        "incantation_type": "IfElse", "condition": condition, "then_incantation": then,
        "else_incantation": other, "then_comment": "", "else_comment": "", "name": "",
    } | more  # fmt: skip


def switch(*cases: Any, conditions: int = 2, **more: Any) -> dict[str, Any]:
    tests = [single(rh_value=i) for i in range(conditions)]
    return {"incantation_type": "Switch", "conditions": tests, "incantations": list(cases), "name": ""} | more  # fmt: skip


def spell(incantation: Any, **more: Any) -> dict[str, Any]:
    return {
        "name": "Case", "description": "", "version": 2, "trading_type": "Daily", "threshold": 5,
        "slippage_bps": 5, "benchmark_ticker": "SPY", "benchmark_spell": "", "incantation": incantation,
    } | more  # fmt: skip


def read(document: Any) -> Imported:
    return quantmage.parse(json.dumps(document), "case.json")


def pair(scheme: str, **more: Any) -> dict[str, Any]:
    found = {"kind": "weight", "scheme": scheme, "children": [OUR_SPY, OUR_TLT]} | more
    return {key: value for key, value in found.items() if value != "equal"}


RETURN = {"indicator": "cumulative_return", "symbol": "SPY", "window": 10}


def above(**more: Any) -> dict[str, Any]:
    return {"left": RETURN, "op": ">", "right": 2.5} | more


def gate(condition: Any, **more: Any) -> dict[str, Any]:
    return {"kind": "gate", "when": condition, "then": OUR_SPY, "else": OUR_TLT} | more


def sort(**more: Any) -> dict[str, Any]:
    by = [{"indicator": "cumulative_return", "window": 5}]
    return {"kind": "sort", "items": ["SPY", "TLT"], "by": by, "order": "asc"} | more


def compared(*numbers: float) -> list[dict[str, Any]]:
    return [above(right=number) for number in numbers]


SMA = {"indicator": "sma", "symbol": "TLT", "window": 20}
# A construct, an incantation, and the root it becomes; None where it is refused.
CASES: list[tuple[Construct, Any, Any]] = [
    (qc.TICKER, SPY, OUR_SPY),
    (qc.SYMBOL, ticker("@T10Y2Y"), None),
    (qc.SYMBOL, ticker("A/B"), None),
    (qc.SYMBOL, ticker("$window"), None),
    (qc.EQUAL, weighted(SPY, TLT, weights=[1, 2, 3], name="Pair"), pair("equal", name="Pair")),
    (qc.CUSTOM, weighted(SPY, TLT, kind="Custom", weights=[65, 35]), pair("specified", weights=[0.65, 0.35])),
    (qc.UNBALANCED, weighted(SPY, TLT, kind="Custom", weights=[65, 30]), None),
    (qc.MALFORMED, weighted(SPY, TLT, kind="Custom", weights=[100]), None),
    (qc.MALFORMED, weighted(), None),
    (qc.MALFORMED, weighted(SPY, kind="Kelly"), None),
    (qc.INVERSE_VOLATILITY, weighted(SPY, TLT, kind="InverseVolatility", inverse_volatility_window=20),
     pair("inverse_volatility", window=20)),
    (qc.INVERSE_VOLATILITY_OF_FLOWS,
     weighted(SPY, weighted(TLT), kind="InverseVolatility", inverse_volatility_window=20),
     pair("inverse_volatility", window=20, children=[OUR_SPY, {"kind": "weight", "children": [OUR_TLT]}])),
    (qc.MALFORMED, weighted(SPY, TLT, kind="InverseVolatility", inverse_volatility_window=0), None),
    (qc.FILTERED, filtered(SPY, TLT), sort()),
    (qc.FILTERED, filtered(SPY, TLT, bottom=False, count=2), {k: v for k, v in sort(take=2).items() if k != "order"}),
    (qc.FILTERED_TAKES_ALL, filtered(SPY, TLT, count=4), sort(take=2)),
    (qc.FILTERED_OF_FLOWS, filtered(SPY, weighted(TLT)), sort(items=["SPY", {"kind": "weight", "children": [OUR_TLT]}])),
    (qc.FILTERED_BY_PRICE_OF_FLOWS, filtered(SPY, weighted(TLT), sort_indicator={"type": "CurrentPrice", "window": 0}), None),
    (qc.FILTERED_CUSTOM, filtered(SPY, TLT, count=2, weight_type="Custom", weights=[70, 30]),
     sort(take=2, allocation="specified", weights=[0.7, 0.3])),
    (qc.FILTERED_INVERSE_VOLATILITY,
     filtered(SPY, TLT, count=2, weight_type="InverseVolatility", inverse_volatility_window=10),
     sort(take=2, allocation="inverse_volatility", window=10)),
    (qc.MALFORMED, filtered(SPY, None), None),
    (qc.MALFORMED, filtered(SPY, TLT, bottom="yes"), None),
    (qc.IF_ELSE, if_else(single(), then_comment="Calm", else_comment="Storm", name="Weather"),
     gate(above(), name="Weather", note="Then: Calm\nElse: Storm")),
    (qc.EMPTY, if_else(single(), other=None), gate(above(), **{"else": {"kind": "cash"}})),
    (qc.SWITCH, switch(SPY, TLT, ticker("GLD"), comments=["Bull", "", "Bear"]),
     {"kind": "switch", "conditions": compared(0, 1), "cases": [{"kind": "asset", "symbol": "GLD"}, OUR_TLT, OUR_SPY],
      "note": "2 true: Bull\n0 true: Bear"}),
    (qc.SWITCH_GAP, switch(SPY, None, TLT), {"kind": "switch", "conditions": compared(0, 1), "cases": [OUR_TLT, OUR_TLT, OUR_SPY]}),
    (qc.SWITCH_BASE, switch(SPY, TLT, None), None),
    (qc.MALFORMED, switch(SPY, TLT), None),
    (qc.ENTER_EXIT,
     {"incantation_type": "EnterExit", "enter_condition": single(), "exit_condition": single(greater_than=False),
      "enter_incantation": SPY, "exit_incantation": TLT},
     {"kind": "latch", "enter": above(), "exit": above(op="<"), "then": OUR_SPY, "else": OUR_TLT}),
    (qc.MIXED,
     {"incantation_type": "Mixed", "indicator": {"type": "CumulativeReturn", "window": 10}, "ticker_symbol": "SPY",
      "from_value": 5, "to_value": -5, "from_incantation": SPY, "to_incantation": TLT},
     {"kind": "scale", "indicator": RETURN, "from": 5, "to": -5, "children": [OUR_SPY, OUR_TLT]}),
    (qc.UNKNOWN_INCANTATION, {"incantation_type": "Leveraged"}, None),
    (qc.UNKNOWN_FIELD, SPY | {"leverage": 2}, OUR_SPY),
    (qc.LONG_NAME, weighted(SPY, TLT, name="n" * 600), pair("equal", name="n" * 499 + "…", note="n" * 600)),
    (qc.NUMBER, if_else(single(greater_than=False)), gate(above(op="<"))),
    (qc.BOTH, if_else(both()), gate(above(right=SMA))),
    (qc.SCALED, if_else(both(rh_weight=1.05, rh_bias=-2)), gate(above(right=SMA | {"times": 1.05, "plus": -2}))),
    (qc.FOR_DAYS, if_else(single(for_days=5)), gate(above(for_days=5))),
    (qc.DAYS_AGO, if_else(both(lh_days_ago=3, rh_days_ago=1)),
     gate(above(left=RETURN | {"days_ago": 3}, right=SMA | {"days_ago": 1}))),
    (qc.MALFORMED, if_else(single(for_days=0)), None),
    (qc.MONTH, if_else(single("Month", rh_value_int=10)), gate({"month": [11, 12]})),
    (qc.MONTH, if_else(single("Month", rh_value_int=3, greater_than=False)), gate({"month": [1, 2]})),
    (qc.MONTH, if_else(single("Month", rh_value_int=12)), gate({"left": 0, "op": ">", "right": 0})),
    (qc.MONTH_FOR_DAYS, if_else(single("Month", rh_value_int=3, for_days=2)), None),
    (qc.ALL_OF, if_else({"condition_type": "AnyOf", "conditions": [
        single(), {"condition_type": "AllOf", "conditions": [single(), single(rh_value=1)]}]}),
     gate({"any": [above(), {"all": compared(2.5, 1)}]})),
    (qc.UNKNOWN_CONDITION_FIELD, if_else(single(lh_weight=2)), None),
    (qc.UNKNOWN_FIELD, if_else(single(lh_weight=1)), gate(above())),
    (qc.PERCENTILE, if_else(single("IndicatorPercentile", rh_value_int=20)), None),
    (qc.UNKNOWN_CONDITION, if_else(single("Volume")), None),
    (qc.UNKNOWN_CONDITION, if_else({"condition_type": "NoneOf", "conditions": [single()]}), None),
    (qc.MALFORMED, if_else(single(greater_than="yes")), None),
    (qc.MALFORMED, if_else("hot"), None),
    (qc.SUBSPELL, if_else(single(lh_ticker_symbol='Subspell "Then"')), None),
    (qc.UNKNOWN_INDICATOR, if_else(single(lh_indicator={"type": "Ichimoku", "window": 9})), None),
    (qc.OUT_OF_RANGE, if_else(single(lh_indicator={"type": "CumulativeReturn", "window": 0})), None),
]  # fmt: skip


@pytest.mark.parametrize(("construct", "incantation", "root"), CASES)
def test_incantation(construct, incantation, root):
    found = read(spell(incantation))
    assert construct in {finding.construct for finding in found.report.findings}
    if root is None:
        assert found.flow is None
        assert found.report.status == "not supported"
    else:
        assert to_json(found.flow)["root"] == root
        assert validate(found.flow) == ()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_indicator(name):
    known = FUNCTIONS[name]
    indicator = {"type": name, "window": 20 if known.window else 3}
    found = read(spell(if_else(single(lh_indicator=indicator))))
    operand = found.flow.root.when.left
    assert operand.indicator == known.indicator
    assert operand.arguments == ({"window": 20} if known.window else {})
    assert known.construct in {finding.construct for finding in found.report.findings}
    assert validate(found.flow) == ()


def test_a_long_average_is_approximated_and_a_ranked_deviation_exact():
    long = single(lh_indicator={"type": "ExponentialMovingAverage", "window": 210})
    found = read(spell(if_else(long)))
    assert [f.construct for f in found.report.of("approximated")] == [LONG_EMA]
    by = {"type": "Volatility", "window": 20}
    assert read(spell(filtered(SPY, TLT, sort_indicator=by))).report.status == "exact"
    assert read(spell(if_else(single(lh_indicator=by)))).report.status == "approximated"


@pytest.mark.parametrize(
    ("construct", "settings", "written"),
    [
        (qc.DAILY, {}, {"costs": {"slippage_bps": 5}, "benchmark": "SPY"}),
        (qc.CALENDAR, {"trading_type": "Monthly"}, {"rebalance": "monthly"}),
        (qc.THRESHOLD, {"trading_type": "Threshold"}, {"rebalance": {"threshold": 0.05}}),
        (qc.MALFORMED, {"trading_type": "Threshold", "threshold": 0}, None),
        (qc.MALFORMED, {"trading_type": "Hourly"}, None),
        (qc.SLIPPAGE, {"slippage_bps": "2.5"}, {"costs": {"slippage_bps": 2.5}}),
        (qc.SLIPPAGE, {"slippage_bps": 12}, {"costs": {"slippage_bps": 12}}),
        (qc.MALFORMED, {"slippage_bps": -1}, None),
        (qc.BENCHMARK, {"benchmark_ticker": "QQQ"}, {"benchmark": "QQQ"}),
        (qc.BENCHMARK_SPELL, {"benchmark_spell": "abc"}, {"benchmark": "SPY"}),
        (qc.VERSION, {"version": 3}, None),
    ],
)
def test_the_document(construct, settings, written):
    found = read(spell(SPY, **settings))
    assert construct in {finding.construct for finding in found.report.findings}
    if written is None:
        assert found.flow is None
    else:
        assert written.items() <= to_json(found.flow).items()


def test_an_older_export_without_days_ago_is_read():
    condition = single()
    del condition["lh_days_ago"], condition["rh_days_ago"]
    assert to_json(read(spell(if_else(condition))).flow)["root"] == gate(above())


def test_an_empty_spell_is_cash_with_a_warning():
    found = read(spell(None))
    assert to_json(found.flow)["root"] == {"kind": "cash"}
    assert [f.construct for f in found.report.of("approximated")] == [qc.EMPTY]


def test_findings_stand_in_the_order_of_the_file_with_both_paths():
    found = read(spell(switch(SPY, if_else(single()), TLT)))
    places = [(f.construct.name, f.path, f.node) for f in found.report.findings]
    assert ("Ticker", "incantation.incantations[0]", "root.cases[2]") in places
    assert ("Ticker", "incantation.incantations[1].else_incantation", "root.cases[1].else") in places  # fmt: skip
    assert ("CumulativeReturn", "incantation.conditions[1].lh_indicator", "root") in places
    paths = [path for name, path, _ in places if name == "Ticker"]
    inside = "incantation.incantations"
    assert paths == [
        f"{inside}[0]", f"{inside}[1].then_incantation", f"{inside}[1].else_incantation", f"{inside}[2]"
    ]  # fmt: skip


def test_every_construct_of_the_documentation_is_met_here():
    met = {case[0] for case in CASES}
    met |= {qc.DAILY, qc.CALENDAR, qc.THRESHOLD, qc.SLIPPAGE, qc.BENCHMARK, qc.BENCHMARK_SPELL}
    assert met | {qc.VERSION} == set(constructs(qc))
    rows = {f.construct for f in FUNCTIONS.values()} | {f.ranked for f in FUNCTIONS.values()}
    assert (rows | {LONG_EMA}) - {None} == set(quantmage_indicator_constructs())


def test_what_is_no_spell_is_refused():
    for document in ([], {"name": "x"}, spell(3), spell(weighted(3))):
        with pytest.raises(BadInput, match=r"case\.json"):
            read(document)
