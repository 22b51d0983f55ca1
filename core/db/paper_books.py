"""The built-in broker's books in Postgres: one account's rows, locked while they are used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from core.brokers.base import Activity
from core.brokers.paper import PaperBook, PaperOrder, PaperPosition
from core.db.live_tables import (
    paper_accounts,
    paper_activities,
    paper_orders,
    paper_positions,
)
from core.db.session import transaction


class PaperBooks:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def locked(self, account_id: UUID, opening: Decimal) -> Iterator[PaperBook]:
        with transaction(self._engine) as db:
            begun = insert(paper_accounts).values(account_id=account_id, cash=opening)
            db.execute(begun.on_conflict_do_nothing())
            row = db.execute(
                select(paper_accounts)
                .where(paper_accounts.c.account_id == account_id)
                .with_for_update()
            ).one()
            book = _Book(db, account_id, row.cash, row.actions_until)
            yield book
            if (book.cash, book.actions_until) != (row.cash, row.actions_until):
                db.execute(
                    update(paper_accounts)
                    .where(paper_accounts.c.account_id == account_id)
                    .values(cash=book.cash, actions_until=book.actions_until)
                )


class _Book:
    def __init__(
        self, db: Connection, account_id: UUID, cash: Decimal, actions_until: date | None
    ) -> None:
        self._db, self._id = db, account_id
        self.cash, self.actions_until = cash, actions_until

    def positions(self) -> dict[str, PaperPosition]:
        table = paper_positions.c
        query = select(table.symbol, table.quantity, table.average_price).where(
            table.account_id == self._id
        )
        return {row[0]: PaperPosition(row[1], row[2]) for row in self._db.execute(query)}

    def position(self, symbol: str) -> PaperPosition | None:
        table = paper_positions.c
        query = select(table.quantity, table.average_price).where(
            table.account_id == self._id, table.symbol == symbol
        )
        row = self._db.execute(query).one_or_none()
        return None if row is None else PaperPosition(row[0], row[1])

    def order(self, client_order_id: str) -> PaperOrder | None:
        query = select(paper_orders).where(
            paper_orders.c.account_id == self._id,
            paper_orders.c.client_order_id == client_order_id,
        )
        row = self._db.execute(query).mappings().one_or_none()
        return None if row is None else _order(row)

    def open_orders(self) -> tuple[PaperOrder, ...]:
        query = select(paper_orders).where(
            paper_orders.c.account_id == self._id,
            paper_orders.c.state.in_(("accepted", "partially_filled")),
        )
        rows = self._db.execute(query.order_by(paper_orders.c.number)).mappings()
        return tuple(_order(row) for row in rows)

    def orders_since(self, since: datetime) -> tuple[PaperOrder, ...]:
        query = select(paper_orders).where(
            paper_orders.c.account_id == self._id, paper_orders.c.submitted_at >= since
        )
        rows = self._db.execute(query.order_by(paper_orders.c.number)).mappings()
        return tuple(_order(row) for row in rows)

    def add_order(self, order: PaperOrder) -> PaperOrder:
        values = {**asdict(order), "account_id": self._id}
        del values["number"]
        query = insert(paper_orders).values(values).returning(paper_orders)
        return _order(self._db.execute(query).mappings().one())

    def put_order(self, order: PaperOrder) -> None:
        self._db.execute(
            update(paper_orders)
            .where(paper_orders.c.number == order.number)
            .values(
                state=order.state,
                filled_quantity=order.filled_quantity,
                filled_cash=order.filled_cash,
                updated_at=order.updated_at,
            )
        )

    def put_position(self, symbol: str, position: PaperPosition | None) -> None:
        key = {"account_id": self._id, "symbol": symbol}
        if position is None:
            table = paper_positions.c
            here = (table.account_id == self._id) & (table.symbol == symbol)
            self._db.execute(delete(paper_positions).where(here))
            return
        row = insert(paper_positions).values(**key, **asdict(position))
        self._db.execute(
            row.on_conflict_do_update(
                index_elements=paper_positions.primary_key, set_=asdict(position)
            )
        )

    def activities(self, after: datetime) -> tuple[Activity, ...]:
        table = paper_activities
        query = select(table).where(table.c.account_id == self._id, table.c.at > after)
        rows = self._db.execute(query.order_by(table.c.at, table.c.id)).mappings()
        return tuple(
            Activity(**{name: row[name] for name in row if name != "account_id"}) for row in rows
        )

    def add_activity(self, activity: Activity) -> bool:
        row: dict[str, Any] = {
            "account_id": self._id,
            "id": activity.id,
            "kind": activity.kind,
            "at": activity.at,
            "symbol": activity.symbol,
            "cash": activity.cash,
            "quantity": activity.quantity,
            "ratio": activity.ratio,
        }
        query = insert(paper_activities).values(row).on_conflict_do_nothing()
        return bool(self._db.execute(query).rowcount)


def _order(row: Any) -> PaperOrder:
    return PaperOrder(**{name: row[name] for name in row if name != "account_id"})
