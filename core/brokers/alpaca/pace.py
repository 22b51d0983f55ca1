"""How often Alpaca may be asked: its own count, and the last of it kept for orders.

An account has about 200 trading requests a minute. Each answer says how many are left and when the
count begins anew; reads stop short of the end, so that orders and cancels still go through.
"""

from __future__ import annotations

import threading
from datetime import timedelta

from core.clock import Clock
from core.market.patience import Limited
from core.market.refusal import Allowance

_RESERVED = 0.2
"""Share of the allowance that reads leave to orders."""
_LONGEST = timedelta(minutes=2)
"""A reset further ahead than this is not believed: one of the clocks is wrong."""


class Pace:
    """Remembers the latest count; safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._latest: Allowance | None = None

    def hear(self, allowance: Allowance) -> None:
        """What an answer's headers said."""
        with self._lock:
            self._latest = allowance

    def before_read(self) -> None:
        """Raises ``Limited`` while only the orders' part is left."""
        with self._lock:
            latest = self._latest
            if latest is None or latest.remaining > latest.limit * _RESERVED:
                return
            ahead = latest.resets_at - self._clock()
            if ahead <= timedelta(0) or ahead > _LONGEST:
                # Begun anew, as far as can be told: ask, and hear the new count.
                self._latest = None
                return
        raise Limited(latest.resets_at)
