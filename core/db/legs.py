"""Legs: what each strategy was to trade of an order, and what became of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, Subquery, Text, case, cast, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from core.db.live_tables import (
    decisions,
    ledger_entries,
    ledger_postings,
    order_parts,
    orders,
)
from core.db.session import transaction
from core.portfolio.records import Leg


def newest_legs(
    engine: Engine, account_id: UUID, books: Collection[str], since: date
) -> tuple[Leg, ...]:
    """Of each of these strategies and each symbol the leg that was recorded last, in that session
    or later."""
    order, part = orders.c, order_parts.c
    newest = (
        select(
            part.book, order.symbol, order.side, order.session, order.created_at, order.state,
            order.status, order.cancel_asked_at.is_not(None).label("called_off"),
            (part.quantity - part.booked_quantity).label("missing"), decisions.c.flow_hash,
            order.slot,
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
    ).subquery()  # fmt: skip
    columns = [column for column in newest.c if column.name != "slot"]
    crossed = case((newest.c.missing != 0, _crossed_since(newest, account_id)), else_=0)
    with transaction(engine) as db:
        return tuple(Leg(*row) for row in db.execute(select(*columns, crossed)))


def _crossed_since(leg: Subquery, account_id: UUID) -> ColumnElement[int]:
    """What its strategy traded of its symbol inside since, signed."""
    entry, posting = ledger_entries.c, ledger_postings.c
    # Its own window's crosses were taken off before the order was made.
    own = func.concat("cross:", func.to_char(leg.c.session, "YYYY-MM-DD"), ":", leg.c.slot)
    return (
        select(func.coalesce(func.sum(posting.amount), 0))
        .join(ledger_entries, entry.id == posting.entry_id)
        .where(
            entry.account_id == account_id,
            entry.kind == "cross",
            entry.at >= leg.c.created_at,
            entry.reference != own,
            posting.book == leg.c.book,
            posting.asset == leg.c.symbol,
        )
        .scalar_subquery()
    )
