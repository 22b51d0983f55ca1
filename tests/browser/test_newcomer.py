"""What a newcomer does in the first ten minutes, in a real browser."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from core.flow.examples import example_flows
from core.flow.formats.native import content_hash, parse
from tests.browser.steps import click, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def library(page: Page, app) -> None:
    page.goto(f"{app.url}/library")
    expect(page.get_by_text("Risk on, risk off", exact=True)).to_be_visible()
    settled(page)


def strategy(page: Page, app, slug: str = "risk-on-risk-off") -> None:
    page.goto(f"{app.url}/strategy-{slug}")
    expect(run_button(page)).to_be_enabled()
    settled(page)


def run_button(page: Page):
    return page.get_by_role("button", name="Run backtest")


def open_button(page: Page):
    """The buttons of the list's rows: menus have one called Open, too."""
    return page.get_by_test_id("stBaseButton-primary").filter(has_text="Open")


def run(page: Page) -> None:
    click(run_button(page))
    expect(page.get_by_text("ran in")).to_be_visible()
    settled(page)


def view(page: Page, name: str) -> None:
    radio = page.get_by_role("radio", name=name)
    radio.click()
    expect(radio).to_be_checked()
    settled(page)


def write_date(page: Page, label: str, digits: str) -> None:
    """Type a date into the field, part by part as its parts take them."""
    field = page.get_by_test_id("stDateInput").filter(has_text=label)
    field.get_by_role("spinbutton").first.click()
    page.keyboard.type(digits, delay=20)
    page.keyboard.press("Escape")  # closes the calendar
    page.keyboard.press("Tab")


def download(page: Page, name: str, index: int = 0) -> bytes:
    with page.expect_download() as caught:
        click(page.get_by_role("button", name=name, exact=True).nth(index))
    return Path(caught.value.path()).read_bytes()


def test_the_library_shows_the_examples_and_opens_one(page, app):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    library(page, app)
    for flow in example_flows().values():
        expect(page.get_by_text(flow.name, exact=True)).to_be_visible()
    row = open_button(page).nth(1)
    click(row)
    expect(run_button(page)).to_be_enabled()
    expect(page).to_have_url(f"{app.url}/strategy-risk-on-risk-off")
    # No other server is asked for anything, not even an icon.
    assert [url for url in asked if not url.startswith((app.url, "data:", "blob:"))] == []


def test_a_backtest_shows_its_result_with_source_and_age(page, app):
    strategy(page, app)
    run(page)
    expect(page.get_by_text("Synthetic data")).to_be_visible()
    expect(page.get_by_text("demo (synthetic, adjusted), as of just now")).to_be_visible()
    for label in ("Total return", "CAGR", "Sharpe", "Max drawdown"):
        expect(page.get_by_test_id("stMetric").filter(has_text=label).first).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()


def test_every_view_of_a_result_has_its_content(page, app):
    strategy(page, app, "storm-watch")
    run(page)
    view(page, "Holdings")
    expect(page.get_by_text("Decided on")).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    view(page, "Metrics")
    expect(page.get_by_test_id("stDataFrame")).to_have_count(1)  # those of the view before are gone
    view(page, "Monthly returns")
    expect(page.locator(".js-plotly-plot").get_by_text("Jan").first).to_be_visible()
    view(page, "Trades")
    expect(page.get_by_text("changes of a position, newest first")).to_be_visible()
    view(page, "Why this day")
    expect(page.get_by_text(" decided ")).to_be_visible()
    expect(page.locator("iframe")).to_have_count(2)
    view(page, "Indicators")
    expect(page.get_by_text("was on the path on")).to_be_visible()
    view(page, "Attribution")
    expect(page.get_by_text("from the close of")).to_be_visible()
    view(page, "Data")
    expect(page.get_by_text("quality rules")).to_be_visible()


def test_why_this_day_follows_the_date(page, app):
    strategy(page, app)
    run(page)
    view(page, "Why this day")
    expect(page.get_by_text(" decided ")).to_be_visible()
    write_date(page, "Session", "20200316")
    expect(page.get_by_text("2020-03-16 decided")).to_be_visible()


def test_what_is_pressed_in_the_same_moment_in_two_parts_of_the_page_all_counts(page, app):
    strategy(page, app)
    run(page)
    view(page, "Why this day")
    expect(page.get_by_text(" decided ")).to_be_visible()
    # Both in one turn of the browser's loop: a step in the panel, then another view of the page.
    page.evaluate(
        """() => {
            const named = (role, name) => [...document.querySelectorAll(role)]
                .find(element => element.textContent.includes(name))
            named("button", "Previous").click()
            named("[role=radio]", "Indicators").click()
        }"""
    )
    expect(page.get_by_text("was on the path on")).to_be_visible()
    view(page, "Why this day")
    expect(page.get_by_role("button", name="Next")).to_be_enabled()  # a step back was taken


def test_variables_change_the_result_and_a_click_loses_nothing_typed(page, app):
    strategy(page, app)
    run(page)
    expect(page.get_by_test_id("stMetric").first).to_be_visible()
    before = page.get_by_test_id("stMetric").first.inner_text()
    # Typed, not confirmed: the click itself has to bring it along.
    page.get_by_label("Safe").fill("GLD")
    click(run_button(page))
    expect(page.get_by_test_id("stMetric").first).not_to_have_text(before)
    view(page, "Data")
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()


def test_files_of_ones_own_are_a_source(page, app, tmp_path):
    bars = tmp_path / "bars.csv"
    lines = ["date,symbol,open,high,low,close,volume"]
    from core.calendar import calendar

    for i, day in enumerate(calendar("XNYS").between("2023-01-03", "2023-12-29")):
        for symbol, level in (("SPY", 100 + i / 5), ("QQQ", 200 + i % 7), ("TLT", 90 + i % 5)):
            lines.append(f"{day},{symbol},{level},{level + 1},{level - 1},{level},1000")
    bars.write_text("\n".join(lines) + "\n")
    strategy(page, app)
    page.get_by_label("Source").click()
    page.get_by_role("option", name="Files").click()
    expect(page.get_by_text("Write the path of a file or folder.")).to_be_visible()
    expect(run_button(page)).to_be_disabled()
    page.get_by_role("textbox", name="File or folder").fill(str(bars))
    page.keyboard.press("Enter")
    expect(run_button(page)).to_be_enabled()
    run(page)
    expect(page.get_by_text("files (bars.csv, ")).to_be_visible()


def test_a_file_that_cannot_be_read_is_said_and_the_form_stays(page, app):
    strategy(page, app)
    page.get_by_label("Source").click()
    page.get_by_role("option", name="Files").click()
    for path, said in (("/nowhere/bars.csv", "/nowhere/bars.csv"), ("/etc/hostname", "hostname")):
        page.get_by_role("textbox", name="File or folder").fill(path)
        page.keyboard.press("Enter")
        click(run_button(page))
        expect(page.get_by_test_id("stAlert").filter(has_text=said)).to_be_visible()
        expect(page.get_by_role("textbox", name="File or folder")).to_have_value(path)


def test_bad_input_is_said_beside_the_form(page, app):
    """One after the other, the one before mended: loading the page takes longest."""
    strategy(page, app)
    for label, bad, good, said in (
        ("Safe", "NOSUCH", "TLT", "NOSUCH"),
        ("Window", "0", "10", "from 2 to"),
        ("Start", "1970-01-02", "2020-01-02", "1970-01-02"),
        ("End", "2090-01-02", "2024-01-02", "2090-01-02"),
    ):
        write(page, label, bad)
        click(run_button(page))
        expect(page.get_by_test_id("stAlert").filter(has_text=said).first).to_be_visible()
        expect(run_button(page)).to_be_enabled()
        write(page, label, good)
    run(page)
    expect(page.get_by_test_id("stAlert").filter(has_text="2090-01-02")).to_have_count(0)


def write(page: Page, label: str, value: str) -> None:
    if label in ("Start", "End"):
        write_date(page, label, value.replace("-", ""))
    else:
        page.get_by_label(label).first.fill(value)
        page.keyboard.press("Enter")
    settled(page)


def test_exports_hold_the_result(page, app):
    strategy(page, app)
    run(page)
    equity = download(page, "Equity CSV").decode().splitlines()
    assert equity[0] == "date,equity,benchmark"
    assert len(equity) > 1000
    book = load_workbook(io.BytesIO(download(page, "Excel")), read_only=True)
    assert "Metrics" in book.sheetnames
    sheet = download(page, "Tear sheet").decode()
    assert "Risk on, risk off" in sheet
    flow = parse(download(page, "Export JSON"))
    assert content_hash(flow) == content_hash(example_flows()["risk-on-risk-off"])


def test_results_are_listed_and_opened_again(page, app):
    strategy(page, app, "sector-momentum")
    run(page)
    page.get_by_role("link", name="Backtests").click()
    expect(page.get_by_text("saved, newest first")).to_be_visible()
    # The table is a canvas: the first row's box is at its left edge.
    table = page.get_by_test_id("stDataFrame").first
    expect(table).to_be_visible()
    table.click(position={"x": 20, "y": 54}, delay=80)
    expect(page.get_by_test_id("stMetric").first).to_be_visible()
    expect(page.get_by_role("heading", name="Sector momentum")).to_be_visible()


def test_a_result_is_there_after_a_reload(page, app):
    strategy(page, app)
    run(page)
    page.reload()
    expect(page.get_by_text("saved just now")).to_be_visible()
    settled(page)
    view(page, "Why this day")
    expect(page.get_by_role("button", name="Explain this result")).to_be_visible()


def test_import_clone_export_and_delete(page, app, tmp_path):
    library(page, app)
    flow = example_flows()["trend-with-leverage"].model_copy(update={"name": "Brought along"})
    from core.flow.formats.native import dump

    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(dump(flow))
    bad.write_text(json.dumps({"sluice": 1, "name": "x", "root": {"kind": "aset"}}))
    click(page.get_by_role("button", name="Import"))
    page.locator("input[type=file]").set_input_files([good, bad])
    expect(page.get_by_text("Did you mean 'asset'")).to_be_visible()
    click(page.get_by_role("button", name="Add to the library"))
    expect(page.get_by_text("imported as 'Brought along'")).to_be_visible()
    click(page.get_by_role("button", name="Done"))
    expect(page.get_by_text("Brought along", exact=True)).to_be_visible()

    page.get_by_label("Search").fill("brought")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 strategy")).to_be_visible()
    click(page.get_by_role("button", name="content_copy"))
    expect(page.get_by_text("Brought along (copy)", exact=True)).to_be_visible()
    archive = zipfile.ZipFile(io.BytesIO(download(page, "Export all")))
    assert "brought-along-copy.json" in archive.namelist()

    for left in ("1 strategy", "No strategy's name, folder or tag contains"):
        click(page.get_by_role("button", name="delete").first)
        click(page.get_by_role("dialog").get_by_role("button", name="Delete"))
        expect(page.get_by_text(left)).to_be_visible()


def test_a_link_to_nothing_says_so(page, app):
    page.goto(f"{app.url}/strategy-nobody")
    expect(page.get_by_text("There is no strategy 'nobody'")).to_be_visible()


def test_the_system_page_is_healthy(page, app):
    page.goto(f"{app.url}/system")
    expect(page.get_by_text("Healthy")).to_be_visible()
    for part in ("Database", "Scheduler", "Worker", "Web"):
        expect(page.get_by_text(part, exact=True)).to_be_visible()


def test_names_are_shown_as_text_not_as_markup(page, app, tmp_path):
    name = "<img src=x onerror=alert(1)> **bold** [link](x)"
    flow = example_flows()["risk-on-risk-off"].model_copy(update={"name": name})
    from core.flow.formats.native import dump

    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    library(page, app)
    path = tmp_path / "markup.json"
    path.write_text(dump(flow))
    click(page.get_by_role("button", name="Import"))
    page.locator("input[type=file]").set_input_files([path])
    click(page.get_by_role("button", name="Add to the library"))
    expect(page.get_by_text("imported as")).to_be_visible()
    click(page.get_by_role("button", name="Done"))
    expect(page.get_by_text("**bold**").first).to_be_visible()
    page.get_by_label("Search").fill("bold")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 strategy")).to_be_visible()
    click(open_button(page))
    expect(run_button(page)).to_be_enabled()
    expect(page.locator("img[src=x]")).to_have_count(0)
    for frame in page.frames[1:]:
        expect(frame.locator("img[src=x]")).to_have_count(0)
