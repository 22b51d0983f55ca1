"""Rows 12 to 18 and 22 to 24: what becomes of an order once the broker has it."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from core.brokers.alpaca.stream import AlpacaOrderStream
from tests.fakes import misbehaviour as does
from tests.fakes.alpaca_trading import KEY_ID, SECRET_KEY, fills
from tests.fakes.server import Exchange, Reply
from tests.faults.stand import LOOK_UP, POST, Stand, until


def test_012_canceled_with_three_of_ten_filled(stand: Stand):
    stand.fake.fill_as(fills.partly("3"))
    one = stand.deploy(AAA=0.5)
    stand.window()
    (id_,) = stand.fake.sent_ids
    stand.fake.end(id_, "canceled")
    stand.tend()
    assert stand.held(one) == {"AAA": Decimal(3)}
    assert stand.orders()[id_].state == "canceled"
    stand.check()
    stand.fake.fill_as(fills.immediately)
    stand.next_session()
    stand.window()
    assert stand.fake.position("AAA") == Decimal("248.75")
    stand.check()


def test_013_the_fill_is_booked_before_the_reply_to_the_post(stand: Stand):
    """Another thread polls while the POST is still unanswered; the late reply says 'accepted'."""
    one = stand.deploy(AAA=0.5)
    desk = stand.desk()

    def filled_first(exchange: Exchange) -> Reply:
        reply = exchange.proper()
        stand.fake.run()
        desk.executor().tend(stand.account.id, None, 0)
        return reply

    stand.fake.misbehave(filled_first, **POST)
    stand.window(desk)
    (order,) = stand.orders().values()
    assert (order.state, order.filled_quantity) == ("filled", stand.fake.position("AAA"))
    assert stand.held(one) == {"AAA": stand.fake.position("AAA")}
    assert len(stand.fake.sent) == 1
    stand.check()


def test_014_a_fill_told_twice_by_stream_and_once_by_poll(stand: Stand):
    stand.fake.fill_as(fills.never)
    one = stand.deploy(AAA=0.5)
    stand.window()
    (id_,) = stand.fake.sent_ids
    said: list[tuple[str, object, dict[str, object]]] = []
    stand.fake.desk.listeners.append(lambda *told: said.append(told))
    stream = AlpacaOrderStream(
        KEY_ID, SECRET_KEY, trading_url=stand.fake.url, stream_url=stand.fake.stream_url
    )
    try:
        until(lambda: stream.connected and stand.fake.stream.listeners)
        stand.fake.fill(id_, "10")
        assert stream.changed(10) == {id_}
        executor = stand.desk().executor()
        pollers = [
            threading.Thread(target=executor.tend, args=(stand.account.id, None, 0))
            for _ in range(3)
        ]
        for poller in pollers:
            poller.start()
        for poller in pollers:
            poller.join()
        (told,) = said
        stand.fake._tell(*told)
        assert stream.changed(10) == {id_}
        stand.tend()
    finally:
        stream.close()
    assert stand.held(one) == {"AAA": Decimal(10)}
    assert stand.fake.position("AAA") == 10
    stand.fake.fill(id_)
    stand.check()


def test_015_messages_out_of_order_never_take_a_state_back(stand: Stand):
    """Seen: filled, then partly filled, then new; as polls that overtook each other."""
    stand.fake.fill_as(fills.never)
    one = stand.deploy(AAA=0.5)
    stand.window()
    (id_,) = stand.fake.sent_ids
    broker, row = stand.broker(), stand.orders()[id_]
    views = [broker.order(id_)]
    for quantity in ("10", None):
        stand.fake.fill(id_, quantity)
        views.append(broker.order(id_))
    executor = stand.desk().executor()
    for view in (views[2], views[1], views[0], views[2], views[1]):
        executor._book({row.id: view}, {row.id: row})
        order = stand.orders()[id_]
        assert (order.state, order.filled_quantity) == ("filled", Decimal("248.75"))
        assert stand.held(one) == {"AAA": Decimal("248.75")}
    assert len(stand.fake.sent) == 1
    stand.check()


def test_016_unknown_for_three_look_ups_then_filled(stand: Stand):
    one = stand.deploy(AAA=0.5)
    stand.fake.misbehave(does.drop_after, **POST)
    missing = does.status(404, {"code": 40410000, "message": "order not found"})
    states: list[str] = []

    def unknown(exchange: Exchange) -> Reply | None:
        states.extend(stand.states().values())
        return missing(exchange)

    stand.fake.misbehave(unknown, times=3, **LOOK_UP)
    stand.window()
    assert len(states) == 3
    assert set(states) <= {"sending", "unknown"}
    assert len(set(stand.fake.sent_ids)) == len(stand.fake.orders) == 1
    assert stand.states() == {"buy AAA": "filled"}
    assert stand.held(one) == {"AAA": stand.fake.position("AAA")}
    stand.check()


def test_016_unknown_blocks_its_symbol_until_it_is_answered(stand: Stand, monkeypatch):
    """The next window, the same day, may not guess: the order could be there."""
    monkeypatch.setattr("core.trading.decide.is_due", lambda *_: True)
    one = stand.deploy(AAA=0.4)
    stand.fake.misbehave(does.drop_after, **POST)
    missing = does.status(404, {"code": 40410000, "message": "order not found"})
    stand.fake.misbehave(missing, times=does.FOR_EVER, **LOOK_UP)
    stand.window()
    assert stand.states() == {"buy AAA": "unknown"}
    stand.want(one, AAA=0.4, BBB=0.4)
    stand.window(due=stand.due.__class__(stand.session, 5, stand.clock(), stand.due.closes_at))
    assert {body["symbol"] for body in stand.fake.sent} == {"AAA", "BBB"}
    assert len(set(stand.fake.sent_ids)) == len(stand.fake.orders) == 2
    stand.fake.behave()
    stand.tend()
    assert stand.states()["buy AAA"] == "filled"
    stand.check()


def test_017_pending_cancel_for_an_hour(stand: Stand, monkeypatch):
    monkeypatch.setattr("core.trading.decide.is_due", lambda *_: True)
    stand.at(minutes=120)
    stand.fake.fill_as(fills.never)
    stand.fake.never_cancel()
    stand.deploy(AAA=0.5)
    due = stand.due.__class__
    stand.window(due=due(stand.session, 120, stand.clock(), stand.due.closes_at))
    (id_,) = stand.fake.sent_ids
    stand.broker().cancel(stand.fake.order(id_).id)
    work = stand.work()
    for slot in (100, 80, 60, 50):
        stand.at(minutes=slot)
        work.tick()
        stand.window(due=due(stand.session, slot, stand.clock(), stand.due.closes_at))
    assert stand.orders()[id_].state == "pending_cancel"
    assert len(stand.fake.sent) == 1
    alarms = [said for said in stand.events() if "pending_cancel" in said or "cancel" in said]
    assert len(alarms) == 1
    stand.check()


def test_018_a_replaced_order_is_followed_and_counted_once(stand: Stand):
    stand.fake.fill_as(fills.partly("10"))
    one = stand.deploy(AAA=0.5)
    stand.window()
    (id_,) = stand.fake.sent_ids
    stand.fake.fill_as(fills.never)
    second = stand.fake.replace(id_, qty="90")
    stand.fake.fill(second.id, "20")
    stand.tend()
    assert stand.held(one) == {"AAA": Decimal(30)}
    third = stand.fake.replace(second.id, qty="70")
    stand.fake.fill(third.id)
    stand.tend()
    assert stand.held(one) == {"AAA": Decimal(100)}
    assert stand.orders()[id_].state == "filled"
    assert len(stand.fake.sent) == 1
    stand.check()


def test_022_what_is_too_small_is_said_and_not_sent(stand: Stand, monkeypatch):
    """Below a dollar; less than a whole share; what is left after crossing."""
    monkeypatch.setattr("core.trading.decide.is_due", lambda *_: True)
    stand.list_symbol("LUMP", "900", fractionable=False)
    one = stand.deploy(500, "one", AAA=0.001, LUMP=0.9)
    window = stand.window()
    assert window is not None
    assert window.state == "done"
    assert stand.fake.sent == []
    (decision,) = stand.services.windows.decisions(window.id)
    assert decision.state == "decided"
    assert "too small" in decision.reason
    assert "AAA" in decision.reason
    assert "LUMP" in decision.reason
    for slot in (9, 8, 7):
        stand.window(
            due=stand.due.__class__(stand.session, slot, stand.clock(), stand.due.closes_at)
        )
    assert stand.fake.sent == []
    assert stand.held(one) == {}
    stand.check()


def test_023_opposite_wishes_cross_inside_and_nothing_is_sent(stand: Stand):
    one = stand.deploy(20_000, "one", AAA=0.5)
    two = stand.deploy(20_000, "two", BBB=0.5)
    stand.window()
    sent = len(stand.fake.sent)
    stand.next_session()
    stand.want(one, BBB=0.5)
    stand.want(two, AAA=0.5)
    stand.window()
    assert len(stand.fake.sent) == sent
    assert stand.held(one).keys() == {"BBB"}
    assert stand.held(two).keys() == {"AAA"}
    stand.check()


def test_023_a_wash_trade_refusal_is_not_tried_again_and_is_told(stand: Stand):
    """Somebody's order arrived between our look and our POST."""
    one = stand.deploy(AAA=0.5)
    stand.window()
    stand.next_session()
    stand.want(one, AAA=0.2)

    def by_hand(exchange: Exchange) -> Reply:
        stand.fake.fill_as(fills.never)
        stand.fake.order_by_hand("AAA", "buy", "1", type="limit", limit_price="99")
        stand.fake.fill_as(fills.immediately)
        return exchange.proper()

    stand.fake.misbehave(by_hand, **POST)
    stand.window()
    assert len(stand.fake.sent) == 2
    assert stand.states()["sell AAA"] == "rejected"
    assert stand.orders()[stand.fake.sent_ids[1]].status == "wash_trade"
    stand.window()
    work = stand.work()
    for _ in range(3):
        work.tick()
    assert len(stand.fake.sent) == 2
    assert [text for text in stand.events("order_failed") if "wash trade" in text]
    stand.check()


@pytest.mark.parametrize("multiplier", [1, 2])
def test_024_a_position_is_never_turned_round(make_stand, monkeypatch, multiplier):
    """Sluice is long only: from long to short in one window is refused as a whole."""
    from tests.faults.test_submit import decide_instead

    stand = make_stand(multiplier=multiplier)
    one = stand.deploy(AAA=0.5)
    stand.window()
    stand.next_session()
    decide_instead(monkeypatch, one.flow_hash, {"AAA": -0.5})
    stand.window()
    assert len(stand.fake.sent) == 1
    assert stand.fake.position("AAA") > 0
    stand.check()


def test_024_buys_wait_until_the_sells_are_final(stand: Stand):
    """The money of a sale is not spent before it is there: at the broker, buys come after."""
    one = stand.deploy(95_000, AAA=1.0)
    stand.window()
    stand.next_session()
    stand.fake.fill_as(fills.after(20), "AAA")
    stand.want(one, BBB=0.9)
    stand.window()
    sell, buy = stand.fake.calls("/v2/orders", "POST")[1:]
    assert (buy.at - sell.at).total_seconds() >= 20
    assert stand.states()["buy BBB"] == "filled"
    stand.check()
