"""Unsaved changes outlive the session that made them, and nothing overwrites them unsaid."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from uuid import uuid4

import pytest

import app.components.builder.drafts as builder_drafts
from app.components.builder.commands import do
from app.components.builder.drafts import keep
from app.components.builder.editing import Editing
from core.accounts.users import User
from core.db.drafts import Drafts
from core.errors import Unavailable
from core.flow.examples import example_flows
from core.flow.formats.native import to_json
from core.library.drafts import KeptDraft
from core.library.strategies import Strategy
from tests.fakes.clock import VirtualClock

FLOW = example_flows()["risk-on-risk-off"]
NOON = datetime(2026, 3, 2, 12, 3, tzinfo=UTC)


@pytest.fixture
def made(services) -> Strategy:
    return services.strategies.create(services.user.id, FLOW)


# -- the store -----------------------------------------------------------------------------------


def test_a_draft_is_kept_replaced_and_read_back(services, made):
    clock = VirtualClock(NOON)
    store, user = Drafts(services.database.engine, clock), services.user.id
    assert store.find(user, made.id) is None
    assert not store.has(user, made.id)
    assert store.keep(user, made.id, 1, "first")
    assert store.find(user, made.id) == KeptDraft(1, "first", NOON)
    services.strategies.save(user, made.slug, renamed("Two"), expected=1)
    clock.advance(3600)
    assert store.keep(user, made.id, 2, "second")
    assert store.find(user, made.id) == KeptDraft(2, "second", NOON.replace(hour=13))
    assert store.has(user, made.id)


def test_only_the_draft_one_knows_is_forgotten(services, made):
    store, user = services.drafts, services.user.id
    store.keep(user, made.id, 1, "another window's")
    store.forget(user, made.id, "mine")
    assert store.find(user, made.id).text == "another window's"
    store.forget(user, made.id, "another window's")
    assert store.find(user, made.id) is None


def test_a_draft_is_its_users_and_goes_with_its_strategy(services, made):
    store, user = services.drafts, services.user.id
    stranger = services.users.ensure(User(uuid4(), "stranger")).id
    assert not store.keep(stranger, made.id, 1, "theirs")
    assert not store.keep(user, made.id, 7, "of a version there is not")
    assert store.keep(user, made.id, 1, "mine")
    assert store.find(stranger, made.id) is None
    store.forget(stranger, made.id, "mine")
    assert store.has(user, made.id)
    services.strategies.delete(user, made.slug)
    assert store.find(user, made.id) is None
    assert not store.keep(user, made.id, 1, "too late")


def test_a_strategy_deleted_while_drafts_are_written_is_no_error(services, made):
    store, user = services.drafts, services.user.id
    begun, answers = threading.Event(), []

    def write() -> None:
        while not answers or answers[-1]:
            answers.append(store.keep(user, made.id, 1, f"draft {len(answers)}"))
            begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait(20)
    services.strategies.delete(user, made.slug)
    writer.join(20)
    assert answers[0]
    assert not answers[-1]


# -- the editor's side ---------------------------------------------------------------------------


def renamed(name: str):
    return FLOW.model_copy(update={"name": name})


@pytest.fixture
def begin(services, made, monkeypatch):
    """Opens the strategy in another new session."""
    monkeypatch.setattr(builder_drafts, "services", lambda: services)

    def begin() -> Editing:
        head = services.strategies.version(services.user.id, made.slug)
        return builder_drafts._begun(made.slug, head)

    return begin


def first(editing: Editing) -> str:
    return next(name for name, path in editing.draft.paths.items() if path == "root.then")


def name_it(editing: Editing, name: str) -> None:
    draft = editing.draft
    blocks = dict(draft.blocks)
    block = blocks[first(editing)]
    blocks[block.id] = type(block)(block.id, block.kind, {**block.content, "name": name})
    editing.edit(type(draft)(blocks, draft.next_number), None, "edit name", typed=True)
    keep(editing)


def text_of(services, made) -> str | None:
    found = services.drafts.find(services.user.id, made.id)
    return None if found is None else found.text


def test_changes_are_there_in_the_next_session_and_gone_once_undone(services, made, begin):
    mine = begin()
    keep(mine)
    assert text_of(services, made) is None
    name_it(mine, "Kept \ud800 \x00 €")
    later = begin()
    assert later.draft.to_json() == mine.draft.to_json()
    assert later.changed
    assert later.kept.returned is not None
    assert later.conflict is None
    later.discard()
    keep(later)
    assert text_of(services, made) is None
    do(later, {"do": "undo"})
    keep(later)
    assert begin().draft.to_json() == mine.draft.to_json()


def test_an_incomplete_draft_is_kept(begin):
    mine = begin()
    do(mine, {"do": "remove", "id": first(mine)})
    keep(mine)
    assert mine.checked.flow is None
    later = begin()
    assert later.draft.to_json() == mine.draft.to_json()
    assert later.changed


def test_what_did_not_change_is_not_written_again(services, begin, monkeypatch):
    mine, written = begin(), []
    store = services.drafts
    monkeypatch.setattr(
        type(store), "keep",
        lambda _self, _user, _strategy, base, text: written.append((base, text)) or True,
    )  # fmt: skip
    name_it(mine, "One")
    for _ in range(3):
        mine.select(first(mine))
        keep(mine)
    do(mine, {"do": "undo"})
    do(mine, {"do": "redo"})
    keep(mine)
    assert len(written) == 1
    name_it(mine, "Two")
    assert len(written) == 2


def test_saving_takes_it_away_and_leaves_what_another_window_wrote(services, made, begin):
    user = services.user.id
    mine, other = begin(), begin()
    name_it(mine, "Mine")
    name_it(other, "Other")
    mine.saved_now(services.strategies.save(user, made.slug, mine.checked.flow, expected=1))
    keep(mine)
    later = begin()
    assert later.draft.to_json() == other.draft.to_json()
    assert (later.number, later.conflict.expected, later.conflict.found) == (1, 1, 2)
    assert later.changed
    later.take_over(services.strategies.version(user, made.slug))
    keep(later)
    assert text_of(services, made) is None
    assert not begin().changed


def test_a_draft_that_was_saved_is_none(services, made, begin):
    """The app ended between the two."""
    mine = begin()
    name_it(mine, "Mine")
    services.strategies.save(services.user.id, made.slug, mine.checked.flow, expected=1)
    later = begin()
    assert (later.number, later.changed, later.conflict) == (2, False, None)
    assert text_of(services, made) is None


@pytest.mark.parametrize(
    "text",
    [
        "no JSON", "3", '{"sluice": 1, "name": "x"', '{"root": {"kind": "of tomorrow"}}',
        '{"root": 3}', '{"root": {"kind": "weight", "children": 3}}', "[" * 100_000,
    ],
    ids=["text", "number", "cut off", "unknown kind", "no block", "no list", "deep"],
)  # fmt: skip
def test_a_draft_that_cannot_be_read_is_kept_until_it_is_discarded(services, made, begin, text):
    services.drafts.keep(services.user.id, made.id, 1, text)
    mine = begin()
    assert mine.draft.to_json() == to_json(FLOW)
    assert mine.kept.unreadable.text == text
    assert mine.kept.why
    name_it(mine, "Meanwhile")
    assert text_of(services, made) == text
    builder_drafts._discard_unreadable(mine, mine.kept.unreadable)
    keep(mine)
    assert json.loads(text_of(services, made)) == mine.draft.to_json()


def test_what_no_flow_may_hold_comes_back_and_is_marked(begin):
    mine = begin()
    do(mine, {"do": "paste", "id": first(mine), "text": json.dumps(
        {"kind": "switch", "conditions": 3, "cases": [{"kind": "cash", "name": 5}]}
    ).replace("3", "1e999")})  # fmt: skip
    keep(mine)
    later = begin()
    assert later.draft.to_json() == mine.draft.to_json()
    assert later.checked.errors


def test_while_the_database_is_away_the_page_says_so_and_the_next_run_tries_again(
    services, made, begin, monkeypatch
):
    mine = begin()

    def away(*_: object) -> None:
        raise Unavailable("The database cannot be reached.")

    with monkeypatch.context() as broken:
        broken.setattr(type(services.drafts), "keep", away)
        name_it(mine, "Mine")
    assert mine.kept.problem == "The database cannot be reached."
    assert text_of(services, made) is None
    keep(mine)
    assert mine.kept.problem == ""
    assert text_of(services, made) is not None


def test_changes_to_a_deleted_strategy_are_said_not_to_be_kept(services, made, begin):
    mine = begin()
    services.strategies.delete(services.user.id, made.slug)
    name_it(mine, "Mine")
    assert "deleted" in mine.kept.problem
