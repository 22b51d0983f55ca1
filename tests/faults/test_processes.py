"""Rows 5 to 7, 39 to 42 and 47: real processes, killed for real."""

from __future__ import annotations

import json
import signal
import threading
from collections import Counter
from datetime import timedelta

import pytest

from core.errors import Fenced
from core.trading.window import TradeWindow
from tests.fakes import misbehaviour as does
from tests.fakes.server import Exchange, Reply
from tests.faults.stand import POST, SESSIONS, Stand, closes_at, until

pytestmark = pytest.mark.slow


@pytest.fixture
def stand(processes) -> Stand:
    return processes


KILLED = -signal.SIGKILL


def run(stand: Stand, **more: str):
    return stand.sluice("window", "run", "--account", "alpha", "--json", **more)


@pytest.mark.parametrize("closed", [False, True], ids=["window open", "window closed"])
def test_005_killed_between_intent_and_send(stand: Stand, closed: bool):
    stand.deploy(AAA=0.5)
    assert run(stand, SLUICE_CRASH_AT="recorded").code == KILLED
    assert stand.fake.sent == []
    (row,) = stand.orders().values()
    assert row.state == "planned"
    if closed:
        stand.at(minutes=-1)
        stand.work().tick()
        assert stand.fake.sent == []
        assert stand.states() == {"buy AAA": "lapsed"}
        assert any("before the close" in said for said in stand.events("window_failed"))
        stand.next_session()
        stand.window()
        assert stand.fake.sent_ids != [row.client_order_id]
    else:
        assert run(stand).code == 0
        assert stand.fake.sent_ids == [row.client_order_id]
        assert stand.states() == {"buy AAA": "filled"}
    assert len(stand.fake.sent) == 1
    stand.check()


def test_006_killed_between_send_and_recording_the_reply(stand: Stand):
    one = stand.deploy(AAA=0.5)
    assert run(stand, SLUICE_CRASH_AT="sent").code == KILLED
    assert len(stand.fake.sent) == 1
    assert stand.states() == {"buy AAA": "sending"}
    assert run(stand).code == 0
    assert len(stand.fake.sent) == len(stand.fake.orders) == 1
    assert stand.held(one) == {"AAA": stand.fake.position("AAA")}
    stand.check()


def test_007_killed_in_the_middle_of_twenty_orders(stand: Stand):
    symbols = [symbol for symbol in stand.symbols if symbol.startswith("X")][:20]
    one = stand.deploy(**dict.fromkeys(symbols, 0.04))
    assert run(stand, SLUICE_CRASH_AT="sent:11").code == KILLED
    assert 11 <= len(stand.fake.orders) < 20
    assert run(stand).code == 0
    assert len(stand.fake.orders) == 20
    assert set(Counter(o.client_order_id for o in stand.fake.orders).values()) == {1}
    assert {body["symbol"] for body in stand.fake.sent} == set(symbols)
    assert stand.held(one).keys() == set(symbols)
    stand.check()


def test_039_of_two_schedulers_one_trades_and_the_other_says_that_it_stands_by(stand: Stand):
    stand.deploy(AAA=0.3, BBB=0.3)
    one, two = stand.start("jobs.scheduler"), stand.start("jobs.scheduler")
    until(lambda: set(stand.states().values()) == {"filled"} and len(stand.states()) == 2)
    until(lambda: stand.services.windows.of(stand.account.id)[0].state == "done")
    until(lambda: len(stand.services.heartbeats.all()) >= 2)
    assert len(stand.fake.sent) == len(stand.fake.orders) == 2
    with stand.services.database.engine.connect() as db:
        fences = dict(db.exec_driver_sql("SELECT name, fence FROM leases").all())
    assert fences["scheduler"] == 1
    for process in (one, two):
        process.terminate()
    assert [process.wait(10) for process in (one, two)] == [0, 0]
    said = [process.stderr for process in (one, two)]
    assert sum("leading" in text for text in said) == 1
    assert sum("standing by" in text for text in said) == 1
    stand.check()


def test_040_a_leader_whose_connection_died_is_fenced(stand: Stand):
    """Its process lives on, another takes over; the host's name is the same."""
    stand.deploy(AAA=0.3, BBB=0.3)
    old = stand.lease()
    assert old.take()
    trader = TradeWindow(stand.desk(), old.fence)

    def meanwhile() -> None:
        with stand.services.database.engine.begin() as db:
            db.exec_driver_sql(
                "SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = 'advisory'"
                " AND l.pid <> pg_backend_pid()"
            )
        new = stand.lease()
        until(new.take)
        taken.append(new)

    taken: list = []
    stand.data.misbehave(does.meanwhile(meanwhile), path="/v2/stocks/quotes/latest")
    with pytest.raises(Fenced):
        trader.run(stand.due)
    assert stand.fake.sent == []
    assert not old.alive()
    (new,) = taken
    TradeWindow(stand.desk(), new.fence).run(stand.due)
    with pytest.raises(Fenced):
        trader.run(stand.due) or trader._desk.orders.mark_sending(
            stand.account.id, [], old.fence, reducing=frozenset()
        )
    new.give_back()
    assert len(stand.fake.sent) == len(stand.fake.orders) == 2
    stand.check()


def test_040_fenced_between_two_handfuls(stand: Stand):
    symbols = [symbol for symbol in stand.symbols if symbol.startswith("X")][:20]
    stand.deploy(**dict.fromkeys(symbols, 0.04))
    old = stand.lease()
    assert old.take()
    trader, taken = TradeWindow(stand.desk(), old.fence), []

    def another() -> None:
        old.give_back()
        new = stand.lease()
        assert new.take()
        taken.append(new)

    stand.fake.misbehave(does.meanwhile(another), **POST)
    with pytest.raises(Fenced):
        trader.run(stand.due)
    assert 1 <= len(stand.fake.sent) <= 8  # those that were under way at that instant
    TradeWindow(stand.desk(), taken[0].fence).run(stand.due)
    taken[0].give_back()
    assert len(stand.fake.sent) == len(stand.fake.orders) == 20
    stand.check()


def test_040_the_stand_by_takes_over_from_a_killed_leader(stand: Stand):
    first = stand.start("jobs.scheduler", SLUICE_CRASH_AT="sent")
    stand.account  # noqa: B018  opened
    until(lambda: leader(stand) == first.pid)
    second = stand.start("jobs.scheduler")
    stand.deploy(AAA=0.3, BBB=0.3)
    assert first.wait(30) == KILLED
    until(lambda: leader(stand) == second.pid)
    until(lambda: set(stand.states().values()) == {"filled"})
    until(lambda: stand.services.windows.of(stand.account.id)[0].state == "done")
    second.terminate()
    assert second.wait(10) == 0
    assert len(stand.fake.sent) == len(stand.fake.orders) == 2
    stand.check()


def leader(stand: Stand) -> int | None:
    with stand.services.database.engine.connect() as db:
        row = db.exec_driver_sql("SELECT holder FROM leases WHERE name = 'scheduler'").one_or_none()
    return None if row is None else int(row[0].rsplit("/", 1)[1])


def test_041_asleep_over_the_windows_beginning_it_runs_late(stand: Stand):
    stand.deploy(AAA=0.5)
    stand.clock.advance(-10)
    work = stand.work()
    work.tick()
    assert stand.fake.sent == []
    stand.clock.advance(13)
    work.tick()
    assert len(stand.fake.sent) == 1
    assert stand.events("missed_window") == []
    stand.check()


def test_042_down_from_before_the_window_until_after_the_close(stand: Stand):
    stand.at(minutes=15)
    stand.deploy(AAA=0.5)
    stand.at(minutes=-10)
    work = stand.work()
    for _ in range(3):
        work.tick()
    assert stand.fake.sent == []
    (window,) = stand.services.windows.of(stand.account.id)
    assert window.state == "missed"
    assert len(stand.events("missed_window")) == 1
    assert any("missed" in said for said in stand.events())
    stand.check()


def test_042_claimed_and_killed_then_closed(stand: Stand):
    stand.deploy(AAA=0.5)
    assert run(stand, SLUICE_CRASH_AT="claimed").code == KILLED
    stand.at(minutes=-10)
    stand.work().tick()
    assert stand.fake.sent == []
    assert stand.services.windows.of(stand.account.id)[0].state == "missed"
    assert len(stand.events("missed_window")) == 1
    stand.check()


def test_042_claimed_then_closed_in_process(stand: Stand):
    """The broker answers when it is too late."""
    from core.errors import Unavailable

    stand.deploy(AAA=0.5)
    stand.fake.misbehave(does.status(503), times=2, path="/v2/positions")
    with pytest.raises(Unavailable):
        stand.window()
    stand.at(minutes=-10)
    window = stand.window()
    assert window is not None
    assert window.state == "missed"
    assert stand.fake.sent == []
    stand.check()


def test_047_sigterm_in_the_middle_of_sending(stand: Stand):
    """It sends nothing more, records what it sent and ends within ten seconds; the rest follows."""
    symbols = [symbol for symbol in stand.symbols if symbol.startswith("X")][:20]
    one = stand.deploy(**dict.fromkeys(symbols, 0.04))
    ends = threading.Event()

    def held(exchange: Exchange) -> Reply:
        # The broker takes its time until the scheduler has heard that it is to end.
        assert ends.wait(60)
        return exchange.proper()

    stand.fake.misbehave(held, times=does.FOR_EVER, **POST)
    process = stand.start("jobs.scheduler", SLUICE_VENDOR_TIMEOUT_SECONDS="60")
    until(lambda: len(stand.fake.sent) == 8)
    process.terminate()
    until(lambda: "ending" in process.stderr)
    ends.set()
    assert process.wait(10) == 0
    sent = len(stand.fake.sent)
    assert sent == 8
    assert not {"sending", "unknown"} & set(stand.states().values())
    stand.fake.behave()
    stand.window()
    assert len(stand.fake.sent) == len(stand.fake.orders) == 20
    assert stand.held(one).keys() == set(symbols)
    stand.check()


def test_047_sigterm_while_the_broker_hangs(stand: Stand):
    stand.deploy(AAA=0.3)
    stand.fake.misbehave(does.instead(does.silent), **POST)
    process = stand.start("jobs.scheduler", SLUICE_VENDOR_TIMEOUT_SECONDS="60")
    until(lambda: len(stand.fake.sent) == 1)
    process.terminate()
    assert process.wait(10) == 0
    stand.window()
    assert len(stand.fake.sent) == len(stand.fake.orders) == 1
    assert stand.states() == {"buy AAA": "filled"}
    stand.check()


def test_the_first_line_of_json_is_all_there_is(stand: Stand):
    """What the other tests read from the command is what scripts read."""
    stand.deploy(AAA=0.5)
    done = run(stand)
    assert json.loads(done.stdout)["windows"][0]["state"] == "done"
    assert closes_at(SESSIONS[0]) - stand.clock() == timedelta(minutes=10)
    stand.check()
