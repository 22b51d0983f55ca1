"""What every browser test does: wait until the page is still, and press."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

_TIMES = {"still": 150, "drawn": 10_000}
_PATIENCE_MS = 60_000
_STILL = """({still, drawn}) => {
    const now = performance.now()
    const runs = !document.querySelector("[data-test-script-state=notRunning]")
    const loads = [...document.querySelectorAll("iframe")]
        .some(frame => frame.offsetParent !== null && frame.offsetHeight === 0)
    // In place of what is not loaded yet stands something smaller.
    const missing = document.querySelector("[data-testid=stSkeleton]") !== null
    const height = document.querySelector("[data-testid=stMain]")?.scrollHeight
    if (loads || missing || height !== window.drawnHeight) {
        window.drawnHeight = height
        window.stillSince = window.drawnSince = now
    }
    if (runs) window.stillSince = now
    // Where a clock draws parts of the page, a busy machine runs all the time.
    return now - window.stillSince >= still || now - window.drawnSince >= drawn
}"""


def settled(page: Page) -> None:
    """The page is drawn to its end, and stays so: while its parts load, buttons move under the
    pointer, and a chart that is mounted asks for a run of its own. A person sees that, too, and
    waits."""
    page.wait_for_load_state("networkidle")
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    page.evaluate("window.drawnHeight = null")
    page.wait_for_function(_STILL, arg=_TIMES, timeout=_PATIENCE_MS)


def click(target: Locator) -> None:
    """Press it as long as a person holds it, once nothing moves any more."""
    settled(target.page)
    target.click(delay=80)


def press(page: Page, name: str, *, within: Locator | None = None) -> None:
    """The first button of exactly this name."""
    click((within or page).get_by_role("button", name=name, exact=True).first)
