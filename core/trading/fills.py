"""Fills: what the broker shows of an order becomes ledger entries, once, however it comes.

The broker's view is cumulative. A fill's entry is named after its order and the quantity filled so
far, so that the same view twice, from a stream and a poll, books once.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from core.brokers.base import BrokerOrder
from core.portfolio.ledger import EXTERNAL, ZERO, Entry, Posting, traded
from core.portfolio.netting import Part, split_fill
from core.portfolio.records import OrderRecord


def entries_of_fill(
    order: OrderRecord, view: BrokerOrder, parts: Sequence[Part], *, step: Decimal, currency: str
) -> tuple[tuple[Part, ...], tuple[Entry, ...]]:
    """The parts after the broker showed ``view``, and the entry of what is new in it.

    ``order`` is the record before that view. What was filled beyond the order's quantity belongs to
    nobody's plan: it is taken up as external.
    """
    at = view.updated_at or order.updated_at
    before = {id(part): part for part in parts}
    after = split_fill(parts, view.filled_quantity, view.filled_cash, step)
    beyond = _beyond(view.filled_quantity, after) - _beyond(order.filled_quantity, parts)
    sign = 1 if order.side == "buy" else -1
    postings: list[Posting] = []
    for old, new in zip(before.values(), after, strict=True):
        quantity = new.booked_quantity - old.booked_quantity
        cash = new.booked_cash - old.booked_cash
        postings += traded(new.book, order.symbol, sign * quantity, -sign * cash, currency)
    if beyond:
        cash = _nobodys(view.filled_cash, after)
        if _beyond(order.filled_quantity, parts):
            cash -= _nobodys(order.filled_cash, parts)
        postings += traded(EXTERNAL, order.symbol, sign * beyond, -sign * cash, currency)
    if not postings:
        return after, ()
    reference = f"order:{order.client_order_id}:{view.filled_quantity.normalize():f}"
    entry = Entry("trade", reference, at, tuple(postings), session=order.session)
    return after, (entry,)


def _beyond(filled: Decimal, parts: Sequence[Part]) -> Decimal:
    """How much more was filled than all parts together."""
    return max(filled - sum((part.quantity for part in parts), ZERO), ZERO)


def _nobodys(cash: Decimal, parts: Sequence[Part]) -> Decimal:
    """Cash of fills that no part was booked."""
    return cash - sum((part.booked_cash for part in parts), ZERO)
