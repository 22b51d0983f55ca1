"""Rows 43 to 46 and 48 to 50: when windows run, and what keeps them from it."""

from __future__ import annotations

import logging
import threading
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from core.brokers.base import SessionHours
from core.calendar import calendar
from core.flow.nodes import Rebalance
from core.trading.decide import is_due
from core.trading.schedule import agenda, windows_of
from jobs.scheduler import Trading
from tests.fakes import misbehaviour as does
from tests.fakes.alpaca_server import rate_limited
from tests.faults.stand import POST, SESSIONS, Stand, closes_at, until

NEW_YORK = ZoneInfo("America/New_York")


def hours(first: str, last: str) -> list[SessionHours]:
    xnys = calendar("XNYS")
    days = xnys.between(np.datetime64(first), np.datetime64(last)).tolist()
    return [SessionHours(day, xnys.opening(day), xnys.close(day)) for day in days]


@pytest.mark.parametrize("change", ["2026-03-08", "2026-11-01", "2027-03-14", "2027-11-07"])
def test_043_ten_to_four_new_york_each_day_once_around_the_change_of_clocks(change: str):
    first = date.fromisoformat(change) - timedelta(days=7)
    last = first + timedelta(days=14)
    week = hours(first.isoformat(), last.isoformat())
    ended: set[tuple[date, int]] = set()
    ran: list[datetime] = []
    at = datetime.combine(first, datetime.min.time(), NEW_YORK)
    end = at + timedelta(days=15)
    while at < end:
        for due in agenda(week, (10,), ended, at, at - timedelta(days=400)).now:
            ran.append(at.astimezone(NEW_YORK))
            ended.add((due.session, due.slot))
        at = (at.astimezone(ZoneInfo("UTC")) + timedelta(minutes=1)).astimezone(NEW_YORK)
    assert [(one.hour, one.minute) for one in ran] == [(15, 50)] * len(week)
    assert [one.date() for one in ran] == [one.session for one in week]
    weekly, last_decided = [], None
    for one in week:
        if is_due(Rebalance(every="weekly"), one.session, last_decided):
            weekly.append(one.session)
            last_decided = one.session
    assert len(weekly) == len({day.isocalendar()[1] for day in weekly})
    assert [day.weekday() for day in weekly][1:] == [0] * (len(weekly) - 1)


def test_044_half_day_holiday_and_a_day_of_mourning(stand: Stand):
    """The broker's calendar says when; it knew of 2025-01-09, which no printed one did."""
    stand.deploy(AAA=0.5)
    stand.at(date(2026, 11, 25))
    work = stand.work()
    work.tick()
    assert len(stand.fake.sent) == 1
    half_day = date(2026, 11, 27)
    stand.clock.advance((closes_at(half_day) - stand.clock()).total_seconds() - 11 * 60)
    at = stand.clock().astimezone(NEW_YORK)
    assert (at.hour, at.minute) == (12, 49)
    stand.session = half_day
    stand.write_bars()
    ran = len(stand.services.windows.of(stand.account.id))
    work.tick()
    assert len(stand.services.windows.of(stand.account.id)) == ran
    stand.clock.advance(60)
    work.tick()
    known = {w.session: w for w in stand.services.windows.of(stand.account.id)}
    assert known[half_day].state == "done"
    assert date(2026, 11, 26) not in known
    assert windows_of(hours("2025-01-09", "2025-01-09"), (10,)) == ()
    stand.check()


def test_044_closed_by_the_brokers_calendar_alone(make_stand):
    stand = make_stand(closures=[SESSIONS[0]])
    stand.deploy(AAA=0.5)
    work = stand.work()
    for _ in range(12):
        work.tick()
        stand.clock.advance(60)
    assert stand.fake.sent == []
    assert stand.services.windows.of(stand.account.id) == ()
    assert stand.events("missed_window") == []
    stand.check()


class Leading:
    leads = True


def test_045_a_window_that_hangs_is_left_and_gone_on_with(stand: Stand, monkeypatch):
    """The hung thread still holds what it held; the next tick trades all the same, and what the
    first would write when it wakes is refused."""
    stand.deploy(AAA=0.3, BBB=0.3)
    wakes, hung, ended = threading.Event(), threading.Event(), threading.Event()
    desk = stand.desk()
    real = desk.broker.quotes

    def quotes(symbols: Any) -> Any:
        if not hung.is_set():
            hung.set()
            wakes.wait(60)
            try:
                return real(symbols)
            finally:
                ended.set()
        return real(symbols)

    monkeypatch.setattr(desk.broker, "quotes", quotes)
    monkeypatch.setattr(stand.services, "desk", lambda *_, **__: desk)
    trading = Trading(stand.services, Leading(), threading.Event())

    def tick() -> None:
        trading.each(lambda work: work.tick(), 0.5, "window")

    tick()
    assert hung.is_set()
    assert stand.fake.sent == []

    def traded() -> bool:
        tick()
        return len(stand.fake.sent) == 2

    until(traded)
    wakes.set()
    assert ended.wait(10)
    until(lambda: not [t for t in threading.enumerate() if t.name.startswith("window alpha")])
    assert len(stand.fake.sent) == len(stand.fake.orders) == 2
    stand.check()


def test_045_many_accounts_at_once_leave_connections_to_work_with(stand: Stand):
    """Each account's lease keeps a connection of its own: thirty must not use up the pool."""
    stand.deploy(AAA=0.5)
    leases = [stand.services.lease(f"account:{i}") for i in range(30)]
    assert all(lease.take() for lease in leases)
    window = stand.window()
    assert window is not None
    assert window.state == "done"
    for lease in leases:
        lease.give_back()
    assert len(stand.fake.sent) == 1
    stand.check()


@pytest.mark.parametrize(
    ("seconds", "said", "trades"),
    [(0.5, "", True), (3, "clock", True), (-3, "clock", True), (90, "clock", False)],
)
def test_046_our_clock_is_not_the_brokers(stand: Stand, caplog, seconds, said, trades):
    """Over 1.5 s is warned of; over the limit nothing is traded."""
    stand.deploy(AAA=0.5)

    def ahead(clock: dict[str, Any]) -> dict[str, Any]:
        at = stand.clock() - timedelta(seconds=seconds)
        return {**clock, "timestamp": at.isoformat()}

    stand.fake.misbehave(does.changed(ahead), times=does.FOR_EVER, path="/v2/clock")
    with caplog.at_level(logging.WARNING):
        stand.work().tick()
    assert len(stand.fake.sent) == (1 if trades else 0)
    warned = [r for r in caplog.records if "clock" in r.getMessage()]
    assert bool(warned) == bool(said)
    stand.fake.behave()
    stand.check()


def test_046_the_clock_steps_back_between_planning_and_sending(stand: Stand):
    stand.deploy(AAA=0.5)
    desk = stand.desk()
    stand.data.misbehave(
        does.meanwhile(lambda: stand.clock.advance(-90)), path="/v2/stocks/quotes/latest"
    )
    stand.work(desk).tick()
    for _ in range(5):
        stand.work().tick()
        stand.clock.advance(30)
    assert len(stand.fake.sent) == 1
    assert len(stand.services.windows.of(stand.account.id)) == 1
    stand.check()


def test_048_a_server_that_never_answers(stand: Stand):
    one = stand.deploy(AAA=0.3, BBB=0.3)
    stand.fake.misbehave(does.instead(does.silent), **POST)
    window = stand.window()
    assert window is not None
    assert window.state == "done"
    assert len(stand.fake.sent) == len(stand.fake.orders) == 2
    assert set(stand.states().values()) == {"filled"}
    assert stand.held(one).keys() == {"AAA", "BBB"}
    stand.check()


LOST = {
    "a page with 502": does.instead(does.html(502)),
    "an empty 200": does.instead(does.empty()),
    "cut JSON": does.cut_json,
    "broken off": does.break_off,
}


@pytest.mark.parametrize("act", LOST.values(), ids=LOST.keys())
def test_049_answers_that_are_none(stand: Stand, act: Any):
    """To a POST: unknown, looked up. To reads: asked again, or not traded, never another error."""
    one = stand.deploy(AAA=0.5)
    stand.fake.misbehave(act, **POST)
    stand.fake.misbehave(act, path="/v2/positions")
    stand.data.misbehave(act, path="/v2/stocks/trades/latest")
    stand.window()
    assert len(stand.fake.sent) == len(stand.fake.orders) == 1
    assert stand.held(one) == {"AAA": stand.fake.position("AAA")}
    stand.check()


def test_050_429_with_a_reset_twenty_seconds_ahead(stand: Stand):
    symbols = [symbol for symbol in stand.symbols if symbol.startswith("X")][:12]
    stand.deploy(**dict.fromkeys(symbols, 0.05))
    stand.fake.misbehave(rate_limited(20), times=8, **POST)
    began = stand.clock()
    window = stand.window()
    assert window is not None
    assert window.state == "done"
    posts = stand.fake.calls("/v2/orders", "POST")
    assert all((post.at - began).total_seconds() >= 19 for post in posts[8:])
    assert len(stand.fake.orders) == 12
    assert len(set(stand.fake.sent_ids)) == 12
    assert stand.clock() < closes_at(stand.session) - timedelta(minutes=7)
    stand.check()


def test_050_429_for_ever_gives_up_before_the_close_and_says_so(stand: Stand):
    stand.deploy(AAA=0.5)
    stand.fake.misbehave(rate_limited(20), times=does.FOR_EVER)
    work = stand.work()
    while stand.clock() < closes_at(stand.session) + timedelta(minutes=2):
        work.tick()
        stand.clock.advance(20)
    assert stand.fake.sent == []
    assert any("limit" in text for text in stand.events("window_failed"))
    assert len(stand.events("missed_window")) == 1
    stand.fake.behave()
    stand.check()
