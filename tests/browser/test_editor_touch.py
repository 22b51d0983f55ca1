"""The chart on a phone: one finger belongs to the page, two to the chart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import CDPSession, Page, expect

from core.flow.examples import example_flows
from core.flow.formats.native import to_json
from tests.browser.editor import answered, edit_flow, inspector
from tests.browser.steps import settled

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Point = tuple[float, float]


@pytest.fixture
def phone(app, browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    yield context.new_page()
    context.close()


def touch(fingers: CDPSession, *ways: tuple[Point, Point], steps: int = 12) -> None:
    """Put fingers down, move each along its way, and lift them."""

    def send(kind: str, share: float) -> None:
        points = [
            {"x": a[0] + (b[0] - a[0]) * share, "y": a[1] + (b[1] - a[1]) * share, "id": i}
            for i, (a, b) in enumerate(ways)
        ]
        fingers.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [] if kind == "touchEnd" else points},
        )

    send("touchStart", 0)
    for step in range(1, steps + 1):
        send("touchMove", step / steps)
    send("touchEnd", 1)


def scrolled(page: Page) -> float:
    return page.locator("[data-testid=stMain]").evaluate("main => main.scrollTop")


def view(page: Page) -> tuple[float, float, float]:
    """Where the chart's plane is, and its scale."""
    return tuple(
        page.locator(".chart .world").evaluate(
            "world => { const m = new DOMMatrix(getComputedStyle(world).transform);"
            " return [m.e, m.f, m.a]; }"
        )
    )


def test_one_finger_scrolls_the_page_and_two_move_and_zoom_the_chart(phone, app):
    flow = to_json(example_flows()["trend-with-leverage"]) | {"name": "On a phone"}
    edit_flow(phone, app, flow)
    phone.get_by_role("radio", name="Flow").tap()
    expect(phone.locator(".chart .box").first).to_be_visible()
    settled(phone)
    phone.locator(".chart").evaluate("chart => chart.scrollIntoView({block: 'center'})")
    area = phone.locator(".chart").bounding_box()
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
    fingers = phone.context.new_cdp_session(phone)

    before, at = view(phone), scrolled(phone)
    touch(fingers, ((x, y + 100), (x, y - 100)))
    expect(phone.locator(".chart.hinted")).to_have_count(1)
    phone.wait_for_function(
        "at => document.querySelector('[data-testid=stMain]').scrollTop > at + 50", arg=at
    )
    assert view(phone) == before
    expect(phone.locator(".chart.hinted")).to_have_count(0)

    phone.locator(".chart").evaluate("chart => chart.scrollIntoView({block: 'center'})")
    at = scrolled(phone)
    touch(fingers, ((x - 40, y), (x - 40, y + 80)), ((x + 40, y), (x + 40, y + 80)))
    moved = view(phone)
    assert moved[0] == pytest.approx(before[0], abs=2)
    assert moved[1] == pytest.approx(before[1] + 80, abs=2)
    assert moved[2] == pytest.approx(before[2], rel=0.01)
    touch(fingers, ((x - 30, y), (x - 90, y)), ((x + 30, y), (x + 90, y)))
    zoomed = view(phone)
    assert zoomed[2] == pytest.approx(3 * moved[2], rel=0.05)
    middle = x - area["x"]
    assert middle - zoomed[0] == pytest.approx(3 * (middle - moved[0]), abs=5)
    assert scrolled(phone) == at

    # A finger that only taps chooses a block, and nothing was edited on the way.
    box = phone.locator(".chart .box .title", has_text="TQQQ").first
    phone.get_by_role("button", name="Show all (0)").tap()
    box.tap(force=True)
    answered(phone)
    expect(inspector(phone).get_by_label("Symbol", exact=True)).to_have_value("TQQQ")
    expect(phone.get_by_text("Unsaved changes")).to_have_count(0)
