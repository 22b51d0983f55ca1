"""Sessions, closes and period starts, against dates known from the exchange's own notices."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from core.calendar import calendar, period_starts

NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def xnys():
    return calendar("XNYS")


@pytest.fixture(scope="module")
def all_week():
    return calendar("24/7")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


@pytest.mark.parametrize(
    "closed",
    [
        "2024-01-01",  # New Year
        "2024-03-29",  # Good Friday
        "2022-06-20",  # Juneteenth, observed on a Monday
        "2026-07-03",  # Independence Day, observed on a Friday
        "2026-11-26",  # Thanksgiving
        "2021-12-24",  # Christmas, observed
        "2001-09-12",  # after the attacks
        "2012-10-29",  # hurricane Sandy
        "2018-12-05",  # mourning for George H. W. Bush
        "2025-01-09",  # mourning for Jimmy Carter
        "2024-06-01",  # a Saturday
    ],
)
def test_new_york_does_not_trade_on(xnys, closed):
    assert not xnys.is_session(date.fromisoformat(closed))
    with pytest.raises(ValueError, match="is not a session of XNYS"):
        xnys.close(date.fromisoformat(closed))


@pytest.mark.parametrize(
    "open_",
    [
        "2021-12-31",  # New Year 2022 was a Saturday: not observed
        "2022-06-17",
        "2021-06-18",  # Juneteenth was first kept in 2022
        "2025-01-08",
        "2025-01-10",
        "2024-02-29",
    ],
)
def test_new_york_trades_on(xnys, open_):
    assert xnys.is_session(date.fromisoformat(open_))


@pytest.mark.parametrize(
    ("session", "close"),
    [
        ("2026-11-27", "13:00"),  # the day after Thanksgiving
        ("2024-07-03", "13:00"),
        ("2024-12-24", "13:00"),
        ("2026-11-25", "16:00"),
        ("2024-03-08", "16:00"),  # the Friday before summer time begins
        ("2024-03-11", "16:00"),
        ("2025-03-07", "16:00"),
        ("2025-03-10", "16:00"),
        ("2024-11-01", "16:00"),  # the Friday before it ends
        ("2024-11-04", "16:00"),
        ("2025-10-31", "16:00"),
        ("2025-11-03", "16:00"),
    ],
)
def test_closes_are_new_yorks_wall_clock(xnys, session, close):
    at = xnys.close(date.fromisoformat(session))
    assert at.tzinfo is UTC
    assert at.astimezone(NEW_YORK).strftime("%Y-%m-%d %H:%M") == f"{session} {close}"


@pytest.mark.parametrize(
    ("session", "hour"),
    [
        ("2024-03-08", 21),
        ("2024-03-11", 20),
        ("2024-11-01", 20),
        ("2024-11-04", 21),
        ("2025-03-07", 21),
        ("2025-03-10", 20),
        ("2025-10-31", 20),
        ("2025-11-03", 21),
        ("2026-11-27", 18),
    ],
)
def test_in_utc_a_close_moves_with_summer_time(xnys, session, hour):
    assert xnys.close(date.fromisoformat(session)).hour == hour


def test_a_session_is_closed_from_its_close_on_not_a_second_before(xnys):
    assert xnys.last_closed(utc("2026-11-27T17:59:59")) == date(2026, 11, 25)
    assert xnys.last_closed(utc("2026-11-27T18:00:00")) == date(2026, 11, 27)


def test_before_its_first_close_no_session_is_closed(xnys):
    with pytest.raises(ValueError, match="no session closed before"):
        xnys.last_closed(utc("1989-12-31T00:00:00"))


@pytest.mark.parametrize(
    ("now", "current"),
    [
        ("2024-07-03T03:59:00", "2024-07-02"),  # still the 2nd in New York
        ("2024-07-03T04:00:00", "2024-07-03"),
        ("2024-07-03T23:00:00", "2024-07-03"),  # closed since 17:00, still its date
        ("2024-07-04T15:00:00", None),
        ("2024-07-06T15:00:00", None),
    ],
)
def test_the_current_session_is_todays_at_the_venue(xnys, now, current):
    expected = None if current is None else date.fromisoformat(current)
    assert xnys.current(utc(now)) == expected


def test_all_week_every_date_trades_until_the_next_midnight(all_week):
    assert all_week.is_session(date(2024, 12, 25))
    assert all_week.close(date(2024, 2, 29)) == utc("2024-03-01T00:00:00")
    assert all_week.current(utc("2024-03-01T00:00:00")) == date(2024, 3, 1)
    assert all_week.last_closed(utc("2024-03-01T00:00:00")) == date(2024, 2, 29)


def test_between_has_both_ends_and_takes_dates_of_either_kind(xnys):
    expected = days("2024-07-01", "2024-07-02", "2024-07-03", "2024-07-05")
    found = xnys.between(date(2024, 6, 29), np.datetime64("2024-07-05"))
    np.testing.assert_array_equal(found, expected)
    assert len(xnys.between(date(2024, 7, 4), date(2024, 7, 4))) == 0
    assert len(xnys.between(date(2024, 7, 5), date(2024, 7, 1))) == 0


def test_years_have_their_number_of_sessions(xnys, all_week):
    counts = {y: len(xnys.between(date(y, 1, 1), date(y, 12, 31))) for y in (2001, 2023, 2024)}
    assert counts == {2001: 248, 2023: 250, 2024: 252}
    assert len(all_week.between(date(2024, 1, 1), date(2024, 12, 31))) == 366
    assert (xnys.periods_per_year, all_week.periods_per_year) == (252, 365)


def test_a_calendar_is_built_once():
    assert calendar("XNYS") is calendar("XNYS")


def starts(xnys, every: str, first: str, last: str) -> list[str]:
    sessions = xnys.between(date.fromisoformat(first), date.fromisoformat(last))
    return [str(day) for day in sessions[period_starts(sessions, every)]]


def test_weeks_begin_at_their_first_session(xnys):
    # Labour Day was Monday the 2nd; the first session given begins a period whatever its day.
    assert starts(xnys, "weekly", "2024-08-28", "2024-09-13") == [
        "2024-08-28",
        "2024-09-03",
        "2024-09-09",
    ]


def test_a_week_goes_on_over_new_year(xnys):
    # 2024-12-30 was a Monday; 1 January closed; the week's later sessions belong to it.
    assert starts(xnys, "weekly", "2024-12-27", "2025-01-06") == [
        "2024-12-27",
        "2024-12-30",
        "2025-01-06",
    ]


def test_months_quarters_and_years_begin_at_their_first_session(xnys):
    assert starts(xnys, "monthly", "2024-05-30", "2024-09-05") == [
        "2024-05-30",
        "2024-06-03",
        "2024-07-01",
        "2024-08-01",
        "2024-09-03",
    ]
    assert starts(xnys, "quarterly", "2024-05-30", "2025-01-31") == [
        "2024-05-30",
        "2024-07-01",
        "2024-10-01",
        "2025-01-02",
    ]
    assert starts(xnys, "yearly", "2022-12-30", "2024-01-31") == [
        "2022-12-30",
        "2023-01-03",
        "2024-01-02",
    ]


def test_daily_every_session_begins_a_period(xnys):
    sessions = xnys.between(date(2024, 1, 1), date(2024, 1, 31))
    assert period_starts(sessions, "daily").all()
    assert len(period_starts(sessions[:0], "monthly")) == 0
