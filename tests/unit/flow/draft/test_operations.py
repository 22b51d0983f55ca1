"""What each operation does to a draft, and what it refuses."""

from __future__ import annotations

import pytest

from core.errors import BadInput
from core.flow.draft.blocks import FLOW, Draft, Place, draft_of, empty_places
from core.flow.draft.clipboard import copied, pasted
from core.flow.draft.operations import (
    REMOVED,
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
from core.flow.draft.sentences import place_label, sentence, title
from core.flow.nodes import KINDS

RSI = {"indicator": "rsi", "symbol": "SPY", "window": 10}
WHEN = {"left": RSI, "op": ">", "right": 75}


def asset(symbol: str) -> dict[str, object]:
    return {"kind": "asset", "symbol": symbol}


def draft(root: dict[str, object]) -> Draft:
    return draft_of({"sluice": 1, "name": "Test", "root": root})


def root(of: Draft) -> object:
    return of.to_json().get("root")


def at(of: Draft, path: str) -> str:
    """The block whose path that is."""
    return next(block for block, found in of.paths.items() if found == path)


GATE = draft({"kind": "gate", "when": WHEN, "then": asset("TLT"), "else": asset("QQQ")})
PARTS = draft(
    {
        "kind": "weight",
        "scheme": "specified",
        "children": [asset("A"), asset("B"), asset("C")],
        "weights": [0.5, 0.3, 0.2],
    }
)
INNER = draft(
    {
        "kind": "gate",
        "when": {
            "left": {"indicator": "rsi", "of": asset("IWM"), "window": 5},
            "op": ">",
            "right": 1,
        },
        "then": asset("TLT"),
        "else": {"kind": "cash"},
    }
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_added_and_says_what_it_does(kind):
    empty = draft_of({"sluice": 1, "name": "New"})
    done, block = add(empty, Place(FLOW, ("root",)), kind)
    assert done.places[block] == Place(FLOW, ("root",))
    assert root(done)["kind"] == kind
    assert sentence(done, block)
    assert empty.to_json() == {"sluice": 1, "name": "New"}


@pytest.mark.parametrize("kind", WRAPPERS)
def test_wrapping_and_unwrapping_gives_back_what_was(kind):
    block = at(GATE, "root.else")
    wrapped, outer = wrap(GATE, block, kind)
    assert wrapped.parent(block) == outer
    assert wrapped.paths[outer] == "root.else"
    assert root(unwrap(wrapped, outer)[0]) == root(GATE)


def test_a_second_block_in_a_slot_for_one_is_kept_beside_the_first():
    spy = asset("SPY")
    then = at(GATE, "root.then")
    behind, _ = insert(GATE, after(GATE, then), spy)
    in_front, _ = insert(GATE, before(GATE, then), spy)
    assert root(behind)["then"]["children"] == [asset("TLT"), spy]
    assert root(in_front)["then"]["children"] == [spy, asset("TLT")]


def test_the_parts_of_a_weight_stay_with_their_children():
    moved, _ = move(
        PARTS, at(PARTS, "root.children[2]"), before(PARTS, at(PARTS, "root.children[0]"))
    )
    assert [c["symbol"] for c in root(moved)["children"]] == ["C", "A", "B"]
    assert root(moved)["weights"] == [0.2, 0.5, 0.3]
    gone, _ = remove(PARTS, at(PARTS, "root.children[1]"))
    assert root(gone)["weights"] == [0.5, 0.2]
    more, _ = add(PARTS, inside(PARTS, at(PARTS, "root")), "cash")
    assert root(more)["weights"] == [0.5, 0.3, 0.2, 0]


def test_unwrapping_inside_a_weight_divides_the_part():
    wrapped, outer = wrap(PARTS, at(PARTS, "root.children[0]"), "weight")
    wrapped, _ = add(wrapped, inside(wrapped, outer), "cash")
    assert root(unwrap(wrapped, outer)[0])["weights"] == [0.25, 0.25, 0.3, 0.2]


def test_a_block_cannot_move_into_itself():
    wrapped, outer = wrap(GATE, at(GATE, "root.then"), "group")
    with pytest.raises(BadInput, match="inside itself"):
        move(wrapped, at(wrapped, "root"), inside(wrapped, outer))


def test_moving_onto_its_own_place_changes_nothing():
    for block in PARTS.children(at(PARTS, "root")):
        for place in (before(PARTS, block), after(PARTS, block)):
            assert move(PARTS, block, place)[0] is PARTS
    then = at(GATE, "root.then")
    assert move(GATE, then, before(GATE, then))[0] is GATE


def test_steps_by_keyboard():
    a, b = at(PARTS, "root.children[0]"), at(PARTS, "root.children[1]")
    down, _ = shift(PARTS, a, "down")
    assert [c["symbol"] for c in root(down)["children"]] == ["B", "A", "C"]
    assert root(shift(down, a, "up")[0]) == root(PARTS)
    wrapped, outer = wrap(PARTS, a, "weight")
    into, _ = shift(wrapped, b, "in")
    assert into.parent(b) == outer
    assert into.parent(shift(into, b, "out")[1]) == outer
    assert shift(into, b, "out")[0].parent(b) == at(PARTS, "root")
    swapped, _ = shift(GATE, at(GATE, "root.then"), "down")
    assert (root(swapped)["then"], root(swapped)["else"]) == (asset("QQQ"), asset("TLT"))
    with pytest.raises(BadInput, match="first already"):
        shift(PARTS, a, "up")
    with pytest.raises(BadInput, match="outermost"):
        shift(PARTS, at(PARTS, "root"), "out")


def test_lifting_keeps_one_and_drops_the_rest():
    lifted, _ = lift(GATE, at(GATE, "root.else"))
    assert root(lifted) == asset("QQQ")
    assert len(lifted) == 1
    with pytest.raises(BadInput, match="room for one"):
        unwrap(GATE, at(GATE, "root"))


def test_removing_leaves_a_place_to_fill():
    done, selected = remove(GATE, at(GATE, "root.then"))
    assert selected == at(GATE, "root")
    assert list(empty_places(done[selected])) == [Place(selected, ("then",))]
    assert "then" not in root(done)
    with pytest.raises(BadInput, match="stays"):
        remove(GATE, FLOW)


def test_what_an_operand_measures_is_blocks_too():
    block = at(INNER, "root.when.left.of")
    assert title(INNER, at(INNER, "root")) == "If RSI(5) of ‘IWM’ > 1"
    assert place_label(INNER, INNER.places[block]) == "measured"
    wrapped, outer = wrap(INNER, block, "weight")
    assert root(wrapped)["when"]["left"]["of"]["children"] == [asset("IWM")]
    gone, gate = remove(wrapped, outer)
    assert list(empty_places(gone[gate])) == [Place(gate, ("when", "left", "of"))]
    again, _ = insert(gone, Place(gate, ("when", "left", "of")), asset("IWM"))
    assert root(again) == root(INNER)
    numbers = set_fields(INNER, gate, {("when",): {"left": 1, "op": "<", "right": 2}})
    assert block not in numbers


def test_a_copy_is_equal_and_apart():
    done, copy = duplicate(PARTS, at(PARTS, "root.children[1]"))
    assert root(done)["children"][2] == asset("B")
    assert copy not in PARTS
    renamed = rename(done, copy, "Mine")
    assert "name" not in renamed.to_json(at(done, "root.children[1]"))
    assert rename(renamed, copy, " ").to_json() == done.to_json()


def test_the_clipboard_takes_blocks_and_whole_flows_and_refuses_the_rest():
    block = at(INNER, "root")
    assert pasted(copied(INNER, block)) == root(INNER)
    assert pasted(copied(INNER, FLOW)) == root(INNER)
    for text in (
        "",
        "42",
        "[1]",
        '{"kind": 3}',
        "{" * 100_000,
        '{"sluice": 1}',
        '{"kind": "flow"}',
    ):
        with pytest.raises(BadInput):
            pasted(text)


@pytest.mark.parametrize(
    "node",
    [
        {"kind": "aset"},
        {"kind": "weight", "children": 3},
        {"kind": "gate", "then": "SPY"},
        {"kind": "group", "child": {"symbol": "SPY"}},
        {"kind": "gate", "when": {"left": {"indicator": "rsi", "of": {"a": 1}}}},
    ],
)
def test_what_is_no_tree_of_blocks_is_refused(node):
    with pytest.raises(BadInput):
        insert(GATE, inside(GATE, at(GATE, "root")), node)


def test_a_paste_too_deep_or_too_large_is_refused():
    node: dict[str, object] = {"kind": "cash"}
    for _ in range(400):
        node = {"kind": "group", "child": node}
    with pytest.raises(BadInput, match="levels"):
        draft(node)
    with pytest.raises(BadInput, match="blocks"):
        draft({"kind": "weight", "children": [{"kind": "cash"}] * 20_001})


def test_fields_that_are_gone_are_refused_and_others_set():
    gate = at(GATE, "root")
    changed = set_fields(GATE, gate, {("when", "right"): "$hot", ("note",): "why"})
    assert root(changed)["when"]["right"] == "$hot"
    assert (
        set_fields(changed, gate, {("note",): REMOVED, ("when", "right"): 75}).to_json()
        == GATE.to_json()
    )
    with pytest.raises(BadInput, match="deleted meanwhile"):
        set_fields(GATE, gate, {("when", "all", 3, "op"): "<"})


def test_a_variable_may_be_called_kind():
    flow = {"sluice": 1, "name": "x", "variables": {"kind": "SPY", "of": 2}, "root": asset("$kind")}
    assert draft_of(flow).to_json() == flow


def test_problems_are_found_at_their_block():
    done, _ = add(GATE, inside(GATE, at(GATE, "root")), "strategy")
    done, _ = remove(done, at(done, "root.then"))
    done = set_fields(done, FLOW, {("variables",): {"idle": 1}})
    found = {(done.paths[p.block], p.problem.path) for p in check(done).problems}
    assert found == {
        ("root", "root.then"),
        ("root.else.children[1]", "root.else.children[1].strategy"),
    }
    assert check(done).flow is None
    warned = check(set_fields(GATE, FLOW, {("variables",): {"idle": 1}}))
    assert [(p.block, p.problem.severity) for p in warned.problems] == [(FLOW, "warning")]
    assert warned.runs
