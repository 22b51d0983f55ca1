"""Difference: what changed between two flows, block by block, in words.

Blocks have no identity of their own, so they are paired: equal subtrees first, then blocks of one
kind that stand in the same place or in the same gap between equal ones. What remains was added or
removed, unless the same subtree is found elsewhere: then it was moved.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, cast

from core.flow.field_changes import HOLE, Change, Json, What, field_changes
from core.flow.formats.native import to_json
from core.flow.nodes import Flow
from core.flow.words import node_words, value_words


def difference(old: Flow, new: Flow) -> tuple[Change, ...]:
    """Every change from ``old`` to ``new``, the document's before the blocks'; none if equal."""
    before, after = to_json(old), to_json(new)
    return (*_document_changes(before, after), *_Comparison(before, after).changes)


def summary(changes: Sequence[Change], *, most: int = 2) -> str:
    """The first changes in a sentence, and how many more there are."""
    if not changes:
        return "No change."
    said = "; ".join(change.text for change in changes[:most])
    more = len(changes) - most
    text = f"{said}; and {more} more" if more > 0 else said
    return text[0].upper() + text[1:] + "."


# -- the document --------------------------------------------------------------------------------


def _document_changes(old: Json, new: Json) -> Iterator[Change]:
    if old["name"] != new["name"]:
        yield Change("changed", "name", f"renamed from ‘{old['name']}’ to ‘{new['name']}’")
    if old.get("description") != new.get("description"):
        yield Change("changed", "description", "description rewritten")
    for path, words, first, second in _settings(old, new):
        if first != second:
            yield Change("changed", path, f"{words}: {value_words(first)} → {value_words(second)}")
    before, after = old.get("variables", {}), new.get("variables", {})
    for name in dict.fromkeys((*before, *after)):
        path = f"variables.{name}"
        if name not in after:
            yield Change("removed", path, f"variable {name} removed")
        elif name not in before:
            yield Change("added", path, f"variable {name} added: {value_words(after[name])}")
        elif before[name] != after[name]:
            values = f"{value_words(before[name])} → {value_words(after[name])}"
            yield Change("changed", path, f"variable {name}: {values}")


def _settings(old: Json, new: Json) -> Iterator[tuple[str, str, Any, Any]]:
    """Each rule of the document: its path, its words, and its value before and after."""
    first, second = (_rules(document) for document in (old, new))
    for path, (words, value) in first.items():
        yield path, words, value, second[path][1]


def _rules(document: Json) -> dict[str, tuple[str, Any]]:
    rebalance = document.get("rebalance", "daily")
    if isinstance(rebalance, str):
        rebalance = {"every": rebalance}
    costs, benchmark = document.get("costs", {}), document.get("benchmark")
    if isinstance(benchmark, dict):
        benchmark = f"strategy {benchmark['strategy']}"
    return {
        "rebalance.every": ("rebalancing", rebalance.get("every", "daily")),
        "rebalance.threshold": ("drift before rebalancing", rebalance.get("threshold")),
        "benchmark": ("benchmark", benchmark),
        "costs.slippage_bps": ("slippage in basis points", costs.get("slippage_bps", 0)),
        "costs.commission_bps": ("commission in basis points", costs.get("commission_bps", 0)),
        "signal_prices": ("prices of signals", document.get("signal_prices", "adjusted")),
    }


# -- blocks --------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class _Block:
    """A block of one of the flows.

    ``own``    its fields with holes where blocks stand; lists of blocks are left out
    ``below``  the blocks below it by where they stand: ``children``, ``then``, ``when.left.of``
    ``shape``  a number that equal subtrees share
    """

    node: Json
    path: str
    own: Json = field(default_factory=dict)
    below: dict[str, list[_Block]] = field(default_factory=dict)
    shape: int = -1

    @property
    def words(self) -> str:
        return node_words(self.node)

    @property
    def whole(self) -> str:
        """The block in words, with how many are below it."""
        below = sum(1 for _ in self.subtree()) - 1
        return f"{self.words} with {below:,} block{'s' * (below > 1)}" if below else self.words

    def subtree(self) -> Iterator[_Block]:
        """This block and all below it."""
        left = [self]
        while left:
            block = left.pop()
            yield block
            left += (child for blocks in block.below.values() for child in blocks)


def _blocks(root: Json, shapes: dict[tuple[object, ...], int]) -> _Block:
    """The tree of blocks under ``root``; ``shapes`` numbers the subtrees of both flows."""
    top = _Block(root, "root")
    order = [top]
    for block in order:  # grows while it is read
        block.own = cast(Json, _own(block.node, "", block))
        order += (child for blocks in block.below.values() for child in blocks)
    for block in reversed(order):
        below = tuple((at, tuple(b.shape for b in bs)) for at, bs in sorted(block.below.items()))
        key = (json.dumps(block.own, sort_keys=True), below)
        block.shape = shapes.setdefault(key, len(shapes))
    return top


def _own(value: Any, at: str, block: _Block) -> Any:
    """``value``, which stands in ``block`` at ``at``, with its blocks taken out and noted."""
    if isinstance(value, list):
        if at == "items":  # short for an asset
            value = [v if isinstance(v, dict) else {"kind": "asset", "symbol": v} for v in value]
        if value and isinstance(value[0], dict) and "kind" in value[0]:
            paths = (f"{block.path}.{at}[{i}]" for i in range(len(value)))
            block.below[at] = [_Block(v, path) for v, path in zip(value, paths, strict=True)]
            return None
        return [_own(v, f"{at}[{i}]", block) for i, v in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if at and "kind" in value:
        block.below[at] = [_Block(value, f"{block.path}.{at}")]
        return HOLE
    return {k: _own(v, f"{at}.{k}" if at else k, block) for k, v in value.items()}


class _Comparison:
    def __init__(self, old: Json, new: Json) -> None:
        shapes: dict[tuple[object, ...], int] = {}
        self._found: list[Change] = []
        self._removed: list[_Block] = []
        self._added: list[_Block] = []
        pairs = deque([(_blocks(old["root"], shapes), _blocks(new["root"], shapes))])
        while pairs:
            pairs.extend(self._compare(*pairs.popleft()))
        self._moves()
        for block in self._added:
            self._note("added", block.path, f"{block.whole} added at {block.path}")
        for block in self._removed:
            self._note("removed", block.path, f"{block.whole} removed from {block.path}")
        self.changes = tuple(self._found)

    def _note(self, what: What, path: str, text: str) -> None:
        self._found.append(Change(what, path, text))

    def _compare(self, old: _Block, new: _Block) -> list[tuple[_Block, _Block]]:
        """Note how two blocks differ; the blocks below them that have to be compared."""
        if old.shape == new.shape or self._wrapped(old, new):
            return []
        if old.node["kind"] == new.node["kind"]:
            kind = str(new.node["kind"])
            self._found += field_changes(kind, new.words, new.path, old.own, new.own)
        elif old.below and new.below:
            words = f"{old.words} became {new.words} at {new.path}"
            self._note("changed", new.path, words)
        else:
            words = f"{old.whole} at {new.path} replaced by {new.whole}"
            self._note("changed", new.path, words)
            return []
        found: list[tuple[_Block, _Block]] = []
        for at in dict.fromkeys((*old.below, *new.below)):
            found += self._aligned(old.below.get(at, []), new.below.get(at, []))
        return found

    def _wrapped(self, old: _Block, new: _Block) -> bool:
        """Whether one of the blocks holds the other whole, deeper down: note it."""
        for block in new.subtree():
            if block.shape == old.shape:
                words = f"{old.words} put inside {new.words} at {new.path}"
                self._note("wrapped", new.path, words)
                return True
        for block in old.subtree():
            if block.shape == new.shape:
                words = f"{old.words} around {new.words} removed at {new.path}"
                self._note("unwrapped", new.path, words)
                return True
        return False

    def _aligned(self, old: list[_Block], new: list[_Block]) -> Iterator[tuple[_Block, _Block]]:
        """Pairs of blocks that stand for each other in two lists; the rest is added or removed."""
        if len(old) == len(new) == 1:
            yield old[0], new[0]
            return
        one, two = [b.shape for b in old], [b.shape for b in new]
        for tag, a, b, c, d in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
            if tag == "equal":
                continue
            left, right = old[a:b], new[c:d]
            for same in (_alike, _same_kind):
                for block in list(left):
                    match = next((other for other in right if same(block, other)), None)
                    if match is not None:
                        left.remove(block)
                        right.remove(match)
                        yield block, match
            if len(left) == len(right) == 1:
                yield left[0], right[0]
                continue
            self._removed += left
            self._added += right

    def _moves(self) -> None:
        """Turn what was removed in one place and added in another into moves."""
        places: dict[int, list[tuple[_Block, _Block]]] = {}
        for top in self._added:
            for block in top.subtree():
                places.setdefault(block.shape, []).append((block, top))
        for block in list(self._removed):
            candidates = places.get(block.shape)
            if not candidates:
                continue
            target, top = candidates.pop()
            self._removed.remove(block)
            words = f"{block.words} moved from {block.path} to {target.path}"
            self._note("moved", target.path, words)
            if target is top:
                self._added.remove(top)
                for other in top.subtree():
                    places[other.shape] = [p for p in places[other.shape] if p[1] is not top]


def _alike(old: _Block, new: _Block) -> bool:
    """Of one kind, with the same name or naming the same thing."""
    tells = ("kind", "name", "symbol", "strategy")
    named = any(old.node.get(key) for key in tells[1:])
    return named and all(old.node.get(key) == new.node.get(key) for key in tells)


def _same_kind(old: _Block, new: _Block) -> bool:
    return bool(old.node["kind"] == new.node["kind"])
