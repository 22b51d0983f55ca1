"""What changed the account without an order of ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.brokers.alpaca.activities import activities
from core.errors import Unavailable
from core.market.patience import Passing
from tests.fakes import misbehaviour as does
from tests.unit.brokers.sending import send

DAY = datetime(2026, 11, 25, 5, tzinfo=UTC)  # midnight in New York


def entry(kind: str, entry_id: str = "1", **fields: object) -> dict[str, object]:
    return {"id": entry_id, "activity_type": kind, "date": "2026-11-25", **fields}


def test_each_thing_that_happens_is_one_activity(broker, alpaca, clock):
    """Rows 31, 32: and the account agrees with the sum of them."""
    send(broker)
    before = broker.account().cash
    alpaca.dividend("SPY", "1.5")
    alpaca.move_cash("FEE", "-0.02")
    alpaca.move_cash("INT", "0.37")
    alpaca.move_cash("CSD", "250")
    alpaca.split("SPY", 2)
    alpaca.rename("SPY", "SPZ")
    found = broker.activities(clock())
    assert [(a.kind, a.symbol, a.cash) for a in found] == [
        ("dividend", "SPY", Decimal(15)),
        ("fee", None, Decimal("-0.02")),
        ("interest", None, Decimal("0.37")),
        ("transfer", None, Decimal(250)),
        ("split", "SPY", Decimal(0)),
        ("rename", "SPY", Decimal(0)),
    ]
    assert sum(a.cash for a in found) == broker.account().cash - before
    assert (found[4].ratio, found[4].quantity) == (2, 10)
    assert found[5].new_symbol == "SPZ"
    assert {a.at for a in found} == {DAY}
    assert [(p.symbol, p.quantity) for p in broker.positions()] == [("SPZ", 20)]


@pytest.mark.parametrize(("ratio", "change"), [("2", 10), ("0.1", -9), ("1.5", 5)])
def test_a_split_has_its_ratio_and_its_change_of_shares(broker, alpaca, clock, ratio, change):
    """Row 31."""
    send(broker)
    alpaca.split("SPY", ratio)
    [split] = broker.activities(clock())
    assert (split.ratio, split.quantity) == (Decimal(ratio), change)


def test_an_activity_has_the_same_id_each_time(broker, alpaca, clock):
    send(broker)
    alpaca.split("SPY", 2)
    alpaca.dividend("SPY", "1")
    assert broker.activities(clock()) == broker.activities(clock() - timedelta(days=3))


def test_one_leg_of_a_split_alone_has_no_ratio():
    [split] = activities([entry("SPLIT", symbol="SPY", qty="-10")])
    assert (split.kind, split.ratio, split.quantity) == ("split", None, -10)


def test_splits_of_two_symbols_on_one_day_are_two():
    legs = [
        entry("SPLIT", f"{symbol}{qty}", symbol=symbol, qty=qty)
        for symbol, qty in (("A", "-10"), ("B", "-4"), ("B", "8"), ("A", "30"))
    ]
    found = activities(legs)
    assert [(s.symbol, s.ratio, s.id) for s in found] == [
        ("A", 3, "A-10+A30"),
        ("B", 2, "B-4+B8"),
    ]


def test_renames_are_told_apart_by_their_group_or_their_shares():
    legs = [
        entry("NC", "1", symbol="OLD", qty="-5", group_id="g"),
        entry("NC", "2", symbol="AAA", qty="-7"),
        entry("NC", "3", symbol="NEW", qty="5", group_id="g"),
        entry("NC", "4", symbol="BBB", qty="7"),
    ]
    found = activities(legs)
    assert [(a.symbol, a.new_symbol) for a in found] == [("OLD", "NEW"), ("AAA", "BBB")]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"activity_type": "FILL", "type": "trade_bust"}, "bust"),
        ({"activity_type": "FILL", "type": "trade_correct"}, "correction"),
        ({"activity_type": "DIV", "status": "canceled"}, "bust"),
        ({"activity_type": "DIV", "status": "correct"}, "correction"),
        ({"activity_type": "DIVNRA", "status": "executed"}, "dividend"),
        ({"activity_type": "DIV", "activity_subtype": "SDIV", "qty": "2"}, "split"),
        ({"activity_type": "SPIN", "qty": "2"}, "other"),
        ({"activity_type": "FROM_TOMORROW"}, "other"),
    ],
)
def test_kinds(fields, kind):
    """Rows 20, 54."""
    [activity] = activities([entry("DIV") | fields])
    assert activity.kind == kind


def test_fills_are_left_to_orders():
    assert activities([entry("FILL", type="fill"), entry("FILL", type="partial_fill")]) == ()


def test_shares_that_earned_a_dividend_are_no_change_of_shares():
    [dividend] = activities([entry("DIV", qty="10", net_amount="15", symbol="SPY")])
    assert (dividend.quantity, dividend.cash) == (None, 15)


def test_an_unknown_kind_keeps_its_cash_and_its_name():
    [activity] = activities([entry("NEWKIND", net_amount="-3.5", description="a new charge")])
    assert (activity.cash, activity.text) == (Decimal("-3.5"), "NEWKIND a new charge")


@pytest.mark.parametrize("gone", ["id", "date"])
def test_an_activity_without_id_or_date_is_missed_aloud(gone):
    broken = entry("DIV")
    del broken[gone]
    with pytest.raises(Passing):
        activities([broken])


def test_activities_that_cannot_be_read_are_unavailable(broker, alpaca, clock):
    alpaca.misbehave(does.other_json([{"activity_type": "DIV"}]))
    with pytest.raises(Unavailable):
        broker.activities(clock())


def test_all_pages_are_read_oldest_first(broker, alpaca, clock):
    """Row 35."""
    for n in range(230):
        if n % 50 == 0:
            clock.advance(24 * 3600)
        alpaca.move_cash("FEE", f"-0.{n + 1:03d}")
    found = broker.activities(clock() - timedelta(days=30))
    assert [a.cash for a in found] == [-Decimal(n + 1) / 1000 for n in range(230)]
    assert len(alpaca.calls("/activities")) == 3


def test_only_those_since_the_day_asked_for(broker, alpaca, clock):
    alpaca.move_cash("FEE", "-1")
    clock.advance(24 * 3600)
    alpaca.move_cash("FEE", "-2")
    clock.advance(24 * 3600)
    alpaca.move_cash("FEE", "-3")
    found = broker.activities(clock() - timedelta(days=1))
    assert [a.cash for a in found] == [-2, -3]


def test_pages_that_run_in_a_circle_end(broker, alpaca, clock):
    page = [entry("FEE", str(n)) for n in range(100)]
    alpaca.misbehave(does.other_json(page), times=does.FOR_EVER)
    with pytest.raises(Unavailable, match="do not advance"):
        broker.activities(clock())
