"""How old a number is."""

from __future__ import annotations

from datetime import datetime


def age(instant: datetime, now: datetime) -> str:
    """``3 min ago``; both instants aware."""
    seconds = (now - instant).total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} ago"
    return "just now"
