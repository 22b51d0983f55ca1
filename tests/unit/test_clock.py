"""A clock tells an aware instant in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from core.clock import clock_from, system_clock


def test_the_machines_clock_is_aware_and_in_utc():
    assert system_clock().tzinfo is UTC


def test_a_clock_from_an_instant_starts_there_and_never_goes_back():
    start = datetime(2024, 3, 10, 6, 59, tzinfo=UTC)
    clock = clock_from(start)
    first, second = clock(), clock()
    assert start <= first <= second < start + timedelta(minutes=5)


def test_another_zone_is_the_same_instant_in_utc():
    summer = timezone(timedelta(hours=-4))
    read = clock_from(datetime(2024, 7, 1, 9, 30, tzinfo=summer))()
    assert read.utcoffset() == timedelta(0)
    assert (read.hour, read.minute) == (13, 30)


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="needs an aware instant"):
        clock_from(datetime(2024, 7, 1))  # noqa: DTZ001
