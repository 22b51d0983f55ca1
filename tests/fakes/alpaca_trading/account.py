"""The pretended account: cash and positions in exact decimals, and what each change left behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid5
from zoneinfo import ZoneInfo

from tests.fakes.alpaca_quotes import stamp
from tests.fakes.alpaca_trading.orders import NAMESPACE, Fill, Order, plain

NEW_YORK = ZoneInfo("America/New_York")
PriceOf = Callable[[str], Decimal]


@dataclass
class Position:
    """``quantity`` is signed; ``cost`` is what it took in, at the average price."""

    symbol: str
    quantity: Decimal = Decimal(0)
    average: Decimal = Decimal(0)

    def add(self, quantity: Decimal, price: Decimal) -> None:
        """``quantity`` signed; the average moves only when the position grows."""
        if self.quantity * quantity >= 0:
            cost = abs(self.quantity) * self.average + abs(quantity) * price
            self.average = cost / abs(self.quantity + quantity) if quantity else self.average
        self.quantity += quantity


@dataclass
class Account:
    """``multiplier`` 1 is a cash account, 2 margin overnight. ``blocked`` names flags that are on:
    ``account_blocked``, ``trading_blocked``, ``trade_suspended_by_user``. ``cash_places`` is to
    which each fill's cash is rounded; None keeps every digit."""

    cash: Decimal
    opened: datetime
    multiplier: Decimal = Decimal(1)
    cash_places: int | None = None
    status: str = "ACTIVE"
    blocked: set[str] = field(default_factory=set)
    positions: dict[str, Position] = field(default_factory=dict)
    activities: list[dict[str, Any]] = field(default_factory=list)

    def quantity(self, symbol: str) -> Decimal:
        position = self.positions.get(symbol)
        return position.quantity if position else Decimal(0)

    def book(self, symbol: str, quantity: Decimal, price: Decimal) -> None:
        """Shares come (or go, when negative) against cash."""
        paid = quantity * price
        self.cash -= paid if self.cash_places is None else round(paid, self.cash_places)
        self.hold(symbol, quantity, price)

    def hold(self, symbol: str, quantity: Decimal, price: Decimal) -> None:
        """Shares come without cash."""
        position = self.positions.setdefault(symbol, Position(symbol))
        position.add(quantity, price)
        if not position.quantity:
            del self.positions[symbol]

    def equity(self, price_of: PriceOf) -> Decimal:
        held = self.positions.values()
        return self.cash + sum((p.quantity * price_of(p.symbol) for p in held), Decimal(0))

    # -- what changed it ------------------------------------------------------------------------

    def record_fill(self, order: Order, fill: Fill, execution: str) -> None:
        self.activities.append(
            {
                "id": self._activity_id(fill.at),
                "activity_type": "FILL",
                "transaction_time": stamp(fill.at),
                "type": execution,
                "price": plain(fill.price),
                "qty": plain(fill.quantity),
                "side": order.side,
                "symbol": order.symbol,
                "leaves_qty": plain(max(order.left, Decimal(0))),
                "order_id": order.id,
                "cum_qty": plain(order.filled),
                "order_status": order.status,
            }
        )

    def record(self, at: datetime, kind: str, **fields: Any) -> dict[str, Any]:
        """An activity with a date, as all that are no trades."""
        activity = {
            "id": self._activity_id(at),
            "activity_type": kind,
            "date": at.astimezone(NEW_YORK).date().isoformat(),
            "net_amount": plain(fields.pop("cash", Decimal(0))),
            "description": "",
            "status": "executed",
            **{name: plain(v) if isinstance(v, Decimal) else v for name, v in fields.items()},
        }
        self.activities.append(activity)
        return activity

    def _activity_id(self, at: datetime) -> str:
        turn = f"activity {len(self.activities)}"
        return f"{at:%Y%m%d%H%M%S%f}"[:17] + f"::{uuid5(NAMESPACE, turn)}"

    # -- as Alpaca writes it --------------------------------------------------------------------

    def json(self, price_of: PriceOf, reserved: Decimal) -> dict[str, Any]:
        equity = self.equity(price_of)
        values = [p.quantity * price_of(p.symbol) for p in self.positions.values()]
        long = sum((v for v in values if v > 0), Decimal(0))
        short = sum((v for v in values if v < 0), Decimal(0))
        power = max(Decimal(0), equity * self.multiplier - long + short - reserved)
        flags = ("account_blocked", "trading_blocked", "trade_suspended_by_user")
        return {
            "id": str(uuid5(NAMESPACE, "account")),
            "account_number": "PA3FAKE00001",
            "status": self.status,
            "currency": "USD",
            "cash": plain(self.cash),
            "portfolio_value": plain(equity),
            "equity": plain(equity),
            "last_equity": plain(equity),
            "long_market_value": plain(long),
            "short_market_value": plain(short),
            "buying_power": plain(power),
            "regt_buying_power": plain(power),
            "initial_margin": plain(long / 2),
            "maintenance_margin": plain(long * Decimal("0.3")),
            "last_maintenance_margin": "0",
            "sma": "0",
            "multiplier": plain(self.multiplier),
            "shorting_enabled": self.multiplier > 1,
            "transfers_blocked": False,
            "created_at": stamp(self.opened),
            **{flag: flag in self.blocked for flag in flags},
        }

    def position_json(self, symbol: str, price: Decimal, held: Decimal) -> dict[str, Any]:
        """``held`` is what open sells have reserved."""
        position = self.positions[symbol]
        value = position.quantity * price
        cost = position.quantity * position.average
        return {
            "asset_id": str(uuid5(NAMESPACE, symbol)),
            "symbol": symbol,
            "exchange": "ARCA",
            "asset_class": "us_equity",
            "avg_entry_price": plain(position.average),
            "qty": plain(position.quantity),
            "qty_available": plain(position.quantity - held),
            "side": "long" if position.quantity > 0 else "short",
            "market_value": plain(value),
            "cost_basis": plain(cost),
            "unrealized_pl": plain(value - cost),
            "unrealized_plpc": plain((value - cost) / cost) if cost else "0",
            "unrealized_intraday_pl": "0",
            "unrealized_intraday_plpc": "0",
            "current_price": plain(price),
            "lastday_price": plain(price),
            "change_today": "0",
            "asset_marginable": True,
        }
