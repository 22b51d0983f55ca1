"""Where strategies are kept: tabs, templates, history, variables and the list, in a real browser."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from core.flow.examples import example_flows
from core.flow.formats.native import dump, from_json
from core.library.catalogue import Query
from core.library.variables import draft_of
from tests.browser.conftest import App
from tests.browser.steps import click, press, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FLOW = example_flows()["risk-on-risk-off"]


@pytest.fixture(autouse=True)
def _only_the_examples_stay(app: App) -> Iterator[None]:
    """The app is every browser test's: what these tests put into it goes again."""
    yield
    user, found = app.services.user.id, app.services.catalogue
    slugs = {s for archived in (False, True) for s in found.slugs(user, Query(archived=archived))}
    for slug in slugs - example_flows().keys():
        app.services.strategies.delete(user, slug)
    for variable in app.services.variables.all(user):
        app.services.variables.delete(user, variable.name)


def opened(page: Page, url: str) -> None:
    page.goto(url)
    settled(page)


def tab(page: Page, name: str) -> Locator:
    return page.get_by_role("link", name=name, exact=True)


def made(app: App, name: str, slug: str, **more: Any) -> str:
    """A strategy in the library, straight into the database."""
    flow = FLOW.model_copy(update={"name": name, **more})
    return app.services.strategies.create(app.services.user.id, flow, slug=slug).slug


def holding(name: str, symbol: str) -> Any:
    return from_json({"name": name, "root": {"kind": "asset", "symbol": symbol}})


def test_tabs_last_and_are_closed_one_by_one(page, app, browser):
    opened(page, f"{app.url}/strategy-storm-watch")
    opened(page, f"{app.url}/strategy-sector-momentum")
    expect(page.get_by_role("button", name="Run backtest")).to_be_enabled()
    page.reload()
    settled(page)
    expect(page).to_have_url(f"{app.url}/strategy-sector-momentum")
    other = browser.new_context().new_page()
    other.goto(app.url)
    for name in ("Storm watch", "Sector momentum"):
        expect(tab(page, name)).to_be_visible()
        expect(tab(other, name)).to_be_visible()
    other.context.close()
    press(page, "Close")
    expect(page).to_have_url(f"{app.url}/strategy-storm-watch")
    expect(tab(page, "Sector momentum")).to_have_count(0)
    press(page, "Close")
    expect(tab(page, "Storm watch")).to_have_count(0)
    expect(page.get_by_label("Search")).to_be_visible()


def test_a_tab_follows_its_strategy(page, app):
    slug, user = made(app, "Before", "follows"), app.services.user.id
    opened(page, f"{app.url}/strategy-{slug}")
    expect(tab(page, "Before")).to_be_visible()
    app.services.strategies.save(user, slug, FLOW.model_copy(update={"name": "After"}), expected=1)
    tab(page, "Library").click()
    expect(tab(page, "After")).to_be_visible()
    app.services.strategies.delete(user, slug)
    tab(page, "Backtests").click()
    expect(tab(page, "After")).to_have_count(0)


def test_the_plus_makes_a_strategy_from_a_template_or_blank(page, app):
    opened(page, f"{app.url}/library")
    tab(page, "New").click()
    card = page.get_by_test_id("stColumn").filter(has_text="Block: strategy")
    press(page, "Use", within=card)
    page.wait_for_url("**/strategy-block-strategy")
    expect(page.get_by_role("button", name="Run backtest")).to_be_enabled()
    expect(tab(page, "Block: strategy")).to_be_visible()
    tab(page, "New").click()
    settled(page)
    # Typed, not confirmed: the click itself has to bring it along.
    page.get_by_role("textbox", name="Name").fill("From nothing")
    press(page, "Start blank")
    page.wait_for_url("**/strategy-from-nothing?view=edit")
    expect(page.get_by_role("heading", name="From nothing")).to_be_visible()


def test_with_many_tabs_a_search_opens_any_strategy(page, app):
    user = app.services.user.id
    for i in range(15):
        app.services.tabs.open(user, made(app, f"Many {i:02}", f"many-{i:02}"))
    made(app, "The one I look for", "wanted")
    opened(page, f"{app.url}/new")
    expect(page.get_by_text("15 tabs open")).to_be_visible()
    page.get_by_role("combobox", name="Strategy").fill("one I look")
    page.get_by_role("option", name="The one I look for").click()
    page.wait_for_url("**/strategy-wanted")
    expect(page.get_by_role("heading", name="The one I look for")).to_be_visible()
    expect(tab(page, "The one I look for")).to_be_visible()  # not folded into "more"
    settled(page)
    tab(page, "New").click()
    press(page, "Close all")
    expect(page.get_by_text("tabs open")).to_have_count(0)


def test_history_says_what_changed_and_restores(page, app):
    store, user = app.services.strategies, app.services.user.id
    slug = store.create(user, holding("Kept", "SPY"), slug="kept").slug
    store.save(user, slug, holding("Kept", "QQQ"), expected=1)
    opened(page, f"{app.url}/strategy-{slug}")
    expect(page.get_by_text("Version 2", exact=True)).to_be_visible()
    press(page, "History")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Symbol of asset at root: SPY → QQQ.")).to_be_visible()
    expect(dialog.get_by_text("The first version.")).to_be_visible()
    dialog.get_by_role("textbox", name="Label of version 1").fill("As it was")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Version 1: label saved.")).to_be_visible()
    dialog.get_by_role("tab", name="Compare").click()
    expect(dialog.get_by_text("1 change", exact=True)).to_be_visible()
    dialog.get_by_role("tab", name="Versions").click()
    press(page, "Restore", within=dialog)
    expect(page.get_by_text("Version 1", exact=True)).to_be_visible()
    expect(dialog).to_have_count(0)
    head = store.get(user, slug).head
    assert (head, store.labels(user, slug)) == (1, {2: "", 1: "As it was"})


def test_a_variable_is_made_used_renamed_and_kept_while_used(page, app):
    user = app.services.user.id
    opened(page, f"{app.url}/variables")
    press(page, "New variable")
    dialog = page.get_by_role("dialog")
    fields = {"Name": "haven", "Default": "14 TLT", "Values to try": "TLT,GLD"}
    dialog.get_by_text("Symbol", exact=True).click()
    for label, value in fields.items():
        dialog.get_by_role("textbox", name=label).fill(value)
    press(page, "Save", within=dialog)
    expect(dialog.get_by_text("'14 TLT' is not a symbol.")).to_be_visible()
    expect(dialog.get_by_role("textbox", name="Name")).to_have_value("haven")
    dialog.get_by_role("textbox", name="Default").fill("TLT")
    press(page, "Save", within=dialog)
    expect(page.get_by_text("$haven", exact=True)).to_be_visible()

    flow = holding("Hides", "$haven")
    slug = app.services.strategies.create(user, flow, slug="hides").slug
    opened(page, f"{app.url}/strategy-{slug}")
    expect(page.get_by_label("Haven", exact=True)).to_have_value("TLT")
    settled(page)
    tab(page, "Variables").click()
    click(page.get_by_role("button", name="delete"))
    press(page, "Delete", within=dialog)
    expect(dialog.get_by_text("it is used by 'Hides'.")).to_be_visible()
    press(page, "Keep", within=dialog)
    expect(dialog).to_have_count(0)
    click(page.get_by_role("button", name="edit"))
    dialog.get_by_role("textbox", name="Name").fill("shelter")
    press(page, "Save", within=dialog)
    expect(page.get_by_text("in 1 strategy too")).to_be_visible()
    expect(page.get_by_text("$shelter", exact=True)).to_be_visible()
    press(page, "Hides")
    page.wait_for_url("**/strategy-hides")
    expect(page.get_by_label("Shelter", exact=True)).to_have_value("TLT")
    expect(page.get_by_text("Version 2", exact=True)).to_be_visible()


def test_a_batch_test_begins_with_a_variable_s_values(page, app):
    user = app.services.user.id
    app.services.variables.add(user, draft_of("swept", "symbol", "TLT", "TLT,GLD"))
    app.services.strategies.create(user, holding("Sweeps a global", "$swept"), slug="sweeps")
    opened(page, f"{app.url}/batch")
    form = page.get_by_test_id("stExpander").locator("details").first
    expect(form).to_be_visible()
    if form.get_attribute("open") is None:  # closed once there are batch tests
        page.get_by_text("New batch test").click()
    page.get_by_label("Strategy", exact=True).click()
    page.get_by_role("option", name="Sweeps a global").click()
    expect(page.get_by_label("swept", exact=True)).to_have_value("TLT,GLD")
    expect(page.get_by_text(re.compile("^2 runs"))).to_be_visible()


def choose(page: Page, name: str) -> None:
    page.get_by_test_id("stCheckbox").filter(has=page.get_by_label(f"Choose {name}")).click()
    settled(page)


def test_many_strategies_are_tagged_moved_and_archived_at_once(page, app):
    for name in ("Bulk one", "Bulk two", "Bulk three"):
        made(app, name, name.lower().replace(" ", "-"))
    opened(page, f"{app.url}/library")
    page.get_by_label("Search").fill("bulk")
    page.keyboard.press("Enter")
    expect(page.get_by_text("3 strategies")).to_be_visible()
    settled(page)
    choose(page, "Bulk one")
    choose(page, "Bulk two")
    expect(page.get_by_text("2 chosen")).to_be_visible()
    press(page, "Tag")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Add").fill("Both")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    press(page, "Change 2 strategies", within=dialog)
    expect(page.get_by_text("both", exact=True)).to_have_count(2)
    press(page, "Move")
    dialog.get_by_role("combobox", name="Folder").fill("Deep/Down")
    page.keyboard.press("Enter")
    press(page, "Move 2 strategies", within=dialog)
    expect(page.get_by_text(re.compile("Deep/Down$"))).to_have_count(2)
    settled(page)
    with page.expect_download() as caught:
        press(page, "Export")
    archive = zipfile.ZipFile(io.BytesIO(Path(caught.value.path()).read_bytes()))
    assert archive.namelist() == ["bulk-one.json", "bulk-two.json"]
    press(page, "Archive")
    expect(page.get_by_text("1 strategy", exact=True)).to_be_visible()
    page.get_by_test_id("stCheckbox").filter(has_text="Archived").click()
    expect(page.get_by_text("2 archived strategies")).to_be_visible()
    press(page, "Choose all 2")
    expect(page.get_by_text("2 chosen")).to_be_visible()
    press(page, "Un-archive")
    expect(page.get_by_text("No strategy's name, folder or tag contains")).to_be_visible()


def test_a_zip_is_imported_with_a_report(page, app, tmp_path):
    path = tmp_path / "flows.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("zipped.json", dump(holding("Zipped", "SPY")))
        archive.writestr("broken.json", "{")
    opened(page, f"{app.url}/library")
    press(page, "Zip")
    page.locator("input[type=file]").set_input_files(path)
    expect(page.get_by_text("1 imported, 1 refused.")).to_be_visible()
    press(page, "Done")
    opened(page, f"{app.url}/strategy-zipped")
    expect(page.get_by_role("heading", name="Zipped")).to_be_visible()
