"""Variables of a draft: declared, used, renamed with their uses."""

from __future__ import annotations

import pytest

from core.errors import BadInput
from core.flow.draft.blocks import FLOW, draft_of
from core.flow.draft.problems import check
from core.flow.draft.variables import declare, forget, rename_variable, uses, variables
from core.flow.examples import example_flows
from core.flow.formats.native import to_json

DRAFT = draft_of(to_json(example_flows()["risk-on-risk-off"]))


def test_renaming_renames_the_uses_and_nothing_else():
    renamed = rename_variable(DRAFT, "safe", "shelter")
    assert list(variables(renamed)) == ["window", "hot", "shelter"]
    assert "safe" not in uses(renamed)
    assert [renamed.paths[b] for b in uses(renamed)["shelter"]] == ["root.then"]
    assert check(renamed).runs
    assert rename_variable(renamed, "shelter", "safe").to_json() == DRAFT.to_json()


def test_a_benchmark_and_a_condition_are_uses_and_a_note_is_none():
    flow = {
        "sluice": 1, "name": "$a", "benchmark": "$a", "variables": {"a": "SPY"},
        "root": {"kind": "asset", "symbol": "QQQ", "note": "$a"},
    }  # fmt: skip
    draft = draft_of(flow)
    assert uses(draft) == {"a": (FLOW,)}
    renamed = rename_variable(draft, "a", "b").to_json()
    assert (renamed["benchmark"], renamed["name"], renamed["root"]["note"]) == ("$b", "$a", "$a")


def test_names_that_cannot_be_are_refused():
    for name in ("", "1a", "a b", "hot"):
        with pytest.raises(BadInput):
            rename_variable(DRAFT, "safe", name)
        with pytest.raises(BadInput):
            declare(DRAFT, name, 1)


def test_forgetting_one_in_use_is_a_problem_where_it_is_used():
    done = forget(DRAFT, "safe")
    assert [done.paths[found.block] for found in check(done).errors] == ["root.then"]
    assert declare(done, "safe", "TLT").to_json() == DRAFT.to_json()
