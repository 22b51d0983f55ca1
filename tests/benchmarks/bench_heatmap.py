"""How long a click on a cell of a heatmap takes in a real browser, until that run's curve is drawn,
and what the server sends for it. It starts an app of its own.

Times are of the page itself: from the press to the first frame that shows the curve.
"""

from __future__ import annotations

import random
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.browser.conftest import ARGUMENTS, App, running
from tests.browser.sweeps import finished_sweep

MAPS = {
    "20 × 20": ("window=5:24", "hot=60:79", "safe=TLT,GLD"),
    "200 × 200": ("window=5:204", "hot=50:99.75:0.25", "safe=TLT,GLD"),
}
WARM, ROUNDS = 2, 15

WATCH = """
window.clicked = {};
const shown = () => [...document.querySelectorAll('*')]
  .map((one) => one.shadowRoot?.querySelector('.curve')?.dataset.drawn).find(Boolean);
addEventListener('pointerdown', () => {
  const begun = performance.now(), before = shown(), clicked = window.clicked = { bytes: 0, begun };
  const look = () => {
    if (shown() && shown() !== before) clicked.drawn = performance.now() - begun;
    else requestAnimationFrame(look);
  };
  look();
}, true);
window.WebSocket = class extends WebSocket {
  constructor(...to) {
    super(...to);
    this.addEventListener('message', ({ data }) => {
      window.clicked.bytes += data.byteLength ?? data.size ?? data.length;
      window.clicked.ran = performance.now() - window.clicked.begun;
    });
  }
};
"""


def measured(browser: Browser, app: App, sweep: str) -> list[dict[str, float]]:
    """Milliseconds until the curve is drawn and until the page's script ``ran``, and its bytes."""
    page = browser.new_page(viewport={"width": 1400, "height": 1500})
    page.set_default_timeout(60_000)
    page.add_init_script(WATCH)
    page.goto(f"{app.url}/heatmap?sweep={sweep}")
    plot = page.locator(".heat[data-drawn] .plot")
    plot.wait_for()
    area, draw, found = plot.bounding_box(), random.Random(7), []
    assert area is not None
    for _ in range(WARM + ROUNDS):
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(500)
        place = {side: area[side] * draw.uniform(0.05, 0.95) for side in ("width", "height")}
        plot.click(position={"x": place["width"], "y": place["height"]})
        page.wait_for_function("window.clicked.drawn")
        page.wait_for_timeout(500)  # what comes after the curve counts, too
        found.append(page.evaluate("window.clicked"))
    page.close()
    return found[WARM:]


def main() -> None:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    expect.set_options(timeout=60_000)
    with (
        tempfile.TemporaryDirectory() as home,
        running(Path(home), SLUICE_NO_DEMO="true") as app,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        for name, grid in MAPS.items():
            clicks = measured(browser, app, finished_sweep(app, grid))
            times = [click["drawn"] for click in clicks]
            ran = statistics.median(click["ran"] for click in clicks)
            size = statistics.median(click["bytes"] for click in clicks)
            print(  # noqa: T201
                f"{name}: {statistics.median(times):.0f} ms ({min(times):.0f} to {max(times):.0f}), "
                f"script {ran:.0f} ms, {size / 1000:,.0f} kB"
            )
        browser.close()


if __name__ == "__main__":
    main()
