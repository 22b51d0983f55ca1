"""The import dialog: a report before and after, several files at once, markup as text."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.browser.steps import click, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAIT_MS = 30_000
SYMPHONY = """(defsymphony "<b>Calm</b> or storm"
 {:asset-class "EQUITIES", :rebalance-threshold 0.05}
 (weight-equal
  [(if (> (rsi "SPY" {:window 5}) 60) [(asset "TLT" "<img src=x>")] [(asset "SPY" "Stocks")])]))
"""
SPELL = {
    "name": "Hold stocks", "version": 2, "trading_type": "Daily", "threshold": 5, "slippage_bps": 5,
    "incantation": {"incantation_type": "Ticker", "symbol": "SPY", "name": ""},
}  # fmt: skip


@pytest.fixture(autouse=True)
def patient():
    """A busy machine may take its time."""
    expect.set_options(timeout=WAIT_MS)


@pytest.fixture
def dialog(page, app, tmp_path):
    """The dialog with three files in it: one approximated, one exact, one not supported."""
    page.on("dialog", lambda box: pytest.fail(box.message))
    files = [tmp_path / name for name in ("symphony.edn", "spell.json", "equal.txt")]
    files[0].write_text(SYMPHONY)
    files[1].write_text(json.dumps(SPELL))
    files[2].write_text(SYMPHONY.replace("(> (rsi", "(= (rsi"))
    page.goto(f"{app.url}/library")
    click(page.get_by_role("button", name="Import"))
    page.locator("input[type=file]").set_input_files(files)
    return page.get_by_role("dialog")


def test_reports_come_first_and_only_what_is_whole_is_taken_in(dialog, page):
    expect(dialog.get_by_text("Composer defsymphony")).to_have_count(2)
    expect(dialog.get_by_text("7 exact")).to_be_visible()
    expect(dialog.get_by_text("1 approximated")).to_have_count(2)
    expect(dialog.get_by_text("rebalance by corridor")).to_have_count(2)
    expect(dialog.get_by_text("Every part has an exact counterpart.")).to_be_visible()
    expect(dialog.get_by_text("1 not supported")).to_be_visible()
    expect(dialog.get_by_text("use two comparisons")).to_be_visible()

    click(dialog.get_by_role("button", name="Add 2 to the library"))
    expect(dialog.get_by_text("symphony.edn: imported as '<b>Calm</b> or storm'")).to_be_visible()
    expect(dialog.get_by_text("spell.json: imported as 'Hold stocks'")).to_be_visible()
    expect(dialog.get_by_text("equal.txt was not imported")).to_be_visible()
    expect(dialog.get_by_text("rebalance by corridor")).to_have_count(2)
    expect(page.locator("img[src=x]")).to_have_count(0)

    settled(page)
    dialog.get_by_text("All 8 parts").first.click()
    expect(dialog.get_by_test_id("stDataFrame").first).to_be_visible()
    click(dialog.get_by_role("button", name="Open").first)
    expect(page.get_by_role("heading", name="<b>Calm</b> or storm")).to_be_visible()


def test_a_file_taken_away_is_forgotten(dialog):
    expect(dialog.get_by_role("button", name="Add 2 to the library")).to_be_visible()
    click(dialog.get_by_role("button", name="Remove symphony.edn"))
    expect(dialog.get_by_role("button", name="Add to the library")).to_be_visible()
    expect(dialog.get_by_text("7 exact")).to_have_count(0)
