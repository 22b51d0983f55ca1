"""Names of users are shown as they are, whatever Markdown would make of them."""

from __future__ import annotations

import pytest

from app.components.plain import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Risk on, risk off", "Risk on, risk off"),
        ("__pycache__", r"\_\_pycache\_\_"),
        ("<b>$x$</b> [a](b)", r"\<b\>\$x\$\</b\> \[a\]\(b\)"),
        (":red[alarm]", r"\:red\[alarm\]"),
        ("one\n# two", r"one \# two"),
    ],
)
def test_plain(text: str, shown: str) -> None:
    assert plain(text) == shown
