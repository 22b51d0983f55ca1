"""Bybit's instants: milliseconds since 1970, as text or number."""

from __future__ import annotations

from datetime import UTC, date, datetime
from datetime import time as time_of_day

from core.errors import Unavailable


def instant(stamp: object) -> datetime | None:
    """A stamp as an aware UTC instant; None where there is none (``""``, ``"0"``, null)."""
    if not isinstance(stamp, str | int) or isinstance(stamp, bool):
        return None
    try:
        number = int(stamp)
        return datetime.fromtimestamp(number / 1000, UTC) if number > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def milliseconds(stamp: object) -> int:
    """The stamp of a row as a number; Unavailable where there is none."""
    at = instant(stamp)
    if at is None:
        raise Unavailable("Bybit sent rows whose times cannot be read. Try again later.")
    return to_stamp(at)


def to_stamp(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time_of_day(), UTC)
