"""Sending an order at a broker, in a word."""

from __future__ import annotations

from decimal import Decimal

from core.brokers.base import Broker, OrderRequest, SendOutcome


def send(broker: Broker, client_id: str = "a", side="buy", quantity="10") -> SendOutcome:
    return broker.submit(
        OrderRequest(client_order_id=client_id, symbol="SPY", side=side, quantity=Decimal(quantity))
    )
