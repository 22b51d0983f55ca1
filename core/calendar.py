"""Sessions: which dates trade, when each closes, and where weeks, months and years begin.

A session is a date on a calendar, held as ``datetime64[D]``. Two calendars exist: ``XNYS`` (New
York, from exchange_calendars) and ``24/7`` (every date, closing at the next midnight UTC).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

CalendarName = Literal["XNYS", "24/7"]
Sessions = npt.NDArray[np.datetime64]
Every = Literal["daily", "weekly", "monthly", "quarterly", "yearly"]

_FIRST, _LAST = date(1990, 1, 1), date(2040, 12, 31)
_DAY = np.timedelta64(1, "D")
_ZONES: dict[CalendarName, ZoneInfo] = {
    "XNYS": ZoneInfo("America/New_York"),
    "24/7": ZoneInfo("UTC"),
}
_OPENINGS: dict[CalendarName, time_of_day] = {
    "XNYS": time_of_day(9, 30, tzinfo=_ZONES["XNYS"]),
    "24/7": time_of_day(tzinfo=UTC),
}


@dataclass(frozen=True, slots=True)
class Calendar:
    """The sessions of one venue between 1990 and 2040.

    ``sessions``  datetime64[D], ascending
    ``closes``    datetime64[s], UTC, the instant each session ends
    """

    name: CalendarName
    sessions: Sessions
    closes: npt.NDArray[np.datetime64]
    periods_per_year: int

    def between(self, start: date | np.datetime64, end: date | np.datetime64) -> Sessions:
        """Sessions from ``start`` to ``end``, both included."""
        low, high = _day(start), _day(end)
        i, j = np.searchsorted(self.sessions, [low, high + _DAY])
        return self.sessions[i:j]

    def is_session(self, day: date | np.datetime64) -> bool:
        return len(self.between(day, day)) == 1

    def close(self, session: date | np.datetime64) -> datetime:
        """The instant ``session`` closes, half-days included; ValueError if it is no session."""
        i = int(np.searchsorted(self.sessions, _day(session)))
        if i == len(self.sessions) or self.sessions[i] != _day(session):
            raise ValueError(f"{session} is not a session of {self.name}")
        return datetime.fromtimestamp(int(self.closes[i].astype(np.int64)), UTC)

    def opening(self, session: date | np.datetime64) -> datetime:
        """The instant ``session`` begins; half-days begin when others do."""
        day: date = _day(session).astype(object)
        return datetime.combine(day, _OPENINGS[self.name]).astimezone(UTC)

    def last_closed(self, now: datetime) -> date:
        """The latest session whose close is at or before ``now``."""
        instant = np.datetime64(int(now.timestamp()), "s")
        i = int(np.searchsorted(self.closes, instant, side="right")) - 1
        if i < 0:
            raise ValueError(f"{self.name} has no session closed before {now}")
        closed: date = self.sessions[i].item()
        return closed

    def current(self, now: datetime) -> date | None:
        """The session whose date is today's at the venue, closed or not; None on other days."""
        today = now.astimezone(_ZONES[self.name]).date()
        return today if self.is_session(today) else None


def _day(day: date | np.datetime64) -> np.datetime64:
    return (
        day.astype("datetime64[D]") if isinstance(day, np.datetime64) else np.datetime64(day, "D")
    )


@cache
def calendar(name: CalendarName) -> Calendar:
    """The calendar called ``name``; built once in a process (about 0.1 s for XNYS)."""
    if name == "24/7":
        days = np.arange(np.datetime64(_FIRST, "D"), np.datetime64(_LAST, "D") + _DAY)
        return Calendar(name, days, (days + _DAY).astype("datetime64[s]"), 365)
    import exchange_calendars  # imported here: 24/7 work does not pay for it

    with warnings.catch_warnings():
        # exchange_calendars 4.13 reads Series.values, which pandas 3.1 warns will change.
        warnings.simplefilter("ignore", DeprecationWarning)
        exchange = exchange_calendars.get_calendar(name, start=str(_FIRST), end=str(_LAST))
    sessions = exchange.sessions.to_numpy().astype("datetime64[D]")
    closes = exchange.closes.dt.tz_convert(None).to_numpy().astype("datetime64[s]")
    return Calendar(name, sessions, closes, 252)


def period_starts(sessions: Sessions, every: Every) -> npt.NDArray[np.bool_]:
    """True on the first of ``sessions`` and wherever a new period begins.

    Weeks are ISO weeks (from Monday); months, quarters and years are the calendar's. A period
    begins at its first session, which need not be its first date.
    """
    if every == "daily":
        return np.ones(len(sessions), dtype=bool)
    months = sessions.astype("datetime64[M]").astype(np.int64)
    period = {
        # 1970-01-01 was a Thursday: adding 3 days puts the week's edge on Monday.
        "weekly": (sessions.astype(np.int64) + 3) // 7,
        "monthly": months,
        "quarterly": months // 3,
        "yearly": months // 12,
    }[every]
    starts = np.ones(len(sessions), dtype=bool)
    starts[1:] = period[1:] != period[:-1]
    return starts
