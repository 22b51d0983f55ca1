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

    What was filled beyond the order's quantity belongs to nobody's plan: it is taken up as
    external.
    """
    at = view.updated_at or order.updated_at
    before = {id(part): part for part in parts}
    after, beyond = split_fill(parts, view.filled_quantity, view.filled_cash, step)
    sign = 1 if order.side == "buy" else -1
    postings: list[Posting] = []
    for old, new in zip(before.values(), after, strict=True):
        quantity = new.booked_quantity - old.booked_quantity
        cash = new.booked_cash - old.booked_cash
        postings += traded(new.book, order.symbol, sign * quantity, -sign * cash, currency)
    if beyond:
        spent = sum((part.booked_cash for part in after), ZERO)
        postings += traded(
            EXTERNAL, order.symbol, sign * beyond, -sign * (view.filled_cash - spent), currency
        )
    if not postings:
        return after, ()
    reference = f"order:{order.client_order_id}:{view.filled_quantity.normalize():f}"
    entry = Entry("trade", reference, at, tuple(postings), session=order.session)
    return after, (entry,)
