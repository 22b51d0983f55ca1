"""What the browser tests of the editor share: opening a strategy, reading what is shown."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from core.flow.draft.blocks import FLOW, Draft, draft_of
from core.flow.draft.sentences import title
from core.flow.formats.native import from_json
from tests.browser.conftest import App
from tests.browser.steps import click, settled


def edit_flow(page: Page, app: App, flow: dict[str, Any]) -> str:
    """Put a flow into the library and open it in the editor; its short name."""
    made = app.services.strategies.create(app.services.user.id, from_json(flow))
    edit_strategy(page, app, made.slug)
    return made.slug


def edit_strategy(page: Page, app: App, slug: str) -> None:
    page.goto(f"{app.url}/strategy-{slug}?view=edit")
    opened(page)


def again(page: Page, name: str) -> None:
    """Back to the tab of a strategy this session edits already."""
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    opened(page)


def edit_in_tab(page: Page, name: str) -> None:
    """Edit a strategy that has a tab, in the same session."""
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    click(page.get_by_role("radio", name="Edit"))
    opened(page)


def opened(page: Page) -> None:
    """The editor stands, in either view."""
    expect(page.locator(".builder .row:visible, .builder .box:visible").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    settled(page)


def tree(page: Page) -> Locator:
    return page.get_by_role("tree")


def row(page: Page, index: int) -> Locator:
    return page.locator(".builder .row").nth(index)


def named(page: Page, text: str, index: int = 0) -> Locator:
    """The row whose title is ``text``."""
    return page.locator(".builder .row").filter(
        has=page.locator(".title", has_text=re.compile(f"^{re.escape(text)}$"))
    ).nth(index)  # fmt: skip


def box(page: Page, text: str) -> Locator:
    """The box of the chart whose title is ``text``."""
    return page.locator(".chart .box").filter(
        has=page.locator(".title", has_text=re.compile(f"^{re.escape(text)}$"))
    ).first  # fmt: skip


def keys(page: Page, *pressed: str) -> None:
    """Press keys in the outline."""
    tree(page).focus()
    for key in pressed:
        page.keyboard.press(key)


def answered(page: Page) -> None:
    """Python has done every command the outline sent."""
    root = page.locator(".builder")
    sent = root.get_attribute("data-sent") or "0"
    expect(root).to_have_attribute("data-seen", sent)
    settled(page)


def select(page: Page, text: str, index: int = 0) -> None:
    named(page, text, index).click()
    answered(page)


def add(page: Page, kind: str) -> None:
    """Add a block by mouse, inside the selected one or behind it."""
    page.get_by_role("button", name="Add a block (A)").click()
    page.get_by_role("menuitem", name=re.compile(f"^{kind}", re.IGNORECASE)).click()
    answered(page)


def field(page: Page, label: str, value: str, index: int = 0) -> None:
    """Fill a field of the inspector and leave it."""
    box = inspector(page).get_by_label(label, exact=True).nth(index)
    box.fill(value)
    box.press("Enter")
    settled(page)


def choose(page: Page, label: str, option: str, index: int = 0) -> None:
    """Choose from a menu of the inspector."""
    box = inspector(page).get_by_role("combobox", name=label, exact=True).nth(index)
    box.click()
    box.fill(option)
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def inspector(page: Page) -> Locator:
    return page.locator("[class*=st-key-inspector_]")


def shown(page: Page) -> list[tuple[int, str]]:
    """Level and title of every row, as the browser shows them."""
    return [
        (level, text)
        for level, text in page.locator(".builder .row:not(.empty)").evaluate_all(
            "rows => rows.map(r => [Number(r.getAttribute('aria-level')),"
            " r.querySelector('.title').textContent])"
        )
    ]


def expected(draft: Draft) -> list[tuple[int, str]]:
    """What ``shown`` should be for a draft with nothing folded."""
    level = {FLOW: 1}
    for block in draft.order[1:]:
        level[block] = level[draft.parent(block)] + 1
    return [(level[block], title(draft, block)) for block in draft.order]


def copied_flow(page: Page) -> dict[str, Any]:
    """The whole draft as the browser's clipboard has it after Copy on the strategy's row."""
    page.evaluate("() => navigator.clipboard.writeText('')")
    keys(page, "Home")
    answered(page)
    keys(page, "Control+c")
    answered(page)
    read = "() => new Promise(done => { const look = () => navigator.clipboard.readText()"
    read += ".then(text => text ? done(text) : setTimeout(look, 50)); look(); })"
    found: dict[str, Any] = json.loads(page.evaluate(read))
    return found


def draft_in(page: Page) -> Draft:
    return draft_of(copied_flow(page))
