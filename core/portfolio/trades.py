"""Trades: what strategies bought and sold, and what selling made. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol

from core.portfolio.ledger import ZERO


class Moved(Protocol):
    """A posting of shares at a price."""

    @property
    def at(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def book(self) -> str: ...
    @property
    def asset(self) -> str: ...
    @property
    def amount(self) -> Decimal: ...
    @property
    def price(self) -> Decimal | None: ...
    @property
    def realised(self) -> Decimal | None: ...
    @property
    def session(self) -> date | None: ...


@dataclass(frozen=True, slots=True)
class Trade:
    """``quantity`` is positive. ``how``: at the market, or crossed inside with another strategy."""

    at: datetime
    session: date | None
    book: str
    symbol: str
    side: Literal["buy", "sell"]
    quantity: Decimal
    price: Decimal
    realised: Decimal | None
    how: Literal["market", "crossed"]

    @property
    def worth(self) -> Decimal:
        return self.quantity * self.price


def trades(movements: Iterable[Moved]) -> tuple[Trade, ...]:
    """One for each movement of shares at a price, in the order given."""
    return tuple(
        Trade(
            one.at,
            one.session,
            one.book,
            one.asset,
            "buy" if one.amount > 0 else "sell",
            abs(one.amount),
            one.price,
            one.realised,
            "crossed" if one.kind == "cross" else "market",
        )
        for one in movements
        if one.price is not None
    )


@dataclass(frozen=True, slots=True)
class Sold:
    """What a strategy's sales made together: ``won`` of ``closed`` sales made something."""

    realised: Decimal
    closed: int
    won: int
    bought: Decimal
    sold: Decimal


def sold_by(found: Iterable[Trade]) -> Mapping[str, Sold]:
    """By book."""
    sums: dict[str, Sold] = {}
    for one in found:
        so_far = sums.get(one.book, Sold(ZERO, 0, 0, ZERO, ZERO))
        made = one.realised or ZERO
        sums[one.book] = Sold(
            so_far.realised + made,
            so_far.closed + (one.realised is not None),
            so_far.won + (made > 0),
            so_far.bought + (one.worth if one.side == "buy" else ZERO),
            so_far.sold + (one.worth if one.side == "sell" else ZERO),
        )
    return sums
