"""What books were worth: every few minutes, and once a session with what it says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from core.db.live_tables import equity_points, snapshots
from core.db.session import transaction
from core.portfolio.equity import EquityPoint, Snapshot


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
        query = (
            select(table.book, table.at, table.equity, table.cash, table.stale)
            .ext(distinct_on(table.book))
            .where(table.account_id == account_id)
            .order_by(table.book, table.at.desc())
        )
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

    def latest_snapshots(self, account_id: UUID) -> dict[str, Snapshot]:
        """The newest of each book, with its metrics."""
        query = (
            select(snapshots)
            .ext(distinct_on(snapshots.c.book))
            .where(snapshots.c.account_id == account_id)
            .order_by(snapshots.c.book, snapshots.c.session.desc())
        )
        with transaction(self._engine) as db:
            return {row["book"]: _snapshot(row) for row in db.execute(query).mappings()}

    def thin_points(self, keep: timedelta) -> int:
        """Delete points older than that: the daily snapshots say the rest."""
        query = delete(equity_points).where(equity_points.c.at < func.now() - keep)
        with transaction(self._engine) as db:
            return db.execute(query).rowcount


def _row(account_id: UUID, one: Snapshot) -> dict[str, Any]:
    row = {"account_id": account_id, **asdict(one)}
    row["return"] = row.pop("result")
    return row


def _snapshot(row: Mapping[Any, Any]) -> Snapshot:
    values = {name: row[name] for name in row if name != "account_id"}
    values["result"] = values.pop("return")
    return Snapshot(**values)
