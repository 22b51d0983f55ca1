"""A draft: a flow's JSON as a tree of blocks that keep their ids while they are edited.

A draft may be incomplete or wrong where a Flow may not; ``core.flow.validate`` says what is. What
stands in a block is plain JSON, with a ``Ref`` wherever the format has a node: in a slot for
children, or in an operand's ``of``. Nothing in a draft is ever changed in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.errors import BadInput
from core.flow.formats.native import MAX_DEPTH, MAX_NODES
from core.flow.nodes import KINDS

FLOW = "flow"
"""Id and kind of the block that stands for the flow itself: its settings, and the root."""

SINGLE: dict[str, tuple[str, ...]] = {
    FLOW: ("root",),
    "gate": ("then", "else"),
    "latch": ("then", "else"),
    "group": ("child",),
}
"""Slots of a kind that take one block."""
MANY: dict[str, str] = {
    "weight": "children",
    "switch": "cases",
    "scale": "children",
    "sort": "items",
}
"""The slot of a kind that takes a list of blocks."""

Path = tuple[str | int, ...]
"""A way into a block's content: ``("when", "all", 0, "left", "of")``."""

MOST_NESTED = 100
"""Conditions inside conditions."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Stands in a block's content for another block."""

    id: str


@dataclass(frozen=True, slots=True)
class Block:
    """One node: its kind and the rest of its JSON."""

    id: str
    kind: str
    content: Mapping[str, Any]

    @property
    def slots(self) -> tuple[str, ...]:
        """The keys that take children, in the order they are shown."""
        return SINGLE.get(self.kind) or ((MANY[self.kind],) if self.kind in MANY else ())


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block stands or may be put: in ``block``, at ``path`` of its content.

    In a slot that takes a list, ``index`` is the place in it; None is its end.
    """

    block: str
    path: Path
    index: int | None = None


@dataclass(frozen=True)
class Draft:
    """All blocks by id, FLOW among them, each reachable from it and standing in one place."""

    blocks: Mapping[str, Block]
    next_number: int = 1

    def __getitem__(self, block: str) -> Block:
        return self.blocks[block]

    def __contains__(self, block: object) -> bool:
        return block in self.blocks

    def __len__(self) -> int:
        """How many nodes there are, the flow itself not counted."""
        return len(self.blocks) - 1

    @cached_property
    def places(self) -> dict[str, Place]:
        """Where each block stands; the flow itself stands nowhere."""
        return {
            child: place for block in self.blocks.values() for place, child in block_children(block)
        }

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Every block as the outline lists them: a parent, then what is below it."""
        found, stack = [], [FLOW]
        while stack:
            block = stack.pop()
            found.append(block)
            stack += [child for _, child in reversed(list(block_children(self.blocks[block])))]
        return tuple(found)

    @cached_property
    def paths(self) -> dict[str, str]:
        """Each block's path as problems name it: ``root.then.children[2]``; the flow's is empty."""
        paths = {FLOW: ""}
        for block in self.order[1:]:
            place = self.places[block]
            keys = place.path if place.index is None else (*place.path, place.index)
            paths[block] = path_text(paths[place.block], keys)
        return paths

    def parent(self, block: str) -> str:
        """The block it stands in; the flow's is itself."""
        return self.places[block].block if block in self.places else FLOW

    def children(self, block: str) -> list[str]:
        """The blocks directly in its slots, in order; not those its operands measure."""
        slots = self.blocks[block].slots
        return [
            child
            for place, child in block_children(self.blocks[block])
            if len(place.path) == 1 and place.path[0] in slots
        ]

    def below(self, block: str) -> set[str]:
        """The block and all blocks inside it."""
        found, stack = set(), [block]
        while stack:
            one = stack.pop()
            found.add(one)
            stack += [child for _, child in block_children(self.blocks[one])]
        return found

    def to_json(self, block: str = FLOW) -> dict[str, Any]:
        """The JSON of the flow, or of one block; keys whose slot is empty are left out."""
        inside = self.below(block)
        built: dict[str, dict[str, Any]] = {}
        for one in reversed(self.order):
            if one in inside:
                found = self.blocks[one]
                content = _written(found.content, built, found.kind == "sort")
                kind = {} if found.kind == FLOW else {"kind": found.kind}
                built[one] = {**kind, **content}
        return built[block]


def path_text(start: str, keys: Path) -> str:
    """``start`` and the way on from it, as problems write a path."""
    text = start
    for key in keys:
        text = f"{text}[{key}]" if isinstance(key, int) else f"{text}.{key}" if text else key
    return text


def block_children(block: Block) -> Iterator[tuple[Place, str]]:
    """The blocks directly inside: those in its slots, then those its operands measure."""
    for slot in block.slots:
        held = block.content.get(slot)
        if isinstance(held, Ref):
            yield Place(block.id, (slot,)), held.id
        elif isinstance(held, list):
            for i, ref in enumerate(held):
                yield Place(block.id, (slot,), i), ref.id
    for key, value in block.content.items():
        if key not in block.slots and isinstance(value, dict | list):
            yield from ((Place(block.id, path), ref.id) for path, ref in _refs(value, (key,)))


def empty_places(block: Block) -> Iterator[Place]:
    """Where a block is still wanted: empty slots, and operands of a flow not yet there."""
    for slot in block.slots:
        if slot not in block.content or block.content[slot] == []:
            yield Place(block.id, (slot,))
    for key, value in block.content.items():
        if key not in block.slots and isinstance(value, dict | list):
            yield from (Place(block.id, path) for path in _wanted(value, (key,)))


def _refs(value: Any, path: Path) -> Iterator[tuple[Path, Ref]]:
    if isinstance(value, Ref):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _refs(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _refs(inner, (*path, i))


def _wanted(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "of" and inner is None:
                yield (*path, key)
            else:
                yield from _wanted(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _wanted(inner, (*path, i))


# -- reading and writing -------------------------------------------------------------------------


def draft_of(flow: Mapping[str, Any]) -> Draft:
    """The draft of a flow's JSON; raises BadInput where that is no tree of nodes."""
    blocks, number = read_blocks({"kind": FLOW, **flow}, 1, FLOW)
    return Draft(blocks, number)


def read_blocks(
    node: Mapping[str, Any], number: int, first: str | None = None
) -> tuple[dict[str, Block], int]:
    """The blocks of a node's JSON, numbered from ``number``, the node itself first.

    Returns them and the next free number. Kinds and the shape of the tree are checked, nothing
    else: BadInput.
    """
    reader = _Reader(number)
    start = first or reader.new_id()
    queue: list[tuple[str, Mapping[str, Any], int]] = [(start, node, 0)]
    blocks: dict[str, Block] = {}
    for block, raw, depth in queue:  # grows while it is read
        kind = raw.get("kind")
        if not isinstance(kind, str) or (kind not in KINDS and block != FLOW):
            raise BadInput("block", f"there is no kind of block called {str(kind)[:40]!r}.")
        if depth > MAX_DEPTH or len(queue) > MAX_NODES:
            raise BadInput("block", f"more than {MAX_DEPTH} levels or {MAX_NODES:,} blocks.")
        content = {
            key: reader.slot(kind, key, value) for key, value in raw.items() if key != "kind"
        }
        blocks[block] = Block(block, kind, content)
        queue += [(name, inner, depth + 1) for name, inner in reader.found]
        reader.found.clear()
    return blocks, reader.number


class _Reader:
    """Puts a Ref where a node stands, and remembers the node."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.found: list[tuple[str, Mapping[str, Any]]] = []

    def new_id(self) -> str:
        self.number += 1
        return f"b{self.number - 1}"

    def slot(self, kind: str, key: str, value: Any) -> Any:
        if key == MANY.get(kind):
            if not isinstance(value, list | tuple):
                raise BadInput(key, "expected a list of blocks.")
            return [self._node(key, _item(item) if kind == "sort" else item) for item in value]
        if key in SINGLE.get(kind, ()):
            return self._node(key, value)
        return self.value(value, 0)

    def _node(self, key: str, value: Any) -> Ref:
        if not isinstance(value, Mapping) or not isinstance(value.get("kind"), str):
            raise BadInput(key, "expected a block: an object with a 'kind'.")
        name = self.new_id()
        self.found.append((name, value))
        return Ref(name)

    def value(self, value: Any, depth: int) -> Any:
        if depth > MOST_NESTED:
            raise BadInput("block", "its conditions are nested too deeply.")
        if isinstance(value, Mapping):
            return {
                key: self._node(key, inner)
                if key == "of" and isinstance(inner, Mapping)
                else self.value(inner, depth + 1)
                for key, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.value(inner, depth + 1) for inner in value]
        return value


def _item(item: Any) -> Any:
    """A sort lists a symbol by its name alone."""
    return {"kind": "asset", "symbol": item} if isinstance(item, str) else item


def _written(value: Any, built: Mapping[str, dict[str, Any]], sort: bool = False) -> Any:
    """Content with JSON for its Refs; a plain symbol in a sort is its name alone."""
    if isinstance(value, Ref):
        return built[value.id]
    if isinstance(value, Mapping):
        return {
            key: _short(_written(inner, built))
            if sort and key == "items"
            else _written(inner, built)
            for key, inner in value.items()
            if not (inner is None and key == "of")
        }
    if isinstance(value, list):
        return [_written(inner, built) for inner in value]
    return value


def _short(items: list[dict[str, Any]]) -> list[Any]:
    plain = {"kind", "symbol"}
    return [
        item["symbol"] if item["kind"] == "asset" and item.keys() == plain else item
        for item in items
    ]
