"""Edits, selections, undos and tab switches at machine speed: the browser shows the model."""

from __future__ import annotations

import random

import pytest
from playwright.sync_api import Page, expect

from core.flow.draft.blocks import draft_of
from core.flow.formats.native import from_json
from tests.browser.editor import (
    again,
    answered,
    copied_flow,
    edit_flow,
    expected,
    keys,
    shown,
)
from tests.browser.large import large_flow
from tests.browser.steps import click

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OPERATIONS = 240
BATCH = 60

# Everything happens in the page, without waiting for Python between two steps.
STORM = """
([seed, count]) => {
  let state = seed;
  const random = (n) => (state = (state * 1103515245 + 12345) % 2147483648) % n;
  const root = document.querySelector('.stMain') && (function find(node) {
    if (node.classList?.contains('builder')) return node;
    for (const child of [...(node.shadowRoot?.children || []), ...node.children]) {
      const found = find(child); if (found) return found;
    }
  })(document.querySelector('.stMain'));
  const tree = root.querySelector('.tree');
  const chart = root.querySelector('.chart');
  const place = chart.hidden ? tree : chart;
  const press = (key, more = {}) => place.dispatchEvent(
    new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true, ...more }));
  const choose = () => {
    const items = [...root.querySelectorAll('.menu button')];
    if (items.length) items[random(items.length)].click();
  };
  const steps = [
    () => { const rows = tree.querySelectorAll('.row');
      if (rows.length) rows[random(rows.length)].click(); else press('ArrowDown'); choose(); },
    () => { press('a'); choose(); },
    () => { press('w'); choose(); },
    () => press('Delete'),
    () => press('d', { ctrlKey: true }),
    () => press('c', { ctrlKey: true }),
    () => place.dispatchEvent(Object.assign(new Event('paste', { bubbles: true, cancelable: true }),
      { clipboardData: { getData: () => '' } })),
    () => press('z', { ctrlKey: true }),
    () => press('y', { ctrlKey: true }),
    () => press(['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight'][random(4)], { altKey: true }),
    () => press(['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'Home', 'End'][random(6)]),
    () => press(['u', 'l'][random(2)]),
  ];
  return new Promise((done) => {
    const step = (left) => {
      if (!left) { done(Number(root.dataset.sent || 0)); return; }
      steps[random(steps.length)]();
      setTimeout(() => step(left - 1), random(12));
    };
    step(count);
  });
}
"""


def test_a_storm_of_edits_leaves_browser_and_model_equal(page: Page, app):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    name = "Storm of edits"
    edit_flow(page, app, large_flow(40, name))
    draw = random.Random(20261128)
    for batch in range(OPERATIONS // BATCH):
        click(page.get_by_role("radio", name="Flow" if batch % 2 else "Outline"))
        expect(page.locator(".chart")).to_be_visible(visible=bool(batch % 2))
        assert page.evaluate(STORM, [draw.randrange(2**31), BATCH]) > 0
        if batch in (0, 1):  # at once, with whatever is under way
            page.get_by_role("link", name="System").click()
            expect(page.get_by_text("Healthy")).to_be_visible()
            again(page, name)
    click(page.get_by_role("radio", name="Outline"))
    expect(page.locator(".chart")).to_be_hidden()
    answered(page)
    page.get_by_role("button", name="Unfold all").click()
    answered(page)
    draft = draft_of(copied_flow(page))
    assert shown(page) == expected(draft)
    undo = page.get_by_role("button", name="(Ctrl+Z)")
    while undo.is_enabled():
        keys(page, *["Control+z"] * 60)
        answered(page)
    final = copied_flow(page)
    assert from_json(final) == from_json(large_flow(40, name))
    assert shown(page) == expected(draft_of(final))
