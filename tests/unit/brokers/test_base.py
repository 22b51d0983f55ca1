"""What the seam's own values say of themselves."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.brokers.base import BrokerOrder


@pytest.mark.parametrize(
    ("price", "total", "cash"),
    [
        (None, None, "0"),
        ("33.33333333", None, "99.99999999"),
        ("33.33333333", "100", "100"),
        (None, "0", "0"),
    ],
)
def test_the_cash_of_fills_is_the_broker_s_total_where_it_says_it(price, total, cash):
    """An average is rounded; three shares for 100 must not cost 99.99999999."""
    order = BrokerOrder(
        client_order_id="a",
        broker_order_id="1",
        symbol="SPY",
        side="buy",
        quantity=Decimal(3),
        state="filled",
        status="filled",
        filled_quantity=Decimal(3),
        filled_price=None if price is None else Decimal(price),
        filled_total=None if total is None else Decimal(total),
        submitted_at=None,
        updated_at=None,
    )
    assert order.filled_cash == Decimal(cash)
