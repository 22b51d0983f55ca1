"""Rows 1 to 4 and 8 to 11: one intent is one order under one id. Rows 5 to 7: test_processes.py."""

from __future__ import annotations

import re
import threading
from decimal import Decimal

import pytest

from core.risk.limits import Limits
from core.trading.decide import Decision
from core.trading.schedule import Due
from tests.fakes import misbehaviour as does
from tests.fakes.server import Exchange
from tests.faults.stand import LOOK_UP, POST, Stand, closes_at

UNIQUE = {"code": 40010001, "message": "client_order_id must be unique"}


def test_001_connection_dropped_after_the_order_was_taken(stand: Stand):
    one = stand.deploy(AAA=0.5)
    stand.fake.misbehave(does.drop_after, **POST)
    window = stand.window()
    assert window is not None
    assert window.state == "done"
    assert len(stand.fake.sent) == len(stand.fake.orders) == 1
    assert stand.states() == {"buy AAA": "filled"}
    assert stand.held(one) == {"AAA": stand.fake.position("AAA")}
    stand.check()


def test_002_four_504_the_first_of_which_took_the_order(stand: Stand):
    stand.deploy(AAA=0.5)
    stand.fake.misbehave(does.instead(does.status(504)), times=4, **POST)
    stand.window()
    assert len(stand.fake.sent) == len(stand.fake.orders) == 1
    assert stand.states() == {"buy AAA": "filled"}
    stand.check()


def test_003_dropped_before_processing_is_sent_again_once_under_its_id(stand: Stand):
    stand.deploy(AAA=0.5)
    stand.fake.misbehave(does.drop, **POST)
    stand.window()
    assert len(stand.fake.sent_ids) == 2
    assert len(set(stand.fake.sent_ids)) == len(stand.fake.orders) == 1
    assert len(stand.fake.calls(LOOK_UP["path"])) >= 1
    assert stand.states() == {"buy AAA": "filled"}
    stand.check()


def test_003_a_server_that_drops_for_ever_is_not_stormed(stand: Stand):
    stand.deploy(AAA=0.5)
    stand.fake.misbehave(does.drop, times=does.FOR_EVER, **POST)
    stand.window()
    for _ in range(5):
        stand.tend()
    assert len(stand.fake.sent_ids) == 2
    assert len(set(stand.fake.sent_ids)) == 1
    assert stand.states() == {"buy AAA": "unknown"}
    stand.check()


def test_003_once_the_window_is_closed_nothing_is_sent_again(stand: Stand):
    """The symbol is free again when its day is over and the broker still has no such order."""
    one = stand.deploy(AAA=0.5)

    def drop_past_the_close(_: Exchange) -> None:
        stand.clock.advance(15 * 60)

    stand.fake.misbehave(drop_past_the_close, **POST)
    stand.window()
    stand.window()
    stand.tend()
    assert len(stand.fake.sent) == 1
    assert stand.fake.orders == []
    assert stand.states() == {"buy AAA": "unknown"}
    stand.next_session()
    stand.window()
    first, second = stand.fake.sent_ids
    assert first != second
    assert stand.orders()[first].state == "lapsed"
    assert stand.held(one) == {"AAA": stand.fake.position("AAA")}
    stand.check()


def test_004_client_order_id_must_be_unique_means_it_exists(stand: Stand):
    one = stand.deploy(AAA=0.5)
    stand.fake.misbehave(does.instead(does.status(422, UNIQUE)), **POST)
    window = stand.window()
    assert window is not None
    assert window.state == "done"
    assert len(stand.fake.sent) == 1
    assert stand.states() == {"buy AAA": "filled"}
    assert stand.held(one) == {"AAA": stand.fake.position("AAA")}
    assert stand.events() == []
    stand.check()


# -- the same window, the same target ---------------------------------------------------------------


def test_008_run_now_twice_is_one_window(stand: Stand):
    """Two tabs ask at the same moment, and once more while it runs."""
    stand.at(minutes=60)
    stand.deploy(AAA=0.5)
    granted: list[object] = []
    barrier = threading.Barrier(2)

    def press() -> None:
        barrier.wait()
        granted.append(request(stand))

    tabs = [threading.Thread(target=press) for _ in range(2)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert sum(one is not None for one in granted) == 1
    stand.fake.misbehave(does.meanwhile(lambda: granted.append(request(stand))), **POST)
    stand.work().tick()
    assert granted[2] is None
    assert len(stand.fake.sent) == 1
    stand.work().tick()
    assert len(stand.fake.sent) == 1
    assert len(stand.services.windows.of(stand.account.id)) == 1
    stand.check()


def test_008_a_window_that_ran_runs_no_second_time(stand: Stand):
    stand.deploy(AAA=0.5)
    assert stand.window() is not None
    assert stand.window() is None
    assert len(stand.fake.sent) == 1
    stand.check()


def request(stand: Stand) -> object:
    return stand.services.windows.request(
        stand.account.id,
        stand.session,
        due_at=stand.clock(),
        closes_at=closes_at(stand.session),
        limit=stand.account.limits.manual_windows_per_day,
    )


def test_009_the_same_target_500_times_in_two_minutes(stand: Stand, monkeypatch):
    """Asked for 500 times it runs ten times; wanting the same each time it trades once, whether
    the order is still open or filled."""
    from tests.fakes.alpaca_trading import fills

    monkeypatch.setattr("core.trading.decide.is_due", lambda *_: True)
    stand.at(minutes=60)
    stand.fake.fill_as(fills.never)
    one = stand.deploy(AAA=0.5)
    work = stand.work()
    refused = 0
    for i in range(500):
        if request(stand) is None:
            refused += 1
        else:
            work.tick()
        stand.clock.advance(0.1)
        if i == 4:
            stand.fake.fill(stand.fake.sent_ids[0])
    assert refused == 490
    assert len(stand.fake.sent) == 1
    assert stand.held(one) == {"AAA": stand.fake.position("AAA")}
    stand.check()


def test_009_a_strategy_that_turns_round_and_round_is_halted(stand: Stand, monkeypatch):
    monkeypatch.setattr("core.trading.decide.is_due", lambda *_: True)
    one = stand.deploy(AAA=0.5)
    limits = Limits(orders_per_day=6, refusals_before_halt=3, cost_allowance_bps=50)
    stand.services.accounts.change(stand.account.id, limits=limits)
    closes = closes_at(stand.session)
    for slot in range(300, 240, -1):
        stand.want(one, **({"AAA": 0.5} if slot % 2 else {"BBB": 0.5}))
        stand.window(due=Due(stand.session, slot, stand.clock(), closes))
        if stand.services.accounts.by_id(stand.account.id).state == "halted":
            break
    account = stand.services.accounts.by_id(stand.account.id)
    assert account.state == "halted"
    assert "budget" in account.state_reason
    assert any("account_halted" in said for said in stand.events())
    buys = [body for body in stand.fake.sent if body["side"] == "buy"]
    assert len(buys) <= 6
    sent = len(stand.fake.sent)
    stand.window()
    assert len(stand.fake.sent) == sent
    stand.check()


# -- numbers ------------------------------------------------------------------------------------------


def test_010_quantities_are_exact_text_and_ids_short(make_stand):
    stand = make_stand(cash=Decimal(10_000_000_000))
    stand.list_symbol("DEAR", "100000")
    stand.list_symbol("CHEAPESTOFALL", "81.0000006")
    stand.list_symbol("THIRD", "3")
    stand.account  # noqa: B018  opened
    limits = Limits(cost_allowance_bps=0)
    stand.services.accounts.change(stand.account.id, limits=limits)
    stand.deploy("2.04", "tiny", DEAR=0.5)
    stand.deploy("9000000000.1", "big", CHEAPESTOFALL=0.9)
    stand.deploy("100", "sum", THIRD=0.1 + 0.2)
    stand.window()
    sent = {body["symbol"]: body["qty"] for body in stand.fake.sent}
    assert sent["DEAR"] == "0.0000102"
    assert sent["THIRD"] == "10"
    assert sent["CHEAPESTOFALL"] == "99999999.260370375"
    for body in stand.fake.sent:
        assert re.fullmatch(r"\d+(\.\d{1,9})?", body["qty"])
        assert 0 < len(body["client_order_id"]) <= 36
    stand.check()


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"AAA": float("nan")}, "not a number"),
        ({"AAA": float("inf")}, "not a number"),
        ({"AAA": None}, "not a number"),
        ({"AAA": -0.5}, "below zero"),
        ({"AAA": 0.8, "BBB": 0.8}, "limit"),
    ],
    ids=["nan", "inf", "none", "negative", "1.6"],
)
def test_011_weights_that_cannot_be_abort_their_strategy_only(
    stand: Stand, monkeypatch, weights, said
):
    bad = stand.deploy(20_000, "bad", AAA=0.5)
    good = stand.deploy(20_000, "good", BBB=0.5)
    decide_instead(monkeypatch, bad.flow_hash, weights)
    stand.window()
    assert [body["symbol"] for body in stand.fake.sent] == ["BBB"]
    decided = {d.deployment_id: d for d in stand.services.windows.decisions(window_id(stand))}
    assert decided[bad.id].state == "aborted"
    assert said in decided[bad.id].reason
    assert decided[good.id].state == "decided"
    assert any("bad did not trade" in text for text in stand.events("refused"))
    stand.check()


@pytest.mark.parametrize(
    ("weights", "invested"), [({"AAA": 0.5000001, "BBB": 0.5}, 0.995), ({"AAA": 0.97}, 0.96515)]
)
def test_011_weights_within_the_tolerance_trade_and_the_rest_is_cash(
    make_stand, monkeypatch, weights, invested
):
    stand = make_stand(multiplier=2)
    one = stand.deploy(20_000, AAA=0.5)
    decide_instead(monkeypatch, one.flow_hash, weights)
    stand.window()
    worth = sum(stand.price(s) * q for s, q in stand.held(one).items())
    assert float(worth) == pytest.approx(20_000 * invested, rel=1e-6)
    stand.check()


def decide_instead(monkeypatch, flow_hash: str, weights) -> None:
    """One strategy's flow decides what no flow should."""
    from core.trading import decisions

    real = decisions.decide_one

    def decide(ready, *args, **more):
        if ready is kept[0]:
            return Decision("decided", weights=weights)
        return real(ready, *args, **more)

    real_prepare, kept = decisions.prepare, []

    def prepare(deployment):
        ready = real_prepare(deployment)
        if deployment.flow_hash == flow_hash:
            kept[:] = [ready]
        return ready

    monkeypatch.setattr(decisions, "decide_one", decide)
    monkeypatch.setattr(decisions, "prepare", prepare)


def window_id(stand: Stand):
    return stand.services.windows.of(stand.account.id)[0].id
