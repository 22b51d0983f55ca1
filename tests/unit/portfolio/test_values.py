"""Growth chained over snapshots, capital and names, and the name an order has everywhere."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from core.errors import BadInput
from core.portfolio.deployment import MAX_NAME, checked_capital, checked_name
from core.portfolio.equity import Snapshot, chained
from core.portfolio.records import client_order_id


def snapshot(equity: str, growth: float) -> Snapshot:
    at = datetime(2026, 1, 2, 21, 5, tzinfo=UTC)
    return Snapshot(
        book="b", session=date(2026, 1, 2), at=at, equity=Decimal(equity), cash=Decimal(0), flow=Decimal(0),
        result=None, growth=growth, drawdown=0.0,
    )  # fmt: skip


def test_the_first_result_is_on_what_came():
    assert chained(None, 1.0, Decimal(110), Decimal(100)) == (
        pytest.approx(0.1),
        pytest.approx(1.1),
        0.0,
    )


def test_money_that_came_is_no_result():
    result, growth, _ = chained(snapshot("100", 1.2), 1.2, Decimal(200), Decimal(100))
    assert (result, growth) == (0.0, 1.2)


def test_money_that_went_is_no_loss():
    assert chained(snapshot("100", 1.0), 1.0, Decimal(40), Decimal(-60))[0] == 0.0


def test_drawdown_is_below_the_peak():
    assert chained(snapshot("100", 1.0), 1.25, Decimal(100), Decimal(0))[2] == pytest.approx(0.2)


@pytest.mark.parametrize("before", [None, snapshot("0", 1.3)])
def test_on_nothing_there_is_no_return(before):
    assert chained(before, 1.3, Decimal(0), Decimal(0))[0] is None


def test_all_gone_is_a_drawdown_of_one():
    assert chained(snapshot("100", 1.0), 1.0, Decimal(0), Decimal(0)) == (-1.0, 0.0, 1.0)


# -- capital and names -----------------------------------------------------------------------------


@pytest.mark.parametrize("capital", ["0", "-1", "NaN", "Infinity", "100.001", "100.01"])
def test_capital_that_cannot_be(capital):
    with pytest.raises(BadInput) as caught:
        checked_capital(Decimal(capital), Decimal(100), "USD")
    assert caught.value.field == "capital"


@pytest.mark.parametrize("capital", ["100", "0.01", "100.00"])
def test_capital_up_to_what_is_free(capital):
    assert checked_capital(Decimal(capital), Decimal(100), "USD") == Decimal(capital)


def test_names():
    assert checked_name("  a b ") == "a b"
    assert checked_name("x" * MAX_NAME) == "x" * MAX_NAME
    for name in ("", "   ", "x" * (MAX_NAME + 1)):
        with pytest.raises(BadInput):
            checked_name(name)


# -- the name of an order --------------------------------------------------------------------------

ACCOUNT = UUID(int=7)
KEY = (ACCOUNT, date(2026, 11, 27), 10, "SPY", "buy", 0)


@pytest.mark.parametrize(
    "symbol", ["A", "SPY", "BRK.B", "GOOGL", "BTCUSDT", "1000PEPEUSDT", "BTC/USD"]
)
@pytest.mark.parametrize("leg", [0, 9, 12])
def test_at_most_36_characters(symbol, leg):
    assert len(client_order_id(ACCOUNT, date(2026, 11, 27), -10, symbol, "sell", leg)) <= 36


def test_the_same_key_has_the_same_name():
    assert client_order_id(*KEY) == client_order_id(*KEY)


@pytest.mark.parametrize(
    ("field", "value"),
    [(0, UUID(int=8)), (1, date(2026, 11, 30)), (2, 60), (3, "SPX"), (4, "sell"), (5, 1)],
)
def test_another_key_has_another_name(field, value):
    other = list(KEY)
    other[field] = value
    assert client_order_id(*other) != client_order_id(*KEY)


def test_the_unit_it_began_with_is_a_peak():
    """A first session that lost 5 % and a second that lost 5 % are 9.75 % below the beginning."""
    assert chained(snapshot("95", 0.95), 0.95, Decimal("90.25"), Decimal(0))[2] == pytest.approx(
        0.0975
    )
