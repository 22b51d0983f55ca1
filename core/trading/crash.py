"""Named points before and after every commit and every send, at which a drill ends the process.

``SLUICE_CRASH_AT=name`` kills this process (SIGKILL: nothing is cleaned up) the first time the
point is reached, ``name:3`` the third time. The fault tests walk all of them.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import Literal, get_args

CrashPoint = Literal[
    "claimed",
    "before_record",
    "recorded",
    "before_mark",
    "marked",
    "before_send",
    "sent",
    "before_outcome",
    "outcome_recorded",
    "before_booking",
    "booked",
    "before_finish",
    "finished",
]
CRASH_POINTS: tuple[CrashPoint, ...] = get_args(CrashPoint)


class Drill:
    """Where this process is to die; nowhere for ''."""

    def __init__(self, at: str = "") -> None:
        name, _, number = at.partition(":")
        if name and name not in CRASH_POINTS:
            raise ValueError(f"no crash point is called {name!r}; there are {CRASH_POINTS}")
        self._name, self._number = name, int(number or 1)
        self._reached: Counter[str] = Counter()

    def reached(self, point: CrashPoint) -> None:
        if point == self._name:
            self._reached[point] += 1
            if self._reached[point] == self._number:
                os.kill(os.getpid(), signal.SIGKILL)
