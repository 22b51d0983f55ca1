"""Orders at the pretended Alpaca: one order's life, and the book of them all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from tests.fakes.alpaca_quotes import stamp

NAMESPACE = UUID("6f2a9d0e-5c11-4b7e-9c1a-0a1b2c3d4e5f")

FINAL = frozenset(("filled", "canceled", "expired", "replaced", "rejected"))


@dataclass
class Fill:
    at: datetime
    quantity: Decimal
    price: Decimal


@dataclass
class Order:
    """``due`` are fills to come: when, and how many shares (None: all that is left)."""

    id: str
    client_order_id: str
    symbol: str
    side: str
    quantity: Decimal | None
    notional: Decimal | None
    type: str
    time_in_force: str
    limit_price: Decimal | None
    status: str
    submitted_at: datetime
    updated_at: datetime
    expires_at: datetime
    reserve_price: Decimal
    replaces: str | None = None
    replaced_by: str | None = None
    ended_at: datetime | None = None
    fills: list[Fill] = field(default_factory=list)
    due: list[tuple[datetime, Decimal | None]] = field(default_factory=list)

    @property
    def is_buy(self) -> bool:
        return self.side == "buy"

    @property
    def final(self) -> bool:
        return self.status in FINAL

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), Decimal(0))

    @property
    def filled_cash(self) -> Decimal:
        return sum((fill.quantity * fill.price for fill in self.fills), Decimal(0))

    @property
    def left(self) -> Decimal:
        """Shares still to fill; of an order by notional, at its reserve price."""
        if self.quantity is not None:
            return self.quantity - self.filled
        left = (self.notional or Decimal(0)) - self.filled_cash
        return (left / self.reserve_price).quantize(Decimal("1e-9"))

    def average(self, places: int | None) -> Decimal | None:
        if not self.filled:
            return None
        average = self.filled_cash / self.filled
        return average if places is None else round(average, places)

    def json(self, average_places: int | None = None) -> dict[str, Any]:
        ended = stamp(self.ended_at) if self.ended_at else None

        def when(status: str) -> str | None:
            return ended if self.status == status else None

        return {
            "id": self.id,
            "client_order_id": self.client_order_id,
            "created_at": stamp(self.submitted_at),
            "updated_at": stamp(self.updated_at),
            "submitted_at": stamp(self.submitted_at),
            "filled_at": when("filled"),
            "expired_at": when("expired"),
            "canceled_at": when("canceled"),
            "failed_at": when("rejected"),
            "replaced_at": when("replaced"),
            "replaced_by": self.replaced_by,
            "replaces": self.replaces,
            "asset_id": str(uuid5(NAMESPACE, self.symbol)),
            "symbol": self.symbol,
            "asset_class": "us_equity",
            "notional": plain(self.notional),
            "qty": plain(self.quantity),
            "filled_qty": plain(self.filled),
            "filled_avg_price": plain(self.average(average_places)),
            "order_class": "",
            "order_type": self.type,
            "type": self.type,
            "side": self.side,
            "time_in_force": self.time_in_force,
            "limit_price": plain(self.limit_price),
            "stop_price": None,
            "status": self.status,
            "extended_hours": False,
            "legs": None,
            "trail_percent": None,
            "trail_price": None,
            "hwm": None,
        }


class Book:
    """Every order there ever was; client ids are unique for ever."""

    def __init__(self) -> None:
        self.all: dict[str, Order] = {}
        self.by_client_id: dict[str, Order] = {}
        self._open: dict[str, Order] = {}

    def add(self, order: Order) -> None:
        self.all[order.id] = order
        self.by_client_id[order.client_order_id] = order
        self._open[order.id] = order

    def find(self, either_id: str) -> Order:
        """By Alpaca's id or the client's; KeyError."""
        return self.all.get(either_id) or self.by_client_id[either_id]

    def open(self, symbol: str | None = None) -> Iterator[Order]:
        """Orders that are not final, oldest first."""
        for order in list(self._open.values()):
            if order.final:
                del self._open[order.id]
            elif symbol is None or order.symbol == symbol:
                yield order


def plain(value: Decimal | None) -> str | None:
    """As Alpaca writes numbers: text, every digit, no exponent."""
    if value is None:
        return None
    digits = format(value, "f")
    return (digits.rstrip("0").rstrip(".") if "." in digits else digits) or "0"
