"""Where a book stands now: its last close, its newest worth, and the money that came between."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from core.portfolio.equity import TOTAL, EquityPoint, Snapshot
from core.portfolio.overview import now_of, overview

CLOSE = datetime(2026, 11, 19, 21, 5, tzinfo=UTC)


def snapshot(equity, *, days=0, growth=1.0, drawdown=0.0, **more) -> Snapshot:
    return Snapshot(
        book="b", session=date(2026, 11, 19) + timedelta(days), at=CLOSE + timedelta(days),
        equity=Decimal(equity), cash=Decimal(0), flow=Decimal(0), result=0.0, growth=growth,
        drawdown=drawdown, **more,
    )  # fmt: skip


def point(equity, *, hours: float = 18, stale=False) -> EquityPoint:
    at = CLOSE + timedelta(hours=hours)
    return EquityPoint(book="b", at=at, equity=Decimal(equity), cash=Decimal(0), stale=stale)


def test_today_is_what_came_since_the_last_close_without_the_money_paid_in():
    before = snapshot(1000, growth=1.25)
    now = now_of(before, before, point(1650, stale=True), Decimal(500))
    assert (now.equity, now.result, now.stale) == (1650, 150, True)
    assert now.share == pytest.approx(0.1)
    assert now.total == pytest.approx(1.25 * 1.1 - 1)


def test_a_drawdown_goes_on_from_the_peak_before():
    # At 0.9 with a drawdown of a tenth the peak is 1; half of it lost again is 0.45 of it.
    before = snapshot(900, growth=0.9, drawdown=0.1)
    assert now_of(before, before, point(450), Decimal(0)).drawdown == pytest.approx(0.55)
    assert now_of(before, before, point(2000), Decimal(0)).drawdown == 0.0


def test_before_anything_was_seen_of_a_session_its_result_is_unknown_not_zero():
    before, same = snapshot(1000, growth=1.1), snapshot(1000, growth=1.1)
    now = now_of(before, same, None, Decimal(0))
    assert (now.result, now.share, now.total) == (None, None, pytest.approx(0.1))
    assert now_of(None, None, None, Decimal(100)) is None


def test_the_newest_of_point_and_snapshot_counts():
    before, after = snapshot(1000), snapshot(1200, days=1)
    assert now_of(before, after, point(1100), Decimal(0)).equity == 1200
    assert now_of(before, after, point(1100, hours=30), Decimal(0)).equity == 1100


def test_a_first_session_is_measured_on_what_was_given():
    now = now_of(None, None, point(1010), Decimal(1000))
    assert (now.result, now.share) == (10, pytest.approx(0.01))
    assert now_of(None, None, point(0), Decimal(0)).share is None


def test_an_account_is_its_books_without_the_other_sides():
    deployed = SimpleNamespace(book="one", name="One", state="active")
    balances = {
        "one": {"USD": Decimal(10), "SPY": Decimal(2)},
        "reserve": {"USD": Decimal(90)},
        "external": {"GLD": Decimal(1)},
        "market": {"SPY": Decimal(-2), "USD": Decimal(50)},
        "owner": {"USD": Decimal(-150)},
    }
    found = overview(
        [deployed], balances, "USD", before={}, points={"one": point(1010), TOTAL: point(2000)},
        newest={"one": snapshot(1000, metrics={"sharpe": 2.0})},
        moved={"one": Decimal(1000), "reserve": Decimal(900), "owner": Decimal(-1900)},
        growths={"one": [1.0, 1.1]},
    )  # fmt: skip
    assert (found.reserve, found.cash, found.positions) == (90, 100, 2)
    assert found.total.result == 100  # 2000 on the 1900 that came into books
    (row,) = found.rows
    assert (row.cash, row.symbols, row.sharpe, row.growths) == (10, ("SPY",), 2.0, [1.0, 1.1])
