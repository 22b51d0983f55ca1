"""Single values as Alpaca writes them: absent, null and "" are None; a number never passes a float.

What cannot be read is None too; whoever needs the value says what is missing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]

NEW_YORK = ZoneInfo("America/New_York")

_log = logging.getLogger(__name__)
_said: set[tuple[str, str]] = set()
_saying = threading.Lock()


def text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def number(value: object) -> Decimal | None:
    """Exact; JSON's own numbers by their shortest text, so 0.1 is 0.1."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        read = Decimal(str(value))
    except InvalidOperation:
        return None
    return read if read.is_finite() else None


def instant(value: object) -> datetime | None:
    """Aware UTC; nanoseconds are cut to microseconds, a stamp without a zone is not trusted."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if read is None or read.tzinfo is None else read.astimezone(UTC)


def day(value: object) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def in_new_york(on: date, clock: object) -> datetime | None:
    """``on`` at ``09:30`` or ``0930`` in New York, as UTC."""
    if not isinstance(clock, str) or len(digits := clock.replace(":", "")) != 4:
        return None
    try:
        at = time(int(digits[:2]), int(digits[2:]))
    except ValueError:
        return None
    return datetime.combine(on, at, NEW_YORK).astimezone(UTC)


def say_once(what: str, word: str) -> None:
    """Log a word of Alpaca's this adapter does not know, the first time it is met."""
    with _saying:
        if (what, word) in _said:
            return
        _said.add((what, word))
    _log.warning(
        "Alpaca uses a word this Sluice does not know",
        extra={"action": "unrecognised", "what": what, "word": word[:60]},
    )
