"""Double entry, and sharing out without a rest."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.portfolio.ledger import (
    EXTERNAL,
    MARKET,
    OWNER,
    RESERVE,
    Entry,
    Posting,
    applied,
    moved,
    owned,
    rounded_down,
    shared_out,
    traded,
)

AT = datetime(2026, 11, 27, 17, 50, tzinfo=UTC)
NANO = Decimal("0.000000001")


def entry(*postings: Posting) -> Entry:
    return Entry("trade", "one", AT, postings)


@pytest.mark.parametrize("amount", ["1", "-1", "0.000000001"])
def test_an_entry_that_does_not_balance_is_refused(amount):
    with pytest.raises(ValueError, match="does not balance"):
        entry(Posting("a", "SPY", Decimal(amount)))


def test_assets_balance_each_for_itself():
    with pytest.raises(ValueError, match="does not balance"):
        entry(Posting("a", "SPY", Decimal(1)), Posting(MARKET, "USD", Decimal(-1)))


def test_nothing_moved_makes_no_posting():
    assert moved("a", "b", "USD", Decimal(0)) == ()


def test_a_trade_has_a_price_on_the_shares_and_none_on_the_cash():
    postings = traded("a", "SPY", Decimal("2"), Decimal("-1001"), "USD")
    assert {(p.book, p.asset): (p.amount, p.price) for p in postings} == {
        (MARKET, "SPY"): (Decimal(-2), Decimal("500.5")),
        ("a", "SPY"): (Decimal(2), Decimal("500.5")),
        (MARKET, "USD"): (Decimal(1001), None),
        ("a", "USD"): (Decimal(-1001), None),
    }


def test_cash_without_shares_is_no_division_by_zero():
    assert traded("a", "SPY", Decimal(0), Decimal("-0.01"), "USD") == moved(
        MARKET, "a", "USD", Decimal("-0.01")
    )
    assert traded("a", "SPY", Decimal(0), Decimal(0), "USD") == ()


def test_the_other_sides_own_nothing_at_the_broker():
    opening = Entry("opening", "o", AT, moved(OWNER, RESERVE, "USD", Decimal(100)))
    buy = entry(*traded("a", "SPY", Decimal(1), Decimal(-60), "USD"))
    give = Entry("allocation", "g", AT, moved(RESERVE, "a", "USD", Decimal(70)))
    adopt = Entry("adoption", "x", AT, moved(OWNER, EXTERNAL, "TLT", Decimal(3)))
    balances = applied({}, [opening, give, buy, adopt])
    assert balances["a"] == {"SPY": Decimal(1), "USD": Decimal(10)}
    assert owned(balances) == {"USD": Decimal(40), "SPY": Decimal(1), "TLT": Decimal(3)}


def test_zeros_are_left_out_and_the_argument_is_left_alone():
    before = {"a": {"USD": Decimal(5)}}
    after = applied(before, [Entry("allocation", "g", AT, moved("a", "b", "USD", Decimal(5)))])
    assert after == {"a": {}, "b": {"USD": Decimal(5)}}
    assert before == {"a": {"USD": Decimal(5)}}


# -- sharing out ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "parts", "expected"),
    [
        ("1", {"a": "1", "b": "1", "c": "1"}, {"a": "0.333", "b": "0.333", "c": "0.334"}),
        ("3", {"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "1", "c": "1"}),
        # The last would get more than its part: what is over goes to the one before it.
        ("2.999", {"a": "1.4995", "b": "1.4995", "c": "0.0005"}, {"a": "1.499", "b": "1.4995", "c": "0.0005"}),
        ("-1", {"a": "-1", "b": "-2"}, {"a": "-0.333", "b": "-0.667"}),
        ("0.001", {"a": "1", "b": "1"}, {"a": "0", "b": "0.001"}),
        ("6", {"a": "1", "b": "2"}, {"a": "2", "b": "4"}),
    ],
)  # fmt: skip
def test_shares_are_whole_steps_and_the_rest_is_the_lasts(total, parts, expected):
    shares = shared_out(Decimal(total), {k: Decimal(v) for k, v in parts.items()}, Decimal("0.001"))
    assert shares == {k: Decimal(v) for k, v in expected.items()}


def test_nothing_to_share_by():
    with pytest.raises(ValueError, match="nothing to share by"):
        shared_out(Decimal(1), {"a": Decimal(0)}, NANO)
    with pytest.raises(ValueError, match="nothing to share by"):
        shared_out(Decimal(1), {}, NANO)


@pytest.mark.parametrize("owners", [1, 2, 7, 100])
def test_a_loss_of_dust_is_shared_by_those_who_have_it(owners):
    """A reverse split takes nine tenths of holdings of a billionth share each."""
    parts = {f"b{i}": NANO for i in range(owners)}
    loss = -rounded_down(owners * NANO * Decimal("0.9"), NANO)
    shares = shared_out(loss, parts, NANO)
    assert sum(shares.values()) == loss
    assert all(-parts[owner] <= share <= 0 for owner, share in shares.items())


def test_a_loss_takes_nobody_below_nothing():
    parts = {"a": Decimal("0.5"), "b": Decimal("0.000000002"), "c": Decimal("0.000000001")}
    loss = Decimal("-0.450000003")
    shares = shared_out(loss, parts, NANO)
    assert sum(shares.values()) == loss
    assert all(-parts[owner] <= share <= 0 for owner, share in shares.items())


@pytest.mark.parametrize(
    ("amount", "step", "expected"),
    [
        ("0.3000000000000000166", "0.000000001", "0.3"),
        ("123456789.123456789", "0.000000001", "123456789.123456789"),
        ("1E-5", "0.000000001", "0.00001"),
        ("-2.7", "1", "-2"),
        ("0.9999999999", "0.000000001", "0.999999999"),
        ("5", "1", "5"),
    ],
)
def test_rounding_is_towards_zero(amount, step, expected):
    assert rounded_down(Decimal(amount), Decimal(step)) == Decimal(expected)
