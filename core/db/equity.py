"""What books were worth: every few minutes, and once a session with what it says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, Select, Table, delete, func, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from core.db.live_tables import equity_points, snapshots
from core.db.session import transaction
from core.portfolio.equity import TOTAL, EquityPoint, Snapshot


class Equity:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_points(self, account_id: UUID, points: Iterable[EquityPoint]) -> None:
        """One for each book and instant; a second one changes the first."""
        rows = [{"account_id": account_id, **asdict(point)} for point in points]
        if not rows:
            return
        query = insert(equity_points).values(rows)
        fresh = {name: query.excluded[name] for name in ("equity", "cash", "stale")}
        with transaction(self._engine) as db:
            db.execute(
                query.on_conflict_do_update(index_elements=equity_points.primary_key, set_=fresh)
            )

    def points(
        self, account_id: UUID, *, books: Sequence[str] | None = None, since: datetime | None = None
    ) -> tuple[EquityPoint, ...]:
        """Oldest first."""
        table = equity_points.c
        query = select(table.book, table.at, table.equity, table.cash, table.stale).where(
            table.account_id == account_id
        )
        if books is not None:
            query = query.where(table.book.in_(list(books)))
        if since is not None:
            query = query.where(table.at >= since)
        with transaction(self._engine) as db:
            rows = db.execute(query.order_by(table.at, table.book)).mappings()
            return tuple(EquityPoint(**row) for row in rows)

    def latest(self, account_id: UUID) -> dict[str, EquityPoint]:
        """The newest point of each book."""
        table = equity_points.c
        columns = (table.book, table.at, table.equity, table.cash, table.stale)
        query = _newest_of_each(equity_points, account_id, columns, table.at)
        with transaction(self._engine) as db:
            return {row["book"]: EquityPoint(**row) for row in db.execute(query).mappings()}

    def put_snapshots(self, account_id: UUID, made: Iterable[Snapshot]) -> None:
        """One for each book and session; a second one is an update."""
        rows = [_row(account_id, one) for one in made]
        if not rows:
            return
        query = insert(snapshots).values(rows)
        names = [c.name for c in snapshots.c if not c.primary_key]
        fresh = {name: query.excluded[name] for name in names}
        with transaction(self._engine) as db:
            db.execute(
                query.on_conflict_do_update(index_elements=snapshots.primary_key, set_=fresh)
            )

    def snapshots(
        self,
        account_id: UUID,
        *,
        books: Sequence[str] | None = None,
        since: date | None = None,
        metrics: bool = False,
    ) -> tuple[Snapshot, ...]:
        """Oldest first; metrics and weights only where asked for."""
        columns = [c for c in snapshots.c if metrics or c.name not in ("metrics", "weights")]
        query = select(*columns).where(snapshots.c.account_id == account_id)
        if books is not None:
            query = query.where(snapshots.c.book.in_(list(books)))
        if since is not None:
            query = query.where(snapshots.c.session >= since)
        with transaction(self._engine) as db:
            rows = db.execute(query.order_by(snapshots.c.session, snapshots.c.book)).mappings()
            return tuple(_snapshot(row) for row in rows)

    def latest_snapshots(
        self,
        account_id: UUID,
        *,
        before: date | None = None,
        metrics: Sequence[str] | None = None,
    ) -> dict[str, Snapshot]:
        """The newest of each book, of a session before ``before`` where that is given.

        With all its metrics and weights, or with these ``metrics`` only: what many strategies
        together have of both is a lot to read every few seconds.
        """
        columns: list[ColumnElement[Any]] = [c for c in snapshots.c if c.name != "account_id"]
        if metrics is not None:
            pairs = [part for name in metrics for part in (name, snapshots.c.metrics[name])]
            some = func.jsonb_build_object(*pairs).label("metrics")
            big = (snapshots.c.metrics, snapshots.c.weights, snapshots.c.account_id)
            columns = [*(c for c in snapshots.c if c not in set(big)), some]
        query = _newest_of_each(
            snapshots,
            account_id,
            columns,
            snapshots.c.session,
            true() if before is None else snapshots.c.session < before,
        )
        with transaction(self._engine) as db:
            return {row["book"]: _snapshot(row) for row in db.execute(query).mappings()}

    def total(self, account_id: UUID) -> EquityPoint | Snapshot | None:
        """What all of the account was worth when that was last read, at a close or in between."""
        found = (
            self.latest(account_id).get(TOTAL),
            self.latest_snapshots(account_id, metrics=()).get(TOTAL),
        )
        return max((one for one in found if one), key=lambda one: one.at, default=None)

    def growths(self, account_id: UUID, since: date) -> dict[str, list[float]]:
        """Growth of one unit of each book, session after session, the oldest first."""
        line = aggregate_order_by(snapshots.c.growth, snapshots.c.session)
        query = (
            select(snapshots.c.book, func.array_agg(line))
            .where(snapshots.c.account_id == account_id, snapshots.c.session >= since)
            .group_by(snapshots.c.book)
        )
        with transaction(self._engine) as db:
            return {row[0]: row[1] for row in db.execute(query)}

    def thin_points(self, keep: timedelta) -> int:
        """Delete points older than that: the daily snapshots say the rest."""
        query = delete(equity_points).where(equity_points.c.at < func.now() - keep)
        with transaction(self._engine) as db:
            return db.execute(query).rowcount


def _newest_of_each(
    table: Table,
    account_id: UUID,
    columns: Sequence[ColumnElement[Any]],
    when: ColumnElement[Any],
    only: ColumnElement[bool] | None = None,
) -> Select[Any]:
    """The newest row of each book: one step in the index for a book, however many rows it has."""
    mine = table.c.account_id == account_id
    books = select(func.min(table.c.book).label("book")).where(mine).cte(recursive=True)
    following = select(func.min(table.c.book)).where(mine, table.c.book > books.c.book)
    books = books.union_all(select(following.scalar_subquery()).where(books.c.book.is_not(None)))
    newest = (
        select(*columns)
        .where(mine, table.c.book == books.c.book, true() if only is None else only)
        .order_by(when.desc())
        .limit(1)
        .lateral()
    )
    return select(newest).select_from(books.join(newest, true()))


def _row(account_id: UUID, one: Snapshot) -> dict[str, Any]:
    row = {"account_id": account_id, **asdict(one)}
    row["return"] = row.pop("result")
    return row


def _snapshot(row: Mapping[Any, Any]) -> Snapshot:
    values = {name: row[name] for name in row if name != "account_id"}
    values["result"] = values.pop("return")
    return Snapshot(**values)
