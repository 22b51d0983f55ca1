"""Text of users in Markdown."""

from __future__ import annotations

_MARKS = frozenset(r"\`*_{}[]()<>#+-!|$~:")


def plain(text: str) -> str:
    """``text`` so that Markdown shows it as it is; line breaks become spaces."""
    return "".join(f"\\{c}" if c in _MARKS else c for c in " ".join(text.splitlines()))
