"""What failed of a strategy that does not trade daily is completed in the next window, once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from core.db.legs import newest_legs
from core.portfolio.records import Leg
from core.trading.completing import owed
from core.trading.deploy import pause, resume, turn_kill_switch
from tests.fakes import misbehaviour as does
from tests.fakes.alpaca_trading import fills
from tests.fakes.server import Exchange, Reply
from tests.faults.stand import POST, SESSIONS, Stand, flow, no_reference

NO = {"code": 40310000, "message": "the asset is under review"}


def refuse(stand: Stand, *symbols: str, times: int = does.FOR_EVER) -> None:
    """The broker takes no order in these."""

    def act(exchange: Exchange) -> Reply:
        symbol = json.loads(exchange.call.body)["symbol"]
        return Reply.of(NO, 403) if symbol in symbols else exchange.proper()

    stand.fake.misbehave(act, times=times, **POST)


def sent(stand: Stand) -> list[tuple[str, str, Decimal]]:
    return [(body["side"], body["symbol"], Decimal(body["qty"])) for body in stand.fake.sent]


def newest(stand: Stand) -> Any:
    return stand.services.windows.of(stand.account.id)[0]


def said(stand: Stand) -> list[str]:
    return [one["detail"] for one in newest(stand).timeline if one["step"] == "completing"]


def half_done(stand: Stand, **more: Any) -> Any:
    """A monthly strategy whose order in BBB was rejected; AAA has moved since."""
    one = stand.deploy(rebalance="monthly", **{"AAA": 0.4, "BBB": 0.2, **more})
    refuse(stand, "BBB")
    stand.window()
    assert stand.states() == {"buy AAA": "filled", "buy BBB": "rejected"}
    stand.fake.behave()
    stand.data.quotes.set("AAA", "110.00")
    stand.next_session()
    return one


def test_what_was_rejected_is_bought_in_the_next_window(stand: Stand):
    one = half_done(stand)
    (_, _, wanted) = next(body for body in sent(stand) if body[1] == "BBB")
    stand.window()
    assert sent(stand)[2:] == [("buy", "BBB", wanted)]
    assert stand.states()["buy BBB"] == "filled"
    assert stand.held(one)["BBB"] == wanted
    (told,) = said(stand)
    assert told == f"one completes what failed since {SESSIONS[0]}: buy {wanted} BBB"
    (decision,) = stand.services.windows.decisions(newest(stand).id)
    assert decision.state == "held"
    assert "completes what failed" in decision.reason
    stand.next_session()
    stand.window()
    assert len(stand.fake.sent) == 3
    assert said(stand) == []
    stand.check()


def test_a_daily_strategy_trades_as_ever(stand: Stand):
    """It decides anew, drifted prices and all, and completes nothing."""
    stand.deploy(AAA=0.4, BBB=0.2)
    refuse(stand, "BBB")
    stand.window()
    stand.fake.behave()
    stand.data.quotes.set("AAA", "110.00")
    stand.next_session()
    stand.window()
    assert [body[:2] for body in sent(stand)[2:]] == [("sell", "AAA"), ("buy", "BBB")]
    assert said(stand) == []
    stand.check()


def test_an_order_that_expired_in_part(stand: Stand):
    one = stand.deploy(rebalance="monthly", AAA=0.4, BBB=0.2)
    stand.fake.fill_as(fills.partly("30"), "BBB")
    stand.window()
    stand.fake.fill_as(fills.immediately)
    stand.at(minutes=-5)
    stand.work().tick()
    assert stand.states()["buy BBB"] == "expired"
    stand.data.quotes.set("AAA", "90.00")
    stand.next_session()
    stand.window()
    (_, _, wanted) = next(body for body in sent(stand) if body[1] == "BBB")
    ((side, symbol, rest),) = sent(stand)[2:]
    assert (side, symbol) == ("buy", "BBB")
    assert 0 < rest <= wanted - 30
    assert stand.held(one)["BBB"] == 30 + rest
    stand.check()


def test_however_many_failed_they_are_asked_for_at_once(stand: Stand):
    one = stand.deploy(rebalance="monthly", AAA=0.2, BBB=0.2, CCC=0.2)
    refuse(stand, "AAA", "BBB", "CCC")
    stand.window()
    engine, asked = stand.services.database.engine, []

    def heard(*arguments: Any) -> None:
        asked.append(arguments[2])

    event.listen(engine, "before_cursor_execute", heard)
    try:
        legs = newest_legs(engine, stand.account.id, [one.book], SESSIONS[0])
    finally:
        event.remove(engine, "before_cursor_execute", heard)
    assert {(leg.symbol, leg.state) for leg in legs} == {
        ("AAA", "rejected"), ("BBB", "rejected"), ("CCC", "rejected")
    }  # fmt: skip
    assert all(leg.missing > 0 and leg.crossed == 0 for leg in legs)
    assert len(asked) == 1
    stand.fake.behave()
    stand.check()


@pytest.mark.parametrize("price", ["25.00", "100.00"])
def test_never_more_than_was_missing_nor_than_the_target(stand: Stand, price: str):
    """Cheaper, it buys what was missing; dearer, what the target is worth."""
    half_done(stand)
    (_, _, wanted) = next(body for body in sent(stand) if body[1] == "BBB")
    stand.data.quotes.set("BBB", price)
    stand.at()
    stand.window()
    ((_, symbol, bought),) = sent(stand)[2:]
    assert symbol == "BBB"
    assert bought <= wanted
    assert bought * Decimal(price) <= Decimal("0.2") * 52_100
    stand.check()


def test_a_sale_that_failed_and_the_buy_it_was_to_pay(stand: Stand):
    """Sells first; no money is spent that is not there."""
    one = stand.deploy(90_000, rebalance="monthly", AAA=1.0)
    stand.window()
    stand.session = SESSIONS[1]
    stand.clock.advance((date(2026, 12, 1) - SESSIONS[0]).days * 86_400)
    stand.session = date(2026, 12, 1)
    stand.at(stand.session)
    from core.trading.deploy import swap

    changed = flow("one", {"BBB": 1.0}, "monthly")
    swap(stand.desk(), one, changed, no_reference, version=None)
    refuse(stand, "AAA", "BBB")
    stand.window()
    stand.fake.behave()
    assert stand.states()["sell AAA"] == "rejected"
    before = len(stand.fake.sent)
    stand.at(date(2026, 12, 2))
    stand.window()
    assert [body[:2] for body in sent(stand)[before:]] == [("sell", "AAA"), ("buy", "BBB")]
    assert stand.held(one).keys() == {"BBB"}
    assert stand.services.ledger.balances(stand.account.id)[one.book].get("USD", 0) >= 0
    stand.check()


def test_limits_hold_for_what_is_completed(stand: Stand):
    """Refused by a limit it is refused again, and completed once the limit allows it."""
    limits = stand.account.limits
    tight = limits.model_copy(update={"position_share": 0.15})
    stand.services.accounts.change(stand.account.id, limits=tight)
    stand.deploy(90_000, rebalance="monthly", AAA=0.1, BBB=0.2)
    stand.window()
    assert stand.states() == {"buy AAA": "filled", "buy BBB": "refused"}
    stand.next_session()
    stand.window()
    assert len(stand.fake.sent) == 1
    stand.services.accounts.change(stand.account.id, limits=limits)
    stand.next_session()
    stand.window()
    assert [body[1] for body in sent(stand)] == ["AAA", "BBB"]
    stand.check()


def test_paused_it_waits_and_resumed_it_completes(stand: Stand):
    one = half_done(stand)
    pause(stand.desk(), one)
    stand.window()
    assert len(stand.fake.sent) == 2
    stand.next_session()
    resume(stand.desk(), one)
    stand.window()
    assert [body[1] for body in sent(stand)[2:]] == ["BBB"]
    stand.check()


def test_what_the_kill_switch_stopped_is_not_made_up_for(stand: Stand):
    stand.fake.fill_as(fills.never)
    stand.deploy(rebalance="monthly", AAA=0.4, BBB=0.2)
    stand.window()
    turn_kill_switch(stand.services, stand.account, "halted", reason="a person")
    for _ in range(3):
        stand.work().tick()
    turn_kill_switch(stand.services, stand.account, "active", reason="")
    stand.fake.fill_as(fills.immediately)
    for _ in range(2):
        stand.next_session()
        stand.window()
    assert len(stand.fake.sent) == 2
    assert set(stand.states().values()) == {"canceled"}
    stand.check()


def test_another_version_has_another_target(stand: Stand):
    one = half_done(stand)
    from core.trading.deploy import swap

    changed = flow("one", {"AAA": 0.4, "CCC": 0.2}, "monthly")
    swap(stand.desk(), one, changed, no_reference, version=None)
    stand.window()
    assert len(stand.fake.sent) == 2
    stand.check()


def test_a_strategy_that_trades_by_drift(stand: Stand):
    """Too little is missing to be a drift: it is completed all the same."""
    drift = {"every": "daily", "threshold": 0.1}
    one = stand.deploy(rebalance=drift, AAA=0.4, BBB=0.2)
    stand.fake.fill_as(fills.partly("150"), "BBB")
    stand.window()
    stand.fake.fill_as(fills.immediately)
    stand.at(minutes=-5)
    stand.work().tick()
    assert stand.states()["buy BBB"] == "expired"
    stand.data.quotes.set("AAA", "101.00")
    stand.next_session()
    stand.window()
    assert [body[1] for body in sent(stand)[2:]] == ["BBB"]
    assert stand.held(one)["BBB"] > 150
    stand.next_session()
    stand.window()
    assert len(stand.fake.sent) == 3
    stand.check()


# -- what is owed, by itself --------------------------------------------------------------------------

LEG = Leg(
    "book", "AAA", "buy", SESSIONS[0], None, "rejected", "other", False, Decimal(10), "hash",
)  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ({}, 10),
        ({"side": "sell"}, -10),
        ({"state": "expired", "missing": Decimal(4)}, 4),
        ({"state": "refused", "status": "position"}, 10),
        ({"crossed": Decimal(3)}, 7),
        ({"crossed": Decimal(-3)}, 10),
        ({"crossed": Decimal(12)}, None),
        ({"side": "sell", "crossed": Decimal(-3)}, -7),
        ({"side": "sell", "crossed": Decimal(-12)}, None),
        ({"state": "filled", "missing": Decimal(0)}, None),
        ({"state": "canceled"}, None),
        ({"state": "expired", "called_off": True}, None),
        ({"state": "refused", "status": "halted"}, None),
        ({"state": "refused", "status": "reducing"}, None),
        ({"state": "refused", "status": "too_small"}, None),
        ({"state": "unknown"}, None),
        ({"flow_hash": "other"}, None),
        ({"session": date(2026, 11, 20)}, None),
    ],
)
def test_what_of_a_leg_is_owed(more: dict[str, Any], missing: int | None):
    found = owed([replace(LEG, **more)], {"AAA": 1.0}, "hash", SESSIONS[0])
    assert (found and found.missing) == (None if missing is None else {"AAA": missing})
