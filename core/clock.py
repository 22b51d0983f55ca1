"""The clock. Only the outermost layer (command line, pages, jobs) holds one and reads it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Returns the current instant, aware, in UTC."""


def system_clock() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def clock_from(start: datetime) -> Clock:
    """A clock that reads ``start`` now and runs at normal speed, for tests and drills."""
    if start.tzinfo is None:
        raise ValueError(f"a clock needs an aware instant, was {start!r}")
    origin = time.monotonic()
    begin = start.astimezone(UTC)
    return lambda: begin + timedelta(seconds=time.monotonic() - origin)
