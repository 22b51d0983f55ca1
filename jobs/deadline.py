"""Deadlines: work that hangs is left behind, and what it would write is refused by its fence."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Overdue(Exception):
    """The work did not end in time; its thread was left to itself."""


def within(seconds: float, work: Callable[[], None], *, name: str) -> None:
    """Do ``work`` in a thread of its own for at most so long; raises what it raises, or Overdue."""
    raised: list[BaseException] = []

    def body() -> None:
        try:
            work()
        except BaseException as err:  # noqa: BLE001  raised again below, by who waits
            raised.append(err)

    thread = threading.Thread(target=body, name=name, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise Overdue(f"{name} did not end within {seconds:.0f} s")
    if raised:
        raise raised[0]
