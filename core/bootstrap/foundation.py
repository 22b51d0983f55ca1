"""What all services are made of: settings, a clock, and that they are closed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self

from core.clock import Clock
from core.settings import Settings

Say = Callable[[str], None]


class Foundation:
    """A context manager that closes what it opened; parts that open something extend ``close``."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        start: bool = True,
        migrate: bool = True,
        say: Say | None = None,
    ) -> None:
        self.settings = settings
        self.making = threading.RLock()
        self.clock: Clock = clock or settings.make_clock()
        self._start, self._migrate, self._say = start, migrate, say

    def close(self, *, wait_seconds: float = 0) -> None:
        """Close what was opened; wait so long for an embedded server to end, if we were its
        last user."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
