"""Somebody adds Alpaca's account, mistypes its keys, checks, changes and removes it, in a browser."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import inspect, text

from core.clock import system_clock
from tests.browser.conftest import App, running, visit
from tests.browser.steps import click, press, settled
from tests.fakes.alpaca_trading import KEY_ID, SECRET_KEY, AlpacaTrading

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OTHER = ("PKOTHER5KEYID7EXAMPL", "other0Secret1Of2The3Same4Account")
LIVE = ("AKLIVE5KEYID7EXAMPLE", "live0Secret1Of2Another3Account")


@pytest.fixture(scope="module")
def fake() -> Iterator[AlpacaTrading]:
    with AlpacaTrading(system_clock, requests_per_minute=10_000) as fake:
        yield fake


@pytest.fixture(scope="module")
def app(tmp_path_factory, fake) -> Iterator[App]:
    with running(
        tmp_path_factory.mktemp("accounts"),
        SLUICE_NO_DEMO="1",
        SLUICE_ALPACA_TRADING_URL=fake.url,
        SLUICE_ALPACA_DATA_URL=fake.url,
        SLUICE_ALPACA_STREAM_URL=fake.stream_url,
        SLUICE_LOG_LEVEL="DEBUG",
    ) as app:
        yield app


@pytest.fixture
def page(app, browser) -> Iterator[Page]:
    with visit(app, browser) as page:
        yield page


def fill(dialog: Locator, label: str, value: str) -> None:
    dialog.get_by_label(label, exact=True).fill(value)


def inside(dialog: Locator, name: str) -> None:
    click(dialog.get_by_role("button", name=name, exact=True))


def row_button(page: Page, what: str) -> Locator:
    return page.locator(f"[class*=st-key-account_{what}_]").get_by_role("button")


def test_an_account_from_its_keys_to_its_end(app, page, fake):
    shown: list[str] = []  # everything the pages said, for the search of secrets at the end
    accounts = app.services.accounts

    page.goto(f"{app.url}/settings")
    expect(page.get_by_text("No account yet")).to_be_visible()
    press(page, "New account")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Starting cash (USD)")).to_be_visible()
    dialog.get_by_text("Alpaca paper", exact=True).click()
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("Alpaca paper")

    # Wrong keys: which one, how to mend it, and everything typed is still there.
    fill(dialog, "Name", "Mine <b>")
    fill(dialog, "Key id", LIVE[0])
    fill(dialog, "Secret key", SECRET_KEY)
    inside(dialog, "Add account")
    expect(dialog.get_by_text("This is a key of a live account")).to_be_visible()
    expect(dialog.get_by_test_id("stAlert").get_by_text("Key id:")).to_be_visible()
    fill(dialog, "Key id", OTHER[0])
    inside(dialog, "Check connection")
    expect(dialog.get_by_text("Alpaca refuses the keys (HTTP 401")).to_be_visible()
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("Mine <b>")
    expect(dialog.get_by_label("Key id", exact=True)).to_have_value(OTHER[0])
    expect(dialog.get_by_label("Secret key", exact=True)).to_have_value(SECRET_KEY)
    expect(dialog.get_by_label("Secret key", exact=True)).to_have_attribute("type", "password")
    assert accounts.all() == ()

    fill(dialog, "Key id", KEY_ID)
    inside(dialog, "Check connection")
    expect(dialog.get_by_text("paper account …0001 answers: equity 100,000.00")).to_be_visible()
    assert accounts.all() == ()
    inside(dialog, "Add account")
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("Mine <b>", exact=True)).to_be_visible()
    expect(page.get_by_text("Alpaca paper …0001")).to_be_visible()
    expect(page.get_by_text("100,000.00 USD")).to_be_visible()
    settled(page)
    shown.append(page.content())

    # The same account a second time.
    press(page, "New account")
    dialog.get_by_text("Alpaca paper", exact=True).click()
    expect(dialog.get_by_label("Key id", exact=True)).to_have_value("")
    fill(dialog, "Key id", KEY_ID)
    fill(dialog, "Secret key", SECRET_KEY)
    inside(dialog, "Add account")
    expect(dialog.get_by_text(re.compile("is 'Mine <b>' already"))).to_be_visible()
    # Live asks for a word more, and its own keys.
    dialog.get_by_text("Alpaca live", exact=True).click()
    expect(dialog.get_by_text("This account trades real money")).to_be_visible()
    fill(dialog, "Key id", LIVE[0])
    fill(dialog, "Secret key", LIVE[1])
    inside(dialog, "Add account")
    expect(dialog.get_by_text("a live account trades real money.")).to_be_visible()
    shown.append(page.inner_text("body"))  # fields keep what was typed, until the dialog closes
    click(dialog.get_by_role("button", name="Close", exact=True))
    expect(dialog).to_be_hidden()
    settled(page)
    shown.append(page.content())
    (made,) = accounts.all()

    click(row_button(page, "check"))
    expect(dialog.get_by_text("paper account …0001 answers")).to_be_visible()
    click(dialog.get_by_role("button", name="Close", exact=True))
    expect(dialog).to_be_hidden()

    # Its keys are lost, and others open the same account.
    fake.keys = OTHER
    click(row_button(page, "check"))
    expect(dialog.get_by_text("Alpaca refuses the keys")).to_be_visible()
    click(dialog.get_by_role("button", name="Close", exact=True))
    expect(dialog).to_be_hidden()
    click(row_button(page, "keys"))
    fill(dialog, "Key id", OTHER[0])
    fill(dialog, "Secret key", OTHER[1])
    inside(dialog, "Save keys")
    expect(page.get_by_text("are changed.")).to_be_visible()
    expect(dialog).to_be_hidden()
    assert accounts.by_id(made.id).sealed != made.sealed
    shown.append(page.content())

    with page.expect_download() as download:
        click(page.locator(".st-key-accounts_csv").get_by_role("button"))
    table = Path(download.value.path()).read_text()
    (row,) = csv.DictReader(table.splitlines())
    assert (row["name"], row["number"], row["keys"]) == ("Mine <b>", "…0001", "stored")

    texts = [*shown, table, app.log.read_text()]
    engine = app.services.database.engine
    with engine.connect() as db:
        for name in inspect(engine).get_table_names():
            texts += [str(one) for one in db.execute(text(f'SELECT t::text FROM "{name}" t'))]
    for secret in (KEY_ID, SECRET_KEY, *OTHER, *LIVE):
        assert [found for found in texts if secret in found] == [], secret

    other = page.context.new_page()  # shows the account while it goes
    other.goto(f"{app.url}/operations")
    expect(other.locator(".st-key-kill_switch")).to_contain_text("ACTIVE")
    click(row_button(page, "remove"))
    expect(dialog.get_by_text("At the broker nothing happens")).to_be_visible()
    inside(dialog, "Remove")
    expect(page.get_by_text("No account yet")).to_be_visible()
    assert accounts.all() == ()
    expect(other.get_by_text("No account yet")).to_be_visible()
    assert fake.sent == []
