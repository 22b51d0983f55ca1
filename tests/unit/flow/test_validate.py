"""Every problem of a flow at once, each with its place and how to mend it."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import FlowInvalid, UnknownName
from core.flow.formats.native import from_json
from core.flow.validate import validate

SPY = {"kind": "asset", "symbol": "SPY"}
TLT = {"kind": "asset", "symbol": "TLT"}


def flow(root: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"sluice": 1, "name": "case", "root": root, **rest}


def operand(**rest: Any) -> dict[str, Any]:
    return {"indicator": "rsi", "symbol": "SPY", "window": 10, **rest}


def gate(left: Any, right: Any = 70, **rest: Any) -> dict[str, Any]:
    when = {"left": left, "op": ">", "right": right, **rest}
    return {"kind": "gate", "when": when, "then": SPY, "else": TLT}


def problems(document: dict[str, Any], **library: dict[str, Any]) -> list[tuple[str, str]]:
    """Path and sentence of each problem, wherever it was found."""

    def find(name: str):
        if name not in library:
            raise UnknownName("strategy", "strategy", name, library)
        return from_json(library[name])

    try:
        found = validate(from_json(document), find)
    except FlowInvalid as err:
        found = err.problems
    return [(p.path, f"{p.message} {p.fix}") for p in found if p.severity == "error"]


@pytest.mark.parametrize(
    ("root", "path", "said"),
    [
        (gate(operand(indicator="rsj")), "root.when.left", "Did you mean 'rsi'"),
        (gate(operand(window=1)), "root.when.left.window", "from 2 to"),
        (gate(operand(window=2.5)), "root.when.left.window", "whole"),
        (gate(operand(window="ten")), "root.when.left.window", "number"),
        (gate(operand(widnow=10)), "root.when.left.widnow", "Did you mean 'window'"),
        (gate(operand(symbol="$x")), "root.when.left", "variable 'x' does not exist"),
        (gate(operand(days_ago=-1)), "root.when.left.days_ago", "0"),
        (gate(operand(), for_days=0), "root.when.for_days", "1"),
        ({"kind": "asset", "symbol": "S P Y"}, "root.symbol", "S P Y"),
        ({"kind": "asset"}, "root.symbol", "missing"),
        ({"kind": "aset", "symbol": "SPY"}, "root.kind", "Did you mean 'asset'"),
        ({**SPY, "colour": "red"}, "root.colour", ""),
        ({"kind": "weight", "children": []}, "root.children", ""),
        ({"kind": "weight", "scheme": "specified", "weights": [0.5, 0.4], "children": [SPY, TLT]},
         "root.weights", "1"),
        ({"kind": "weight", "scheme": "specified", "weights": [1.0], "children": [SPY, TLT]},
         "root.weights", "2"),
        ({"kind": "scale", "indicator": operand(), "from": 5, "to": 5, "children": [SPY, TLT]},
         "root", "both 5"),
        ({"kind": "sort", "items": ["SPY"], "by": {"indicator": "roc"}, "take": 2}, "root.take", "1"),
        ({"kind": "sort", "items": ["SPY"], "by": {"indicator": "atr"}, "take": 0}, "root.take", "1"),
        ({"kind": "switch", "conditions": [gate(operand())["when"]], "cases": [SPY]},
         "root.cases", "2"),
        ({"kind": "strategy", "strategy": "nobody"}, "root.strategy", "nobody"),
        ({**gate(operand()), "when": {"month": [13]}}, "root.when.month", "12"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(root, path, said):
    found = problems(flow(root))
    assert found, "no problem was found"
    assert any(p.startswith(path) and said.lower() in text.lower() for p, text in found), found


def test_all_mistakes_are_said_at_once():
    root = gate(operand(indicator="rsj"), right=operand(window=0))
    root["then"] = {"kind": "strategy", "strategy": "nobody"}
    paths = {path.split(".", 2)[1] for path, _ in problems(flow(root))}
    assert paths == {"when", "then"}
    assert len(problems(flow(root))) == 3


def test_strategies_that_refer_to_each_other_are_a_cycle():
    one = flow({"kind": "strategy", "strategy": "two"})
    two = flow({"kind": "strategy", "strategy": "one"})
    found = problems(one, one=one, two=two)
    assert any("one" in text and "two" in text for _, text in found), found


def test_an_unused_variable_is_only_a_warning():
    found = validate(from_json(flow(SPY, variables={"spare": 1})))
    assert [(p.path, p.severity) for p in found] == [("variables.spare", "warning")]


def test_a_variable_that_does_not_fit_is_said_where_it_is_used():
    found = problems(flow(gate(operand(window="$n")), variables={"n": 0}))
    assert [path for path, _ in found] == ["root.when.left.window"]


def test_indicators_that_need_more_than_prices_do_not_measure_flows():
    root = gate({"indicator": "atr", "of": {"kind": "weight", "children": [SPY, TLT]}, "window": 5})
    found = problems(flow(root))
    assert found
    assert "root.when.left" in found[0][0]


def test_a_sound_flow_has_no_problem():
    assert validate(from_json(flow(gate(operand())))) == ()
