"""Sessions of the pretended exchange: New York's calendar, and closures a test adds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

from core.calendar import calendar
from tests.fakes.alpaca_trading.account import NEW_YORK


@dataclass(frozen=True)
class Session:
    day: date
    opens: datetime
    closes: datetime

    def is_open(self, now: datetime) -> bool:
        return self.opens <= now < self.closes


class Hours:
    """``closures`` are sessions that do not take place (a national day of mourning)."""

    def __init__(self, closures: Iterable[date] = ()) -> None:
        self.closures = set(closures)
        self._coming: dict[object, list[Session]] = {}

    def between(self, start: date, end: date) -> list[Session]:
        days = calendar("XNYS").between(start, end)
        return [self._session(d.item()) for d in days if d.item() not in self.closures]

    def next(self, now: datetime) -> Session:
        """The session that is open, or else the next."""
        today = now.astimezone(NEW_YORK).date()
        key = today, frozenset(self.closures)
        if key not in self._coming:
            self._coming = {key: self.between(today, today + timedelta(days=14))}
        return next(s for s in self._coming[key] if now < s.closes)

    def following(self, session: Session) -> Session:
        return self.next(session.closes)

    def is_open(self, now: datetime) -> bool:
        return self.next(now).is_open(now)

    def _session(self, day: date) -> Session:
        opens = datetime.combine(day, time_of_day(9, 30), NEW_YORK)
        return Session(day, opens, calendar("XNYS").close(day))
