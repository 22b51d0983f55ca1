"""Which windows are due: half-days, closures, both changes of the clocks, late and missed (41-44)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.brokers.base import SessionHours
from core.calendar import calendar
from core.trading.schedule import agenda, next_window, windows_of

NEW_YORK = ZoneInfo("America/New_York")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def hours(start: str, end: str, closed: frozenset[str] = frozenset()) -> list[SessionHours]:
    of = calendar("XNYS")
    days = of.between(date.fromisoformat(start), date.fromisoformat(end)).tolist()
    return [
        SessionHours(d, of.opening(d), of.close(d)) for d in days if d.isoformat() not in closed
    ]


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=NEW_YORK)


def test_ten_minutes_before_the_close():
    (due,) = windows_of(hours("2026-11-25", "2026-11-25"), [10])
    assert (due.due_at, due.closes_at) == (local(2026, 11, 25, 15, 50), local(2026, 11, 25, 16))


def test_a_half_day_has_its_window_before_its_own_close():
    (due,) = windows_of(hours("2026-11-27", "2026-11-27"), [10])
    assert (due.due_at, due.closes_at) == (local(2026, 11, 27, 12, 50), local(2026, 11, 27, 13))


def test_a_holiday_has_none():
    assert windows_of(hours("2026-11-26", "2026-11-26"), [10]) == ()


def test_an_unscheduled_closure_has_none_where_the_broker_says_so():
    closed = hours("2025-01-08", "2025-01-10", frozenset({"2025-01-09"}))
    assert [due.session.day for due in windows_of(closed, [10])] == [8, 10]
    assert not agenda(closed, [10], (), local(2025, 1, 9, 15, 51), local(2025, 1, 9)).now
    assert next_window(closed, [10], local(2025, 1, 9, 12)).session == date(2025, 1, 10)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-02", "2026-03-13"), ("2026-10-26", "2026-11-06"),
        ("2027-03-08", "2027-03-19"), ("2027-11-01", "2027-11-12"),
    ],
)  # fmt: skip
def test_once_each_day_through_a_change_of_the_clocks(start, end):
    """Asked each minute of two weeks, as the scheduler does, in UTC."""
    days = hours(start, end)
    ended: set[tuple[date, int]] = set()
    ran = []
    at, last = days[0].opens_at - timedelta(hours=3), days[-1].closes_at + timedelta(hours=3)
    while at < last:
        found = agenda(days, [10], ended, at, LONG_AGO)
        assert not found.missed
        for due in found.now:
            ran.append(at.astimezone(NEW_YORK))
            ended.add((due.session, due.slot))
        at += timedelta(minutes=1)
    assert [one.date() for one in ran] == [one.session for one in days]
    assert {(one.hour, one.minute) for one in ran} == {(15, 50)}


@pytest.mark.parametrize(
    ("at", "now", "missed"),
    [
        (local(2026, 11, 25, 15, 49, 59), 0, 0),
        (local(2026, 11, 25, 15, 50), 1, 0),
        (local(2026, 11, 25, 15, 50, 3), 1, 0),  # asleep over the minute
        (local(2026, 11, 25, 15, 59, 59), 1, 0),
        (local(2026, 11, 25, 16), 0, 1),
        (local(2026, 11, 25, 16, 10), 0, 1),
    ],
)
def test_late_until_the_close_then_missed(at, now, missed):
    found = agenda(hours("2026-11-25", "2026-11-25"), [10], (), at, LONG_AGO)
    assert (len(found.now), len(found.missed)) == (now, missed)


def test_what_ended_is_not_due_again():
    ended = [(date(2026, 11, 25), 10)]
    at = local(2026, 11, 25, 15, 55)
    assert agenda(hours("2026-11-25", "2026-11-25"), [10], ended, at, LONG_AGO).now == ()


def test_windows_before_the_first_strategy_never_were():
    at, since = local(2026, 11, 25, 15, 55), local(2026, 11, 24, 18)
    found = agenda(hours("2026-11-23", "2026-11-25"), [10], (), at, since)
    assert [due.session.day for due in found.now] == [25]
    assert found.missed == ()


def test_several_windows_a_day_in_order_of_time():
    slots = [10, 60, 390, 391]
    found = windows_of(hours("2026-11-25", "2026-11-25"), slots)
    assert [due.slot for due in found] == [390, 60, 10], "none lies before the opening"
    half = windows_of(hours("2026-11-27", "2026-11-27"), slots)
    assert [due.slot for due in half] == [60, 10]
