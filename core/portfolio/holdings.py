"""Holdings: what every book has of what, what it cost, and that all together is the broker's. Pure.

The broker's side of the comparison is what the last reconciliation found: it stored every asset of
which books and broker differed, and only those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.portfolio.equity import Snapshot
from core.portfolio.ledger import EXTERNAL, OTHER_SIDES, ZERO, Balances, owned
from core.portfolio.lots import Lot, cost


@dataclass(frozen=True, slots=True)
class Mark:
    """A price, and when it was one."""

    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Holding:
    """``cost`` of the lots that are left; ``worth`` is None without a price."""

    book: str
    symbol: str
    quantity: Decimal
    cost: Decimal
    mark: Mark | None
    lots: tuple[Lot, ...]

    @property
    def worth(self) -> Decimal | None:
        return None if self.mark is None else self.quantity * self.mark.price

    @property
    def gain(self) -> Decimal | None:
        """What selling now would make over what it cost; None for what was never bought here."""
        return None if self.worth is None or not self.lots else self.worth - self.cost


def holdings(
    balances: Balances,
    lots: Mapping[tuple[str, str], tuple[Lot, ...]],
    marks: Mapping[str, Mark],
    currency: str,
) -> tuple[Holding, ...]:
    """Every book's shares, by book and symbol."""
    return tuple(
        Holding(book, symbol, quantity, cost(mine), marks.get(symbol), mine)
        for book, held in sorted(balances.items())
        if book not in OTHER_SIDES
        for symbol, quantity in sorted(held.items())
        if symbol != currency
        for mine in (lots.get((book, symbol), ()),)
    )


def marks_of(
    reading: Mapping[str, Any], total: Snapshot | None, balances: Balances
) -> dict[str, Mark]:
    """The newest price known of each symbol: what the last window read, or what the last snapshot
    ``total`` valued where that is newer.

    A snapshot holds shares of equity; the price follows from the quantity, which only a window
    changes.
    """
    marks: dict[str, Mark] = {}
    if "at" in reading:
        read = datetime.fromisoformat(reading["at"])
        marks = {
            symbol: Mark(Decimal(quote["price"]), read)
            for symbol, quote in reading.get("quotes", {}).items()
        }
        if total is None or total.at <= read:
            return marks
    if total is not None:
        for symbol, quantity in owned(balances).items():
            weight = total.weights.get(symbol)
            if weight and quantity:
                price = Decimal(repr(weight)) * total.equity / quantity
                marks[symbol] = Mark(price.quantize(Decimal("0.0001")), total.at)
    return marks


@dataclass(frozen=True, slots=True)
class Agreement:
    """One asset on both sides: ``external`` is the part of ``books`` no strategy owns."""

    asset: str
    strategies: Decimal
    external: Decimal
    broker: Decimal

    @property
    def books(self) -> Decimal:
        return self.strategies + self.external

    @property
    def difference(self) -> Decimal:
        return self.broker - self.books


def agreement(
    balances: Balances,
    broker: Mapping[str, Decimal] | None,
    differences: Sequence[Mapping[str, Any]],
) -> tuple[Agreement, ...]:
    """Every asset, the unequal ones first.

    ``broker`` is what it holds, where it was asked; else what the last reconciliation found: the
    same as the books, but for ``differences``.
    """
    together = owned(balances)
    external = balances.get(EXTERNAL, {})
    other = {one["asset"]: Decimal(one["broker"]) for one in differences}
    if broker is None:
        broker = together | other
    rows = [
        Agreement(
            asset,
            together.get(asset, ZERO) - external.get(asset, ZERO),
            external.get(asset, ZERO),
            broker.get(asset, ZERO),
        )
        for asset in sorted(together.keys() | broker.keys())
    ]
    return tuple(sorted(rows, key=lambda row: not row.difference))
