"""Patience: how long an adapter keeps asking a vendor that fails or limits it, then gives up.

Only for reads: asking twice changes nothing. An adapter's ``ask`` translates what went wrong into
``Passing`` or ``Limited`` (ask again) or into one of ``core.errors`` (do not).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from core.clock import Clock
from core.errors import Unavailable

Sleep = Callable[[float], None]
Tell = Callable[[str], None]
"""Called with what is being done, about once a second of waiting; may raise Cancelled."""

Answer = TypeVar("Answer")

_SLICE_SECONDS = 1.0


class Passing(Exception):
    """The vendor failed in a way that may pass; the text completes ``Alpaca …``."""


class Limited(Exception):
    """The vendor wants fewer requests; ``until`` when it says so, aware UTC."""

    def __init__(self, until: datetime | None = None) -> None:
        self.until = until
        super().__init__("limits how often it may be asked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to keep asking ``vendor``.

    ``tries``                how often one question is asked before a failure is final
    ``first_pause_seconds``  between the first two tries; doubles with each
    ``longest_wait_seconds`` for rate limits, in all, within one question
    """

    vendor: str
    clock: Clock
    sleep: Sleep = time.sleep
    tries: int = 4
    first_pause_seconds: float = 1.0
    longest_wait_seconds: float = 120.0

    def read(self, ask: Callable[[], Answer], tell: Tell) -> Answer:
        """The first good answer of ``ask``; Unavailable when there is none in time."""
        failures, limits, waited = 0, 0, 0.0
        while True:
            try:
                return ask()
            except Passing as err:
                failures += 1
                if failures == self.tries:
                    raise Unavailable(
                        f"{self.vendor} {err} ({self.tries} tries). Try again later."
                    ) from err
                seconds = self.first_pause_seconds * 2 ** (failures - 1)
                doing = f"{self.vendor} {err}; asking again"
            except Limited as err:
                limits += 1
                seconds = self._until_reset(err.until, at_least=2.0 ** (limits - 1))
                waited += seconds
                if waited > self.longest_wait_seconds:
                    raise Unavailable(self._limited_too_long(err.until)) from err
                doing = f"{self.vendor} {err}; waiting for its permission"
            self._pause(seconds, doing, tell)

    def _until_reset(self, until: datetime | None, at_least: float) -> float:
        """Seconds to wait: to the reset, and longer each time (it may be wrong, or in the past)."""
        remaining = 0.0 if until is None else (until - self.clock()).total_seconds()
        return max(remaining, at_least)

    def _limited_too_long(self, until: datetime | None) -> str:
        soon = self.clock() + timedelta(seconds=self.longest_wait_seconds)
        when = f"after {until:%H:%M:%S} UTC" if until and until > soon else "in some minutes"
        return f"{self.vendor} limits how often it may be asked. Try again {when}."

    def _pause(self, seconds: float, doing: str, tell: Tell) -> None:
        """Sleep in slices, telling each time, so that a user can stop it."""
        remaining = seconds
        while remaining > 0:
            tell(f"{doing} in {remaining:.0f} s")
            self.sleep(min(_SLICE_SECONDS, remaining))
            remaining -= _SLICE_SECONDS
