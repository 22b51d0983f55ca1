"""What every browser test does: wait until the page is still."""

from __future__ import annotations

from playwright.sync_api import Page, expect

_STILL_MS = 150
_STILL = """(least) => {
    const runs = !document.querySelector("[data-test-script-state=notRunning]")
    const loads = [...document.querySelectorAll("iframe")]
        .some(frame => frame.offsetParent !== null && frame.offsetHeight === 0)
    if (runs || loads) { window.stillSince = null; return false }
    window.stillSince ??= performance.now()
    return performance.now() - window.stillSince >= least
}"""


def settled(page: Page) -> None:
    """The page is drawn to its end, and stays so: while its parts load, buttons move under the
    pointer, and a chart that is mounted asks for a run of its own."""
    page.wait_for_load_state("networkidle")
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    page.evaluate("window.stillSince = null")
    page.wait_for_function(_STILL, arg=_STILL_MS)
