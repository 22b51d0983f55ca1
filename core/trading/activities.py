"""Activities: what the broker booked without an order of ours becomes ledger entries. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from core.brokers.base import Activity
from core.portfolio.ledger import (
    MARKET,
    OTHER_SIDES,
    OWNER,
    RESERVE,
    ZERO,
    Balances,
    Entry,
    Kind,
    Posting,
    moved,
    shared_out,
)

_MONEY = Decimal("0.000001")
_SHARE = Decimal("0.000000001")
_KINDS: Mapping[str, Kind] = {
    "dividend": "dividend",
    "fee": "fee",
    "interest": "interest",
    "bust": "reversal",
    "correction": "reversal",
}


def entry_of(activity: Activity, balances: Balances, currency: str) -> Entry | None:
    """The entry an activity makes, given what the books hold; None where it changes nothing of
    ours.

    Money of a symbol is shared over its holders by what they hold; money of no symbol, or of one
    that no book holds, is the reserve's.
    """
    reference, at = f"activity:{activity.id}", activity.at
    holders = _holders(balances, activity.symbol)
    if activity.kind == "split":
        return _split(activity, holders, reference)
    if activity.kind == "rename":
        return _rename(activity, holders, reference)
    if activity.kind == "transfer" and activity.cash:
        postings = moved(OWNER, RESERVE, currency, activity.cash)
        return Entry("transfer", reference, at, postings, activity.text)
    if activity.kind in _KINDS and activity.cash:
        shares = shared_out(activity.cash, holders, _MONEY) if holders else {RESERVE: activity.cash}
        postings = tuple(
            posting
            for book, cash in shares.items()
            for posting in moved(MARKET, book, currency, cash)
        )
        text = activity.text or (activity.symbol or "")
        return Entry(_KINDS[activity.kind], reference, at, postings, text)
    return None


def _holders(balances: Balances, symbol: str | None) -> dict[str, Decimal]:
    """Long holdings by book: who is paid; all books of a symbol have one sign in one account."""
    if symbol is None:
        return {}
    return {
        book: held[symbol]
        for book, held in sorted(balances.items())
        if book not in OTHER_SIDES and held.get(symbol, ZERO) > 0
    }


def _split(activity: Activity, holders: Mapping[str, Decimal], reference: str) -> Entry | None:
    if activity.symbol is None or not holders:
        return None
    change = activity.quantity
    if change is None:
        if activity.ratio is None:
            return None
        change = sum(holders.values(), ZERO) * (activity.ratio - 1)
    given = shared_out(change, holders, _SHARE)
    postings = tuple(
        posting
        for book, quantity in given.items()
        for posting in moved(MARKET, book, activity.symbol, quantity)
    )
    ratio = "" if activity.ratio is None else f" {activity.ratio.normalize():f} for 1"
    return Entry("split", reference, activity.at, postings, f"{activity.symbol}{ratio}")


def _rename(activity: Activity, holders: Mapping[str, Decimal], reference: str) -> Entry | None:
    old, new = activity.symbol, activity.new_symbol
    if old is None or new is None or not holders:
        return None
    postings: list[Posting] = []
    for book, quantity in holders.items():
        postings += moved(book, MARKET, old, quantity)
        postings += moved(MARKET, book, new, quantity)
    return Entry("rename", reference, activity.at, tuple(postings), f"{old} is {new}")
