"""Kinds of blocks are those of flows; whatever says something of each says it of all."""

from __future__ import annotations

import pytest

from app.components.builder.inspector import _FORMS
from app.components.builder.outline import MEANINGS
from app.theme import KINDS as LOOKS
from core.flow.draft.blocks import FLOW, MANY, SINGLE, draft_of
from core.flow.draft.sentences import _SENTENCES, sentence
from core.flow.nodes import KINDS


@pytest.mark.parametrize(
    "said",
    [list(_FORMS), list(MEANINGS), list(LOOKS), [kind for kind in _SENTENCES if kind != FLOW]],
    ids=["forms", "menus", "looks", "sentences"],
)
def test_every_kind_is_there_in_one_order(said):
    assert said == list(KINDS)


def test_slots_are_the_children_of_the_kind():
    for kind, node in KINDS.items():
        slots = SINGLE.get(kind) or tuple(filter(None, [MANY.get(kind)]))
        assert slots == tuple(name.rstrip("_") for name in node.CHILD_FIELDS), kind


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [3, 1e999, True, "x", [None], {"a": 1}], ids=repr)
def test_a_sentence_is_said_of_whatever_a_draft_holds(kind, value):
    slots = {*SINGLE.get(kind, ()), MANY.get(kind)}
    names = {field.alias or name for name, field in KINDS[kind].model_fields.items()}
    root = {"kind": kind} | dict.fromkeys(names - slots - {"kind"}, value)
    draft = draft_of({"root": root})
    assert sentence(draft, draft.order[1])
