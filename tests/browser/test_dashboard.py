"""An account that traded: its dashboard, its switches, deploying into it, in a real browser."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import urljoin

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Page, Route, expect

from core.accounts.account import Account
from core.bootstrap import Services
from core.calendar import calendar
from core.flow.formats.native import from_json
from core.portfolio.ledger import OTHER_SIDES
from core.replay import PastClock, Share, replay
from core.settings import Settings
from core.trading.deploy import deploy
from core.trading.open_account import NewAccount, open_account
from tests.browser.conftest import App, visit
from tests.browser.steps import click, press, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NAME = "Traded"
SESSIONS = 6
HOT = {"left": {"indicator": "rsi", "symbol": "SPY", "window": 5}, "op": ">", "right": 60}
FLOWS = {
    "Stocks <b>only</b>": {"kind": "asset", "symbol": "SPY"},
    "Half and half": {
        "kind": "weight", "scheme": "equal",
        "children": [{"kind": "asset", "symbol": "SPY"}, {"kind": "asset", "symbol": "TLT"}],
    },
    "Gated": {"kind": "gate", "name": "Hot?", "when": HOT, "then": {"kind": "asset", "symbol": "GLD"},
              "else": {"kind": "asset", "symbol": "QQQ"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def account(app: App) -> Iterator[Account]:
    """Some sessions traded by the real windows and the built-in broker, under a past clock."""
    market = calendar("XNYS")
    last = market.last_closed(app.services.clock())
    sessions = market.between(last - timedelta(days=20), last).tolist()[-SESSIONS:]
    clock = PastClock(market.opening(sessions[0]))
    shares = [
        Share(name, from_json({"name": name, "root": root}), Decimal(20_000))
        for name, root in FLOWS.items()
    ]
    with Services(Settings(home=app.home), clock=clock, start=False, migrate=False) as past:
        opened = open_account(past, NewAccount(name=NAME))
        for _ in replay(past, clock, opened, shares, sessions):
            pass
    yield app.services.accounts.by_id(opened.id)
    remove(app, opened)


def remove(app: App, account: Account) -> None:
    """Forget an account with everything it traded."""
    for one in app.services.deployments.of(account.id):
        app.services.deployments.turn(
            one.id, "stopped", reason="", by="test", expected=("active", "paused", "liquidating")
        )
    app.services.accounts.delete(account.id)


@pytest.fixture
def page(app, browser, account) -> Iterator[Page]:
    """As every browser test's, with the strategies trading as they did."""
    with visit(app, browser) as page:
        yield page
    app.services.accounts.switch(account.id, "active", reason="", by="test")
    for one in app.services.deployments.of(account.id):
        if one.state == "paused":
            app.services.deployments.turn(
                one.id, "active", reason="", by="test", expected=("paused",)
            )


def opened(page: Page, url: str) -> None:
    page.goto(url)
    settled(page)


def tick_row(page: Page, number: int) -> None:
    """Choose a row of the strategies table; a canvas has no rows to click but by their place."""
    table = page.locator("[class*=st-key-dash_table_] .dvn-scroller").first
    settled(page)
    table.scroll_into_view_if_needed()
    table.click(position={"x": 16, "y": 37 + 17 + 35 * number}, delay=80)


def test_the_dashboard_is_filled_and_its_books_are_the_brokers(page, app, account):
    opened(page, f"{app.url}/?account={NAME}")
    expect(page.get_by_text("Open positions", exact=True)).to_be_visible()
    equity = app.services.equity.latest_snapshots(account.id)["total"].equity
    expect(page.get_by_text(f"{equity:,.2f}", exact=True)).to_be_visible()
    expect(page.get_by_text("3 of 3 strategies")).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(page.get_by_text(re.compile("agree to the last decimal"))).to_be_visible()
    # Asked, the broker says the same.
    press(page, "Compare now")
    expect(page.get_by_text(re.compile(r"agree to the last decimal.*just now"))).to_be_visible()
    for view, text in {
        "Trades": "selling made", "Allocation": "Cash", "Correlation": "daily returns",
        "Backtest against live": "beside the backtest",
    }.items():  # fmt: skip
        click(page.get_by_test_id("stButtonGroup").get_by_text(view))
        expect(page.get_by_text(text).first).to_be_visible()


def test_a_difference_is_said_with_who_owns_it(page, app, account):
    held = app.services.ledger.balances(account.id)
    books = sum(h.get("SPY", 0) for book, h in held.items() if book not in OTHER_SIDES)
    apart = {"asset": "SPY", "ledger": str(books), "broker": str(books - 1), "by_book": {}}
    app.services.accounts.reconciled(account.id, [apart])
    opened(page, f"{app.url}/?account={NAME}")
    expect(page.get_by_text("1 differ from the broker")).to_be_visible()
    said = page.get_by_text(re.compile("the broker has 1 less than the books"))
    expect(said).to_contain_text("Stocks <b>only</b>")
    app.services.accounts.reconciled(account.id, [])
    expect(page.get_by_text("1 differ from the broker")).to_have_count(0)


def test_strategies_are_paused_and_resumed(page, app, account):
    opened(page, f"{app.url}/?account={NAME}")
    expect(page.get_by_role("button", name="Pause")).to_be_disabled()
    tick_row(page, 0)
    expect(page.get_by_text("1 chosen")).to_be_visible()
    before = len(app.log.read_text())
    press(page, "Pause")
    first = app.services.deployments.of(account.id)[0]
    expect(page.get_by_text(f"{first.name} is paused.")).to_be_visible()
    # What was said took the place of nothing: the page has its style still.
    settled(page)
    expect(page.get_by_test_id("stMetricValue").first).to_have_css("font-size", "24px")
    assert "callback that displays" not in app.log.read_text()[before:]
    assert app.services.deployments.by_id(first.id).state == "paused"
    # Resuming is offered now, to the row that is still chosen.
    press(page, "Resume")
    expect(page.get_by_text(f"{first.name} is resumed.")).to_be_visible()
    assert app.services.deployments.by_id(first.id).state == "active"


def test_stopping_asks_first(page, app, account):
    flow = from_json({"name": "Brief", "root": {"kind": "cash"}})
    one = deploy(
        app.services.desk(account), flow, app.services.flows.find, Decimal(1_000), name="AAA brief"
    )
    opened(page, f"{app.url}/?account={NAME}")
    expect(page.get_by_text("4 of 4 strategies")).to_be_visible()
    tick_row(page, 0)
    press(page, "Stop")
    dialog = page.get_by_role("dialog")
    press(page, "Keep running", within=dialog)
    expect(dialog).to_have_count(0)
    assert app.services.deployments.by_id(one.id).state == "active"
    press(page, "Stop")
    press(page, "Stop", within=dialog)
    expect(dialog).to_have_count(0)
    # It held nothing, so it is gone at once.
    expect(page.get_by_text("3 of 3 strategies")).to_be_visible()
    assert app.services.deployments.by_id(one.id).state == "stopped"


def test_a_dialog_can_be_pressed_once_nothing_in_it_will_move(page, app, account):
    loading: list[Route] = []
    page.route(re.compile(r"/static/js/Radio\."), lambda request: loading.append(request))
    opened(page, f"{app.url}/?account={NAME}")
    tick_row(page, 0)
    press(page, "Stop")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_test_id("stSkeleton")).to_be_visible()
    keep = dialog.locator("button", has_text="Keep running")
    expect(keep).to_be_attached()
    expect(keep).to_be_hidden(timeout=2_000)
    for request in loading:
        request.continue_()
    expect(dialog.get_by_role("radio")).to_have_count(2)
    press(page, "Keep running", within=dialog)
    expect(dialog).to_have_count(0)


def test_the_kill_switch_says_who_when_and_why(page, app, account):
    opened(page, f"{app.url}/operations?account={NAME}")
    expect(page.locator(".st-key-kill_switch")).to_contain_text("ACTIVE")
    press(page, "Stop all trading")
    dialog = page.get_by_role("dialog")
    press(page, "Leave it as it is", within=dialog)
    expect(dialog).to_have_count(0)
    assert app.services.accounts.by_id(account.id).state == "active"
    press(page, "Stop all trading")
    dialog.get_by_label("Why").fill("a <b>drill</b>")
    press(page, "Stop all trading", within=dialog)
    expect(page.locator(".st-key-kill_switch")).to_contain_text("HALTED")
    expect(page.get_by_text("by a person: a <b>drill</b>.")).to_be_visible()
    assert app.services.accounts.by_id(account.id).state == "halted"
    press(page, "Release")
    press(page, "Release", within=dialog)
    expect(page.locator(".st-key-kill_switch")).to_contain_text("ACTIVE")
    assert app.services.accounts.by_id(account.id).state == "active"
    # What another process turns is shown without a click.
    app.services.accounts.switch(account.id, "reducing", reason="a loss", by="breaker")
    expect(page.locator(".st-key-kill_switch")).to_contain_text("REDUCING")


def test_a_window_tells_what_was_decided_and_sent(page, app, account):
    window = app.services.windows.of(account.id)[-1]
    opened(page, f"{app.url}/operations?account={NAME}&window={window.id}")
    expect(page.get_by_text(f"Window of {window.session}")).to_be_visible()
    for text in ("Timeline", "What it read", "Decisions", "Orders"):
        # A table's column may be called so, too.
        expect(page.locator("strong").get_by_text(text, exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile("worse than the marks"))).to_be_visible()
    press(page, "Close")
    expect(page.get_by_text(f"Window of {window.session}")).to_have_count(0)


def test_a_preview_is_called_one_and_records_nothing(page, app, account):
    before = len(app.services.windows.of(account.id)), app.services.ledger.balances(account.id)
    opened(page, f"{app.url}/operations?account={NAME}&view=Preview")
    press(page, "Preview next window")
    expect(page.get_by_text("Would be decided")).to_be_visible()
    expect(page.get_by_text("How far each choice is from another")).to_be_visible()
    after = len(app.services.windows.of(account.id)), app.services.ledger.balances(account.id)
    assert after == before


def test_the_log_is_searched_and_its_filters_are_in_the_address(page, app, account):
    opened(page, f"{app.url}/operations?account={NAME}&view=Log&words=nothing+like+it")
    expect(page.get_by_text("Nothing like that happened.")).to_be_visible()
    page.get_by_label("Search", exact=True).fill("Half and half")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    expect(page).to_have_url(re.compile("words=Half"))


def test_health_names_every_part(page, app, account):
    opened(page, f"{app.url}/operations?account={NAME}&view=Health")
    for part in ("Database", "Scheduler", "Leader", "Broker", "Books", "Windows", "Orders"):
        expect(page.get_by_role("strong").filter(has_text=part)).to_be_visible()
    expect(page.get_by_text(re.compile("last seen .* s ago"))).to_be_visible()


def test_limits_are_edited_or_refused_in_words(page, app, account):
    opened(page, f"{app.url}/operations?account={NAME}&view=Account")
    page.get_by_label("Orders per day").fill("0")
    press(page, "Save limits")
    expect(page.get_by_text(re.compile("limits.orders_per_day"))).to_be_visible()
    page.get_by_label("Orders per day").fill("77")
    press(page, "Save limits")
    expect(page.get_by_text(f"Limits of {NAME} are saved.")).to_be_visible()
    assert app.services.accounts.by_id(account.id).limits.orders_per_day == 77


@pytest.fixture
def other(app, account) -> Iterator[Account]:
    """A second account: which one is asked where there is more than one."""
    opened = open_account(app.services, NewAccount(name="Other"))
    yield opened
    remove(app, opened)


def test_a_strategy_is_deployed_from_its_page(page, app, account, other):
    opened(page, f"{app.url}/strategy-storm-watch")
    press(page, "Deploy")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name", exact=True)).to_be_visible()
    dialog.get_by_label("Account").click()
    page.get_by_role("option", name=re.compile(NAME)).click()
    name = dialog.get_by_label("Name", exact=True)
    name.fill("Half and half")
    press(page, "Deploy", within=dialog)
    expect(dialog.get_by_text("'Half and half' runs in this account already.")).to_be_visible()
    name.fill("From its page")
    dialog.get_by_label("Capital (USD)", exact=True).fill("9999999")
    press(page, "Deploy", within=dialog)
    expect(dialog.get_by_text(re.compile("is more than the"))).to_be_visible()
    expect(name).to_have_value("From its page")
    dialog.get_by_label("Capital (USD)", exact=True).fill("1234.50")
    press(page, "Deploy", within=dialog)
    expect(page.get_by_text("From its page trades 1,234.50 USD.")).to_be_visible()
    expect(page.get_by_text("Open positions", exact=True)).to_be_visible()
    made = app.services.deployments.get(account.id, "From its page")
    assert (made.capital, made.version) == (Decimal("1234.50"), 1)


def test_everything_is_exported(page, app, account, tmp_path):
    opened(page, f"{app.url}/?account={NAME}")
    book = load_workbook(download(page, "Excel", tmp_path / "book.xlsx"))
    assert book.sheetnames == [
        "Strategies", "Equity", "Holdings", "Lots", "Proof", "Trades", "Orders", "Correlation",
    ]  # fmt: skip
    names = {row[0].value for row in book["Strategies"].iter_rows(min_row=2)}
    assert names >= set(FLOWS)
    assert book["Equity"].max_row == 1 + SESSIONS * (len(FLOWS) + 1)
    with download(page, "Proof CSV", tmp_path / "proof.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["asset"] for row in rows} >= {"SPY", "TLT", "USD"}
    assert all(Decimal(row["difference"]) == 0 for row in rows)


def download(page: Page, name: str, path: Path) -> Path:
    """What the link gives, as the browser asks for it."""
    address = page.get_by_role("link", name=name).get_attribute("href")
    answer = page.request.get(urljoin(page.url, address or ""))
    assert answer.ok
    assert path.suffix in answer.headers["content-disposition"]
    path.write_bytes(answer.body())
    return path
