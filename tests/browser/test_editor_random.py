"""Edits, selections, undos and tab switches at machine speed: the browser shows the model."""

from __future__ import annotations

import random
import time

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

pytestmark = [pytest.mark.browser, pytest.mark.slow]

OPERATIONS = 300
SECONDS = 40.0

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
  const press = (key, more = {}) => tree.dispatchEvent(
    new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true, ...more }));
  const choose = () => {
    const items = [...root.querySelectorAll('.menu button')];
    if (items.length) items[random(items.length)].click();
  };
  const steps = [
    () => { const rows = tree.querySelectorAll('.row'); rows[random(rows.length)].click(); choose(); },
    () => { press('a'); choose(); },
    () => { press('w'); choose(); },
    () => press('Delete'),
    () => press('d', { ctrlKey: true }),
    () => press('c', { ctrlKey: true }),
    () => tree.dispatchEvent(Object.assign(new Event('paste', { bubbles: true, cancelable: true }),
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
    draw, begun, done = random.Random(20261128), time.monotonic(), 0
    while done < OPERATIONS and time.monotonic() - begun < SECONDS:
        assert page.evaluate(STORM, [draw.randrange(2**31), 50]) > 0
        done += 50
        if draw.random() < 0.5:
            page.get_by_role("link", name="System").click()
            expect(page.get_by_text("Healthy")).to_be_visible()
            again(page, name)
    assert done >= 100
    answered(page)
    page.get_by_role("button", name="Unfold all").click()
    answered(page)
    draft = draft_of(copied_flow(page))
    assert shown(page) == expected(draft)
    undo = page.get_by_role("button", name="(Ctrl+Z)")
    for _ in range(OPERATIONS):
        if undo.is_disabled():
            break
        keys(page, *["Control+z"] * 25)
        answered(page)
    final = copied_flow(page)
    assert from_json(final) == from_json(large_flow(40, name))
    assert shown(page) == expected(draft_of(final))
