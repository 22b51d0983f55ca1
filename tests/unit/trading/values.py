"""Records and values of live trading for unit tests: what a test does not name is ordinary."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.brokers.base import Asset, BrokerAccount, BrokerOrder, Quote
from core.portfolio.deployment import Deployment
from core.portfolio.records import OrderRecord
from core.risk.checks import Standing
from core.trading.plan import Reading

AT = datetime(2026, 11, 25, 20, 50, tzinfo=UTC)
SESSION = date(2026, 11, 25)
STEP = Decimal("0.000000001")


def order(quantity: str = "3", **more: Any) -> OrderRecord:
    given: dict[str, Any] = {
        "id": UUID(int=1), "account_id": UUID(int=2), "window_id": UUID(int=3), "session": SESSION,
        "slot": 10, "symbol": "SPY", "side": "buy", "leg": 0, "client_order_id": "sl-1",
        "quantity": Decimal(quantity), "price": Decimal(100), "quoted_at": AT, "state": "accepted",
        "created_at": AT, "updated_at": AT,
    }  # fmt: skip
    return OrderRecord(**(given | more))


def view(
    filled: str, cash: str | None = None, state: str = "partially_filled", **more: Any
) -> BrokerOrder:
    quantity = Decimal(filled)
    total = Decimal(cash) if cash is not None else quantity * 100
    given: dict[str, Any] = {
        "client_order_id": "sl-1", "broker_order_id": "b-1", "symbol": "SPY", "side": "buy",
        "quantity": Decimal(3), "state": state, "status": state, "filled_quantity": quantity,
        "filled_price": None if not quantity else Decimal(100), "filled_total": total,
        "submitted_at": AT, "updated_at": AT,
    }  # fmt: skip
    return BrokerOrder(**(given | more))


def deployment(number: int, **more: Any) -> Deployment:
    given: dict[str, Any] = {
        "id": UUID(int=number), "account_id": UUID(int=2), "name": f"S{number}",
        "strategy_id": None, "version": None, "flow_hash": "h", "flow": {}, "references": {},
        "capital": Decimal(1000), "state": "active", "state_reason": "", "state_at": AT, "state_by": "",
        "created_at": AT,
    }  # fmt: skip
    return Deployment(**(given | more))


def reading(**more: Any) -> Reading:
    prices = {"SPY": Decimal(100), "TLT": Decimal(50)}
    given: dict[str, Any] = {
        "session": SESSION, "at": AT,
        "account": BrokerAccount(cash=Decimal(10_000), equity=Decimal(10_000), buying_power=Decimal(10_000), currency="USD"),
        "positions": {},
        "quotes": {s: Quote(symbol=s, price=p, at=AT) for s, p in prices.items()},
        "stale": {},
        "assets": {s: Asset(symbol=s, tradable=True, fractionable=True) for s in prices},
        "balances": {}, "in_flight": frozenset(), "stopped": frozenset(), "step": STEP,
        "minimum_notional": Decimal(1),
    }  # fmt: skip
    return Reading(**(given | more))


def standing(**more: Any) -> Standing:
    given: dict[str, Any] = {
        "equity": Decimal(10_000), "buying_power": Decimal(10_000), "positions": {}, "reducing": False,
        "orders_today": 0, "notional_today": Decimal(0), "refused_today": 0,
    }  # fmt: skip
    return Standing(**(given | more))
