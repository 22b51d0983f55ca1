"""What can be done to a draft. Each function returns a new draft and leaves the old one alone.

An operation that makes no sense raises BadInput with a sentence for the user. Where a slot takes
one block and another is put there, both are kept, in a weight of equal parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

from core.errors import BadInput
from core.flow.draft.blocks import (
    FLOW,
    MANY,
    SINGLE,
    Block,
    Draft,
    Path,
    Place,
    Ref,
    block_children,
    empty_places,
    read_blocks,
)
from core.flow.formats.native import MAX_NODES
from core.flow.nodes import KINDS

Direction = Literal["up", "down", "out", "in"]
Edited = tuple[Draft, str]
"""The new draft and the block to select in it."""

WRAPPERS = ("weight", "gate", "latch", "switch", "scale", "sort", "group")
"""Kinds that can be put around a block."""


class Removed:
    """Given as a field's value: take the field out."""


REMOVED = Removed()

_CONDITION = {
    "left": {"indicator": "rsi", "symbol": "SPY", "window": 10},
    "op": ">",
    "right": 75,
}
_FIRST: dict[str, dict[str, Any]] = {
    "asset": {"symbol": "SPY"},
    "cash": {},
    "weight": {"scheme": "equal", "children": []},
    "gate": {"when": _CONDITION},
    "latch": {
        "enter": _CONDITION,
        "exit": {**_CONDITION, "op": "<", "right": 50},
    },
    "switch": {"conditions": [_CONDITION], "cases": []},
    "scale": {
        "indicator": {"indicator": "rsi", "symbol": "SPY", "window": 10},
        "from": 30,
        "to": 70,
        "children": [],
    },
    "sort": {
        "items": [],
        "by": [{"indicator": "cumulative_return", "window": 60}],
        "order": "desc",
        "take": 1,
    },
    "group": {"name": "Group"},
    "strategy": {},
}


def first_content(kind: str) -> dict[str, Any]:
    """What a new block of ``kind`` holds: a working example where there is one."""
    return dict(_FIRST[kind])


# -- adding --------------------------------------------------------------------------------------


def add(draft: Draft, place: Place, kind: str) -> Edited:
    """Put a new block there."""
    if kind not in KINDS:
        raise BadInput("block", f"there is no kind of block called {kind[:40]!r}.")
    return insert(draft, place, {"kind": kind, **first_content(kind)})


def insert(draft: Draft, place: Place, node: Mapping[str, Any]) -> Edited:
    """Put the block that ``node`` is the JSON of there, with all inside it."""
    _check_place(draft, place)
    new, number = read_blocks(node, draft.next_number)
    if len(draft) + len(new) > MAX_NODES:
        raise BadInput("block", f"the flow would have more than {MAX_NODES:,} blocks.")
    edit = _Edit(draft, number)
    edit.blocks.update(new)
    top = next(iter(new))
    edit.put(place, top)
    return edit.done(), top


def duplicate(draft: Draft, block: str) -> Edited:
    """Put a copy right after it."""
    return insert(draft, after(draft, block), draft.to_json(_node(draft, block)))


def wrap(draft: Draft, block: str, kind: str) -> Edited:
    """Put a new block in its place and the block into that one's first slot."""
    if kind not in WRAPPERS:
        raise BadInput("block", f"a {kind} has no room for a block.")
    place = draft.places[_node(draft, block)]
    edit = _Edit(draft)
    outer = edit.new(kind)
    edit.set_ref(place, outer)
    slot = MANY.get(kind) or SINGLE[kind][0]
    edit.put(Place(outer, (slot,)), block)
    return edit.done(), outer


# -- taking away ---------------------------------------------------------------------------------


def remove(draft: Draft, block: str) -> Edited:
    """Delete it with all inside it."""
    place = draft.places[_node(draft, block)]
    edit = _Edit(draft)
    edit.take_out(place)
    done = edit.done()
    siblings = done.children(place.block)
    if place.index is not None and siblings:
        return done, siblings[min(place.index, len(siblings) - 1)]
    return done, place.block


def unwrap(draft: Draft, block: str) -> Edited:
    """Put what stands in its slots in its place."""
    place, inside = draft.places[_node(draft, block)], draft.children(block)
    if not inside:
        raise BadInput("Unwrap", "it holds no block.", "Delete it instead.")
    if place.index is None and len(inside) > 1:
        raise BadInput(
            "Unwrap",
            f"it holds {len(inside)} blocks and there is room for one.",
            "Choose the one to keep and use Lift.",
        )
    edit = _Edit(draft)
    edit.replace_by(place, inside)
    return edit.done(), inside[0]


def lift(draft: Draft, block: str) -> Edited:
    """Let it take its parent's place; the parent and the rest of it go."""
    parent = draft.parent(_node(draft, block))
    if parent == FLOW:
        raise BadInput("Lift", "it is the outermost block already.")
    edit = _Edit(draft)
    edit.set_ref(draft.places[parent], block)
    return edit.done(), block


# -- moving --------------------------------------------------------------------------------------


def move(draft: Draft, block: str, place: Place) -> Edited:
    """Take it from where it stands and put it there."""
    old = draft.places[_node(draft, block)]
    _check_place(draft, place)
    if place.block in draft.below(block):
        raise BadInput("Move", "a block cannot stand inside itself.")
    same = (old.block, old.path) == (place.block, place.path)
    if same:
        if old.index is None:
            return draft, block
        last = len(draft[old.block].content[str(old.path[0])]) - 1
        wanted = last + 1 if place.index is None else place.index
        wanted -= wanted > old.index
        if wanted == old.index:
            return draft, block
        place = replace(place, index=wanted)
    edit = _Edit(draft)
    share = edit.take_out(old)
    edit.put(place, block, share if same else None)
    return edit.done(), block


def shift(draft: Draft, block: str, direction: Direction) -> Edited:
    """Move it one step: before or after its neighbour, out of its parent, into its neighbour."""
    place = draft.places[_node(draft, block)]
    parent = draft[place.block]
    siblings = draft.children(place.block)
    if block not in siblings:
        raise BadInput("Move", "what an operand measures stays there: cut and paste it instead.")
    at = siblings.index(block)
    if direction == "out":
        if place.block == FLOW:
            raise BadInput("Move", "it is the outermost block already.")
        return move(draft, block, after(draft, place.block))
    if direction == "in":
        return move(draft, block, inside(draft, siblings[at - 1] if at else block))
    step = -1 if direction == "up" else 1
    if place.index is not None:
        if not 0 <= place.index + step < len(siblings):
            raise BadInput("Move", f"it is the {'first' if step < 0 else 'last'} already.")
        return move(draft, block, replace(place, index=place.index + max(step, 2 * step)))
    slots = parent.slots
    where = slots.index(str(place.path[0])) + step
    if not 0 <= where < len(slots):
        raise BadInput("Move", f"it is the {'first' if step < 0 else 'last'} already.")
    return _swap(draft, block, Place(parent.id, (slots[where],)))


def _swap(draft: Draft, block: str, other: Place) -> Edited:
    """Exchange a block with what stands in another slot of its parent, if anything does."""
    edit, place = _Edit(draft), draft.places[block]
    beside = draft[other.block].content.get(str(other.path[0]))
    edit.set_ref(other, block)
    if isinstance(beside, Ref):
        edit.set_ref(place, beside.id)
    else:
        edit.set(place.block, {place.path: REMOVED})
    return edit.done(), block


def before(draft: Draft, block: str) -> Place:
    """The place in front of a block."""
    place = draft.places[_node(draft, block)]
    return replace(place, index=place.index or 0)


def after(draft: Draft, block: str) -> Place:
    """The place behind a block."""
    place = draft.places[_node(draft, block)]
    return replace(place, index=1 if place.index is None else place.index + 1)


def inside(draft: Draft, block: str) -> Place:
    """The next free place inside a block: its first empty slot, or the end of its list."""
    found = draft[block]
    if found.kind in MANY:
        return Place(block, (MANY[found.kind],))
    if not found.slots:
        raise BadInput("block", "nothing goes inside it.", "Put it before or after.")
    empty = [slot for slot in found.slots if slot not in found.content]
    return Place(block, ((empty or found.slots[-1:])[0],))


def next_place(draft: Draft, block: str) -> Place:
    """Where a new block goes when ``block`` is selected: inside if there is room, else behind."""
    if block not in draft:
        raise BadInput("block", "it was deleted meanwhile.")
    found = draft[block]
    free = next((p for p in empty_places(found) if p.path[0] in found.slots), None)
    if free is not None:
        return free
    if block == FLOW:
        return next_place(draft, draft.children(FLOW)[0])
    return inside(draft, block) if found.kind in MANY else after(draft, block)


# -- fields --------------------------------------------------------------------------------------


def set_fields(draft: Draft, block: str, fields: Mapping[Path, Any]) -> Draft:
    """Set values in a block's content, or take out those that are REMOVED.

    Blocks that nothing refers to afterwards are gone.
    """
    if block not in draft:
        raise BadInput("block", "it was deleted meanwhile.")
    edit = _Edit(draft)
    edit.set(block, fields)
    return edit.done()


def rename(draft: Draft, block: str, name: str) -> Draft:
    """Give it a name, or none."""
    keep = name.strip() or (draft[block].content.get("name", "") if block == FLOW else "")
    return set_fields(draft, block, {("name",): keep or REMOVED})


# -- the work ------------------------------------------------------------------------------------


class _Edit:
    """The blocks of a draft while an operation changes them."""

    def __init__(self, draft: Draft, number: int | None = None) -> None:
        self.blocks: dict[str, Block] = dict(draft.blocks)
        self.number = draft.next_number if number is None else number

    def new(self, kind: str) -> str:
        block = f"b{self.number}"
        self.number += 1
        self.blocks[block] = Block(block, kind, first_content(kind))
        return block

    def set(self, block: str, fields: Mapping[Path, Any]) -> None:
        found = self.blocks[block]
        content: Any = found.content
        for path, value in fields.items():
            content = _with(content, path, value)
        self.blocks[block] = replace(found, content=content)

    def set_ref(self, place: Place, block: str) -> None:
        """Let the block stand exactly there, whatever stood there."""
        path = place.path if place.index is None else (*place.path, place.index)
        self.set(place.block, {path: Ref(block)})

    def put(self, place: Place, block: str, share: Any = None) -> None:
        """Put the block there, beside what is there; ``share`` is its part in a weight."""
        holder = self.blocks[place.block]
        slot = str(place.path[0])
        if slot == MANY.get(holder.kind):
            held = list(holder.content.get(slot, []))
            at = len(held) if place.index is None else min(max(place.index, 0), len(held))
            self._weigh(holder, at, 0, [0 if share is None else share])
            self.set(holder.id, {(slot,): [*held[:at], Ref(block), *held[at:]]})
            return
        there = _get(holder.content, place.path)
        single = replace(place, index=None)
        if not isinstance(there, Ref):
            self.set_ref(single, block)
            return
        both = [Ref(block), there] if place.index == 0 else [there, Ref(block)]
        outer = self.new("weight")
        self.set(outer, {("children",): both})
        self.set_ref(single, outer)

    def take_out(self, place: Place) -> Any:
        """Leave the place empty; returns the part it had in a weight, if it had one."""
        if place.index is None:
            gone = None if place.path[-1] == "of" else REMOVED
            self.set(place.block, {place.path: gone})
            return None
        holder = self.blocks[place.block]
        slot = str(place.path[0])
        held = list(holder.content[slot])
        share = self._weigh(holder, place.index, 1, [])
        self.set(holder.id, {(slot,): held[: place.index] + held[place.index + 1 :]})
        return share

    def replace_by(self, place: Place, blocks: list[str]) -> None:
        """Put these blocks where one stood; in a weight they divide its part."""
        if place.index is None:
            self.set_ref(place, blocks[0])
            return
        holder = self.blocks[place.block]
        slot, at = str(place.path[0]), place.index
        held = list(holder.content[slot])
        shares = _weights(holder)
        if shares:
            part = shares[at]
            parts = (
                [part / len(blocks)] * len(blocks)
                if isinstance(part, int | float) and len(blocks) > 1
                else [part] + [0] * (len(blocks) - 1)
            )
            self._weigh(holder, at, 1, parts)
        self.set(holder.id, {(slot,): [*held[:at], *map(Ref, blocks), *held[at + 1 :]]})

    def _weigh(self, holder: Block, at: int, gone: int, new: list[Any]) -> Any:
        """Keep the parts of a weight beside its children; returns the one that went."""
        shares = _weights(holder)
        if shares is None:
            return None
        self.set(holder.id, {("weights",): [*shares[:at], *new, *shares[at + gone :]]})
        return shares[at] if gone else None

    def done(self) -> Draft:
        reached, stack = {FLOW}, [FLOW]
        while stack:
            for _, child in block_children(self.blocks[stack.pop()]):
                reached.add(child)
                stack.append(child)
        kept = {block: found for block, found in self.blocks.items() if block in reached}
        return Draft(kept, self.number)


def _weights(holder: Block) -> list[Any] | None:
    """A weight's parts, if there is one for each child."""
    shares = holder.content.get("weights")
    if holder.kind != "weight" or not isinstance(shares, list):
        return None
    return shares if len(shares) == len(holder.content.get("children", [])) else None


def _get(content: Any, path: Iterable[str | int]) -> Any:
    for key in path:
        try:
            content = content[key]
        except (KeyError, IndexError, TypeError):
            return None
    return content


def _with(content: Any, path: Path, value: Any) -> Any:
    """A copy of ``content`` with ``value`` at ``path``; BadInput if the way is not there."""
    key, rest = path[0], path[1:]
    if isinstance(content, list):
        if not isinstance(key, int) or not 0 <= key < len(content):
            raise BadInput("block", "that part of it was deleted meanwhile.")
        inner = _with(content[key], rest, value) if rest else value
        middle = [] if inner is REMOVED else [inner]
        return [*content[:key], *middle, *content[key + 1 :]]
    if not isinstance(content, Mapping):
        raise BadInput("block", "that part of it was deleted meanwhile.")
    changed = dict(content)
    if rest:
        if key not in changed:
            raise BadInput("block", "that part of it was deleted meanwhile.")
        changed[str(key)] = _with(changed[str(key)], rest, value)
    elif value is REMOVED:
        changed.pop(str(key), None)
    else:
        changed[str(key)] = value
    return changed


def _node(draft: Draft, block: str) -> str:
    if block == FLOW:
        raise BadInput("block", "the flow itself stays.", "Select a block inside it.")
    if block not in draft:
        raise BadInput("block", "it was deleted meanwhile.")
    return block


def _check_place(draft: Draft, place: Place) -> None:
    if place.block not in draft:
        raise BadInput("block", "the block it should go into was deleted meanwhile.")
    holder = draft[place.block]
    if len(place.path) == 1 and place.path[0] in holder.slots:
        return
    above = _get(holder.content, place.path[:-1])
    if place.path[-1:] != ("of",) or not isinstance(above, Mapping):
        raise BadInput("block", "there is no such place in it.")
