"""The pages of docs/ made from the code say what the code says; run `make docs` if not."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from core import settings
from core.flow.formats import document as imports
from core.indicators import document as indicators
from core.metrics import document as metrics
from core.settings import PROJECT_ROOT

DOCS = PROJECT_ROOT / "docs"


@pytest.mark.parametrize(
    ("page", "document"),
    [
        ("indicators.md", indicators.document),
        ("imports.md", imports.document),
        ("metrics.md", metrics.document),
        ("settings.md", settings.document),
    ],
)
def test_page_is_what_the_code_says(page: str, document: Callable[[], str]) -> None:
    assert (DOCS / page).read_text() == document()


def test_every_link_leads_somewhere() -> None:
    pages = [PROJECT_ROOT / "README.md", *DOCS.glob("*.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []
