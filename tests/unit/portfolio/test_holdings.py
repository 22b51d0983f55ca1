"""What is held, at which price, and that it is what the broker has."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from core.portfolio.equity import TOTAL, Snapshot
from core.portfolio.holdings import Mark, agreement, holdings, marks_of
from core.portfolio.lots import Lot

D = Decimal
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BALANCES = {
    "one": {"SPY": D(2), "USD": D("0.1")},
    "reserve": {"USD": D("0.2")},
    "external": {"GLD": D(1), "SPY": D("0.5")},
    "market": {"SPY": D(-2)},
    "owner": {"USD": D("-0.3")},
}


def test_a_holding_has_its_lots_their_cost_and_what_selling_would_make():
    lots = {("one", "SPY"): (Lot(D(1), D(100), NOON), Lot(D(1), D(110), NOON))}
    gold, adopted, mine = holdings(BALANCES, lots, {"SPY": Mark(D(120), NOON)}, "USD")[:3]
    assert (adopted.book, adopted.symbol) == ("external", "SPY")
    assert (adopted.worth, adopted.gain) == (60, None)  # nobody bought it here
    assert (gold.symbol, gold.worth) == ("GLD", None)
    assert (mine.cost, mine.worth, mine.gain) == (210, 240, 30)


def test_marks_are_the_windows_or_a_newer_snapshots():
    reading = {"at": NOON.isoformat(), "quotes": {"SPY": {"price": "101.5"}}}
    assert marks_of(reading, None, BALANCES) == {"SPY": Mark(D("101.5"), NOON)}
    later = Snapshot(
        book=TOTAL, session=date(2026, 11, 20), at=NOON + timedelta(hours=9), equity=D(1000),
        cash=D(0), flow=D(0), result=0.0, growth=1.0, drawdown=0.0, weights={"SPY": 0.25},
    )  # fmt: skip
    # A quarter of 1000 in two and a half shares.
    assert marks_of(reading, later, BALANCES)["SPY"] == Mark(D("100.0000"), later.at)
    earlier = later.__class__(**{**_fields(later), "at": NOON - timedelta(days=1)})
    assert marks_of(reading, earlier, BALANCES)["SPY"].price == D("101.5")
    assert marks_of({}, None, BALANCES) == {}


def _fields(one):
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def test_books_agree_with_what_was_reconciled_to_the_last_decimal():
    rows = {row.asset: row for row in agreement(BALANCES, None, [])}
    assert all(row.difference == 0 for row in rows.values())
    assert (rows["SPY"].strategies, rows["SPY"].external, rows["SPY"].books) == (
        2,
        D("0.5"),
        D("2.5"),
    )
    assert rows["USD"].books == D("0.3")


def test_what_differed_comes_first_with_its_difference():
    rows = agreement(BALANCES, None, [{"asset": "USD", "broker": "0.29"}])
    assert (rows[0].asset, rows[0].difference) == ("USD", D("-0.01"))
    assert [row.asset for row in rows[1:]] == ["GLD", "SPY"]


def test_what_the_broker_says_now_counts_and_what_it_alone_has_is_listed():
    rows = agreement(BALANCES, {"SPY": D("2.5"), "USD": D("0.3"), "TLT": D(4)}, [])
    apart = {row.asset: row.difference for row in rows if row.difference}
    assert apart == {"GLD": -1, "TLT": 4}
