"""A condition reads the same wherever it stands, and whatever of it is still missing."""

from __future__ import annotations

import pytest

from core.flow.draft.blocks import draft_of
from core.flow.draft.sentences import condition
from core.flow.words import condition_words

RSI = {"indicator": "rsi", "symbol": "SPY"}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"left": {**RSI, "window": 10}, "op": ">", "right": "$hot"}, "RSI(10) of SPY > $hot"),
        ({"left": RSI, "op": "<=", "right": 30.5}, "RSI(14) of SPY ≤ 30.5"),
        (
            {"left": {**RSI, "days_ago": 2, "times": 3, "plus": -1}, "op": ">", "right": 0},
            "3 × RSI(14) of SPY, 2 sessions ago − 1 > 0",
        ),
        (
            {"left": {**RSI, "times": 1, "plus": 0, "days_ago": 0}, "op": "<", "right": 1},
            "RSI(14) of SPY < 1",
        ),
        ({"left": {"indicator": "rsi"}, "op": "?"}, "RSI(14) of … … …"),
        ({"any": []}, "…"),
        ({"month": [1, 12, 13]}, "month is Jan or Dec"),
        (
            {"any": [{"month": [1]}, {"all": [{"month": [2]}, {"not": {"month": [3]}}]}]},
            "month is Jan or (month is Feb and not (month is Mar))",
        ),
        (
            {"at_least": {"count": 2, "of": [{"month": [5]}, None]}},
            "at least 2 of: month is May; …",
        ),
        (None, "…"),
    ],
)
def test_in_a_flow_and_in_a_draft(written, said):
    assert condition_words(written) == said
    gate = {"kind": "gate", "when": written, "then": {"kind": "cash"}, "else": {"kind": "cash"}}
    draft = draft_of({"sluice": 1, "name": "x", "root": gate})
    block = draft.order[1]
    assert condition(draft, draft[block].content["when"]) == said


def test_what_is_measured_is_named_as_where_it_stands_names_it():
    of = {"kind": "group", "name": "Tech", "child": {"kind": "cash"}}
    written = {"left": {"indicator": "rsi", "of": of, "window": 5}, "op": "<", "right": 3}
    assert condition_words(written) == "RSI(5) of group ‘Tech’ < 3"
    gate = {"kind": "gate", "when": written, "then": {"kind": "cash"}, "else": {"kind": "cash"}}
    draft = draft_of({"sluice": 1, "name": "x", "root": gate})
    assert condition(draft, draft[draft.order[1]].content["when"]) == "RSI(5) of ‘Tech’ < 3"


def test_an_item_of_a_sort_need_not_be_named():
    written = {"left": {"indicator": "rsi", "window": 5}, "op": "<", "right": 3}
    assert condition_words(written, item=True) == "RSI(5) < 3"
