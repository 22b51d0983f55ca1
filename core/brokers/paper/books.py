"""The built-in broker's own books: what Sluice's ledger is compared with, and never writes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from core.brokers.base import Activity, Side

PRICE_STEP = Decimal("0.00000001")
"""Prices are kept to so many decimals: times a billionth of a share, they are exact still."""


@dataclass(frozen=True, slots=True)
class PaperOrder:
    client_order_id: str
    number: int
    symbol: str
    side: Side
    quantity: Decimal
    state: str
    filled_quantity: Decimal
    filled_cash: Decimal
    submitted_at: datetime
    updated_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PaperPosition:
    quantity: Decimal
    average_price: Decimal


class PaperBook(Protocol):
    """One account's books, locked for whoever has them."""

    cash: Decimal
    actions_until: date | None

    def positions(self) -> dict[str, PaperPosition]: ...
    def position(self, symbol: str) -> PaperPosition | None: ...
    def order(self, client_order_id: str) -> PaperOrder | None: ...
    def open_orders(self) -> tuple[PaperOrder, ...]: ...
    def orders_since(self, since: datetime) -> tuple[PaperOrder, ...]: ...
    def add_order(self, order: PaperOrder) -> PaperOrder: ...
    def put_order(self, order: PaperOrder) -> None: ...
    def put_position(self, symbol: str, position: PaperPosition | None) -> None: ...
    def activities(self, after: datetime) -> tuple[Activity, ...]: ...
    def add_activity(self, activity: Activity) -> bool:
        """False where there is one of that id."""
        ...


class PaperBooks(Protocol):
    def locked(self, account_id: UUID, opening: Decimal) -> AbstractContextManager[PaperBook]:
        """The account's books in one transaction; begun with ``opening`` cash at first use.

        Whoever has them reads no market meanwhile: others wait.
        """
        ...


def after_fill(held: PaperPosition | None, signed: Decimal, price: Decimal) -> PaperPosition | None:
    """The position after ``signed`` more shares at that price; None when nothing is left."""
    if held is None:
        return PaperPosition(signed, price)
    quantity = held.quantity + signed
    if not quantity:
        return None
    if signed < 0:
        return PaperPosition(quantity, held.average_price)
    average = (held.quantity * held.average_price + signed * price) / quantity
    return PaperPosition(quantity, average.quantize(PRICE_STEP))
