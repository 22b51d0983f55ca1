"""What the broker booked by itself, and what it holds: activities and reconciling (26, 28, 31, 32)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.brokers.base import Activity
from core.portfolio.ledger import EXTERNAL, OWNER, RESERVE, applied, owned
from core.trading.activities import entry_of
from core.trading.reconcile import compare, proof
from tests.unit.trading.values import AT

USD = "USD"


def books(**held) -> dict[str, dict[str, Decimal]]:
    return {
        book: {asset: Decimal(amount) for asset, amount in assets.items()}
        for book, assets in held.items()
    }


def after(balances, kind, **more):
    amounts = {
        name: Decimal(value) if name in ("cash", "quantity", "ratio") else value
        for name, value in more.items()
    }
    entry = entry_of(Activity(id="1", kind=kind, at=AT, **amounts), balances, USD)
    return None if entry is None else applied(balances, [entry])


HELD = books(a={"SPY": "1"}, b={"SPY": "2"}, external={"SPY": "4"}, reserve={USD: "10"})


def test_a_dividend_is_paid_to_every_holder_external_ones_included():
    paid = after(HELD, "dividend", symbol="SPY", cash="10")
    assert [paid[book][USD] for book in ("a", "b", "external")] == [
        Decimal("1.428571"), Decimal("2.857142"), Decimal("5.714287"),
    ]  # fmt: skip
    assert paid[RESERVE][USD] == 10


def test_a_dividend_of_more_than_a_share():
    paid = after(books(a={"SPY": "0.5"}, b={"SPY": "0.25"}), "dividend", symbol="SPY", cash="7.5")
    assert (paid["a"][USD], paid["b"][USD]) == (5, Decimal("2.5"))


def test_a_dividend_taken_back():
    paid = after(HELD, "dividend", symbol="SPY", cash="-10")
    assert sum(paid[book][USD] for book in ("a", "b", "external")) == -10
    assert all(paid[book][USD] < 0 for book in ("a", "b", "external"))


def test_money_of_what_nobody_holds_is_the_reserves():
    assert after(HELD, "dividend", symbol="TLT", cash="3")[RESERVE][USD] == 13
    assert after(HELD, "fee", cash="-3")[RESERVE][USD] == 7
    assert after(HELD, "interest", cash="0.01")[RESERVE][USD] == Decimal("10.01")


def test_a_transfer_is_the_owners():
    moved = after(HELD, "transfer", cash="90")
    assert (moved[RESERVE][USD], moved[OWNER][USD]) == (100, -90)


@pytest.mark.parametrize("kind", ["dividend", "fee", "other", "transfer", "split", "rename"])
def test_what_says_nothing_books_nothing(kind):
    assert after(HELD, kind, symbol="SPY") is None


def test_a_split_of_two_for_one():
    split = after(HELD, "split", symbol="SPY", ratio="2")
    assert [split[book]["SPY"] for book in ("a", "b", "external")] == [2, 4, 8]


def test_a_reverse_split_with_a_fraction_sums_to_the_brokers_change():
    held = books(a={"SPY": "7"}, b={"SPY": "8.000000001"})
    split = after(held, "split", symbol="SPY", quantity="-13.500000001", ratio="0.1")
    assert (split["a"]["SPY"], split["b"]["SPY"]) == (Decimal("0.7"), Decimal("0.8"))
    assert owned(split)["SPY"] == Decimal("1.5")


def test_a_rename_moves_every_holder():
    renamed = after(HELD, "rename", symbol="SPY", new_symbol="SPX")
    assert owned(renamed) == {"SPX": 7, USD: 10}
    assert renamed["b"] == {"SPX": 2}


# -- reconciling -----------------------------------------------------------------------------------


def compared(balances, cash, positions, **more):
    given = {"currency": USD, "in_flight": (), "at": AT, "prices": {}} | more
    quantities = {symbol: Decimal(q) for symbol, q in positions.items()}
    found = compare(balances, Decimal(cash), quantities, **given)
    return found, applied(balances, found.entries)


def test_equal_books_say_nothing():
    found, _ = compared(HELD, "10", {"SPY": "7"})
    assert (found.entries, found.differences) == ((), ())


def test_the_first_time_everything_is_its_opening():
    found, opened = compared({}, "100", {"SPY": "3"}, first=True)
    assert {entry.kind for entry in found.entries} == {"opening"}
    assert (opened[RESERVE], opened[EXTERNAL]) == ({USD: 100}, {"SPY": 3})


def test_more_at_the_broker_is_adopted_as_external():
    found, adopted = compared(HELD, "10", {"SPY": "7.5", "TLT": "1"})
    assert adopted[EXTERNAL] == {"SPY": Decimal("4.5"), "TLT": 1}
    assert not found.stopped


def test_less_is_taken_from_what_is_external():
    found, taken = compared(HELD, "10", {"SPY": "3.5"})
    assert taken[EXTERNAL]["SPY"] == Decimal("0.5")
    assert not found.stopped


def test_less_than_the_strategies_own_stops_the_symbol():
    found, _ = compared(HELD, "10", {"SPY": "2.999999999"})
    (difference,) = found.differences
    assert found.stopped == {"SPY"}
    assert difference.by_book.keys() == {"a", "b", "external"}


def test_a_symbol_in_flight_is_compared_when_it_is_final_and_so_is_cash():
    found, _ = compared(HELD, "0", {"SPY": "1"}, in_flight={"SPY"})
    assert (found.entries, found.differences) == ((), ())


def test_money_that_went_beyond_the_reserve_is_missing():
    found, left = compared(HELD, "-5", {"SPY": "7"})
    assert left[RESERVE].get(USD, 0) == 0
    assert found.stopped == {USD}


@pytest.mark.parametrize(
    ("cash", "kind"),
    [("10.02", "rounding"), ("9.98", "rounding"), ("10.03", "transfer"), ("9.97", "transfer")],
)
def test_a_cent_a_fill_is_rounding(cash, kind):
    found, equal = compared(HELD, cash, {"SPY": "7"}, fills=2)
    assert [entry.kind for entry in found.entries] == [kind]
    assert owned(equal)[USD] == Decimal(cash)


def test_the_proof_shows_what_differs_first():
    rows = proof(HELD, Decimal(10), {"SPY": Decimal(6), "TLT": Decimal(1)}, USD)
    assert [(row[0], row[1] == row[2]) for row in rows] == [
        ("SPY", False), ("TLT", False), (USD, True),
    ]  # fmt: skip
