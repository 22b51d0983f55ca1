"""Variables of a whole flow: which it uses, which are not its own, and another name for one."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from core.flow.formats.native import from_json, to_json
from core.flow.variables import free_variables, rename_variable, used_variables
from core.library.flows import filled
from tests.reference.engine import quick
from tests.reference.flows import Case, flows

EVERYWHERE: dict[str, Any] = {
    "name": "$n",
    "description": "$d",
    "benchmark": "$bench",
    "variables": {"own": 5},
    "root": {
        "kind": "gate",
        "name": "$title",
        "note": "$note",
        "when": {
            "all": [
                {
                    "left": {
                        "indicator": "$which",
                        "symbol": "$what",
                        "window": "$own",
                        "days_ago": "$ago",
                    },
                    "op": ">",
                    "right": "$level",
                    "for_days": "$days",
                },
                {"not": {"at_least": {"count": "$count", "of": [{"month": [1]}]}}},
            ]
        },
        "then": {
            "kind": "sort",
            "items": ["$item", "SPY"],
            "by": {"indicator": "roc", "window": "$key"},
            "filters": [{"left": {"indicator": "rsi", "plus": "$plus"}, "op": "<", "right": 1}],
            "take": "$take",
        },
        "else": {
            "kind": "scale",
            "indicator": {
                "indicator": "rsi",
                "of": {"kind": "asset", "symbol": "$inner"},
                "times": "$times",
            },
            "from": "$low",
            "to": 2,
            "children": [
                {"kind": "cash"},
                {
                    "kind": "weight",
                    "scheme": "specified",
                    "weights": ["$share"],
                    "children": [{"kind": "cash"}],
                },
            ],
        },
    },
}
NAMES = {
    "bench",
    "own",
    "which",
    "what",
    "ago",
    "level",
    "days",
    "count",
    "item",
    "key",
    "plus",
    "take",
    "inner",
    "times",
    "low",
    "share",
}


def test_every_slot_is_looked_at_and_no_text():
    flow = from_json(EVERYWHERE)
    assert used_variables(flow) == NAMES
    assert free_variables(flow) == NAMES - {"own"}


def test_a_rename_reaches_every_slot_and_no_text():
    for name in NAMES:
        renamed = from_json(rename_variable(EVERYWHERE, name, "other"))
        assert used_variables(renamed) == NAMES - {name} | {"other"}
    for text in ("n", "d", "title", "note"):
        assert rename_variable(EVERYWHERE, text, "other") == EVERYWHERE


def test_a_flow_is_filled_with_what_it_uses_and_does_not_declare():
    flow = from_json(EVERYWHERE)
    found = filled(flow, {"own": 9, "low": 1, "unused": 3})
    assert found.variables == {"own": 5, "low": 1}
    assert filled(flow, {"own": 9, "unused": 3}) is flow


@quick(15)
@given(flows())
def test_renaming_there_and_back_changes_nothing(case: Case):
    document = to_json(from_json(case.flow))
    for name in used_variables(from_json(case.flow)):
        there = rename_variable(document, name, "there_and_back")
        assert name not in used_variables(from_json(there))
        assert rename_variable(there, "there_and_back", name) == document
