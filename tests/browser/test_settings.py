"""Somebody adds a channel, tests it, changes it and deletes it, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import click, press, settled
from tests.fakes import misbehaviour as does
from tests.fakes.webhook import TOKEN, Webhook

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with Webhook() as fake:
        yield fake


def row_button(page: Page, key: str):
    return page.locator(f"[class*=st-key-{key}_]").get_by_role("button")


def test_a_channel_from_beginning_to_end(app, page, hook):
    page.goto(f"{app.url}/settings")
    expect(page.get_by_text("No channel yet")).to_be_visible()
    settled(page)

    press(page, "New channel")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("In Slack: add the app")).to_be_visible()
    dialog.get_by_text("Other", exact=True).click()
    expect(dialog.get_by_text("An address as Apprise writes it")).to_be_visible()
    dialog.get_by_label("Name", exact=True).fill("Team <b>chat</b>")
    dialog.get_by_placeholder("ntfy://topic").fill("nonsense")
    press(page, "Save")
    expect(dialog.get_by_text("no service answers to it")).to_be_visible()
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("Team <b>chat</b>")
    dialog.get_by_placeholder("ntfy://topic").fill(hook.address().get_secret_value())
    press(page, "Save")
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("Team <b>chat</b>", exact=True)).to_be_visible()
    expect(page.get_by_text(f"JSON …{TOKEN[-4:]}")).to_be_visible()
    expect(page.get_by_text("every event", exact=True)).to_be_visible()
    settled(page)
    assert TOKEN not in page.content()

    click(row_button(page, "test"))
    expect(page.get_by_text("The test was sent to")).to_be_visible()
    expect(page.locator("[class*=st-key-cell_sent_]").get_by_text("just now")).to_be_visible()
    assert hook.bodies()[0]["title"] == "Sluice: Test"

    hook.misbehave(does.status(500))
    click(row_button(page, "test"))
    expect(page.get_by_text("The test was not taken.")).to_be_visible()
    expect(page.get_by_text(re.compile("Failing$"))).to_be_visible()
    settled(page)

    click(row_button(page, "edit"))
    dialog.get_by_text("Critical only").click()
    expect(dialog.get_by_role("radio", name="Critical only")).to_be_checked()
    # The list behind is looked at again meanwhile: the dialog stays, with what was chosen.
    looked = page.get_by_text("as of").inner_text()
    expect(page.get_by_text("as of")).not_to_have_text(looked)
    expect(dialog.get_by_role("radio", name="Critical only")).to_be_checked()
    press(page, "Save")
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("every critical event")).to_be_visible()
    settled(page)

    click(row_button(page, "switch"))
    expect(page.get_by_text(re.compile("Off$"))).to_be_visible()
    settled(page)

    click(row_button(page, "drop"))
    expect(dialog.get_by_text("Its address is gone with it")).to_be_visible()
    click(dialog.get_by_role("button", name="Delete"))
    expect(page.get_by_text("No channel yet")).to_be_visible()
    assert app.services.channels.all(app.services.user.id) == []
    assert TOKEN not in app.log.read_text()
