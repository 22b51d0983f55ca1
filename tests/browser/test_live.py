"""What a new user does with live trading: deploy to paper, run a window, stop everything."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from core.db.live_tables import paper_orders
from tests.browser.conftest import App, running, visit
from tests.browser.steps import press, settled
from tests.browser.test_newcomer import strategy

pytestmark = [pytest.mark.browser, pytest.mark.slow]

IN_A_SESSION = "2026-11-20T18:00:00+00:00"
"""A Friday afternoon in New York; the planned window is hours away."""


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Iterator[App]:
    """A first start while the market is open, its demo account filled."""
    home = tmp_path_factory.mktemp("live")
    with running(home, demo_account=True, SLUICE_CLOCK=IN_A_SESSION) as app:
        deadline = time.monotonic() + 180
        while app.services.users.wants_replay(app.services.user.id):
            assert time.monotonic() < deadline, app.log.read_text()[-2000:]
            time.sleep(0.5)
        yield app


@pytest.fixture
def page(app, browser) -> Iterator[Page]:
    with visit(app, browser) as page:
        yield page


def sent(app: App) -> int:
    """Orders the broker was ever sent, by its own books."""
    with app.services.database.engine.begin() as db:
        return db.execute(select(func.count()).select_from(paper_orders)).scalar_one()


def operations(page: Page, app: App, state: str) -> None:
    """The page drawn to its end, the kill switch in that state."""
    page.goto(f"{app.url}/operations")
    expect(page.locator(".st-key-kill_switch")).to_contain_text(state)
    expect(page.get_by_role("button", name="Run now")).to_be_enabled()
    settled(page)


def test_deploy_run_a_window_see_it_and_stop_everything(page, app):
    account = app.services.accounts.all(app.services.user.id)[0]
    before = sent(app)
    assert before > 60

    strategy(page, app)
    press(page, "Deploy")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_be_visible()
    settled(page)
    dialog.get_by_label("Name").fill("My first")
    dialog.get_by_label("Name").press("Enter")
    press(page, "Deploy", within=dialog)
    expect(page.get_by_text("6 of 6 strategies")).to_be_visible()
    mine = app.services.deployments.get(account.id, "My first")
    assert mine.state == "active"

    operations(page, app, "ACTIVE")
    press(page, "Run now")
    expect(page.get_by_text(re.compile("taken by .* after"))).to_be_visible()
    # The toast of a fragment's callback leaves the page its style.
    expect(page.locator(".stMainBlockContainer")).to_have_css("padding-top", "72px")
    window = app.services.windows.of(account.id)[0]
    deadline = time.monotonic() + 60
    while app.services.windows.by_id(window.id).state != "done":
        assert time.monotonic() < deadline, app.services.windows.by_id(window.id)
        time.sleep(0.2)
    orders = app.services.orders.of_window(window.id)
    assert orders
    assert {order.state for order in orders} == {"filled"}
    page.goto(f"{app.url}/operations?window={window.id}")
    expect(page.get_by_text(re.compile(r"^Traded [\d,.]+; fills were"))).to_be_visible()
    assert sent(app) == before + len(orders)
    held = app.services.ledger.balances(account.id)[mine.book]
    assert set(held) - {"USD"}

    page.goto(app.url)
    expect(page.get_by_text("6 of 6 strategies")).to_be_visible()
    press(page, "Compare now")
    expect(page.get_by_text(re.compile("agree to the last decimal"))).to_be_visible()

    operations(page, app, "ACTIVE")
    press(page, "Stop all trading")
    press(page, "Stop all trading", within=page.get_by_role("dialog"))
    expect(page.locator(".st-key-kill_switch")).to_contain_text("HALTED")
    operations(page, app, "HALTED")
    after = sent(app)
    press(page, "Run now")
    deadline = time.monotonic() + 60
    while app.services.windows.of(account.id)[0].state != "failed":
        assert time.monotonic() < deadline, app.services.windows.of(account.id)[0]
        time.sleep(0.2)
    assert "halted" in app.services.windows.of(account.id)[0].error
    assert sent(app) == after
