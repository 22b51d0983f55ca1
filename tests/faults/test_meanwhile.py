"""What somebody changes while Sluice is at work counts from that moment, whatever was read before."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.accounts.account import Account
from core.errors import BadInput
from core.portfolio.equity import TOTAL, Snapshot
from core.trading.breakers import during_session, new_session
from core.trading.deploy import pause, release, turn_kill_switch, undeploy
from core.trading.snapshots import Valued
from jobs.scheduler import Trading
from jobs.trading import AccountWork
from tests.fakes import misbehaviour as does
from tests.fakes.alpaca_trading import fills
from tests.faults.stand import SESSIONS, Stand


class Leading:
    leads = True


def while_it_plans(stand: Stand, happens: Callable[[], object]) -> None:
    """Once, after the window decided and before it has recorded anything."""
    stand.data.misbehave(
        does.meanwhile(lambda: happens() and None), path="/v2/stocks/quotes/latest"
    )


def test_a_strategy_paused_while_its_window_plans_trades_nothing(stand: Stand):
    one, other = stand.deploy(AAA=0.5, capital=20_000), stand.deploy(BBB=0.5, name="other")
    while_it_plans(stand, lambda: pause(stand.desk(), one))
    window = stand.window()
    assert window is not None
    assert window.state == "done"
    assert [body["symbol"] for body in stand.fake.sent] == ["BBB"]
    decided = {d.deployment_id: d.state for d in stand.services.windows.decisions(window.id)}
    assert decided == {one.id: "held", other.id: "decided"}
    stand.check()


def test_a_version_changed_while_its_window_plans_is_the_one_that_trades(stand: Stand):
    one = stand.deploy(AAA=0.5)
    while_it_plans(stand, lambda: stand.want(one, BBB=0.5))
    stand.window()
    assert [body["symbol"] for body in stand.fake.sent] == ["BBB"]
    stand.check()


def test_a_strategy_is_not_stopped_under_orders_recorded_this_moment(stand: Stand, monkeypatch):
    """Else what they fill would belong to nobody."""
    stand.fake.fill_as(fills.never)
    one = stand.deploy(AAA=0.5)
    ledger = stand.services.ledger
    lock = ledger.lock

    def a_window_is_first(*arguments: Any) -> None:
        monkeypatch.setattr(ledger, "lock", lock)
        stand.window()
        lock(*arguments)

    monkeypatch.setattr(ledger, "lock", a_window_is_first)
    with pytest.raises(BadInput, match="an order of one is open"):
        release(stand.desk(), one, reason="stopped by a person")
    assert stand.services.deployments.by_id(one.id).state == "active"
    stand.check()


def test_of_two_that_sold_everything_the_one_with_an_open_order_waits(stand: Stand):
    stand.fake.fill_as(fills.never, "CCC")
    first = stand.deploy(AAA=0.3, CCC=0.1, capital=20_000)
    second = stand.deploy(BBB=0.3, name="two")
    stand.window()
    for one in (first, second):
        undeploy(stand.desk(), one, liquidate=True)
    stand.at(minutes=5)
    stand.window(due=replace(stand.due, slot=5))
    assert stand.held(first) == stand.held(second) == {}
    assert {o.symbol for o in stand.services.orders.open(stand.account.id)} == {"CCC"}
    states = {d.name: d.state for d in stand.services.deployments.of_user(stand.services.user.id)}
    assert states == {"one": "liquidating", "two": "stopped"}
    stand.check()


def halted_after_the_look(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person presses the switch right after the account was read, once."""
    accounts = stand.services.accounts
    look = accounts.by_id

    def by_id(id: Any) -> Any:  # noqa: A002
        seen = look(id)
        monkeypatch.setattr(accounts, "by_id", look)
        turn_kill_switch(stand.services, stand.account, "halted", reason="by a person")
        return seen

    monkeypatch.setattr(accounts, "by_id", by_id)


def test_a_new_session_lets_nobody_go_whom_a_person_halted(stand: Stand, monkeypatch):
    desk = stand.desk()
    desk.accounts.switch(stand.account.id, "reducing", reason="a bad day", by="breaker")
    stand.clock.advance(60)
    halted_after_the_look(stand, monkeypatch)
    new_session(desk, stand.clock())
    account = stand.services.accounts.by_id(stand.account.id)
    assert (account.state, account.state_by) == ("halted", "user")
    assert stand.events("breaker_released") == []


def test_what_a_breaker_reduced_and_a_person_reduced_again_is_the_persons(stand: Stand):
    desk = stand.desk()
    desk.accounts.switch(stand.account.id, "reducing", reason="a bad day", by="breaker")
    assert turn_kill_switch(stand.services, stand.account, "reducing", reason="I want it so")
    assert not turn_kill_switch(stand.services, stand.account, "reducing", reason="again")
    stand.clock.advance(60)
    new_session(desk, stand.clock())
    account = stand.services.accounts.by_id(stand.account.id)
    assert (account.state, account.state_by) == ("reducing", "user")
    assert account.state_reason == "I want it so"
    assert not desk.accounts.switch(
        account.id, "active", reason="", by="breaker", expected=("reducing",)
    )


def test_a_breaker_makes_no_halt_of_a_person_smaller(stand: Stand, monkeypatch):
    desk = stand.desk()
    before = Snapshot(
        book=TOTAL, session=SESSIONS[0] - timedelta(days=3), at=stand.clock() - timedelta(days=3),
        equity=Decimal(200_000), cash=Decimal(200_000), flow=Decimal(0), result=None, growth=1.0,
        drawdown=0.0,
    )  # fmt: skip
    desk.equity.put_snapshots(stand.account.id, [before])
    seen, accounts = stand.services.accounts.by_id(stand.account.id), stand.services.accounts
    # Whenever it is asked within the breaker's work, it answers what was so before the press.
    monkeypatch.setattr(accounts, "by_id", lambda _: seen)
    turn_kill_switch(stand.services, stand.account, "halted", reason="by a person")
    half = Valued(Decimal(100_000), Decimal(100_000), {}, stale=False)
    during_session(desk, {TOTAL: half})
    monkeypatch.undo()
    account = accounts.by_id(stand.account.id)
    assert (account.state, account.state_by) == ("halted", "user")
    assert stand.events("breaker_tripped") == []


def test_an_account_added_while_another_question_was_asked_keeps_its_work(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
):
    """Else its desk would be closed while a thread works at it."""
    seen: list[AccountWork] = []
    trading = Trading(stand.services, Leading(), threading.Event())
    accounts = stand.services.accounts
    everyone = accounts.all
    assert stand.account.name == "alpha"

    def asked_before_it_was_there(*_: object) -> tuple[Account, ...]:
        monkeypatch.setattr(accounts, "all", everyone)
        trading.each(seen.append, 10, "equity")
        return ()

    monkeypatch.setattr(accounts, "all", asked_before_it_was_there)
    trading.each(seen.append, 10, "window")
    trading.each(seen.append, 10, "window")
    trading.end()
    first, second = seen
    assert first is second
