"""Unsaved changes are there again after a reload, until they are saved or discarded."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from core.flow.examples import example_flows
from core.flow.formats.native import to_json
from tests.browser.editor import (
    answered,
    edit_flow,
    edit_strategy,
    field,
    inspector,
    keys,
    named,
    opened,
    select,
)
from tests.browser.steps import click, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def flow(name: str) -> dict:
    return to_json(example_flows()["trend-with-leverage"]) | {"name": name}


def reload(page: Page) -> None:
    page.reload()
    opened(page)


def here_again(page: Page):
    return page.get_by_text("are here again.")


def press(page: Page, name: str) -> None:
    click(page.get_by_role("button", name=name))
    settled(page)


def test_an_edit_is_there_after_a_reload_until_it_is_saved_or_discarded(page, app):
    slug = edit_flow(page, app, flow("Kept"))
    user, kept = app.services.user.id, app.services.drafts
    strategy = app.services.strategies.get(user, slug).id
    select(page, "Run too far?")
    field(page, "Name", "Too far")
    expect(named(page, "Too far")).to_be_visible()
    settled(page)
    reload(page)
    expect(named(page, "Too far")).to_be_visible()
    expect(here_again(page)).to_be_visible()

    press(page, "Discard")
    expect(named(page, "Run too far?")).to_be_visible()
    expect(page.get_by_text("Unsaved changes")).to_have_count(0)
    settled(page)
    assert not kept.has(user, strategy)
    keys(page, "Control+z")
    answered(page)
    expect(named(page, "Too far")).to_be_visible()
    assert kept.has(user, strategy)

    press(page, "History")  # beside the editor: both have a field for a label
    expect(page.get_by_role("dialog").get_by_text("The first version.")).to_be_visible()
    expect(page.get_by_text("Something went wrong")).to_have_count(0)
    expect(named(page, "Too far")).to_be_visible()

    page.goto(f"{app.url}/strategy-{slug}")
    expect(page.get_by_text("Unsaved changes").first).to_be_visible()
    edit_strategy(page, app, slug)
    expect(here_again(page)).to_be_visible()
    press(page, "Save Shortcut")
    expect(page.get_by_text("Version 2", exact=True)).to_be_visible()
    settled(page)
    reload(page)
    expect(named(page, "Too far")).to_be_visible()
    expect(page.get_by_text("Unsaved changes")).to_have_count(0)
    assert not kept.has(user, strategy)


def test_a_draft_of_an_older_version_is_a_conflict_and_one_of_nonsense_is_exported(page, app):
    slug = edit_flow(page, app, flow("Overtaken"))
    user, store = app.services.user.id, app.services.strategies
    strategy = store.get(user, slug).id
    other = example_flows()["trend-with-leverage"].model_copy(update={"name": "Overtaken"})
    conflict = page.locator("[class*=st-key-conflict_]")
    for head in (1, 2):
        select(page, "Run too far?")
        field(page, "Name", "Too far")
        expect(named(page, "Too far")).to_be_visible()
        settled(page)
        overtaking = other.model_copy(update={"description": f"Elsewhere {head}"})
        store.save(user, slug, overtaking, expected=head)
        reload(page)
        expect(conflict.get_by_text(f"Somebody saved version {head + 1}")).to_be_visible()
        expect(conflict.get_by_text("Too far")).to_be_visible()
        if head == 1:
            press(page, "Discard")
            expect(conflict).to_have_count(0)
            expect(page.get_by_text("Version 2", exact=True)).to_be_visible()
            expect(inspector(page).get_by_role("textbox", name="Description")).to_have_value(
                "Elsewhere 1"
            )
            settled(page)
            assert not app.services.drafts.has(user, strategy)
    click(conflict.get_by_role("button", name="Save mine on top"))
    expect(page.get_by_text("Version 4", exact=True)).to_be_visible()
    settled(page)
    assert not app.services.drafts.has(user, strategy)

    app.services.drafts.keep(user, strategy, 4, '{"root": {"kind": "of tomorrow"}}')
    reload(page)
    lost = page.locator("[class*=st-key-unreadable_]")
    expect(lost).to_contain_text("there is no kind of block called 'of tomorrow'")
    expect(named(page, "Too far")).to_be_visible()
    with page.expect_download() as caught:
        click(lost.get_by_role("button", name="Export them"))
    assert caught.value.path().read_text() == '{"root": {"kind": "of tomorrow"}}'
    click(lost.get_by_role("button", name="Discard them"))
    press(page, "Discard for good")
    expect(lost).to_have_count(0)
    assert not app.services.drafts.has(user, strategy)
