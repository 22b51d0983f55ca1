"""Strategies built in the browser by mouse and keyboard equal those written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.flow.examples import example_flows
from core.flow.formats.native import from_json, to_json
from tests.browser.editor import (
    add,
    again,
    answered,
    box,
    choose,
    copied_flow,
    edit_flow,
    edit_in_tab,
    edit_strategy,
    field,
    inspector,
    keys,
    named,
    opened,
    row,
    select,
)
from tests.browser.steps import click, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BY_HAND = {
    "sluice": 1,
    "name": "Ten by hand",
    "root": {
        "kind": "gate",
        "when": {
            "left": {"indicator": "rsi", "symbol": "QQQ", "window": 12},
            "op": ">",
            "right": 70,
        },
        "then": {
            "kind": "group",
            "name": "Shelter",
            "child": {
                "kind": "weight",
                "children": [
                    {"kind": "asset", "symbol": "TLT"},
                    {"kind": "asset", "symbol": "GLD"},
                ],
            },
        },
        "else": {
            "kind": "sort",
            "items": ["EEM", "SPY", "QQQ", "IWM"],
            "by": [{"indicator": "roc", "window": 30}],
            "take": 2,
        },
    },
}


def canonical(flow: dict) -> dict:
    return to_json(from_json(flow))


def menu(page: Page, *letters: str) -> None:
    """Choose from the open menu by its letters."""
    for letter in letters:
        page.keyboard.press(letter)
    page.keyboard.press("Enter")
    answered(page)


@pytest.fixture
def page(page: Page) -> Page:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    return page


def test_ten_blocks_from_nothing(page, app):
    blank = canonical({"sluice": 1, "name": "Ten by hand", "root": {"kind": "cash"}})
    app.services.tabs.open(app.services.user.id, "risk-on-risk-off")
    slug = edit_flow(page, app, blank)
    select(page, "Cash")
    keys(page, "Delete")
    answered(page)
    expect(page.get_by_role("button", name="1 to mend")).to_be_visible()

    keys(page, "End", "Enter")  # the empty place asks for a block
    menu(page, "g")
    field(page, "Symbol", "qqq")
    field(page, "Window", "12")
    field(page, "Number", "70")
    row(page, 2).click()  # then, by mouse
    page.get_by_role("menuitem", name="Weight").click()
    answered(page)
    for symbol in ("TLT", "GLD"):
        keys(page, "a")
        menu(page, "Home" if symbol == "TLT" else "a")
        field(page, "Symbol", symbol)
    select(page, "Weight equally")
    keys(page, "w")
    menu(page, "g", "g")
    field(page, "Name", "Shelter")

    keys(page, "End", "Enter")  # else
    menu(page, "s", "s", "s")
    choose(page, "Ranked by", "ROC")
    field(page, "Window", "30")
    field(page, "Take", "2")
    add(page, "asset")
    for symbol in ("QQQ", "IWM", "EEM"):
        keys(page, "Control+d")
        answered(page)
        field(page, "Symbol", symbol)
    named(page, "EEM").drag_to(named(page, "SPY"), target_position={"x": 60, "y": 4})
    answered(page)
    expect(page.get_by_text("Ready to run")).to_be_visible()
    built = canonical(copied_flow(page))
    assert built == canonical(BY_HAND), built

    click(page.get_by_role("button", name="Save Shortcut"))
    expect(page.get_by_text("Version 2", exact=True)).to_be_visible()
    click(page.get_by_role("radio", name="Backtest"))
    page.wait_for_url(f"**/strategy-{slug}")
    page.wait_for_load_state("networkidle")
    settled(page)
    expect(page.get_by_text("Unsaved changes")).to_have_count(0)
    click(page.get_by_role("button", name="Run backtest"))
    expect(page.get_by_text("ran in")).to_be_visible()
    with page.expect_download() as caught:
        click(page.get_by_role("button", name="Export JSON"))
    exported = json.loads(Path(caught.value.path()).read_text())
    assert exported == canonical(BY_HAND)

    # A branch goes to another strategy, and away again.
    click(page.get_by_role("radio", name="Edit"))
    page.wait_for_url(f"**/strategy-{slug}?view=edit")
    opened(page)
    select(page, "Shelter")
    keys(page, "Control+c")
    expect(page.get_by_text("Copied ‘Shelter’.")).to_be_visible()
    edit_in_tab(page, "Risk on, risk off")
    select(page, "Weight equally")
    keys(page, "Control+v")
    answered(page)
    other = copied_flow(page)
    assert other["root"]["else"]["children"][2] == BY_HAND["root"]["then"] | {
        "child": BY_HAND["root"]["then"]["child"] | {"scheme": "equal"}
    }
    keys(page, "Control+z")
    answered(page)
    assert canonical(copied_flow(page)) == to_json(example_flows()["risk-on-risk-off"])

    again(page, BY_HAND["name"])
    expect(named(page, "Shelter")).to_be_visible()
    undo = page.get_by_role("button", name="(Ctrl+Z)")
    while undo.is_enabled():
        keys(page, "Control+z")
        answered(page)
    assert copied_flow(page) == blank
    expect(page.get_by_text("Unsaved changes")).to_be_visible()


def test_unsaved_changes_survive_other_pages_and_a_second_window_loses_nothing(page, app, browser):
    flow = to_json(example_flows()["trend-with-leverage"]) | {"name": "Two windows"}
    slug = edit_flow(page, app, flow)
    second = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
    edit_strategy(second, app, slug)  # before there is a draft, which it would show
    select(page, "Run too far?")
    field(page, "Name", "Too far")
    page.get_by_role("link", name="System").click()
    expect(page.get_by_text("Healthy")).to_be_visible()
    again(page, "Two windows")
    expect(named(page, "Too far")).to_be_visible()
    expect(page.get_by_text("Unsaved changes")).to_be_visible()

    select(second, "A sharp dip?")
    field(second, "Name", "Dip")
    click(second.get_by_role("button", name="Save Shortcut"))
    expect(second.get_by_text("Version 2", exact=True)).to_be_visible()

    click(page.get_by_role("button", name="Save Shortcut"))
    conflict = page.locator("[class*=st-key-conflict_]")
    expect(conflict.get_by_text("Somebody saved version 2")).to_be_visible()
    expect(conflict.get_by_text("Dip")).to_be_visible()
    expect(conflict.get_by_text("Too far")).to_be_visible()
    settled(page)
    strategy = app.services.strategies.get(app.services.user.id, slug).id
    kept = app.services.drafts.find(app.services.user.id, strategy)  # mine is kept again
    assert "Too far" in kept.text
    click(conflict.get_by_role("button", name="Save mine as a copy"))
    expect(page.get_by_role("heading", name="Two windows (mine)")).to_be_visible()
    expect(named(page, "Too far")).to_be_visible()
    again(page, "Two windows")
    expect(named(page, "Dip")).to_be_visible()

    # Once more, and on top this time.
    select(second, "Dip")
    field(second, "Name", "Deep dip")
    click(second.get_by_role("button", name="Save Shortcut"))
    expect(second.get_by_text("Version 3", exact=True)).to_be_visible()
    select(page, "Run too far?")
    field(page, "Name", "Mine")
    click(page.get_by_role("button", name="Save Shortcut"))
    click(conflict.get_by_role("button", name="Save mine on top"))
    expect(page.get_by_text("Version 4", exact=True)).to_be_visible()
    expect(named(page, "Mine")).to_be_visible()
    second.context.close()


def test_the_light_backtest_follows_and_a_broken_block_is_marked_and_found(page, app):
    flow = to_json(example_flows()["risk-on-risk-off"]) | {"name": "Followed"}
    edit_flow(page, app, flow)
    light = page.locator("[class*=st-key-light_]").filter(has_text="CAGR")
    expect(light).to_be_visible(timeout=30_000)
    before = light.inner_text()
    select(page, "QQQ")
    field(page, "Symbol", "GLD")
    expect(light).not_to_have_text(before)
    expect(light.get_by_text("Before your last change")).to_have_count(0)
    field(page, "Symbol", "not a symbol")
    expect(page.locator(".row.problem")).to_have_count(1)
    expect(light.get_by_text("Before your last change")).to_be_visible()
    keys(page, "Home")
    answered(page)
    click(page.get_by_role("button", name="1 to mend"))
    click(page.get_by_role("button", name="is not a symbol"))
    expect(page.locator(".row.problem.selected")).to_have_count(1)
    keys(page, "Control+z", "Control+z")
    answered(page)
    expect(named(page, "QQQ")).to_be_visible()


def test_the_chart_selects_moves_folds_and_keeps_its_arrangement(page, app):
    assets = [{"kind": "asset", "symbol": symbol} for symbol in ("SPY", "GLD", "TLT")]
    shelter = {"kind": "group", "name": "Shelter", "child": assets[1]}
    root = {"kind": "weight", "children": [assets[0], shelter, assets[2]]}
    flow = canonical({"sluice": 1, "name": "Charted", "root": root})
    edit_flow(page, app, flow)
    click(page.get_by_role("radio", name="Flow"))
    boxes = page.locator(".chart .box")
    expect(boxes).to_have_count(6)
    settled(page)
    box(page, "GLD").click()
    answered(page)
    expect(inspector(page).get_by_label("Symbol", exact=True)).to_have_value("GLD")
    box(page, "TLT").drag_to(box(page, "Shelter"))
    expect(boxes).to_have_count(7)  # the group takes one block: both, in a weight of equal parts
    answered(page)
    expect(page.locator(".chart .box.selected .title")).to_have_text("TLT")
    page.locator(".chart").press("ArrowUp")
    answered(page)
    expect(inspector(page).get_by_label("Symbol", exact=True)).to_have_value("GLD")
    box(page, "Shelter").get_by_title("Fold").click()
    expect(boxes).to_have_count(4)
    click(page.get_by_role("radio", name="Down"))
    answered(page)
    page.locator(".chart").press("Control+z")
    expect(boxes).to_have_count(5)
    answered(page)
    click(page.get_by_role("radio", name="Outline"))
    expect(row(page, 0)).to_be_visible()
    assert canonical(copied_flow(page)) == flow
    click(page.get_by_role("radio", name="Flow"))
    expect(page.locator(".chart")).to_have_attribute("data-arrangement", "down")


def test_text_of_users_is_text_and_shortcuts_are_listed(page, app):
    evil = "<img src=x onerror=alert(1)>"
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    flow = {
        "sluice": 1,
        "name": f"Evil {evil}",
        "root": {
            "kind": "group",
            "name": evil,
            "note": evil,
            "child": {"kind": "cash", "name": evil},
        },
    }
    edit_flow(page, app, flow)
    select(page, evil)
    expect(page.locator("img[src=x]")).to_have_count(0)
    click(page.get_by_role("radio", name="Flow"))
    expect(page.locator(".chart .title", has_text=evil).first).to_be_visible()
    expect(page.locator("img[src=x]")).to_have_count(0)
    click(page.get_by_role("radio", name="Outline"))
    expect(row(page, 0)).to_be_visible()
    settled(page)
    keys(page, "?")
    expect(page.get_by_role("dialog", name="Shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Shortcuts")).to_have_count(0)
