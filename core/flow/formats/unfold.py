"""A foreign tree becomes nodes, without recursion: unfolded into a list, then built backwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.errors import BadInput
from core.flow.formats.native import MAX_DEPTH, MAX_NODES
from core.flow.formats.report import Construct, Findings, Place
from core.flow.formats.text import FLATTEN
from core.flow.nodes import Node


class Below(NamedTuple):
    """A child: its key in the source, its key in the flow, and what stands there."""

    key: str
    node_key: str
    source: Any


@dataclass(slots=True)
class Branch:
    """One node of the foreign tree; ``children`` are numbers of other branches."""

    source: dict[str, Any]
    place: Place
    depth: int
    children: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Site:
    """A foreign node on its way to be a node of the flow.

    ``below``  its children, as nodes already
    ``parts``  its children, as they stand in the source
    """

    source: dict[str, Any]
    place: Place
    below: tuple[Node, ...]
    parts: tuple[Branch, ...]
    findings: Findings

    def found(self, construct: Construct, detail: str = "", at: str = "") -> None:
        """Note what stands here, or at one of its fields."""
        self.findings.add(self.place.at(at) if at else self.place, construct, detail)


def fold(
    root: Any,
    place: Place,
    below: Callable[[dict[str, Any]], list[Below]],
    build: Callable[[Site], Node],
    findings: Findings,
    name: str,
) -> Node:
    """The node that ``build`` makes of ``root``, each child before its parent.

    ``below`` names the children of a foreign node. What ``build`` finds is added to ``findings``
    in the order of the source. Raises BadInput, with its place, for a child that is no node, and
    for a tree too large or too deep.
    """
    branches = _unfold(root, place, below, name)
    built: dict[int, Node] = {}
    found = [Findings() for _ in branches]
    for number in range(len(branches) - 1, -1, -1):
        one = branches[number]
        nodes = tuple(built.pop(child) for child in one.children)
        parts = tuple(branches[child] for child in one.children)
        built[number] = build(Site(one.source, one.place, nodes, parts, found[number]))
    for number in _reading_order(branches):
        findings.found += found[number].found
    return built[0]


def _unfold(
    root: Any, place: Place, below: Callable[[dict[str, Any]], list[Below]], name: str
) -> list[Branch]:
    """Every node under ``root``, each parent before its children."""
    branches = [Branch(_node(root, place, name), place, 0)]
    for branch in branches:  # grows while it is read
        if branch.depth > MAX_DEPTH:
            raise BadInput(name, f"the strategy has more than {MAX_DEPTH} levels.", FLATTEN)
        for key, node_key, source in below(branch.source):
            at = Place(
                f"{branch.place.path}.{key}" if branch.place.path else key,
                getattr(source, "line", None) or branch.place.line,
                f"{branch.place.node}.{node_key}" if node_key else branch.place.node,
            )
            branch.children.append(len(branches))
            branches.append(Branch(_node(source, at, name), at, branch.depth + 1))
            if len(branches) > MAX_NODES:
                raise BadInput(name, f"the strategy has more than {MAX_NODES:,} nodes.", FLATTEN)
    return branches


def _reading_order(branches: list[Branch]) -> Iterator[int]:
    """All branches' numbers, each before what is in it, as a reader of the file meets them."""
    waiting = [0]
    while waiting:
        number = waiting.pop()
        yield number
        waiting += reversed(branches[number].children)


def _node(source: Any, place: Place, name: str) -> dict[str, Any]:
    if isinstance(source, dict):
        return source
    line = f" at line {place.line}" if place.line else ""
    raise BadInput(
        name, f"{place.path or 'the top'}{line} is no part of a strategy but {shown(source)}.",
        "Export the strategy again.",
    )  # fmt: skip


def is_neutral(value: Any) -> bool:
    """Whether a field that nobody knows says nothing, as far as one can tell."""
    return value in (None, False, 0, 1, "") or value == [] or value == {}


def shown(value: Any) -> str:
    """A value of the file as a message quotes it."""
    text = repr(str(value)) if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
