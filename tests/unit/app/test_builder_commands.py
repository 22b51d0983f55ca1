"""Commands of the browser: each is done once and in order; what makes no sense says so."""

from __future__ import annotations

from typing import Any

import pytest

from app.components.builder.commands import do, do_all
from app.components.builder.editing import Editing
from core.errors import UnknownName
from core.flow.draft.blocks import FLOW, draft_of
from core.flow.draft.history import History
from core.flow.examples import example_flows
from core.flow.formats.native import to_json

SAVED = to_json(example_flows()["risk-on-risk-off"])


def nobody(slug: str) -> Any:
    raise UnknownName("strategy", "strategy", slug)


@pytest.fixture
def editing() -> Editing:
    return Editing("here", nobody, 1, SAVED, History(draft_of(SAVED)))


def block(editing: Editing, path: str) -> str:
    return next(name for name, found in editing.draft.paths.items() if found == path)


def batch(editing: Editing, *commands: dict[str, Any], client: str = "browser") -> dict[str, Any]:
    return {"client": client, "list": [{"token": editing.token} | one for one in commands]}


def test_a_command_sent_twice_is_done_once(editing):
    weight = block(editing, "root.else")
    first = {"n": 1, "do": "add", "id": weight, "kind": "cash"}
    do_all(editing, batch(editing, first))
    do_all(editing, batch(editing, first, {"n": 2, "do": "duplicate", "id": weight}))
    assert (
        len(editing.draft) == 5 + 1 + 5
    )  # the weight has three blocks by then; its copy beside it
    assert editing.seen == {"browser": 2}
    do_all(editing, batch(editing, {"n": 1, "do": "undo"}, client="another window"))
    assert len(editing.draft) == 6


def test_what_was_meant_for_the_draft_before_a_restart_is_not_done_and_said(editing):
    weight = block(editing, "root.else")
    before = editing.history
    do_all(editing, batch(editing, {"n": 1, "do": "select", "id": weight, "token": "before"}))
    assert editing.notices == []
    late = {"n": 2, "do": "remove", "id": weight, "token": "before"}
    do_all(editing, batch(editing, late, {"n": 3, "do": "select", "id": weight}))
    assert editing.draft is before.draft
    assert editing.history.selected == weight
    assert [notice.icon for notice in editing.notices] == ["block"]


def test_changes_are_counted_from_the_saved_version(editing):
    assert not editing.changed
    do(editing, {"do": "remove", "id": block(editing, "root.then")})
    assert editing.changed
    assert not editing.checked.runs
    assert editing.checked.problems[0].block == block(editing, "root")
    do(editing, {"do": "undo"})
    assert not editing.changed
    editing.discard()
    assert not editing.notices


def test_what_makes_no_sense_is_said_and_changes_nothing(editing):
    before = editing.history
    for command in (
        {"do": "remove", "id": FLOW},
        {"do": "remove", "id": "b999"},
        {"do": "unwrap", "id": block(editing, "root.then")},
        {
            "do": "move",
            "id": block(editing, "root"),
            "to": block(editing, "root.else"),
            "where": "inside",
        },
        {"do": "shift", "id": block(editing, "root"), "way": "out"},
        {"do": "paste", "id": FLOW, "text": "no block"},
    ):
        do(editing, command)
    assert editing.history == before
    assert len(editing.notices) == 6
    assert all(notice.icon == "block" for notice in editing.notices)


def test_what_is_put_somewhere_is_shown(editing):
    gate, weight = block(editing, "root"), block(editing, "root.else")
    do(editing, {"do": "folded", "ids": [gate, weight]})
    do(editing, {"do": "add", "id": weight, "kind": "asset"})
    assert editing.folded == frozenset()
    assert editing.draft.parent(editing.history.selected) == weight


def test_discarding_can_be_undone(editing):
    do(editing, {"do": "remove", "id": block(editing, "root.then")})
    changed = editing.draft.to_json()
    editing.discard()
    assert editing.draft.to_json() == SAVED
    do(editing, {"do": "undo"})
    assert editing.draft.to_json() == changed
