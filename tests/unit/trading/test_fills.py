"""Fills become entries once, whatever views come and in whatever order (rows 12 to 15, 30)."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from core.db.orders import _after
from core.portfolio.ledger import EXTERNAL, applied
from core.portfolio.netting import Part
from core.trading.fills import entries_of_fill
from tests.unit.trading.values import AT, STEP, order, view

PARTS = (
    Part("a", Decimal(1), Decimal(0), Decimal(0)),
    Part("b", Decimal(2), Decimal(0), Decimal(0)),
)


def taken(views, record=None, parts=PARTS):
    """Balances, record and parts after views were taken as the orders' table takes them."""
    record, balances = record or order(), {}
    for one in views:
        after = _after(record, one, AT)
        if after == record:
            continue
        if after.filled_quantity != record.filled_quantity:
            parts, entries = entries_of_fill(record, one, parts, step=STEP, currency="USD")
            balances = applied(balances, entries)
        record = after
    return balances, record, parts


def test_a_partial_fill_and_then_a_cancel_is_a_position_of_what_was_filled():
    balances, record, _ = taken([view("1.5"), view("1.5", state="canceled")])
    assert balances["a"] == {"SPY": Decimal("0.5"), "USD": Decimal(-50)}
    assert balances["b"] == {"SPY": Decimal(1), "USD": Decimal(-100)}
    assert (record.state, record.filled_quantity) == ("canceled", Decimal("1.5"))


def test_a_cancel_that_brings_its_fill_along_is_not_nothing():
    balances, record, _ = taken([view("1", state="canceled")])
    assert sum(held["SPY"] for book, held in balances.items() if book in "ab") == 1
    assert record.state == "canceled"


def test_a_fill_after_the_cancel_counts_and_the_state_stays():
    balances, record, _ = taken([view("1", state="canceled"), view("2", state="canceled")])
    assert balances["market"]["SPY"] == -2
    assert (record.state, record.filled_quantity) == ("canceled", Decimal(2))


@pytest.mark.parametrize("sequence", list(permutations(range(4))))
def test_any_order_of_views_ends_the_same(sequence):
    views = [
        view("0", state="accepted"), view("1"), view("2.000000001"), view("3", state="filled"),
    ]  # fmt: skip
    seen = [views[i] for i in sequence]
    balances, record, _ = taken([*seen, *seen])
    assert (record.state, record.filled_quantity) == ("filled", Decimal(3))
    assert (balances["a"]["SPY"], balances["b"]["SPY"]) == (1, 2)
    assert balances["a"]["USD"] + balances["b"]["USD"] == -300
    assert abs(balances["a"]["USD"] + 100) <= Decimal("0.000004"), (
        "a millionth for each piece at most"
    )


def test_a_sale_takes_shares_and_brings_cash():
    balances, _, _ = taken([view("3", state="filled", side="sell")], order(side="sell"))
    assert balances["b"] == {"SPY": Decimal(-2), "USD": Decimal(200)}


def test_the_sum_of_fills_is_taken_where_the_broker_says_it():
    """Its average price is rounded, the sum is not."""
    one = view("3", "100.01", state="filled", filled_price=Decimal("33.3366"))
    assert one.filled_cash == Decimal("100.01")
    assert taken([one])[0]["market"]["USD"] == Decimal("100.01")
    assert view("3", None, filled_total=None).filled_cash == 300


@pytest.mark.parametrize("pieces", [["5"], ["4", "5"], ["3", "4", "5"], ["1", "4", "4", "5", "4"]])
def test_what_is_filled_beyond_an_order_is_external_once(pieces):
    balances, record, _ = taken([view(piece) for piece in pieces])
    assert balances[EXTERNAL] == {"SPY": Decimal(2), "USD": Decimal(-200)}
    assert balances["a"]["SPY"] + balances["b"]["SPY"] == 3
    assert balances["market"] == {"SPY": Decimal(-5), "USD": Decimal(500)}
    assert record.filled_quantity == 5


def test_an_entry_is_named_after_the_order_and_what_is_filled():
    _, (entry,) = entries_of_fill(order(), view("1.50"), PARTS, step=STEP, currency="USD")
    assert entry.reference == "order:sl-1:1.5"
