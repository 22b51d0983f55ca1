"""How long the editor takes in a real browser: from a click to the inspector, from an edit to the
view. It starts an app of its own.

Times are of the page itself: from the event to the first frame that shows its effect.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.browser.conftest import App, running
from tests.browser.editor import answered, edit_flow
from tests.browser.large import large_flow
from tests.browser.steps import settled

SIZES = (50, 200, 500)
ROUNDS = 7

FIND = """
const find = (node) => {
  if (node.classList?.contains('builder')) return node;
  for (const child of [...(node.shadowRoot?.children || []), ...node.children]) {
    const found = find(child); if (found) return found;
  }
};
const root = find(document.querySelector('.stMain'));
const until = (test) => new Promise((done) => {
  const begun = performance.now();
  const look = () => test() ? done(performance.now() - begun) : requestAnimationFrame(look);
  look();
});
const symbol = () => [...document.querySelectorAll('[class*=st-key-inspector_] input')]
  .find((input) => input.getAttribute('aria-label') === 'Symbol');
"""
CLICK = f"""async (index) => {{ {FIND}
  const row = [...root.querySelectorAll('.row')].filter((r) => !r.querySelector('[data-fold]'))[index];
  const wanted = row.querySelector('.title').textContent;
  const before = symbol();
  row.click();
  return await until(() => symbol() && symbol() !== before && symbol().value === wanted);
}}"""
EDIT = f"""async () => {{ {FIND}
  const count = root.querySelectorAll('.row').length;
  root.querySelector('.tree').dispatchEvent(new KeyboardEvent('keydown',
    {{ key: 'd', ctrlKey: true, bubbles: true, composed: true, cancelable: true }}));
  return await until(() => root.querySelectorAll('.row').length > count);
}}"""


CHART_CLICK = f"""async (index) => {{ {FIND}
  const box = [...root.querySelectorAll('.box')].filter((b) => !b.querySelector('[data-fold]'))[index];
  const wanted = box.querySelector('.title').textContent, before = symbol();
  const area = box.getBoundingClientRect();
  const at = {{ bubbles: true, composed: true, cancelable: true, pointerId: 1, isPrimary: true,
    clientX: area.x + area.width / 2, clientY: area.y + area.height / 2 }};
  Element.prototype.setPointerCapture = () => {{}};  // no such pointer is down
  for (const name of ['pointerdown', 'pointerup']) box.dispatchEvent(new PointerEvent(name, at));
  return await until(() => symbol() && symbol() !== before && symbol().value === wanted);
}}"""
CHART_EDIT = f"""async () => {{ {FIND}
  const count = root.querySelectorAll('.box').length;
  root.querySelector('[data-action=duplicate]').click();
  return await until(() => root.querySelectorAll('.box').length > count);
}}"""


def measured(page: Page, app: App, size: int) -> tuple[float, float, float, float]:
    """Medians in milliseconds: click to inspector and edit to view, in both views."""
    edit_flow(page, app, large_flow(size, f"Bench {size}"))
    clicks, edits = [], []
    for i in range(ROUNDS):
        clicks.append(page.evaluate(CLICK, 3 + 4 * i))
        settled(page)
        edits.append(page.evaluate(EDIT))
        answered(page)
    in_outline = statistics.median(clicks), statistics.median(edits)
    page.get_by_role("radio", name="Flow").click(delay=80)
    expect(page.locator(".box").first).to_be_visible()
    clicks, edits = [], []
    for i in range(ROUNDS):
        answered(page)
        clicks.append(page.evaluate(CHART_CLICK, 3 + 4 * i))
        answered(page)
        edits.append(page.evaluate(CHART_EDIT))
    return *in_outline, statistics.median(clicks), statistics.median(edits)


def main() -> None:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    expect.set_options(timeout=60_000)
    print("outline: click to inspector / edit to view; flow: the same")  # noqa: T201
    with (
        tempfile.TemporaryDirectory() as home,
        running(Path(home), SLUICE_NO_DEMO="true") as app,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        for size in SIZES:
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(60_000)
            times = " / ".join(f"{ms:.0f}" for ms in measured(page, app, size))
            print(f"{size} blocks: {times} ms")  # noqa: T201
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
