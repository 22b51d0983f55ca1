"""What somebody does who asks why: step through sessions, compare, see who earned what."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import date

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from core.backtest.result import Backtest
from core.backtest.run import run_backtest
from core.backtest.settings import parse_settings
from core.clock import system_clock
from core.flow.describe import words_of
from core.flow.examples import example_flows
from core.flow.session_difference import difference
from core.flow.trace import trace
from core.market.sources.demo import DemoSource
from tests.browser.conftest import visit
from tests.browser.steps import click, settled
from tests.browser.test_newcomer import (
    download,
    run,
    strategy,
    view,
    write_date,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SLUG, START = "storm-watch", date(2021, 6, 1)


@pytest.fixture(scope="module")
def computed() -> Backtest:
    """The same backtest, computed here: what the pages have to say."""
    flows = example_flows()
    settings = parse_settings(start=START, end=date(2024, 6, 28))
    return run_backtest(flows[SLUG], DemoSource(system_clock), settings, find=flows.__getitem__)


@pytest.fixture(scope="module")
def ran(app, browser) -> Iterator[Page]:
    """A page that ran the backtest; each test goes to its own view."""
    with visit(app, browser) as page:
        strategy(page, app, SLUG)
        # A few years: what is drawn fast is not what these tests are about.
        write_date(page, "Start", str(START).replace("-", ""))
        settled(page)
        run(page)
        yield page


def decided(page: Page, day: object) -> None:
    expect(page.get_by_text(f"{day} decided")).to_be_visible()
    settled(page)


def choose(page: Page, label: str, typed: str, option: str) -> None:
    """Type into a list and take one of what it still offers."""
    field = page.get_by_role("combobox", name=label)
    field.click()
    field.fill(typed)
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def test_sessions_are_stepped_slid_and_compared(ran, computed):
    sessions, seen = computed.result.sessions, computed.seen
    # A session that decided otherwise than the one before, because something flipped.
    t = next(
        t
        for t in range(len(sessions) - 1, 0, -1)
        if (computed.result.weights[t] != computed.result.weights[t - 1]).any()
    )
    before, after = (trace(seen, computed.offset + i) for i in (t - 1, t))
    page = ran
    view(page, "Why this day")
    expect(page.get_by_role("button", name="Next", exact=True)).to_be_disabled()

    write_date(page, "Session", str(sessions[t]).replace("-", ""))
    decided(page, sessions[t])
    words = difference(before, after).words()
    assert "of the whole moved" in words
    expect(page.get_by_text(words)).to_be_visible()

    click(page.get_by_role("button", name="Previous", exact=True))
    decided(page, sessions[t - 1])
    click(page.get_by_role("button", name="Next", exact=True))
    decided(page, sessions[t])

    # A slider moves by a day for each key; a day without a session shows the one before.
    slider = page.get_by_role("slider")
    micros = int(np.datetime64(sessions[t], "us").astype(np.int64))
    expect(slider).to_have_value(str(micros))
    slider.press("ArrowLeft")
    decided(page, sessions[t - 1])

    write_date(page, "Compare with", str(sessions[t - 40]).replace("-", ""))
    far = difference(trace(seen, computed.offset + t - 40), before)
    expect(page.get_by_text(f"Since {sessions[t - 40]}")).to_be_visible()
    expect(page.get_by_text(far.words())).to_be_visible()


def test_a_block_clicked_in_the_chart_says_what_it_did(ran, computed):
    page = ran
    view(page, "Why this day")
    first = words_of(computed.seen.binding).titles[0]
    said = page.get_by_text(re.compile(rf"^{re.escape(first)} on \d{{4}}-"))
    expect(said).to_have_count(0)
    charts = page.locator("iframe[title*=streamlit_flow]")
    expect(charts).to_have_count(2)  # the page's own, and that of the session
    charts.nth(1).content_frame.locator(".react-flow__node").first.click()
    expect(said).to_be_visible()


def test_attribution_sums_to_the_return_on_the_card(ran):
    page = ran
    card = page.get_by_test_id("stMetric").filter(has_text="Total return").first
    shown = card.get_by_test_id("stMetricValue").inner_text()
    view(page, "Attribution")
    said = page.get_by_text("from the close of")
    expect(said).to_be_visible()
    said_total = float(said.inner_text().split("%")[0].replace(",", "").replace("+", ""))
    assert said_total == pytest.approx(float(shown.strip("%").replace(",", "")), abs=0.06)

    rows = list(csv.DictReader(io.StringIO(download(page, "Attribution CSV").decode())))
    whole = [r for r in rows if (r["from"], r["to"]) == (rows[0]["from"], rows[0]["to"])]
    *parts, total = whole
    assert total["part"] == "Total return"
    assert float(total["total"]) == pytest.approx(said_total / 100, abs=1e-4)
    assert sum(float(p["total"]) for p in parts) == pytest.approx(float(total["total"]), abs=1e-9)

    click(page.get_by_role("radio", name="Block", exact=True))
    settled(page)
    expect(page.locator(".js-plotly-plot").get_by_text("Out after a fall")).to_be_visible()
    blocks = list(csv.DictReader(io.StringIO(download(page, "Blocks CSV").decode())))
    assert blocks[0]["path"] == "root"
    assert float(blocks[0]["total"]) == pytest.approx(float(total["total"]), abs=1e-9)

    choose(page, "Range", "2023", "2023")
    expect(page.get_by_text("to that of 2023-12-29")).to_be_visible()


def test_a_block_is_found_by_its_path_and_drawn(ran):
    page = ran
    view(page, "Indicators")
    expect(page.get_by_text("its condition held on")).to_be_visible()
    # The line's name in the legend.
    expect(page.locator(".js-plotly-plot").get_by_text("Max drawdown(60) of SPY")).to_be_visible()
    path = "root.then.items[3]"
    choose(page, "Block", path, f"Weight · Bills and bonds · {path}")
    expect(page.get_by_text("Bills and bonds was on the path")).to_be_visible()


def test_a_saved_result_is_explained_on_demand(ran, page, app):
    strategy(page, app, SLUG)
    expect(page.get_by_text("saved").first).to_be_visible()
    view(page, "Why this day")
    expect(page.get_by_text("read back from the database")).to_be_visible()
    click(page.get_by_role("button", name="Explain this result"))
    expect(page.get_by_text(" decided ")).to_be_visible()
    settled(page)
    # It came out as it was saved, so nothing is warned of but the synthetic prices.
    expect(page.get_by_text("have changed since this result was saved")).to_have_count(0)
    view(page, "Attribution")
    expect(page.get_by_text("from the close of")).to_be_visible()
