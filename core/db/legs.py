"""Legs: what each strategy was to trade of an order, and what became of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Engine, Text, cast, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from core.db.live_tables import (
    decisions,
    ledger_entries,
    ledger_postings,
    order_parts,
    orders,
)
from core.db.session import transaction
from core.portfolio.ledger import ZERO
from core.portfolio.records import Leg


def newest_legs(
    engine: Engine, account_id: UUID, books: Collection[str], since: date
) -> tuple[Leg, ...]:
    """Of each of these strategies and each symbol the leg that was recorded last, in that session
    or later."""
    order, part = orders.c, order_parts.c
    query = (
        select(
            part.book, order.symbol, order.side, order.session, order.created_at, order.state,
            order.status, order.cancel_asked_at.is_not(None), part.quantity - part.booked_quantity,
            decisions.c.flow_hash, order.slot,
        )
        .join(orders, order.id == part.order_id)
        .join(
            decisions,
            (decisions.c.window_id == order.window_id)
            & (cast(decisions.c.deployment_id, Text) == part.book),
        )
        .where(
            order.account_id == account_id,
            order.session >= since,
            part.book.in_(list(books)),
        )
        .ext(distinct_on(part.book, order.symbol))
        .order_by(part.book, order.symbol, order.created_at.desc())
    )  # fmt: skip
    found: list[Leg] = []
    with transaction(engine) as db:
        for *values, slot in db.execute(query):
            leg = Leg(*values)
            entry, posting = ledger_entries.c, ledger_postings.c
            inside = (
                select(func.coalesce(func.sum(posting.amount), 0))
                .join(ledger_entries, entry.id == posting.entry_id)
                .where(
                    entry.account_id == account_id,
                    entry.kind == "cross",
                    entry.at >= leg.at,
                    # Its own window's crosses were taken off before the order was made.
                    entry.reference != f"cross:{leg.session}:{slot}",
                    posting.book == leg.book,
                    posting.asset == leg.symbol,
                )
            )
            crossed = db.execute(inside).scalar_one() if leg.missing else ZERO
            found.append(replace(leg, crossed=Decimal(crossed)))
    return tuple(found)
