"""Files as they come: told apart by content; hostile and broken ones refused in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.errors import BadInput, FlowInvalid, UnknownName
from core.flow.formats.edn import MAX_VALUES, Form, Keyword, Map, Number, Word, read_edn
from core.flow.formats.imports import FORMATS, read_strategy
from core.flow.formats.native import MAX_DEPTH, MAX_NODES, dump
from core.flow.formats.text import MAX_BYTES, MAX_PARTS
from core.flow.validate import validate

ASSET = {"step": "asset", "ticker": "SPY"}
SYMPHONY = {"step": "root", "name": "Case", "rebalance": "daily", "children": [ASSET]}
TICKER = {"incantation_type": "Ticker", "symbol": "SPY", "name": ""}
SPELL = {"name": "Case", "version": 2, "trading_type": "Daily", "incantation": TICKER}
NATIVE = {"sluice": 1, "name": "Case", "root": {"kind": "asset", "symbol": "SPY"}}
EDN = '{:step :root, :name "Case", :rebalance :daily, :children [{:step :asset :ticker "SPY"}]}'
DEFINITION = '(defsymphony "Case" {:rebalance-frequency :daily} (asset "SPY"))'


# -- which format --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "format_name", "found"),
    [
        (json.dumps(SYMPHONY), "composer", "Composer score JSON"),
        (json.dumps(json.dumps(SYMPHONY)), "composer", "Composer score JSON"),
        (EDN, "composer", "Composer score EDN"),
        (json.dumps(EDN), "composer", "Composer score EDN"),
        (";; said first\n" + DEFINITION, "composer", "Composer defsymphony"),
        (json.dumps(SPELL), "quantmage", "QuantMage"),
        (json.dumps(NATIVE), "native", "native"),
        (b"\xef\xbb\xbf" + json.dumps(NATIVE).encode(), "native", "native"),
    ],
)
def test_a_format_is_recognised_by_its_content(content, format_name, found):
    for asked in ("auto", format_name):
        imported = read_strategy(content, "file.txt", asked)
        assert imported.report.format == found
        assert imported.flow.name == "Case"
    for other in set(FORMATS) - {"auto", format_name}:
        with pytest.raises(BadInput):
            read_strategy(content, "file.txt", other)


def test_a_format_nobody_knows_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'composer'"):
        read_strategy("{}", "file", "composr")


def test_a_strategy_without_a_name_has_that_of_its_file():
    imported = read_strategy(json.dumps(SYMPHONY | {"name": " "}), "my file.json")
    assert imported.flow.name == "my file"


# -- hostile and broken ones ---------------------------------------------------------------------


def nested(levels: int, around: str, inside: str, between: str) -> str:
    """``inside`` within so many ``around``, which has ``between`` where the inner one stands."""
    before, after = around.split(between)
    return before * levels + inside + after * levels


DEEP_SCORE = '{"step":"root","rebalance":"daily","children":[%s]}' % nested(  # noqa: UP031
    10_000, '{"step":"wt-cash-equal","children":[@]}', json.dumps(ASSET), "@"
)
DEEP_DEFINITION = '(defsymphony "x" {} %s)' % nested(  # noqa: UP031
    10_000, "(weight-equal [@])", '(asset "SPY")', "@"
)
DEEP_EDN = "{:step :root, :children [%s]}" % nested(  # noqa: UP031
    10_000, "{:step :wt-cash-equal, :children [@]}", '{:step :asset, :ticker "SPY"}', "@"
)
DEEP_SPELL = '{"version":2,"incantation":%s}' % nested(  # noqa: UP031
    10_000, '{"incantation_type":"Weighted","type":"Equal","incantations":[@]}', "null", "@"
)
DEEP_NATIVE = '{"sluice":1,"name":"x","root":%s}' % nested(  # noqa: UP031
    10_000, '{"kind":"group","child":@}', '{"kind":"cash"}', "@"
)


def levels(count: int) -> str:
    """A definition so many weights deep, in one line."""
    tree = nested(count, "(weight-equal [@])", '(asset "SPY")', "@")
    return f'(defsymphony "x" {{:rebalance-frequency :daily}} {tree})'


def wide(count: int) -> dict[str, Any]:
    return SYMPHONY | {"children": [{"step": "wt-cash-equal", "children": [ASSET] * count}]}


HOSTILE: list[tuple[str, str | bytes, str]] = [
    ("100 MB", b" " * 100_000_000, f"at most {MAX_BYTES:,}"),
    ("empty", b"", "empty"),
    ("blank", b"\xef\xbb\xbf \n", "empty"),
    ("not UTF-8", '{"name": "é"}'.encode("latin-1"), "UTF-8"),
    ("UTF-16", json.dumps(NATIVE).encode("utf-16"), "UTF-8"),
    ("NUL", "(defsymphony \0)", "NUL"),
    ("an escaped NUL", json.dumps(NATIVE | {"name": "a\0b"}), "NUL"),
    ("an escaped surrogate", '{"sluice": 1, "name": "\\ud800", "root": {"kind": "cash"}}', "surrogate"),
    ("a surrogate in EDN", '(defsymphony "\\ud800" {} (asset "SPY"))', "cannot be kept"),
    ("HTML", "<html><body onload=alert(1)>no</body></html>", "no strategy"),
    ("prose", "Buy low, sell high.", "no strategy"),
    ("a picture", b"\x89PNG\r\n\x1a\n\x00\x00", "UTF-8"),
    ("half a JSON", json.dumps(SYMPHONY)[:-3], "not JSON"),
    ("half an EDN", EDN[:-2], "never closed"),
    ("half a string", EDN[:22], "cannot be read"),
    ("half a definition", DEFINITION[:-1], "never closed"),
    ("too much", DEFINITION + DEFINITION, "more than one value"),
    ("a tag", '{:step #eval "boom"}', "cannot be read"),
    ("a list", "[]", "no strategy"),
    ("another object", '{"openapi": "3.1.0"}', "no strategy"),
    ("a number", "3", "no strategy"),
    ("null", "null", "no strategy"),
    ("a key twice", '{"step": "root", "step": "root"}', "twice"),
    ("many keys and one twice", "{%s}" % ",".join(f'"{i % 99_999}":0' for i in range(100_000)), "twice"),  # noqa: UP031
    ("NaN", '{"step": "root", "children": NaN}', "NaN"),
    ("a huge number", '{"sluice": %s}' % ("9" * 10_000), "digits"),
    ("score, 10,000 deep", DEEP_SCORE, "deep"),
    ("definition, 10,000 deep", DEEP_DEFINITION, "deep"),
    ("EDN, 10,000 deep", DEEP_EDN, "deep"),
    ("spell, 10,000 deep", DEEP_SPELL, "deep"),
    ("flow, 10,000 deep", DEEP_NATIVE, "deep"),
    ("definition, too many levels", levels(MAX_DEPTH + 1), "levels"),
    ("brackets only", "[" * 900_000, "deep"),
    ("brackets in EDN", "(" * 900_000, "deep"),
    ("very many brackets", "[" * (MAX_PARTS + 1), "brackets"),
    ("very many values", f"({'1 ' * (MAX_VALUES + 1)})", "values"),
    ("too many nodes", json.dumps(wide(MAX_NODES + 1)), "nodes"),
    ("a text in a text in a text", json.dumps(json.dumps(json.dumps(json.dumps("x")))), "within"),
    ("a text of 10 MB of escapes", '(defsymphony "%s" {} 1)' % ("\\n" * 5_000_000), "characters"),
    ("comments only", ";\n" * 5_000_000, "nothing to read"),
    ("an unclosed string of 10 MB", '(defsymphony "' + "a" * 10_000_000, "cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "says"), [h[1:] for h in HOSTILE], ids=[h[0] for h in HOSTILE])
def test_a_hostile_or_broken_file_is_refused_in_words(content, says):
    with pytest.raises(BadInput) as refused:
        read_strategy(content, "file.json")
    assert says in str(refused.value)
    assert len(str(refused.value)) < 400


def test_the_deepest_strategy_that_is_read_can_be_written_and_checked():
    flow = read_strategy(levels(MAX_DEPTH - 1), "deep.edn").flow
    assert validate(flow) == ()
    assert dump(read_strategy(dump(flow), "deep.json").flow) == dump(flow)


WRONG_TYPES = [None, True, 3, "", "x", [], {"a": 1}, "1e99999999", 10**400]


def mutations(document: Any) -> list[Any]:
    """``document`` with each of its values in turn replaced by one of every other type."""
    found = []

    def visit(part: Any, rebuild: Any) -> None:
        if part is not document:
            found.extend(rebuild(wrong) for wrong in WRONG_TYPES)
        if isinstance(part, dict):
            for key, value in part.items():
                visit(value, lambda new, k=key: rebuild({**part, k: new}))
        elif isinstance(part, list):
            for i, value in enumerate(part):
                visit(value, lambda new, i=i: rebuild([*part[:i], new, *part[i + 1 :]]))

    visit(document, lambda new: new)
    return found


FULL_SYMPHONY = SYMPHONY | {
    "rebalance": "none", "rebalance-corridor-width": 0.1, "description": "d", "children": [
        {"step": "wt-cash-specified", "children": [
            {"step": "if", "weight": {"num": 60, "den": 100}, "children": [
                {"step": "if-child", "is-else-condition?": False, "children": [ASSET], "condition": {
                    "condition-type": "compound", "operator": "any", "conditions": [
                        {"condition-type": "binary-compound", "operator": "all", "tickers": ["SPY"], "comparator": "gt",
                         "lhs": {"fn": "relative-strength-index", "ticker": "%", "params": {"window": 10}}, "rhs": {"constant": 3}}]}},
                {"step": "if-child", "is-else-condition?": True, "children": [
                    {"step": "if", "children": [
                        {"step": "if-child", "is-else-condition?": False, "children": [ASSET], "lhs-fn": "current-price",
                         "lhs-val": "SPY", "comparator": "lt", "rhs-fixed-value?": True, "rhs-val": "3"},
                        {"step": "if-child", "is-else-condition?": True, "children": [ASSET]}]}]}]},
            {"step": "group", "name": "G", "weight": {"num": "40", "den": 100}, "children": [
                {"step": "wt-inverse-vol", "window-days": 10, "children": [
                    {"step": "filter", "sort-by-fn": "max-drawdown", "sort-by-fn-params": {"window": 5},
                     "select-fn": "top", "select-n": 1, "children": [ASSET, ASSET]}]}]}]}],
}  # fmt: skip
CONDITION = {
    "condition_type": "AllOf", "conditions": [{
        "condition_type": "SingleCondition", "type": "BothIndicators", "greater_than": True, "for_days": 2,
        "lh_indicator": {"type": "Volatility", "window": 10}, "lh_ticker_symbol": "SPY", "lh_days_ago": 1,
        "rh_indicator": {"type": "Drawdown", "window": 0}, "rh_ticker_symbol": "TLT", "rh_days_ago": 0,
        "rh_value": 2.5, "rh_value_int": 0, "rh_weight": 1.0, "rh_bias": 0.0}],
}  # fmt: skip
FULL_SPELL = SPELL | {
    "description": "d", "trading_type": "Threshold", "threshold": 5, "slippage_bps": 5, "benchmark_ticker": "SPY",
    "benchmark_spell": "", "incantation": {
        "incantation_type": "Weighted", "type": "Custom", "weights": [50, 50], "inverse_volatility_window": 0, "name": "n",
        "incantations": [
            {"incantation_type": "IfElse", "condition": CONDITION, "then_incantation": TICKER, "else_incantation": None,
             "then_comment": "a", "else_comment": "", "name": ""},
            {"incantation_type": "Switch", "conditions": [CONDITION], "comments": ["a", "b"], "name": "",
             "incantations": [
                 {"incantation_type": "Filtered", "sort_indicator": {"type": "Volatility", "window": 5}, "count": 1,
                  "bottom": False, "weight_type": "Equal", "weights": [], "inverse_volatility_window": 0, "name": "",
                  "incantations": [TICKER, TICKER]},
                 TICKER]}]},
}  # fmt: skip


@pytest.mark.parametrize("document", [FULL_SYMPHONY, FULL_SPELL], ids=["Composer", "QuantMage"])
def test_no_wrong_type_anywhere_is_more_than_bad_input(document):
    whole = read_strategy(json.dumps(document), "whole.json")
    assert whole.flow is not None
    tried = mutations(document)
    assert len(tried) > 500
    for mutation in tried:
        text = json.dumps(mutation)
        try:
            found = read_strategy(text, "file.json")
            if found.flow is not None:
                validate(found.flow)
                dump(found.flow).encode()
        except BadInput:
            continue
        except Exception as err:  # noqa: BLE001
            pytest.fail(f"{err!r} for {text}")


def test_strategies_that_refer_to_each_other_in_a_circle_are_refused():
    def flow(other: str):
        text = json.dumps(NATIVE | {"root": {"kind": "strategy", "strategy": other}})
        return read_strategy(text, "flow.json").flow

    problems = validate(flow("b"), {"a": flow("b"), "b": flow("a")}.__getitem__)
    assert "circle" in str(problems[0])


def test_native_problems_are_still_all_told():
    with pytest.raises(FlowInvalid) as refused:
        read_strategy('{"sluice": 1, "root": {"kind": "aset"}}', "flow.json")
    assert [p.path for p in refused.value.problems] == ["name", "root.kind"]


# -- EDN -----------------------------------------------------------------------------------------


def test_edn_values_keep_what_they_are():
    value = read_edn(
        '[:key sym "s\\n\\u00e9\\ud83d\\ude00" 1/3 2.50M -7N 1e-5 true nil {} ()]', "x"
    )
    assert value == ["key", "sym", "s\né😀", "1/3", "2.50", "-7", "1e-5", True, None, {}, []]
    kinds = [Keyword, Word, str, Number, Number, Number, Number, bool, type(None), Map, Form]
    assert [type(v) for v in value] == kinds
    assert value.vector
    assert not value[-1].vector


def test_edn_lines_count_through_texts_and_comments():
    value = read_edn('(a "two\nlines"\n;; (note\n {:k 1})', "x")
    assert value[2].line == 4


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{:a 1 :a 2}", "'a' appears twice"),
        ("{:a}", "without a value"),
        ("{[1] 2}", "no word"),
        ("(]", "closes nothing"),
        (")", "closes nothing"),
        ("\n\n(", "line 3"),
        ('"a\\q"', "no character"),
        ("", "nothing to read"),
    ],
)
def test_broken_edn_says_what_and_where(text, says):
    with pytest.raises(BadInput) as refused:
        read_edn(text, "case.edn")
    assert says in str(refused.value)
