"""No two blocks overlap and siblings align, in both views and all arrangements, at any size."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from core.flow.draft.blocks import Draft, draft_of
from tests.browser.editor import edit_flow, expected, shown
from tests.browser.large import large_flow
from tests.browser.steps import click

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Box = dict[str, Any]
SIZES = (60, 200, 500)


def overlapping(boxes: list[Box]) -> list[tuple[str, str]]:
    """Pairs whose areas have more than a hair in common."""
    ordered = sorted(boxes, key=lambda box: box["y"])
    found = []
    for i, one in enumerate(ordered):
        for two in ordered[i + 1 :]:
            if two["y"] >= one["y"] + one["height"] - 0.01:
                break
            if (
                one["x"] < two["x"] + two["width"] - 0.01
                and two["x"] < one["x"] + one["width"] - 0.01
            ):
                found.append((one["id"], two["id"]))
    return found


def siblings(draft: Draft) -> list[list[str]]:
    return [inside for block in draft.order if len(inside := draft.children(block)) > 1]


def in_outline(page: Page) -> list[Box]:
    return page.locator(".builder .row").evaluate_all(
        "rows => rows.map(r => { const b = r.getBoundingClientRect();"
        " return {id: r.dataset.id, x: b.x, y: b.y, width: b.width, height: b.height}; })"
    )


def in_chart(page: Page, count: int) -> list[Box]:
    boxes = page.locator(".chart .box")
    expect(boxes).to_have_count(count)
    return boxes.evaluate_all(
        "boxes => { const m = new DOMMatrix(getComputedStyle(boxes[0].parentElement).transform);"
        " return boxes.map(one => { const b = one.getBoundingClientRect();"
        " return {id: one.dataset.id, x: b.x / m.a, y: b.y / m.a, width: b.width / m.a,"
        " height: b.height / m.a}; }); }"
    )


def test_boxes_that_overlap_are_seen():
    box = {"x": 0, "y": 0, "width": 10, "height": 10}
    assert overlapping([box | {"id": "a"}, box | {"id": "b", "x": 9}]) == [("a", "b")]
    assert not overlapping([box | {"id": "a"}, box | {"id": "b", "x": 10}])


@pytest.mark.parametrize("size", SIZES)
def test_blocks_stack_and_align(page: Page, app, size: int):
    flow = large_flow(size, f"Geometry {size}")
    edit_flow(page, app, flow)
    draft = draft_of(flow)
    expect(page.locator(".builder .row")).to_have_count(size + 1)
    assert shown(page) == expected(draft)
    boxes = in_outline(page)
    assert not overlapping(boxes)
    by_id = {box["id"]: box for box in boxes}
    assert set(by_id) == set(draft.order)
    for group in siblings(draft):
        assert len({round(by_id[block]["x"], 2) for block in group}) == 1
        assert len({round(by_id[block]["width"], 2) for block in group}) == 1

    click(page.get_by_role("radio", name="Flow"))
    for arrangement, axis in (("Across", "x"), ("Down", "y"), ("Stacked", "x")):
        click(page.get_by_role("radio", name=arrangement))
        expect(page.locator(".chart")).to_have_attribute("data-arrangement", arrangement.lower())
        boxes = in_chart(page, size + 1)
        assert not overlapping(boxes), arrangement
        by_id = {box["id"]: box for box in boxes}
        assert set(by_id) == set(draft.order)
        for group in siblings(draft):
            assert len({round(by_id[block][axis], 1) for block in group}) == 1, arrangement
