"""Opposite wishes meet inside; fills are split by the rule; whatever comes, sums are exact."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.portfolio.ledger import Entry
from core.portfolio.netting import Part, cross_postings, net, split_fill
from core.portfolio.rebalance import Lattice, Wish

STEP = Decimal("0.000000001")
FINE, WHOLE = Lattice(STEP, Decimal(1)), Lattice(Decimal(1), Decimal(1))


def netted(lattice=FINE, mark="100", symbol="SPY", **wishes):
    made = [Wish(book, Decimal(0), {}, {symbol: Decimal(q)}) for book, q in wishes.items()]
    return net(made, {symbol: Decimal(mark)}, {symbol: lattice})


def inside(result) -> dict[str, Decimal]:
    return {cross.book: cross.quantity for cross in result.crosses}


def test_equal_and_opposite_wishes_send_nothing():
    result = netted(a="5", b="-5")
    assert inside(result) == {"a": Decimal(5), "b": Decimal(-5)}
    assert result.orders == result.too_small == ()


def test_the_larger_side_gives_up_in_proportion():
    result = netted(a="6", b="3", c="-3")
    assert inside(result) == {"a": Decimal(2), "b": Decimal(1), "c": Decimal(-3)}
    (order,) = result.orders
    assert (order.side, order.quantity) == ("buy", Decimal(6))
    assert order.parts == {"a": Decimal(4), "b": Decimal(2)}


def test_the_parts_of_an_order_sum_to_it_and_none_is_beyond_its_wish():
    result = netted(a="1", b="1", c="1", d="-1", e="-0.000000001")
    (order,) = result.orders
    assert sum(order.parts.values()) == order.quantity == Decimal("1.999999999")
    assert sum(inside(result).values()) == 0
    for book in "abc":
        assert inside(result).get(book, 0) + order.parts.get(book, 0) == 1


def test_whole_shares_cross_whole():
    result = netted(WHOLE, a="2", b="2", c="-3")
    assert all(q == q.to_integral_value() for q in inside(result).values())
    assert result.orders[0].quantity == 1


@pytest.mark.parametrize(("quantity", "small"), [("0.009999999", True), ("0.01", False)])
def test_a_buy_below_the_smallest_amount_is_not_sent(quantity, small):
    result = netted(a=quantity)
    assert bool(result.too_small) is small
    assert bool(result.orders) is not small


def test_a_sale_of_dust_is_sent():
    assert netted(a="-0.000000001").orders[0].quantity == STEP


def test_sells_come_before_buys_then_by_symbol():
    wishes = [
        Wish(
            "a",
            Decimal(0),
            {},
            {"B": Decimal(1), "A": Decimal(1), "D": Decimal(-1), "C": Decimal(-1)},
        )
    ]
    marks = dict.fromkeys("ABCD", Decimal(10))
    orders = net(wishes, marks, dict.fromkeys("ABCD", FINE)).orders
    assert [(o.side, o.symbol) for o in orders] == [
        ("sell", "C"), ("sell", "D"), ("buy", "A"), ("buy", "B"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("quantity", "mark"),
    [("3.123456789", "57.12345678"), ("123456789.123456789", "123.45678901")],
)
def test_the_cash_of_crosses_balances_whatever_the_digits(quantity, mark):
    third = (Decimal(quantity) / 3).quantize(STEP)
    rest = Decimal(quantity) - third
    crosses = netted(mark=mark, a=str(third), b=str(rest), c=str(-Decimal(quantity))).crosses
    from datetime import UTC, datetime

    at = datetime(2026, 1, 2, tzinfo=UTC)
    entry = Entry("cross", "x", at, cross_postings(crosses, "USD"))  # raises if it does not
    cash = {p.book: p.amount for p in entry.postings if p.asset == "USD"}
    assert cash["c"] > 0 > cash["a"]


# -- fills -----------------------------------------------------------------------------------------


def parts(**quantities: str) -> tuple[Part, ...]:
    return tuple(Part(book, Decimal(q), Decimal(0), Decimal(0)) for book, q in quantities.items())


def booked(owned) -> list[tuple[Decimal, Decimal]]:
    return [(part.booked_quantity, part.booked_cash) for part in owned]


def test_a_partial_fill_is_split_in_proportion_the_rest_to_the_last():
    after = split_fill(parts(a="1", b="1", c="1"), Decimal(1), Decimal(100), STEP)
    third, last = Decimal("0.333333333"), Decimal("0.333333334")
    assert [q for q, _ in booked(after)] == [third, third, last]
    assert sum(c for _, c in booked(after)) == 100


def test_a_whole_fill_gives_each_its_part():
    after = split_fill(
        parts(a="1.5", b="0.000000001"), Decimal("1.500000001"), Decimal("33.33"), STEP
    )
    assert [q for q, _ in booked(after)] == [Decimal("1.5"), STEP]


def test_the_same_view_twice_changes_nothing():
    once = split_fill(parts(a="2", b="5"), Decimal(3), Decimal("300.01"), STEP)
    assert split_fill(once, Decimal(3), Decimal("300.01"), STEP) == once


def test_an_older_view_changes_nothing():
    later = split_fill(parts(a="2", b="5"), Decimal(3), Decimal(300), STEP)
    assert split_fill(later, Decimal(1), Decimal(100), STEP) == later


def test_fills_in_pieces_end_as_one_fill():
    owned = parts(a="1", b="2", c="4")
    for filled in ("0.000000001", "0.7", "3.333333333", "6.999999999", "7"):
        owned = split_fill(owned, Decimal(filled), Decimal(filled) * 10, STEP)
        assert sum(q for q, _ in booked(owned)) == Decimal(filled)
        assert sum(c for _, c in booked(owned)) == Decimal(filled) * 10
        assert all(part.booked_quantity <= part.quantity for part in owned)
    assert [q for q, _ in booked(owned)] == [1, 2, 4]


def test_what_is_filled_beyond_the_order_is_nobodys():
    after = split_fill(parts(a="1", b="1"), Decimal(3), Decimal(300), STEP)
    assert booked(after) == [(1, 100), (1, 100)]
