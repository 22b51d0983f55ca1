"""Names from other formats, as long as a flow keeps them."""

from __future__ import annotations

from typing import Any

from core.flow.formats.report import Findings, Place, approximated

NODE_NAME, FLOW_NAME, NOTE = 500, 200, 10_000
LONG_NAME = approximated(
    "a name longer than a flow keeps", "a name cut short", "The rest is in a note."
)


def named(
    value: Any, place: Place, findings: Findings, limit: int = NODE_NAME
) -> tuple[str | None, str | None]:
    """A name and a note: the name as it is, or cut with all of it in the note."""
    text = value.strip() if isinstance(value, str) else ""
    if len(text) <= limit:
        return text or None, None
    findings.add(place.at("name"), LONG_NAME, f"It has {len(text):,} characters.")
    return f"{text[: limit - 1]}…", text[:NOTE]
