"""Blocks of the flow chart: none overlaps another, families align, big flows are cut and say so."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from app.charts.flow_map import HEIGHT, MOST_BOXES, WIDTH, Box, flow_map
from core.flow.binding import bind
from core.flow.compile import compile_flow
from core.flow.examples import example_flows
from core.flow.formats.native import from_json


def drawn(root: dict[str, Any]) -> list[Box]:
    return flow_map(bind(compile_flow(from_json({"sluice": 1, "name": "t", "root": root})), {}))


def tree(blocks: int, seed: int) -> dict[str, Any]:
    """A random flow of about so many blocks: wide and deep parts mixed."""
    draw = random.Random(seed)

    def grow(budget: int) -> dict[str, Any]:
        if budget < 3:
            return {"kind": "asset", "symbol": draw.choice("ABCDEF") * 2}
        if draw.random() < 0.4:
            when = {"left": {"indicator": "close", "symbol": "AA"}, "op": ">", "right": 1}
            cut = draw.randint(1, budget - 2)
            return {"kind": "gate", "when": when, "then": grow(cut), "else": grow(budget - 1 - cut)}
        count = draw.randint(1, min(7, budget - 1))
        return {"kind": "weight", "children": [grow((budget - 1) // count) for _ in range(count)]}

    return grow(blocks)


FLOWS = [(60, 1), (60, 2), (200, 3), (200, 4), (500, 5), (500, 6)]


@pytest.mark.parametrize(("blocks", "seed"), FLOWS)
def test_no_block_overlaps_another(blocks: int, seed: int) -> None:
    boxes = drawn(tree(blocks, seed))
    for one, other in itertools.combinations(boxes, 2):
        apart = abs(one.x - other.x) >= WIDTH or abs(one.y - other.y) >= HEIGHT
        assert apart, (one, other)


@pytest.mark.parametrize(("blocks", "seed"), FLOWS)
def test_families_align(blocks: int, seed: int) -> None:
    boxes = drawn(tree(blocks, seed))
    of = {box.node: box for box in boxes}
    for box in boxes:
        family = [b for b in boxes if b.parent == box.node]
        if family:
            assert len({child.x for child in family}) == 1
            assert family[0].x > box.x
            assert box.y == pytest.approx((family[0].y + family[-1].y) / 2)
            assert [c.y for c in family] == sorted(c.y for c in family)
        assert box.parent is None or box.parent in of


def test_a_flow_too_big_to_draw_counts_what_is_not_drawn() -> None:
    root = tree(3_000, 7)
    boxes = drawn(root)
    assert len(boxes) <= MOST_BOXES
    assert len(boxes) + sum(box.hidden for box in boxes) == blocks_in(root)


def blocks_in(node: dict[str, Any]) -> int:
    inside = [*node.get("children", []), *(node[k] for k in ("then", "else") if k in node)]
    return 1 + sum(map(blocks_in, inside))


def test_examples_are_drawn_whole() -> None:
    flows = example_flows()
    for slug, flow in flows.items():
        boxes = flow_map(bind(compile_flow(flow, flows.__getitem__), {}))
        assert all(box.hidden == 0 for box in boxes), slug
