"""Lots: the oldest is sold first, and their sum is the holding to the last digit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.portfolio.lots import Lot, after_split, after_trade, cost

AT = datetime(2026, 1, 2, tzinfo=UTC)


def lot(quantity: str, price: str, day: int = 0) -> Lot:
    return Lot(Decimal(quantity), Decimal(price), AT + timedelta(days=day))


def held(lots) -> Decimal:
    return sum((one.quantity for one in lots), Decimal(0))


def test_a_first_buy_opens_a_lot_and_realises_nothing():
    change = after_trade((), Decimal(3), Decimal(10), AT)
    assert change.lots == (lot("3", "10"),)
    assert change.realised is None


def test_the_oldest_is_sold_first():
    change = after_trade((lot("2", "10"), lot("5", "20", 1)), Decimal(-3), Decimal(30), AT)
    assert change.lots == (lot("4", "20", 1),)
    assert change.realised == 2 * (30 - 10) + 1 * (30 - 20)


def test_a_sale_of_exactly_a_lot_leaves_none_of_it():
    assert after_trade((lot("2", "10"),), Decimal(-2), Decimal(7), AT).lots == ()


def test_a_sale_through_zero_opens_a_short_lot_at_the_new_price():
    change = after_trade((lot("2", "10"),), Decimal(-5), Decimal(12), AT)
    assert change.lots == (Lot(Decimal(-3), Decimal(12), AT),)
    assert change.realised == 4


def test_buying_back_a_short_lot_realises_the_fall():
    change = after_trade((Lot(Decimal(-3), Decimal(12), AT),), Decimal(2), Decimal(10), AT)
    assert change.realised == 4
    assert change.lots[0].quantity == -1


def test_a_split_keeps_what_they_cost():
    lots = (lot("2", "10"), lot("5", "20", 1))
    split = after_split(lots, Decimal(21))
    assert [one.quantity for one in split] == [8, 20]
    assert cost(split) == cost(lots)


@pytest.mark.parametrize("change", ["-6.333333334", "7.000000001", "-6.999999999", "3.5"])
def test_lots_sum_to_the_holding_after_any_split(change):
    lots = (lot("1.000000001", "33.33"), lot("2.999999998", "7", 1), lot("3.000000001", "0.1", 2))
    after = after_split(lots, Decimal(change))
    assert held(after) == 7 + Decimal(change)
    assert all(one.quantity == one.quantity.quantize(Decimal("1e-9")) for one in after), (
        "the database sums them to the last digit, so they have no more digits than a holding"
    )
    assert all(one.quantity > 0 for one in after)


def test_a_split_that_leaves_nothing_leaves_no_lot():
    assert after_split((lot("1", "10"),), Decimal(-1)) == ()
    assert after_split((), Decimal(0)) == ()
