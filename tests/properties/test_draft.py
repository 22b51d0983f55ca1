"""Laws of drafts: whatever is done, in whatever order, the tree stays a tree."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.flow.draft.blocks import FLOW, Draft, Place, Ref, draft_of, empty_places
from core.flow.draft.history import History
from core.flow.draft.operations import (
    WRAPPERS,
    add,
    after,
    before,
    duplicate,
    insert,
    inside,
    lift,
    move,
    remove,
    rename,
    set_fields,
    shift,
    unwrap,
    wrap,
)
from core.flow.draft.problems import check
from core.flow.draft.sentences import place_label, title
from core.flow.formats.native import from_json, to_json
from core.flow.nodes import KINDS
from tests.reference.engine import quick
from tests.reference.flows import Case, flows


def well_formed(draft: Draft) -> None:
    """Every block is reachable, once; nothing refers to a block that is not there."""
    assert draft[FLOW].kind == FLOW
    assert sorted(draft.order) == sorted(draft.blocks)
    assert set(draft.places) == set(draft.blocks) - {FLOW}
    for name, block in draft.blocks.items():
        assert block.id == name
        title(draft, name)
        for child in draft.children(name):
            place_label(draft, draft.places[child])
    for number in (int(name[1:]) for name in draft.blocks if name != FLOW):
        assert number < draft.next_number


def act(data: st.DataObject, draft: Draft) -> tuple[Draft, str]:
    """Any operation on any block; some make no sense and are refused."""
    blocks = st.sampled_from(draft.order)
    block, other = data.draw(blocks), data.draw(blocks)
    choice = data.draw(st.sampled_from(("add", "remove", "move", "wrap", "unwrap", "lift", "copy",
                                        "paste", "shift", "rename", "field", "fill")))  # fmt: skip
    if choice == "add":
        return add(draft, inside(draft, block), data.draw(st.sampled_from(tuple(KINDS))))
    if choice == "remove":
        return remove(draft, block)
    if choice == "move":
        where = data.draw(st.sampled_from((before, after, inside)))
        return move(draft, block, where(draft, other))
    if choice == "wrap":
        return wrap(draft, block, data.draw(st.sampled_from(WRAPPERS)))
    if choice in ("unwrap", "lift", "copy"):
        return {"unwrap": unwrap, "lift": lift, "copy": duplicate}[choice](draft, block)
    if choice == "paste":
        return insert(draft, after(draft, block), draft.to_json(other))
    if choice == "shift":
        return shift(draft, block, data.draw(st.sampled_from(("up", "down", "out", "in"))))
    if choice == "rename":
        return rename(draft, block, data.draw(st.text(max_size=5))), block
    if choice == "fill":
        free = [place for name in draft.order for place in empty_places(draft[name])]
        if not free:
            return draft, block
        return insert(draft, data.draw(st.sampled_from(free)), {"kind": "cash"})
    operand = {"indicator": "rsi", "of": None, "window": 5}
    when = {"left": operand, "op": ">", "right": 1}
    return set_fields(draft, block, {("when",): when}), block


@quick(60)
@given(case=flows(references=False), data=st.data())
def test_any_sequence_of_operations_keeps_a_tree_and_can_be_undone(case: Case, data) -> None:
    first = draft_of(to_json(from_json(case.flow)))
    history = History(first)
    states = [first.to_json()]
    for _ in range(data.draw(st.integers(1, 15))):
        try:
            done, selected = act(data, history.draft)
        except BadInput:
            continue
        well_formed(done)
        if (edited := history.edited(done, selected, "act")).revision > history.revision:
            states.append(done.to_json())
        history = edited
        assert history.draft.blocks == done.blocks
    check(history.draft)
    for state in reversed(states[:-1]):
        history = history.undo()
        well_formed(history.draft)
        assert history.draft.to_json() == state
    assert history.undo() is history
    assert history.draft.blocks == first.blocks
    for state in states[1:]:
        history = history.redo()
        assert history.draft.to_json() == state
    assert history.redo() is history


@quick(60)
@given(case=flows())
def test_a_valid_flow_passes_through_a_draft_unchanged(case: Case) -> None:
    flow = from_json(case.flow)
    draft = draft_of(to_json(flow))
    assert draft.to_json() == to_json(flow)
    assert from_json(draft_of(case.flow).to_json()) == flow
    well_formed(draft)


def test_a_place_is_filled_and_emptied_where_it_is() -> None:
    draft = draft_of({"sluice": 1, "name": "x"})
    done, block = add(draft, Place(FLOW, ("root",)), "group")
    assert done[FLOW].content["root"] == Ref(block)
    assert remove(done, block)[0].to_json() == draft.to_json()
