"""Rows 26 to 32, 35 and 36: what is owned, by whom, and that it sums to what the broker holds."""

from __future__ import annotations

import itertools
import random
from decimal import Decimal

import pytest

from core.accounts.account import lease_of
from core.portfolio.ledger import owned
from core.trading.snapshots import snapshot, value_now
from tests.fakes import misbehaviour as does
from tests.fakes.alpaca_trading import fills
from tests.faults.stand import Stand


def test_026_a_position_and_an_order_made_by_hand(stand: Stand):
    stand.fake.give("CCC", "7", "20")
    stand.fake.give("AAA", "3", "100")
    stand.fake.fill_as(fills.never)
    by_hand = stand.fake.order_by_hand("BBB", "buy", "5")
    stand.fake.fill_as(fills.immediately)
    one = stand.deploy(40_000, AAA=0.4, BBB=0.4)
    stand.window()
    assert stand.external() == {"AAA": Decimal(3), "CCC": Decimal(7)}
    assert stand.held(one) == {"AAA": Decimal("159.2"), "BBB": Decimal("318.4")}
    stand.fake.fill(by_hand.id)
    stand.next_session()
    stand.want(one, CCC=0.2)
    stand.window()
    assert stand.external() == {"AAA": Decimal(3), "BBB": Decimal(5), "CCC": Decimal(7)}
    assert stand.fake.position("AAA") == 3
    assert stand.fake.position("CCC") == 7 + stand.held(one)["CCC"]
    assert stand.fake.canceled_ids == []
    stand.check()


def test_027_a_broker_that_answers_503(stand: Stand):
    stand.deploy(AAA=0.5)
    stand.fake.misbehave(does.status(503), times=does.FOR_EVER)
    work = stand.work()
    assert "not reconciled" in work.start()
    asked = [len(stand.fake.journal)]
    for _ in range(60):
        work.tick()
        stand.clock.advance(2)
        asked.append(len(stand.fake.journal))
    assert stand.fake.sent == []
    assert len(stand.events("window_failed")) == 1
    tries = sum(b > a for a, b in itertools.pairwise(asked))
    assert 3 <= tries <= 10
    stand.fake.behave()
    stand.clock.advance(60)
    work.tick()
    assert len(stand.fake.sent) == 1
    stand.check()


def test_028_somebody_sold_what_strategies_own(stand: Stand):
    one = stand.deploy(20_000, "one", AAA=0.5)
    two = stand.deploy(20_000, "two", AAA=0.25, BBB=0.25)
    stand.window()
    held = stand.fake.position("AAA")
    sent = len(stand.fake.sent)
    stand.fake.order_by_hand("AAA", "sell", "20")
    stand.next_session()
    stand.want(one, AAA=0.9)
    stand.want(two, BBB=0.5)
    stand.window()
    assert [body["symbol"] for body in stand.fake.sent[sent:]] == ["BBB"]
    (difference,) = stand.services.accounts.by_id(stand.account.id).differences
    assert difference["asset"] == "AAA"
    assert Decimal(difference["ledger"]) - Decimal(difference["broker"]) == 20
    assert difference["by_book"].keys() == {one.book, two.book}
    assert len(stand.events("difference")) == 1
    stand.next_session()
    stand.window()
    assert len(stand.events("difference")) == 1
    assert not [body for body in stand.fake.sent[sent:] if body["symbol"] == "AAA"]
    # A person buys back what was sold: it is traded again, by itself.
    stand.fake.order_by_hand("AAA", "buy", "20")
    assert stand.fake.position("AAA") == held
    stand.next_session()
    stand.window()
    assert [body for body in stand.fake.sent[sent:] if body["symbol"] == "AAA"]
    stand.check()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_029_a_hundred_strategies_trade_at_random(make_stand, monkeypatch, seed):
    """After every step the books sum to what the broker has, and cash does."""
    monkeypatch.setattr("core.trading.decide.is_due", lambda *_: True)
    draw = random.Random(seed)
    stand = make_stand(cash=Decimal(1_000_000), multiplier=2)
    symbols = [s for s in stand.symbols if s.startswith("X")][:12]
    stand.fake.fill_as(fills.at_random(seed, partial=0.5, slowest_seconds=4))
    stand.at(minutes=200)
    flows = {
        i: stand.deploy(draw.randint(2000, 9000), f"s{i:03}", **weights(draw, symbols))
        for i in range(100)
    }
    due = stand.due.__class__
    for turn in range(4):
        stand.at(minutes=200 - 10 * turn)
        for i in draw.sample(sorted(flows), 30):
            stand.want(flows[i], **weights(draw, symbols))
        for symbol in symbols:
            stand.data.quotes.set(symbol, f"{draw.uniform(8, 12):.2f}")
        stand.write_bars()
        stand.window(due=due(stand.session, 200 - turn, stand.clock(), stand.due.closes_at))
        stand.check()
        books = stand.services.ledger.balances(stand.account.id)
        assert owned(books)["USD"] == stand.fake.account.cash
    assert len(stand.fake.sent) >= 12


def weights(draw: random.Random, symbols: list[str]) -> dict[str, float]:
    chosen = draw.sample(symbols, 3)
    shares = [round(draw.uniform(0.05, 0.3), 3) for _ in chosen]
    return dict(zip(chosen, shares, strict=True))


def test_030_a_partial_fill_of_five_strategies_order(stand: Stand):
    """In proportion to what each is still owed, rounded down, the remainder to the last."""
    stand.fake.fill_as(fills.partly("100.000000007"))
    made = [stand.deploy(10_000, f"s{i}", AAA=0.1 * i) for i in range(1, 6)]
    stand.window()
    assert len(stand.fake.sent) == 1
    held = [stand.held(one)["AAA"] for one in made]
    assert sum(held) == stand.fake.position("AAA") == Decimal("100.000000007")
    wanted = Decimal(stand.fake.sent[0]["qty"])
    for i, quantity in enumerate(held, 1):
        share = Decimal("100.000000007") * i / 15
        assert abs(quantity - share) < Decimal("0.000000005"), wanted
    (id_,) = stand.fake.sent_ids
    stand.fake.end(id_, "canceled")
    stand.check()


def test_031_a_split_two_for_one_overnight(stand: Stand):
    one = stand.deploy(AAA=0.5)
    stand.window()
    before = stand.held(one)["AAA"]
    sent = len(stand.fake.sent)
    stand.fake.split("AAA", "2")
    stand.next_session()
    stand.window()
    assert stand.held(one) == {"AAA": before * 2}
    assert len(stand.fake.sent) == sent
    assert stand.services.deployments.by_id(one.id).state == "active"
    stand.check()


def test_031_a_reverse_split_with_a_fraction(stand: Stand):
    one = stand.deploy(33_300, DDD=0.5)
    stand.fake.give("DDD", "3", "8")
    stand.window()
    before = stand.held(one)["DDD"]
    sent = len(stand.fake.sent)
    stand.fake.split("DDD", "0.1")
    stand.next_session()
    stand.window()
    assert stand.held(one)["DDD"] + stand.external()["DDD"] == stand.fake.position("DDD")
    assert abs(stand.held(one)["DDD"] - before / 10) < Decimal("0.00000001")
    assert len(stand.fake.sent) == sent
    stand.check()


def test_031_a_split_whose_activity_comes_days_late_stops_the_symbol(stand: Stand):
    """More shares at half the price are nobody's purchase: no phantom loss, nothing is sold."""
    one = stand.deploy(AAA=0.5, BBB=0.3)
    stand.window()
    before = stand.held(one)["AAA"]
    sent = len(stand.fake.sent)
    stand.at(minutes=-6)
    stand.work().close_session()
    stand.fake.split("AAA", "2")
    late = [a for a in stand.fake.account.activities if a["activity_type"] == "SPLIT"]
    for activity in late:
        stand.fake.account.activities.remove(activity)
    stand.next_session()
    stand.window()
    assert len(stand.fake.sent) == sent
    assert stand.external().get("AAA") is None
    (difference,) = stand.services.accounts.by_id(stand.account.id).differences
    assert difference["asset"] == "AAA"
    stand.work().look_at_equity()
    stand.at(minutes=-6)
    stand.work().close_session()
    assert stand.services.deployments.by_id(one.id).state == "active"
    assert stand.services.accounts.by_id(stand.account.id).state == "active"
    stand.fake.account.activities.extend(late)
    stand.next_session()
    stand.window()
    assert stand.held(one)["AAA"] == before * 2
    assert len(stand.fake.sent) == sent
    stand.check()


def test_031_a_split_before_the_account_was_added_is_not_booked_again(stand: Stand):
    stand.fake.give("AAA", "10", "200")
    stand.fake.split("AAA", "2")
    one = stand.deploy(AAA=0.1)
    stand.window()
    bought = Decimal(stand.fake.sent[0]["qty"])
    stand.next_session()
    stand.settle()
    assert stand.held(one) == {"AAA": bought}
    assert stand.external() == {"AAA": Decimal(20)}
    stand.check()


def test_031_a_symbol_renamed_overnight(stand: Stand):
    one = stand.deploy(AAA=0.5)
    stand.window()
    before = stand.held(one)["AAA"]
    sent = len(stand.fake.sent)
    stand.list_symbol("NEWA", "100.00")
    stand.fake.rename("AAA", "NEWA")
    stand.next_session()
    stand.want(one, NEWA=0.5)
    stand.window()
    assert stand.held(one) == {"NEWA": before}
    assert len(stand.fake.sent) == sent
    stand.check()


def test_032_a_dividend_is_booked_once_when_it_arrives(stand: Stand):
    one = stand.deploy(20_000, "one", AAA=0.5)
    two = stand.deploy(20_000, "two", AAA=0.25)
    stand.fake.give("AAA", "50", "100")
    stand.window()
    before = cash_of(stand)
    stand.next_session()
    stand.settle()
    assert cash_of(stand) == before  # nothing is guessed
    stand.fake.dividend("AAA", "0.37")
    paid = Decimal(stand.fake.account.activities[-1]["net_amount"])
    for _ in range(3):
        stand.settle()
    gained = {book: cash_of(stand)[book] - before.get(book, 0) for book in cash_of(stand)}
    assert sum(gained.values()) == paid
    assert gained[one.book] == pytest.approx(gained[two.book] * 2, abs=Decimal("0.01"))
    assert gained["external"] == pytest.approx(Decimal("18.5"), abs=Decimal("0.01"))
    stand.check()


def cash_of(stand: Stand) -> dict[str, Decimal]:
    held = stand.services.ledger.balances(stand.account.id)
    return {book: one["USD"] for book, one in held.items() if "USD" in one and book not in OUTSIDE}


OUTSIDE = ("market", "owner")


def test_032_rounding_of_average_prices_is_not_taken_for_money_paid_out(make_stand, monkeypatch):
    """Alpaca rounds average prices; what that leaves is less than a cent and the reserve's."""
    monkeypatch.setattr("core.trading.decide.is_due", lambda *_: True)
    stand = make_stand(average_places=6)
    stand.at(minutes=120)
    stand.fake.fill_as(fills.partly("3.333333333", 5))
    one = stand.deploy(100_000, AAA=0.3, BBB=0.3)
    due = stand.due.__class__
    for slot in range(100, 60, -10):
        stand.at(minutes=slot)
        stand.data.quotes.set("AAA", f"{100 + slot / 7:.2f}")
        stand.data.quotes.set("BBB", f"{50 + slot / 13:.2f}")
        stand.write_bars()
        stand.want(one, **({"AAA": 0.3, "BBB": 0.3} if slot % 20 else {"AAA": 0.1, "BBB": 0.5}))
        stand.fake.fill_as(lambda order: [(0, Decimal("3.333333333")), (5, None)])
        stand.window(due=due(stand.session, slot, stand.clock(), stand.due.closes_at))
        stand.data.quotes.set("AAA", f"{100 + slot / 9:.2f}")
    stand.settle()
    assert stand.services.accounts.by_id(stand.account.id).differences == ()
    kinds = [m.kind for m in stand.services.ledger.movements(stand.account.id)]
    assert "transfer" not in kinds
    stand.check()


def test_032_rounding_while_another_order_is_open(make_stand):
    """The cash is compared later than the fill was booked: it still is rounding, and nobody's."""
    stand = make_stand(average_places=6)
    stand.at(minutes=60)
    stand.fake.fill_as(fills.never)
    one = stand.deploy(100_000, AAA=0.3, BBB=0.3, CCC=0.3)
    due = stand.due.__class__(stand.session, 60, stand.clock(), stand.due.closes_at)
    stand.window(due=due)
    names = {body["symbol"]: body["client_order_id"] for body in stand.fake.sent}
    for symbol, price in (("AAA", "100.01"), ("CCC", "20.01")):
        stand.fake.fill(names[symbol], "3.333333333")
        stand.fake.fill(names[symbol], price=price)
    stand.settle()  # BBB is open: cash is not compared
    stand.clock.advance(60)
    stand.fake.end(names["BBB"], "canceled")
    stand.settle()
    assert stand.services.accounts.by_id(stand.account.id).differences == ()
    kinds = [m.kind for m in stand.services.ledger.movements(stand.account.id)]
    assert "transfer" not in kinds
    assert "rounding" in kinds
    assert stand.held(one).keys() == {"AAA", "CCC"}
    stand.check()


def test_035_more_than_a_page_of_everything(stand: Stand):
    """130 positions, 600 assets, 510 open orders by hand, 140 activities."""
    for i in range(600):
        stand.fake.desk.assets.set(f"Q{i:03}")
    for i in range(130):
        stand.data.quotes.set(f"Q{i:03}", "10")
        stand.fake.give(f"Q{i:03}", "2", "10")
    stand.fake.fill_as(fills.never)
    for i in range(510):
        stand.fake.order_by_hand(f"Q{i % 130:03}", "sell", "0.001")
    stand.fake.fill_as(fills.immediately)
    for _ in range(140):
        stand.fake.move_cash("FEE", "-0.01")
    one = stand.deploy(20_000, AAA=0.4, Q129=0.4)
    stand.symbols["Q129"] = "10"
    stand.write_bars()
    assert len(stand.external()) == 0  # each has an order open: nothing is known of it yet
    stand.window()
    assert {body["symbol"] for body in stand.fake.sent} == {"AAA", "Q129"}
    for order in list(stand.fake.orders):
        if not order.final:
            stand.fake.end(order.id, "canceled")
    stand.settle()
    assert len(stand.external()) == 130
    kinds = [m.kind for m in stand.services.ledger.movements(stand.account.id)]
    assert kinds.count("fee") == 140
    stand.next_session()
    stand.window()
    assert stand.held(one).keys() == {"AAA", "Q129"}
    stand.check()


def test_no_close_is_taken_of_an_account_that_is_being_traded(stand: Stand):
    """A replay may hold it, at a day long past: its books then are not those of the last close."""
    stand.deploy(AAA=0.5)
    stand.window()
    stand.at(minutes=-6)
    lease = stand.services.lease(lease_of(stand.account.id))
    assert lease.take()
    stand.work().close_session()
    assert not stand.services.equity.snapshots(stand.account.id)
    lease.give_back()
    stand.work().close_session()
    assert stand.services.equity.snapshots(stand.account.id)


def test_036_the_snapshot_job_twice_a_day_is_one_row(stand: Stand):
    stand.deploy(AAA=0.5)
    stand.window()
    stand.at(minutes=-6)
    work = stand.work()
    work.close_session()
    work.close_session()
    rows = stand.services.equity.snapshots(stand.account.id)
    assert len(rows) == len({(row.book, row.session) for row in rows})
    stand.data.quotes.set("AAA", "110")
    desk = stand.desk()
    snapshot(desk, stand.session, value_now(desk, oldest=stand.clock()))
    again = stand.services.equity.snapshots(stand.account.id)
    assert len(again) == len(rows)
    assert {row.book: row.equity for row in again} != {row.book: row.equity for row in rows}
    assert len(stand.fake.sent) == 1
    stand.check()
