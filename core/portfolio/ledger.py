"""The ledger: every change of what a strategy owns, by double entry.

A *book* owns things: a deployment, the account's ``reserve`` (cash no strategy was given) and
``external`` (positions a person holds beside Sluice, adopted and never sold). ``market`` and
``owner`` are the other sides: what was traded away, and who paid money in. Every entry sums to
zero in each asset; so all books but those two always sum to what the broker holds, and that is
compared after every step.

An asset is a symbol, or the account's currency. Amounts are exact decimals. Entries are never
changed: a mistake is mended by another entry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

Kind = Literal[
    "opening",  # what the account held when it was added
    "transfer",  # money paid in or out
    "allocation",  # capital given to a deployment or taken back
    "trade",  # a fill, split over its owners
    "cross",  # opposite trades of two deployments, settled inside at the mark
    "dividend",
    "split",
    "rename",
    "fee",
    "interest",
    "adoption",  # a position made by hand, taken up as external
    "handover",  # a stopped deployment's positions, left to the person
    "reversal",  # a trade the broker took back
    "rounding",  # less than a cent between the broker's sum of fills and ours
]

RESERVE = "reserve"
EXTERNAL = "external"
MARKET = "market"
OWNER = "owner"
OTHER_SIDES = frozenset((MARKET, OWNER))
"""Books that own nothing at the broker."""

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Posting:
    """``amount`` of ``asset`` into a book, out of it when negative.

    ``price`` is what one share was traded at, where there is one.
    """

    book: str
    asset: str
    amount: Decimal
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. ``reference`` is unique in its account: applied once.

    Raises ValueError unless its postings sum to zero in each asset.
    """

    kind: Kind
    reference: str
    at: datetime
    postings: tuple[Posting, ...]
    text: str = ""
    session: date | None = None

    def __post_init__(self) -> None:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for posting in self.postings:
            sums[posting.asset] += posting.amount
        wrong = {asset: left for asset, left in sums.items() if left}
        if wrong:
            raise ValueError(f"entry {self.reference} does not balance: {wrong}")


Balances = Mapping[str, Mapping[str, Decimal]]
"""What each book holds: by book, then by asset. Nothing is left out but zeros."""


def moved(
    out_of: str, into: str, asset: str, amount: Decimal, price: Decimal | None = None
) -> tuple[Posting, ...]:
    """``amount`` of an asset from one book to another; none for nothing."""
    if not amount:
        return ()
    return (Posting(out_of, asset, -amount, price), Posting(into, asset, amount, price))


def traded(
    book: str, symbol: str, quantity: Decimal, cash: Decimal, currency: str
) -> tuple[Posting, ...]:
    """A book bought ``quantity`` (sold, when negative) and its cash changed by ``cash``."""
    if not quantity:
        return moved(MARKET, book, currency, cash)
    return moved(MARKET, book, symbol, quantity, -cash / quantity) + moved(
        MARKET, book, currency, cash
    )


def applied(balances: Balances, entries: Iterable[Entry]) -> dict[str, dict[str, Decimal]]:
    """The balances after ``entries``."""
    result: dict[str, dict[str, Decimal]] = {book: dict(held) for book, held in balances.items()}
    for entry in entries:
        for posting in entry.postings:
            held = result.setdefault(posting.book, {})
            held[posting.asset] = held.get(posting.asset, ZERO) + posting.amount
            if not held[posting.asset]:
                del held[posting.asset]
    return result


def owned(balances: Balances) -> dict[str, Decimal]:
    """What the broker has to hold: the sum of every book that owns something, by asset."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for book, held in balances.items():
        if book not in OTHER_SIDES:
            for asset, amount in held.items():
                sums[asset] += amount
    return {asset: amount for asset, amount in sums.items() if amount}


def total_of(by_book: Mapping[str, Decimal]) -> Decimal:
    """The sum over all books but the other sides: what moved between books is none."""
    return sum((amount for book, amount in by_book.items() if book not in OTHER_SIDES), ZERO)


def shared_out(total: Decimal, parts: Mapping[str, Decimal], step: Decimal) -> dict[str, Decimal]:
    """``total`` over owners in proportion to ``parts``, in whole steps, summing to it exactly.

    Each gets its proportional share rounded down to ``step``; what is left over goes to the last
    ones, each up to its part, so that nobody gets more than its part while ``total`` is at most
    the sum of the parts. A loss (``total`` and ``parts`` of different sign) takes from each at most
    its part likewise.
    """
    whole = sum(parts.values(), ZERO)
    if not whole:
        raise ValueError("nothing to share by")
    shares = {owner: rounded_down(total * part / whole, step) for owner, part in parts.items()}
    left = total - sum(shares.values(), ZERO)
    bounded = abs(total) <= abs(whole)
    sign = 1 if (total > 0) == (whole > 0) else -1
    for owner in reversed(list(parts)):
        if not left:
            break
        room = sign * parts[owner] - shares[owner] if bounded else left
        given = min(left, room, key=abs)
        shares[owner] += given
        left -= given
    if left:  # pragma: no cover  parts that sum to the whole always have the room
        raise ValueError(f"{left} could not be shared out")
    return shares


def rounded_down(amount: Decimal, step: Decimal) -> Decimal:
    """``amount`` in whole steps, towards zero."""
    return (amount / step).to_integral_value(rounding="ROUND_DOWN") * step
