"""What an analyst does with a batch test: start it, read it, map it, open a run."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from core.backtest.run import run_backtest
from core.backtest.settings import BacktestSettings
from core.flow.examples import example_flows
from core.metrics.definitions import shown
from tests.browser.conftest import App
from tests.browser.sweeps import finished_sweep

pytestmark = [pytest.mark.browser, pytest.mark.slow]
VALUES = {"window": ("5:14", 10), "hot": ("60:84:2", 130), "safe": ("TLT,GLD", 260)}
"""What is tried, and how many runs that makes with what stands above."""

DRAWN = ".heat[data-drawn]"
"""A map whose numbers are there."""
CURVE = ".curve[data-drawn]"
"""A run's equity that is drawn."""


@pytest.fixture(scope="module")
def swept(app: App, browser) -> Iterator[str]:
    """Start the batch test from its page; the address that shows it."""
    page = browser.new_page(viewport={"width": 1440, "height": 1400})
    page.set_default_timeout(30_000)
    page.goto(f"{app.url}/batch")
    settle(page)
    expect(page.get_by_text("No batch test yet")).to_be_visible()
    fill_form(page)
    page.get_by_role("button", name="Start batch test").click()
    expect(page.get_by_text("260 of 260 runs").first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("finished").first).to_be_visible(timeout=60_000)
    yield page.url
    page.close()


def fill_form(page: Page) -> None:
    """Choose the strategy and write the values to try."""
    page.get_by_label("Strategy", exact=True).click()
    page.get_by_role("option", name="Risk on, risk off").click()
    # Its own fields have to stand: other strategies have a variable 'window' too.
    expect(page.get_by_placeholder("75: not swept")).to_be_visible()
    settle(page)
    for name, (values, runs) in VALUES.items():
        fill(page, name, values, runs)


def fill(page: Page, name: str, values: str, runs: int) -> None:
    """Write values into a field, and see how many runs that makes."""
    field = page.get_by_label(name, exact=True)
    expect(field).to_have_count(1)  # those of the strategy chosen before are gone
    field.fill(values)
    field.press("Enter")
    expect(page.get_by_text(re.compile(f"^{runs} runs ·"))).to_be_visible(timeout=30_000)
    settle(page)


def settle(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_selector("[data-test-script-state=notRunning]", state="attached")
    time.sleep(0.3)


def opened(page: Page, url: str) -> Page:
    page.set_viewport_size({"width": 1440, "height": 1500})
    page.goto(url)
    settle(page)
    return page


def click_cell(page: Page, x: float, y: float, *, at: int = 0) -> None:
    """Click on a map, at shares of its width and height from its upper left corner."""
    plot = page.locator(f"{DRAWN} .plot").nth(at)
    box = plot.bounding_box()
    assert box is not None
    plot.click(position={"x": box["width"] * x, "y": box["height"] * y})


def test_a_link_shows_the_results(page, swept):
    opened(page, swept)
    expect(page.get_by_text("Best Sharpe")).to_be_visible()
    expect(page.get_by_text("260 runs. Choose a row")).to_be_visible()
    assert "sweep=" in swept


def test_a_quick_look_answers_on_the_page(page, app, swept):
    opened(page, f"{app.url}/batch")
    page.get_by_text("New batch test").click()
    settle(page)
    fill_form(page)
    page.get_by_role("button", name="Quick look").click()
    expect(page.get_by_text(re.compile(r"260 runs in [\d,]+ ms"))).to_be_visible()
    expect(page.locator(DRAWN)).to_have_count(1)
    curve = page.locator(CURVE)
    expect(curve.locator(".names")).to_contain_text("window")  # the best run, before any click
    expect(page.get_by_text("1 kept")).to_be_visible()
    settle(page)
    click_cell(page, 0.05, 0.95)
    expect(curve.locator(".names")).to_contain_text("window 5, hot 60, safe")


def test_two_batch_tests_are_compared_by_a_link(page, app, swept):
    opened(page, f"{app.url}/batch")
    page.get_by_text("New batch test").click()
    settle(page)
    fill_form(page)
    fill(page, "hot", "70:84:2", 160)
    page.get_by_role("button", name="Start batch test").click()
    # Runs of the first batch test are known already.
    expect(page.get_by_text("160 of 160 runs").first).to_be_visible()
    page.get_by_text("Compare batch tests").click()
    settle(page)
    for runs in ("160 runs", "260 runs"):
        page.get_by_role("combobox", name="Batch tests").click()
        page.get_by_role("option", name=re.compile(runs)).click()
        settle(page)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stExpander").locator(".js-plotly-plot")).to_be_visible()
    assert "compare=" in page.url


def test_all_runs_are_downloaded_as_a_stream(page, app, swept):
    opened(page, swept)
    for kind in ("csv", "parquet"):
        link = page.get_by_role("link", name=kind, exact=False).first
        with page.expect_download() as download:
            link.click()
        content = Path(download.value.path()).read_bytes()
        table = csv.read_csv(BytesIO(content)) if kind == "csv" else pq.read_table(BytesIO(content))
        assert table.num_rows == 260
        assert {"run", "window", "hot", "safe", "sharpe", "reason"} <= set(table.column_names)


def test_a_constraint_that_cannot_be_is_explained(page, app, swept):
    opened(page, f"{app.url}/batch")
    page.get_by_text("New batch test").click()
    settle(page)
    fill_form(page)
    field = page.get_by_role("textbox", name="Constraints")
    field.fill("window <")
    field.press("Control+Enter")
    expect(page.get_by_text("cannot be read").first).to_be_visible()
    expect(page.get_by_role("button", name="Start batch test")).to_be_disabled()


def test_a_cell_of_the_map_opens_its_backtest(page, app, swept):
    opened(page, swept)
    page.get_by_role("button", name="Heatmap").last.click()
    page.wait_for_url("**/heatmap?sweep=*")
    settle(page)
    expect(page.get_by_text("Plateau score")).to_be_visible()
    expect(page.get_by_text("Deflated Sharpe")).to_be_visible()
    click_cell(page, 0.45, 0.45)
    button = page.get_by_role("button", name="Open in strategy page")
    expect(button).to_be_visible()
    expect(page.get_by_role("strong")).to_contain_text("window 9, hot 74, safe")
    sweep = app.services.sweeps.get(app.services.user.id, UUID(swept.rpartition("=")[2]))
    values = app.services.sweeps.runs(sweep).pivot("window", "hot", "sharpe", "mean", {})
    said = page.locator(".heat .said")
    expect(said).to_have_text(f"window 9, hot 74 Sharpe {shown('sharpe', values[7, 4])}")
    page.locator(".heat .plot").press("ArrowRight")
    expect(said).to_have_text(f"window 10, hot 74 Sharpe {shown('sharpe', values[7, 5])}")
    page.locator(".heat .plot").press("Enter")
    expect(page.get_by_role("strong")).to_contain_text("window 10, hot 74, safe")
    words = page.get_by_text(re.compile(r"Run [\d,]+:")).inner_text()
    found = re.search(r"window (\d+), hot (\d+), safe (\w+)", words)
    assert found is not None, words
    settle(page)
    button.click()
    page.wait_for_url("**/strategy-risk-on-risk-off")
    expect(page.get_by_text("Total return").first).to_be_visible()
    assert page.get_by_label("Window", exact=True).input_value() == found[1]
    assert page.get_by_label("Hot", exact=True).input_value() == found[2]
    assert page.get_by_label("Safe", exact=True).input_value() == found[3]


def test_in_and_out_of_sample_stand_side_by_side(page, app, swept):
    opened(page, swept.replace("/batch", "/heatmap"))
    field = page.get_by_test_id("stDateInput")
    for part, value in (("year", "2015"), ("month", "06"), ("day", "01")):
        field.get_by_role("spinbutton", name=re.compile(part, re.I)).press_sequentially(value)
    page.get_by_text("Across").click()
    expect(page.get_by_text("Out of sample, from 2015-06-01")).to_be_visible()
    expect(page.locator(DRAWN)).to_have_count(2)
    settle(page)
    # A cell that was clicked before is chosen again after one on the other map.
    for at, share, left, window in ((0, 0.25, 20, 7), (1, 0.75, 70, 12), (0, 0.25, 20, 7)):
        click_cell(page, share, 0.5, at=at)
        for i in (0, 1):
            mark = page.locator(".heat .mark").nth(i)
            expect(mark).to_have_attribute("style", re.compile(rf"left: {left}%"))
        expect(page.get_by_text(re.compile(rf"Run .*window {window},"))).to_be_visible()


def test_an_equal_batch_test_answers_from_the_store(page, app, swept):
    opened(page, f"{app.url}/batch")
    page.get_by_text("New batch test").click()
    settle(page)
    fill_form(page)
    page.get_by_role("button", name="Start batch test").click()
    expect(page.get_by_text("This batch test has been run")).to_be_visible()
    expect(page.get_by_text("2 kept")).to_be_visible()  # with the one that was compared


def test_a_click_on_a_large_map_does_not_send_the_map(page, app, swept):
    """What comes for it is about what comes for one on a small map, and the curve is fetched."""
    large = finished_sweep(app)
    received, fetched = [0], []
    page.on("request", lambda request: "/fetched/" in request.url and fetched.append(request.url))
    page.on("websocket", lambda socket: socket.on("framereceived", lambda f: count(received, f)))
    sizes, small = [], swept.rpartition("=")[2]
    for sweep in (small, large):
        opened(page, f"{app.url}/heatmap?sweep={sweep}")
        click_cell(page, 0.3, 0.3)
        expect(page.locator(CURVE)).to_be_visible()
        settle(page)
        fetched.clear()
        before, named = received[0], page.get_by_text(re.compile("^Run [0-9,]+:")).inner_text()
        click_cell(page, 0.6, 0.7)
        expect(page.get_by_text(named)).to_have_count(0)
        settle(page)
        sizes.append(received[0] - before)
        assert len(fetched) == 1, fetched
        assert "?across=" in fetched[0]
    # Its 40,000 numbers alone would be 160,000 bytes.
    assert all(1_000 < size < 100_000 for size in sizes), sizes


def test_the_curve_of_a_cell_is_that_of_its_backtest(page, app, swept):
    opened(page, swept.replace("/batch", "/heatmap"))
    expect(page.get_by_text("Click a cell to see its run")).to_be_visible()
    click_cell(page, 0.45, 0.45)
    curve = page.locator(CURVE)
    named = re.compile("window 9, hot 74, safe (TLT|GLD)")
    expect(curve.locator(".names")).to_contain_text(named)
    expect(page.get_by_text("Click a cell to see its run")).to_have_count(0)
    safe = named.search(curve.locator(".names").inner_text())[1]
    values = {"window": 9, "hot": 74, "safe": safe}
    sweep = app.services.sweeps.get(app.services.user.id, UUID(swept.rpartition("=")[2]))
    settings = BacktestSettings.model_validate(sweep.settings | {"variables": values})
    flow, source = example_flows()["risk-on-risk-off"], app.services.source("demo")
    result = run_backtest(flow, source, settings).result
    plot = curve.locator(".plot")
    plot.press("ArrowLeft")  # from the last session to the one before
    said = curve.locator(".said")
    expect(said).to_contain_text(str(result.sessions[-2]))
    expect(said).to_contain_text(f"{result.equity[-2] * result.settings.capital:,.0f}, drawdown")
    box = plot.bounding_box()
    plot.hover(position={"x": box["width"] - 1, "y": 40})
    expect(said).to_contain_text(f"{result.sessions[-1]}")
    settle(page)
    heat = page.locator(".heat .plot")
    heat.press("ArrowRight")
    heat.press("Enter")
    expect(curve.locator(".names")).to_contain_text("window 10, hot 74, safe")


def count(received: list[int], frame: str | bytes) -> None:
    received[0] += len(frame)
