"""Names from other formats, as long as a flow keeps them."""

from __future__ import annotations

from typing import Any

from core.flow.formats.report import Construct, Findings, Place

NODE_NAME, FLOW_NAME, NOTE = 500, 200, 10_000


def named(
    value: Any, place: Place, findings: Findings, too_long: Construct, limit: int = NODE_NAME
) -> tuple[str | None, str | None]:
    """A name and a note: the name as it is, or cut with all of it in the note."""
    text = value.strip() if isinstance(value, str) else ""
    if len(text) <= limit:
        return text or None, None
    findings.add(place.at("name"), too_long, f"It has {len(text):,} characters.")
    return f"{text[: limit - 1]}…", text[:NOTE]
