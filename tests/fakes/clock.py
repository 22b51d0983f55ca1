"""A clock that moves only when it is told to, or slept on."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class VirtualClock:
    """Both a ``Clock`` (call it) and a ``sleep``: waiting costs a test no time.

    ``slept`` is every wait so far, in seconds.
    """

    def __init__(self, start: str | datetime) -> None:
        at = datetime.fromisoformat(start) if isinstance(start, str) else start
        self._now = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)
