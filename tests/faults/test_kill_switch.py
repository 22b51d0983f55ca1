"""Row 76: the kill switch. Nothing new is sent, what is at the broker is canceled, the truth is told."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.trading.crash import CrashPoint, Drill
from core.trading.deploy import turn_kill_switch
from tests.fakes import misbehaviour as does
from tests.fakes.alpaca_trading import fills
from tests.fakes.server import Exchange, Reply
from tests.faults.stand import LOOK_UP, POST, Stand, until

CANCEL = {"path": "/v2/orders/", "method": "DELETE"}


def state(stand: Stand) -> str:
    return stand.services.accounts.by_id(stand.account.id).state


def kill(stand: Stand, wanted: Any = "halted") -> None:
    turn_kill_switch(stand.services, stand.account, wanted, reason="by a person")


def twenty(stand: Stand) -> Any:
    symbols = [symbol for symbol in stand.symbols if symbol.startswith("X")][:20]
    return stand.deploy(**dict.fromkeys(symbols, 0.04))


def left(stand: Stand) -> int:
    """What page and command say is still being canceled."""
    return stand.services.orders.called_off(stand.account.id)


def working(stand: Stand, **weights: float) -> Any:
    """A strategy whose orders stay at the broker, unfilled."""
    stand.fake.fill_as(fills.never)
    one = stand.deploy(**weights)
    stand.window()
    assert set(stand.states().values()) == {"accepted"}
    return one


def ticks(stand: Stand, work: Any, times: int, seconds: float = 2.0) -> None:
    for _ in range(times):
        work.tick()
        stand.clock.advance(seconds)


# -- nothing new is sent ------------------------------------------------------------------------------


def test_076_kill_switch_before_the_intents_are_recorded(stand: Stand):
    stand.deploy(AAA=0.5)
    stand.data.misbehave(does.meanwhile(lambda: kill(stand)), path="/v2/stocks/quotes/latest")
    window = stand.window()
    assert window is not None
    assert window.state == "failed"
    assert stand.fake.sent == []
    assert stand.orders() == {}
    stand.check()


def test_076_kill_switch_in_the_middle_of_sending(stand: Stand):
    one = twenty(stand)
    stand.fake.misbehave(does.meanwhile(lambda: kill(stand)), **POST)
    stand.window()
    sent = len(stand.fake.sent)
    assert 1 <= sent <= 8  # those that were under way at that instant
    states = list(stand.states().values())
    assert states.count("filled") == len(stand.held(one)) == sent
    assert states.count("refused") == 20 - sent
    stand.window()
    stand.work().tick()
    assert len(stand.fake.sent) == sent
    stand.check()


def test_076_kill_switch_while_an_outcome_is_unknown(stand: Stand):
    """The order may be there: it is looked up and booked, and never sent again."""
    stand.deploy(AAA=0.3)

    def lost(_: Exchange) -> Reply | None:
        kill(stand)
        return None

    stand.fake.misbehave(lost, **POST)
    stand.window()
    assert len(stand.fake.sent) == 1
    assert stand.states() == {"buy AAA": "unknown"}
    work = stand.work()
    for _ in range(4):
        work.tick()
    assert len(stand.fake.sent) == 1
    assert stand.states() == {"buy AAA": "unknown"}
    assert state(stand) == "halted"
    stand.check()


def test_076_kill_switch_with_the_broker_down(stand: Stand):
    stand.deploy(AAA=0.3)
    stand.fake.misbehave(does.drop, times=does.FOR_EVER)
    work = stand.work()
    work.tick()
    kill(stand)
    assert state(stand) == "halted"
    stand.fake.behave()
    stand.clock.advance(60)
    stand.work().tick()
    assert stand.fake.sent == []
    assert any("is halted" in text for text in stand.events("kill_switch"))
    stand.check()


def test_076_reducing_sells_and_buys_nothing(stand: Stand):
    one = stand.deploy(AAA=0.5)
    stand.window()
    stand.next_session()
    stand.want(one, AAA=0.1, BBB=0.5)
    kill(stand, "reducing")
    stand.window()
    assert [(b["side"], b["symbol"]) for b in stand.fake.sent[1:]] == [("sell", "AAA")]
    assert stand.states()["buy BBB"] == "refused"
    stand.check()


@dataclass(eq=False)
class Pressed(Drill):
    """Somebody presses the switch at the ``number``-th visit of a point; whoever comes to it later
    comes after that."""

    stand: Stand
    point: CrashPoint
    number: int = 1
    wanted: tuple[str, ...] = ("halted",)
    seen: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def reached(self, point: CrashPoint) -> None:
        if point == self.point:
            with self.lock:
                self.seen += 1
                if self.seen == self.number:
                    for wanted in self.wanted:
                        kill(self.stand, wanted)


def test_076_orders_marked_for_sending_are_not_sent_after_it(stand: Stand):
    """The whole handful is on its way to the sending threads: none of it leaves."""
    twenty(stand)
    stand.window(stand.desk(drill=Pressed(stand, "marked")))
    assert stand.fake.sent == []
    rows = stand.orders().values()
    assert {(row.state, row.status) for row in rows} == {("refused", "halted")}
    assert all("by a person" in row.reason for row in rows)
    assert left(stand) == 0
    stand.check()


def test_076_between_two_sends_of_a_handful(stand: Stand):
    twenty(stand)
    stand.window(stand.desk(drill=Pressed(stand, "before_send", 3)))
    assert len(stand.fake.sent) <= 2
    states = list(stand.states().values())
    assert states.count("refused") == 20 - len(stand.fake.sent)
    stand.check()


@pytest.mark.parametrize("point", ["recorded", "before_mark", "marked", "before_send"])
def test_076_released_at_once_nothing_old_is_sent(stand: Stand, point: CrashPoint):
    """Pressed and released before anybody looked: what was recorded until then stays unsent."""
    twenty(stand)
    stand.window(stand.desk(drill=Pressed(stand, point, wanted=("halted", "active"))))
    assert state(stand) == "active"
    assert stand.fake.sent == []
    assert set(stand.states().values()) == {"refused"}
    ticks(stand, stand.work(), 5)
    assert stand.fake.sent == []
    stand.check()


def test_076_reducing_in_the_middle_of_a_handful(stand: Stand):
    """Sales under way go on, buys do not."""
    one = stand.deploy(AAA=0.5)
    stand.window()
    stand.next_session()
    stand.want(one, BBB=0.3, CCC=0.3)
    stand.window(stand.desk(drill=Pressed(stand, "before_send", 1, ("reducing",))))
    assert [(b["side"], b["symbol"]) for b in stand.fake.sent[1:]] == [("sell", "AAA")]
    assert stand.states() == {
        "buy AAA": "filled", "sell AAA": "filled", "buy BBB": "refused", "buy CCC": "refused",
    }  # fmt: skip
    stand.check()


# -- what is at the broker is canceled ----------------------------------------------------------------


def test_076_working_orders_are_canceled(stand: Stand):
    working(stand, AAA=0.2, BBB=0.2, CCC=0.2)
    kill(stand)
    assert left(stand) == 3
    work = stand.work()
    work.tick()
    assert sorted(stand.fake.canceled_ids) == sorted(order.id for order in stand.fake.orders)
    assert {order.status for order in stand.fake.orders} == {"canceled"}
    assert set(stand.states().values()) == {"canceled"}
    assert left(stand) == 0
    ticks(stand, work, 30)
    assert len(stand.fake.canceled_ids) == len(stand.fake.sent) == 3
    stand.check()


def test_076_a_fill_comes_before_the_cancel(stand: Stand):
    one = working(stand, AAA=0.2, BBB=0.2)
    first, second = stand.fake.sent_ids
    kill(stand)

    def filled() -> None:
        stand.fake.fill(first, "7")
        stand.fake.fill(second)

    stand.fake.misbehave(does.meanwhile(filled), **CANCEL)
    ticks(stand, stand.work(), 3)
    rows = stand.orders()
    assert [(rows[i].symbol, rows[i].state) for i in (first, second)] == [
        ("AAA", "canceled"), ("BBB", "filled"),
    ]  # fmt: skip
    assert stand.held(one) == {"AAA": 7, "BBB": stand.fake.position("BBB")}
    assert left(stand) == 0
    stand.check()


@pytest.mark.parametrize("released", [False, True], ids=["halted", "released meanwhile"])
def test_076_the_broker_is_down_and_the_scheduler_starts_anew(stand: Stand, released: bool):
    """Asked again until it is final, by another process and after a release as well."""
    working(stand, AAA=0.2, BBB=0.2, CCC=0.2)
    stand.fake.misbehave(does.drop, times=does.FOR_EVER)
    kill(stand)
    ticks(stand, stand.work(), 10)
    assert left(stand) == 3
    assert {order.status for order in stand.fake.orders} == {"new"}
    if released:
        kill(stand, "active")
        assert left(stand) == 3
    stand.fake.behave()
    later = stand.work()
    later.start()
    ticks(stand, later, 2)
    assert {order.status for order in stand.fake.orders} == {"canceled"}
    assert left(stand) == 0
    assert len(stand.fake.sent) == 3
    stand.check()


def test_076_replies_to_cancels_are_lost(stand: Stand):
    working(stand, AAA=0.2, BBB=0.2)
    stand.fake.misbehave(does.drop, times=2, **CANCEL)
    stand.fake.misbehave(does.drop_after, times=2, **CANCEL)
    kill(stand)
    ticks(stand, stand.work(), 4)
    assert {order.status for order in stand.fake.orders} == {"canceled"}
    assert len(stand.fake.canceled_ids) == 4  # twice each: a lost one is asked again, a taken not
    assert left(stand) == 0
    stand.check()


def test_076_a_cancel_that_stays_pending_is_told_and_not_hammered(stand: Stand):
    stand.fake.never_cancel()
    working(stand, AAA=0.2)
    kill(stand)
    work = stand.work()
    ticks(stand, work, 100, seconds=10)
    assert left(stand) == 1
    assert 2 <= len(stand.fake.canceled_ids) <= 55  # at most each 20 s
    (text,) = stand.events("order_failed")
    assert "pending_cancel" in text
    stand.fake.fill(stand.fake.sent_ids[0])
    ticks(stand, work, 15)
    assert left(stand) == 0
    assert stand.states() == {"buy AAA": "filled"}
    stand.check()


def test_076_pressed_while_a_window_waits_for_its_fills(stand: Stand):
    """The window itself cancels: nobody else has the account meanwhile. Buys are not sent."""
    one = stand.deploy(AAA=0.5)
    stand.window()
    stand.next_session()
    stand.want(one, BBB=0.5)
    stand.fake.fill_as(fills.never)
    stand.fake.misbehave(does.meanwhile(lambda: kill(stand)), **LOOK_UP)
    window = stand.window()
    assert window is not None
    assert window.state == "done"
    assert [body["side"] for body in stand.fake.sent] == ["buy", "sell"]
    assert stand.fake.orders[-1].status == "canceled"
    assert stand.states() == {"buy AAA": "filled", "sell AAA": "canceled", "buy BBB": "refused"}
    assert left(stand) == 0
    stand.check()


def test_076_an_unknown_order_that_turns_up_is_canceled(stand: Stand):
    """The broker had it all along and says so late: found, it is canceled, never sent again."""
    stand.fake.fill_as(fills.never)
    stand.deploy(AAA=0.3)

    def lost(exchange: Exchange) -> Reply | None:
        exchange.proper()
        kill(stand)
        return None

    stand.fake.misbehave(lost, **POST)
    stand.fake.misbehave(does.status(503), times=does.FOR_EVER, **LOOK_UP)
    stand.window()
    assert stand.states() == {"buy AAA": "unknown"}
    assert left(stand) == 1
    stand.fake.behave()
    ticks(stand, stand.work(), 4, seconds=10)
    assert [order.status for order in stand.fake.orders] == ["canceled"]
    assert stand.states() == {"buy AAA": "canceled"}
    assert len(stand.fake.sent) == 1
    stand.check()


def test_076_sluice_halts_by_itself_and_cancels_as_well(stand: Stand):
    """A broker that refuses the account: what it had taken before is called off."""
    stand.fake.fill_as(fills.never)
    stand.deploy(AAA=0.2, BBB=0.2)
    forbidden = {"code": 40310000, "message": "new orders are rejected by user request"}

    def second_is_refused(exchange: Exchange) -> Reply:
        done = len(stand.fake.orders)
        return exchange.proper() if not done else Reply.of(forbidden, 403)

    stand.fake.misbehave(second_is_refused, times=2, **POST)
    stand.window()
    ticks(stand, stand.work(), 2)
    assert state(stand) == "halted"
    assert sorted(stand.states().values()) == ["canceled", "rejected"]
    stand.check()


def test_076_reducing_cancels_buys_and_lets_sales_go_on(stand: Stand):
    one = stand.deploy(AAA=0.5)
    stand.window()
    stand.next_session()
    stand.want(one, AAA=0.2, BBB=0.2)
    stand.fake.fill_as(fills.never)
    stand.window()
    assert stand.states()["buy BBB"] == stand.states()["sell AAA"] == "accepted"
    kill(stand, "reducing")
    assert left(stand) == 1
    ticks(stand, stand.work(), 2)
    assert [order.status for order in stand.fake.orders[1:]] == ["new", "canceled"]
    stand.fake.fill(stand.fake.orders[1].id)
    ticks(stand, stand.work(), 2)
    assert stand.states()["sell AAA"] == "filled"
    stand.check()


def test_076_an_order_by_hand_is_left_alone(stand: Stand):
    """The switch stops Sluice, not what a person does in the broker's own app."""
    working(stand, AAA=0.2)
    by_hand = stand.fake.order_by_hand("BBB", "buy", "1")
    kill(stand)
    ticks(stand, stand.work(), 3)
    assert by_hand.status == "new"
    stand.fake.end(by_hand.id, "canceled")
    stand.check()


@pytest.mark.slow
def test_076_the_command_says_what_is_left_and_the_scheduler_cancels(processes: Stand):
    stand = processes
    working(stand, AAA=0.2, BBB=0.2, CCC=0.2)
    alone = stand.sluice("kill", "--account", "alpha", "--reason", "a drill")
    assert alone.stdout == "alpha: halted. 3 orders are still being canceled at the broker.\n"
    assert "No scheduler runs" in alone.stderr
    stand.start("jobs.scheduler")
    until(lambda: {order.status for order in stand.fake.orders} == {"canceled"})
    until(lambda: left(stand) == 0)
    again = stand.sluice("kill", "--account", "alpha", "--json")
    assert again.stdout == '{"accounts": {"alpha": "halted"}, "canceling": {"alpha": 0}}\n'
    assert len(stand.fake.sent) == 3
    stand.check()
