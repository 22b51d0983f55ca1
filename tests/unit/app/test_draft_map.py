"""The Flow view's places: nothing overlaps, siblings align, whatever the arrangement."""

from __future__ import annotations

import itertools

import pytest

from app.charts.draft_map import draft_map
from app.charts.flow_map import HEIGHT, WIDTH
from core.flow.draft.blocks import FLOW, draft_of
from core.flow.examples import example_flows
from core.flow.formats.native import to_json
from tests.browser.large import large_flow


def overlap(one, two) -> bool:
    return abs(one.x - two.x) < WIDTH and abs(one.y - two.y) < HEIGHT


@pytest.mark.parametrize("arrangement", ["right", "down", "stack"])
@pytest.mark.parametrize("size", [1, 2, 60, 200])
def test_nothing_overlaps_and_siblings_align(arrangement: str, size: int):
    draft = draft_of(large_flow(size, "x"))
    spots = draft_map(draft, arrangement)
    assert [spot.block for spot in spots] == list(draft.order)
    assert not any(overlap(a, b) for a, b in itertools.combinations(spots, 2))
    by_block = {spot.block: spot for spot in spots}
    for block in draft.order:
        along = {
            by_block[child].y if arrangement == "down" else by_block[child].x
            for child in draft.children(block)
        }
        assert len(along) <= 1


def test_what_is_folded_is_not_drawn_and_edges_say_what_they_are():
    draft = draft_of(to_json(example_flows()["risk-on-risk-off"]))
    gate = draft.children(FLOW)[0]
    assert [s.edge for s in draft_map(draft, "right") if s.parent == gate] == ["then", "else"]
    assert [s.block for s in draft_map(draft, "right", frozenset({gate}))] == [FLOW, gate]
