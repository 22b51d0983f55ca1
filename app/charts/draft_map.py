"""Where a draft's blocks stand in the Flow view: fixed boxes, nothing overlaps by construction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.charts.flow_map import GAP_X, GAP_Y, HEIGHT, WIDTH
from core.flow.draft.blocks import FLOW, Draft, block_children, empty_places
from core.flow.draft.sentences import place_label

INDENT = 40


@dataclass(frozen=True, slots=True)
class Spot:
    """One block: where its upper left corner is and what leads to it."""

    block: str
    x: float
    y: float
    parent: str
    edge: str
    missing: int
    """How many of its places are still empty."""


def draft_map(draft: Draft, arrangement: str, folded: frozenset[str] = frozenset()) -> list[Spot]:
    """The flow's block and all others that are not folded away, parents before children.

    ``arrangement`` is ``right`` or ``down`` (a tidy tree) or ``stack`` (one block a line).
    """
    order, depth = [], {FLOW: 0}
    children: dict[str, list[str]] = {}
    stack = [FLOW]
    while stack:
        block = stack.pop()
        order.append(block)
        inside = [] if block in folded else [c for _, c in block_children(draft[block])]
        children[block] = inside
        for child in inside:
            depth[child] = depth[block] + 1
        stack += reversed(inside)
    places = _ARRANGEMENTS[arrangement](order, children, depth)
    return [
        Spot(
            block,
            *places[block],
            draft.parent(block) if block != FLOW else "",
            place_label(draft, draft.places[block]) if block != FLOW else "",
            len(list(empty_places(draft[block]))),
        )
        for block in order
    ]


Places = dict[str, tuple[float, float]]


def _tree(order: list[str], children: dict[str, list[str]]) -> dict[str, float]:
    """Each block's row, or half of one: leaves in rows, parents in the middle of their children."""
    rows: dict[str, float] = {}
    leaves = 0
    for block in order:
        if not children[block]:
            rows[block] = leaves
            leaves += 1
    for block in reversed(order):
        if children[block]:
            rows[block] = (rows[children[block][0]] + rows[children[block][-1]]) / 2
    return rows


def _right(order: list[str], children: dict[str, list[str]], depth: dict[str, int]) -> Places:
    rows = _tree(order, children)
    return {b: (depth[b] * (WIDTH + GAP_X), rows[b] * (HEIGHT + GAP_Y)) for b in order}


def _down(order: list[str], children: dict[str, list[str]], depth: dict[str, int]) -> Places:
    rows = _tree(order, children)
    return {b: (rows[b] * (WIDTH + GAP_Y), depth[b] * (HEIGHT + GAP_X)) for b in order}


def _stack(order: list[str], children: dict[str, list[str]], depth: dict[str, int]) -> Places:  # noqa: ARG001
    return {b: (depth[b] * INDENT, i * (HEIGHT + GAP_Y)) for i, b in enumerate(order)}


_ARRANGEMENTS: dict[str, Callable[[list[str], dict[str, list[str]], dict[str, int]], Places]] = {
    "right": _right,
    "down": _down,
    "stack": _stack,
}
