"""From weights to quantities: what may be acted upon, and to which step."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.portfolio.ledger import rounded_down
from core.portfolio.rebalance import (
    UNSPENT,
    Lattice,
    Unplannable,
    checked,
    exact,
    wish,
    worth,
)

FINE = Lattice(Decimal("0.000000001"), Decimal(1))
WHOLE = Lattice(Decimal(1), Decimal(1))


def changes(weights, equity="1000", held=(), marks=None, lattices=None, **more):
    marks = marks or {"SPY": Decimal(100), "TLT": Decimal(50)}
    lattices = lattices or dict.fromkeys(marks, FINE)
    holdings = {symbol: Decimal(quantity) for symbol, quantity in dict(held).items()}
    return dict(wish("b", weights, Decimal(equity), holdings, marks, lattices, **more).changes)


# -- row 11 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), float("-inf"), None])
def test_a_weight_that_is_no_number_aborts(weight):
    with pytest.raises(Unplannable, match="TLT is not a number"):
        checked({"SPY": 0.5, "TLT": weight}, gross_limit=1.0)


def test_a_negative_weight_aborts():
    with pytest.raises(Unplannable, match="TLT"):
        checked({"SPY": 0.5, "TLT": -0.25}, gross_limit=1.0)


@pytest.mark.parametrize("total", [0.97, 1.0, 1.0000001, 1.000001])
def test_sums_within_tolerance_pass(total):
    assert checked({"SPY": total}, gross_limit=1.0).keys() == {"SPY"}


@pytest.mark.parametrize("total", [1.0000021, 1.01, 1.6])
def test_sums_over_the_gross_limit_abort(total):
    with pytest.raises(Unplannable, match="add up to"):
        checked({"SPY": total / 2, "TLT": total / 2}, gross_limit=1.0)


def test_a_sum_just_over_one_wants_no_more_than_there_is():
    weights = checked({"SPY": 0.5000001, "TLT": 0.5}, gross_limit=1.0)
    wanted = changes(weights, equity="1000000")
    spent = wanted["SPY"] * 100 + wanted["TLT"] * 50
    assert spent <= 1_000_000, "the broker would refuse the last order for a few cents"


def test_the_rest_of_a_smaller_sum_stays_cash():
    assert changes(checked({"SPY": 0.97}, gross_limit=1.0)) == {"SPY": Decimal("9.7")}


def test_a_higher_limit_allows_more():
    assert checked({"SPY": 1.6}, gross_limit=1.6) == {"SPY": 1.6}


def test_zeros_are_left_out():
    assert checked({"SPY": 0.0, "TLT": 1.0}, gross_limit=1.0) == {"TLT": 1.0}


# -- exactness (row 10) ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.1 + 0.2, "0.30000000000000004"), (1e-05, "0.00001"), (1 / 3, "0.3333333333333333")],
)
def test_floats_become_their_shortest_decimal(number, text):
    assert exact(number) == Decimal(text)


def test_targets_are_rounded_towards_zero_to_the_step():
    assert changes({"SPY": 1 / 3}, equity="100") == {"SPY": Decimal("0.333333333")}
    assert changes({"SPY": 0.999}, lattices={"SPY": WHOLE, "TLT": WHOLE}) == {"SPY": Decimal(9)}


def test_a_large_quantity_keeps_every_digit():
    marks = {"SPY": Decimal("0.01")}
    wanted = changes({"SPY": 0.5}, equity="2469135.78246913578", marks=marks)
    assert wanted == {"SPY": Decimal("123456789.123456789")}


# -- holdings --------------------------------------------------------------------------------------


def test_what_is_not_wanted_is_sold_to_the_last_digit():
    assert changes({}, held={"SPY": "0.000000001"}) == {"SPY": Decimal("-0.000000001")}
    assert changes({"TLT": 1.0}, held={"SPY": "3.123456789"})["SPY"] == Decimal("-3.123456789")


def test_a_small_change_of_what_is_wanted_is_no_change():
    assert changes({"SPY": 0.999}, held={"SPY": "9.985"}) == {}  # 0.5 of money
    assert changes({"SPY": 0.999}, held={"SPY": "9.98"}) == {"SPY": Decimal("0.01")}  # exactly 1


def test_at_target_nothing_is_wanted():
    assert changes({"SPY": 0.5}, held={"SPY": "5"}) == {}


def test_a_part_of_a_share_of_what_trades_whole_is_not_ordered():
    """A reverse split left 10.4 of an asset that trades in whole shares; 8 are wanted."""
    marks, lattices = {"SPY": Decimal(100)}, {"SPY": WHOLE}
    wanted = changes({"SPY": 0.8}, held={"SPY": "10.4"}, marks=marks, lattices=lattices)
    assert wanted == {"SPY": Decimal(-2)}


def test_the_allowance_is_kept_back():
    assert changes({"SPY": 1.0}, allowance=Decimal("0.01")) == {"SPY": Decimal("9.9")}


def test_frozen_symbols_are_left_and_their_weight_is_not_moved():
    wanted = changes({"SPY": 0.5, "TLT": 0.5}, held={"SPY": "1"}, frozen=frozenset({"SPY"}))
    assert wanted == {"TLT": Decimal(10)}


def test_what_the_broker_does_not_know_is_left():
    assert changes({"SPY": 1.0}, lattices={"TLT": FINE}) == {}


def test_a_weight_without_a_price_aborts():
    with pytest.raises(Unplannable, match="GLD has no price"):
        changes({"GLD": 1.0})


def test_worth_needs_every_price():
    assert worth({"SPY": Decimal("1.5")}, {"SPY": Decimal(100)}, Decimal(-20)) == 130
    with pytest.raises(Unplannable, match="GLD, which it holds, has no price"):
        worth({"GLD": Decimal(1)}, {"SPY": Decimal(100)}, Decimal(0))


# -- its own money ---------------------------------------------------------------------------------


def spent(wanted, marks=(("SPY", 100), ("TLT", 50))) -> Decimal:
    return sum((q * dict(marks)[symbol] for symbol, q in wanted.items()), Decimal(0))


def test_a_sale_too_small_to_make_is_not_spent():
    """All invested; half a dollar of SPY should go, and a dollar fifty of TLT come."""
    marks = {"SPY": Decimal(100), "TLT": Decimal(50), "GLD": Decimal(10)}
    held = {"SPY": "5.005", "TLT": "4.97", "GLD": "25.1"}  # 500.5 + 248.5 + 251
    wanted = changes(
        {"SPY": 0.5, "TLT": 0.25, "GLD": 0.25}, held=held, marks=marks,
        lattices=dict.fromkeys(marks, FINE),
    )  # fmt: skip
    assert "SPY" not in wanted
    assert spent(wanted, marks.items()) <= 0


def test_a_holding_that_cannot_be_sold_pays_for_nothing():
    """Else the strategy would buy with the reserve's money, or another's."""
    wanted = changes({"SPY": 1.0}, held={"TLT": "20"}, frozen=frozenset({"TLT"}))
    assert wanted == {}
    wanted = changes({"SPY": 1.0}, held={"TLT": "12"}, frozen=frozenset({"TLT"}))
    assert wanted == {"SPY": (400 - UNSPENT) / 100}


def test_all_buys_are_smaller_in_proportion():
    marks = {"SPY": Decimal(100), "TLT": Decimal(50), "GLD": Decimal(10)}
    wanted = changes(
        {"SPY": 0.6, "TLT": 0.4}, held={"GLD": "50"}, frozen=frozenset({"GLD"}), marks=marks,
        lattices=dict.fromkeys(marks, FINE),
    )  # fmt: skip
    assert wanted == {"SPY": 3 * part(500), "TLT": 4 * part(500)}


def test_what_is_meant_to_be_borrowed_is():
    assert changes({"SPY": 1.0, "TLT": 0.6}) == {
        "SPY": rounded_down(10 * part(1600), FINE.step),
        "TLT": rounded_down(12 * part(1600), FINE.step),
    }


def test_not_quite_all_is_spent():
    """A fill's cash is rounded to a millionth among its owners: somebody pays a little more."""
    assert changes({"SPY": 1.0}) == {"SPY": Decimal("9.99999")}


def part(money: int) -> Decimal:
    return (money - UNSPENT) / money
