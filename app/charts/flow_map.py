"""Where a flow's blocks stand in its chart: a tidy tree from left to right, fixed boxes."""

from __future__ import annotations

from dataclasses import dataclass

from core.flow import nodes as ast
from core.flow.binding import Binding
from core.flow.describe import node_text, node_title

WIDTH, HEIGHT = 232, 54
GAP_X, GAP_Y = 66, 14
MOST_BOXES = 400
"""More would neither be read nor drawn fast; what hangs below is counted instead."""


@dataclass(frozen=True, slots=True)
class Box:
    """One block: where its upper left corner is, what it says, what leads to it."""

    node: int
    kind: str
    title: str
    text: str
    x: float
    y: float
    parent: int | None
    edge: str
    hidden: int
    """How many blocks below it are not drawn."""


def flow_map(binding: Binding) -> list[Box]:
    """The boxes of a bound flow, the root first; parents come before their children."""
    code = binding.program.code
    children = [
        code.refs[code.first[n] : code.first[n] + code.arity[n]].tolist()
        for n in range(len(code.kind))
    ]
    shown = _nearest(children)
    places = _places(children, shown)
    boxes = []
    parents: dict[int, tuple[int | None, str]] = {0: (None, "")}
    for n in shown:
        node = binding.program.nodes[n]
        for i, child in enumerate(children[n]):
            parents[child] = (n, _edge(binding, n, i))
        title, text = node_title(binding, n), node_text(binding, n)
        parent, edge = parents[n]
        hidden = 0 if all(c in places for c in children[n]) else _below(children, n)
        x, y = places[n]
        kind_text = node.kind if text == title else text
        boxes.append(Box(n, node.kind, title, kind_text, x, y, parent, edge, hidden))
    return boxes


def _nearest(children: list[list[int]]) -> list[int]:
    """The nodes nearest to the root, level by level, whole families only."""
    shown, level = [0], [0]
    while level:
        deeper = []
        for n in level:
            if len(shown) + len(children[n]) <= MOST_BOXES:
                shown += children[n]
                deeper += children[n]
        level = deeper
    return shown


def _places(children: list[list[int]], shown: list[int]) -> dict[int, tuple[float, float]]:
    """Upper left corners: a parent stands in the middle of its children, leaves in rows."""
    drawn = set(shown)
    depth = {0: 0}
    for n in shown:
        for child in children[n]:
            depth[child] = depth[n] + 1
    y: dict[int, float] = {}
    rows = 0
    stack = [(0, False)]
    while stack:
        n, finished = stack.pop()
        inside = [c for c in children[n] if c in drawn]
        if not inside:
            y[n] = rows * (HEIGHT + GAP_Y)
            rows += 1
        elif finished:
            y[n] = (y[inside[0]] + y[inside[-1]]) / 2
        else:
            stack.append((n, True))
            stack += [(c, False) for c in reversed(inside)]
    return {n: (depth[n] * (WIDTH + GAP_X), y[n]) for n in shown}


def _below(children: list[list[int]], n: int) -> int:
    count, stack = 0, list(children[n])
    while stack:
        count += 1
        stack += children[stack.pop()]
    return count


def _edge(binding: Binding, n: int, i: int) -> str:
    """What the line to child number ``i`` says."""
    node = binding.program.nodes[n]
    if isinstance(node, ast.Gate | ast.Latch):
        return ("then", "else")[i] if isinstance(node, ast.Gate) else ("on", "off")[i]
    if isinstance(node, ast.Switch):
        return f"{i} true"
    if isinstance(node, ast.Weight) and node.scheme == "specified":
        first = int(binding.program.code.arg[n, 0])
        share = binding.value[binding.program.code.refs[first + i]]
        return f"{share:.0%}"
    return ""
