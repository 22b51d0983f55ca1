"""Which tabs the bar surely shows."""

from __future__ import annotations

import pytest

from app.navigation import MOST_LETTERS, fitting


@pytest.mark.parametrize(
    ("letters", "count"),
    [
        ([], 0),
        ([17, 11], 2),
        ([17, 11, 12], 2),
        ([5, 5, 5, 5, 5], 4),
        ([MOST_LETTERS, 11], 1),
        ([100, 5], 1),
    ],
)
def test_tabs_are_shown_as_far_as_their_titles_fit(letters: list[int], count: int) -> None:
    assert fitting(["x" * n for n in letters]) == count
