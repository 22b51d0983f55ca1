"""Difference: every edit is said once, in words, where it happened; equal flows have none."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given

from core.flow.difference import difference, summary
from core.flow.formats.native import content_hash, from_json
from tests.reference.engine import quick
from tests.reference.flows import Case, flows
from tests.unit.flow.test_native import EVERY_KIND

RSI = {"indicator": "rsi", "symbol": "SPY", "window": 10}
BASE: dict[str, Any] = {
    "name": "Base",
    "benchmark": "SPY",
    "variables": {"n": 5},
    "root": {
        "kind": "gate",
        "name": "Hot?",
        "when": {"all": [{"left": RSI, "op": ">", "right": 75}, {"left": {"indicator": "close", "symbol": "SPY"}, "op": ">", "right": {"indicator": "sma", "symbol": "SPY", "window": "$n"}}]},
        "then": {"kind": "asset", "symbol": "TLT"},
        "else": {"kind": "weight", "children": [{"kind": "asset", "symbol": s} for s in ("QQQ", "SPY", "GLD")]},
    },
}  # fmt: skip


def edited(path: str, value: Any, document: dict[str, Any] = BASE) -> dict[str, Any]:
    """The document with ``value`` at ``path``; None takes away what is there."""
    new = deepcopy(document)
    *way, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    place: Any = new
    for key in way:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return new


def said(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [change.text for change in difference(from_json(old), from_json(new))]


GROUP = {"kind": "group", "child": BASE["root"]["then"]}
WRAP = {"kind": "gate", "when": {"month": [1, 5]}, "then": BASE["root"], "else": {"kind": "cash"}}
ASSETS = BASE["root"]["else"]["children"]


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (edited("name", "Other"), ["renamed from ‘Base’ to ‘Other’"]),
        (edited("description", "x"), ["description rewritten"]),
        (edited("rebalance", {"every": "monthly", "threshold": 0.05}), ["rebalancing: daily → monthly", "drift before rebalancing: none → 0.05"]),
        (edited("benchmark", {"strategy": "other"}), ["benchmark: SPY → strategy other"]),
        (edited("costs", {"slippage_bps": 7}), ["slippage in basis points: 0 → 7"]),
        (edited("variables/n", 8), ["variable n: 5 → 8"]),
        (edited("variables/m", "GLD"), ["variable m added: GLD"]),
        (edited("variables", {}), ["variable n removed"]),
        (edited("root/when/all/0/left/window", 14), ["window of RSI at root.when.all[0].left: 10 → 14"]),
        (edited("root/when/all/0/left/window", None), ["window of RSI at root.when.all[0].left: 10 → default"]),
        (edited("root/when/all/0/left/indicator", "roc"), ["indicator at root.when.all[0].left: RSI(10) of SPY → ROC(10) of SPY"]),
        (edited("root/when/all/0/right", 80), ["threshold at root.when.all[0]: 75 → 80"]),
        (edited("root/when/all/0/right", RSI), ["threshold at root.when.all[0]: 75 → RSI(10) of SPY"]),
        (edited("root/when/all/0/op", "<="), ["comparison at root.when.all[0]: > → <="]),
        (edited("root/when/all/0/for_days", 3), ["sessions it must hold at root.when.all[0]: 1 → 3"]),
        (edited("root/when/all/1", None), ["Price of SPY > SMA($n) of SPY removed from root.when.all"]),
        (edited("root/when", {"month": [1, 2]}), ["condition at root.when: RSI(10) of SPY > 75 and Price of SPY > SMA($n) of SPY → month is Jan or Feb"]),
        (edited("root/name", "Warm?"), ["gate at root renamed: Hot? → Warm?"]),
        (edited("root/name", None), ["gate at root renamed: Hot? → none"]),
        (edited("root/note", "why"), ["note of gate ‘Hot?’ rewritten"]),
        (edited("root/then/symbol", "IEF"), ["symbol of asset at root.then: TLT → IEF"]),
        (edited("root/then", {"kind": "cash"}), ["asset TLT at root.then replaced by cash"]),
        (edited("root/else/scheme", "rank"), ["scheme of weight at root.else: equal → rank"]),
        (edited("root/else/children", ASSETS[:2]), ["asset GLD removed from root.else.children[2]"]),
        (edited("root/else/children", [*ASSETS[:1], {"kind": "cash"}, *ASSETS[1:]]), ["cash added at root.else.children[1]"]),
        (edited("root/else/children", [ASSETS[2], *ASSETS[:2]]), ["asset GLD moved from root.else.children[2] to root.else.children[0]"]),
        (edited("root/then", GROUP), ["asset TLT put inside group at root.then"]),
        (edited("root", WRAP), ["gate ‘Hot?’ put inside gate on month is Jan or May at root"]),
        (edited("root", BASE["root"]["else"]), ["gate ‘Hot?’ around equal weight removed at root"]),
        (edited("root/else/children/1", {"kind": "weight", "children": [{"kind": "cash"}, ASSETS[0]]}), ["asset SPY at root.else.children[1] replaced by equal weight with 2 blocks"]),
    ],
)  # fmt: skip
def test_an_edit_is_said_where_it_happened(new, words):
    assert said(BASE, new) == words


def test_a_block_that_goes_into_another_one_was_moved():
    inner = {"kind": "weight", "name": "New", "children": [ASSETS[2], {"kind": "cash"}]}
    new = edited("root/else/children", [inner, ASSETS[0], ASSETS[1]])
    assert said(BASE, new) == [
        "asset GLD moved from root.else.children[2] to root.else.children[0].children[0]",
        "weight ‘New’ with 2 blocks added at root.else.children[0]",
    ]


def test_a_change_of_kind_keeps_what_is_below():
    latch = {
        "kind": "latch",
        "enter": {"month": [1]},
        "exit": {"month": [2]},
        "then": BASE["root"]["then"],
        "else": BASE["root"]["else"],
    }
    assert said(BASE, edited("root", latch)) == ["gate ‘Hot?’ became latch at root"]


def test_several_edits_are_several_changes_with_a_summary():
    new = edited(
        "root/when/all/0/right",
        80,
        edited("variables/n", 8, edited("costs", {"commission_bps": 1})),
    )
    changes = difference(from_json(BASE), from_json(new))
    assert summary(changes) == "Commission in basis points: 0 → 1; variable n: 5 → 8; and 1 more."
    assert summary(changes[:1]) == "Commission in basis points: 0 → 1."
    assert summary(()) == "No change."


def test_every_kind_can_be_put_into_words():
    assert difference(from_json(BASE), from_json(EVERY_KIND))
    assert difference(from_json(EVERY_KIND), from_json(BASE))
    assert difference(from_json(EVERY_KIND), from_json(EVERY_KIND)) == ()


@quick(25)
@given(flows(), flows())
def test_flows_differ_exactly_if_their_content_does(one: Case, two: Case):
    old, new = from_json(one.flow), from_json(two.flow)
    assert difference(old, old) == ()
    assert bool(difference(old, new)) == (content_hash(old) != content_hash(new))
    assert bool(difference(new, old)) == bool(difference(old, new))


def test_a_very_deep_flow_is_compared():
    deep: dict[str, Any] = {"kind": "asset", "symbol": "SPY"}
    for _ in range(290):
        deep = {"kind": "group", "child": deep}
    old, new = {"name": "x", "root": deep}, {"name": "x", "root": deepcopy(deep)}
    place = new["root"]
    while "child" in place:
        place = place["child"]
    place["symbol"] = "QQQ"
    (text,) = said(old, new)
    assert text.startswith("symbol of asset at root.child")
