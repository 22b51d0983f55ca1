"""Reconcile: what the ledger says is owned against what the broker holds. Pure.

More at the broker than in the ledger is a position made by hand: it is adopted as external and
never sold; unless it is what a split makes of a holding and no money was spent on it: then the
symbol stops until the broker tells of the split. Less is taken from what is external; what is
missing beyond that belongs to strategies, and that symbol stops until a person has looked. Money
that came is the reserve's; money that went is taken from the reserve as far as it has any.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.portfolio.ledger import (
    EXTERNAL,
    MARKET,
    OWNER,
    RESERVE,
    ZERO,
    Balances,
    Entry,
    Kind,
    moved,
    owned,
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A symbol (or the currency) of which the broker has less than all books together."""

    asset: str
    ledger: Decimal
    broker: Decimal
    by_book: Mapping[str, Decimal]

    def as_json(self) -> dict[str, Any]:
        return {
            "asset": self.asset,
            "ledger": str(self.ledger),
            "broker": str(self.broker),
            "by_book": {book: str(amount) for book, amount in self.by_book.items()},
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    entries: tuple[Entry, ...]
    differences: tuple[Difference, ...]

    @property
    def stopped(self) -> frozenset[str]:
        """Symbols that are not traded until the difference is gone."""
        return frozenset(one.asset for one in self.differences)


def compare(
    balances: Balances,
    cash: Decimal,
    positions: Mapping[str, Decimal],
    *,
    currency: str,
    in_flight: Collection[str],
    at: datetime,
    prices: Mapping[str, Decimal] | None = None,
    fills: int = 0,
    first: bool = False,
    elsewhere: Collection[str] = (),
) -> Comparison:
    """What to book and what to stop for.

    ``in_flight`` are symbols with an order that is not final: they, and cash while there are any,
    are compared when it is. Adopted shares are taken up at ``prices``. ``fills`` is the number of
    fills since cash was last equal: each may leave less than a cent between the broker's rounding
    and ours. ``first`` is an account's very first comparison: what it holds is its opening.
    ``elsewhere`` are symbols with an open order of somebody else: they wait as well, cash does
    not, as such an order may stay open for months.
    """
    book = owned(balances)
    entries: list[Entry] = []
    differences: list[Difference] = []
    stamp = at.isoformat()
    for symbol in sorted(positions.keys() | book.keys()):
        if symbol == currency or symbol in in_flight or symbol in elsewhere:
            continue
        more = positions.get(symbol, ZERO) - book.get(symbol, ZERO)
        has = balances.get(EXTERNAL, {}).get(symbol, ZERO)
        adopted = more if more > 0 else max(more, -max(has, ZERO))
        price = (prices or {}).get(symbol)
        if more > 0 and _looks_like_a_split(
            book.get(symbol, ZERO), has, more, price, cash - book.get(currency, ZERO)
        ):
            adopted = ZERO
        if positions.get(symbol, ZERO) < 0 and not book.get(symbol, ZERO):
            adopted = more  # a short position made by hand
        if adopted:
            entries.append(
                Entry(
                    "opening" if first else "adoption",
                    f"adoption:{symbol}:{stamp}",
                    at,
                    moved(OWNER, EXTERNAL, symbol, adopted, price),
                    "held at the broker outside every strategy",
                )
            )
        if adopted != more:
            differences.append(_difference(symbol, balances, book, positions))
    if not in_flight:
        entries += _cash(balances, cash, book, differences, currency, at, fills=fills, first=first)
    return Comparison(tuple(entries), tuple(differences))


_WHOLE = (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50)
_SPLITS = (Decimal("1.25"), Decimal("1.5"), *map(Decimal, _WHOLE))
"""New shares for an old one."""


def _looks_like_a_split(
    held: Decimal, external: Decimal, more: Decimal, price: Decimal | None, cash_change: Decimal
) -> bool:
    """Strategies hold some, the whole has become a split's multiple, and it was not paid for."""
    if held - external <= 0 or (held + more) / held not in _SPLITS:
        return False
    return price is None or cash_change > -more * price / 2


def _cash(
    balances: Balances,
    cash: Decimal,
    book: Mapping[str, Decimal],
    differences: list[Difference],
    currency: str,
    at: datetime,
    *,
    fills: int,
    first: bool,
) -> list[Entry]:
    more = cash - book.get(currency, ZERO)
    if not more:
        return []
    stamp = at.isoformat()
    if abs(more) <= Decimal("0.01") * fills:
        reference = f"rounding:{stamp}"
        postings = moved(MARKET, RESERVE, currency, more)
        return [Entry("rounding", reference, at, postings, "rounding of fills")]
    reserve = balances.get(RESERVE, {}).get(currency, ZERO)
    taken = more if more > 0 else max(more, -max(reserve, ZERO))
    if taken != more:
        differences.append(_difference(currency, balances, book, {currency: cash}))
    if not taken:
        return []
    kind: Kind = "opening" if first else "transfer"
    text = "money at the broker" if first else ("paid in" if taken > 0 else "paid out")
    return [Entry(kind, f"cash:{stamp}", at, moved(OWNER, RESERVE, currency, taken), text)]


def _difference(
    asset: str, balances: Balances, book: Mapping[str, Decimal], broker: Mapping[str, Decimal]
) -> Difference:
    owners = {name: held[asset] for name, held in balances.items() if held.get(asset)}
    owners = {name: amount for name, amount in owners.items() if name not in (MARKET, OWNER)}
    return Difference(asset, book.get(asset, ZERO), broker.get(asset, ZERO), owners)


def proof(
    balances: Balances, cash: Decimal, positions: Mapping[str, Decimal], currency: str
) -> Sequence[tuple[str, Decimal, Decimal]]:
    """Every asset with what the books sum to and what the broker has, the unequal ones first."""
    book, broker = owned(balances), {**positions, currency: cash}
    rows = [
        (asset, book.get(asset, ZERO), broker.get(asset, ZERO))
        for asset in sorted(book.keys() | broker.keys())
    ]
    return sorted(rows, key=lambda row: row[1] == row[2])
